//! The layouts in which gpt-oss weights are published, and what each calls its tensors.

/// Who wrote a checkpoint, told by its tensors' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Hugging Face transformers.
    HuggingFace,
    /// OpenAI's original release.
    OpenAi,
    /// mlx-lm, nothing quantized but (perhaps) the experts in MXFP4.
    Mlx,
    /// mlx-lm, further modules quantized.
    MlxQuantized,
}

impl Layout {
    /// A name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HuggingFace => "Hugging Face",
            Self::OpenAi => "OpenAI",
            Self::Mlx => "mlx-lm",
            Self::MlxQuantized => "mlx-lm, quantized",
        }
    }

    /// Recognizes the layout by tensor names; `None` if they are not gpt-oss's.
    pub(super) fn detect(names: &[&str]) -> Option<Self> {
        let any = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
        if any(&|name| name.starts_with("block.") || name == "embedding.weight") {
            return Some(Self::OpenAi);
        }
        if any(&|name| name.contains(".mlp.experts.gate_proj.")) {
            let quantized = any(&|name| {
                name.ends_with(".biases")
                    || name.ends_with(".scales") && !name.contains(".experts.")
            });
            return Some(if quantized {
                Self::MlxQuantized
            } else {
                Self::Mlx
            });
        }
        // Without any expert the schema's message on the missing ones says more than `None`.
        any(&|name| name.starts_with("model.layers.")).then_some(Self::HuggingFace)
    }

    /// The names of what exists once.
    pub(super) fn model_names(self) -> ModelNames {
        match self {
            Self::OpenAi => ModelNames {
                embed_tokens: "embedding",
                norm: "norm.scale",
                lm_head: "unembedding",
            },
            _ => ModelNames {
                embed_tokens: "model.embed_tokens",
                norm: "model.norm.weight",
                lm_head: "lm_head",
            },
        }
    }

    /// The names of a layer.
    pub(super) fn layer_names(self, layer_idx: usize) -> LayerNames {
        match self {
            Self::OpenAi => openai_layer(&format!("block.{layer_idx}")),
            Self::HuggingFace => {
                let mlp = format!("model.layers.{layer_idx}.mlp");
                hugging_face_layer(
                    layer_idx,
                    ExpertNames::Fused {
                        gate_up: FusedNames::new(&format!("{mlp}.experts.gate_up_proj"), "_", "_"),
                        down: FusedNames::new(&format!("{mlp}.experts.down_proj"), "_", "_"),
                        input_major: true,
                    },
                )
            }
            Self::Mlx | Self::MlxQuantized => {
                let experts = format!("model.layers.{layer_idx}.mlp.experts");
                hugging_face_layer(
                    layer_idx,
                    ExpertNames::Split {
                        gate: format!("{experts}.gate_proj"),
                        up: format!("{experts}.up_proj"),
                        down: format!("{experts}.down_proj"),
                        experts,
                    },
                )
            }
        }
    }
}

/// Names outside of the layers: modules, except for the norm, which is a tensor.
#[derive(Debug)]
pub(super) struct ModelNames {
    pub(super) embed_tokens: &'static str,
    pub(super) norm: &'static str,
    pub(super) lm_head: &'static str,
}

/// Names of one layer: tensors for norms and sinks, modules for linear layers.
#[derive(Debug)]
pub(super) struct LayerNames {
    pub(super) input_layernorm: String,
    pub(super) qkv: QkvNames,
    pub(super) o_proj: String,
    pub(super) sinks: String,
    pub(super) post_attention_layernorm: String,
    pub(super) router: String,
    pub(super) experts: ExpertNames,
}

/// The modules of queries, keys and values.
#[derive(Debug)]
pub(super) enum QkvNames {
    Split { q: String, k: String, v: String },
    Fused(String),
}

/// The experts' tensors.
#[derive(Debug)]
pub(super) enum ExpertNames {
    /// Gate and up rows interleaved in one tensor.
    Fused {
        gate_up: FusedNames,
        down: FusedNames,
        /// Whether unpacked weights are `[E, in, out]`.
        input_major: bool,
    },
    /// Three modules.
    Split {
        experts: String,
        gate: String,
        up: String,
        down: String,
    },
}

/// The tensors of a fused projection; packed or dense, never both.
#[derive(Debug)]
pub(super) struct FusedNames {
    pub(super) blocks: String,
    pub(super) scales: String,
    pub(super) dense: String,
    pub(super) bias: String,
}

impl FusedNames {
    fn new(weight: &str, packed_separator: &str, bias_separator: &str) -> Self {
        let base = weight.strip_suffix("_weight").unwrap_or(weight);
        Self {
            blocks: format!("{weight}{packed_separator}blocks"),
            scales: format!("{weight}{packed_separator}scales"),
            dense: weight.to_owned(),
            bias: format!("{base}{bias_separator}bias"),
        }
    }
}

fn hugging_face_layer(layer_idx: usize, experts: ExpertNames) -> LayerNames {
    let layer = format!("model.layers.{layer_idx}");
    LayerNames {
        input_layernorm: format!("{layer}.input_layernorm.weight"),
        qkv: QkvNames::Split {
            q: format!("{layer}.self_attn.q_proj"),
            k: format!("{layer}.self_attn.k_proj"),
            v: format!("{layer}.self_attn.v_proj"),
        },
        o_proj: format!("{layer}.self_attn.o_proj"),
        sinks: format!("{layer}.self_attn.sinks"),
        post_attention_layernorm: format!("{layer}.post_attention_layernorm.weight"),
        router: format!("{layer}.mlp.router"),
        experts,
    }
}

fn openai_layer(block: &str) -> LayerNames {
    LayerNames {
        input_layernorm: format!("{block}.attn.norm.scale"),
        qkv: QkvNames::Fused(format!("{block}.attn.qkv")),
        o_proj: format!("{block}.attn.out"),
        sinks: format!("{block}.attn.sinks"),
        post_attention_layernorm: format!("{block}.mlp.norm.scale"),
        router: format!("{block}.mlp.gate"),
        experts: ExpertNames::Fused {
            gate_up: FusedNames::new(&format!("{block}.mlp.mlp1_weight"), ".", "_"),
            down: FusedNames::new(&format!("{block}.mlp.mlp2_weight"), ".", "_"),
            input_major: false,
        },
    }
}
