//! All that is known of one expert.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::{below, flowing, lines, quoted};
use crate::analytics::{Choice, ExpertCard, PairLift, Transition};
use crate::app::State;
use crate::app::run::Run;
use crate::app::viewport::{CardViewport, Viewport};
use crate::ui::chrome::width;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Tokens shown on either side of one that chose the expert.
const CONTEXT_TOKENS: usize = 6;

/// Draws the card of the expert under the cursor, from the row that it is scrolled to.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let (rows, marked) = rows(state, area.width, theme);
    // The last row is kept for the place in a card that is longer than the pane.
    let is_long = rows.len() > usize::from(area.height);
    let height = area.height.saturating_sub(u16::from(is_long));
    let last_scroll = rows.len().saturating_sub(usize::from(height));
    let mut first = state.map.card_scroll;
    if let Some(marked) = marked.filter(|_| state.map.is_token_sought) {
        // As few rows as bring it into sight.
        let fits = (marked + 1).saturating_sub(usize::from(height.max(1)));
        first = first.clamp(fits, marked);
    }
    let first = first.min(last_scroll);
    viewport.card = Some(CardViewport {
        scroll: first,
        height,
        last_scroll,
    });
    let shown = Rect { height, ..area };
    let used = lines(buf, shown, &rows[first..], theme);
    if is_long {
        let end = first + usize::from(used);
        let place = format!("rows {} to {end} of {}", first + 1, rows.len());
        let place = [(place, ThemeRole::Faint)];
        lines(buf, below(area, height), &place, theme);
    }
}

/// All rows of the card, and which of them is about the token under the token cursor.
fn rows(state: &State, columns: u16, theme: &Theme) -> (Vec<(String, ThemeRole)>, Option<usize>) {
    let (Some(card), Some(run)) = (state.card(), state.shown_run()) else {
        let text = "no tokens were recorded yet".to_owned();
        return (vec![(text, ThemeRole::Faint)], None);
    };
    let mut rows = vec![(
        format!("expert {} of layer {}", card.expert, card.layer),
        ThemeRole::Title,
    )];
    if card.count == 0 {
        let text = format!("none of the {} tokens chose it", card.tokens);
        rows.push((text, ThemeRole::Faint));
        return (rows, None);
    }
    let about = [summary(&card, state), texts(&card)];
    for items in about.into_iter().chain(neighbors(&card)) {
        rows.extend(flowing(&items, columns, ThemeRole::Text));
    }
    rows.push((String::new(), ThemeRole::Text));
    // Below the blank row and the title, the newest first.
    let first = rows.len() + 1;
    let token = state.token_position();
    let mut newest_first = card.choices.iter().rev();
    let place = newest_first.position(|choice| Some(choice.position) == token);
    rows.extend(contexts(run, &card, token, (columns, usize::MAX), theme));
    (rows, place.map(|place| first + place))
}

/// What fits into `space` below a map: where tokens go from here, and their contexts.
pub(super) fn short(
    state: &State,
    card: Option<&ExpertCard>,
    space: Size,
    theme: &Theme,
) -> Vec<(String, ThemeRole)> {
    let (Some(card), Some(run)) = (card, state.shown_run()) else {
        return Vec::new();
    };
    if card.count == 0 {
        return Vec::new();
    }
    let mut rows = vec![(String::new(), ThemeRole::Text)];
    for items in neighbors(card) {
        // One line each: the card has them all.
        rows.extend(
            flowing(&items, space.width, ThemeRole::Text)
                .into_iter()
                .take(1),
        );
    }
    let left = usize::from(space.height).saturating_sub(rows.len() + 1);
    let token = state.token_position();
    rows.extend(contexts(run, card, token, (space.width, left), theme));
    rows
}

fn summary(card: &ExpertCard, state: &State) -> Vec<String> {
    let experts = state.map_size().map_or(0, |(_, experts)| experts);
    let mut items = vec![format!("{}:", state.card_tokens_name())];
    items.extend([
        format!("chosen by {} of {} tokens", card.count, card.tokens),
        format!("share of the layer {}", format::percent(card.share)),
        format!("{:.2} times the fair share", card.fair_share),
        format!("rank {} of {experts}", card.rank),
    ]);
    items.extend(
        card.mean_weight
            .map(|weight| format!("mean weight {weight:.3}")),
    );
    items
}

fn texts(card: &ExpertCard) -> Vec<String> {
    let texts = card.texts.iter().take(16);
    let text = texts.map(|text| format!("{} x{}", quoted(&text.text), text.count));
    std::iter::once("tokens".to_owned()).chain(text).collect()
}

/// Where its tokens go next, where they come from, and which experts are chosen with it.
fn neighbors(card: &ExpertCard) -> Vec<Vec<String>> {
    let transitions = |word: &str, layer: usize, transitions: &[Transition]| {
        let to =
            |one: &Transition| format!("L{layer}:E{} {}", one.expert, format::percent(one.share));
        std::iter::once(word.to_owned())
            .chain(transitions.iter().map(to))
            .collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    if !card.next.is_empty() {
        rows.push(transitions("then  ", card.layer + 1, &card.next));
    }
    if let Some(before) = card
        .layer
        .checked_sub(1)
        .filter(|_| !card.previous.is_empty())
    {
        rows.push(transitions("before", before, &card.previous));
    }
    if !card.partners.is_empty() {
        let pair = |pair: &PairLift| format!("E{} {:.1}x", pair.partner, pair.lift);
        let mut items = vec!["with  ".to_owned()];
        items.extend(card.partners.iter().map(pair));
        items.push("(times as often as by chance)".to_owned());
        rows.push(items);
    }
    rows
}

/// The newest tokens that chose it, with what stands around them; `token` is marked.
fn contexts(
    run: &Run,
    card: &ExpertCard,
    token: Option<usize>,
    (columns, most): (u16, usize),
    theme: &Theme,
) -> Vec<(String, ThemeRole)> {
    let title = "position, weight and place among its choices, of tokens".to_owned();
    let choices = card.choices.iter().rev().take(most);
    let rows = choices.map(|choice| {
        let (mark, role) = if token == Some(choice.position) {
            (theme.glyphs().selected, ThemeRole::Strong)
        } else {
            (" ", ThemeRole::Text)
        };
        (context(run, choice, mark, columns), role)
    });
    std::iter::once((title, ThemeRole::Faint))
        .chain(rows)
        .collect()
}

/// A token between its neighbors, with its place among the token's choices. The token itself has the
/// room first; what is around it is cut at the far ends.
fn context(run: &Run, choice: &Choice, mark: &str, columns: u16) -> String {
    let text = |position: usize| {
        let text = run.text(position).unwrap_or_default();
        crate::ui::sanitize::sanitize(text).replace('\n', " ")
    };
    let from = choice.position.saturating_sub(CONTEXT_TOKENS);
    let mut before: String = (from..choice.position).map(text).collect();
    let after: String = (choice.position + 1..=choice.position + CONTEXT_TOKENS)
        .map(text)
        .collect();
    let figures = format!(
        "{mark}{:>6}  {:.2}  choice {}   ",
        choice.position, choice.weight, choice.rank
    );
    let token = format!("[{}]", text(choice.position));
    let room = columns.saturating_sub(width(&figures) + width(&token) + 1);
    // What the text behind does not need is free for the text before.
    let room_before = room.saturating_sub(width(&after).min(room / 2));
    while width(&before) > room_before && !before.is_empty() {
        before.remove(0);
    }
    format!("{figures}{before}{token}{after}")
}
