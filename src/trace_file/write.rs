//! Writes trace files.

use std::path::Path;

use super::check::Arrays;
use super::{FORMAT, FORMAT_VERSION, TraceData, TraceError, TraceMetadata, TraceShape};
use crate::checkpoint::{PartFile, TensorDtype, TensorSpec, WriteError, encode_header};

/// Values converted to bytes at a time.
const CHUNK: usize = 1 << 16;

impl TraceData<'_> {
    /// Writes the trace to `path`, which appears (or is replaced) only when complete.
    ///
    /// # Errors
    /// [`TraceError::Array`] or [`TraceError::Metadata`] if the arrays do not fit together,
    /// [`TraceError::Write`] if the file cannot be written; nothing is left behind then.
    pub fn write(&self, path: &Path, metadata: &TraceMetadata) -> Result<(), TraceError> {
        let specs = self.checked_specs(&path.display().to_string(), metadata)?;
        self.write_checked(path, metadata, &specs)
            .map_err(|error| TraceError::Write { error })
    }

    fn write_checked(
        &self,
        path: &Path,
        metadata: &TraceMetadata,
        specs: &[TensorSpec],
    ) -> Result<(), WriteError> {
        let header = encoded(metadata, specs).ok_or_else(|| WriteError::Plan {
            path: path.to_owned(),
            reason: "the arrays exceed 2^64 bytes".to_owned(),
        })?;
        let data_bytes: u64 = specs.iter().filter_map(TensorSpec::nbytes).sum();
        let mut file = PartFile::create(path, header.len() as u64 + data_bytes)?;
        file.write(&header)?;
        write_values(&mut file, self.tokens, i32::to_le_bytes)?;
        write_values(&mut file, self.experts, i32::to_le_bytes)?;
        for floats in [Some(self.expert_weights), self.logits, self.router_logits]
            .into_iter()
            .flatten()
        {
            write_values(&mut file, floats, f32::to_le_bytes)?;
        }
        file.finish()
    }

    /// The arrays in the order in which they are written.
    fn checked_specs(
        &self,
        file: &str,
        metadata: &TraceMetadata,
    ) -> Result<Vec<TensorSpec>, TraceError> {
        let TraceShape {
            num_tokens,
            num_layers,
            num_experts_per_tok,
        } = self.shape;
        let rows = num_tokens.saturating_mul(num_layers);
        let vocab_size = self
            .logits
            .map(|values| width(file, "logits", values.len(), num_tokens))
            .transpose()?;
        let num_local_experts = self
            .router_logits
            .map(|values| width(file, "router_logits", values.len(), rows))
            .transpose()?;
        let arrays = Arrays {
            shape: self.shape,
            tokens: self.tokens,
            experts: self.experts,
            expert_weights: self.expert_weights,
            vocab_size,
            num_local_experts,
            is_changed: metadata.has_rules(),
        };
        arrays.check(file)?;
        if metadata.prompt_tokens > num_tokens {
            return Err(TraceError::Metadata {
                file: file.to_owned(),
                key: "prompt_tokens",
                reason: format!("{} of {num_tokens} tokens", metadata.prompt_tokens),
            });
        }
        let chosen = [num_tokens, num_layers, num_experts_per_tok];
        let mut specs = vec![
            spec("tokens", TensorDtype::I32, &[num_tokens]),
            spec("experts", TensorDtype::I32, &chosen),
            spec("expert_weights", TensorDtype::F32, &chosen),
        ];
        if let Some(vocab) = vocab_size {
            specs.push(spec("logits", TensorDtype::F32, &[num_tokens, vocab]));
        }
        if let Some(experts) = num_local_experts {
            let shape = [num_tokens, num_layers, experts];
            specs.push(spec("router_logits", TensorDtype::F32, &shape));
        }
        Ok(specs)
    }
}

fn encoded(metadata: &TraceMetadata, specs: &[TensorSpec]) -> Option<Vec<u8>> {
    let strings = [
        ("format", FORMAT),
        ("format_version", FORMAT_VERSION),
        ("program_version", &metadata.program_version),
        ("model", &metadata.model_name),
        ("weights_digest", &metadata.weights_digest),
        ("settings", &metadata.settings.to_string()),
        ("prompt_tokens", &metadata.prompt_tokens.to_string()),
    ];
    encode_header(&strings, specs)
}

/// The length of each of `rows` rows.
fn width(file: &str, array: &str, len: usize, rows: usize) -> Result<usize, TraceError> {
    if rows > 0 && len > 0 && len.is_multiple_of(rows) {
        return Ok(len / rows);
    }
    Err(TraceError::Array {
        file: file.to_owned(),
        array: array.to_owned(),
        reason: format!("expected {rows} rows of equal length, found {len} values"),
    })
}

fn spec(name: &str, dtype: TensorDtype, shape: &[usize]) -> TensorSpec {
    TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
    }
}

fn write_values<T: Copy>(
    file: &mut PartFile,
    values: &[T],
    to_bytes: impl Fn(T) -> [u8; 4],
) -> Result<(), WriteError> {
    for chunk in values.chunks(CHUNK) {
        let bytes: Vec<[u8; 4]> = chunk.iter().map(|&value| to_bytes(value)).collect();
        file.write(bytes.as_flattened())?;
    }
    Ok(())
}
