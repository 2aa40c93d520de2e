//! Single functions against the references' values, with the real constants.

use std::sync::Arc;

use gptoss::kernels::Pool;
use gptoss::mlx::ops::{self, QuantizedArray};
use gptoss::model::attention::{AttentionMask, attend};
use gptoss::model::cache::KeysValues;
use gptoss::model::config::{ModelConfig, Quantization};
use gptoss::model::layers::{Linear, RmsNorm, Weight};
use gptoss::model::params::affine;
use gptoss::model::rope::{self, RotaryEmbedding};
use gptoss::model::swiglu::ClampedSwiGlu;
use mlx_rs::{Array, Dtype};

use crate::golden::{Arrays, folder, values};
use crate::tolerance::{F32_REORDERED, F32_UNIT, assert_close};

fn units() -> Arrays {
    Arrays::open(&folder("units.safetensors"))
}

fn array(units: &Arrays, name: &str) -> Array {
    let shape: Vec<i32> = units
        .shape(name)
        .unwrap()
        .iter()
        .map(|&n| n as i32)
        .collect();
    Array::from_slice(&units.f32(name), &shape)
}

#[test]
fn yarn_frequencies_are_not_truncated() {
    let config = ModelConfig::gpt_oss_20b();
    let found: Vec<f32> = rope::inverse_frequencies(&config)
        .iter()
        .map(|&f| f as f32)
        .collect();
    assert_close("inv_freq", &found, &units().f32("yarn.inv_freq"), 1e-7);
    let concentration = rope::concentration(config.rope_scaling.as_ref());
    assert!((concentration - 1.346_573_590_279_972_7).abs() < 1e-12);
}

#[test]
fn rope_rotates_halves() {
    let units = units();
    let config = ModelConfig::gpt_oss_20b();
    let rope = RotaryEmbedding::new(&config);
    let positions = units.i32("yarn.positions");
    let x = array(&units, "rope.in");
    let expected = units.f32("rope.out");
    let concentration = rope::concentration(config.rope_scaling.as_ref()) as f32;
    let width = expected.len() / positions.len();
    for (row, &position) in positions.iter().enumerate() {
        let one = ops::slice(&x, 0, row, row + 1).unwrap();
        let one = one.reshape(&[1, 3, 1, 64]).unwrap();
        let out = values(&rope.forward(&one, position as usize).unwrap());
        // Ours leaves the concentration to the softmax scale.
        let out: Vec<f32> = out.iter().map(|v| v * concentration).collect();
        // An angle of 131072 rad in f32 is off by up to 2e-3.
        let tolerance = F32_UNIT + 1e-7 * position as f32;
        let expected = &expected[row * width..(row + 1) * width];
        assert_close(&format!("position {position}"), &out, expected, tolerance);
    }
}

#[test]
fn swiglu_clamps_the_gate_from_above_only() {
    let units = units();
    let interleaved = units.f32("swiglu.in");
    // The reference interleaves gate and up; ours has halves.
    let halves: Vec<f32> = interleaved
        .chunks(64)
        .flat_map(|row| row.iter().step_by(2).chain(row.iter().skip(1).step_by(2)))
        .copied()
        .collect();
    let x = Array::from_slice(&halves, &[16, 64]);
    let out = ClampedSwiGlu::new(7.0, Dtype::Float32)
        .unwrap()
        .forward(&x)
        .unwrap();
    assert_close("swiglu", &values(&out), &units.f32("swiglu.out"), F32_UNIT);
}

#[test]
fn swiglu_compiled_is_swiglu_to_the_last_bit() {
    let units = units();
    let numbers = units.f32("swiglu.in");
    for dtype in [Dtype::Float32, Dtype::Bfloat16, Dtype::Float16] {
        let plain = ClampedSwiGlu::new(7.0, dtype).unwrap();
        let compiled = ClampedSwiGlu::compiled(7.0, dtype).unwrap();
        // Compiled once for every shape: one token's experts, a prompt's, and sorted rows; twice the
        // same, for which nothing may be left over.
        for shape in [
            [1, 4, 256],
            [2, 2, 256],
            [1, 1, 62],
            [1, 4, 256],
            [1, 512, 2],
        ] {
            let size = shape.iter().product::<i32>() as usize;
            let x = Array::from_slice(&numbers[..size], &shape)
                .as_dtype(dtype)
                .unwrap();
            let (plain, compiled) = (plain.forward(&x).unwrap(), compiled.forward(&x).unwrap());
            assert_eq!(compiled.dtype(), dtype);
            assert_eq!(values(&compiled), values(&plain), "{dtype:?} {shape:?}");
        }
    }
}

#[test]
fn rms_norm_agrees() {
    let units = units();
    let norm = RmsNorm::new(array(&units, "rms.scale"), 1e-5);
    let out = norm.forward(&array(&units, "rms.in")).unwrap();
    assert_close("rms", &values(&out), &units.f32("rms.out"), F32_UNIT);
}

