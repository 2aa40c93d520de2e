// A block computes ROWS values of one token's one expert: gate and up row, bias, clamped SwiGLU. A warp
// takes a slice of each row. Blocks: x over values, y over the token's experts, z over tokens.
// Constants: D, I, K, ROWS (a multiple of 4).
constexpr int GROUPS = D / 32;
constexpr int SLICES = gptoss::slices_of(GROUPS);
__shared__ float parts[SLICES][2 * ROWS];
const int lane = threadIdx.x % 32;
const int slice = threadIdx.x / 32;
const int pair = blockIdx.z * K + blockIdx.y;
const int first = blockIdx.x * ROWS;
const gptoss::Place place = gptoss::place_in_row<GROUPS>(slice, lane);
const size_t expert = experts[pair];
const uint4* rows = reinterpret_cast<const uint4*>(weight) + expert * 2 * I * GROUPS + place.group;
const unsigned char* row_scales = scales + expert * 2 * I * GROUPS + place.group;
// Gates, then what they gate, of four values. Beyond the last one it is read again.
gptoss::EightGroups groups[2];
const auto load = [&](int start, gptoss::EightGroups& into) {
  const auto row = [&](int n) { return min(first + start + n % 4, I - 1) + n / 4 * I; };
  gptoss::load_eight(rows, row_scales, GROUPS, row, into);
};
load(0, groups[0]);
float held[32];
gptoss::hold(x + static_cast<size_t>(blockIdx.z) * D, place, held);
#pragma unroll
for (int start = 0; start < ROWS; start += 4) {
  if (start + 4 < ROWS) {
    load(start + 4, groups[(start / 4 + 1) % 2]);
  }
  float sums[8];
  gptoss::eight_dots(groups[start / 4 % 2], held, sums);
  const float sum = gptoss::eight_sums(sums, lane);
  if (lane % 4 == 0) {
    const int n = gptoss::summed_by(lane);
    parts[slice][start + n % 4 + n / 4 * ROWS] = sum;
  }
}
__syncthreads();
const int i = first + threadIdx.x;
if (threadIdx.x < ROWS && i < I) {
  const float bound = static_cast<float>(limit[0]);
  float gate = static_cast<float>(bias[expert * 2 * I + i]);
  float up = static_cast<float>(bias[expert * 2 * I + I + i]);
#pragma unroll
  for (int s = 0; s < SLICES; ++s) {
    gate += parts[s][threadIdx.x];
    up += parts[s][ROWS + threadIdx.x];
  }
  gate = fminf(gate, bound);
  up = fmaxf(fminf(up, bound), -bound);
  const float gated = gate / (1.0f + __expf(-1.702f * gate));
  out[static_cast<size_t>(pair) * I + i] = static_cast<T>(gated * (up + 1.0f));
}
