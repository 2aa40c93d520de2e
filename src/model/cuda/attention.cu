// One token's attention over its cache. A block takes a query head and a part of the keys; DH / 8 lanes
// take a key, eight values each. With one part the sink joins here, else in merge.cu.
// The cache is a ring or a buffer with room: its first min(position + 1, length) places are filled.
// Constants: T, HQ, HKV, DH, SCALE (the bits of an f32), PARTS, WARPS.
constexpr int LANES = DH / 8;
constexpr int GROUPS = 32 * WARPS / LANES;
const int head = blockIdx.x;
const int part = blockIdx.y;
const int group = threadIdx.x / LANES;
const int lane = threadIdx.x % LANES;
const int capacity = keys_shape[2];
const int filled = min(position[0] + 1, capacity);
const int share = (filled + PARTS - 1) / PARTS;
const int end = min((part + 1) * share, filled);

const size_t start = static_cast<size_t>(head / (HQ / HKV)) * capacity * DH + 8 * lane;
const T* head_keys = keys + start;
const T* head_values = values + start;
const uint4 query = *reinterpret_cast<const uint4*>(queries + head * DH + 8 * lane);

float best = -INFINITY;
float sum = 0.0f;
float seen[8] = {};
// All lanes go on together, as they exchange values; what lies past the end counts as unseen.
for (int first = part * share; first < end; first += GROUPS) {
  const int key = first + group;
  const bool is_there = key < end;
  const size_t place = static_cast<size_t>(is_there ? key : first) * DH;
  const uint4 its_key = *reinterpret_cast<const uint4*>(head_keys + place);
  const uint4 its_value = *reinterpret_cast<const uint4*>(head_values + place);
  float score = gptoss::dot_eight(query, its_key, 0.0f);
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) {
    score += __shfl_xor_sync(0xffffffffu, score, step);
  }
  score = is_there ? score * __int_as_float(SCALE) : -INFINITY;
  const float2 factors = gptoss::join(best, sum, score, 1.0f);
  const unsigned words[4] = {its_value.x, its_value.y, its_value.z, its_value.w};
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    const float low = __uint_as_float(words[word] << 16);
    const float high = __uint_as_float(words[word] & 0xffff0000u);
    seen[2 * word] = seen[2 * word] * factors.x + low * factors.y;
    seen[2 * word + 1] = seen[2 * word + 1] * factors.x + high * factors.y;
  }
}

__shared__ float bests[GROUPS];
__shared__ float sums[GROUPS];
__shared__ float all[GROUPS][DH];
if (lane == 0) {
  bests[group] = best;
  sums[group] = sum;
}
#pragma unroll
for (int i = 0; i < 8; ++i) {
  all[group][8 * lane + i] = seen[i];
}
__syncthreads();
for (int d = threadIdx.x; d < DH; d += 32 * WARPS) {
  float most = PARTS == 1 ? static_cast<float>(sinks[head]) : -INFINITY;
  float total = PARTS == 1 ? 1.0f : 0.0f;
  float mean = 0.0f;
  for (int g = 0; g < GROUPS; ++g) {
    const float2 factors = gptoss::join(most, total, bests[g], sums[g]);
    mean = mean * factors.x + all[g][d] * factors.y;
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
