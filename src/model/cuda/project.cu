// One token: x * W^T + bias + residual. A warp computes a value. Constants: T, D, N, WARPS.
__shared__ __align__(16) T held[D];
const int lane = threadIdx.x % 32;
const int row = min(blockIdx.x * WARPS + threadIdx.x / 32, N - 1);
const T* const weights = weight + static_cast<size_t>(row) * D;
uint4 ahead[1][8];
gptoss::load_ahead<D>(weights, 0, lane, ahead);
for (int c = threadIdx.x; c < D / 8; c += 32 * WARPS) {
  reinterpret_cast<uint4*>(held)[c] = reinterpret_cast<const uint4*>(x)[c];
}
__syncthreads();
float sums[1];
gptoss::row_dots<D>(weights, 0, ahead, held, lane, sums);
if (lane == 0) {
  // Beyond the last row it is computed again.
  const float sum = sums[0] + static_cast<float>(bias[row]);
  out[row] = static_cast<T>(sum + static_cast<float>(residual[row]));
}
