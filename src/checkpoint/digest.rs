//! A fingerprint of the weights, cheap enough for every start.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Checkpoint, TensorInfo};

/// Bytes of each tensor that enter the digest.
const SAMPLED_BYTES: usize = 64 * 1024;
/// Pieces that a sample is spread over.
const SAMPLES: usize = 16;

impl Checkpoint {
    /// A hex digest of the weights, for traces and logs; not a proof against tampering.
    ///
    /// It is the SHA-256 over all tensors sorted by name, of each: the name, a zero byte, the
    /// dtype's safetensors name, a zero byte, the number of dimensions and every dimension as
    /// little-endian `u64`, then the data if it has at most 64 KiB, else 16 pieces of 4 KiB of
    /// which piece `i` starts at byte `i * (nbytes - 4096) / 15`. Files, shards and the order of
    /// the data do not enter; the layout does, as its names and packing differ.
    pub fn weights_digest(&self) -> String {
        let mut tensors: Vec<TensorInfo<'_>> = self.tensors().collect();
        tensors.sort_by_key(|tensor| tensor.name);
        let mut hasher = Sha256::new();
        for tensor in &tensors {
            hasher.update(tensor.name.as_bytes());
            hasher.update([0]);
            hasher.update(tensor.dtype.as_str().as_bytes());
            hasher.update([0]);
            hasher.update((tensor.shape.len() as u64).to_le_bytes());
            for &dim in tensor.shape {
                hasher.update((dim as u64).to_le_bytes());
            }
            for piece in sample(&self.view(tensor.name).bytes) {
                hasher.update(piece);
            }
        }
        let digest = hasher.finalize();
        digest.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

fn sample(bytes: &[u8]) -> Vec<&[u8]> {
    if bytes.len() <= SAMPLED_BYTES {
        return vec![bytes];
    }
    let piece = SAMPLED_BYTES / SAMPLES;
    let last_start = bytes.len() - piece;
    (0..SAMPLES)
        .map(|number| {
            // In 128 bits, as the product of the largest tensor and 15 may pass 64.
            let start = number as u128 * last_start as u128 / (SAMPLES as u128 - 1);
            &bytes[start as usize..][..piece]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_reach_from_the_first_byte_to_the_last() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        let pieces = sample(&bytes);
        assert_eq!(
            pieces.iter().map(|piece| piece.len()).sum::<usize>(),
            SAMPLED_BYTES
        );
        assert_eq!(pieces[0], &bytes[..4096]);
        assert_eq!(pieces[15], &bytes[100_000 - 4096..]);
        assert_eq!(sample(&bytes[..1000]), [&bytes[..1000]]);
    }
}
