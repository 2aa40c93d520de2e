//! Reads trace files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::check::Arrays;
use super::{FORMAT, FORMAT_VERSION, TraceError, TraceMetadata, TraceShape};
use crate::checkpoint::{Header, Mapping, TensorDtype, TensorEntry};

/// The arrays that a trace may hold.
const ARRAYS: [&str; 5] = [
    "tokens",
    "experts",
    "expert_weights",
    "logits",
    "router_logits",
];

/// A trace, opened and checked.
///
/// Tokens and experts are in memory; logits, which may be large, are read row by row.
#[derive(Debug)]
pub struct TraceFile {
    metadata: TraceMetadata,
    shape: TraceShape,
    tokens: Vec<i32>,
    experts: Vec<i32>,
    expert_weights: Vec<f32>,
    logits: Option<Rows>,
    router_logits: Option<Rows>,
    mapping: Mapping,
}

/// An array that stays in the file: where it is, and how long a token's row is.
#[derive(Debug, Clone)]
struct Rows {
    range: Range<usize>,
    row_values: usize,
}

impl TraceFile {
    /// Opens a trace and checks everything but the values of the logits.
    ///
    /// # Errors
    /// One that names the file and the array or metadata at fault.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let file = path.display().to_string();
        let mapping = Mapping::open(path).map_err(|error| TraceError::Io {
            file: file.clone(),
            error,
        })?;
        let header = Header::parse(&file, mapping.bytes())
            .map_err(|error| TraceError::Container { error })?;
        let reader = Reader {
            file: &file,
            header: &header,
            bytes: mapping.bytes(),
        };
        let shape = reader.shape()?;
        let trace = Self {
            metadata: reader.metadata(shape.num_tokens)?,
            shape,
            tokens: reader.values("tokens", TensorDtype::I32, i32::from_le_bytes)?,
            experts: reader.values("experts", TensorDtype::I32, i32::from_le_bytes)?,
            expert_weights: reader.values(
                "expert_weights",
                TensorDtype::F32,
                f32::from_le_bytes,
            )?,
            logits: reader.rows("logits", &[shape.num_tokens])?,
            router_logits: reader.rows("router_logits", &[shape.num_tokens, shape.num_layers])?,
            mapping,
        };
        trace.arrays().check(&file)?;
        Ok(trace)
    }

    /// Where the trace comes from.
    pub fn metadata(&self) -> &TraceMetadata {
        &self.metadata
    }

    /// The dimensions.
    pub fn shape(&self) -> TraceShape {
        self.shape
    }

    /// Token ids, `[T]`.
    pub fn tokens(&self) -> &[i32] {
        &self.tokens
    }

    /// Chosen experts, `[T, L, K]`, by descending weight.
    ///
    /// Where rules made a layer choose fewer experts than others, -1 fills up.
    pub fn experts(&self) -> &[i32] {
        &self.experts
    }

    /// The chosen experts' weights, `[T, L, K]`.
    pub fn expert_weights(&self) -> &[f32] {
        &self.expert_weights
    }

    /// `V`, if logits were recorded.
    pub fn vocab_size(&self) -> Option<usize> {
        self.logits.as_ref().map(|rows| rows.row_values)
    }

    /// `E`, if router logits were recorded.
    pub fn num_local_experts(&self) -> Option<usize> {
        let rows = self.router_logits.as_ref()?;
        Some(rows.row_values / self.shape.num_layers)
    }

    /// The logits behind a token, `[V]`; `None` if none were recorded or there is no such token.
    pub fn logits(&self, token_idx: usize) -> Option<Vec<f32>> {
        self.row(self.logits.as_ref()?, token_idx)
    }

    /// The router logits of a token, `[L, E]`; `None` as for [`TraceFile::logits`].
    pub fn router_logits(&self, token_idx: usize) -> Option<Vec<f32>> {
        self.row(self.router_logits.as_ref()?, token_idx)
    }

    fn row(&self, rows: &Rows, token_idx: usize) -> Option<Vec<f32>> {
        let values = &self.mapping.bytes()[rows.range.clone()];
        let (values, _) = values.as_chunks::<4>();
        let row = values.chunks_exact(rows.row_values).nth(token_idx)?;
        Some(row.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }

    fn arrays(&self) -> Arrays<'_> {
        Arrays {
            shape: self.shape,
            tokens: &self.tokens,
            experts: &self.experts,
            expert_weights: &self.expert_weights,
            vocab_size: self.vocab_size(),
            num_local_experts: self.num_local_experts(),
            is_changed: self.metadata.has_rules(),
        }
    }
}

/// A file whose header is parsed.
struct Reader<'a> {
    file: &'a str,
    header: &'a Header,
    bytes: &'a [u8],
}

