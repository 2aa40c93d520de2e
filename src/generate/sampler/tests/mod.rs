//! The device's chain against the reference, and its draws.

mod chain;
mod draws;

use mlx_rs::{Array, Dtype};

use super::{History, SampledToken, keys};
use crate::generate::params::{SamplingParams, XtcParams};

/// Test inputs that stay the same from one run to the next.
struct Random {
    drawn: usize,
}

impl Random {
    fn new() -> Self {
        Self { drawn: 0 }
    }

    fn bits(&mut self) -> u64 {
        self.drawn += 1;
        keys::draw_key(0x7E57, self.drawn)
    }

    fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u32 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn often(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Roughly normal, with a standard deviation of 3.
    fn logits(&mut self, vocab_size: usize) -> Vec<f32> {
        (0..vocab_size)
            .map(|_| (0..12).map(|_| self.unit()).sum::<f32>() * 3.0 - 18.0)
            .collect()
    }

    fn history(&mut self, vocab_size: usize) -> History {
        let alphabet = vocab_size.min(5);
        let mut history = History::new(&self.tokens(alphabet, 20));
        for token in self.tokens(alphabet, 30) {
            history.push(token);
        }
        history
    }

    fn tokens(&mut self, alphabet: usize, most: usize) -> Vec<u32> {
        (0..self.below(most))
            .map(|_| self.below(alphabet) as u32)
            .collect()
    }

    fn params(&mut self, vocab_size: usize) -> SamplingParams {
        let mut params = SamplingParams {
            seed: self.bits(),
            temperature: self.between(0.2, 2.0),
            ..Default::default()
        };
        if self.often() {
            params.top_k = self.below(vocab_size + 3) as u32;
        }
        if self.often() {
            params.top_p = self.between(0.05, 0.99);
        }
        if self.often() {
            params.min_p = self.between(0.001, 0.5);
        }
        if self.often() {
            params.xtc = XtcParams {
                probability: 0.7,
                threshold: self.between(0.0, 0.5),
            };
        }
        if self.often() {
            params.repetition_penalty = self.between(0.7, 1.8);
            params.repetition_range_tokens = self.below(60) as u32;
        }
        if self.often() {
            params.presence_penalty = self.between(-2.0, 2.0);
            params.frequency_penalty = self.between(-0.3, 0.3);
        }
        if self.often() {
            params.dry.multiplier = self.between(0.1, 2.0);
            params.dry.base = self.between(1.0, 2.0);
            params.dry.allowed_length = self.below(4) as u32;
            params.dry.range_tokens = self.below(60) as u32;
            params.dry.sequence_breakers = self.tokens(vocab_size.min(9), 3);
        }
        for _ in 0..self.below(3) {
            let id = self.below(vocab_size + 2) as u32;
            params.logit_bias.insert(id, self.between(-5.0, 5.0));
        }
        params.validate().expect("the ranges above are permitted");
        params
    }
}

fn device_logits(logits: &[f32]) -> Array {
    Array::from_slice(logits, &[1, logits.len() as i32])
}

fn host<T: mlx_rs::ArrayElement + Clone>(array: &Array) -> Vec<T> {
    array.to_vec_exact::<T>().expect("a readable array")
}

fn sample(params: &SamplingParams, logits: &[f32], history: &History, position: usize) -> u32 {
    let SampledToken { token, logits: own } =
        super::sample(params, &device_logits(logits), history, position).expect("a draw");
    assert_eq!((token.shape(), token.dtype()), (&[1][..], Dtype::Uint32));
    assert_eq!(own.dtype(), Dtype::Float32);
    assert_eq!(host::<f32>(&own), logits, "the model's own logits");
    host::<u32>(&token)[0]
}
