//! The operations in plain Rust, for CPUs without a path of their own; four lanes, as SSE2 has.

use half::bf16;
use std::convert::Infallible;

use super::simd::{Kernel, Simd, e8m0};

#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    const LANES: usize = 4;
    const TILE_TOKENS: usize = 2;
    type Floats = [f32; 4];
    type Words = [u32; 4];
    type Dots = Infallible;

    fn vectorize<K: Kernel<Self>>(self, kernel: K) {
        kernel.run(self);
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    fn load(self, v: &[f32]) -> [f32; 4] {
        [v[0], v[1], v[2], v[3]]
    }

    #[inline(always)]
    fn load_bf16_pairs(self, v: &[bf16]) -> [[f32; 4]; 2] {
        [0, 1].map(|odd| std::array::from_fn(|lane| v[2 * lane + odd].to_f32()))
    }

    #[inline(always)]
    fn load_words(self, w: &[u32]) -> [u32; 4] {
        [w[0], w[1], w[2], w[3]]
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]]
    }

    /// Not fused: without the instruction `f32::mul_add` is a slow library call.
    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn store(self, v: [f32; 4], to: &mut [f32]) {
        to[..4].copy_from_slice(&v);
    }

    #[inline(always)]
    fn power_of_two(self, shifted: [f32; 4]) -> [f32; 4] {
        let one = 1.0_f32.to_bits();
        shifted.map(|value| f32::from_bits((value.to_bits() << 23).wrapping_add(one)))
    }

    #[inline(always)]
    fn sum(self, v: [f32; 4]) -> f32 {
        (v[0] + v[1]) + (v[2] + v[3])
    }

    #[inline(always)]
    fn lookup(self, words: [u32; 4], table: &[f32; 16]) -> [[f32; 4]; 8] {
        let mut out = [[0.0; 4]; 8];
        for (k, vector) in out.iter_mut().enumerate() {
            for (value, word) in vector.iter_mut().zip(words) {
                *value = table[(word >> (4 * k) & 15) as usize];
            }
        }
        out
    }

    #[inline(always)]
    fn bytes(self, words: [u32; 4]) -> [[f32; 4]; 4] {
        let mut out = [[0.0; 4]; 4];
        for (k, vector) in out.iter_mut().enumerate() {
            for (value, word) in vector.iter_mut().zip(words) {
                *value = (word >> (8 * k) & 255) as f32;
            }
        }
        out
    }

    #[inline(always)]
    fn quarters(self, values: [f32; 4]) -> [f32; 4] {
        values
    }

    #[inline(always)]
    fn e8m0(self, bytes: &[u8]) -> [f32; 4] {
        [bytes.first().map_or(f32::NAN, |byte| e8m0(*byte)); 4]
    }
}
