//! The header of a safetensors file, parsed strictly.
//!
//! The `safetensors` crate accepts duplicate names and often cannot say which tensor is at fault;
//! here every refusal names one. What is accepted here that crate accepts too (tested).
//!
//! Format: eight bytes of little-endian header length, a JSON object, then the data without gaps.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::{CheckpointError, TensorDtype};

/// Bytes of the length in front of the header.
pub(crate) const LENGTH_BYTES: usize = 8;
/// The name that is not a tensor's.
const METADATA: &str = "__metadata__";
/// The longest header that readers of the format accept.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// A parsed header: what the file holds and where.
#[derive(Debug)]
pub struct Header {
    /// The free-form strings.
    pub metadata: BTreeMap<String, String>,
    /// The tensors in the order of their data.
    pub tensors: Vec<TensorEntry>,
}

/// A tensor of a file.
#[derive(Debug, Clone)]
pub struct TensorEntry {
    /// Its name in the file.
    pub name: String,
    /// The type of its elements.
    pub dtype: TensorDtype,
    /// Its dimensions; their product with the type's size is the length of its data.
    pub shape: Vec<usize>,
    /// Where its data lies, counted from the start of the file.
    pub range: Range<usize>,
}

impl Header {
    /// Parses the header of `file` and checks that its tensors tile the rest of `bytes` exactly.
    ///
    /// # Errors
    /// [`CheckpointError`], naming `file` and, where it is one tensor's fault, the tensor.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, CheckpointError> {
        let json = header_bytes(file, bytes)?;
        let data_start = LENGTH_BYTES + json.len();
        let raw: RawHeader =
            serde_json::from_slice(json).map_err(|error| CheckpointError::Header {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
        let mut tensors = Vec::with_capacity(raw.tensors.len());
        for (name, entry) in raw.tensors {
            let checked = entry.check(bytes.len() - data_start);
            let (dtype, shape, range) = checked.map_err(|fault| fault.naming(file, &name))?;
            tensors.push(TensorEntry {
                name,
                dtype,
                shape,
                range: data_start + range.start..data_start + range.end,
            });
        }
        tensors.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));
        check_tiling(file, &tensors, data_start..bytes.len())?;
        Ok(Self {
            metadata: raw.metadata,
            tensors,
        })
    }
}

fn header_bytes<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a [u8], CheckpointError> {
    let truncated = |expected_bytes: u64| CheckpointError::Truncated {
        file: file.to_owned(),
        expected_bytes,
        found_bytes: bytes.len() as u64,
    };
    let (length, rest) = bytes
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or_else(|| truncated(LENGTH_BYTES as u64))?;
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(CheckpointError::Header {
            file: file.to_owned(),
            reason: format!(
                "it claims {length} bytes, more than the format's {MAX_HEADER_BYTES}; \
                 is this a safetensors file?"
            ),
        });
    }
    rest.get(..length as usize)
        .ok_or_else(|| truncated(LENGTH_BYTES as u64 + length))
}

/// Refuses overlaps, gaps and bytes that belong to no tensor.
fn check_tiling(
    file: &str,
    tensors: &[TensorEntry],
    data: Range<usize>,
) -> Result<(), CheckpointError> {
    let mut end = data.start;
    for tensor in tensors {
        let start = tensor.range.start;
        if start != end {
            let (relation, bytes) = if start < end {
                ("overlaps the tensor before it by", end - start)
            } else {
                ("follows a gap of", start - end)
            };
            return Err(CheckpointError::Tensor {
                file: file.to_owned(),
                tensor: tensor.name.clone(),
                reason: format!("its data {relation} {bytes} bytes"),
            });
        }
        end = tensor.range.end;
    }
    if end == data.end {
        return Ok(());
    }
    Err(CheckpointError::Header {
        file: file.to_owned(),
        reason: format!(
            "the last {} bytes of the file belong to no tensor",
            data.end - end
        ),
    })
}

/// The header as written: names in file order, nothing checked but duplicates.
struct RawHeader {
    metadata: BTreeMap<String, String>,
    tensors: Vec<(String, RawEntry)>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawHeaderVisitor)
    }
}

struct RawHeaderVisitor;

impl<'de> Visitor<'de> for RawHeaderVisitor {
    type Value = RawHeader;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let mut seen = HashSet::new();
        let mut header = RawHeader {
            metadata: BTreeMap::new(),
            tensors: Vec::new(),
        };
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("two entries named {name:?}")));
            }
            if name == METADATA {
                header.metadata = map.next_value()?;
            } else {
                let entry = map
                    .next_value()
                    .map_err(|error| A::Error::custom(format_args!("tensor {name:?}: {error}")))?;
                header.tensors.push((name, entry));
            }
        }
        Ok(header)
    }
}

/// What is wrong with one entry, before file and tensor are named.
enum Fault {
    /// Its data ends here, behind the end of the file's data.
    PastEnd {
        end: u64,
        data_bytes: usize,
    },
    Other(String),
}

impl Fault {
    fn naming(self, file: &str, tensor: &str) -> CheckpointError {
        let reason = match self {
            Self::PastEnd { end, data_bytes } => format!(
                "its data ends at byte {end}, but the file holds {data_bytes} bytes of data \
                 (truncated?)"
            ),
            Self::Other(reason) => reason,
        };
        CheckpointError::Tensor {
            file: file.to_owned(),
            tensor: tensor.to_owned(),
            reason,
        }
    }
}

impl RawEntry {
    fn check(&self, data_bytes: usize) -> Result<(TensorDtype, Vec<usize>, Range<usize>), Fault> {
        let dtype = TensorDtype::from_safetensors(&self.dtype).ok_or_else(|| {
            Fault::Other(format!(
                "unsupported dtype {:?}; supported: {}",
                self.dtype,
                TensorDtype::ALL.map(TensorDtype::as_str).join(", ")
            ))
        })?;
        let (start, end) = self.data_offsets;
        if start > end {
            return Err(Fault::Other(format!(
                "its data starts at byte {start}, behind its end at {end}"
            )));
        }
        if end > data_bytes as u64 {
            return Err(Fault::PastEnd { end, data_bytes });
        }
        let expected_bytes = self
            .shape
            .iter()
            .try_fold(dtype.bytes() as u64, |bytes, &dim| bytes.checked_mul(dim));
        if expected_bytes != Some(end - start) {
            return Err(Fault::Other(format!(
                "{dtype} {:?} takes {} bytes, but its data has {}",
                self.shape,
                expected_bytes.map_or("more than 2^64".to_owned(), |bytes| bytes.to_string()),
                end - start
            )));
        }
        // A dimension beside a zero may be anything in 64 bits; no tensor of ours has one.
        let shape: Result<Vec<_>, _> = self.shape.iter().map(|&dim| usize::try_from(dim)).collect();
        let shape = shape.map_err(|_| Fault::Other("a dimension exceeds this machine".into()))?;
        Ok((dtype, shape, start as usize..end as usize))
    }
}
