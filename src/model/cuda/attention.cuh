// The pieces of a softmax over keys that are seen one after another.

namespace gptoss {

// Joins (maximum, sum) pairs: the factors for what each side has summed up.
__device__ __forceinline__ float2 join(float& best, float& sum, float other, float other_sum) {
  const float both = fmaxf(best, other);
  // Where nothing was seen the maximum is -inf, and -inf - -inf is not a number.
  const float mine = best == -INFINITY ? 0.0f : __expf(best - both);
  const float its = other == -INFINITY ? 0.0f : __expf(other - both);
  sum = sum * mine + other_sum * its;
  best = both;
  return make_float2(mine, its);
}

}  // namespace gptoss
