// After route.cu: appends to the rows of the layers before what this one chose: ids, weights, entropy,
// and the logits where W has room for them. The first warp is still choosing when the others begin.
// Constants: W, FIRST (there are no rows yet).
const int before = FIRST ? 0 : rows_shape[0] * W;
float* const row = recorded + before;
if (warp == 0) {
  if (lane == 0) {
    for (int k = 0; k < K; ++k) {
      row[k] = static_cast<float>(experts[k]);
      row[K + k] = static_cast<float>(shares[k]);
    }
  }
} else {
  for (int n = threadIdx.x - 32; n < before; n += THREADS - 32) {
    recorded[n] = static_cast<float>(rows[n]);
  }
  for (int n = threadIdx.x - 32; n < W - 2 * K - 1; n += THREADS - 32) {
    row[2 * K + 1 + n] = static_cast<float>(seen[n]);
  }
}
if (warp == 1) {
  const float entropy = gptoss::entropy<E>(seen, lane);
  if (lane == 0) {
    row[2 * K] = entropy;
  }
}
