//! Noise that depends on its keys alone, so that a run repeats whatever its chunks are.

use std::f32::consts::TAU;

/// Gaussian noise on the router's logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouterNoise {
    /// Its standard deviation, in logits; not negative.
    pub std_dev: f32,
    /// Its own seed.
    pub seed: u64,
}

impl RouterNoise {
    /// The noise on one logit: a pure function of seed, layer, position and expert.
    ///
    /// Source: Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    pub fn at(&self, layer: usize, position: usize, expert: usize) -> f32 {
        let hash = [layer, position, expert]
            .into_iter()
            .fold(mix(self.seed), |state, key| mix(state ^ key as u64));
        let radius = (-2.0 * unit((hash >> 32) as u32).ln()).sqrt();
        self.std_dev * radius * (TAU * unit(hash as u32)).cos()
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, 2014), one step on.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number strictly between 0 and 1: its logarithm is finite.
fn unit(bits: u32) -> f32 {
    ((bits >> 9) as f32 + 0.5) / (1 << 23) as f32
}
