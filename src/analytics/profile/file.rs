//! A profile's file, as `profile --output` writes it.

use serde::Deserialize;

use super::super::grid::Grid;
use super::{DomainProfile, Profile, ProfileOptions, Specialist};

/// The value of a file's `format`.
const FORMAT: &str = "gptoss-profile";

/// The version that is read.
const VERSION: u32 = 1;

/// A profile with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileFile {
    /// The model's name.
    pub model: String,
    /// Its weights' digest.
    pub weights_digest: String,
    /// Tokens at the start of every prompt that all shared, and that are not counted.
    pub skipped_prefix_tokens: usize,
    /// Lines of the prompt set that were left out.
    pub broken_lines: usize,
    /// What was found.
    pub profile: Profile,
}

/// A text is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileFileError {
    /// It is no JSON, or a field is missing or of another type.
    #[error("it cannot be read as a profile, which `profile --output` writes: {0}")]
    Json(#[from] serde_json::Error),
    /// It is another kind of file.
    #[error("expected the format {FORMAT} version {VERSION}, found {format} version {version}")]
    Format {
        /// The format found.
        format: String,
        /// Its version.
        version: u32,
    },
    /// Fewer than two domains.
    #[error("a profile has at least 2 domains, found {0}")]
    Domains(usize),
    /// A table is not of the first one's form.
    #[error("domain {domain}: a table of {name} is not layers by experts like the others")]
    Table {
        /// The domain.
        domain: String,
        /// The table.
        name: &'static str,
    },
    /// A specialist is in no table.
    #[error("domain {domain}: there is no expert {expert} in layer {layer}")]
    Specialist {
        /// The domain.
        domain: String,
        /// The layer named.
        layer: usize,
        /// The expert named.
        expert: usize,
    },
}

#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

#[derive(Deserialize)]
struct Document {
    model: String,
    weights_digest: String,
    skipped_prefix_tokens: usize,
    broken_lines: Vec<usize>,
    seed: u64,
    min_lift: f64,
    min_choices: u64,
    min_half_tokens: u64,
    specialists_by_chance: f64,
    domains: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
    prompts: usize,
    tokens: u64,
    half_tokens: [u64; 2],
    specialists: Vec<Found>,
    counts: Vec<Vec<f64>>,
    shares: Vec<Vec<f64>>,
    lifts: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Found {
    layer: usize,
    expert: usize,
    count: u64,
    share: f64,
    lift: f64,
    half_lifts: [f64; 2],
}

impl ProfileFile {
    /// Reads a file's text.
    ///
    /// *Errors:* [`ProfileFileError`] for anything that `profile --output` did not write.
    pub fn read(text: &str) -> Result<Self, ProfileFileError> {
        let head: Head = serde_json::from_str(text)?;
        if head.format != FORMAT || head.format_version != VERSION {
            return Err(ProfileFileError::Format {
                format: head.format,
                version: head.format_version,
            });
        }
        let document: Document = serde_json::from_str(text)?;
        if document.domains.len() < 2 {
            return Err(ProfileFileError::Domains(document.domains.len()));
        }
        let shape = document.domains[0].shape();
        let domains = document.domains.into_iter();
        let domains: Result<Vec<_>, _> = domains.map(|domain| domain.checked(shape)).collect();
        Ok(Self {
            model: document.model,
            weights_digest: document.weights_digest,
            skipped_prefix_tokens: document.skipped_prefix_tokens,
            broken_lines: document.broken_lines.len(),
            profile: Profile {
                options: ProfileOptions {
                    seed: document.seed,
                    min_lift: document.min_lift,
                    min_choices: document.min_choices,
                    min_half_tokens: document.min_half_tokens,
                },
                domains: domains?,
                by_chance: document.specialists_by_chance,
            },
        })
    }

    /// Layers and experts of the model it was made with.
    pub fn shape(&self) -> (usize, usize) {
        let first = self.profile.domains.first();
        first.map_or((0, 0), |domain| {
            (domain.counts.num_layers(), domain.counts.num_experts())
        })
    }
}

impl Domain {
    fn shape(&self) -> (usize, usize) {
        (self.counts.len(), self.counts.first().map_or(0, Vec::len))
    }

    fn checked(self, shape: (usize, usize)) -> Result<DomainProfile, ProfileFileError> {
        let outside = |one: &&Found| one.layer >= shape.0 || one.expert >= shape.1;
        if let Some(one) = self.specialists.iter().find(outside) {
            return Err(ProfileFileError::Specialist {
                domain: self.name,
                layer: one.layer,
                expert: one.expert,
            });
        }
        let grid = |name: &'static str, rows: Vec<Vec<f64>>| {
            let is_whole = rows.len() == shape.0 && rows.iter().all(|row| row.len() == shape.1);
            let cells: Vec<f64> = rows.into_iter().flatten().collect();
            let found = Grid::new(shape.0, shape.1, self.tokens, cells);
            found
                .ok()
                .filter(|_| is_whole)
                .ok_or_else(|| ProfileFileError::Table {
                    domain: self.name.clone(),
                    name,
                })
        };
        Ok(DomainProfile {
            counts: grid("counts", self.counts)?,
            shares: grid("shares", self.shares)?,
            lifts: grid("lifts", self.lifts)?,
            name: self.name,
            prompts: self.prompts,
            half_tokens: self.half_tokens,
            specialists: self.specialists.into_iter().map(Found::into).collect(),
        })
    }
}

impl From<Found> for Specialist {
    fn from(found: Found) -> Self {
        Self {
            layer: found.layer,
            expert: found.expert,
            count: found.count,
            share: found.share,
            lift: found.lift,
            half_lifts: found.half_lifts,
        }
    }
}
