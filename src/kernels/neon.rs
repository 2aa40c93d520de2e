//! NEON: four lanes; a 16-entry lookup of floats is one 64-byte table lookup.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; `Neon` is the proof that the CPU has them"
)]

use half::bf16;
use std::convert::Infallible;

use super::simd::{Kernel, Simd, e8m0};
#[allow(
    clippy::wildcard_imports,
    reason = "the prefixes tell intrinsics apart"
)]
use std::arch::aarch64::*;

/// Proof that the CPU has NEON; see [`Neon::detect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// The proof, where the CPU and the operating system support the instructions.
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

#[target_feature(enable = "neon")]
fn enter<K: Kernel<Neon>>(isa: Neon, kernel: K) {
    kernel.run(isa);
}

/// One vector of [`Simd::lookup`]: `index` holds the nibble in its low four bits, anything above.
#[inline(always)]
fn pick(_: Neon, index: uint32x4_t, table: uint8x16x4_t) -> float32x4_t {
    // SAFETY: the first argument is the proof that the CPU has NEON.
    unsafe {
        let nibbles = vandq_u32(index, vdupq_n_u32(15));
        // Byte b of a lane reads byte 4 * nibble + b of the table.
        let addresses = vmlaq_u32(vdupq_n_u32(0x0302_0100), nibbles, vdupq_n_u32(0x0404_0404));
        vreinterpretq_f32_u8(vqtbl4q_u8(table, vreinterpretq_u8_u32(addresses)))
    }
}

impl Simd for Neon {
    const LANES: usize = 4;
    const TILE_TOKENS: usize = 4;
    type Floats = float32x4_t;
    type Words = uint32x4_t;
    type Dots = Infallible;

    fn vectorize<K: Kernel<Self>>(self, kernel: K) {
        // SAFETY: `self` is the proof that the CPU has the enabled feature.
        unsafe { enter(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: `self` is the proof.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32]) -> float32x4_t {
        let values = &values[..4];
        // SAFETY: `self` is the proof, and the slice holds the four values that are read.
        unsafe { vld1q_f32(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_bf16_pairs(self, values: &[bf16]) -> [float32x4_t; 2] {
        let values = &values[..8];
        // SAFETY: `self` is the proof, and the slice holds the eight values that are read.
        unsafe {
            let pairs = vreinterpretq_u32_u16(vld1q_u16(values.as_ptr().cast()));
            let odd = vandq_u32(pairs, vdupq_n_u32(0xffff_0000));
            [vshlq_n_u32::<16>(pairs), odd].map(|floats| vreinterpretq_f32_u32(floats))
        }
    }

    #[inline(always)]
    fn load_words(self, words: &[u32]) -> uint32x4_t {
        let words = &words[..4];
        // SAFETY: `self` is the proof, and the slice holds the four words that are read.
        unsafe { vld1q_u32(words.as_ptr()) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is the proof.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is the proof.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is the proof.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` is the proof.
        unsafe {
            // A comparison, as `vmaxq` would give NaN for either.
            vbslq_f32(vcgtq_f32(a, b), a, b)
        }
    }

    #[inline(always)]
    fn store(self, values: float32x4_t, to: &mut [f32]) {
        let to = &mut to[..4];
        // SAFETY: `self` is the proof, and the slice has room for the four values that are written.
        unsafe {
            vst1q_f32(to.as_mut_ptr(), values);
        }
    }

    #[inline(always)]
    fn power_of_two(self, shifted: float32x4_t) -> float32x4_t {
        // The low bits hold `n`; moved to the exponent's place, one more of 127 makes it the power.
        // SAFETY: `self` is the proof.
        unsafe {
            let exponents = vshlq_n_u32::<23>(vreinterpretq_u32_f32(shifted));
            vreinterpretq_f32_u32(vaddq_u32(exponents, vdupq_n_u32(0x3f80_0000)))
        }
    }

    #[inline(always)]
    fn sum(self, values: float32x4_t) -> f32 {
        // SAFETY: `self` is the proof.
        unsafe { vaddvq_f32(values) }
    }

    #[inline(always)]
    fn lookup(self, words: uint32x4_t, table: &[f32; 16]) -> [float32x4_t; 8] {
        // SAFETY: `self` is the proof, and the table holds the four times four values that are read.
        unsafe {
            let table = uint8x16x4_t(
                vreinterpretq_u8_f32(self.load(&table[..4])),
                vreinterpretq_u8_f32(self.load(&table[4..8])),
                vreinterpretq_u8_f32(self.load(&table[8..12])),
                vreinterpretq_u8_f32(self.load(&table[12..])),
            );
            [
                pick(self, words, table),
                pick(self, vshrq_n_u32::<4>(words), table),
                pick(self, vshrq_n_u32::<8>(words), table),
                pick(self, vshrq_n_u32::<12>(words), table),
                pick(self, vshrq_n_u32::<16>(words), table),
                pick(self, vshrq_n_u32::<20>(words), table),
                pick(self, vshrq_n_u32::<24>(words), table),
                pick(self, vshrq_n_u32::<28>(words), table),
            ]
        }
    }

    #[inline(always)]
    fn bytes(self, words: uint32x4_t) -> [float32x4_t; 4] {
        // SAFETY: `self` is the proof.
        unsafe {
            let mask = vdupq_n_u32(255);
            [
                vcvtq_f32_u32(vandq_u32(words, mask)),
                vcvtq_f32_u32(vandq_u32(vshrq_n_u32::<8>(words), mask)),
                vcvtq_f32_u32(vandq_u32(vshrq_n_u32::<16>(words), mask)),
                vcvtq_f32_u32(vshrq_n_u32::<24>(words)),
            ]
        }
    }

    #[inline(always)]
    fn quarters(self, values: [f32; 4]) -> float32x4_t {
        self.load(&values)
    }

    #[inline(always)]
    fn e8m0(self, bytes: &[u8]) -> float32x4_t {
        self.splat(bytes.first().map_or(f32::NAN, |byte| e8m0(*byte)))
    }
}
