// A token's experts, weighted and added to the residual. Threads: x over values, blocks y over tokens.
// Constants: D, K.
const int d = blockIdx.x * blockDim.x + threadIdx.x;
if (d < D) {
  const size_t token = blockIdx.y;
  float sum = static_cast<float>(residual[token * D + d]);
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const size_t pair = token * K + k;
    sum = fmaf(static_cast<float>(shares[pair]), static_cast<float>(outputs[pair * D + d]), sum);
  }
  out[token * D + d] = static_cast<T>(sum);
}
