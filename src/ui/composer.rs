//! The text being written, under a rule that says what becomes of it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::chrome::{put_all, titled_rule, width};
use super::is_focused;
use super::theme::{Theme, ThemeRole};
use super::widgets::format;
use crate::app::State;
use crate::app::composer::Target;
use crate::app::state::Focus;
use crate::harmony::ReasoningEffort;

/// Rows that the text wants: its lines, at most a third of the screen.
pub(super) fn wanted_rows(state: &State, screen: Rect) -> u16 {
    let columns = usize::from(screen.width.max(1));
    let rows: usize = state
        .composer
        .area()
        .lines()
        .iter()
        .map(|line| usize::from(width(line)) / columns + 1)
        .sum();
    let most = (screen.height / 3).max(1);
    (rows as u16).clamp(if screen.height >= 20 { 2 } else { 1 }.min(most), most)
}

/// Draws rule and text.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let focused = is_focused(state, Focus::Composer);
    let text = if area.height > 1 {
        let title = title(state.composer.target());
        let text = titled_rule(
            frame.buffer_mut(),
            area,
            (&title, &note(state)),
            focused,
            theme,
        );
        if state.replay.is_none() {
            effort(frame, area, width(&title) + 4, state, theme);
        }
        text
    } else {
        area
    };
    let mut composer = state.composer.area().clone();
    composer.set_style(theme.style(ThemeRole::Text));
    composer.set_cursor_line_style(theme.style(ThemeRole::Text));
    composer.set_selection_style(theme.style(ThemeRole::Selection));
    composer.set_placeholder_text(if state.replay.is_some() {
        "A replay can only be looked at"
    } else if focused {
        "Write a message"
    } else {
        "i writes a message"
    });
    composer.set_placeholder_style(theme.style(ThemeRole::Faint));
    let cursor = if focused {
        ThemeRole::Cursor
    } else {
        ThemeRole::Text
    };
    composer.set_cursor_style(theme.style(cursor));
    let inner = Rect {
        x: text.x + 2.min(text.width),
        width: text.width.saturating_sub(2),
        ..text
    };
    (&composer).render(inner, frame.buffer_mut());
}

fn title(target: &Target) -> String {
    match target {
        Target::Message => "message".to_owned(),
        Target::EditUser(_) => "another message in its place (Esc gives up)".to_owned(),
        Target::EditAnswer(_) => "the answer, as you would have it (Esc gives up)".to_owned(),
        Target::ToolResult { name, .. } => format!("what {name} answers (Esc gives up)"),
        Target::Identity => "system message: who the model is (Esc gives up)".to_owned(),
        Target::Instructions => "developer message: instructions (Esc gives up)".to_owned(),
    }
}

/// What sending the draft would take.
fn note(state: &State) -> String {
    let Some(prediction) = state.prediction.filter(|_| state.running.is_none()) else {
        return String::new();
    };
    let tokens = format!("{} tokens", format::count(prediction.prompt_tokens as u64));
    let peak = format::bytes(prediction.peak_bytes);
    if prediction.fits() {
        format!("{tokens}, {peak} at peak")
    } else {
        let most = format::count(prediction.largest_prompt_tokens as u64);
        format!("too long: {tokens}, {most} fit; {peak} at peak")
    }
}

fn effort(frame: &mut Frame<'_>, area: Rect, x: u16, state: &State, theme: &Theme) {
    let of = |effort: ReasoningEffort| {
        let is_chosen = state.preferences.effort == effort;
        let word = if is_chosen {
            format!("[{effort}]")
        } else {
            format!(" {effort} ")
        };
        (
            word,
            theme.style(if is_chosen {
                ThemeRole::Accent
            } else {
                ThemeRole::Faint
            }),
        )
    };
    let words = [
        ReasoningEffort::Low,
        ReasoningEffort::Medium,
        ReasoningEffort::High,
    ]
    .map(of);
    let pieces: Vec<_> = words
        .iter()
        .map(|(word, style)| (word.as_str(), *style))
        .collect();
    let taken: u16 = pieces.iter().map(|(word, _)| width(word)).sum();
    let right = width(&note(state)) + 3;
    if x + taken + right < area.width {
        put_all(frame.buffer_mut(), area, (x + 1, 0), &pieces);
    }
}
