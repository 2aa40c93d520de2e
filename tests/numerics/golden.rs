//! Reads the reference data, and the models it belongs to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gptoss::checkpoint::Checkpoint;
use gptoss::mlx::device::DeviceKind;
use gptoss::model::gpt_oss::Transformer;
use gptoss::model::params::LoadOptions;
use mlx_rs::Array;

/// Every checkpoint folder, with the folder that holds its expected values.
pub(crate) const CHECKPOINTS: &[(&str, &str)] = &[
    ("pub-a/hf", "pub-a"),
    ("pub-a/mlx-q8", "pub-a/mlx-q8"),
    ("pub-b/hf", "pub-b"),
    ("pub-b/openai", "pub-b"),
    ("pub-b/mlx", "pub-b"),
    ("pub-b/mlx-q8", "pub-b/mlx-q8"),
];

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/reference")
        .join(name)
}

pub(crate) fn load(name: &str) -> Transformer {
    load_as(name, LoadOptions::for_device(DeviceKind::Cpu))
}

pub(crate) fn load_as(name: &str, options: LoadOptions) -> Transformer {
    let checkpoint = Checkpoint::open(&folder(name)).unwrap();
    Transformer::from_checkpoint(&checkpoint, options, &mut |_, _| true).unwrap()
}

/// The expected values of one checkpoint.
pub(crate) struct Golden {
    arrays: Arrays,
    /// Prompts by name, each with the 32 tokens that follow greedily.
    pub(crate) prompts: BTreeMap<String, (Vec<u32>, Vec<u32>)>,
}

impl Golden {
    pub(crate) fn open(name: &str) -> Self {
        let own: serde_json::Value = json(&folder(name).join("golden.json"));
        // The prompts are those of the unquantised checkpoint.
        let base = name.split('/').next().unwrap();
        let shared: serde_json::Value = json(&folder(base).join("golden.json"));
        let prompts = shared["prompts"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(prompt, ids)| {
                (
                    prompt.clone(),
                    (tokens(ids), tokens(&own["greedy"][prompt])),
                )
            })
            .collect();
        Self {
            arrays: Arrays::open(&folder(name).join("golden.safetensors")),
            prompts,
        }
    }

    pub(crate) fn f32(&self, name: &str) -> Vec<f32> {
        self.arrays.f32(name)
    }

    pub(crate) fn i32(&self, name: &str) -> Vec<i32> {
        self.arrays.i32(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.arrays.shape(name).is_some()
    }
}

/// A safetensors file of expected values.
pub(crate) struct Arrays(Vec<u8>);

impl Arrays {
    pub(crate) fn open(path: &std::path::Path) -> Self {
        Self(std::fs::read(path).unwrap())
    }

    pub(crate) fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).ok().map(|view| view.shape().to_vec())
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().to_vec()
    }

    pub(crate) fn f32(&self, name: &str) -> Vec<f32> {
        let words = self.bytes(name);
        words
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }

    pub(crate) fn i32(&self, name: &str) -> Vec<i32> {
        let words = self.bytes(name);
        words
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }
}

pub(crate) fn ids(tokens: &[u32]) -> Array {
    Array::from_slice(tokens, &[tokens.len() as i32])
}

pub(crate) fn values(array: &Array) -> Vec<f32> {
    array
        .as_dtype(mlx_rs::Dtype::Float32)
        .unwrap()
        .contiguous()
        .unwrap()
        .to_vec_exact::<f32>()
        .unwrap()
}

fn json(path: &std::path::Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tokens(value: &serde_json::Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}
