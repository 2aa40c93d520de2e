//! What each sampler did at a token: how many tokens it left, and what became of the marked one.

use super::{flowing, quoted};
use crate::app::run::TokenRecord;
use crate::engine::protocol::TopLogprob;
use crate::generate::SamplingParams;
use crate::generate::sampler::StageRecord;
use crate::generate::sampler::reference::SamplerKind;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

/// Columns of a sampler's name with its setting.
const NAME_COLUMNS: usize = 24;

/// The stages in rows: as a table where there is room, else in flowing text. `sampling` is what was
/// in force at the token.
pub(super) fn rows(
    record: &TokenRecord,
    marked: Option<(usize, &TopLogprob)>,
    sampling: Option<&SamplingParams>,
    (columns, height): (u16, u16),
) -> Vec<(String, ThemeRole)> {
    let Some(chain) = &record.chain else {
        let text = "what the samplers made of it was not recorded".to_owned();
        return vec![(text, ThemeRole::Faint)];
    };
    if chain.stages.is_empty() {
        let text = "no sampler is in use: drawn as the model says".to_owned();
        return flowing(&[text], columns, ThemeRole::Faint);
    }
    let fits = usize::from(height) > chain.stages.len() + 1 && columns >= 56;
    let stages = chain.stages.iter().map(|stage| {
        let place = marked.map(|(place, _)| record.chain_place(place));
        let probability = place.and_then(|place| *stage.probabilities.get(place)?);
        Row {
            name: named(stage.sampler, sampling),
            stage,
            probability: probability.map(f64::from),
        }
    });
    if !fits {
        let items: Vec<String> = std::iter::once("samplers:".to_owned())
            .chain(stages.map(|row| row.words()))
            .collect();
        return flowing(&items, columns, ThemeRole::Faint);
    }
    let text = marked.map_or_else(String::new, |(_, one)| quoted(&one.text));
    let head = format!(
        "{:NAME_COLUMNS$}{:>9}{:>8}  {text}",
        "sampler", "left", "mass"
    );
    let mut rows = vec![(head, ThemeRole::Faint)];
    rows.extend(stages.map(|row| (row.line(), ThemeRole::Text)));
    rows
}

/// One sampler.
struct Row<'a> {
    name: String,
    stage: &'a StageRecord,
    /// That of the marked alternative after it.
    probability: Option<f64>,
}

impl Row<'_> {
    fn cuts(&self) -> bool {
        matches!(
            self.stage.sampler,
            SamplerKind::TopK | SamplerKind::TopP | SamplerKind::MinP | SamplerKind::Xtc
        ) || (self.stage.sampler == SamplerKind::Temperature && self.stage.kept_mass < 1.0)
    }

    /// The mass that it left, where it is one that cuts.
    fn mass(&self) -> String {
        let idle = self.stage.sampler == SamplerKind::Xtc && self.stage.kept_mass >= 1.0;
        match (self.cuts(), idle) {
            (_, true) => "idle".to_owned(),
            (true, _) => format::percent(f64::from(self.stage.kept_mass)),
            (false, _) => String::new(),
        }
    }

    fn line(&self) -> String {
        let left = format::count(u64::from(self.stage.kept_tokens));
        let probability = self.probability;
        let probability = probability.map_or_else(|| "cut".to_owned(), format::small_probability);
        let (name, mass) = (&self.name, self.mass());
        format!("{name:NAME_COLUMNS$}{left:>9}{mass:>8}  {probability}")
    }

    fn words(&self) -> String {
        if !self.cuts() {
            return self.name.clone();
        }
        let left = format::count(u64::from(self.stage.kept_tokens));
        format!("{} left {left} ({})", self.name, self.mass())
    }
}

/// A sampler with its setting.
fn named(sampler: SamplerKind, sampling: Option<&SamplingParams>) -> String {
    let name = sampler.name();
    let Some(params) = sampling else {
        return name.to_owned();
    };
    let setting = match sampler {
        SamplerKind::LogitBias => format!("of {}", params.logit_bias.len()),
        SamplerKind::RepetitionPenalty => params.repetition_penalty.to_string(),
        SamplerKind::PresenceFrequencyPenalty => {
            let (presence, frequency) = (params.presence_penalty, params.frequency_penalty);
            return format!("presence {presence} freq. {frequency}");
        }
        SamplerKind::Dry => params.dry.multiplier.to_string(),
        SamplerKind::TopK => params.top_k.to_string(),
        SamplerKind::TopP => params.top_p.to_string(),
        SamplerKind::MinP => params.min_p.to_string(),
        SamplerKind::Xtc => format!("{} from {}", params.xtc.probability, params.xtc.threshold),
        SamplerKind::Temperature => params.temperature.to_string(),
    };
    format!("{name} {setting}")
}
