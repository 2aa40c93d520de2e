//! A profile of a prompt set that was opened: its specialists, its map, and the shown answer beside it.

use super::map::{Cell, beside, place_of};
use super::state::State;
use crate::analytics::{DomainSimilarity, Grid, Measure, ProfileFile, Span, SpanSet, Specialist};

/// The profile that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileView {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub file: ProfileFile,
    /// What is shown of it.
    pub tab: ProfileTab,
    /// The domain whose specialists alone are listed; none lists all.
    pub domain: Option<usize>,
    /// The selected row of the list.
    pub selected: usize,
    /// The map's cursor.
    pub cursor: Cell,
}

/// What is shown of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ProfileTab {
    /// The specialists as a list.
    #[default]
    Specialists,
    /// All experts by the domain that they are specialists of.
    Map,
    /// How alike the shown answer is to each domain.
    Comparison,
}

impl ProfileTab {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 3] = [Self::Specialists, Self::Map, Self::Comparison];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Specialists => "specialists",
            Self::Map => "map",
            Self::Comparison => "this answer",
        }
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        place_of(&Self::ALL, &self)
    }

    /// The next one, or the one before.
    #[must_use]
    pub fn step(self, forward: bool) -> Self {
        beside(&Self::ALL, self, forward)
    }
}

/// The lift that holds in both halves.
pub fn replicated(one: &Specialist) -> f64 {
    one.half_lifts[0].min(one.half_lifts[1])
}

impl ProfileView {
    /// A profile that was just opened.
    pub fn new(name: String, file: ProfileFile) -> Self {
        Self {
            name,
            file,
            tab: ProfileTab::default(),
            domain: None,
            selected: 0,
            cursor: Cell::default(),
        }
    }

    /// The specialists listed, each with its domain, the highest replicated lift first.
    pub fn rows(&self) -> Vec<(usize, &Specialist)> {
        let is_shown = |domain: usize| self.domain.is_none_or(|only| only == domain);
        let all = self.specialists();
        let mut rows: Vec<_> = all.filter(|(domain, _)| is_shown(*domain)).collect();
        rows.sort_by(|a, b| replicated(b.1).total_cmp(&replicated(a.1)));
        rows
    }

    /// All specialists, each with its domain.
    fn specialists(&self) -> impl Iterator<Item = (usize, &Specialist)> {
        let domains = self.file.profile.domains.iter().enumerate();
        domains.flat_map(|(index, domain)| domain.specialists.iter().map(move |one| (index, one)))
    }

    /// The letter of each cell's domain, layer by layer: where several claim an expert, the one of
    /// the highest replicated lift.
    pub fn owners(&self) -> Vec<Vec<Option<usize>>> {
        let (layers, experts) = self.file.shape();
        let mut owners = vec![vec![None; experts]; layers];
        let mut rows: Vec<_> = self.specialists().collect();
        rows.sort_by(|a, b| replicated(a.1).total_cmp(&replicated(b.1)));
        for (domain, one) in rows {
            owners[one.layer][one.expert] = Some(domain);
        }
        owners
    }

    /// The expert that is selected.
    pub fn chosen(&self) -> Option<Cell> {
        match self.tab {
            ProfileTab::Map => Some(self.cursor),
            ProfileTab::Specialists => self.rows().get(self.selected).map(|(_, one)| Cell {
                layer: one.layer,
                expert: one.expert,
            }),
            ProfileTab::Comparison => None,
        }
    }
}

/// How alike an answer is to a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSimilarity {
    /// The domain.
    pub domain: String,
    /// Its answer's tokens, in 0..=1.
    pub answer: f64,
    /// Its prompt's tokens, in 0..=1.
    pub prompt: f64,
}

impl State {
    /// How alike the shown answer and its prompt are to each domain of the open profile, the most
    /// alike answer first.
    ///
    /// *Errors:* a sentence that says why they cannot be compared.
    pub fn profile_similarities(&self) -> Result<Vec<AnswerSimilarity>, String> {
        let Some(view) = &self.profile else {
            return Err("no profile is open".to_owned());
        };
        let run = self
            .shown_run()
            .ok_or_else(|| "ask something first: its answer is what is compared".to_owned())?;
        let compare = |spans: SpanSet| -> Result<Vec<DomainSimilarity>, String> {
            let counts: Grid = run.log.grid(spans.into(), Measure::Count);
            let (layers, experts) = view.file.shape();
            view.file.profile.compare(&counts).map_err(|_| {
                format!(
                    "the profile is of a model of {layers} layers of {experts} experts, this \
                     answer of one of {} of {}; profile this model's own prompts",
                    counts.num_layers(),
                    counts.num_experts()
                )
            })
        };
        let prompts = compare(Span::Prompt.into())?;
        let of_prompt = |domain: &str| {
            let found = prompts.iter().find(|one| one.domain == domain);
            found.map_or(0.0, |one| one.similarity)
        };
        let answers = compare(SpanSet::ANSWER)?.into_iter();
        Ok(answers
            .map(|one| AnswerSimilarity {
                prompt: of_prompt(&one.domain),
                answer: one.similarity,
                domain: one.domain,
            })
            .collect())
    }
}
