//! The header of a safetensors file: what we take, the format's own crate takes and reads alike.

use gptoss::checkpoint::Header;
use safetensors::SafeTensors;

pub fn safetensors(data: &[u8]) {
    let header = match Header::parse("model.safetensors", data) {
        Ok(header) => header,
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("model.safetensors"), "{message}");
            return;
        }
    };
    let tiled: usize = header.tensors.iter().map(|tensor| tensor.range.len()).sum();
    let start = header
        .tensors
        .first()
        .map_or(data.len(), |first| first.range.start);
    assert_eq!(
        start + tiled,
        data.len(),
        "every byte belongs to one tensor"
    );
    let theirs = SafeTensors::deserialize(data).expect("the format's own crate takes it");
    assert_eq!(theirs.len(), header.tensors.len());
    for ours in &header.tensors {
        let tensor = theirs.tensor(&ours.name).expect("it is there");
        assert_eq!(tensor.shape(), ours.shape);
        assert_eq!(tensor.data(), &data[ours.range.clone()]);
        assert_eq!(tensor.dtype().to_string(), ours.dtype.as_str());
    }
}
