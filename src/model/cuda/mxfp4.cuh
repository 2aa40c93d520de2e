// MXFP4: groups of 32 weights of 4 bits (sign, two exponent bits, one mantissa bit) with one power of
// two. A lane takes a whole group: 16 bytes of weights and their scale. A row's groups are cut into
// slices, a warp each, so that a lane holds the 32 values that meet its group and no more.

namespace gptoss {

constexpr int slices_of(int groups) {
  return (groups + 31) / 32;
}

// The group of a row that a lane of a slice takes. A lane too many takes a neighbour's, with zeros.
struct Place {
  int group;
  bool is_free;
};

template <int GROUPS>
__device__ __forceinline__ Place place_in_row(int slice, int lane) {
  constexpr int LENGTH = (GROUPS + slices_of(GROUPS) - 1) / slices_of(GROUPS);
  const int last = min(LENGTH * (slice + 1), GROUPS) - 1;
  const int group = LENGTH * slice + lane;
  return {min(group, last), group > last};
}

// The 32 bf16 values that meet a group.
template <typename T>
__device__ __forceinline__ void hold(const T* x, Place place, float (&held)[32]) {
  const uint4* values = reinterpret_cast<const uint4*>(x + 32 * place.group);
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    float wide[8];
    widen_eight(place.is_free ? uint4{} : values[n], wide);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      held[8 * n + i] = wide[i];
    }
  }
}

// The dot product of a group with 32 values, short of the group's scale.
//
// A weight's bits in the right place of a half float are the weight times 2^-14, also below 1: the
// scale makes up for it.
__device__ __forceinline__ float group_dot(const uint4& packed, const float (&x)[32]) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
  float sum = 0.0f;
#pragma unroll
  for (int word = 0; word < 4; ++word) {
#pragma unroll
    for (int nibble = 0; nibble < 4; ++nibble) {
      // Two weights at a time, four apart.
      const unsigned bits = words[word];
      const unsigned signs = bits << (12 - 4 * nibble);
      const unsigned sizes = nibble < 3 ? bits << (9 - 4 * nibble) : bits >> 3;
      const unsigned halves = (signs & 0x80008000u) | (sizes & 0x0e000e00u);
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

// A lane's group of eight rows, and their scales.
struct EightGroups {
  uint4 packed[8];
  unsigned char exponents[8];
};

// Asks for the groups `place` of eight rows of `length` groups, of which `row(n)` is the n-th.
template <typename Row>
__device__ __forceinline__ void load_eight(
    const uint4* packed, const unsigned char* scales, int length, Row row, EightGroups& groups) {
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    const size_t start = static_cast<size_t>(row(n)) * length;
    groups.packed[n] = __ldg(packed + start);
    groups.exponents[n] = __ldg(scales + start);
  }
}

__device__ __forceinline__ void eight_dots(
    const EightGroups& groups, const float (&x)[32], float (&sums)[8]) {
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    sums[n] = group_dot(groups.packed[n], x) * group_scale(groups.exponents[n]);
  }
}

// Sums eight values over a warp in nine exchanges; the lane gets that of value `summed_by(lane)`.
__device__ __forceinline__ float eight_sums(float (&sums)[8], int lane) {
#pragma unroll
  for (int width = 4; width > 0; width /= 2) {
    const bool is_upper = lane & (4 * width);
#pragma unroll
    for (int n = 0; n < width; ++n) {
      const float kept = is_upper ? sums[n + width] : sums[n];
      const float given = is_upper ? sums[n] : sums[n + width];
      sums[n] = kept + __shfl_xor_sync(0xffffffffu, given, 4 * width);
    }
  }
  float sum = sums[0];
  sum += __shfl_xor_sync(0xffffffffu, sum, 2);
  sum += __shfl_xor_sync(0xffffffffu, sum, 1);
  return sum;
}

__device__ __forceinline__ int summed_by(int lane) {
  return lane / 4;
}

}  // namespace gptoss
