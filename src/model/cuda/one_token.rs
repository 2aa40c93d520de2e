//! What a layer does around its experts, for one token, in as few kernels as its sums allow.
//!
//! While one token is decoded the host prepares kernels hardly faster than the GPU runs them, so the
//! number of kernels counts as much as what they do: norm, queries, keys, values, rotation and the
//! cache's new row are one, attention another (two for long contexts), the projection back with bias
//! and residual a third, and norm, router and its choice a fourth. More rows, packed weights or a
//! packed cache take MLX's way in [`crate::model::gpt_oss`].

use mlx_rs::error::Result;
use mlx_rs::ops::zeros_dtype;
use mlx_rs::{Array, Dtype};

use super::{missing, one, pair};
use crate::mlx::cuda::{CudaConstant, CudaKernel, CudaLaunch, CudaSource};
use crate::model::cache::{LayerCache, RoomForOne, RowShape};
use crate::model::experts::Routing;
use crate::model::gpt_oss::AttentionBlock;
use crate::model::layers::{Linear, RmsNorm};
use crate::model::trace::ForwardTrace;

/// Warps of a block.
const WARPS: usize = 8;

/// Threads of the only block of `route.cu`.
const ROUTE_THREADS: usize = 512;

/// So many keys a block of `attention.cu` sees alone, a head a block.
const KEYS_ALONE: usize = 512;

/// Beyond, keys are cut into parts of about so many, and a block takes heads that share them together.
const KEYS_PER_PART: usize = 256;

/// More parts would take longer to join than they save.
const MAX_PARTS: usize = 32;

/// Query heads that a block takes together at most: what it holds of each grows its registers.
const MAX_TOGETHER: usize = 4;

/// A block's vector has to fit into its shared memory.
const MAX_VECTOR: usize = 16_384;

/// For a full layer, whose buffers the kernel writes into.
static QKV_IN_PLACE: CudaSource = CudaSource {
    name: c"gptoss_qkv_in_place",
    inputs: &[
        c"x",
        c"norm",
        c"weight",
        c"bias",
        c"periods",
        c"position",
        c"keys",
        c"values",
    ],
    outputs: &[c"queries"],
    header: include_str!("dense.cuh"),
    body: concat!(include_str!("in_place.cu"), include_str!("qkv.cu")),
    shared_memory_bytes: 0,
};

/// For a sliding layer, of whose ring the kernel makes the next.
static QKV_RING: CudaSource = CudaSource {
    name: c"gptoss_qkv_ring",
    inputs: &[
        c"x",
        c"norm",
        c"weight",
        c"bias",
        c"periods",
        c"position",
        c"old_keys",
        c"old_values",
    ],
    outputs: &[c"queries", c"keys", c"values"],
    header: include_str!("dense.cuh"),
    body: concat!(include_str!("turn_ring.cu"), include_str!("qkv.cu")),
    shared_memory_bytes: 0,
};

static ATTENTION: CudaSource = CudaSource {
    name: c"gptoss_attention",
    inputs: &[c"queries", c"keys", c"values", c"sinks", c"position"],
    outputs: &[c"out"],
    header: concat!(include_str!("dense.cuh"), include_str!("attention.cuh")),
    body: include_str!("attention.cu"),
    shared_memory_bytes: 0,
};

static MERGE: CudaSource = CudaSource {
    name: c"gptoss_merge",
    inputs: &[c"parts", c"sinks"],
    outputs: &[c"out"],
    header: include_str!("attention.cuh"),
    body: include_str!("merge.cu"),
    shared_memory_bytes: 0,
};

static PROJECT: CudaSource = CudaSource {
    name: c"gptoss_project",
    inputs: &[c"x", c"weight", c"bias", c"residual"],
    outputs: &[c"out"],
    header: include_str!("dense.cuh"),
    body: include_str!("project.cu"),
    shared_memory_bytes: 0,
};

static ROUTE: CudaSource = CudaSource {
    name: c"gptoss_route",
    inputs: &[c"x", c"norm", c"weight", c"bias"],
    outputs: &[c"normed", c"logits", c"experts", c"shares"],
    header: concat!(include_str!("dense.cuh"), include_str!("choose.cuh")),
    body: include_str!("route.cu"),
    shared_memory_bytes: 0,
};

