//! Kernels of our own on NVIDIA GPUs, the mixture of experts first.
//!
//! Few tokens: one kernel for gate, up and `SwiGLU`, one for down, weights and residual; each reads only
//! the chosen experts' packed weights, once. Many tokens: pairs of token and expert sorted by expert,
//! and products on tensor cores that unpack the weights on the way. The sources lie beside this file
//! and say how. MLX's own path ([`super::experts`]) computes the same and is what tests compare with.
//! [`one_token`] has the rest of a layer for one token.
//!
//! Why: docs/decisions/0014-cuda-kernels.md.

pub(super) mod one_token;

use std::ffi::CStr;

use mlx_rs::error::Result;
use mlx_rs::ops::argsort_axis;
use mlx_rs::ops::indexing::take_axis;
use mlx_rs::{Array, Dtype};

use super::config::{ModelConfig, QuantizationMode};
use super::experts::ExpertWeights;
use super::layers::Weight;
use crate::mlx::cuda::{CudaConstant, CudaKernel, CudaLaunch, CudaSource};
use crate::mlx::ops::QuantizedArray;
use one_token::OneTokenKernels;

/// From this many tokens on, reading every expert once beats reading some for each token.
const MIN_SORTED_TOKENS: usize = 16;

/// Values that a block of `gate_up.cu` computes: one token's blocks have to run at once, as a few that are
/// left over would take as long as all others.
const GATED_ROWS: usize = 16;

/// Values that a block of `down.cu` computes.
const ROWS: usize = 8;

/// Groups of 32 weights of a row that a warp of these kernels takes at most.
const GROUPS_PER_SLICE: usize = 32;

/// Columns of a tile of `grouped.cu`.
const TILE_COLUMNS: usize = 128;

/// Pairs of a tile, ascending. What is left of a tile is multiplied for nothing, but every tile unpacks
/// its expert's weights again.
const TILE_PAIRS: [usize; 4] = [16, 32, 64, 128];

/// Values that `combine.cu` handles a block.
const COMBINE_THREADS: usize = 256;

/// Slices that a row may have: with eight experts, a block of `down.cu` has no room for more.
const MAX_SLICES: usize = 4;

static GATE_UP: CudaSource = CudaSource {
    name: c"gptoss_gate_up",
    inputs: &[c"x", c"experts", c"weight", c"scales", c"bias", c"limit"],
    outputs: &[c"out"],
    header: concat!(
        "#include <cuda_fp16.h>\n",
        include_str!("cuda/dense.cuh"),
        include_str!("cuda/mxfp4.cuh")
    ),
    body: include_str!("cuda/gate_up.cu"),
    shared_memory_bytes: 0,
};

static DOWN: CudaSource = CudaSource {
    name: c"gptoss_down",
    inputs: &[
        c"hidden",
        c"experts",
        c"shares",
        c"weight",
        c"scales",
        c"bias",
        c"residual",
    ],
    outputs: &[c"out"],
    header: GATE_UP.header,
    body: include_str!("cuda/down.cu"),
    shared_memory_bytes: 0,
};

static ROUTER: CudaSource = CudaSource {
    name: c"gptoss_router",
    inputs: &[c"logits"],
    outputs: &[c"experts", c"shares"],
    header: include_str!("cuda/choose.cuh"),
    body: include_str!("cuda/router.cu"),
    shared_memory_bytes: 0,
};

static TILES: CudaSource = CudaSource {
    name: c"gptoss_tiles",
    inputs: &[c"sorted"],
    outputs: &[c"starts", c"tiles"],
    header: "",
    body: include_str!("cuda/tiles.cu"),
    shared_memory_bytes: 0,
};

static GROUPED: [CudaSource; 4] = [
    grouped(c"gptoss_grouped_16", TILE_PAIRS[0]),
    grouped(c"gptoss_grouped_32", TILE_PAIRS[1]),
    grouped(c"gptoss_grouped_64", TILE_PAIRS[2]),
    grouped(c"gptoss_grouped_128", TILE_PAIRS[3]),
];

