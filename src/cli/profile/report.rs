//! A profile as JSON, and as a figure for text, SVG and HTML.

use gptoss::analytics::{DomainProfile, DomainSimilarity, Grid, Profile, Specialist};
use gptoss::share::{Figure, Map, Part, Table};
use serde_json::{Value, json};

/// Where a profile comes from.
#[derive(Debug)]
pub(super) struct Source {
    /// The model's name.
    pub(super) model: String,
    /// Its weights' digest.
    pub(super) weights_digest: String,
    /// How it ran.
    pub(super) settings: Value,
    /// Tokens at the start of every prompt that all share, and that are not counted.
    pub(super) skipped_prefix_tokens: usize,
    /// Lines of the file that are left out.
    pub(super) broken_lines: Vec<usize>,
}

/// Everything to tell.
#[derive(Debug)]
pub(super) struct Report<'a> {
    profile: &'a Profile,
    similarities: Option<&'a [DomainSimilarity]>,
    source: &'a Source,
}

impl<'a> Report<'a> {
    /// Joins the parts.
    pub(super) fn new(
        profile: &'a Profile,
        similarities: Option<&'a [DomainSimilarity]>,
        source: &'a Source,
    ) -> Self {
        Self {
            profile,
            similarities,
            source,
        }
    }

    /// All numbers.
    pub(super) fn json(&self) -> Value {
        let (profile, source) = (self.profile, self.source);
        let options = profile.options;
        let mut root = json!({
            "format": "gptoss-profile",
            "format_version": 1,
            "program_version": env!("CARGO_PKG_VERSION"),
            "model": source.model,
            "weights_digest": source.weights_digest,
            "settings": source.settings,
            "skipped_prefix_tokens": source.skipped_prefix_tokens,
            "broken_lines": source.broken_lines,
            "seed": options.seed,
            "min_lift": options.min_lift,
            "min_choices": options.min_choices,
            "min_half_tokens": options.min_half_tokens,
            "specialists_by_chance": profile.by_chance,
            "domains": profile.domains.iter().map(domain_json).collect::<Vec<_>>(),
        });
        if let Some(similarities) = self.similarities {
            let rows = similarities.iter().map(|one| {
                json!({"domain": one.domain, "similarity": one.similarity, "layers": one.layers})
            });
            root["compared"] = rows.collect();
        }
        root
    }

    /// Tables, with the specialists up to `top` a domain; and a map of each domain if asked.
    pub(super) fn figure(&self, top: usize, with_maps: bool) -> Figure {
        let mut parts = vec![
            Part::Table(self.domains_table()),
            Part::Table(self.specialists_table(top)),
        ];
        if let Some(similarities) = self.similarities {
            parts.push(Part::Table(similarities_table(similarities)));
        }
        if with_maps {
            let maps = self.profile.domains.iter().map(|domain| {
                let caption = format!("{}: lift of every expert", domain.name);
                let measure = "lift: share of the domain's tokens / mean of all domains' shares";
                Part::Map(Map::of_multiples(
                    caption,
                    measure.to_owned(),
                    domain.lifts.clone(),
                ))
            });
            parts.extend(maps);
        }
        Figure {
            title: "Experts by domain".to_owned(),
            provenance: self.provenance(),
            parts,
        }
    }

    fn provenance(&self) -> Vec<String> {
        let (options, source) = (self.profile.options, self.source);
        vec![
            format!(
                "gptoss-tui {}, model {}, weights {}",
                env!("CARGO_PKG_VERSION"),
                source.model,
                source.weights_digest
            ),
            format!("settings {}", source.settings),
            format!(
                "specialists: lift at least {} in both halves, each with at least {} tokens that \
                 chose the expert of at least {} in all; seed {}",
                options.min_lift, options.min_choices, options.min_half_tokens, options.seed
            ),
            format!(
                "the first {} tokens, which all prompts share, are not counted; lines left out: {}",
                source.skipped_prefix_tokens,
                source.broken_lines.len()
            ),
        ]
    }

    fn domains_table(&self) -> Table {
        let found: usize = self
            .profile
            .domains
            .iter()
            .map(|one| one.specialists.len())
            .sum();
        Table {
            caption: format!(
                "Domains: {found} specialists; shuffled labels give {:.1}",
                self.profile.by_chance
            ),
            columns: columns(&[
                "domain",
                "prompts",
                "tokens",
                "halves",
                "specialists",
                "highest lift",
            ]),
            rows: self.profile.domains.iter().map(domain_row).collect(),
        }
    }

    fn specialists_table(&self, top: usize) -> Table {
        let rows = self.profile.domains.iter().flat_map(|domain| {
            let listed = domain.specialists.iter().take(top);
            listed.map(|one| specialist_row(&domain.name, one))
        });
        Table {
            caption: format!("Specialists, at most {top} a domain"),
            columns: columns(&[
                "domain", "layer", "expert", "tokens", "share", "lift", "half 1", "half 2",
            ]),
            rows: rows.collect(),
        }
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn domain_row(domain: &DomainProfile) -> Vec<String> {
    let [first, second] = domain.half_tokens;
    let highest = domain.lifts.values().iter().copied().fold(0.0, f64::max);
    vec![
        domain.name.clone(),
        domain.prompts.to_string(),
        domain.counts.tokens().to_string(),
        format!("{first} + {second}"),
        domain.specialists.len().to_string(),
        format!("{highest:.2}"),
    ]
}

fn specialist_row(domain: &str, one: &Specialist) -> Vec<String> {
    vec![
        domain.to_owned(),
        one.layer.to_string(),
        one.expert.to_string(),
        one.count.to_string(),
        format!("{:.3}", one.share),
        format!("{:.2}", one.lift),
        format!("{:.2}", one.half_lifts[0]),
        format!("{:.2}", one.half_lifts[1]),
    ]
}

fn similarities_table(similarities: &[DomainSimilarity]) -> Table {
    let rows = similarities
        .iter()
        .map(|one| vec![one.domain.clone(), format!("{:.4}", one.similarity)]);
    Table {
        caption: "The compared text: mean over layers of 1 - Jensen-Shannon distance".to_owned(),
        columns: columns(&["domain", "similarity"]),
        rows: rows.collect(),
    }
}

fn domain_json(domain: &DomainProfile) -> Value {
    let specialists = domain.specialists.iter().map(|one| {
        json!({
            "layer": one.layer,
            "expert": one.expert,
            "count": one.count,
            "share": one.share,
            "lift": one.lift,
            "half_lifts": one.half_lifts,
        })
    });
    json!({
        "name": domain.name,
        "prompts": domain.prompts,
        "tokens": domain.counts.tokens(),
        "half_tokens": domain.half_tokens,
        "specialists": specialists.collect::<Vec<_>>(),
        "counts": rows(&domain.counts),
        "shares": rows(&domain.shares),
        "lifts": rows(&domain.lifts),
    })
}

/// A row a layer.
fn rows(grid: &Grid) -> Vec<&[f64]> {
    grid.layers().collect()
}
