//! Operations of MLX that mlx-rs wraps not at all, or for one quantisation mode only.
#![expect(
    unsafe_code,
    reason = "mlx-c is called directly; each call is explained"
)]

use std::ffi::CStr;

use mlx_rs::error::{Exception, Result};
use mlx_rs::{Array, Dtype, Stream};

use crate::model::config::{Quantization, QuantizationMode};

/// A weight in one of MLX's packed forms.
#[derive(Debug, Clone)]
pub struct QuantizedArray {
    /// Packed values, u32, `[.., out, in * bits / 32]`.
    pub weight: Array,
    /// One scale a group, `[.., out, in / group_size]`: u8 exponents for MXFP4.
    pub scales: Array,
    /// One offset a group, for the affine mode only.
    pub biases: Option<Array>,
    /// How the values are packed.
    pub quantization: Quantization,
}

impl QuantizedArray {
    /// The arrays that the weight consists of.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> {
        [&self.weight, &self.scales].into_iter().chain(&self.biases)
    }

    /// Bytes of all parts together.
    pub fn nbytes(&self) -> usize {
        self.arrays().map(Array::nbytes).sum()
    }
}

/// `x · wᵀ` for a packed `w`.
///
/// Shapes: `x: [.., in]`, `w: [.., out, in]` → `[.., out]`; leading dimensions broadcast.
pub fn quantized_matmul(x: &Array, w: &QuantizedArray) -> Result<Array> {
    let stream = current_stream();
    let (group_size, bits, mode) = spec(w.quantization);
    // SAFETY: every handle is alive for the call, `mode` is a static C string, and the result slot
    // is written on success only.
    array_from("quantized_matmul", |result| unsafe {
        mlx_sys::mlx_quantized_matmul(
            result,
            x.as_ptr(),
            w.weight.as_ptr(),
            w.scales.as_ptr(),
            optional(w.biases.as_ref()),
            true,
            group_size,
            bits,
            mode.as_ptr(),
            stream.as_ptr(),
        )
    })
}

/// `x · w[index]ᵀ` with one matrix of a packed stack per row of `x`.
///
/// Shapes: `x: [.., 1, in]`, `w: [E, out, in]`, `indices: [..]` → `[.., 1, out]`.
/// `sorted` promises ascending indices, which lets GPUs group the work by matrix.
pub fn gather_qmm(x: &Array, w: &QuantizedArray, indices: &Array, sorted: bool) -> Result<Array> {
    let stream = current_stream();
    let (group_size, bits, mode) = spec(w.quantization);
    // SAFETY: as in `quantized_matmul`; the null left-hand indices mean "row by row".
    array_from("gather_qmm", |result| unsafe {
        mlx_sys::mlx_gather_qmm(
            result,
            x.as_ptr(),
            w.weight.as_ptr(),
            w.scales.as_ptr(),
            optional(w.biases.as_ref()),
            optional(None),
            indices.as_ptr(),
            true,
            group_size,
            bits,
            mode.as_ptr(),
            sorted,
            stream.as_ptr(),
        )
    })
}

/// Packs `w: [.., out, in]`; `in` has to be a multiple of the group size.
pub fn quantize(w: &Array, quantization: Quantization) -> Result<QuantizedArray> {
    let stream = current_stream();
    let (group_size, bits, mode) = spec(quantization);
    // SAFETY: as in `quantized_matmul`; the vector is freed below in every case, and the arrays
    // taken from it are handles of their own.
    let mut parts = unsafe {
        let mut vector = mlx_sys::mlx_vector_array_new();
        let status = mlx_sys::mlx_quantize(
            &raw mut vector,
            w.as_ptr(),
            group_size,
            bits,
            mode.as_ptr(),
            optional(None),
            stream.as_ptr(),
        );
        let mut parts = Vec::new();
        if status == 0 {
            for index in 0..mlx_sys::mlx_vector_array_size(vector) {
                let mut part = mlx_sys::mlx_array_new();
                mlx_sys::mlx_vector_array_get(&raw mut part, vector, index);
                parts.push(Array::from_ptr(part));
            }
        }
        mlx_sys::mlx_vector_array_free(vector);
        parts.into_iter()
    };
    match (parts.next(), parts.next()) {
        (Some(weight), Some(scales)) => Ok(QuantizedArray {
            weight,
            scales,
            biases: parts.next(),
            quantization,
        }),
        _ => Err(failure("quantize")),
    }
}

/// Unpacks a weight into `dtype`.
pub fn dequantize(w: &QuantizedArray, dtype: Dtype) -> Result<Array> {
    let stream = current_stream();
    let (group_size, bits, mode) = spec(w.quantization);
    let dtype = mlx_sys::mlx_optional_dtype {
        value: dtype as mlx_sys::mlx_dtype,
        has_value: true,
    };
    // SAFETY: as in `quantized_matmul`.
    array_from("dequantize", |result| unsafe {
        mlx_sys::mlx_dequantize(
            result,
            w.weight.as_ptr(),
            w.scales.as_ptr(),
            optional(w.biases.as_ref()),
            group_size,
            bits,
            mode.as_ptr(),
            optional(None),
            dtype,
            stream.as_ptr(),
        )
    })
}

/// `a[.., start..stop, ..]` along one axis, without a copy.
pub fn slice(a: &Array, axis: usize, start: usize, stop: usize) -> Result<Array> {
    let stream = current_stream();
    let (starts, stops, strides) = bounds(a.shape(), axis, start, stop);
    // SAFETY: the three vectors have one entry a dimension and outlive the call.
    array_from("slice", |result| unsafe {
        mlx_sys::mlx_slice(
            result,
            a.as_ptr(),
            starts.as_ptr(),
            starts.len(),
            stops.as_ptr(),
            stops.len(),
            strides.as_ptr(),
            strides.len(),
            stream.as_ptr(),
        )
    })
}

