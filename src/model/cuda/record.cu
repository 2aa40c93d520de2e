// After route.cu: appends to the rows of the layers before what this one chose: ids, weights, entropy,
// and the logits where W has room for them. Constants: W, FIRST (there are no rows yet).
__syncthreads();
const int before = FIRST ? 0 : rows_shape[0] * W;
for (int n = threadIdx.x; n < before; n += THREADS) {
  recorded[n] = static_cast<float>(rows[n]);
}
float* const row = recorded + before;
for (int n = threadIdx.x; n < K; n += THREADS) {
  row[n] = static_cast<float>(experts[n]);
  row[K + n] = static_cast<float>(shares[n]);
}
for (int n = threadIdx.x; n < W - 2 * K - 1; n += THREADS) {
  row[2 * K + 1 + n] = static_cast<float>(seen[n]);
}
if (warp == 0) {
  const float entropy = gptoss::entropy<E>(seen, lane);
  if (lane == 0) {
    row[2 * K] = entropy;
  }
}
