//! What a model will need, before any of it is loaded.

use gptoss::checkpoint::{Checkpoint, TensorDtype, TensorGroup, TensorInfo};
use gptoss::generate::{MemoryDemand, MemoryModel};
use gptoss::mlx::device::{self, DeviceKind};
use gptoss::model::ModelConfig;
use gptoss::model::config::{Quantization, QuantizationMode};
use gptoss::model::params::QuantizeOptions;
use gptoss::{PretrainedOptions, memory_limit_bytes};
use mlx_rs::Dtype;

use super::args::{LimitArgs, format_bytes};
use super::exit::CliError;
use super::output;

/// The memory that a model needs, and what it may use.
#[derive(Debug)]
pub(crate) struct Prediction {
    weights_bytes: u64,
    memory: MemoryModel,
    limit_bytes: Option<u64>,
}

impl Prediction {
    /// For the weights in a checkpoint.
    pub(crate) fn of_checkpoint(
        checkpoint: &Checkpoint,
        options: PretrainedOptions,
        limits: &LimitArgs,
    ) -> Result<Self, CliError> {
        let form = Form::new(options)?;
        let weights_bytes = checkpoint
            .tensors()
            .map(|tensor| form.of_tensor(&tensor))
            .sum();
        Self::new(checkpoint.config(), weights_bytes, form, limits)
    }

    /// For random weights of a shape: MXFP4 experts, the rest dense unless packed.
    pub(crate) fn of_random(
        config: &ModelConfig,
        options: PretrainedOptions,
        limits: &LimitArgs,
    ) -> Result<Self, CliError> {
        let form = Form::new(options)?;
        let experts = [config.num_hidden_layers, config.num_local_experts, 3]
            .into_iter()
            .chain([config.hidden_size, config.intermediate_size])
            .fold(1u64, |total, factor| total.saturating_mul(factor as u64));
        let rest = config.parameter_count().saturating_sub(experts);
        let weights_bytes = packed_bytes(experts, Quantization::MXFP4, form.activation_bytes)
            .saturating_add(form.random_rest(rest));
        Self::new(config, weights_bytes, form, limits)
    }

    fn new(
        config: &ModelConfig,
        weights_bytes: u64,
        form: Form,
        limits: &LimitArgs,
    ) -> Result<Self, CliError> {
        let info = device::info().map_err(|error| CliError::failed(error.what()))?;
        Ok(Self {
            weights_bytes,
            memory: MemoryModel::from_config(
                config.clone(),
                weights_bytes,
                form.activation_bytes,
                limits.kv_precision(),
                limits.prefill_chunk_tokens(),
            ),
            limit_bytes: limits.memory_limit_bytes().or(memory_limit_bytes(&info)),
        })
    }

    /// Bytes of the weights in memory.
    pub(crate) fn weights_bytes(&self) -> u64 {
        self.weights_bytes
    }

    /// What may be used.
    pub(crate) fn limit_bytes(&self) -> Option<u64> {
        self.limit_bytes
    }

    /// What a context of `tokens` needs.
    pub(crate) fn demand(&self, tokens: usize) -> MemoryDemand {
        self.memory.demand(tokens, 0)
    }

    /// The longest context within the limit.
    pub(crate) fn largest_context_tokens(&self) -> Option<usize> {
        self.limit_bytes
            .map(|limit| self.memory.largest_context_tokens(limit))
    }

    /// Refuses weights that are larger than the limit.
    pub(crate) fn check_weights(&self) -> Result<(), CliError> {
        match self.limit_bytes {
            Some(limit) if self.weights_bytes > limit => Err(CliError::memory(format!(
                "the weights would need {} and the limit is {}",
                format_bytes(self.weights_bytes),
                format_bytes(limit)
            ))
            .hint("pack them with --quantize, or raise --memory-limit")),
            _ => Ok(()),
        }
    }

    /// Refuses a context of `tokens` that needs more than the limit.
    pub(crate) fn check(&self, tokens: usize) -> Result<(), CliError> {
        let needed = self.demand(tokens).total_bytes();
        match self.limit_bytes {
            Some(limit) if needed > limit => Err(CliError::memory(format!(
                "{tokens} tokens would need {} and the limit is {}; the largest context that fits \
                 is {} tokens",
                format_bytes(needed),
                format_bytes(limit),
                self.memory.largest_context_tokens(limit)
            ))),
            _ => Ok(()),
        }
    }

