// One token: the norm, queries, keys and values, and the rotation. A warp computes the two values of a
// head that are rotated together, d and d + DH / 2. Key and value go to `slot` of `key_rows` and
// `value_rows`, which have room for `capacity` positions: see in_place.cu and turn_ring.cu.
// Constants: T, D, HQ, HKV, DH, EPS (the bits of an f32), WARPS.
constexpr int HALF = DH / 2;
__shared__ __align__(16) T held[D];
const int lane = threadIdx.x % 32;
const int pair = blockIdx.x * WARPS + threadIdx.x / 32;
const int head = pair / HALF;
const int d = pair % HALF;
const int row = min(head, HQ + 2 * HKV - 1) * DH + d;
const T* const weights = weight + static_cast<size_t>(row) * D;
constexpr size_t STRIDE = static_cast<size_t>(HALF) * D;
uint4 ahead[2][4];
gptoss::load_ahead<D>(weights, STRIDE, lane, ahead);
gptoss::load_normed<D, 32 * WARPS>(x, norm, __int_as_float(EPS), held);
if (head < HQ + 2 * HKV) {
  float sums[2];
  gptoss::row_dots<D>(weights, STRIDE, ahead, held, lane, sums);
  if (lane == 0) {
    // Rounded where a product of its own would be.
    float low = static_cast<float>(static_cast<T>(sums[0] + static_cast<float>(bias[row])));
    float high = static_cast<float>(static_cast<T>(sums[1] + static_cast<float>(bias[row + HALF])));
    T* place = queries + head * DH;
    if (head >= HQ) {
      T* const rows = head < HQ + HKV ? key_rows : value_rows;
      place = rows + (static_cast<size_t>((head - HQ) % HKV) * capacity + slot) * DH;
    }
    if (head < HQ + HKV) {
      float sine, cosine;
      sincosf(static_cast<float>(position[0]) / periods[d], &sine, &cosine);
      const float turned = low * cosine - high * sine;
      high = low * sine + high * cosine;
      low = turned;
    }
    place[d] = static_cast<T>(low);
    place[d + HALF] = static_cast<T>(high);
  }
}
