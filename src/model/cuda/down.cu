// A warp for each of a token's experts computes the same ROWS outputs; together they give the weighted
// sum with the residual. Blocks: x over outputs, y over tokens. Constants: D, I, K, ROWS.
constexpr int GROUPS = I / 32;
constexpr int HELD = (GROUPS + 31) / 32;
const int lane = threadIdx.x % 32;
const int warp = threadIdx.x / 32;
const int pair = blockIdx.y * K + warp;
const size_t expert = experts[pair];
const float share = static_cast<float>(shares[pair]);
__shared__ float parts[K][ROWS];

float held[HELD][32];
gptoss::hold<GROUPS, HELD>(hidden + static_cast<size_t>(pair) * I, held, lane);

const uint4* rows = reinterpret_cast<const uint4*>(weight) + expert * D * GROUPS;
const unsigned char* row_scales = scales + expert * D * GROUPS;
const int first = blockIdx.x * ROWS;
#pragma unroll 2
for (int r = 0; r < ROWS; ++r) {
  const int d = first + r;
  if (d < D) {
    const size_t row = static_cast<size_t>(d) * GROUPS;
    const float sum = gptoss::row_dot<GROUPS, HELD>(rows + row, row_scales + row, held, lane);
    if (lane == 0) {
      parts[warp][r] = share * (sum + static_cast<float>(bias[expert * D + d]));
    }
  }
}
__syncthreads();
if (threadIdx.x < ROWS && first + threadIdx.x < D) {
  const size_t place = static_cast<size_t>(blockIdx.y) * D + first + threadIdx.x;
  float sum = static_cast<float>(residual[place]);
#pragma unroll
  for (int k = 0; k < K; ++k) {
    sum += parts[k][threadIdx.x];
  }
  out[place] = static_cast<T>(sum);
}
