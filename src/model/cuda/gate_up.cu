// One warp computes ROWS values of one token's one expert: gate and up row, bias, clamped SwiGLU.
// Blocks: x over values, y over the token's experts, z over tokens. Constants: D, I, K, ROWS, WARPS.
constexpr int GROUPS = D / 32;
constexpr int HELD = (GROUPS + 31) / 32;
const int lane = threadIdx.x % 32;
const int warp = threadIdx.x / 32;
const int pair = blockIdx.z * K + blockIdx.y;
const size_t expert = experts[pair];
const float bound = static_cast<float>(limit[0]);

float held[HELD][32];
gptoss::hold<GROUPS, HELD>(x + static_cast<size_t>(blockIdx.z) * D, held, lane);

const uint4* rows = reinterpret_cast<const uint4*>(weight) + expert * 2 * I * GROUPS;
const unsigned char* row_scales = scales + expert * 2 * I * GROUPS;
const int first = (blockIdx.x * WARPS + warp) * ROWS;
#pragma unroll 2
for (int i = first; i < min(first + ROWS, I); ++i) {
  const size_t gate_row = static_cast<size_t>(i) * GROUPS;
  const size_t up_row = static_cast<size_t>(i + I) * GROUPS;
  float gate = gptoss::row_dot<GROUPS, HELD>(rows + gate_row, row_scales + gate_row, held, lane);
  float up = gptoss::row_dot<GROUPS, HELD>(rows + up_row, row_scales + up_row, held, lane);
  if (lane == 0) {
    gate += static_cast<float>(bias[expert * 2 * I + i]);
    up += static_cast<float>(bias[expert * 2 * I + I + i]);
    gate = fminf(gate, bound);
    up = fmaxf(fminf(up, bound), -bound);
    const float gated = gate / (1.0f + __expf(-1.702f * gate));
    out[static_cast<size_t>(pair) * I + i] = static_cast<T>(gated * (up + 1.0f));
  }
}
