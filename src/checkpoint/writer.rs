//! Writes weights as mlx-lm lays them out: shards and an index.
//!
//! The header stands before the data, so all tensors are planned first and then written in the
//! planned order; no more than one is in memory. Files get their names when all are complete.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::encode::{TensorSpec, encode_header};
use super::part_file::{PartFile, WriteError};
use super::shard::{INDEX_FILE, SINGLE_FILE};

/// The largest shard that mlx-lm writes.
pub const MAX_SHARD_BYTES: u64 = 5 << 30;

/// A checkpoint under construction.
///
/// Dropping it without [`SafetensorsShardWriter::finish`] removes what was written.
#[derive(Debug)]
pub struct SafetensorsShardWriter {
    dir: PathBuf,
    created_dir: bool,
    tensors: Vec<TensorSpec>,
    shards: Vec<Range<usize>>,
    /// Complete shards and the one under construction, not yet under their names.
    files: Vec<PartFile>,
    /// The number of the tensor to be written next.
    next: usize,
    is_finished: bool,
}

impl SafetensorsShardWriter {
    /// Plans a checkpoint in `dir`, which is created if it is not there.
    ///
    /// # Errors
    /// [`WriteError::Plan`] for a name planned twice, [`WriteError::Io`] if the folder cannot be
    /// made.
    pub fn create(dir: &Path, tensors: Vec<TensorSpec>) -> Result<Self, WriteError> {
        Self::create_sharded(dir, tensors, MAX_SHARD_BYTES)
    }

    /// [`SafetensorsShardWriter::create`] with another limit to a shard's size.
    ///
    /// # Errors
    /// As there.
    pub fn create_sharded(
        dir: &Path,
        tensors: Vec<TensorSpec>,
        max_shard_bytes: u64,
    ) -> Result<Self, WriteError> {
        let shards = plan_shards(dir, &tensors, max_shard_bytes)?;
        let created_dir = !dir.exists();
        std::fs::create_dir_all(dir).map_err(|error| WriteError::Io {
            path: dir.to_owned(),
            written_bytes: 0,
            total_bytes: total_bytes(&tensors),
            error,
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            created_dir,
            tensors,
            shards,
            files: Vec::new(),
            next: 0,
            is_finished: false,
        })
    }

    /// Writes the next planned tensor.
    ///
    /// # Errors
    /// [`WriteError::Plan`] if it is not that tensor or not of its size; [`WriteError::Io`] if the
    /// disk is full or fails.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let Some(planned) = self.tensors.get(self.next) else {
            return Err(self.refused(format!("tensor {name:?} comes after the last planned one")));
        };
        if planned.name != name || planned.nbytes() != Some(bytes.len() as u64) {
            return Err(self.refused(format!(
                "planned {:?} of {:?} bytes, found {name:?} of {}",
                planned.name,
                planned.nbytes().unwrap_or(u64::MAX),
                bytes.len()
            )));
        }
        if self
            .shards
            .get(self.files.len())
            .is_some_and(|shard| shard.start == self.next)
        {
            self.start_shard()?;
        }
        if let Some(file) = self.files.last_mut() {
            file.write(bytes)?;
        }
        self.next += 1;
        Ok(())
    }

    /// Writes the index and gives all files their names.
    ///
    /// # Errors
    /// [`WriteError::Plan`] if planned tensors are missing, [`WriteError::Io`] as above.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if let Some(missing) = self.tensors.get(self.next) {
            return Err(self.refused(format!("tensor {:?} was not written", missing.name)));
        }
        let index = self.index().into_bytes();
        let mut file = PartFile::create(&self.dir.join(INDEX_FILE), index.len() as u64)?;
        file.write(&index)?;
        let mut named = Vec::new();
        for (number, file) in std::mem::take(&mut self.files).into_iter().enumerate() {
            if let Err(error) = file.finish() {
                for path in named {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
            named.push(self.dir.join(self.shard_name(number)));
        }
        file.finish()?;
        self.is_finished = true;
        Ok(())
    }

    fn start_shard(&mut self) -> Result<(), WriteError> {
        if let Some(complete) = self.files.last_mut() {
            complete.flush()?;
        }
        let number = self.files.len();
        let tensors = &self.tensors[self.shards[number].clone()];
        let header = encode_header(&[("format", "mlx")], tensors)
            .ok_or_else(|| self.refused("the tensors exceed 2^64 bytes".to_owned()))?;
        let path = self.dir.join(self.shard_name(number));
        let mut file = PartFile::create(&path, header.len() as u64 + total_bytes(tensors))?;
        file.write(&header)?;
        self.files.push(file);
        Ok(())
    }

    fn shard_name(&self, number: usize) -> String {
        match self.shards.len() {
            1 => SINGLE_FILE.to_owned(),
            count => format!("model-{:05}-of-{count:05}.safetensors", number + 1),
        }
    }

    fn index(&self) -> String {
        let mut weight_map = BTreeMap::new();
        for (number, shard) in self.shards.iter().enumerate() {
            for tensor in &self.tensors[shard.clone()] {
                weight_map.insert(tensor.name.as_str(), self.shard_name(number));
            }
        }
        let index = json!({
            "metadata": { "total_size": total_bytes(&self.tensors) },
            "weight_map": weight_map,
        });
        format!("{index:#}\n")
    }

    fn refused(&self, reason: String) -> WriteError {
        WriteError::Plan {
            path: self.dir.clone(),
            reason,
        }
    }
}

impl Drop for SafetensorsShardWriter {
    fn drop(&mut self) {
        self.files.clear();
        if self.created_dir && !self.is_finished {
            // Fails if anything else is in it, as it should.
            let _ = std::fs::remove_dir(&self.dir);
        }
    }
}

/// Cuts the tensors into consecutive shards; one larger than the limit gets a shard of its own.
fn plan_shards(
    dir: &Path,
    tensors: &[TensorSpec],
    max_shard_bytes: u64,
) -> Result<Vec<Range<usize>>, WriteError> {
    let refused = |reason: String| WriteError::Plan {
        path: dir.to_owned(),
        reason,
    };
    if tensors.is_empty() {
        return Err(refused("no tensors are planned".to_owned()));
    }
    let mut seen = HashSet::new();
    let mut shards = Vec::new();
    let (mut start, mut shard_bytes) = (0, 0u64);
    for (number, tensor) in tensors.iter().enumerate() {
        if !seen.insert(&tensor.name) {
            return Err(refused(format!(
                "tensor {:?} is planned twice",
                tensor.name
            )));
        }
        let bytes = tensor
            .nbytes()
            .ok_or_else(|| refused(format!("tensor {:?} exceeds 2^64 bytes", tensor.name)))?;
        if number > start && shard_bytes.saturating_add(bytes) > max_shard_bytes {
            shards.push(start..number);
            (start, shard_bytes) = (number, 0);
        }
        shard_bytes = shard_bytes.saturating_add(bytes);
    }
    shards.push(start..tensors.len());
    Ok(shards)
}

fn total_bytes(tensors: &[TensorSpec]) -> u64 {
    tensors
        .iter()
        .filter_map(TensorSpec::nbytes)
        .fold(0, u64::saturating_add)
}
