//! The list of models to choose from.

use std::path::PathBuf;

use crate::catalog::CatalogEntry;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// A model that was found.
    Found(CatalogEntry),
    /// A folder that is not listed: its path is asked for.
    Elsewhere,
    /// How to get gpt-oss-20b.
    HowTo,
}

impl ModelChoice {
    /// What is searched while typing.
    pub fn name(&self) -> &str {
        match self {
            Self::Found(entry) => &entry.name,
            Self::Elsewhere => "another folder",
            Self::HowTo => "get gpt-oss-20b",
        }
    }
}

/// What looking for models found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundModels {
    /// The models.
    pub entries: Vec<CatalogEntry>,
    /// Bytes free in the folder where the program was started; none where that is not known.
    pub free_bytes: Option<u64>,
}

impl FoundModels {
    /// The list's entries.
    pub fn choices(&self) -> Vec<ModelChoice> {
        let found = self.entries.iter().cloned().map(ModelChoice::Found);
        found
            .chain([ModelChoice::Elsewhere, ModelChoice::HowTo])
            .collect()
    }
}

/// A text that was typed over a list without a fitting entry, as a path.
pub fn typed_path(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    (!text.is_empty()).then(|| PathBuf::from(text))
}
