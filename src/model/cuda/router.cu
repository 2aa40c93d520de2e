// A warp a token: the K largest of E logits, equal ones by ascending expert, and the softmax over them.
// Constants: E, K.
constexpr int HELD = (E + 31) / 32;
const int lane = threadIdx.x;
const size_t token = blockIdx.x;
float held[HELD];
bool is_free[HELD];
#pragma unroll
for (int n = 0; n < HELD; ++n) {
  const int expert = lane + 32 * n;
  is_free[n] = expert < E;
  held[n] = is_free[n] ? static_cast<float>(logits[token * E + expert]) : 0.0f;
}
float chosen[K];
float sum = 0.0f;
for (int k = 0; k < K; ++k) {
  float best = -INFINITY;
  int winner = E;
#pragma unroll
  for (int n = 0; n < HELD; ++n) {
    // What cannot be compared comes last, so that there is always a winner.
    const float value = held[n] == held[n] ? held[n] : -INFINITY;
    if (is_free[n] && (winner == E || value > best)) {
      best = value;
      winner = lane + 32 * n;
    }
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, best, step);
    const int rival = __shfl_xor_sync(0xffffffffu, winner, step);
    const bool is_better = other > best || (other == best && rival < winner);
    if (rival < E && (winner == E || is_better)) {
      best = other;
      winner = rival;
    }
  }
  if (winner % 32 == lane) {
    is_free[winner / 32] = false;
  }
  chosen[k] = best;
  sum += __expf(best - chosen[0]);
  if (lane == 0) {
    experts[token * K + k] = winner;
  }
}
if (lane < K) {
  shares[token * K + lane] = static_cast<T>(__expf(chosen[lane] - chosen[0]) / sum);
}
