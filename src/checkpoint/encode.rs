//! The header of a safetensors file, as written.

use serde_json::{Map, Value, json};

use super::TensorDtype;
use super::header::LENGTH_BYTES;

/// A tensor that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// The name in the file.
    pub name: String,
    /// The element type.
    pub dtype: TensorDtype,
    /// The dimensions.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// The size of the data; `None` if it does not fit into 64 bits.
    pub fn nbytes(&self) -> Option<u64> {
        self.shape
            .iter()
            .try_fold(self.dtype.bytes() as u64, |bytes, &dim| {
                bytes.checked_mul(dim as u64)
            })
    }
}

/// Length and header for tensors whose data follows in this order; `None` on overflow.
///
/// Padded with spaces to eight bytes, so that the data starts aligned.
pub(crate) fn encode_header(metadata: &[(&str, &str)], tensors: &[TensorSpec]) -> Option<Vec<u8>> {
    let mut header = Map::new();
    let strings: Map<String, Value> = metadata
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.into()))
        .collect();
    header.insert("__metadata__".to_owned(), strings.into());
    let mut start = 0u64;
    for tensor in tensors {
        let end = start.checked_add(tensor.nbytes()?)?;
        let entry = json!({
            "dtype": tensor.dtype.as_str(),
            "shape": tensor.shape,
            "data_offsets": [start, end],
        });
        header.insert(tensor.name.clone(), entry);
        start = end;
    }
    let mut json = Value::Object(header).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Some(bytes)
}
