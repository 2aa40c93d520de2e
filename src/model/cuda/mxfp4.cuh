// MXFP4: groups of 32 weights of 4 bits (sign, two exponent bits, one mantissa bit) with one power of
// two. A lane takes whole groups: 16 bytes of weights and their scale.

namespace gptoss {

// The dot product of a group with 32 values, short of the group's scale.
//
// A weight's bits in the right place of a half float are the weight times 2^-14, also below 1: the
// scale makes up for it.
__device__ __forceinline__ float group_dot(const uint4& packed, const float* x) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
  float sum = 0.0f;
#pragma unroll
  for (int word = 0; word < 4; ++word) {
#pragma unroll
    for (int nibble = 0; nibble < 4; ++nibble) {
      // Two weights at a time, four apart.
      const unsigned bits = words[word] >> (4 * nibble);
      const unsigned halves = ((bits & 0x00080008u) << 12) | ((bits & 0x00070007u) << 9);
      const float2 weights = __half22float2(*reinterpret_cast<const __half2*>(&halves));
      sum = fmaf(weights.x, x[8 * word + nibble], sum);
      sum = fmaf(weights.y, x[8 * word + nibble + 4], sum);
    }
  }
  return sum;
}

// A group's scale, with the 2^14 that group_dot leaves out.
__device__ __forceinline__ float group_scale(unsigned char exponent) {
  return __uint_as_float(static_cast<unsigned>(exponent) << 23) * 16384.0f;
}

// The dot product of a row of `GROUPS` groups with the values that the warp's lanes hold: lane l has
// the groups l, l + 32, ... Every lane gets the sum.
template <int GROUPS, int HELD>
__device__ __forceinline__ float row_dot(
    const uint4* row, const unsigned char* scales, const float (&x)[HELD][32], int lane) {
  float sum = 0.0f;
#pragma unroll
  for (int n = 0; n < HELD; ++n) {
    const int group = lane + 32 * n;
    if (group < GROUPS) {
      sum = fmaf(group_dot(row[group], x[n]), group_scale(scales[group]), sum);
    }
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, step);
  }
  return sum;
}

// Loads the groups of a vector that belong to this lane.
template <int GROUPS, int HELD, typename T>
__device__ __forceinline__ void hold(const T* x, float (&held)[HELD][32], int lane) {
#pragma unroll
  for (int n = 0; n < HELD; ++n) {
    const int group = lane + 32 * n;
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      held[n][i] = group < GROUPS ? static_cast<float>(x[32 * group + i]) : 0.0f;
    }
  }
}

}  // namespace gptoss
