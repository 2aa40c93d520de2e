//! Conversions: what is packed already keeps its bytes, and packing stays near the original.

use gptoss::checkpoint::{Checkpoint, Layout};
use gptoss::convert::convert;
use gptoss::model::config::Quantization;
use gptoss::model::gpt_oss::{KvPrecision, LogitRows, Transformer};
use gptoss::model::params::{LoadOptions, Products, QuantizeOptions, affine};
use mlx_rs::Dtype;

use crate::golden::{Golden, folder, ids, values};
use crate::tolerance::{F32_LOGITS, assert_close};

fn logits(dir: &std::path::Path, tokens: &[u32]) -> Vec<f32> {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let options = LoadOptions {
        dtype: Dtype::Float32,
        quantize: QuantizeOptions::default(),
        products: Products::Mlx,
        cpu_threads: None,
    };
    let model = Transformer::from_checkpoint(&checkpoint, options, &mut |_, _| true).unwrap();
    let mut caches = model.new_caches(KvPrecision::Activations);
    let logits = model.forward(&ids(tokens), &mut caches, LogitRows::All, None);
    values(&logits.unwrap().unwrap())
}

fn converted(from: &str, quantize: QuantizeOptions) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let input = folder(from);
    let checkpoint = Checkpoint::open(&input).unwrap();
    convert(
        &checkpoint,
        Some(&input),
        dir.path(),
        quantize,
        &mut |_, _| true,
    )
    .unwrap();
    dir
}

#[test]
fn every_layout_converts_without_loss() {
    let golden = Golden::open("pub-b");
    let tokens = &golden.prompts["len17"].0;
    for from in ["pub-b/hf", "pub-b/openai", "pub-b/mlx"] {
        let dir = converted(from, QuantizeOptions::default());
        assert_eq!(Checkpoint::open(dir.path()).unwrap().layout(), Layout::Mlx);
        let found = logits(dir.path(), tokens);
        assert_close(from, &found, &golden.f32("len17.logits"), F32_LOGITS);
    }
}

#[test]
fn eight_bit_rest_gives_the_published_kind() {
    let quantize = QuantizeOptions {
        rest: Some(affine(8)),
        ..QuantizeOptions::default()
    };
    for (from, base) in [("pub-a/hf", "pub-a"), ("pub-b/openai", "pub-b")] {
        let dir = converted(from, quantize);
        assert_eq!(
            Checkpoint::open(dir.path()).unwrap().layout(),
            Layout::MlxQuantized
        );
        let golden = Golden::open(&format!("{base}/mlx-q8"));
        let tokens = &golden.prompts["len17"].0;
        let found = logits(dir.path(), tokens);
        assert_close(from, &found, &golden.f32("len17.logits"), F32_LOGITS);
    }
}

#[test]
fn a_converted_checkpoint_converts_to_itself() {
    let first = converted("pub-b/hf", QuantizeOptions::default());
    let second = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(first.path()).unwrap();
    let quantize = QuantizeOptions {
        experts: Some(Quantization::MXFP4),
        rest: None,
    };
    convert(&checkpoint, None, second.path(), quantize, &mut |_, _| true).unwrap();
    let read = |dir: &tempfile::TempDir| std::fs::read(dir.path().join("model.safetensors"));
    assert_eq!(read(&first).unwrap(), read(&second).unwrap());
}

#[test]
fn stopping_and_occupied_folders_leave_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(&folder("pub-b/hf")).unwrap();
    let output = dir.path().join("new");
    let stopped = convert(
        &checkpoint,
        None,
        &output,
        QuantizeOptions::default(),
        &mut |_, _| false,
    );
    assert!(stopped.unwrap_err().to_string().contains("cancelled"));
    assert!(!output.exists());

    std::fs::write(dir.path().join("mine.txt"), "mine").unwrap();
    let refused = convert(
        &checkpoint,
        None,
        dir.path(),
        QuantizeOptions::default(),
        &mut |_, _| true,
    );
    assert!(refused.unwrap_err().to_string().contains("not empty"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
