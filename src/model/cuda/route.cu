// One token in one block: the norm, the router's product and its choice. A warp takes two experts at once.
// Constants: T, D, E, K, EPS (the bits of an f32), THREADS.
__shared__ __align__(16) T held[D];
__shared__ T seen[E];
const int lane = threadIdx.x % 32;
const int warp = threadIdx.x / 32;
uint4 ahead[2][4];
// The last of an odd number is computed twice.
int expert = 2 * warp;
const T* rows = weight + static_cast<size_t>(min(expert, E - 1)) * D;
size_t stride = expert + 1 < E ? D : 0;
gptoss::load_ahead<D>(rows, stride, lane, ahead);
gptoss::load_normed<D, THREADS>(x, norm, __int_as_float(EPS), held);
for (int d = threadIdx.x; d < D; d += THREADS) {
  normed[d] = held[d];
}
while (expert < E) {
  float sums[2];
  gptoss::row_dots<D>(rows, stride, ahead, held, lane, sums);
  if (lane < min(2, E - expert)) {
    const float sum = lane == 0 ? sums[0] : sums[1];
    seen[expert + lane] = static_cast<T>(sum + static_cast<float>(bias[expert + lane]));
    logits[expert + lane] = seen[expert + lane];
  }
  expert += THREADS / 16;
  rows = weight + static_cast<size_t>(min(expert, E - 1)) * D;
  stride = expert + 1 < E ? D : 0;
  gptoss::load_ahead<D>(rows, stride, lane, ahead);
}
__syncthreads();
if (warp == 0) {
  gptoss::choose<E, K>(seen, experts, shares, lane);
}
