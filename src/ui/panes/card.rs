//! All that is known of one expert.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{lines, quoted};
use crate::analytics::{Choice, ExpertCard, Transition};
use crate::app::State;
use crate::app::run::Run;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Tokens shown on either side of one that chose the expert.
const CONTEXT_TOKENS: usize = 6;

/// Draws the card of the expert under the cursor.
pub(super) fn draw(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let (Some(card), Some(run)) = (state.card(), state.shown_run()) else {
        lines(
            buf,
            area,
            &[("no tokens were recorded yet".to_owned(), ThemeRole::Faint)],
            theme,
        );
        return;
    };
    let mut rows = summary(&card, state);
    rows.extend(neighbors(&card));
    rows.push((String::new(), ThemeRole::Text));
    rows.push((
        "tokens that chose it, with what stands around them".to_owned(),
        ThemeRole::Title,
    ));
    let room = usize::from(area.height).saturating_sub(rows.len());
    rows.extend(
        card.choices
            .iter()
            .rev()
            .take(room)
            .map(|choice| (context(run, choice), ThemeRole::Text)),
    );
    lines(buf, area, &rows, theme);
}

fn summary(card: &ExpertCard, state: &State) -> Vec<(String, ThemeRole)> {
    let experts = state.map_size().map_or(0, |(_, experts)| experts);
    let weight = match card.mean_weight {
        Some(weight) => format!("{weight:.3}"),
        None => "none".to_owned(),
    };
    let texts: Vec<String> = card
        .texts
        .iter()
        .take(16)
        .map(|text| format!("{} x{}", quoted(&text.text), text.count))
        .collect();
    vec![
        (
            format!("expert {} of layer {}", card.expert, card.layer),
            ThemeRole::Title,
        ),
        (
            format!(
                "chosen by {} of {} tokens   share of the layer {} ({:.2} times the fair share)   rank {} of {experts}   mean weight {weight}",
                card.count,
                card.tokens,
                format::percent(card.share),
                card.fair_share,
                card.rank,
            ),
            ThemeRole::Text,
        ),
        (format!("tokens   {}", texts.join("  ")), ThemeRole::Text),
    ]
}

fn neighbors(card: &ExpertCard) -> Vec<(String, ThemeRole)> {
    let transitions = |layer: usize, transitions: &[Transition]| {
        let to =
            |one: &Transition| format!("L{layer}:E{} {}", one.expert, format::percent(one.share));
        transitions.iter().map(to).collect::<Vec<_>>().join("  ")
    };
    let mut rows = Vec::new();
    if !card.next.is_empty() {
        rows.push((
            format!("then     {}", transitions(card.layer + 1, &card.next)),
            ThemeRole::Text,
        ));
    }
    if let Some(before) = card
        .layer
        .checked_sub(1)
        .filter(|_| !card.previous.is_empty())
    {
        rows.push((
            format!("before   {}", transitions(before, &card.previous)),
            ThemeRole::Text,
        ));
    }
    if !card.partners.is_empty() {
        let with = card
            .partners
            .iter()
            .map(|pair| format!("E{} {:.1}x", pair.partner, pair.lift));
        let with: Vec<String> = with.collect();
        rows.push((
            format!(
                "with     {}  (lift: times as often as by chance)",
                with.join("  ")
            ),
            ThemeRole::Text,
        ));
    }
    rows
}

/// A token between its neighbors, with its place among the token's choices.
fn context(run: &Run, choice: &Choice) -> String {
    let text = |position: usize| {
        let text = run.text(position).unwrap_or_default();
        crate::ui::sanitize::sanitize(text).replace('\n', " ")
    };
    let from = choice.position.saturating_sub(CONTEXT_TOKENS);
    let before: String = (from..choice.position).map(text).collect();
    let after: String = (choice.position + 1..=choice.position + CONTEXT_TOKENS)
        .map(text)
        .collect();
    format!(
        "{:>6}  {:.2}  choice {}   {before}[{}]{after}",
        choice.position,
        choice.weight,
        choice.rank,
        text(choice.position)
    )
}