const fn grouped(name: &'static CStr, tile_pairs: usize) -> CudaSource {
    CudaSource {
        name,
        inputs: &[
            c"x", c"order", c"starts", c"tiles", c"weight", c"scales", c"bias", c"limit",
        ],
        outputs: &[c"out"],
        header: concat!("#include <cuda_bf16.h>\n", include_str!("cuda/grouped.cuh")),
        body: include_str!("cuda/grouped.cu"),
        // Three stages of the inputs' tile and two of the weights', 128 bytes a row.
        shared_memory_bytes: 128 * (3 * tile_pairs + 2 * TILE_COLUMNS) as i32,
    }
}

static COMBINE: CudaSource = CudaSource {
    name: c"gptoss_combine",
    inputs: &[c"outputs", c"shares", c"residual"],
    outputs: &[c"out"],
    header: "",
    body: include_str!("cuda/combine.cu"),
    shared_memory_bytes: 0,
};

/// All kernels, made once for a model.
#[derive(Debug)]
pub(super) struct CudaKernels {
    gate_up: CudaKernel,
    down: CudaKernel,
    router: CudaKernel,
    tiles: CudaKernel,
    /// One a tile of [`TILE_PAIRS`].
    grouped: Vec<CudaKernel>,
    combine: CudaKernel,
    pub(super) one_token: OneTokenKernels,
}

/// A layer's experts as the kernels read them.
#[derive(Debug, Clone, Copy)]
struct Packed<'a> {
    weight: &'a QuantizedArray,
    bias: &'a Array,
}

impl CudaKernels {
    pub(super) fn new() -> Self {
        Self {
            gate_up: CudaKernel::new(&GATE_UP),
            down: CudaKernel::new(&DOWN),
            router: CudaKernel::new(&ROUTER),
            tiles: CudaKernel::new(&TILES),
            grouped: GROUPED.iter().map(CudaKernel::new).collect(),
            combine: CudaKernel::new(&COMBINE),
            one_token: OneTokenKernels::new(),
        }
    }

    /// Whether the kernels can compute these experts with activations of `dtype`.
    pub(super) fn fits(config: &ModelConfig, weights: &ExpertWeights, dtype: Dtype) -> bool {
        let sizes = [config.hidden_size, config.intermediate_size];
        let is_mxfp4 = |weight: &Weight| {
            matches!(weight, Weight::Quantized(weight)
                if weight.quantization.mode == QuantizationMode::Mxfp4)
        };
        dtype == Dtype::Bfloat16
            && [&weights.gate_up, &weights.down].into_iter().all(is_mxfp4)
            && config.num_experts_per_tok <= 8
            && sizes
                .into_iter()
                .all(|size| size.is_multiple_of(64) && size <= 32 * GROUPS_PER_SLICE * MAX_SLICES)
    }

