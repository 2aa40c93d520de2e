//! The counts of all domains, whole and by halves, and what follows from them.

use super::super::grid::Grid;
use super::halves::{halves, hash};
use super::{DomainProfile, ProfileOptions, Specialist};

/// Times that the labels are shuffled to see what chance alone gives.
const SHUFFLES: u64 = 20;

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
pub(super) struct Tables {
    num_layers: usize,
    num_experts: usize,
    halves: [Vec<Cells>; 2],
    whole: Vec<Cells>,
}

impl Tables {
    pub(super) fn count(grids: &[&Grid], labels: &[usize], num_domains: usize, seed: u64) -> Self {
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

    pub(super) fn domain(
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
pub(super) fn by_chance(
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
