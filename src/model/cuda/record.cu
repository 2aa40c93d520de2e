// After route.cu: writes down what it chose: ids, weights, entropy, and the logits where the row has room
// for them. `record` is known to MLX as an input; it is the host's memory, see src/model/trace.rs. The
// first warp is still choosing when the others begin.
float* const row = const_cast<float*>(record);
if (warp == 0) {
  if (lane == 0) {
    for (int k = 0; k < K; ++k) {
      row[k] = static_cast<float>(experts[k]);
      row[K + k] = static_cast<float>(shares[k]);
    }
  }
} else if (warp == 1) {
  const float entropy = gptoss::entropy<E>(seen, lane);
  if (lane == 0) {
    row[2 * K] = entropy;
  }
} else {
  for (int n = threadIdx.x - 64; n < record_shape[1] - 2 * K - 1; n += THREADS - 64) {
    row[2 * K + 1 + n] = static_cast<float>(seen[n]);
  }
}
