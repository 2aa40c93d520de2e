//! Experts that are not packed, in the form of each layout.

use std::fmt::Write as _;

use gptoss::checkpoint::{Checkpoint, Layout, WeightTensors, mxfp4::decode};

use crate::support::{Parts, open, open_bytes};

const EXPERTS: usize = 6;
const HIDDEN: usize = 64;
const INNER: usize = 96;

/// Replaces packed experts by the same values in bf16, which holds every MXFP4 value exactly.
fn unpack(parts: &mut Parts, blocks: &str, scales: &str, dense: &str, input_major: bool) {
    let (shape, blocks) = parts.remove(blocks);
    let (_, scales) = parts.remove(scales);
    let values = decode(&blocks, &scales);
    let (rows, inputs) = (shape[1], values.len() / shape[0] / shape[1]);
    let mut bytes = Vec::new();
    let mut push = |value: f32| bytes.extend(half::bf16::from_f32(value).to_le_bytes());
    for expert in values.chunks_exact(rows * inputs) {
        if input_major {
            for input in 0..inputs {
                (0..rows).for_each(|row| push(expert[row * inputs + input]));
            }
        } else {
            for &value in expert {
                push(value);
            }
        }
    }
    let shape = if input_major {
        [shape[0], inputs, rows]
    } else {
        [shape[0], rows, inputs]
    };
    parts.append(dense, "BF16", &shape, &bytes);
}

/// Checks that dense experts are the values of the packed ones.
fn check_values(dense: &Checkpoint, packed: &Checkpoint) {
    for layer_idx in 0..3 {
        let (dense, packed) = (dense.layer(layer_idx), packed.layer(layer_idx));
        for (dense, packed, rows, inputs) in [
            (dense.gate_up(), packed.gate_up(), 2 * INNER, HIDDEN),
            (dense.down(), packed.down(), HIDDEN, INNER),
        ] {
            let WeightTensors::Dense(found) = dense.weight else {
                unreachable!("the experts are still packed");
            };
            let WeightTensors::Quantized { weight, scales, .. } = packed.weight else {
                unreachable!("the reference is packed");
            };
            assert_eq!(found.shape, [EXPERTS, rows, inputs]);
            let expected: Vec<u8> = decode(&weight.bytes, &scales.bytes)
                .into_iter()
                .flat_map(|value| half::bf16::from_f32(value).to_le_bytes())
                .collect();
            assert!(found.bytes == expected, "{} differs", found.name);
            assert_eq!(
                dense.bias.expect("a bias").bytes,
                packed.bias.expect("a bias").bytes
            );
        }
    }
}

#[test]
fn hugging_face_input_major_experts_are_turned() {
    let mut parts = Parts::read("pub-b/hf");
    for layer_idx in 0..3 {
        for projection in ["gate_up_proj", "down_proj"] {
            let dense = format!("model.layers.{layer_idx}.mlp.experts.{projection}");
            let (blocks, scales) = (format!("{dense}_blocks"), format!("{dense}_scales"));
            unpack(&mut parts, &blocks, &scales, &dense, true);
        }
    }
    let checkpoint = open_bytes("pub-b/hf", &parts.bytes()).expect("opens");
    assert_eq!(checkpoint.layout(), Layout::HuggingFace);
    check_values(&checkpoint, &open("pub-b/hf"));
}

#[test]
fn openai_output_major_experts_are_deinterleaved() {
    let mut parts = Parts::read("pub-b/openai");
    for layer_idx in 0..3 {
        for projection in ["mlp1_weight", "mlp2_weight"] {
            let dense = format!("block.{layer_idx}.mlp.{projection}");
            let (blocks, scales) = (format!("{dense}.blocks"), format!("{dense}.scales"));
            unpack(&mut parts, &blocks, &scales, &dense, false);
        }
    }
    let checkpoint = open_bytes("pub-b/openai", &parts.bytes()).expect("opens");
    assert_eq!(checkpoint.layout(), Layout::OpenAi);
    check_values(&checkpoint, &open("pub-b/hf"));
}