    /// The choice for each row of `logits: [L, E]`: ids u32 `[L, K]` and their softmax.
    pub(super) fn choose(&self, logits: &Array, num_chosen: usize) -> Result<(Array, Array)> {
        let (tokens, dtype) = (logits.dim(0), logits.dtype());
        let shape = [tokens, num_chosen as i32];
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Type(c"T", dtype),
                CudaConstant::Int(c"E", logits.dim(1) as usize),
                CudaConstant::Int(c"K", num_chosen),
            ],
            blocks: [tokens as usize, 1, 1],
            threads: 32,
            outputs: &[(&shape, Dtype::Uint32), (&shape, dtype)],
        };
        let mut outputs = self.router.start(&[logits], &launch)?.into_iter();
        pair(outputs.next(), outputs.next())
    }

    /// `residual + Σ share · expert(x)`; `x`, `residual`: `[L, D]`, `experts`, `shares`: `[L, K]`.
    /// `limit` is the clamp of `SwiGLU`. `None` where the experts are packed in another way.
    pub(super) fn experts(
        &self,
        x: &Array,
        (experts, shares): (&Array, &Array),
        weights: &ExpertWeights,
        limit: &Array,
        residual: &Array,
    ) -> Result<Option<Array>> {
        let (Weight::Quantized(gate_up), Weight::Quantized(down)) =
            (&weights.gate_up, &weights.down)
        else {
            return Ok(None);
        };
        let gate_up = Packed {
            weight: gate_up,
            bias: &weights.gate_up_bias,
        };
        let down = Packed {
            weight: down,
            bias: &weights.down_bias,
        };
        let layer = Layer {
            gate_up,
            down,
            limit,
            tokens: x.dim(0) as usize,
            hidden_size: x.dim(1) as usize,
            intermediate_size: gate_up.bias.dim(1) as usize / 2,
            num_local_experts: gate_up.bias.dim(0) as usize,
            num_chosen: experts.dim(1) as usize,
        };
        let choice = (experts, shares);
        let sum = if layer.tokens >= MIN_SORTED_TOKENS && layer.has_whole_steps() {
            self.many(x, choice, &layer, residual)?
        } else {
            self.few(x, choice, &layer, residual)?
        };
        Ok(Some(sum))
    }

    fn few(
        &self,
        x: &Array,
        (experts, shares): (&Array, &Array),
        layer: &Layer<'_>,
        residual: &Array,
    ) -> Result<Array> {
        let &Layer {
            gate_up,
            down,
            tokens,
            ..
        } = layer;
        let [d, i, k] = layer.constants();
        let sizes = [CudaConstant::Type(c"T", x.dtype()), d, i, k];
        let slices = |size: usize| size.div_ceil(32 * GROUPS_PER_SLICE);
        let hidden_shape = [tokens, layer.num_chosen, layer.intermediate_size].map(|n| n as i32);
        let launch = CudaLaunch {
            constants: &with(&sizes, &[CudaConstant::Int(c"ROWS", GATED_ROWS)]),
            blocks: [
                layer.intermediate_size.div_ceil(GATED_ROWS),
                layer.num_chosen,
                tokens,
            ],
            threads: 32 * slices(layer.hidden_size),
            outputs: &[(&hidden_shape, x.dtype())],
        };
        let inputs = [
            x,
            experts,
            &gate_up.weight.weight,
            &gate_up.weight.scales,
            gate_up.bias,
            layer.limit,
        ];
        let hidden = one(self.gate_up.start(&inputs, &launch)?)?;
        let launch = CudaLaunch {
            constants: &sizes,
            blocks: [layer.hidden_size.div_ceil(ROWS), tokens, 1],
            threads: 32 * layer.num_chosen * slices(layer.intermediate_size),
            outputs: &[(x.shape(), x.dtype())],
        };
        let inputs = [
            &hidden,
            experts,
            shares,
            &down.weight.weight,
            &down.weight.scales,
            down.bias,
            residual,
        ];
        one(self.down.start(&inputs, &launch)?)
    }

    fn many(
        &self,
        x: &Array,
        (experts, shares): (&Array, &Array),
        layer: &Layer<'_>,
        residual: &Array,
    ) -> Result<Array> {
        let flat = experts.reshape(&[-1])?;
        let order = argsort_axis(&flat, 0)?;
        let (starts, tiles) = self.tiles(&take_axis(&flat, &order, 0)?, layer)?;
        let places = [&order, &starts, &tiles];
        let hidden = self.grouped(x, places, layer, true)?;
        let outputs = self.grouped(&hidden, places, layer, false)?;
        let [d, _, k] = layer.constants();
        let launch = CudaLaunch {
            constants: &[CudaConstant::Type(c"T", x.dtype()), d, k],
            blocks: [layer.hidden_size.div_ceil(COMBINE_THREADS), layer.tokens, 1],
            threads: COMBINE_THREADS,
            outputs: &[(x.shape(), x.dtype())],
        };
        one(self.combine.start(&[&outputs, shares, residual], &launch)?)
    }

    /// Where each expert's pairs begin, and the tiles that they make.
    fn tiles(&self, sorted: &Array, layer: &Layer<'_>) -> Result<(Array, Array)> {
        let starts = [layer.num_local_experts as i32 + 1];
        let tiles = [layer.max_tiles() as i32, 2];
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Int(c"E", layer.num_local_experts),
                CudaConstant::Int(c"BM", layer.tile_pairs()),
            ],
            blocks: [1, 1, 1],
            threads: 256,
            outputs: &[(&starts, Dtype::Int32), (&tiles, Dtype::Int32)],
        };
        let mut outputs = self.tiles.start(&[sorted], &launch)?.into_iter();
        pair(outputs.next(), outputs.next())
    }

    /// One product over all pairs: gate and up with `SwiGLU`, or down.
    fn grouped(
        &self,
        x: &Array,
        [order, starts, tiles]: [&Array; 3],
        layer: &Layer<'_>,
        is_gated: bool,
    ) -> Result<Array> {
        let (hidden, intermediate) = (layer.hidden_size, layer.intermediate_size);
        let (packed, input, rows, output, columns) = if is_gated {
            let columns = intermediate / (TILE_COLUMNS / 2);
            (
                layer.gate_up,
                hidden,
                2 * intermediate,
                intermediate,
                columns,
            )
        } else {
            let columns = hidden.div_ceil(TILE_COLUMNS);
            (layer.down, intermediate, hidden, hidden, columns)
        };
        let shape = [layer.num_pairs() as i32, output as i32];
        let launch = CudaLaunch {
            constants: &[
                CudaConstant::Int(c"D", input),
                CudaConstant::Int(c"N", rows),
                CudaConstant::Int(c"K", layer.num_chosen),
                CudaConstant::Int(c"BM", layer.tile_pairs()),
                CudaConstant::Bool(c"GATED", is_gated),
            ],
            blocks: [columns, layer.max_tiles(), 1],
            threads: 128,
            outputs: &[(&shape, Dtype::Bfloat16)],
        };
        let QuantizedArray { weight, scales, .. } = packed.weight;
        let inputs = [
            x,
            order,
            starts,
            tiles,
            weight,
            scales,
            packed.bias,
            layer.limit,
        ];
        one(self.grouped[layer.tile()].start(&inputs, &launch)?)
    }
}

