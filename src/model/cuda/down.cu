// A block computes eight of a token's outputs: the weighted sum over its experts, with the residual. A
// warp takes a slice of one expert's rows. Blocks: x over outputs, y over tokens. Constants: D, I, K.
constexpr int ROWS = 8;
constexpr int GROUPS = I / 32;
constexpr int SLICES = gptoss::slices_of(GROUPS);
__shared__ float parts[K * SLICES][ROWS];
const int lane = threadIdx.x % 32;
const int warp = threadIdx.x / 32;
const int pair = blockIdx.y * K + warp / SLICES;
const int first = blockIdx.x * ROWS;
const gptoss::Place place = gptoss::place_in_row<GROUPS>(warp % SLICES, lane);
const size_t expert = experts[pair];
const uint4* rows = reinterpret_cast<const uint4*>(weight) + expert * D * GROUPS + place.group;
const unsigned char* row_scales = scales + expert * D * GROUPS + place.group;
gptoss::EightGroups groups;
// Beyond the last row it is read again.
const auto row = [&](int n) { return min(first + n, D - 1); };
gptoss::load_eight(rows, row_scales, GROUPS, row, groups);
float held[32];
gptoss::hold(hidden + static_cast<size_t>(pair) * I, place, held);
float sums[ROWS];
gptoss::eight_dots(groups, held, sums);
const float sum = gptoss::eight_sums(sums, lane);
if (lane % 4 == 0) {
  parts[warp][gptoss::summed_by(lane)] = sum;
}
__syncthreads();
const int d = first + threadIdx.x;
if (threadIdx.x < ROWS && d < D) {
  const size_t at = static_cast<size_t>(blockIdx.y) * D + d;
  float total = static_cast<float>(residual[at]);
#pragma unroll
  for (int k = 0; k < K; ++k) {
    const int its_pair = blockIdx.y * K + k;
    float output = static_cast<float>(bias[static_cast<size_t>(experts[its_pair]) * D + d]);
#pragma unroll
    for (int s = 0; s < SLICES; ++s) {
      output += parts[k * SLICES + s][threadIdx.x];
    }
    total = fmaf(static_cast<float>(shares[its_pair]), output, total);
  }
  out[at] = static_cast<T>(total);
}
