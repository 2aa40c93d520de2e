//! What a checkpoint holds, for people: tensors, bytes, groups.

use super::{Checkpoint, TensorDtype};

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TensorGroup {
    /// The token embeddings.
    Embedding,
    /// Projections and sinks.
    Attention,
    /// The routers.
    Router,
    /// The experts.
    Experts,
    /// All norms.
    Norms,
    /// The output head.
    Head,
}

impl TensorGroup {
    /// All groups, in the order of a forward pass.
    pub const ALL: [Self; 6] = [
        Self::Embedding,
        Self::Attention,
        Self::Router,
        Self::Experts,
        Self::Norms,
        Self::Head,
    ];

    /// A name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Attention => "attention",
            Self::Router => "router",
            Self::Experts => "experts",
            Self::Norms => "norms",
            Self::Head => "head",
        }
    }
}

/// A tensor as the file has it.
#[derive(Debug, Clone)]
pub struct TensorInfo<'a> {
    /// The name in the file.
    pub name: &'a str,
    /// The file.
    pub file: &'a str,
    /// The element type.
    pub dtype: TensorDtype,
    /// The dimensions.
    pub shape: &'a [usize],
    /// The size of the data.
    pub nbytes: u64,
    /// What it is for.
    pub group: TensorGroup,
}

impl Checkpoint {
    /// Every tensor, file by file in the order of the data.
    pub fn tensors(&self) -> impl Iterator<Item = TensorInfo<'_>> {
        self.shards.iter().flat_map(move |shard| {
            shard.tensors.iter().map(move |tensor| TensorInfo {
                name: &tensor.name,
                file: &shard.file,
                dtype: tensor.dtype,
                shape: &tensor.shape,
                nbytes: tensor.range.len() as u64,
                group: self.locations[&tensor.name].group,
            })
        })
    }

    /// Bytes of all tensors.
    pub fn total_bytes(&self) -> u64 {
        self.tensors().map(|tensor| tensor.nbytes).sum()
    }

    /// Bytes by group, in the order of [`TensorGroup::ALL`].
    pub fn group_bytes(&self) -> [(TensorGroup, u64); 6] {
        TensorGroup::ALL.map(|group| {
            let bytes = self
                .tensors()
                .filter(|tensor| tensor.group == group)
                .map(|tensor| tensor.nbytes)
                .sum();
            (group, bytes)
        })
    }
}
