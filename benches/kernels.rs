//! Times the CPU's kernels: `cargo bench --no-default-features --bench kernels [FILTER]`.
//!
//! Prints, for each case, the best and the median time, the weights read a second (each expert that has
//! tokens counts once) and the multiply-adds a second. FILTER keeps the cases whose label contains it,
//! such as `experts`, `bf16`, `2880`, `T=1 ` or `AVX2`. Experts change from call to call, and the
//! matrices are larger than any cache, so that one token's weights come from memory.

use gptoss::kernels::{
    AffineBits, ExpertsView, Isa, KernelError, Pool, QuantizedMatrix, QuantizedRows, moe_forward,
    quantized_matmul,
};
use half::bf16;
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
        "{:<52}{:>9}{:>11}{:>9}{:>9}",
        "case", "best ms", "median ms", "GB/s", "GMAC/s"
    );
    let mut pools = Vec::new();
    for isa in Isa::available() {
        for num_threads in [NonZeroUsize::MIN, all_cores] {
            pools.push(Pool::new(num_threads)?.with_isa(isa)?);
        }
    }
    let is_wanted = |label: &str| label.contains(&filter);
    for size in [2880, 1024] {
        let weights = Weights::random(size);
        for pool in &pools {
            for num_tokens in [1, 16, 128, 512] {
                let label = label(&format!("experts H=I={size}"), pool, num_tokens);
                if is_wanted(&label) {
                    measure_experts(&label, &weights, num_tokens, pool)?;
                }
            }
        }
    }
    let matrix = Matrix::random();
    for (name, rows, bytes) in matrix.forms() {
        for pool in &pools {
            for num_tokens in [1, 4, 128, 512] {
                let label = label(&format!("{name} {OUT}x{IN}"), pool, num_tokens);
                if is_wanted(&label) {
                    measure_matrix(&label, (rows, bytes), num_tokens, pool)?;
                }
            }
        }
    }
    Ok(())
}

fn label(what: &str, pool: &Pool, num_tokens: usize) -> String {
    let (isa, num_threads) = (pool.isa(), pool.num_threads());
    format!("{what} {isa} threads={num_threads} T={num_tokens} ")
}

/// The unembedding's width, with as many rows as pass any cache.
const IN: usize = 2880;
const OUT: usize = 32768;
const GROUP_SIZE: usize = 64;

struct Matrix {
    bf16: Vec<bf16>,
    bytes: Vec<u32>,
    scales: Vec<f32>,
}

impl Matrix {
    fn random() -> Self {
        let mut random = Random(3);
        let len = OUT * IN;
        Self {
            bf16: (0..len).map(|_| bf16::from_f32(random.signed())).collect(),
            bytes: (0..len / 4).map(|_| random.next()).collect(),
            scales: (0..len / GROUP_SIZE)
                .map(|_| random.signed() * 1e-2)
                .collect(),
        }
    }

    /// A name, the weights and their bytes.
    fn forms(&self) -> [(&'static str, QuantizedRows<'_>, usize); 2] {
        let affine = QuantizedRows::Affine {
            packed: &self.bytes,
            scales: &self.scales,
            biases: &self.scales,
            bits: AffineBits::Eight,
            group_size: GROUP_SIZE,
        };
        let affine_bytes = OUT * IN + 8 * self.scales.len();
        [
            ("bf16", QuantizedRows::Bf16(&self.bf16), 2 * OUT * IN),
            ("8-bit", affine, affine_bytes),
        ]
    }
}

fn measure_matrix(
    label: &str,
    (rows, bytes): (QuantizedRows<'_>, usize),
    num_tokens: usize,
    pool: &Pool,
) -> Result<(), KernelError> {
    let matrix = QuantizedMatrix {
        rows,
        out_features: OUT,
        in_features: IN,
    };
    let mut random = Random(7);
    let x: Vec<f32> = (0..num_tokens * IN).map(|_| random.signed()).collect();
    let mut out = vec![0.0; num_tokens * OUT];
    let seconds = rounds(|| quantized_matmul(&matrix, &x, &mut out, pool))?;
    print_row(label, &seconds, bytes, num_tokens * OUT * IN);
    Ok(())
}

/// Seconds of each call, sorted.
fn rounds(mut call: impl FnMut() -> Result<(), KernelError>) -> Result<Vec<f64>, KernelError> {
    let mut seconds = Vec::new();
    let start = Instant::now();
    while seconds.len() < 3 || (seconds.len() < MAX_ROUNDS && start.elapsed() < TIME_PER_CASE) {
        let round = Instant::now();
        call()?;
        seconds.push(round.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

fn print_row(label: &str, seconds: &[f64], bytes: usize, macs: usize) {
    let (best, median) = (seconds[0], seconds[seconds.len() / 2]);
    println!(
        "{label:<52}{:>9.3}{:>11.3}{:>9.2}{:>9.2}",
        best * 1e3,
        median * 1e3,
        bytes as f64 / median / 1e9,
        macs as f64 / median / 1e9
    );
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

fn measure_experts(
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
    let mut num_used = 0;
    let seconds = rounds(|| {
        let ids = random.experts(num_tokens);
        num_used = (0..NUM_LOCAL_EXPERTS as u32)
            .filter(|id| ids.contains(id))
            .count();
        moe_forward(&weights.view(), &x, &ids, &expert_weights, &mut out, pool)
    })?;
    // Four bits a weight and eight for every 32.
    let bytes = num_used * weights.macs_per_expert() * 17 / 32;
    let macs = num_tokens * EXPERTS_PER_TOKEN * weights.macs_per_expert();
    print_row(label, &seconds, bytes, macs);
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
