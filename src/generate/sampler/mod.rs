//! stub
use super::params::SamplingParams;
use mlx_rs::{Array, error::Result};
#[derive(Debug)]
pub struct History(Vec<u32>);
impl History {
    pub fn new(p: &[u32]) -> Self {
        Self(p.to_vec())
    }
    pub fn tokens(&self) -> &[u32] {
        &self.0
    }
    pub fn push(&mut self, t: u32) {
        self.0.push(t)
    }
}
#[derive(Debug)]
pub struct SampledToken {
    pub token: Array,
    pub logprob: Option<Array>,
    pub top: Option<(Array, Array)>,
}
#[derive(Debug)]
pub struct Sampler;
impl Sampler {
    pub fn new(_: Option<usize>) -> Self {
        Self
    }
    pub fn sample(
        &self,
        _p: &SamplingParams,
        logits: &Array,
        _h: &History,
        _pos: usize,
    ) -> Result<SampledToken> {
        Ok(SampledToken {
            token: mlx_rs::ops::indexing::argmax_axis(logits, -1, false)?,
            logprob: None,
            top: None,
        })
    }
}
