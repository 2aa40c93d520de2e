// One token's attention over its cache. A block takes TOGETHER query heads that share keys, and a part of
// these; DH / 8 lanes take a key, eight values each. With one part the sink joins here, else in merge.cu.
// The cache is a ring or a buffer with room: its first min(position + 1, length) places are filled.
// Constants: T, U, HQ, HKV, DH, SCALE (the bits of an f32), PARTS, WARPS, TOGETHER.
constexpr int LANES = DH / 8;
constexpr int GROUPS = 32 * WARPS / LANES;
const int first_head = blockIdx.x * TOGETHER;
const int part = blockIdx.y;
const int group = threadIdx.x / LANES;
const int lane = threadIdx.x % LANES;
const int capacity = keys_shape[2];
const int filled = min(position[0] + 1, capacity);
const int share = (filled + PARTS - 1) / PARTS;
const int end = min((part + 1) * share, filled);

const size_t start = static_cast<size_t>(first_head / (HQ / HKV)) * capacity * DH + 8 * lane;
const T* head_keys = keys + start;
const T* head_values = values + start;
float query[TOGETHER][8];
float seen[TOGETHER][8];
float best[TOGETHER];
float sum[TOGETHER];
#pragma unroll
for (int h = 0; h < TOGETHER; ++h) {
  const T* its_query = queries + (first_head + h) * DH + 8 * lane;
  gptoss::widen_eight(*reinterpret_cast<const uint4*>(its_query), query[h]);
  best[h] = -INFINITY;
  sum[h] = 0.0f;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    query[h][i] *= __int_as_float(SCALE);
    seen[h][i] = 0.0f;
  }
}

// What the next round needs is asked for before this one's sums. All lanes go on together, as they
// exchange values; what lies past the end is not looked at.
uint4 next_key = {};
uint4 next_value = {};
int key = part * share + group;
if (key < end) {
  next_key = *reinterpret_cast<const uint4*>(head_keys + static_cast<size_t>(key) * DH);
  next_value = *reinterpret_cast<const uint4*>(head_values + static_cast<size_t>(key) * DH);
}
for (int first = part * share; first < end; first += GROUPS) {
  const bool is_there = key < end;
  float its_key[8];
  float its_value[8];
  gptoss::widen_eight(next_key, its_key);
  gptoss::widen_eight(next_value, its_value);
  key += GROUPS;
  if (key < end) {
    next_key = *reinterpret_cast<const uint4*>(head_keys + static_cast<size_t>(key) * DH);
    next_value = *reinterpret_cast<const uint4*>(head_values + static_cast<size_t>(key) * DH);
  }
#pragma unroll
  for (int h = 0; h < TOGETHER; ++h) {
    float score = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      score = fmaf(query[h][i], its_key[i], score);
    }
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) {
      score += __shfl_xor_sync(0xffffffffu, score, step);
    }
    if (is_there) {
      if (score > best[h]) {
        // Seldom after the first keys. From -inf on, nothing was seen yet: exp(-inf) is 0.
        const float factor = __expf(best[h] - score);
        best[h] = score;
        sum[h] *= factor;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          seen[h][i] *= factor;
        }
      }
      const float weight = __expf(score - best[h]);
      sum[h] += weight;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        seen[h][i] = fmaf(weight, its_value[i], seen[h][i]);
      }
    }
  }
}

__shared__ float bests[TOGETHER][GROUPS];
__shared__ float sums[TOGETHER][GROUPS];
__shared__ float all[TOGETHER][GROUPS][DH];
#pragma unroll
for (int h = 0; h < TOGETHER; ++h) {
  if (lane == 0) {
    bests[h][group] = best[h];
    sums[h][group] = sum[h];
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    all[h][group][8 * lane + i] = seen[h][i];
  }
}
__syncthreads();
for (int n = threadIdx.x; n < TOGETHER * DH; n += 32 * WARPS) {
  const int h = n / DH;
  const int d = n % DH;
  const int head = first_head + h;
  float most = PARTS == 1 ? static_cast<float>(sinks[head]) : -INFINITY;
  float total = PARTS == 1 ? 1.0f : 0.0f;
  float mean = 0.0f;
  for (int g = 0; g < GROUPS; ++g) {
    const float2 factors = gptoss::join(most, total, bests[h][g], sums[h][g]);
    mean = mean * factors.x + all[h][g][d] * factors.y;
  }
  if (PARTS == 1) {
    out[head * DH + d] = static_cast<U>(mean / total);
  } else {
    const size_t place = (static_cast<size_t>(head) * PARTS + part) * (DH + 2);
    out[place + d] = static_cast<U>(mean);
    if (d == 0) {
      out[place + DH] = static_cast<U>(most);
      out[place + DH + 1] = static_cast<U>(total);
    }
  }
}