/// `a` with `update` written over `a[.., start..start + n, ..]` along one axis.
///
/// In place when nothing else holds `a` at evaluation, else into a copy.
pub fn slice_update(a: &Array, update: &Array, axis: usize, start: usize) -> Result<Array> {
    let stream = current_stream();
    let width = update.dim(axis as i32) as usize;
    let (starts, stops, strides) = bounds(a.shape(), axis, start, start + width);
    // SAFETY: as in `slice`.
    array_from("slice_update", |result| unsafe {
        mlx_sys::mlx_slice_update(
            result,
            a.as_ptr(),
            update.as_ptr(),
            starts.as_ptr(),
            starts.len(),
            stops.as_ptr(),
            stops.len(),
            strides.as_ptr(),
            strides.len(),
            stream.as_ptr(),
        )
    })
}

/// Random u32 values, every bit fair, as `key` says.
pub fn random_bits(shape: &[i32], key: &Array) -> Result<Array> {
    let stream = current_stream();
    // SAFETY: as in `slice`; a width of 4 bytes gives u32.
    array_from("random_bits", |result| unsafe {
        mlx_sys::mlx_random_bits(
            result,
            shape.as_ptr(),
            shape.len(),
            4,
            key.as_ptr(),
            stream.as_ptr(),
        )
    })
}

/// An array that owns a copy of `bytes`.
///
/// # Errors
/// When the byte count does not fit shape and dtype.
pub fn array_from_bytes(bytes: &[u8], shape: &[usize], dtype: Dtype) -> Result<Array> {
    let elements: usize = shape.iter().product();
    let width = match dtype {
        Dtype::Uint8 => 1,
        Dtype::Float16 | Dtype::Bfloat16 => 2,
        Dtype::Uint32 | Dtype::Int32 | Dtype::Float32 => 4,
        other => return Err(Exception::custom(format!("no bytes are read as {other:?}"))),
    };
    if bytes.len() != elements * width {
        return Err(Exception::custom(format!(
            "{} bytes cannot fill {shape:?} of {dtype:?}",
            bytes.len()
        )));
    }
    let shape: Vec<i32> = shape.iter().map(|&n| n as i32).collect();
    if bytes.as_ptr().align_offset(width) != 0 {
        // Files need not align their tensors; MLX reads whole elements.
        let mut aligned = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut aligned)[..bytes.len()].copy_from_slice(bytes);
        // SAFETY: `aligned` holds at least the bytes checked above, and MLX copies them.
        return Ok(unsafe { Array::from_raw_data(aligned.as_ptr().cast(), &shape, dtype) });
    }
    // SAFETY: the length was checked, the pointer is aligned, and MLX copies the bytes.
    Ok(unsafe { Array::from_raw_data(bytes.as_ptr().cast(), &shape, dtype) })
}

/// Evaluates an array and copies its bytes out, row by row, in its own dtype.
pub fn array_to_bytes(array: &Array) -> Result<(Dtype, Vec<u8>)> {
    let array = array.contiguous()?;
    array.eval()?;
    // SAFETY: evaluated and contiguous, so that many bytes lie there while `array` lives; on GPUs
    // MLX's arrays are in memory that the host can read.
    let bytes = unsafe {
        let data = mlx_sys::mlx_array_data_uint8(array.as_ptr());
        if data.is_null() {
            return Err(failure("array_to_bytes"));
        }
        std::slice::from_raw_parts(data, array.nbytes()).to_vec()
    };
    Ok((array.dtype(), bytes))
}

fn bounds(shape: &[i32], axis: usize, start: usize, stop: usize) -> (Vec<i32>, Vec<i32>, Vec<i32>) {
    let mut starts = vec![0; shape.len()];
    let mut stops = shape.to_vec();
    starts[axis] = start as i32;
    stops[axis] = stop as i32;
    (starts, stops, vec![1; shape.len()])
}

fn spec(
    quantization: Quantization,
) -> (
    mlx_sys::mlx_optional_int,
    mlx_sys::mlx_optional_int,
    &'static CStr,
) {
    let some = |value| mlx_sys::mlx_optional_int {
        value,
        has_value: true,
    };
    let mode = match quantization.mode {
        QuantizationMode::Affine => c"affine",
        QuantizationMode::Mxfp4 => c"mxfp4",
    };
    (some(quantization.group_size), some(quantization.bits), mode)
}

/// mlx-c takes an empty handle for "none"; it owns nothing.
fn optional(array: Option<&Array>) -> mlx_sys::mlx_array {
    array.map_or(
        mlx_sys::mlx_array {
            ctx: std::ptr::null_mut(),
        },
        Array::as_ptr,
    )
}

/// The stream of this thread, taken through a call of mlx-rs that also installs its error handler:
/// mlx-c's own handler would end the process.
pub(super) fn current_stream() -> Stream {
    Stream::thread_local_or_default().clone()
}

fn array_from(
    operation: &str,
    call: impl FnOnce(*mut mlx_sys::mlx_array) -> std::os::raw::c_int,
) -> Result<Array> {
    let mut result = mlx_sys::mlx_array {
        ctx: std::ptr::null_mut(),
    };
    if call(&raw mut result) != 0 {
        return Err(failure(operation));
    }
    // SAFETY: on success mlx-c has put a new handle there, which the array now owns.
    Ok(unsafe { Array::from_ptr(result) })
}

pub(super) fn failure(operation: &str) -> Exception {
    // mlx-rs keeps the message of the failed call to itself.
    Exception::custom(format!("MLX refused {operation}: operands do not fit"))
}
