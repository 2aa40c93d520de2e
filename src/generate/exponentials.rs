//! Sums over the exponentials of a vocabulary's logits, which is what a distribution costs the host.
//!
//! The standard library's exponential is a call for each of 200,000 logits; the one here is a few
//! multiplications without a branch, in lanes that any CPU's vectors take. Knows numbers only.

/// Added up side by side.
const LANES: usize = 8;

/// Summed in f32 before f64 takes over, so that no digits go.
const BLOCK: usize = 256;

/// Below this an exponential counts as that of this: some 1e-38.
const LOWEST: f32 = -87.0;

/// The sums of what `terms` makes of each value.
pub(super) fn sums<T: Copy, const N: usize>(
    values: &[T],
    terms: impl Fn(T) -> [f32; N],
) -> [f64; N] {
    let mut totals = [0.0; N];
    for block in values.chunks(BLOCK) {
        let mut lanes = [[0.0_f32; LANES]; N];
        // Arrays, so that no bound is left to be checked inside a vector.
        let (whole, rest) = block.as_chunks::<LANES>();
        for values in whole {
            let terms = values.map(&terms);
            for n in 0..N {
                for lane in 0..LANES {
                    lanes[n][lane] += terms[lane][n];
                }
            }
        }
        for (lane, value) in rest.iter().enumerate() {
            let terms = terms(*value);
            for n in 0..N {
                lanes[n][lane] += terms[n];
            }
        }
        for (total, lanes) in totals.iter_mut().zip(&lanes) {
            *total += f64::from(lanes.iter().sum::<f32>());
        }
    }
    totals
}

/// `e^x` for `x <= 0` within two units of the last place, and `x` as far as it counts.
///
/// Source: the usual reduction to `2^n e^r` with `|r| <= ln 2 / 2`, the polynomial that of Cephes'
/// `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> (f32, f32) {
    // Adding it leaves the nearest integer in a float's lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > LOWEST { x } else { LOWEST };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first so short that its product with `n` is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut tail = 1.987_569_1e-4_f32;
    for coefficient in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        tail = tail * r + coefficient;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    ((tail * r * r + r + 1.0) * power, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_two_units_of_the_last_place() {
        for step in 0..=870_000 {
            let x = step as f32 * -1e-4;
            let (found, exact) = (f64::from(exp(x).0), f64::from(x).exp());
            assert!((found / exact - 1.0).abs() < 2.4e-7, "{x}: {found} {exact}");
        }
        for x in [-87.1, -1e30, f32::NEG_INFINITY] {
            assert!(exp(x).0 < 2e-38 && exp(x).1.is_finite());
        }
    }

    #[test]
    fn every_value_is_counted_once_and_with_all_digits() {
        for len in [0, 1, 7, 8, 9, 255, 256, 257, 200_003] {
            let values: Vec<f32> = (0..len).map(|i| (i % 17) as f32).collect();
            let exact: f64 = values.iter().copied().map(f64::from).sum();
            let [sum, ones] = sums(&values, |value| [value, 1.0]);
            assert!(
                (sum, ones) == (exact, f64::from(len)),
                "{len}: {sum} {ones}"
            );
        }
    }
}
