//! Two runs side by side: where they part, how far, token by token.

use ratatui::text::{Line, Span};

use crate::app::ablation::{AblationState, AblationView};
use crate::engine::protocol::{AblationReport, PromptToken};
use crate::generate::AblationStage;
use crate::ui::chat::wrapped;
use crate::ui::panes::quoted;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Tokens in the table; those that changed most.
const TABLE_ROWS: usize = 24;

/// All rows.
pub(super) fn rows(
    view: &AblationView,
    origin: Option<&str>,
    theme: &Theme,
    columns: u16,
) -> Vec<Line<'static>> {
    let mut rows = Rows {
        theme,
        columns,
        lines: Vec::new(),
    };
    rows.put(
        &format!("changed: {}", view.difference()),
        ThemeRole::Danger,
    );
    let first = if view.baseline.is_empty() {
        "the model as it is"
    } else {
        "the model under the rules in force"
    };
    rows.put(
        &format!("against {first}; both with seed {}", view.seed),
        ThemeRole::Faint,
    );
    for (words, rules) in [
        ("in force in both runs", view.shared()),
        ("in force in the first run alone", view.replaced()),
    ] {
        if !rules.is_empty() {
            rows.put(&format!("{words}: {rules}"), ThemeRole::Danger);
        }
    }
    if let Some(origin) = origin {
        rows.put(&format!("answers are {origin}"), ThemeRole::Warning);
    }
    rows.put("", ThemeRole::Text);
    match &view.progress {
        AblationState::Waiting => rows.put("waiting for the engine", ThemeRole::Accent),
        AblationState::Running(stage, done, total) => {
            rows.put(&progress(*stage, *done, *total), ThemeRole::Accent);
        }
        AblationState::Failed(report) => rows.put(&report.to_string(), ThemeRole::Danger),
        AblationState::Done(report) => rows.report(report),
    }
    rows.lines
}

fn progress(stage: AblationStage, done: usize, total: usize) -> String {
    let what = match stage {
        AblationStage::Baseline => "1 of 3: the first answer",
        AblationStage::Ablated => "2 of 3: the answer with experts changed",
        AblationStage::Comparing => "3 of 3: both read the first answer",
    };
    match total {
        0 => what.to_owned(),
        total => format!("{what}, {done} of at most {total} tokens"),
    }
}

struct Rows<'a> {
    theme: &'a Theme,
    columns: u16,
    lines: Vec<Line<'static>>,
}

impl Rows<'_> {
    fn put(&mut self, text: &str, role: ThemeRole) {
        let style = self.theme.style(role);
        let rows = wrapped(text, self.columns).into_iter();
        self.lines.extend(rows.map(|row| Line::styled(row, style)));
    }

    fn report(&mut self, report: &AblationReport) {
        let ablation = &report.ablation;
        let tokens = ablation.positions.len();
        match ablation.first_difference() {
            None => self.put(
                "the answers are the same, token by token",
                ThemeRole::Success,
            ),
            Some(index) => self.put(
                &format!(
                    "first different token: {index} of the answer, {} became {}",
                    text_at(&report.baseline, index),
                    text_at(&report.ablated, index)
                ),
                ThemeRole::Text,
            ),
        }
        if let Some(mean) = ablation.mean_kl_nats() {
            let agree = ablation.agreeing_positions();
            self.put(
                &format!(
                    "KL divergence: {} nats a token on average; the same most likely token in \
                     {agree} of {tokens} positions",
                    format::divergence(mean)
                ),
                ThemeRole::Text,
            );
        }
        self.put("", ThemeRole::Text);
        self.plot(report);
        self.answer(
            "first answer",
            &report.baseline,
            ablation.first_difference(),
        );
        self.answer(
            "with experts changed",
            &report.ablated,
            ablation.first_difference(),
        );
        self.table(report);
    }

    /// One column a token, its height the divergence.
    fn plot(&mut self, report: &AblationReport) {
        let values = report
            .ablation
            .positions
            .iter()
            .map(|position| position.kl_nats);
        let values: Vec<f32> = values.collect();
        let highest = values.iter().copied().fold(0.0, f32::max);
        if values.is_empty() {
            return;
        }
        let head = format!(
            "KL by token of the first answer, 0 to {} nats",
            format::divergence(highest)
        );
        self.put(&head, ThemeRole::Title);
        let bars = self.theme.glyphs().bars;
        let bar = |value: &f32| {
            let share = if highest > 0.0 { value / highest } else { 0.0 };
            bars[(share * (bars.len() - 1) as f32).round() as usize]
        };
        for row in values.chunks(usize::from(self.columns.max(1))) {
            let row: String = row.iter().map(bar).collect();
            self.lines
                .push(Line::styled(row, self.theme.style(ThemeRole::Accent)));
        }
        self.put("", ThemeRole::Text);
    }

    /// An answer's tokens, from the first difference on in another color and after a mark.
    fn answer(&mut self, name: &str, tokens: &[PromptToken], from: Option<usize>) {
        self.put(name, ThemeRole::Title);
        let text = |tokens: &[PromptToken]| -> String {
            let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
            sanitize(&text).into_owned()
        };
        let from = from.unwrap_or(tokens.len()).min(tokens.len());
        let shared = text(&tokens[..from]);
        let own = text(&tokens[from..]);
        if !shared.is_empty() {
            self.put(&shared, ThemeRole::Faint);
        }
        if !own.is_empty() {
            self.put(&format!("| {own}"), ThemeRole::Text);
        }
        self.put("", ThemeRole::Text);
    }

    /// The tokens whose distribution changed most.
    fn table(&mut self, report: &AblationReport) {
        let positions = &report.ablation.positions;
        let mut order: Vec<usize> = (0..positions.len()).collect();
        order.sort_by(|a, b| positions[*b].kl_nats.total_cmp(&positions[*a].kl_nats));
        order.truncate(TABLE_ROWS);
        if order.is_empty() {
            return;
        }
        self.put("tokens of the first answer by divergence", ThemeRole::Title);
        let head = format!(
            "{:>5} {:>8}  {:>8} {:>8}  {:<16} {}",
            "token", "KL nats", "p before", "p after", "text", "most likely after"
        );
        self.lines
            .push(Line::styled(head, self.theme.style(ThemeRole::Faint)));
        for index in order {
            let position = &positions[index];
            let probability = |logprob: f32| format::probability(f64::from(logprob.exp()));
            let after = report.best_after.get(index).map_or("", String::as_str);
            let row = format!(
                "{index:>5} {:>8}  {:>8} {:>8}  {:<16} {}",
                format::divergence(position.kl_nats),
                probability(position.logprob_before),
                probability(position.logprob_after),
                text_at(&report.baseline, index),
                quoted(after),
            );
            self.lines.push(Line::from(Span::styled(
                row,
                self.theme.style(ThemeRole::Text),
            )));
        }
    }
}

/// A token's text in quotes, whatever is in it.
fn text_at(tokens: &[PromptToken], index: usize) -> String {
    tokens
        .get(index)
        .map_or_else(|| "the end".to_owned(), |token| quoted(&token.text))
}
