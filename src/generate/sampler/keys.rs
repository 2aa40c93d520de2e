//! What randomness depends on: the seed and the position, and nothing else.

/// The key of the draw at `position`.
///
/// For one seed, no two positions share a key.
pub(super) fn draw_key(seed: u64, position: usize) -> u64 {
    let stream = scramble(seed.wrapping_add(STEP));
    scramble(stream.wrapping_add((position as u64).wrapping_mul(STEP)))
}

/// Whether an event of `probability` happens at `position`, independently of the draw there.
pub(super) fn coin(seed: u64, position: usize, probability: f32) -> bool {
    let bits = scramble(draw_key(seed, position) ^ COIN);
    // The upper 53 bits as a fraction in [0, 1): probability 0 is never, 1 is always.
    let fraction = (bits >> 11) as f64 / (1u64 << 53) as f64;
    fraction < f64::from(probability)
}

/// 2^64 divided by the golden ratio, odd: multiples of it visit every 64-bit value.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
/// Sets the coin's bits apart from the draw's; any constant would do.
const COIN: u64 = 0x5854_435F_434F_494E;

/// A bijection of 64-bit values in which every input bit flips about half of the output bits.
///
/// *Source:* the output function of `SplitMix64` (Steele, Lea, Flood 2014, "Fast splittable
/// pseudorandom number generators"), variant 13 of Stafford's mixers.
fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighboring_seeds_and_positions_have_distinct_keys() {
        let pairs = (0..64u64).flat_map(|seed| (0..1024).map(move |position| (seed, position)));
        let keys: HashSet<u64> = pairs.map(|(seed, at)| draw_key(seed, at)).collect();
        assert_eq!(keys.len(), 64 * 1024);
    }

    #[test]
    fn one_bit_of_seed_or_position_flips_about_half_of_the_key() {
        let mut flipped = 0;
        for bit in 0..32 {
            flipped += (draw_key(1 << bit, 7) ^ draw_key(0, 7)).count_ones();
            flipped += (draw_key(3, 1 << bit) ^ draw_key(3, 0)).count_ones();
        }
        let mean = f64::from(flipped) / 64.0;
        assert!((28.0..36.0).contains(&mean), "mean {mean} of 64 bits");
    }

    #[test]
    fn the_coin_lands_as_often_as_its_probability_says() {
        for (probability, low, high) in [(0.0, 0, 0), (0.25, 2350, 2650), (1.0, 10_000, 10_000)] {
            let count = (0..10_000).filter(|&at| coin(42, at, probability)).count();
            assert!((low..=high).contains(&count), "{probability}: {count}");
        }
    }
}
