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

use super::compare::jensen_shannon;
use super::grid::{Grid, GridError};

/// Times that the labels are shuffled to see what chance alone gives.
const SHUFFLES: u64 = 20;

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

/// The two parts of a domain's prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Half {
    /// Prompts of even rank.
    First,
    /// Prompts of odd rank.
    Second,
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

/// The half of each prompt of one domain, `num_prompts` of them in the order of the file.
///
/// Prompts are ranked by a hash of the seed and their number within the domain (SplitMix64); even
/// ranks are the first half, so the halves differ by one prompt at most. *Source:* Steele, Lea and
/// Flood 2014.
pub fn halves(num_prompts: usize, seed: u64) -> Vec<Half> {
    let mut ranked: Vec<usize> = (0..num_prompts).collect();
    ranked.sort_by_key(|&number| (hash(seed, number as u64), number));
    let mut halves = vec![Half::First; num_prompts];
    for &number in ranked.iter().skip(1).step_by(2) {
        halves[number] = Half::Second;
    }
    halves
}

/// The counts of one half of one domain.
#[derive(Debug, Clone)]
struct Cells {
    tokens: u64,
    counts: Vec<f64>,
}

impl Cells {
    fn none(cells: usize) -> Self {
        Self {
            tokens: 0,
            counts: vec![0.0; cells],
        }
    }

    fn add(&mut self, tokens: u64, counts: &[f64]) {
        self.tokens += tokens;
        for (sum, count) in self.counts.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    fn share(&self, cell: usize) -> f64 {
        self.counts[cell] / self.tokens.max(1) as f64
    }
}

/// All counts: both halves and the whole of each domain.
struct Tables {
    num_layers: usize,
    num_experts: usize,
    halves: [Vec<Cells>; 2],
    whole: Vec<Cells>,
}

impl Tables {
    fn count(grids: &[&Grid], labels: &[usize], num_domains: usize, seed: u64) -> Self {
        let (num_layers, num_experts) = grids
            .first()
            .map_or((0, 0), |grid| (grid.num_layers(), grid.num_experts()));
        let none = vec![Cells::none(num_layers * num_experts); num_domains];
        let mut tables = Self {
            num_layers,
            num_experts,
            halves: [none.clone(), none.clone()],
            whole: none,
        };
        for domain in 0..num_domains {
            let of_domain = grids
                .iter()
                .zip(labels)
                .filter(|(_, label)| **label == domain);
            let of_domain: Vec<&Grid> = of_domain.map(|(grid, _)| *grid).collect();
            for (grid, half) in of_domain.iter().zip(halves(of_domain.len(), seed)) {
                tables.halves[half as usize][domain].add(grid.tokens(), grid.values());
                tables.whole[domain].add(grid.tokens(), grid.values());
            }
        }
        tables
    }

    fn domain(
        &self,
        domain: usize,
        name: &str,
        labels: &[usize],
        options: ProfileOptions,
    ) -> DomainProfile {
        let whole = &self.whole[domain];
        let cells = || 0..whole.counts.len();
        DomainProfile {
            name: name.to_owned(),
            prompts: labels.iter().filter(|label| **label == domain).count(),
            half_tokens: self.half_tokens(domain),
            counts: self.grid(whole.tokens, whole.counts.clone()),
            shares: self.grid(
                whole.tokens,
                cells().map(|cell| whole.share(cell)).collect(),
            ),
            lifts: self.grid(
                whole.tokens,
                cells()
                    .map(|cell| lift(&self.whole, domain, cell))
                    .collect(),
            ),
            specialists: self.specialists(domain, options),
        }
    }

    fn half_tokens(&self, domain: usize) -> [u64; 2] {
        [self.halves[0][domain].tokens, self.halves[1][domain].tokens]
    }

    /// Both halves have to say so.
    fn specialists(&self, domain: usize, options: ProfileOptions) -> Vec<Specialist> {
        let half_tokens = self.half_tokens(domain);
        if half_tokens
            .iter()
            .any(|tokens| *tokens < options.min_half_tokens)
        {
            return Vec::new();
        }
        let whole = &self.whole[domain];
        let is_replicated = |cell: usize| {
            self.halves.iter().all(|half| {
                half[domain].counts[cell] >= options.min_choices as f64
                    && lift(half, domain, cell) >= options.min_lift
            })
        };
        let mut found: Vec<Specialist> = (0..whole.counts.len())
            .filter(|cell| is_replicated(*cell))
            .map(|cell| Specialist {
                layer: cell / self.num_experts,
                expert: cell % self.num_experts,
                count: whole.counts[cell] as u64,
                share: whole.share(cell),
                lift: lift(&self.whole, domain, cell),
                half_lifts: [
                    lift(&self.halves[0], domain, cell),
                    lift(&self.halves[1], domain, cell),
                ],
            })
            .collect();
        found.sort_by(|a, b| {
            let least = |one: &Specialist| one.half_lifts[0].min(one.half_lifts[1]);
            least(b).total_cmp(&least(a))
        });
        found
    }

    fn grid(&self, tokens: u64, values: Vec<f64>) -> Grid {
        Grid::of_cells(self.num_layers, self.num_experts, tokens, values)
    }
}

/// A domain's share of a cell as a multiple of the mean over all domains.
fn lift(domains: &[Cells], domain: usize, cell: usize) -> f64 {
    let sum: f64 = domains.iter().map(|cells| cells.share(cell)).sum();
    if sum > 0.0 {
        domains[domain].share(cell) * domains.len() as f64 / sum
    } else {
        0.0
    }
}

/// The mean number of specialists when the labels are dealt out anew.
fn by_chance(
    grids: &[&Grid],
    labels: &[usize],
    num_domains: usize,
    options: ProfileOptions,
) -> f64 {
    let mut found = 0;
    for shuffle in 1..=SHUFFLES {
        let key = hash(options.seed, shuffle);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|&number| (hash(key, number as u64), number));
        let dealt: Vec<usize> = order.iter().map(|&number| labels[number]).collect();
        let tables = Tables::count(grids, &dealt, num_domains, options.seed);
        let specialists = (0..num_domains).map(|domain| tables.specialists(domain, options).len());
        found += specialists.sum::<usize>();
    }
    found as f64 / SHUFFLES as f64
}

/// A number that hangs on both and looks random.
fn hash(seed: u64, number: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0xD1B5_4A32_D192_ED03)
        .wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
