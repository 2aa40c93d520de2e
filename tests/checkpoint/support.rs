//! Paths and tensors that the tests of this folder share.

use std::path::PathBuf;

use gptoss::checkpoint::{Checkpoint, LinearTensors, TensorView, WeightTensors};

/// A folder of the golden data, made with the references named in its `GOLDENS.md`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/reference")
        .join(path)
}

pub(crate) fn open(path: &str) -> Checkpoint {
    Checkpoint::open(&fixture(path)).expect("a golden checkpoint opens")
}

/// All layouts of the golden data.
pub(crate) const CHECKPOINTS: [&str; 6] = [
    "pub-a/hf",
    "pub-a/mlx-q8",
    "pub-b/hf",
    "pub-b/openai",
    "pub-b/mlx",
    "pub-b/mlx-q8",
];

/// Every canonical tensor with a name that does not depend on the layout.
pub(crate) fn canonical(checkpoint: &Checkpoint) -> Vec<(String, TensorView<'_>)> {
    let mut all = Vec::new();
    push_weight(&mut all, "embed_tokens", checkpoint.embed_tokens());
    push_weight(&mut all, "lm_head", checkpoint.lm_head());
    all.push(("norm".to_owned(), checkpoint.norm()));
    for layer_idx in 0..checkpoint.config().num_hidden_layers {
        let layer = checkpoint.layer(layer_idx);
        for (part, view) in [
            ("input_layernorm", layer.input_layernorm()),
            ("post_attention_layernorm", layer.post_attention_layernorm()),
            ("sinks", layer.sinks()),
        ] {
            all.push((format!("{layer_idx}.{part}"), view));
        }
        for (part, linear) in [
            ("q_proj", layer.q_proj()),
            ("k_proj", layer.k_proj()),
            ("v_proj", layer.v_proj()),
            ("o_proj", layer.o_proj()),
            ("router", layer.router()),
            ("gate_up", layer.gate_up()),
            ("down", layer.down()),
        ] {
            push_linear(&mut all, &format!("{layer_idx}.{part}"), linear);
        }
    }
    all
}

fn push_linear<'a>(all: &mut Vec<(String, TensorView<'a>)>, name: &str, linear: LinearTensors<'a>) {
    push_weight(all, name, linear.weight);
    all.extend(linear.bias.map(|bias| (format!("{name}.bias"), bias)));
}

fn push_weight<'a>(all: &mut Vec<(String, TensorView<'a>)>, name: &str, weight: WeightTensors<'a>) {
    match weight {
        WeightTensors::Dense(view) => all.push((format!("{name}.weight"), view)),
        WeightTensors::Quantized {
            weight,
            scales,
            biases,
            ..
        } => {
            all.push((format!("{name}.weight"), weight));
            all.push((format!("{name}.scales"), scales));
            all.extend(biases.map(|biases| (format!("{name}.biases"), biases)));
        }
    }
}