/// The same, which also writes down what it chose.
static ROUTE_RECORDED: CudaSource = CudaSource {
    name: c"gptoss_route_recorded",
    inputs: &[c"x", c"norm", c"weight", c"bias", c"record"],
    outputs: ROUTE.outputs,
    header: ROUTE.header,
    body: concat!(include_str!("route.cu"), include_str!("record.cu")),
    shared_memory_bytes: 0,
};

/// The kernels, made once for a model.
#[derive(Debug)]
pub(in crate::model) struct OneTokenKernels {
    qkv_in_place: CudaKernel,
    qkv_ring: CudaKernel,
    attention: CudaKernel,
    merge: CudaKernel,
    project: CudaKernel,
    route: CudaKernel,
    route_recorded: CudaKernel,
}

impl OneTokenKernels {
    pub(super) fn new() -> Self {
        Self {
            qkv_in_place: CudaKernel::new(&QKV_IN_PLACE),
            qkv_ring: CudaKernel::new(&QKV_RING),
            attention: CudaKernel::new(&ATTENTION),
            merge: CudaKernel::new(&MERGE),
            project: CudaKernel::new(&PROJECT),
            route: CudaKernel::new(&ROUTE),
            route_recorded: CudaKernel::new(&ROUTE_RECORDED),
        }
    }

    /// Numbers of keys of which each needs attention kernels of its own, beside what a short context needs.
    pub(in crate::model) fn long_contexts() -> Vec<usize> {
        let parts = (2..).map(|power| 1 << power);
        parts
            .take_while(|parts| *parts <= MAX_PARTS)
            .map(|parts| (parts * KEYS_PER_PART).max(KEYS_ALONE + 1))
            .collect()
    }

    /// Attention of a row of zeros over `num_keys` of them.
    pub(in crate::model) fn attend_once(
        &self,
        block: &AttentionBlock,
        num_keys: usize,
        dtype: Dtype,
    ) -> Result<Array> {
        let zeros = |heads: usize, rows: usize| {
            zeros_dtype(
                &[1, heads as i32, rows as i32, block.head_dim as i32],
                dtype,
            )
        };
        let queries = zeros(block.num_attention_heads, 1)?;
        let keys = zeros(block.num_key_value_heads, num_keys)?;
        let position = Array::from_slice(&[num_keys as i32 - 1], &[1]);
        let inputs = [&queries, &keys, &keys, &block.sinks, &position];
        self.attend(inputs, block, num_keys)
    }

    /// Whether [`Self::attention`] can compute this block with activations of `dtype`.
    pub(in crate::model) fn fit(block: &AttentionBlock, dtype: Dtype) -> bool {
        let is_plain = [&block.qkv_proj, &block.o_proj]
            .into_iter()
            .all(|linear| fits(linear, dtype));
        let lanes = block.head_dim / 8;
        is_plain
            && block.head_dim.is_multiple_of(8)
            && lanes.is_power_of_two()
            && lanes <= 32
            && block
                .num_attention_heads
                .is_multiple_of(block.num_key_value_heads)
    }

    /// `x + attention(norm(x))` for one row, `[1, D]`, at `position`, which it appends to `cache`.
    pub(in crate::model) fn attention(
        &self,
        x: &Array,
        block: &AttentionBlock,
        cache: &mut LayerCache,
        position: &Array,
    ) -> Result<Array> {
        let row = RowShape {
            num_key_value_heads: block.num_key_value_heads,
            head_dim: block.head_dim,
            dtype: x.dtype(),
        };
        let (queries, keys, values) = match cache.room_for_one(&row)?.ok_or_else(missing)? {
            RoomForOne::InPlace((keys, values)) => {
                let inputs = [x, position, &keys, &values];
                let queries = one(Self::qkv(&self.qkv_in_place, inputs, block, &[])?)?;
                cache.filled_one(&queries);
                (queries, keys, values)
            }
            RoomForOne::Ring((keys, values)) => {
                let inputs = [x, position, &keys, &values];
                let rings = [(keys.shape(), x.dtype()), (values.shape(), x.dtype())];
                let outputs = Self::qkv(&self.qkv_ring, inputs, block, &rings)?;
                let mut outputs = outputs.into_iter();
                let queries = outputs.next().ok_or_else(missing)?;
                let (keys, values) = pair(outputs.next(), outputs.next())?;
                cache.turned((keys.clone(), values.clone()));
                (queries, keys, values)
            }
        };
        let inputs = [&queries, &keys, &values, &block.sinks, position];
        let seen = self.attend(inputs, block, cache.len())?;
        self.project(&seen, &block.o_proj, x)
    }

