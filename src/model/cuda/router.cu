// A warp a token: the choice among its logits. Constants: T, E, K.
const size_t token = blockIdx.x;
gptoss::choose<E, K>(logits + token * E, experts + token * K, shares + token * K, threadIdx.x);
