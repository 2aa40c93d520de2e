//! The activation between an expert's two products.
//!
//! It is nine small operations on two halves of one array. On GPUs each would be a kernel with its own
//! pass over memory; compiled by MLX they are one.

use std::cell::RefCell;
use std::fmt;

use mlx_rs::error::Result;
use mlx_rs::ops::{maximum, minimum, sigmoid};
use mlx_rs::transforms::compile::compile;
use mlx_rs::{Array, Dtype};

use super::config::SWIGLU_ALPHA;
use crate::mlx::ops;

/// `min(gate, limit) · σ(1.702 · gate) · (clamp(up, ±limit) + 1)`.
///
/// Source: `OpenAI`'s reference, `swiglu`: the gate has no lower clamp.
#[derive(Debug)]
pub struct ClampedSwiGlu {
    constants: Constants,
    compiled: Option<Compiled>,
}

/// The sums over gate and up, as MLX has compiled them; it belongs to the thread that made it.
struct Compiled(RefCell<Box<CompiledFn>>);

type CompiledFn = dyn for<'a> FnMut((&'a Array, &'a Array)) -> Result<Array>;

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compiled")
    }
}

impl ClampedSwiGlu {
    /// The operations one by one.
    pub fn new(limit: f32, dtype: Dtype) -> Result<Self> {
        Ok(Self {
            constants: Constants::new(limit, dtype)?,
            compiled: None,
        })
    }

    /// The operations in one kernel, where MLX can compile for its device.
    pub fn compiled(limit: f32, dtype: Dtype) -> Result<Self> {
        // Constants are made within, so that MLX writes them into the kernel.
        let sums =
            move |(gate, up): (&Array, &Array)| Constants::new(limit, dtype)?.apply(gate, up);
        let compiled: Box<CompiledFn> = Box::new(compile(sums, true));
        Ok(Self {
            compiled: Some(Compiled(RefCell::new(compiled))),
            ..Self::new(limit, dtype)?
        })
    }

    /// `x: [.., 2I]`, gate then up → `[.., I]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        let axis = x.ndim() - 1;
        let intermediate_size = x.dim(-1) as usize / 2;
        let gate = ops::slice(x, axis, 0, intermediate_size)?;
        let up = ops::slice(x, axis, intermediate_size, 2 * intermediate_size)?;
        match &self.compiled {
            Some(Compiled(sums)) => sums.borrow_mut()((&gate, &up)),
            None => self.constants.apply(&gate, &up),
        }
    }

    /// The clamp, a scalar in the activations' dtype.
    pub(super) fn limit(&self) -> &Array {
        &self.constants.limit
    }
}

#[derive(Debug)]
struct Constants {
    limit: Array,
    negative_limit: Array,
    alpha: Array,
    one: Array,
}

impl Constants {
    /// In the activations' dtype: an f32 scalar would promote all that follows.
    fn new(limit: f32, dtype: Dtype) -> Result<Self> {
        let constant = |value: f32| Array::from_f32(value).as_dtype(dtype);
        Ok(Self {
            limit: constant(limit)?,
            negative_limit: constant(-limit)?,
            alpha: constant(SWIGLU_ALPHA)?,
            one: constant(1.0)?,
        })
    }

    fn apply(&self, gate: &Array, up: &Array) -> Result<Array> {
        let gate = minimum(gate, &self.limit)?;
        let up = maximum(minimum(up, &self.limit)?, &self.negative_limit)?;
        let gated = gate.multiply(sigmoid(gate.multiply(&self.alpha)?)?)?;
        gated.multiply(up.add(&self.one)?)
    }
}