    /// Rotated queries `[1, Hq, 1, Dh]`, then what `rings` says; the row's key and value go where
    /// `kernel` puts them. `inputs`: the row, its position, earlier keys and values.
    fn qkv(
        kernel: &CudaKernel,
        [x, position, keys, values]: [&Array; 4],
        block: &AttentionBlock,
        rings: &[(&[i32], Dtype)],
    ) -> Result<Vec<Array>> {
        let (weight, bias) = block.qkv_proj.plain().ok_or_else(missing)?;
        let (num_q, num_kv) = (block.num_attention_heads, block.num_key_value_heads);
        let queries = [1, num_q as i32, 1, block.head_dim as i32];
        let num_pairs = (num_q + 2 * num_kv) * block.head_dim / 2;
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Type(c"T", x.dtype()),
                CudaConstant::Int(c"D", x.dim(1) as usize),
                CudaConstant::Int(c"HQ", num_q),
                CudaConstant::Int(c"HKV", num_kv),
                CudaConstant::Int(c"DH", block.head_dim),
                float(c"EPS", block.norm.eps()),
                CudaConstant::Int(c"WARPS", WARPS),
            ],
            blocks: [num_pairs.div_ceil(WARPS), 1, 1],
            threads: 32 * WARPS,
            outputs: &[&[(&queries[..], x.dtype())], rings].concat(),
        };
        let (norm, periods) = (block.norm.weight(), block.rope.periods());
        kernel.start(
            &[x, norm, weight, bias, periods, position, keys, values],
            &launch,
        )
    }

    /// `inputs`: queries, keys, values, sinks and position; `len` positions are in the cache.
    fn attend(&self, inputs: [&Array; 5], block: &AttentionBlock, len: usize) -> Result<Array> {
        let [_, keys, _, sinks, _] = inputs;
        let (heads, head_dim) = (block.num_attention_heads, block.head_dim);
        let (dtype, head_dim_constant) = (keys.dtype(), CudaConstant::Int(c"DH", head_dim));
        let num_parts = num_parts(len.min(keys.dim(2) as usize));
        let together = heads_together(heads / block.num_key_value_heads, num_parts);
        let whole: &[i32] = &[1, (heads * head_dim) as i32];
        let in_parts: &[i32] = &[heads as i32, num_parts as i32, head_dim as i32 + 2];
        let output = match num_parts {
            1 => (whole, dtype),
            _ => (in_parts, Dtype::Float32),
        };
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Type(c"U", output.1),
                CudaConstant::Int(c"HQ", heads),
                CudaConstant::Int(c"HKV", block.num_key_value_heads),
                head_dim_constant,
                float(c"SCALE", block.rope.attention_scale()),
                CudaConstant::Int(c"PARTS", num_parts),
                CudaConstant::Int(c"WARPS", WARPS),
                CudaConstant::Int(c"TOGETHER", together),
                CudaConstant::Type(c"T", dtype),
            ],
            blocks: [heads / together, num_parts, 1],
            threads: 32 * WARPS,
            outputs: &[output],
        };
        let seen = one(self.attention.start(&inputs, &launch)?)?;
        if num_parts == 1 {
            return Ok(seen);
        }
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Type(c"T", dtype),
                head_dim_constant,
                CudaConstant::Int(c"PARTS", num_parts),
            ],
            blocks: [heads, 1, 1],
            threads: head_dim,
            outputs: &[(whole, dtype)],
        };
        one(self.merge.start(&[&seen, sinks], &launch)?)
    }

    /// `x · Wᵀ + b + residual`, one row each.
    fn project(&self, x: &Array, linear: &Linear, residual: &Array) -> Result<Array> {
        let (weight, bias) = linear.plain().ok_or_else(missing)?;
        let rows = weight.dim(0) as usize;
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Type(c"T", x.dtype()),
                CudaConstant::Int(c"D", weight.dim(1) as usize),
                CudaConstant::Int(c"N", rows),
                CudaConstant::Int(c"WARPS", WARPS),
            ],
            blocks: [rows.div_ceil(WARPS), 1, 1],
            threads: 32 * WARPS,
            outputs: &[(residual.shape(), x.dtype())],
        };
        one(self.project.start(&[x, weight, bias, residual], &launch)?)
    }

    /// `norm(x)` for one row, `[1, D]`, and the experts that `linear` chooses for it, which `trace`
    /// receives; none where its weights are packed.
    pub(in crate::model) fn route(
        &self,
        x: &Array,
        norm: &RmsNorm,
        linear: &Linear,
        num_chosen: usize,
        trace: Option<&mut ForwardTrace>,
    ) -> Result<Option<(Array, Routing)>> {
        let Some((weight, bias)) = linear.plain().filter(|_| fits(linear, x.dtype())) else {
            return Ok(None);
        };
        let num_local_experts = weight.dim(0);
        let chosen = [1, num_chosen as i32];
        let constants = [
            CudaConstant::Type(c"T", x.dtype()),
            CudaConstant::Int(c"D", weight.dim(1) as usize),
            CudaConstant::Int(c"E", num_local_experts as usize),
            CudaConstant::Int(c"K", num_chosen),
            float(c"EPS", norm.eps()),
            CudaConstant::Int(c"THREADS", ROUTE_THREADS),
        ];
        let outputs: [(&[i32], Dtype); 4] = [
            (x.shape(), x.dtype()),
            (&[1, num_local_experts], x.dtype()),
            (&chosen, Dtype::Uint32),
            (&chosen, x.dtype()),
        ];
        let launch = CudaLaunch {
            constants: &constants,
            blocks: [1, 1, 1],
            threads: ROUTE_THREADS,
            outputs: &outputs,
        };
        let inputs = [x, norm.weight(), weight, bias];
        let outputs = match trace {
            Some(trace) => {
                let record = trace.row_to_write(num_chosen, num_local_experts as usize)?;
                let inputs = [x, norm.weight(), weight, bias, &record];
                self.route_recorded.start(&inputs, &launch)?
            }
            None => self.route.start(&inputs, &launch)?,
        };
        let mut outputs = outputs.into_iter();
        let (normed, logits) = pair(outputs.next(), outputs.next())?;
        let (experts, weights) = pair(outputs.next(), outputs.next())?;
        let routing = Routing {
            experts,
            weights,
            logits,
            recorded: None,
        };
        Ok(Some((normed, routing)))
    }
}