#[test]
fn mlx_dense_experts_are_joined() {
    let mut parts = Parts::read("pub-b/mlx");
    for layer_idx in 0..3 {
        for projection in ["gate_proj", "up_proj", "down_proj"] {
            let module = format!("model.layers.{layer_idx}.mlp.experts.{projection}");
            let (weight, scales) = (format!("{module}.weight"), format!("{module}.scales"));
            unpack(
                &mut parts,
                &weight,
                &scales,
                &format!("{module}.weight"),
                false,
            );
        }
    }
    let checkpoint = open_bytes("pub-b/mlx", &parts.bytes()).expect("opens");
    assert_eq!(checkpoint.layout(), Layout::Mlx);
    check_values(&checkpoint, &open("pub-b/hf"));
}

#[test]
fn affine_experts_are_joined_with_their_biases() {
    let mut parts = Parts::read("pub-b/mlx");
    let mut entries = String::new();
    for layer_idx in 0..3 {
        for (projection, rows, inputs) in [
            ("gate_proj", INNER, HIDDEN),
            ("up_proj", INNER, HIDDEN),
            ("down_proj", HIDDEN, INNER),
        ] {
            let module = format!("model.layers.{layer_idx}.mlp.experts.{projection}");
            parts.remove(&format!("{module}.weight"));
            parts.remove(&format!("{module}.scales"));
            for (part, dtype, inner) in [
                ("weight", "U32", inputs / 8),
                ("scales", "BF16", inputs / 32),
                ("biases", "BF16", inputs / 32),
            ] {
                let size = if dtype == "U32" { 4 } else { 2 };
                let data = vec![projection.as_bytes()[0] & 0x1f; EXPERTS * rows * inner * size];
                let shape = [EXPERTS, rows, inner];
                parts.append(&format!("{module}.{part}"), dtype, &shape, &data);
            }
            write!(entries, r#","{module}":{{"group_size":32,"bits":4}}"#).expect("a string");
        }
    }
    let config = std::fs::read_to_string(crate::support::fixture("pub-b/mlx/config.json"))
        .expect("readable")
        .replace(
            "\"mode\": \"mxfp4\"",
            &format!("\"mode\": \"mxfp4\"{entries}"),
        );
    let bytes: &'static [u8] = parts.bytes().leak();
    let checkpoint = Checkpoint::from_static(&config, None, bytes).expect("opens");
    assert_eq!(checkpoint.layout(), Layout::MlxQuantized);
    let WeightTensors::Quantized { scales, biases, .. } = checkpoint.layer(0).gate_up().weight
    else {
        panic!("not quantized");
    };
    let biases = biases.expect("affine has biases");
    assert_eq!(scales.shape, [EXPERTS, 2 * INNER, HIDDEN / 32]);
    assert_eq!(biases.shape, scales.shape);
    let half = INNER * HIDDEN / 32 * 2;
    assert!(scales.bytes[..half].iter().all(|&byte| byte == b'g' & 0x1f));
    assert!(
        scales.bytes[half..2 * half]
            .iter()
            .all(|&byte| byte == b'u' & 0x1f)
    );
}

#[test]
fn tied_embeddings_serve_as_head() {
    let mut parts = Parts::read("pub-b/hf");
    parts.remove("lm_head.weight");
    let bytes: &'static [u8] = parts.bytes().leak();
    let config =
        std::fs::read_to_string(crate::support::fixture("pub-b/hf/config.json")).expect("readable");
    let untied = Checkpoint::from_static(&config, None, bytes).map_err(|error| error.to_string());
    crate::support::check_message(untied, &["lm_head.weight", "missing"]);
    let tied = config.replace(
        "\"tie_word_embeddings\": false",
        "\"tie_word_embeddings\": true",
    );
    let checkpoint = Checkpoint::from_static(&tied, None, bytes).expect("opens");
    let (WeightTensors::Dense(head), WeightTensors::Dense(embedding)) =
        (checkpoint.lm_head(), checkpoint.embed_tokens())
    else {
        panic!("quantized");
    };
    assert_eq!(head.bytes, embedding.bytes);
}
