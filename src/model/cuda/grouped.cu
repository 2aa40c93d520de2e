// The products of sorted pairs with their experts' weights, a tile of BM pairs by 128 columns a block:
// four warps of 64 by 64, or, where experts have few pairs, of BM by 32. Blocks: x over columns, y over
// tiles. Constants: D (inputs), N (the weight's rows), K (experts a token), BM (16, 32, 64, 128), GATED.
// GATED: x is [tokens, D], gathered through `order`; rows are gate and up, out is [pairs, N / 2].
// Else: x is [pairs, D] in sorted order; out is [pairs, N] in the pairs' own order.
constexpr int BN = 128, BK = 64, STAGES = 3, STEPS = D / BK;
constexpr int BYTES_A = BM * 128, BYTES_B = BN * 128;
constexpr int WARPS_M = BM == 128 ? 2 : 1, WARPS_N = 4 / WARPS_M;
// Rows and columns of a warp, and its 16 by 8 tiles.
constexpr int WM = BM / WARPS_M, WN = BN / WARPS_N, MT = WM / 16, NT = WN / 8;
const int expert = tiles[2 * blockIdx.y];
if (expert < 0) {
  return;
}
const int first = tiles[2 * blockIdx.y + 1];
const int rows = min(BM, starts[expert + 1] - first);
const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
const int warp_m = warp / WARPS_N, warp_n = warp % WARPS_N;
extern __shared__ uint4 shared[];
const unsigned shared_a = gptoss::shared_address(shared);
const unsigned shared_b = shared_a + STAGES * BYTES_A;
char* const bytes_b = reinterpret_cast<char*>(shared) + STAGES * BYTES_A;

// What this thread copies of x: one chunk of every sixteenth row.
const int chunk = threadIdx.x % 8;
const __nv_bfloat16* from[BM / 16];
#pragma unroll
for (int j = 0; j < BM / 16; ++j) {
  const int pair = first + min(static_cast<int>(threadIdx.x) / 8 + 16 * j, rows - 1);
  const size_t row = GATED ? order[pair] / K : pair;
  from[j] = x + row * D + chunk * 8;
}
auto copy_x = [&](int step) {
#pragma unroll
  for (int j = 0; j < BM / 16; ++j) {
    const int row = threadIdx.x / 8 + 16 * j;
    gptoss::copy_async(
        shared_a + (step % STAGES) * BYTES_A + gptoss::place(row, chunk), from[j] + step * BK);
  }
};

// What it unpacks of the weight: one row, two groups a step. A warp's columns are half of the gate and
// half of up, those that belong to them.
int weight_row;
if (GATED) {
  const int within = threadIdx.x % WN;
  weight_row = blockIdx.x * (BN / 2) + threadIdx.x / WN * (WN / 2) + within % (WN / 2) +
      within / (WN / 2) * (N / 2);
} else {
  weight_row = min(static_cast<int>(blockIdx.x * BN + threadIdx.x), N - 1);
}
const size_t groups_before = (static_cast<size_t>(expert) * N + weight_row) * (D / 32);
const uint4* packed = reinterpret_cast<const uint4*>(weight) + groups_before;
const unsigned short* exponents =
    reinterpret_cast<const unsigned short*>(scales + groups_before);
uint4 next[2];
unsigned next_exponents;
auto fetch = [&](int step) {
  next[0] = packed[2 * step];
  next[1] = packed[2 * step + 1];
  next_exponents = exponents[step];
};
auto unpack = [&](int step) {
  char* to = bytes_b + (step % 2) * BYTES_B;
#pragma unroll
  for (int g = 0; g < 2; ++g) {
    const __nv_bfloat162 scale = gptoss::group_scale2((next_exponents >> (8 * g)) & 0xff);
    const unsigned words[4] = {next[g].x, next[g].y, next[g].z, next[g].w};
#pragma unroll
    for (int w = 0; w < 4; ++w) {
      *reinterpret_cast<uint4*>(to + gptoss::place(threadIdx.x, 4 * g + w)) =
          gptoss::unpack(words[w], scale);
    }
  }
};

const float bound = static_cast<float>(limit[0]);
float sums[MT][NT][4] = {};
copy_x(0);
gptoss::commit_copies();
if (STEPS > 1) {
  copy_x(1);
}
gptoss::commit_copies();
fetch(0);
unpack(0);
if (STEPS > 1) {
  fetch(1);
}
for (int step = 0; step < STEPS; ++step) {
  gptoss::wait_for_copies<1>();
  __syncthreads();
  if (step + 2 < STEPS) {
    copy_x(step + 2);
  }
  gptoss::commit_copies();
  if (step + 1 < STEPS) {
    unpack(step + 1);
    if (step + 2 < STEPS) {
      fetch(step + 2);
    }
  }
  const unsigned tile_a = shared_a + (step % STAGES) * BYTES_A;
  const unsigned tile_b = shared_b + (step % 2) * BYTES_B;
#pragma unroll
  for (int k = 0; k < BK / 16; ++k) {
    unsigned a[MT][4], b[NT / 2][4];
#pragma unroll
    for (int m = 0; m < MT; ++m) {
      const int row = warp_m * WM + m * 16 + lane % 16;
      gptoss::load_matrices(a[m], tile_a + gptoss::place(row, 2 * k + lane / 16));
    }
#pragma unroll
    for (int n = 0; n < NT / 2; ++n) {
      const int row = warp_n * WN + n * 16 + lane % 8 + lane / 16 * 8;
      gptoss::load_matrices(b[n], tile_b + gptoss::place(row, 2 * k + lane / 8 % 2));
    }
#pragma unroll
    for (int m = 0; m < MT; ++m) {
#pragma unroll
      for (int n = 0; n < NT; ++n) {
        gptoss::multiply(sums[m][n], a[m], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
      }
    }
  }
}

#pragma unroll
for (int m = 0; m < MT; ++m) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = warp_m * WM + m * 16 + half * 8 + lane / 4;
    if (row >= rows) {
      continue;
    }
    if (GATED) {
      __nv_bfloat16* to = out + static_cast<size_t>(first + row) * (N / 2);
#pragma unroll
      for (int n = 0; n < NT / 2; ++n) {
        const int i = blockIdx.x * (BN / 2) + warp_n * (WN / 2) + n * 8 + lane % 4 * 2;
        float values[2];
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const __nv_bfloat16* own = bias + static_cast<size_t>(expert) * N + i + c;
          float gate = sums[m][n][2 * half + c] + static_cast<float>(own[0]);
          float up = sums[m][n + NT / 2][2 * half + c] + static_cast<float>(own[N / 2]);
          gate = fminf(gate, bound);
          up = fmaxf(fminf(up, bound), -bound);
          values[c] = gate / (1.0f + __expf(-1.702f * gate)) * (up + 1.0f);
        }
        *reinterpret_cast<__nv_bfloat162*>(to + i) = __floats2bfloat162_rn(values[0], values[1]);
      }
    } else {
      __nv_bfloat16* to = out + static_cast<size_t>(order[first + row]) * N;
#pragma unroll
      for (int n = 0; n < NT; ++n) {
        const int column = blockIdx.x * BN + warp_n * WN + n * 8 + lane % 4 * 2;
        if (column < N) {
          const __nv_bfloat16* own = bias + static_cast<size_t>(expert) * N + column;
          *reinterpret_cast<__nv_bfloat162*>(to + column) = __floats2bfloat162_rn(
              sums[m][n][2 * half] + static_cast<float>(own[0]),
              sums[m][n][2 * half + 1] + static_cast<float>(own[1]));
        }
      }
    }
  }
}