/// Whether the kernels read this map: bf16, rows of whole 16 bytes, an input that a block can hold.
fn fits(linear: &Linear, dtype: Dtype) -> bool {
    linear.plain().is_some_and(|(weight, bias)| {
        let size = weight.dim(1) as usize;
        [dtype, weight.dtype(), bias.dtype()] == [Dtype::Bfloat16; 3]
            && size.is_multiple_of(8)
            && size <= MAX_VECTOR
    })
}

/// A power of two, so that a growing context needs few compilations.
fn num_parts(keys: usize) -> usize {
    if keys <= KEYS_ALONE {
        return 1;
    }
    keys.div_ceil(KEYS_PER_PART)
        .next_power_of_two()
        .min(MAX_PARTS)
}

/// How many of the `group` query heads that share keys a block takes. In a short context every head has
/// a block of its own, as the GPU would be idle otherwise; in a long one reading keys again counts.
fn heads_together(group: usize, num_parts: usize) -> usize {
    let most = if num_parts == 1 { 1 } else { MAX_TOGETHER };
    (1..=most)
        .rev()
        .find(|&heads| group.is_multiple_of(heads))
        .unwrap_or(1)
}

/// A constant by its bits, as sources take whole numbers only.
fn float(name: &'static std::ffi::CStr, value: f32) -> CudaConstant {
    CudaConstant::Int(name, value.to_bits() as usize)
}
