// One token in one block: the norm, the router's product and its choice. A warp takes two experts at once.
// Constants: T, D, E, K, EPS (the bits of an f32), THREADS.
__shared__ __align__(16) T held[D];
__shared__ T seen[E];
const int lane = threadIdx.x % 32;
const int warp = threadIdx.x / 32;
gptoss::load_normed<D, THREADS>(x, norm, __int_as_float(EPS), held);
for (int d = threadIdx.x; d < D; d += THREADS) {
  normed[d] = held[d];
}
for (int expert = 2 * warp; expert < E; expert += THREADS / 16) {
  const int count = min(2, E - expert);
  // The last of an odd number is computed twice.
  const size_t stride = count == 2 ? D : 0;
  float sums[2];
  gptoss::row_dots<D, 2>(weight + static_cast<size_t>(expert) * D, stride, held, lane, sums);
  if (lane < count) {
    const float sum = lane == 0 ? sums[0] : sums[1];
    seen[expert + lane] = static_cast<T>(sum + static_cast<float>(bias[expert + lane]));
    logits[expert + lane] = seen[expert + lane];
  }
}
__syncthreads();
if (warp == 0) {
  gptoss::choose<E, K>(seen, experts, shares, lane);
}
