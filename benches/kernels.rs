//! Times the mixture-of-experts kernel: `cargo bench --no-default-features --bench kernels [FILTER]`.
//!
//! Prints, for each case, the median time, the weights read a second (each expert that has tokens counts
//! once) and the multiply-adds a second. FILTER keeps the cases whose label contains it, such as
//! `2880`, `T=1 ` or `AVX2`. Experts change from call to call, so that one token's weights come from
//! memory and not from a cache.

use gptoss::kernels::{ExpertsView, Isa, KernelError, Pool, QuantizedRows, moe_forward};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

const NUM_LOCAL_EXPERTS: usize = 32;
const EXPERTS_PER_TOKEN: usize = 4;
const MAX_ROUNDS: usize = 200;
const TIME_PER_CASE: Duration = Duration::from_millis(700);

fn main() -> Result<(), KernelError> {
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with('-'))
        .unwrap_or_default();
    let all_cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    println!(
        "{:<44}{:>11}{:>9}{:>9}",
        "case", "median ms", "GB/s", "GMAC/s"
    );
    for size in [2880, 1024] {
        let weights = Weights::random(size);
        for isa in Isa::available() {
            for num_threads in [NonZeroUsize::MIN, all_cores] {
                let pool = Pool::new(num_threads)?.with_isa(isa)?;
                for num_tokens in [1, 16, 128, 512] {
                    let label = format!("H=I={size} {isa} threads={num_threads} T={num_tokens} ");
                    if label.contains(&filter) {
                        measure(&label, &weights, num_tokens, &pool)?;
                    }
                }
            }
        }
    }
    Ok(())
}

struct Weights {
    size: usize,
    gate_up: (Vec<u32>, Vec<u8>),
    down: (Vec<u32>, Vec<u8>),
    gate_up_bias: Vec<f32>,
    down_bias: Vec<f32>,
}

impl Weights {
    fn random(size: usize) -> Self {
        let mut random = Random(1);
        let mut matrix = |rows: usize| {
            let words = (0..rows * size / 8).map(|_| random.next()).collect();
            let scales = (0..rows * size / 32)
                .map(|_| 118 + (random.next() % 4) as u8)
                .collect();
            (words, scales)
        };
        Self {
            size,
            gate_up: matrix(NUM_LOCAL_EXPERTS * 2 * size),
            down: matrix(NUM_LOCAL_EXPERTS * size),
            gate_up_bias: vec![0.01; NUM_LOCAL_EXPERTS * 2 * size],
            down_bias: vec![0.01; NUM_LOCAL_EXPERTS * size],
        }
    }

    fn view(&self) -> ExpertsView<'_> {
        ExpertsView {
            num_local_experts: NUM_LOCAL_EXPERTS,
            hidden_size: self.size,
            intermediate_size: self.size,
            gate_up: QuantizedRows::Mxfp4 {
                packed: &self.gate_up.0,
                scales: &self.gate_up.1,
            },
            gate_up_bias: &self.gate_up_bias,
            down: QuantizedRows::Mxfp4 {
                packed: &self.down.0,
                scales: &self.down.1,
            },
            down_bias: &self.down_bias,
            swiglu_limit: 7.0,
        }
    }

    fn macs_per_expert(&self) -> usize {
        3 * self.size * self.size
    }
}

fn measure(
    label: &str,
    weights: &Weights,
    num_tokens: usize,
    pool: &Pool,
) -> Result<(), KernelError> {
    let mut random = Random(7);
    let x: Vec<f32> = (0..num_tokens * weights.size)
        .map(|_| random.signed())
        .collect();
    let expert_weights = vec![0.25; num_tokens * EXPERTS_PER_TOKEN];
    let mut out = vec![0.0; x.len()];
    let (mut seconds, mut bytes) = (Vec::new(), 0);
    let start = Instant::now();
    while seconds.len() < 3 || (seconds.len() < MAX_ROUNDS && start.elapsed() < TIME_PER_CASE) {
        let ids = random.experts(num_tokens);
        let round = Instant::now();
        moe_forward(&weights.view(), &x, &ids, &expert_weights, &mut out, pool)?;
        seconds.push(round.elapsed().as_secs_f64());
        let used = (0..NUM_LOCAL_EXPERTS as u32)
            .filter(|id| ids.contains(id))
            .count();
        // Four bits a weight and eight for every 32.
        bytes = used * weights.macs_per_expert() * 17 / 32;
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let macs = num_tokens * EXPERTS_PER_TOKEN * weights.macs_per_expert();
    let (gb, gmac) = (bytes as f64 / median / 1e9, macs as f64 / median / 1e9);
    let best_ms = seconds[0] * 1e3;
    println!(
        "{label:<44}{best_ms:>9.3}{:>11.3}{gb:>9.2}{gmac:>9.2}",
        median * 1e3
    );
    Ok(())
}

/// xorshift32: the figures need no better.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn signed(&mut self) -> f32 {
        self.next() as f32 / u32::MAX as f32 * 2.0 - 1.0
    }

    /// Distinct experts for each token.
    fn experts(&mut self, num_tokens: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        for token in 1..=num_tokens {
            while ids.len() < token * EXPERTS_PER_TOKEN {
                let id = self.next() % NUM_LOCAL_EXPERTS as u32;
                if !ids[(token - 1) * EXPERTS_PER_TOKEN..].contains(&id) {
                    ids.push(id);
                }
            }
        }
        ids
    }
}
