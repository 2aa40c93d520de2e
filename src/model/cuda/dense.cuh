// Products of bf16 matrices with one vector, which a block holds in shared memory.

namespace gptoss {

__device__ __forceinline__ float warp_sum(float sum) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, step);
  }
  return sum;
}

// Adds the product of two times two bf16 values.
__device__ __forceinline__ float dot_pair(unsigned a, unsigned b, float sum) {
  // A bf16 is the upper half of its f32.
  sum = fmaf(__uint_as_float(a << 16), __uint_as_float(b << 16), sum);
  return fmaf(__uint_as_float(a & 0xffff0000u), __uint_as_float(b & 0xffff0000u), sum);
}

// Adds the product of two times eight bf16 values.
__device__ __forceinline__ float dot_eight(const uint4& a, const uint4& b, float sum) {
  sum = dot_pair(a.x, b.x, sum);
  sum = dot_pair(a.y, b.y, sum);
  sum = dot_pair(a.z, b.z, sum);
  return dot_pair(a.w, b.w, sum);
}

// Eight bf16 values as f32.
__device__ __forceinline__ void widen_eight(const uint4& values, float (&wide)[8]) {
  const unsigned words[4] = {values.x, values.y, values.z, values.w};
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    wide[2 * word] = __uint_as_float(words[word] << 16);
    wide[2 * word + 1] = __uint_as_float(words[word] & 0xffff0000u);
  }
}

// The first AHEAD vectors of each of ROWS rows, `stride` values apart, that a lane takes: asked for
// before it is known what they are multiplied with.
template <int D, int ROWS, int AHEAD, typename T>
__device__ __forceinline__ void load_ahead(
    const T* row, size_t stride, int lane, uint4 (&ahead)[ROWS][AHEAD]) {
#pragma unroll
  for (int n = 0; n < AHEAD; ++n) {
    const int c = lane + 32 * n;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      ahead[r][n] = c < D / 8 ? __ldg(reinterpret_cast<const uint4*>(row + r * stride) + c) : uint4{};
    }
  }
}

// The products of these rows with x, which has D values. Every lane of the warp gets them.
template <int D, int ROWS, int AHEAD, typename T>
__device__ __forceinline__ void row_dots(
    const T* row,
    size_t stride,
    const uint4 (&ahead)[ROWS][AHEAD],
    const T* x,
    int lane,
    float (&sums)[ROWS]) {
  const uint4* values = reinterpret_cast<const uint4*>(x);
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    sums[r] = 0.0f;
  }
#pragma unroll
  for (int n = 0; n < AHEAD; ++n) {
    const int c = lane + 32 * n;
    if (c < D / 8) {
#pragma unroll
      for (int r = 0; r < ROWS; ++r) {
        sums[r] = dot_eight(ahead[r][n], values[c], sums[r]);
      }
    }
  }
#pragma unroll 4
  for (int c = lane + 32 * AHEAD; c < D / 8; c += 32) {
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      const uint4 weights = __ldg(reinterpret_cast<const uint4*>(row + r * stride) + c);
      sums[r] = dot_eight(weights, values[c], sums[r]);
    }
  }
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    sums[r] = warp_sum(sums[r]);
  }
}

// Puts x / rms(x) * weight into shared memory, rounded to the activations' type. All bf16.
template <int D, int THREADS, typename T>
__device__ __forceinline__ void load_normed(const T* x, const T* weight, float eps, T* held) {
  constexpr int VECTORS = D / 8;
  constexpr int MINE = (VECTORS + THREADS - 1) / THREADS;
  __shared__ float parts[THREADS / 32];
  float values[MINE][8];
  uint4 weights[MINE];
  float sum = 0.0f;
#pragma unroll
  for (int n = 0; n < MINE; ++n) {
    const int at = threadIdx.x + n * THREADS;
    const bool is_there = at < VECTORS;
    weights[n] = is_there ? __ldg(reinterpret_cast<const uint4*>(weight) + at) : uint4{};
    widen_eight(is_there ? reinterpret_cast<const uint4*>(x)[at] : uint4{}, values[n]);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      sum = fmaf(values[n][i], values[n][i], sum);
    }
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) {
    parts[threadIdx.x / 32] = sum;
  }
  __syncthreads();
  sum = 0.0f;
#pragma unroll
  for (int part = 0; part < THREADS / 32; ++part) {
    sum += parts[part];
  }
  const float scale = rsqrtf(sum / D + eps);
#pragma unroll
  for (int n = 0; n < MINE; ++n) {
    const int at = threadIdx.x + n * THREADS;
    float factors[8];
    widen_eight(weights[n], factors);
    if (at < VECTORS) {
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        held[8 * at + i] = static_cast<T>(values[n][i] * scale * factors[i]);
      }
    }
  }
  __syncthreads();
}

}  // namespace gptoss