/// One call's weights and sizes.
#[derive(Debug)]
struct Layer<'a> {
    gate_up: Packed<'a>,
    down: Packed<'a>,
    limit: &'a Array,
    tokens: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_local_experts: usize,
    num_chosen: usize,
}

impl Layer<'_> {
    /// Whether sizes are multiples of what `grouped.cu` goes on by.
    fn has_whole_steps(&self) -> bool {
        [self.hidden_size, self.intermediate_size]
            .into_iter()
            .all(|size| size.is_multiple_of(64))
    }

    fn num_pairs(&self) -> usize {
        self.tokens * self.num_chosen
    }

    /// Which of [`TILE_PAIRS`]: twice what an expert has on average, so that few need a second tile.
    fn tile(&self) -> usize {
        let wanted = 2 * self.num_pairs() / self.num_local_experts;
        let fitting = TILE_PAIRS.iter().position(|&pairs| pairs >= wanted);
        fitting.unwrap_or(TILE_PAIRS.len() - 1)
    }

    fn tile_pairs(&self) -> usize {
        TILE_PAIRS[self.tile()]
    }

    /// Every expert may leave one tile unfilled; `tiles.cu` counts on this number.
    fn max_tiles(&self) -> usize {
        self.num_pairs() / self.tile_pairs() + self.num_local_experts
    }

    fn constants(&self) -> [CudaConstant; 3] {
        [
            CudaConstant::Int(c"D", self.hidden_size),
            CudaConstant::Int(c"I", self.intermediate_size),
            CudaConstant::Int(c"K", self.num_chosen),
        ]
    }
}

/// For each tile, a number of a prompt's tokens that is multiplied with it.
pub(super) fn prompt_rows_of_each_tile(config: &ModelConfig) -> Vec<usize> {
    let (experts, chosen) = (config.num_local_experts, config.num_experts_per_tok);
    let rows_of = |pairs: usize| pairs * experts / (2 * chosen);
    let below = TILE_PAIRS.iter().rev().skip(1).map(|pairs| rows_of(*pairs));
    let largest = rows_of(TILE_PAIRS[TILE_PAIRS.len() - 2]) + experts;
    below
        .chain([largest])
        .filter(|rows| *rows >= MIN_SORTED_TOKENS)
        .collect()
}

fn with(first: &[CudaConstant], then: &[CudaConstant]) -> Vec<CudaConstant> {
    [first, then].concat()
}

fn one(outputs: Vec<Array>) -> Result<Array> {
    outputs.into_iter().next().ok_or_else(missing)
}

fn pair(first: Option<Array>, second: Option<Array>) -> Result<(Array, Array)> {
    first.zip(second).ok_or_else(missing)
}

fn missing() -> mlx_rs::error::Exception {
    mlx_rs::error::Exception::custom("a kernel gave fewer outputs than it has")
}
