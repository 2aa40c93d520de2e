// The router's choice.

namespace gptoss {

// One warp takes the K largest of E logits, equal ones by ascending expert, and the softmax over them.
template <int E, int K, typename T>
__device__ __forceinline__ void choose(
    const T* logits, unsigned* experts, T* shares, int lane) {
  constexpr int HELD = (E + 31) / 32;
  float held[HELD];
  bool is_free[HELD];
#pragma unroll
  for (int n = 0; n < HELD; ++n) {
    const int expert = lane + 32 * n;
    is_free[n] = expert < E;
    held[n] = is_free[n] ? static_cast<float>(logits[expert]) : 0.0f;
  }
  float chosen[K];
  float sum = 0.0f;
#pragma unroll
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
#pragma unroll
      for (int n = 0; n < HELD; ++n) {
        is_free[n] = is_free[n] && winner / 32 != n;
      }
    }
    chosen[k] = best;
    sum += __expf(best - chosen[0]);
    if (lane == 0) {
      experts[k] = winner;
    }
  }
  if (lane == 0) {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      shares[k] = static_cast<T>(__expf(chosen[k] - chosen[0]) / sum);
    }
  }
}

// One warp computes the entropy of the softmax over E logits, in nats. Lane 0 gets it.
template <int E, typename T>
__device__ __forceinline__ float entropy(const T* logits, int lane) {
  float highest = -INFINITY;
  for (int expert = lane; expert < E; expert += 32) {
    highest = fmaxf(highest, static_cast<float>(logits[expert]));
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, step));
  }
  float total = 0.0f;
  float moment = 0.0f;
  for (int expert = lane; expert < E; expert += 32) {
    const float distance = static_cast<float>(logits[expert]) - highest;
    const float term = expf(distance);
    total += term;
    moment = fmaf(term, distance, moment);
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    total += __shfl_xor_sync(0xffffffffu, total, step);
    moment += __shfl_xor_sync(0xffffffffu, moment, step);
  }
  return logf(total) - moment / total;
}

}  // namespace gptoss
