// Joins the parts that attention.cu leaves of a head, and its sink. A thread a value.
// Constants: T, DH, PARTS.
const int head = blockIdx.x;
const int d = threadIdx.x;
float most = static_cast<float>(sinks[head]);
float total = 1.0f;
float mean = 0.0f;
for (int part = 0; part < PARTS; ++part) {
  const float* its = parts + (static_cast<size_t>(head) * PARTS + part) * (DH + 2);
  const float2 factors = gptoss::join(most, total, its[DH], its[DH + 1]);
  mean = mean * factors.x + its[d] * factors.y;
}
out[head * DH + d] = static_cast<T>(mean / total);
