//! MXFP4 in plain Rust: the reference that faster code is tested against.
//!
//! A block is 32 consecutive weights along the input: 16 bytes, the earlier weight of each byte in
//! its low four bits, and one scale byte.
//!
//! Source: OCP Microscaling Formats 1.0, sections 5.3.3 (E2M1) and 5.4.1 (E8M0).

use crate::model::config::MXFP4_BLOCK;

/// Bytes of one block's weights.
pub const BLOCK_BYTES: usize = MXFP4_BLOCK / 2;

/// The magnitudes of the four-bit floats; bit 3 is the sign.
const MAGNITUDES: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// The value of a four-bit float; the upper bits of `nibble` are ignored.
pub fn fp4(nibble: u8) -> f32 {
    let magnitude = MAGNITUDES[usize::from(nibble & 7)];
    if nibble & 8 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The value of a scale byte: `2^(scale - 127)`, and NaN for 255.
pub fn e8m0(scale: u8) -> f32 {
    match scale {
        // The one value below the normal range of f32.
        0 => f32::from_bits(0x0040_0000),
        255 => f32::NAN,
        _ => f32::from_bits(u32::from(scale) << 23),
    }
}

/// Decodes packed weights, `[.., blocks, 16]` bytes (or the same bytes as MLX's words), and one
/// scale per block into `[.., blocks * 32]` values.
///
/// Whatever exceeds the shorter of the two inputs is ignored.
pub fn decode(blocks: &[u8], scales: &[u8]) -> Vec<f32> {
    let (blocks, _) = blocks.as_chunks::<BLOCK_BYTES>();
    blocks
        .iter()
        .zip(scales)
        .flat_map(|(block, &scale)| {
            let scale = e8m0(scale);
            block
                .iter()
                .flat_map(move |&byte| [fp4(byte) * scale, fp4(byte >> 4) * scale])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two() {
        for scale in 0..255u8 {
            let expected = (f64::from(scale) - 127.0).exp2();
            assert_eq!(
                f64::from(e8m0(scale)).to_bits(),
                expected.to_bits(),
                "{scale}"
            );
        }
        assert!(e8m0(255).is_nan());
    }

    #[test]
    fn the_low_nibble_comes_first_and_eight_is_negative_zero() {
        let mut block = [0u8; BLOCK_BYTES];
        block[0] = 0x81;
        let values = decode(&block, &[128]);
        assert_eq!(values[0].to_bits(), 1.0f32.to_bits());
        assert_eq!(values[1].to_bits(), (-0.0f32).to_bits());
        assert_eq!(values.len(), MXFP4_BLOCK);
    }
}