    /// Prints what a look inside at the last of `tokens` tokens takes, and refuses what is over the
    /// limit.
    pub(crate) fn dry_run_inspection(
        &self,
        tokens: usize,
        unembeddings: usize,
        as_json: bool,
    ) -> Result<(), CliError> {
        let needed = self.memory.inspect_demand(tokens).total_bytes();
        output::line(&if as_json {
            let json = serde_json::json!({
                "tokens": tokens,
                "unembeddings": unembeddings,
                "predicted_peak_bytes": needed,
                "limit_bytes": self.limit_bytes,
            });
            json.to_string()
        } else {
            format!("{tokens} tokens to compute, {unembeddings} unembeddings, {needed} bytes")
        })?;
        match self.limit_bytes {
            Some(limit) if needed > limit => Err(CliError::memory(format!(
                "{tokens} tokens would need {} and the limit is {}; the longest sequence that fits \
                 is {} tokens",
                format_bytes(needed),
                format_bytes(limit),
                self.memory.largest_inspected_tokens(limit)
            ))),
            _ => Ok(()),
        }
    }

    /// Prints the prediction for `tokens` and refuses what is over the limit.
    pub(crate) fn dry_run(&self, tokens: usize, as_json: bool) -> Result<(), CliError> {
        let demand = self.demand(tokens);
        if as_json {
            let json = serde_json::json!({
                "context_tokens": tokens,
                "weights_bytes": demand.weights_bytes,
                "kv_bytes": demand.kv_bytes,
                "workspace_bytes": demand.workspace_bytes,
                "predicted_peak_bytes": demand.total_bytes(),
                "limit_bytes": self.limit_bytes,
            });
            output::line(&json.to_string())?;
        } else {
            output::line(&format!(
                "{tokens} tokens would need {} bytes: {} of weights, {} of keys and values, {} to \
                 work in",
                demand.total_bytes(),
                format_bytes(demand.weights_bytes),
                format_bytes(demand.kv_bytes),
                format_bytes(demand.workspace_bytes)
            ))?;
        }
        self.check(tokens)
    }
}

/// How weights will lie in memory.
#[derive(Debug, Clone, Copy)]
struct Form {
    activation_bytes: u64,
    quantize: QuantizeOptions,
    keeps_bf16: bool,
}

impl Form {
    fn new(options: PretrainedOptions) -> Result<Self, CliError> {
        let device = DeviceKind::current().map_err(|error| CliError::failed(error.what()))?;
        let load = options.resolve(device);
        Ok(Self {
            activation_bytes: if load.dtype == Dtype::Float32 { 4 } else { 2 },
            quantize: load.quantize,
            keeps_bf16: load.keeps_bf16(),
        })
    }

    fn of_tensor(self, tensor: &TensorInfo<'_>) -> u64 {
        let is_float = !matches!(
            tensor.dtype,
            TensorDtype::U8 | TensorDtype::U16 | TensorDtype::U32 | TensorDtype::I32
        );
        if !is_float {
            return tensor.nbytes;
        }
        let values = tensor.shape.iter().map(|&dim| dim as u64).product();
        let is_packing = tensor.name.ends_with(".scales") || tensor.name.ends_with(".biases");
        let is_matrix = match (tensor.group, tensor.shape.len()) {
            _ if is_packing => false,
            (TensorGroup::Experts, dims) => dims == 3,
            (TensorGroup::Norms, _) => false,
            (_, dims) => dims > 1,
        };
        let packing = match tensor.group {
            _ if !is_matrix => None,
            TensorGroup::Experts => self.quantize.experts,
            _ => self.quantize.rest,
        };
        // An embedding's rows are converted when they are looked up.
        let stays = tensor.group == TensorGroup::Embedding
            || self.keeps_bf16 && tensor.dtype == TensorDtype::BF16;
        if is_matrix && packing.is_none() && stays {
            return tensor.nbytes;
        }
        self.maybe_packed(values, packing)
    }

    fn maybe_packed(self, values: u64, packing: Option<Quantization>) -> u64 {
        match packing {
            Some(quantization) => packed_bytes(values, quantization, self.activation_bytes),
            None => values.saturating_mul(self.activation_bytes),
        }
    }

    /// The dense matrices of a random model, which are bf16 where that is read as it is.
    fn random_rest(self, values: u64) -> u64 {
        match self.quantize.rest {
            None if self.keeps_bf16 => values.saturating_mul(2),
            packing => self.maybe_packed(values, packing),
        }
    }
}

fn packed_bytes(values: u64, quantization: Quantization, activation_bytes: u64) -> u64 {
    let per_group = match quantization.mode {
        QuantizationMode::Mxfp4 => 1,
        QuantizationMode::Affine => 2 * activation_bytes,
    };
    let bits = values.saturating_mul(quantization.bits as u64);
    (bits / 8).saturating_add((values / quantization.group_size as u64).saturating_mul(per_group))
}
