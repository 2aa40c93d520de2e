// One token: x * W^T + bias + residual. A warp computes a value. Constants: T, D, N, WARPS.
__shared__ __align__(16) T held[D];
const int lane = threadIdx.x % 32;
for (int c = threadIdx.x; c < D / 8; c += 32 * WARPS) {
  reinterpret_cast<uint4*>(held)[c] = reinterpret_cast<const uint4*>(x)[c];
}
__syncthreads();
const int row = blockIdx.x * WARPS + threadIdx.x / 32;
if (row < N) {
  float sums[1];
  gptoss::row_dots<D, 1>(weight + static_cast<size_t>(row) * D, 0, held, lane, sums);
  if (lane == 0) {
    const float sum = sums[0] + static_cast<float>(bias[row]);
    out[row] = static_cast<T>(sum + static_cast<float>(residual[row]));
  }
}
