// Before qkv.cu, for a sliding layer: all blocks together copy the ring but for the slot of the new row.
const int capacity = old_keys_shape[2];
const int slot = position[0] % capacity;
T* const key_rows = keys;
T* const value_rows = values;
const int chunks = HKV * capacity * (DH / 8);
for (int n = blockIdx.x * 32 * WARPS + threadIdx.x; n < chunks; n += gridDim.x * 32 * WARPS) {
  if (n / (DH / 8) % capacity != slot) {
    reinterpret_cast<uint4*>(keys)[n] = reinterpret_cast<const uint4*>(old_keys)[n];
    reinterpret_cast<uint4*>(values)[n] = reinterpret_cast<const uint4*>(old_values)[n];
  }
}
