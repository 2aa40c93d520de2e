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

/// A safetensors file taken apart, to be damaged and put together again.
pub(crate) struct Parts {
    pub(crate) header: serde_json::Map<String, serde_json::Value>,
    pub(crate) data: Vec<u8>,
}

impl Parts {
    pub(crate) fn read(path: &str) -> Self {
        let bytes = std::fs::read(fixture(path).join("model.safetensors")).expect("readable");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        Self {
            header: serde_json::from_slice(&bytes[8..8 + length]).expect("JSON"),
            data: bytes[8 + length..].to_vec(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        file(
            &serde_json::to_string(&self.header).expect("JSON"),
            &self.data,
        )
    }

    /// Renames a tensor, keeping its data.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let entry = self.header.remove(from).expect("there is such a tensor");
        self.header.insert(to.to_owned(), entry);
    }

    /// Adds a tensor behind all others.
    pub(crate) fn append(&mut self, name: &str, dtype: &str, shape: &[usize], data: &[u8]) {
        let (start, end) = (self.data.len(), self.data.len() + data.len());
        self.data.extend_from_slice(data);
        let entry = serde_json::json!({
            "dtype": dtype, "shape": shape, "data_offsets": [start, end],
        });
        self.header.insert(name.to_owned(), entry);
    }

    /// Takes a tensor out, data and all, and returns its shape and data.
    pub(crate) fn remove(&mut self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let entry = self.header.remove(name).expect("there is such a tensor");
        let offset = |entry: &serde_json::Value, at: usize| {
            entry["data_offsets"][at].as_u64().expect("a number") as usize
        };
        let (start, end) = (offset(&entry, 0), offset(&entry, 1));
        let data = self.data.drain(start..end).collect();
        for (_, other) in self
            .header
            .iter_mut()
            .filter(|(name, _)| *name != "__metadata__")
        {
            let (from, to) = (offset(other, 0), offset(other, 1));
            if from >= end {
                other["data_offsets"] = serde_json::json!([from - end + start, to - end + start]);
            }
        }
        (
            serde_json::from_value(entry["shape"].clone()).expect("a shape"),
            data,
        )
    }
}

/// A safetensors file with any text as its header.
pub(crate) fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes()[..],
        header.as_bytes(),
        data,
    ]
    .concat()
}

/// Opens weights beside the configuration of a golden checkpoint; the message if refused.
pub(crate) fn open_bytes(config_of: &str, weights: &[u8]) -> Result<Checkpoint, String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(
        fixture(config_of).join("config.json"),
        dir.path().join("config.json"),
    )
    .expect("copied");
    std::fs::write(dir.path().join("model.safetensors"), weights).expect("written");
    Checkpoint::open(dir.path()).map_err(|error| error.to_string())
}

/// Checks that a message names all of `parts`.
#[track_caller]
pub(crate) fn check_message<T>(outcome: Result<T, String>, parts: &[&str]) {
    let message = outcome.err();
    assert!(message.is_some(), "accepted; expected {parts:?}");
    let message = message.unwrap_or_default();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}
