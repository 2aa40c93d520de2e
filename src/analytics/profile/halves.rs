//! Dividing prompts by a rule that hangs on a seed alone.

/// The two parts of a domain's prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Half {
    /// Prompts of even rank.
    First,
    /// Prompts of odd rank.
    Second,
}

/// The half of each prompt of one domain, `num_prompts` of them in the order of the file.
///
/// Prompts are ranked by a hash of the seed and their number within the domain (`SplitMix64`); even
/// ranks are the first half, so the halves differ by one prompt at most. *Source:* Steele, Lea and
/// Flood 2014.
pub fn halves(num_prompts: usize, seed: u64) -> Vec<Half> {
    let mut ranked: Vec<usize> = (0..num_prompts).collect();
    ranked.sort_by_key(|&number| (hash(seed, number as u64), number));
    let mut halves = vec![Half::First; num_prompts];
    for &number in ranked.iter().skip(1).step_by(2) {
        halves[number] = Half::Second;
    }
    halves
}

/// A number that hangs on both and looks random.
pub(super) fn hash(seed: u64, number: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0xD1B5_4A32_D192_ED03)
        .wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