#[test]
fn attention_with_sinks_agrees_full_and_windowed() {
    let units = units();
    // [L, Hkv, group, D] and [L, Hkv, D] to [1, H, L, D].
    let heads = |name: &str, count: i32| {
        array(&units, name)
            .reshape(&[1, 40, count, 64])
            .unwrap()
            .transpose_axes(&[0, 2, 1, 3])
            .unwrap()
    };
    let queries = heads("sdpa.q", 8);
    let sinks = array(&units, "sdpa.sinks");
    for (name, mask) in [
        ("sdpa.full", AttentionMask::full(40)),
        ("sdpa.window8", AttentionMask::sliding(40, 0, 8).unwrap()),
    ] {
        let visible = KeysValues {
            keys: heads("sdpa.k", 2),
            values: heads("sdpa.v", 2),
        };
        let out = attend(&queries, &visible, &sinks, &mask, 0.125).unwrap();
        let out = out.transpose_axes(&[0, 2, 1, 3]).unwrap();
        assert_close(name, &values(&out), &units.f32(name), F32_UNIT);
    }
}

#[test]
fn mxfp4_unpacks_to_the_references_values() {
    let units = units();
    let blocks = ops::array_from_bytes(&units.bytes("mxfp4.blocks"), &[2, 24, 32], Dtype::Uint8);
    let scales = ops::array_from_bytes(&units.bytes("mxfp4.scales"), &[2, 24, 2], Dtype::Uint8);
    let packed = QuantizedArray {
        weight: blocks.unwrap().view_dtype(Dtype::Uint32).unwrap(),
        scales: scales.unwrap(),
        biases: None,
        quantization: Quantization::MXFP4,
    };
    let out = ops::dequantize(&packed, Dtype::Float32).unwrap();
    assert_close("mxfp4", &values(&out), &units.f32("mxfp4.dequant"), 0.0);
}

/// Halves of their bytes, the same values: read in place for few rows, widened in parts for many.
#[test]
fn bf16_matrices_give_the_products_of_their_widened_values() {
    let pool = Arc::new(Pool::with_all_cores().unwrap());
    let key = mlx_rs::random::key(4).unwrap();
    let random = |shape: &[i32]| mlx_rs::random::normal::<f32>(shape, None, None, &key).unwrap();
    for [out, input] in [[770, 513], [40_000, 512]] {
        let dense = random(&[out, input])
            .multiply(Array::from_f32(0.05))
            .unwrap();
        let halves = dense.as_dtype(Dtype::Bfloat16).unwrap();
        let widened = halves.as_dtype(Dtype::Float32).unwrap();
        let bias = random(&[out]);
        mlx_rs::transforms::eval([&halves, &widened, &bias]).unwrap();
        let linear = |weight: &Array, pool: Option<_>| {
            Linear::new(Weight::Dense(weight.clone()), Some(bias.clone()), pool).unwrap()
        };
        for rows in [1, 8, 9, 40] {
            let x = random(&[rows, input]);
            let expected = values(&linear(&widened, None).forward(&x).unwrap());
            let found = values(&linear(&halves, Some(pool.clone())).forward(&x).unwrap());
            assert_close(&format!("{rows} rows"), &found, &expected, F32_REORDERED);
        }
    }
}

#[test]
fn large_products_agree_between_mlx_and_the_cpu_kernels() {
    let pool = Arc::new(Pool::with_all_cores().unwrap());
    let key = mlx_rs::random::key(3).unwrap();
    let random = |shape: &[i32]| mlx_rs::random::normal::<f32>(shape, None, None, &key).unwrap();
    let dense = random(&[768, 512]).multiply(Array::from_f32(0.05)).unwrap();
    let bias = random(&[768]);
    dense.eval().unwrap();
    bias.eval().unwrap();
    let mut weights = vec![Weight::Dense(dense.clone())];
    for quantization in [affine(8), affine(4), Quantization::MXFP4] {
        let packed = ops::quantize(&dense, quantization).unwrap();
        mlx_rs::transforms::eval(packed.arrays()).unwrap();
        weights.push(Weight::Quantized(packed));
    }
    for weight in weights {
        for rows in [1, 3, 8, 9, 40] {
            let x = random(&[rows, 512]);
            let by_mlx = Linear::new(weight.clone(), Some(bias.clone()), None).unwrap();
            let by_kernels =
                Linear::new(weight.clone(), Some(bias.clone()), Some(pool.clone())).unwrap();
            let expected = values(&by_mlx.forward(&x).unwrap());
            let found = values(&by_kernels.forward(&x).unwrap());
            let what = format!("{rows} rows");
            assert_close(&what, &found, &expected, F32_REORDERED);
        }
    }
}
