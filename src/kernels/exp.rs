//! `e^x` for whole vectors.

use super::simd::Simd;

/// Adding it rounds to a whole number, which then lies in the low bits: 1.5 times 2^23.
const ROUNDER: f32 = 12_582_912.0;

/// ln 2 in two parts; the first has so few bits that its multiples are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -0.000_212_194_44;

/// Below it the result is no normal number any more.
const LOWEST: f32 = -87.0;

/// 1/7!, 1/6! and so on to 1/1!.
const TAYLOR: [f32; 7] = [
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
];

/// `e^x` of each lane for `x` up to 88, to two units in the last place; what is below -87 counts as -87,
/// and NaN stays.
///
/// `x = n ln 2 + r` with whole `n` and `|r| <= ln 2 / 2`, whose series is cut after the seventh power.
#[inline(always)]
pub(super) fn exp<I: Simd>(isa: I, x: I::Floats) -> I::Floats {
    // In this order NaN comes out where `x` is NaN.
    let x = isa.max(isa.splat(LOWEST), x);
    let rounded = isa.mul_add(x, isa.splat(std::f32::consts::LOG2_E), isa.splat(ROUNDER));
    let minus_n = isa.mul(isa.add(rounded, isa.splat(-ROUNDER)), isa.splat(-1.0));
    let r = isa.mul_add(minus_n, isa.splat(LN_2_HIGH), x);
    let r = isa.mul_add(minus_n, isa.splat(LN_2_LOW), r);
    let mut series = isa.splat(TAYLOR[0]);
    for coefficient in &TAYLOR[1..] {
        series = isa.mul_add(series, r, isa.splat(*coefficient));
    }
    let series = isa.mul_add(series, r, isa.splat(1.0));
    isa.mul(series, isa.power_of_two(rounded))
}
