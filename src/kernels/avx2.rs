//! AVX2 with FMA: eight lanes; a 16-entry lookup is two 8-entry ones and a choice by the top bit.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; `Avx2` is the proof that the CPU has them"
)]

use half::bf16;
use std::convert::Infallible;

use super::simd::{Kernel, Simd, e8m0};
#[allow(
    clippy::wildcard_imports,
    reason = "the prefixes tell intrinsics apart"
)]
use std::arch::x86_64::*;

/// Proof that the CPU has AVX2 and FMA; see [`Avx2::detect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, where the CPU and the operating system support the instructions.
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

#[target_feature(enable = "avx2,fma")]
fn enter<K: Kernel<Avx2>>(isa: Avx2, kernel: K) {
    kernel.run(isa);
}

/// One vector of [`Simd::lookup`]: nibble `RIGHT / 4`, whose top bit `LEFT` brings to the sign.
#[inline(always)]
fn pick<const RIGHT: i32, const LEFT: i32>(_: Avx2, words: __m256i, halves: [__m256; 2]) -> __m256 {
    // SAFETY: the first argument is the proof that the CPU has AVX2.
    unsafe {
        // The permutation reads only the low three bits of a lane.
        let index = _mm256_srli_epi32::<RIGHT>(words);
        let low = _mm256_permutevar8x32_ps(halves[0], index);
        let high = _mm256_permutevar8x32_ps(halves[1], index);
        _mm256_blendv_ps(
            low,
            high,
            _mm256_castsi256_ps(_mm256_slli_epi32::<LEFT>(words)),
        )
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE_TOKENS: usize = 2;
    type Floats = __m256;
    type Words = __m256i;
    type Dots = Infallible;

    fn vectorize<K: Kernel<Self>>(self, kernel: K) {
        // SAFETY: `self` is the proof that the CPU has the enabled features.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` is the proof.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32]) -> __m256 {
        let values = &values[..8];
        // SAFETY: `self` is the proof, and the slice holds the eight values that are read.
        unsafe { _mm256_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_bf16_pairs(self, values: &[bf16]) -> [__m256; 2] {
        let values = &values[..16];
        // SAFETY: `self` is the proof, and the slice holds the sixteen values that are read.
        unsafe {
            let pairs = _mm256_loadu_si256(values.as_ptr().cast());
            let odd = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000_u32 as i32));
            [_mm256_slli_epi32::<16>(pairs), odd].map(|floats| _mm256_castsi256_ps(floats))
        }
    }

    #[inline(always)]
    fn load_words(self, words: &[u32]) -> __m256i {
        let words = &words[..8];
        // SAFETY: `self` is the proof, and the slice holds the eight words that are read.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn prefetch<T>(self, values: &[T], distance: usize) {
        let address = values.as_ptr().cast::<i8>().wrapping_add(distance);
        // SAFETY: `self` is the proof; a prefetch is a hint that may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is the proof.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn store(self, values: __m256, to: &mut [f32]) {
        let to = &mut to[..8];
        // SAFETY: `self` is the proof, and the slice has room for the eight values that are written.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), values);
        }
    }

    #[inline(always)]
    fn power_of_two(self, shifted: __m256) -> __m256 {
        // The low bits hold `n`; moved to the exponent's place, one more of 127 makes it the power.
        // SAFETY: `self` is the proof.
        unsafe {
            let exponents = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(exponents, one))
        }
    }

    #[inline(always)]
    fn sum(self, values: __m256) -> f32 {
        // SAFETY: `self` is the proof.
        unsafe {
            let four = _mm_add_ps(
                _mm256_castps256_ps128(values),
                _mm256_extractf128_ps::<1>(values),
            );
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn lookup(self, words: __m256i, table: &[f32; 16]) -> [__m256; 8] {
        let halves = [self.load(&table[..8]), self.load(&table[8..])];
        [
            pick::<0, 28>(self, words, halves),
            pick::<4, 24>(self, words, halves),
            pick::<8, 20>(self, words, halves),
            pick::<12, 16>(self, words, halves),
            pick::<16, 12>(self, words, halves),
            pick::<20, 8>(self, words, halves),
            pick::<24, 4>(self, words, halves),
            pick::<28, 0>(self, words, halves),
        ]
    }

    #[inline(always)]
    fn bytes(self, words: __m256i) -> [__m256; 4] {
        // SAFETY: `self` is the proof.
        unsafe {
            let mask = _mm256_set1_epi32(255);
            [
                _mm256_cvtepi32_ps(_mm256_and_si256(words, mask)),
                _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32::<8>(words), mask)),
                _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32::<16>(words), mask)),
                _mm256_cvtepi32_ps(_mm256_srli_epi32::<24>(words)),
            ]
        }
    }

    #[inline(always)]
    fn quarters(self, values: [f32; 4]) -> __m256 {
        // SAFETY: `self` is the proof, and the array holds the four values that are read.
        unsafe {
            let values = _mm256_castps128_ps256(_mm_loadu_ps(values.as_ptr()));
            _mm256_permutevar8x32_ps(values, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3))
        }
    }

    #[inline(always)]
    fn e8m0(self, bytes: &[u8]) -> __m256 {
        let Some(&[low, high]) = bytes.first_chunk::<2>() else {
            return self.splat(f32::NAN);
        };
        let (low, high) = (e8m0(low), e8m0(high));
        // SAFETY: `self` is the proof.
        unsafe { _mm256_set_m128(_mm_set1_ps(high), _mm_set1_ps(low)) }
    }
}
