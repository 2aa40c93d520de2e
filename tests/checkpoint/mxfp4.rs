//! The plain MXFP4 decoder against values that three implementations agree on.

use gptoss::checkpoint::mxfp4::decode;
use safetensors::SafeTensors;

use crate::support::fixture;

#[test]
fn all_byte_values_decode_as_in_the_reference() {
    let bytes = std::fs::read(fixture("units.safetensors")).expect("readable");
    let units = SafeTensors::deserialize(&bytes).expect("well formed");
    let data = |name: &str| units.tensor(name).expect("present").data();
    let blocks = data("mxfp4.blocks");
    let seen: std::collections::HashSet<u8> = blocks.iter().copied().collect();
    assert_eq!(seen.len(), 256, "the fixture covers every byte");
    let (expected, _) = data("mxfp4.dequant").as_chunks::<4>();
    let found = decode(blocks, data("mxfp4.scales"));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.to_bits(), f32::from_le_bytes(*expected).to_bits());
    }
}
