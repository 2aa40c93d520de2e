//! Which experts the domains of a labelled prompt set prefer, and which of that is more than chance.
//!
//! Start with [`Profile::of`]. Each prompt comes as a grid of counts under its domain's name. An
//! expert's *share* in a domain is the part of the domain's tokens that chose it, its *lift* that
//! share as a multiple of the mean of all domains' shares, so that a domain of many tokens counts no
//! more than one of few.
//!
//! One domain's favorite may be one prompt's whim. So the prompts of each domain are divided in two
//! halves ([`Half`]), and a *specialist* is an expert that reaches [`ProfileOptions::min_lift`] in
//! both, each time with enough tokens. How many would do so if the labels meant nothing is told
//! beside them: [`Profile::by_chance`] is the mean over shuffled labels.
//!
//! Invariants: the same prompts in the same order with the same options give the same profile; a
//! domain's prompts keep their halves whatever other domains do.

mod file;
mod halves;
mod tables;

use self::tables::{Tables, by_chance};
use super::compare::jensen_shannon;
use super::grid::{Grid, GridError};

pub use self::file::{ProfileFile, ProfileFileError};
pub use self::halves::{Half, halves};

/// How strict a profile is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileOptions {
    /// Divides the prompts and shuffles the labels.
    pub seed: u64,
    /// The lift that a specialist has to reach in both halves; above 1.
    pub min_lift: f64,
    /// The tokens of the domain that have to choose it in each half.
    pub min_choices: u64,
    /// The tokens that each half of a domain has to have.
    pub min_half_tokens: u64,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            min_lift: 1.5,
            min_choices: 8,
            min_half_tokens: 40,
        }
    }
}

/// One prompt's routing under the domain it was labelled with.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledRouting {
    /// The domain's name.
    pub domain: String,
    /// How many of its tokens chose each expert: a grid of [`Measure::Count`](super::Measure).
    pub counts: Grid,
}

/// What all domains prefer.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// How strict it is.
    pub options: ProfileOptions,
    /// The domains by name.
    pub domains: Vec<DomainProfile>,
    /// Specialists that shuffled labels give, all domains together: the mean of several shuffles.
    pub by_chance: f64,
}

/// What one domain prefers.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainProfile {
    /// The domain's name.
    pub name: String,
    /// Its prompts.
    pub prompts: usize,
    /// The tokens of each half.
    pub half_tokens: [u64; 2],
    /// How many of its tokens chose each expert.
    pub counts: Grid,
    /// The part of its tokens that chose each expert, in 0..=1.
    pub shares: Grid,
    /// Those parts as multiples of the mean over all domains; 0 where no domain chose the expert.
    pub lifts: Grid,
    /// The experts it prefers in both halves, the highest replicated lift first.
    pub specialists: Vec<Specialist>,
}

/// An expert that a domain prefers in both halves of its prompts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Specialist {
    /// The layer.
    pub layer: usize,
    /// The expert within it.
    pub expert: usize,
    /// The domain's tokens that chose it.
    pub count: u64,
    /// The part of the domain's tokens that chose it, in 0..=1.
    pub share: f64,
    /// That part as a multiple of the mean over all domains.
    pub lift: f64,
    /// The same within each half; the smaller one ranks the specialists.
    pub half_lifts: [f64; 2],
}

/// How alike one prompt's routing is to a domain's.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainSimilarity {
    /// The domain's name.
    pub domain: String,
    /// The mean over the layers of 1 minus the Jensen-Shannon distance, in 0..=1; 1 is the same
    /// use of all experts. 0 where no layer can be compared.
    pub similarity: f64,
    /// 1 minus the distance in each layer; none where a side has no traffic.
    pub layers: Vec<Option<f64>>,
}

/// A profile cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// There is nothing to compare a domain with.
    #[error("a profile needs prompts of at least 2 domains, found {found}")]
    Domains {
        /// The domains found.
        found: usize,
    },
    /// The threshold would let everything through.
    #[error("the lift of a specialist has to be above 1, found {found}")]
    MinLift {
        /// The threshold given.
        found: f64,
    },
    /// The prompts are of different models.
    #[error(transparent)]
    Shapes(#[from] GridError),
}

impl Profile {
    /// Compares the domains.
    ///
    /// *Errors:* [`ProfileError`] for fewer than 2 domains, a threshold that is not above 1, or
    /// grids of different shapes.
    pub fn of(prompts: &[LabelledRouting], options: ProfileOptions) -> Result<Self, ProfileError> {
        if options.min_lift.is_nan() || options.min_lift <= 1.0 {
            return Err(ProfileError::MinLift {
                found: options.min_lift,
            });
        }
        let mut names: Vec<&str> = prompts.iter().map(|prompt| &*prompt.domain).collect();
        names.sort_unstable();
        names.dedup();
        let [first, ..] = prompts else {
            return Err(ProfileError::Domains { found: 0 });
        };
        if names.len() < 2 {
            return Err(ProfileError::Domains { found: names.len() });
        }
        for prompt in prompts {
            first.counts.check_same_shape(&prompt.counts)?;
        }
        let labels: Vec<usize> = prompts
            .iter()
            .map(|prompt| names.partition_point(|name| *name < &*prompt.domain))
            .collect();
        let grids: Vec<&Grid> = prompts.iter().map(|prompt| &prompt.counts).collect();
        let tables = Tables::count(&grids, &labels, names.len(), options.seed);
        Ok(Self {
            options,
            domains: (0..names.len())
                .map(|domain| tables.domain(domain, names[domain], &labels, options))
                .collect(),
            by_chance: by_chance(&grids, &labels, names.len(), options),
        })
    }

    /// How alike a prompt's counts are to each domain's, the most alike first.
    ///
    /// *Errors:* [`GridError::Shapes`].
    pub fn compare(&self, counts: &Grid) -> Result<Vec<DomainSimilarity>, GridError> {
        let mut found = Vec::with_capacity(self.domains.len());
        for domain in &self.domains {
            let distances = jensen_shannon(counts, &domain.counts)?;
            let layers: Vec<_> = distances
                .iter()
                .map(|distance| distance.map(|distance| 1.0 - distance))
                .collect();
            let known: Vec<f64> = layers.iter().copied().flatten().collect();
            found.push(DomainSimilarity {
                domain: domain.name.clone(),
                similarity: known.iter().sum::<f64>() / known.len().max(1) as f64,
                layers,
            });
        }
        // A stable sort: equals stay in the order of their names.
        found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Ok(found)
    }
}
