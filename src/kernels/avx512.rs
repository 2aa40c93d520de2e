//! AVX-512 (F, BW, VL): sixteen lanes, and the 16-entry table lookup is one instruction.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; `Avx512` is the proof that the CPU has them"
)]

use half::bf16;

use super::simd::{Kernel, Simd, e8m0};
use super::vnni::Vnni;
#[allow(
    clippy::wildcard_imports,
    reason = "the prefixes tell intrinsics apart"
)]
use std::arch::x86_64::*;

/// Proof that the CPU has AVX-512 F, BW and VL and FMA; see [`Avx512::detect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512 {
    vnni: Option<Vnni>,
}

impl Avx512 {
    /// The proof, where the CPU and the operating system support the instructions; without [`Vnni`].
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("fma");
        found.then_some(Self { vnni: None })
    }

    /// The proof of VNNI as well.
    pub(super) fn detect_vnni() -> Option<Self> {
        Self::detect()?;
        Some(Self {
            vnni: Some(Vnni::detect()?),
        })
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
fn enter<K: Kernel<Avx512>>(isa: Avx512, kernel: K) {
    kernel.run(isa);
}

// Every block below is sound for the same reason, besides what it says itself: `self` exists, so the
// CPU has the instructions.
impl Simd for Avx512 {
    const LANES: usize = 16;
    const TILE_TOKENS: usize = 4;
    type Floats = __m512;
    type Words = __m512i;
    type Dots = Vnni;

    fn vectorize<K: Kernel<Self>>(self, kernel: K) {
        // SAFETY: `self` is the proof that the CPU has the enabled features.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn dots(self) -> Option<Vnni> {
        self.vnni
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32]) -> __m512 {
        let values = &values[..16];
        // SAFETY: `self` is the proof, and the slice holds the sixteen values that are read.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_bf16_pairs(self, values: &[bf16]) -> [__m512; 2] {
        let values = &values[..32];
        // SAFETY: `self` is the proof, and the slice holds the 32 values that are read.
        unsafe {
            let pairs = _mm512_loadu_si512(values.as_ptr().cast());
            let odd = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
            [_mm512_slli_epi32::<16>(pairs), odd].map(|floats| _mm512_castsi512_ps(floats))
        }
    }

    #[inline(always)]
    fn load_words(self, words: &[u32]) -> __m512i {
        let words = &words[..16];
        // SAFETY: `self` is the proof, and the slice holds the sixteen words that are read.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_some_words(self, words: &[u32]) -> __m512i {
        assert!(words.len() <= 16, "more words than lanes");
        let mask = ((1_u32 << words.len()) - 1) as __mmask16;
        // SAFETY: `self` is the proof, and the mask admits only the words of the slice.
        unsafe { _mm512_maskz_loadu_epi32(mask, words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn prefetch<T>(self, values: &[T], distance: usize) {
        let address = values.as_ptr().cast::<i8>().wrapping_add(distance);
        // SAFETY: `self` is the proof; a prefetch is a hint that may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn store(self, values: __m512, to: &mut [f32]) {
        let to = &mut to[..16];
        // SAFETY: `self` is the proof, and the slice has room for the sixteen values that are written.
        unsafe {
            _mm512_storeu_ps(to.as_mut_ptr(), values);
        }
    }

    #[inline(always)]
    fn power_of_two(self, shifted: __m512) -> __m512 {
        // The low bits hold `n`; moved to the exponent's place, one more of 127 makes it the power.
        // SAFETY: `self` is the proof.
        unsafe {
            let exponents = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
            let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
            _mm512_castsi512_ps(_mm512_add_epi32(exponents, one))
        }
    }

    #[inline(always)]
    fn sum(self, values: __m512) -> f32 {
        // SAFETY: `self` is the proof.
        unsafe { _mm512_reduce_add_ps(values) }
    }

    #[inline(always)]
    fn lookup(self, words: __m512i, table: &[f32; 16]) -> [__m512; 8] {
        let table = self.load(table);
        // The permutation reads only the low four bits of a lane, so no mask is needed.
        // SAFETY: `self` is the proof.
        unsafe {
            [
                _mm512_permutexvar_ps(words, table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<4>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<8>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<12>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<16>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<20>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<24>(words), table),
                _mm512_permutexvar_ps(_mm512_srli_epi32::<28>(words), table),
            ]
        }
    }

    #[inline(always)]
    fn bytes(self, words: __m512i) -> [__m512; 4] {
        // SAFETY: `self` is the proof.
        unsafe {
            let mask = _mm512_set1_epi32(255);
            [
                _mm512_cvtepi32_ps(_mm512_and_si512(words, mask)),
                _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32::<8>(words), mask)),
                _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32::<16>(words), mask)),
                _mm512_cvtepi32_ps(_mm512_srli_epi32::<24>(words)),
            ]
        }
    }

    #[inline(always)]
    fn quarters(self, values: [f32; 4]) -> __m512 {
        // SAFETY: `self` is the proof, and the array holds the four values that are read.
        unsafe {
            let values = _mm512_castps128_ps512(_mm_loadu_ps(values.as_ptr()));
            let lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            _mm512_permutexvar_ps(lanes, values)
        }
    }

    #[inline(always)]
    fn e8m0(self, bytes: &[u8]) -> __m512 {
        let Some(&bytes) = bytes.first_chunk::<4>() else {
            return self.splat(f32::NAN);
        };
        if has_zero_byte(u32::from_le_bytes(bytes)) || has_zero_byte(!u32::from_le_bytes(bytes)) {
            return self.quarters(bytes.map(e8m0));
        }
        // The vector units are this loop's bottleneck, so the rare bytes are told apart outside them.
        // SAFETY: `self` is the proof.
        unsafe {
            let bytes = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(i32::from_le_bytes(bytes)));
            let scales = _mm512_castps128_ps512(_mm_castsi128_ps(_mm_slli_epi32::<23>(bytes)));
            let lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
            _mm512_permutexvar_ps(lanes, scales)
        }
    }
}

#[inline(always)]
fn has_zero_byte(word: u32) -> bool {
    word.wrapping_sub(0x0101_0101) & !word & 0x8080_8080 != 0
}
