//! Translates between the protocol's words for a load and the model's.

use mlx_rs::Dtype;

use crate::engine::protocol::{
    ActivationDtype, AttentionKind, DenseQuantization, ExpertQuantization, KvBits, LoadOptions,
    ModelOrigin, ModelSource, ModelSummary,
};
use crate::gptoss::{GptOss, PretrainedOptions};
use crate::model::config::{LayerType, Quantization};
use crate::model::gpt_oss::KvPrecision;
use crate::model::params::{QuantizeOptions, affine};

pub(super) fn model_source(source: &ModelSource) -> crate::gptoss::ModelSource {
    match source {
        ModelSource::Demo => crate::gptoss::ModelSource::Demo,
        ModelSource::Directory(dir) => crate::gptoss::ModelSource::Directory(dir.clone()),
    }
}

pub(super) fn pretrained_options(options: LoadOptions) -> PretrainedOptions {
    PretrainedOptions {
        dtype: match options.dtype {
            ActivationDtype::Auto => None,
            ActivationDtype::F32 => Some(Dtype::Float32),
            ActivationDtype::Bf16 => Some(Dtype::Bfloat16),
            ActivationDtype::F16 => Some(Dtype::Float16),
        },
        quantize: QuantizeOptions {
            experts: match options.quantize_experts {
                ExpertQuantization::Keep => None,
                ExpertQuantization::Mxfp4 => Some(Quantization::MXFP4),
                ExpertQuantization::Affine8 => Some(affine(8)),
                ExpertQuantization::Affine4 => Some(affine(4)),
            },
            rest: match options.quantize_dense {
                DenseQuantization::Keep => None,
                DenseQuantization::Affine8 => Some(affine(8)),
                DenseQuantization::Affine4 => Some(affine(4)),
            },
        },
        cpu_threads: None,
    }
}

pub(super) fn kv_precision(bits: KvBits) -> KvPrecision {
    match bits {
        KvBits::Activation => KvPrecision::Activations,
        KvBits::Eight => KvPrecision::EightBit,
    }
}

pub(super) fn summary(model: &GptOss) -> ModelSummary {
    let (config, loaded) = (model.config(), model.loaded());
    let kind = |layer: &LayerType| match layer {
        LayerType::SlidingAttention => AttentionKind::Sliding,
        LayerType::FullAttention => AttentionKind::Full,
    };
    ModelSummary {
        name: loaded.name.clone(),
        origin: ModelOrigin::Model,
        layers: config.layer_types.iter().map(kind).collect(),
        num_local_experts: config.num_local_experts,
        num_experts_per_tok: config.num_experts_per_tok,
        vocab_size: config.vocab_size,
        max_context_tokens: config.max_position_embeddings,
        sliding_window_tokens: config.sliding_window,
        weights_bytes: loaded.weights_bytes,
        dtype: loaded.dtype_name().to_owned(),
        device: loaded.device.name().to_owned(),
        load_ms: loaded.load_seconds * 1e3,
    }
}