impl Reader<'_> {
    /// The dimensions, from `experts`; every other array must agree with it.
    fn shape(&self) -> Result<TraceShape, TraceError> {
        for entry in &self.header.tensors {
            if !ARRAYS.contains(&entry.name.as_str()) {
                return Err(self.refused(&entry.name, "no array of a trace".to_owned()));
            }
        }
        let experts = self.array("experts", TensorDtype::I32)?;
        let &[num_tokens, num_layers, num_experts_per_tok] = &experts.shape[..] else {
            return Err(self.misshapen("experts", "[T, L, K]", &experts.shape));
        };
        // Beside a zero, other dimensions may be anything; their product could overflow.
        if experts.shape.contains(&0) {
            return Err(self.misshapen("experts", "[T, L, K] above zero", &experts.shape));
        }
        for (array, dtype, expected) in [
            ("tokens", TensorDtype::I32, &experts.shape[..1]),
            ("expert_weights", TensorDtype::F32, &experts.shape[..]),
        ] {
            let found = &self.array(array, dtype)?.shape;
            if found != expected {
                return Err(self.misshapen(array, &format!("{expected:?}"), found));
            }
        }
        Ok(TraceShape {
            num_tokens,
            num_layers,
            num_experts_per_tok,
        })
    }

    fn entry(&self, array: &str) -> Option<&TensorEntry> {
        self.header.tensors.iter().find(|entry| entry.name == array)
    }

    fn array(&self, array: &str, dtype: TensorDtype) -> Result<&TensorEntry, TraceError> {
        let entry = self
            .entry(array)
            .ok_or_else(|| self.refused(array, format!("missing: expected {dtype}")))?;
        self.of_dtype(entry, dtype)
    }

    fn of_dtype<'a>(
        &self,
        entry: &'a TensorEntry,
        dtype: TensorDtype,
    ) -> Result<&'a TensorEntry, TraceError> {
        if entry.dtype == dtype {
            return Ok(entry);
        }
        let reason = format!("expected {dtype}, found {}", entry.dtype);
        Err(self.refused(&entry.name, reason))
    }

    fn values<T>(
        &self,
        array: &str,
        dtype: TensorDtype,
        from_bytes: impl Fn([u8; 4]) -> T,
    ) -> Result<Vec<T>, TraceError> {
        let range = self.array(array, dtype)?.range.clone();
        let (values, _) = self.bytes[range].as_chunks::<4>();
        Ok(values.iter().map(|&value| from_bytes(value)).collect())
    }

    /// An optional array whose first dimensions are `leading` and which has one more.
    fn rows(&self, array: &str, leading: &[usize]) -> Result<Option<Rows>, TraceError> {
        let Some(entry) = self.entry(array) else {
            return Ok(None);
        };
        self.of_dtype(entry, TensorDtype::F32)?;
        match entry.shape.split_last() {
            Some((&last, first)) if first == leading && last > 0 => Ok(Some(Rows {
                range: entry.range.clone(),
                row_values: leading[1..].iter().product::<usize>() * last,
            })),
            _ => {
                let expected = format!("{leading:?} and one more dimension");
                Err(self.misshapen(array, &expected, &entry.shape))
            }
        }
    }

    fn metadata(&self, num_tokens: usize) -> Result<TraceMetadata, TraceError> {
        let strings = Strings {
            file: self.file,
            map: &self.header.metadata,
        };
        strings.expect("format", FORMAT)?;
        strings.expect("format_version", FORMAT_VERSION)?;
        let settings = serde_json::from_str(strings.get("settings")?)
            .map_err(|error| strings.refused("settings", format!("not JSON: {error}")))?;
        let text = strings.get("prompt_tokens")?;
        let prompt_tokens = text
            .parse()
            .ok()
            .filter(|&count: &usize| count <= num_tokens);
        Ok(TraceMetadata {
            program_version: strings.get("program_version")?.to_owned(),
            model_name: strings.get("model")?.to_owned(),
            weights_digest: strings.get("weights_digest")?.to_owned(),
            settings,
            prompt_tokens: prompt_tokens.ok_or_else(|| {
                let reason = format!("expected a number in 0..={num_tokens}, found {text:?}");
                strings.refused("prompt_tokens", reason)
            })?,
        })
    }

    fn misshapen(&self, array: &str, expected: &str, found: &[usize]) -> TraceError {
        self.refused(array, format!("expected shape {expected}, found {found:?}"))
    }

    fn refused(&self, array: &str, reason: String) -> TraceError {
        TraceError::Array {
            file: self.file.to_owned(),
            array: array.to_owned(),
            reason,
        }
    }
}

/// The metadata's strings.
struct Strings<'a> {
    file: &'a str,
    map: &'a BTreeMap<String, String>,
}

impl<'a> Strings<'a> {
    fn get(&self, key: &'static str) -> Result<&'a str, TraceError> {
        self.map
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| self.refused(key, "missing".to_owned()))
    }

    fn expect(&self, key: &'static str, expected: &str) -> Result<(), TraceError> {
        let found = self.get(key)?;
        if found == expected {
            return Ok(());
        }
        Err(self.refused(key, format!("expected {expected:?}, found {found:?}")))
    }

    fn refused(&self, key: &'static str, reason: String) -> TraceError {
        TraceError::Metadata {
            file: self.file.to_owned(),
            key,
            reason,
        }
    }
}
