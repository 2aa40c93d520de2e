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

/// What is run once.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A pass over so many rows, whose routing may be recorded.
    Pass { rows: usize, records: bool },
    /// One row's attention over a long context.
    Attention { keys: usize },
}

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
        let prompts = prompt_rows_of_each_tile(self.config());
        let passes = [(1, false), (1, true)]
            .into_iter()
            .chain(prompts.into_iter().map(|rows| (rows, false)));
        let passes = passes.map(|(rows, records)| Step::Pass { rows, records });
        let contexts = OneTokenKernels::long_contexts();
        let attention = contexts.into_iter().map(|keys| Step::Attention { keys });
        let steps: Vec<Step> = passes.chain(attention).collect();
        for (done, step) in steps.iter().enumerate() {
            if !progress(done, steps.len()) {
                return Ok(());
            }
            match *step {
                Step::Pass { rows, records } => self.pass(rows, records)?,
                Step::Attention { keys } => {
                    let seen = kernels.one_token.attend_once(block, keys, self.dtype())?;
                    seen.eval()?;
                }
            }
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
