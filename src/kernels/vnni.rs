//! AVX-512 VNNI and VBMI: four products of bytes in each lane are one instruction, 64 table lookups another.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; `Vnni` is the proof that the CPU has them"
)]

use super::avx512::Avx512;
use super::simd::{ByteDots, Kernel};
#[allow(
    clippy::wildcard_imports,
    reason = "the prefixes tell intrinsics apart"
)]
use std::arch::x86_64::*;

/// Proof that the CPU has AVX-512 VNNI and VBMI and BMI2, beside what [`Avx512`] proves; see [`Vnni::detect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Vnni(());

impl Vnni {
    /// The proof, where the CPU and the operating system support the instructions.
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("bmi2");
        found.then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi,avx2,bmi2,fma")]
fn enter<K: Kernel<Avx512>>(isa: Avx512, kernel: K) {
    kernel.run(isa);
}

// As in `avx512`: every block is sound because `self` exists; a `Dots` is only had through an `Avx512`.
impl ByteDots<Avx512> for Vnni {
    fn vectorize<K: Kernel<Avx512>>(self, isa: Avx512, kernel: K) {
        // SAFETY: `isa` and `self` are the proofs that the CPU has the enabled features.
        unsafe { enter(isa, kernel) }
    }

    #[inline(always)]
    fn dot(self, sums: __m512i, weights: __m512i, digits: __m512i) -> __m512i {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_dpbusd_epi32(sums, weights, digits) }
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, words: __m512i) -> __m512i {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_slli_epi32::<BITS>(words) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn nibbles(self, words: __m512i) -> [__m512i; 2] {
        // SAFETY: `self` is the proof.
        unsafe {
            let mask = _mm512_set1_epi8(15);
            let high = _mm512_srli_epi32::<4>(words);
            [_mm512_and_si512(words, mask), _mm512_and_si512(high, mask)]
        }
    }

    #[inline(always)]
    fn lookup_nibbles(self, words: __m512i, table: &[u8; 16]) -> [__m512i; 2] {
        // The permutation reads six bits of a byte: with the table four times over, the upper two are idle.
        // SAFETY: `self` is the proof, and the table holds the sixteen bytes that are read.
        unsafe {
            let table = _mm512_broadcast_i32x4(_mm_loadu_si128(table.as_ptr().cast()));
            let high = _mm512_srli_epi32::<4>(words);
            [
                _mm512_permutexvar_epi8(words, table),
                _mm512_permutexvar_epi8(high, table),
            ]
        }
    }

    #[inline(always)]
    fn powers_of_two(self, bytes: [u8; 4]) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe {
            // Each byte as the upper half of a float, then that half to the four lanes of its quarter.
            let halves = _pdep_u64(u64::from(u32::from_le_bytes(bytes)), 0x7f80_7f80_7f80_7f80);
            let halves = _mm512_castsi128_si512(_mm_cvtsi64_si128(halves as i64));
            let quarter = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
            let places = _mm512_slli_epi32::<16>(quarter);
            _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaa_aaaa, places, halves))
        }
    }

    #[inline(always)]
    fn to_floats(self, words: __m512i) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_cvtepi32_ps(words) }
    }
}
