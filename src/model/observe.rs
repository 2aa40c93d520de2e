//! Lets an outsider watch a forward pass from within, layer by layer.
//!
//! The pass itself computes the same with and without an observer: what is handed out exists
//! anyway. Observers derive what they want from it and pay for that themselves. One that evaluates
//! an array makes the device finish the pass up to there.

use mlx_rs::Array;
use mlx_rs::error::Result;

/// What attention worked on in one layer.
#[derive(Debug)]
pub struct AttentionView<'a> {
    /// Rotated queries of the pass's rows, `[1, Hq, L, Dh]`.
    pub queries: &'a Array,
    /// Rotated keys that the rows may see, `[1, Hkv, n, Dh]`.
    pub keys: &'a Array,
    /// One learned logit a query head, `[Hq]`.
    pub sinks: &'a Array,
    /// The factor for `q · k`.
    pub scale: f32,
    /// The position of each key. A ring's slots are not in order.
    pub positions: Vec<usize>,
    /// How many of the latest keys a row sees; none sees all.
    pub window: Option<usize>,
}

/// Watches one forward pass. The calls come in the pass's order: the embedding, then for each layer
/// its attention, the stream after it, and the stream after the experts.
pub trait ForwardObserver {
    /// The embedding, `[L, D]`.
    fn embedded(&mut self, _x: &Array) -> Result<()> {
        Ok(())
    }

    /// What the next layer's attention works on.
    fn attends(&mut self, _attention: &AttentionView<'_>) -> Result<()> {
        Ok(())
    }

    /// The residual stream after the layer's attention, `[L, D]`.
    fn after_attention(&mut self, _x: &Array) -> Result<()> {
        Ok(())
    }

    /// The residual stream after the layer's experts, `[L, D]`.
    fn after_experts(&mut self, _x: &Array) -> Result<()> {
        Ok(())
    }
}

/// Hands the residual stream to a closure: the embedding as 0, and after layer `i` as `i + 1`.
pub(super) struct EachHidden<F> {
    each: F,
    next: usize,
}

impl<F: FnMut(usize, &Array)> EachHidden<F> {
    pub(super) fn new(each: F) -> Self {
        Self { each, next: 0 }
    }

    fn hand_out(&mut self, x: &Array) {
        (self.each)(self.next, x);
        self.next += 1;
    }
}

impl<F: FnMut(usize, &Array)> ForwardObserver for EachHidden<F> {
    fn embedded(&mut self, x: &Array) -> Result<()> {
        self.hand_out(x);
        Ok(())
    }

    fn after_experts(&mut self, x: &Array) -> Result<()> {
        self.hand_out(x);
        Ok(())
    }
}
