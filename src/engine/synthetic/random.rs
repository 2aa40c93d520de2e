//! Randomness that depends on its keys alone, not on what was drawn before.

/// A number determined by `keys` and their order. The mixing is that of `SplitMix64` (Steele, Lea
/// and Flood, 2014).
pub(super) fn hash(keys: &[u64]) -> u64 {
    keys.iter().fold(0, |state, key| {
        mix((state ^ key).wrapping_add(0x9e37_79b9_7f4a_7c15))
    })
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Maps a hash to a number strictly between 0 and 1, whose logarithms are finite.
pub(super) fn uniform(hash: u64) -> f32 {
    // 23 bits and a half: with more, the largest value would round to 1.
    ((hash >> 41) as f32 + 0.5) / (1 << 23) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_stay_strictly_between_zero_and_one() {
        assert!(uniform(0) > 0.0);
        assert!(uniform(u64::MAX) < 1.0);
    }

    #[test]
    fn order_of_keys_matters() {
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[0]), hash(&[0, 0]));
    }
}
