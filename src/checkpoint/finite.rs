//! Finds weights that are NaN or infinite.

use super::tensor::Origin;
use super::{CheckpointError, TensorDtype, TensorView};

/// The E8M0 byte that means NaN.
const SCALE_NAN: u8 = 255;
/// Elements looked at together before the first bad one is looked for.
const CHUNK: usize = 4096;

impl TensorView<'_> {
    /// Refuses NaN and infinite values in float tensors and NaN in MXFP4 scales.
    ///
    /// Packed weights (U32) hold every bit pattern rightfully and pass.
    ///
    /// # Errors
    /// [`CheckpointError::NotFinite`] with the file's tensor and the coordinates in it.
    pub fn check_finite(&self) -> Result<(), CheckpointError> {
        if first_bad(self.dtype, &self.bytes).is_none() {
            return Ok(());
        }
        // The view may be rearranged; name the weight as the file has it.
        for origin in &self.origins {
            origin.check_finite()?;
        }
        Ok(())
    }
}

impl Origin<'_> {
    fn check_finite(&self) -> Result<(), CheckpointError> {
        let entry = &self.shard.tensors[self.entry];
        let bytes = &self.shard.mapping.bytes()[self.range.clone()];
        let Some(bad) = first_bad(entry.dtype, bytes) else {
            return Ok(());
        };
        let skipped = (self.range.start - entry.range.start) / entry.dtype.bytes();
        Err(CheckpointError::NotFinite {
            file: self.shard.file.clone(),
            tensor: entry.name.clone(),
            index: coordinates(skipped + bad, &entry.shape),
            value: describe(entry.dtype, bytes, bad),
        })
    }
}

/// The number of the first element that is not finite.
fn first_bad(dtype: TensorDtype, bytes: &[u8]) -> Option<usize> {
    match dtype {
        TensorDtype::U8 => first_where(bytes, |[byte]: [u8; 1]| byte == SCALE_NAN),
        TensorDtype::U16 | TensorDtype::U32 | TensorDtype::I32 => None,
        TensorDtype::BF16 => first_where(bytes, |b| all_ones(u16::from_le_bytes(b), 0x7f80)),
        TensorDtype::F16 => first_where(bytes, |b| all_ones(u16::from_le_bytes(b), 0x7c00)),
        TensorDtype::F32 => first_where(bytes, |b| {
            let bits = u32::from_le_bytes(b);
            bits & 0x7f80_0000 == 0x7f80_0000
        }),
    }
}

/// Whether all bits of the exponent are set, which is what NaN and infinity have in common.
fn all_ones(bits: u16, exponent: u16) -> bool {
    bits & exponent == exponent
}

/// Scans whole chunks without branches, which the compiler turns into vector instructions.
fn first_where<const N: usize>(bytes: &[u8], is_bad: impl Fn([u8; N]) -> bool) -> Option<usize> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements
        .chunks(CHUNK)
        .enumerate()
        .find_map(|(number, chunk)| {
            let any = chunk.iter().fold(false, |any, &bits| any | is_bad(bits));
            let within = || chunk.iter().position(|&bits| is_bad(bits));
            any.then(within).flatten().map(|at| number * CHUNK + at)
        })
}

fn coordinates(mut number: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&dim| {
            let at = number % dim;
            number /= dim;
            at
        })
        .collect();
    index.reverse();
    index
}

fn describe(dtype: TensorDtype, bytes: &[u8], number: usize) -> &'static str {
    let size = dtype.bytes();
    let element = &bytes[number * size..][..size];
    let value = match (dtype, element) {
        (TensorDtype::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).to_f32(),
        (TensorDtype::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).to_f32(),
        (TensorDtype::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        _ => f32::NAN,
    };
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dtype: TensorDtype, element: &[u8], expected: Option<&str>) {
        let position = CHUNK + 17;
        let mut bytes = vec![0u8; 2 * CHUNK * dtype.bytes()];
        bytes[position * dtype.bytes()..][..dtype.bytes()].copy_from_slice(element);
        let found = first_bad(dtype, &bytes);
        assert_eq!(found, expected.map(|_| position), "{dtype} {element:?}");
        if let Some(expected) = expected {
            assert_eq!(describe(dtype, &bytes, position), expected);
        }
    }

    #[test]
    fn the_first_bad_element_is_found_and_described() {
        check(
            TensorDtype::BF16,
            &half::bf16::NAN.to_le_bytes(),
            Some("NaN"),
        );
        check(TensorDtype::BF16, &half::bf16::MAX.to_le_bytes(), None);
        check(
            TensorDtype::F16,
            &half::f16::INFINITY.to_le_bytes(),
            Some("inf"),
        );
        check(TensorDtype::F16, &half::f16::MIN.to_le_bytes(), None);
        check(
            TensorDtype::F32,
            &f32::NEG_INFINITY.to_le_bytes(),
            Some("-inf"),
        );
        check(TensorDtype::F32, &f32::MAX.to_le_bytes(), None);
        check(TensorDtype::U8, &[255], Some("NaN"));
        check(TensorDtype::U8, &[254], None);
        check(TensorDtype::U32, &[255; 4], None);
    }

    #[test]
    fn coordinates_count_the_last_dimension_first() {
        assert_eq!(coordinates(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(coordinates(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(coordinates(6, &[2, 3, 4]), [0, 1, 2]);
    }
}
