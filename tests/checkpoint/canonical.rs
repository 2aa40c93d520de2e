//! Every layout yields the same canonical tensors.

use gptoss::checkpoint::{Layout, TensorDtype, TensorGroup, WeightTensors};
use gptoss::model::config::{Quantization, QuantizationMode};

use crate::support::{CHECKPOINTS, canonical, open};

#[test]
fn layouts_are_told_by_content() {
    use Layout::{HuggingFace, Mlx, MlxQuantized, OpenAi};
    let expected = [
        HuggingFace,
        MlxQuantized,
        HuggingFace,
        OpenAi,
        Mlx,
        MlxQuantized,
    ];
    for (path, layout) in CHECKPOINTS.into_iter().zip(expected) {
        assert_eq!(open(path).layout(), layout, "{path}");
    }
}

#[test]
fn layouts_of_one_model_are_byte_equal() {
    let reference = open("pub-b/hf");
    for path in ["pub-b/openai", "pub-b/mlx"] {
        let other = open(path);
        let (expected, found) = (canonical(&reference), canonical(&other));
        assert_eq!(expected.len(), found.len());
        for ((name, expected), (found_name, found)) in expected.iter().zip(&found) {
            assert_eq!(name, found_name);
            assert_eq!(expected.dtype, found.dtype, "{path} {name}");
            assert_eq!(expected.shape, found.shape, "{path} {name}");
            assert!(expected.bytes == found.bytes, "{path} {name}: bytes differ");
        }
    }
}

#[test]
fn bytes_are_as_long_as_shape_and_dtype_say() {
    for path in CHECKPOINTS {
        let checkpoint = open(path);
        for (name, view) in canonical(&checkpoint) {
            let expected = view.shape.iter().product::<usize>() * view.dtype.bytes();
            assert_eq!(view.bytes.len(), expected, "{path} {name}");
            view.release();
            assert_eq!(view.bytes.len(), expected, "{path} {name}: still readable");
        }
    }
}

#[test]
fn experts_are_packed_words_in_output_major_order() {
    for path in CHECKPOINTS {
        let checkpoint = open(path);
        let config = checkpoint.config();
        let (experts, inner) = (config.num_local_experts, config.intermediate_size);
        let hidden = config.hidden_size;
        let layer = checkpoint.layer(1);
        for (linear, rows, inputs) in [
            (layer.gate_up(), 2 * inner, hidden),
            (layer.down(), hidden, inner),
        ] {
            let WeightTensors::Quantized {
                weight,
                scales,
                biases,
                quantization,
            } = linear.weight
            else {
                panic!("{path}: experts are not packed");
            };
            assert_eq!(quantization, Quantization::MXFP4);
            assert_eq!(weight.dtype, TensorDtype::U32);
            assert_eq!(weight.shape, [experts, rows, inputs / 8]);
            assert_eq!(scales.dtype, TensorDtype::U8);
            assert_eq!(scales.shape, [experts, rows, inputs / 32]);
            assert!(biases.is_none());
            let bias = linear.bias.expect("experts have biases");
            assert_eq!(bias.shape, [experts, rows]);
        }
    }
}

#[test]
fn quantized_modules_follow_their_own_entries() {
    let checkpoint = open("pub-a/mlx-q8");
    let affine = Quantization {
        group_size: 64,
        bits: 8,
        mode: QuantizationMode::Affine,
    };
    let layer = checkpoint.layer(0);
    // The router's entry states no mode.
    for weight in [
        checkpoint.embed_tokens(),
        checkpoint.lm_head(),
        layer.q_proj().weight,
        layer.router().weight,
    ] {
        let WeightTensors::Quantized {
            biases,
            quantization,
            ..
        } = weight
        else {
            panic!("not quantized");
        };
        assert_eq!(quantization, affine);
        assert!(biases.is_some());
    }
}

#[test]
fn groups_add_up_to_all_bytes() {
    for path in CHECKPOINTS {
        let checkpoint = open(path);
        let groups = checkpoint.group_bytes();
        assert!(groups.iter().all(|&(_, bytes)| bytes > 0), "{path}");
        let sum: u64 = groups.iter().map(|&(_, bytes)| bytes).sum();
        assert_eq!(sum, checkpoint.total_bytes(), "{path}");
    }
    let experts = open("pub-b/hf").group_bytes()[3];
    // Three layers of six experts: 17 bytes per 32 weights, and two bytes per bias.
    let weights = 3 * 6 * (192 * 64 + 64 * 96) / 32 * 17;
    assert_eq!(
        experts,
        (TensorGroup::Experts, weights + 3 * 6 * (192 + 64) * 2)
    );
}
