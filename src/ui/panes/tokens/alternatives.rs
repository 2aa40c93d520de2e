//! A token's alternatives as bars, before and after the samplers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::quoted;
use crate::app::run::TokenRecord;
use crate::engine::protocol::TopLogprob;
use crate::generate::sampler::reference::SamplerKind;
use crate::ui::theme::Theme;
use crate::ui::widgets::{TokenBar, TokenBars};

/// A token with its alternatives.
pub(super) struct Alternatives<'a> {
    pub(super) record: &'a TokenRecord,
    pub(super) all: &'a [TopLogprob],
    pub(super) marked: Option<usize>,
}

impl Alternatives<'_> {
    /// Rows that all of them need: the head, the tokens, the rest of the vocabulary.
    pub(super) fn num_rows(&self) -> u16 {
        self.all.len() as u16 + 2
    }

    pub(super) fn draw(&self, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let texts: Vec<String> = self.all.iter().map(|one| quoted(&one.text)).collect();
        let chain = self.record.chain.as_ref();
        let chain = chain.filter(|chain| !chain.stages.is_empty());
        let bars: Vec<TokenBar<'_>> = self
            .all
            .iter()
            .zip(&texts)
            .enumerate()
            .map(|(place, (one, text))| {
                let place = self.record.chain_place(place);
                TokenBar {
                    text,
                    probability: f64::from(one.logprob).exp(),
                    drawn_with: chain.and_then(|chain| chain.drawn_with(place).map(f64::from)),
                    is_chosen: one.id == self.record.id,
                    cut_by: chain.and_then(|chain| chain.cut_by(place)).map(cut_name),
                }
            })
            .collect();
        let known: f64 = bars.iter().map(|bar| bar.probability).sum();
        (&TokenBars {
            tokens: &bars,
            rest: Some((1.0 - known).max(0.0)),
            selected: self.marked,
            theme,
        })
            .render(area, buf);
    }
}

/// What cuts, as short as it is clear: a temperature cuts at 0 only.
fn cut_name(sampler: SamplerKind) -> &'static str {
    match sampler {
        SamplerKind::Temperature => "temp 0",
        other => other.name(),
    }
}
