//! A look inside: what it costs, how far it is, and its four kinds of figures.
//!
//! Start at [`draw`]. The figures are in `lens`, `sinks`, `attention` and `norms`; each draws what
//! fits around the cursor and says in words what its glyphs and colors say.

mod attention;
mod cost;
mod lens;
mod norms;
mod sinks;

use ratatui::Frame;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::page::{Page, Tabbed, first_shown};
use crate::app::State;
use crate::app::inside::{InsideState, InsideTab, InsideView, Pass, Subject};
use crate::app::viewport::Viewport;
use crate::ui::chat::origin;
use crate::ui::panes::quoted;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Columns and rows that the figures want at most.
const MOST: (u16, u16) = (150, 52);

/// Draws the latest look over the screen.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    screen: Rect,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let Some(view) = &state.inside else {
        return;
    };
    let tabbed = Tabbed {
        title: "inside",
        footer: footer(view),
        most: MOST,
        tabs: (&InsideTab::ALL.map(InsideTab::name), view.tab.index()),
    };
    let mut page = Page::open(frame, screen, &tabbed, theme);
    page.about_look(view);
    viewport.list_rows = page.rest().height.saturating_sub(4).max(1);
    page.body(view, state);
}

fn footer(view: &InsideView) -> &'static str {
    if view.request().is_some() {
        return "Esc stops it";
    }
    match (&view.progress, view.tab) {
        (InsideState::Asked, _) => "Enter starts it  s other pass  , . other token  Esc closes",
        (InsideState::Failed(_), _) => "Enter tries again  , . other token  Esc closes",
        (_, InsideTab::Lens | InsideTab::Norms) => {
            "1-4 figures  arrows layer  s pass  , . token  ? help  Esc closes"
        }
        (_, InsideTab::Sinks) => {
            "arrows layer, head  Enter its attention  1-4 figures  ? help  Esc closes"
        }
        (_, InsideTab::Attention) => {
            "arrows head  Enter computes  o order  PgDn scrolls  ? help  Esc closes"
        }
    }
}

impl Page<'_> {
    /// Which token and pass it is, and what is special about it.
    fn about_look(&mut self, view: &InsideView) {
        self.text(&subject(&view.subject), ThemeRole::Strong);
        if let Some(origin) = view
            .report
            .as_ref()
            .and_then(|report| origin(report.origin))
        {
            self.text(&format!("figures are {origin}"), ThemeRole::Warning);
        }
        let rules = &view.subject.rules;
        if !rules.is_empty() {
            let text = format!("experts changed at every position by the turn's rules: {rules}");
            self.text(&text, ThemeRole::Danger);
        }
        if view.subject.were_rules_changed {
            let text = "the turn's rules changed before this token: the turn read earlier \
                        positions under other rules than this look does";
            self.text(text, ThemeRole::Warning);
        }
        self.blank();
    }

    fn body(&mut self, view: &InsideView, state: &State) {
        match &view.progress {
            InsideState::Asked => return self.cost(view, state),
            InsideState::Running(_, done, total) => self.progress(*done, *total),
            InsideState::Failed(report) => {
                self.text(&format!("it failed: {report}"), ThemeRole::Danger);
                self.text(cost::advice(report.kind), ThemeRole::Text);
                self.blank();
            }
            InsideState::Done => {}
        }
        let Some(report) = &view.report else {
            return;
        };
        match view.tab {
            InsideTab::Lens => self.lens(view, report),
            InsideTab::Sinks => self.sinks(view, report, state),
            InsideTab::Attention => self.attention(view, report, state),
            InsideTab::Norms => self.norms(view, report),
        }
    }

    fn progress(&mut self, done: usize, total: usize) {
        let text = format!("computing: {done} of {total} tokens; Esc stops it");
        self.row(&text, ThemeRole::Accent);
        let columns = usize::from(self.area.width.min(60));
        let filled = done * columns / total.max(1);
        let glyphs = self.theme.glyphs();
        let bar = glyphs.fill.repeat(filled) + &glyphs.rest.repeat(columns - filled.min(columns));
        self.row(&bar, ThemeRole::MeterFill);
        self.blank();
    }
}

/// Which token, and which pass over how many tokens.
fn subject(subject: &Subject) -> String {
    let token = &subject.token;
    let (place, name) = (token.position, quoted(&token.text));
    match subject.pass {
        Pass::Reading => format!(
            "position {place}, {name}: the pass that reads it, {} in all, and says what comes next",
            tokens(subject.ids.len())
        ),
        Pass::Choosing => {
            let which = if subject.is_next_given {
                ", given by the prompt: the pass before it"
            } else {
                ": the pass that chose it"
            };
            format!(
                "position {place}, {name}{which} read {}, the last one {}",
                tokens(subject.ids.len()),
                quoted(&subject.read.text)
            )
        }
    }
}

fn tokens(count: usize) -> String {
    match count {
        1 => "1 token".to_owned(),
        count => format!("{count} tokens"),
    }
}

/// A text in exactly so many columns.
fn cell(text: &str, columns: usize, theme: &Theme) -> String {
    let text = format::short_text(text, columns, theme.glyph_set());
    let pad = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(pad))
}

/// A bar of so many columns for a value from 0 to 1; anything above 0 can be seen.
fn bar(value: f32, columns: usize, theme: &Theme) -> String {
    if value.is_nan() || columns == 0 {
        return String::new();
    }
    let glyphs = theme.glyphs();
    let exact = value.clamp(0.0, 1.0) * columns as f32;
    let full = exact.floor() as usize;
    let steps = glyphs.partial.len() + 1;
    let part = ((exact - full as f32) * steps as f32).round() as usize;
    let end = match part {
        0 => None,
        part if part < steps => Some(glyphs.partial[part - 1]),
        _ => Some(glyphs.fill),
    };
    let end =
        end.or_else(|| (full == 0 && value > 0.0).then(|| *glyphs.partial.first().unwrap_or(&"|")));
    glyphs.fill.repeat(full) + end.unwrap_or("")
}
