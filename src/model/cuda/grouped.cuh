// Pieces of a product on tensor cores: asynchronous copies, matrix loads, and MXFP4 to bf16.

namespace gptoss {

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void copy_async(unsigned to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from));
}

__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;");
}

template <int NEWER>
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(NEWER));
}

// Four 8x8 matrices of bf16; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], unsigned from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from));
}

// c[16, 8] += a[16, 16] b[16, 8].
__device__ __forceinline__ void multiply(
    float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Rows of 128 bytes in 8 chunks, shuffled so that a column of chunks lies in all banks.
__device__ __forceinline__ unsigned place(int row, int chunk) {
  return row * 128 + ((chunk ^ (row & 7)) << 4);
}

__device__ __forceinline__ unsigned scaled(unsigned bits, __nv_bfloat162 scale) {
  // The weight's bits in the right place of a bf16 are the weight times 2^-126.
  const unsigned pair = ((bits & 0x00080008u) << 12) | ((bits & 0x00070007u) << 6);
  const unsigned lift = 0x7e807e80u;
  const __nv_bfloat162 value = __hmul2(
      __hmul2(*reinterpret_cast<const __nv_bfloat162*>(&pair),
              *reinterpret_cast<const __nv_bfloat162*>(&lift)),
      scale);
  return *reinterpret_cast<const unsigned*>(&value);
}

// Eight weights, in order.
__device__ __forceinline__ uint4 unpack(unsigned word, __nv_bfloat162 scale) {
  const unsigned p04 = scaled(word, scale);
  const unsigned p15 = scaled(word >> 4, scale);
  const unsigned p26 = scaled(word >> 8, scale);
  const unsigned p37 = scaled(word >> 12, scale);
  return make_uint4(
      __byte_perm(p04, p15, 0x5410),
      __byte_perm(p26, p37, 0x5410),
      __byte_perm(p04, p15, 0x7632),
      __byte_perm(p26, p37, 0x7632));
}

__device__ __forceinline__ __nv_bfloat162 group_scale2(unsigned exponent) {
  const unsigned bits = (exponent << 7) | (exponent << 23);
  return *reinterpret_cast<const __nv_bfloat162*>(&bits);
}

}  // namespace gptoss
