//! Makes a GPU ready before the first prompt: every kernel of ours runs once.
//!
//! Compiling them takes seconds the first time on a machine, and would stop an answer where its context
//! comes to need another one. Elsewhere there is nothing to do.

use mlx_rs::error::Result;
use mlx_rs::{Array, transforms};

use super::config::LayerType;
use super::cuda::one_token::OneTokenKernels;
use super::cuda::prompt_rows_of_each_tile;
use super::gpt_oss::{KvPrecision, LogitRows, Transformer, TransformerBlock};
use super::trace::{CapturedRouting, ForwardTrace};

impl Transformer {
    /// Runs passes of all kinds over made-up tokens; `progress` hears steps done and to do, and its false
    /// ends it early.
    pub fn warm_up(&self, progress: &mut dyn FnMut(usize, usize) -> bool) -> Result<()> {
        let full = |layer: &&TransformerBlock| layer.layer_type == LayerType::FullAttention;
        let block = self.layers.iter().find(full).map(|layer| &layer.attn);
        let Some((block, kernels)) = block.and_then(|block| Some((block, block.cuda.as_ref()?)))
        else {
            return Ok(());
        };
        let rows = prompt_rows_of_each_tile(self.config());
        let parts = OneTokenKernels::long_contexts();
        let total = rows.len() + parts.len() + 2;
        let mut steps = (1..=total).map(move |done| progress(done - 1, total));
        let mut goes_on = || steps.next().unwrap_or(false);
        for records in [false, true] {
            if !goes_on() {
                return Ok(());
            }
            self.pass(1, records)?;
        }
        for rows in rows {
            if !goes_on() {
                return Ok(());
            }
            self.pass(rows, false)?;
        }
        for keys in parts {
            if !goes_on() {
                return Ok(());
            }
            kernels
                .one_token
                .attend_once(block, keys, self.dtype())?
                .eval()?;
        }
        mlx_rs::memory::clear_cache()
    }

    fn pass(&self, rows: usize, records: bool) -> Result<()> {
        let mut caches = self.new_caches(KvPrecision::Activations);
        let ids = Array::from_slice(&vec![0_u32; rows], &[rows as i32]);
        let mut trace = records.then(|| ForwardTrace::new(false));
        let logits = self.forward(&ids, &mut caches, LogitRows::Last, trace.as_mut())?;
        let routing = trace.map(|trace| trace.capture(false)).transpose()?;
        let routing = routing.iter().flat_map(CapturedRouting::arrays);
        transforms::eval(logits.iter().chain(routing))
    }
}
