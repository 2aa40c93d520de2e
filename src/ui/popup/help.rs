//! The help: keys by where they count, and what the figures mean.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::analytics::{DEFINITIONS, Definition, INSIDE_DEFINITIONS, PROFILE_DEFINITIONS};
use crate::app::State;
use crate::app::action::{Action, Context, REGISTRY};
use crate::app::replay;
use crate::app::sampling::SAMPLING_DEFINITIONS;
use crate::ui::chat::wrapped;
use crate::ui::theme::{Theme, ThemeRole};

/// The most columns that are kept free for a row's keys; longer ones push their text aside.
const KEY_COLUMNS: usize = 28;

/// What each meter tells.
const METERS: &[(&str, &str)] = &[
    (
        "KV full",
        "Keys and values of the layers that see everything; they grow with each token.",
    ),
    (
        "KV window",
        "Keys and values of the layers that see the last 128 tokens; a ring that stays full.",
    ),
    (
        "active",
        "Memory that arrays use now, against what may be used.",
    ),
    (
        "peak",
        "The most that was in use at once since the model was loaded, and what is kept for reuse.",
    ),
    (
        "next prompt",
        "What sending the draft would take at its peak, as the engine's guard counts it.",
    ),
    (
        "prefix reused",
        "Prompt tokens whose keys and values were still there from the turn before.",
    ),
    (
        "TTFT",
        "Time to first token: from taking up the request to the first token of the answer.",
    ),
    (
        "recording costs",
        "The engine's time for reading and counting what is recorded, as a share of decoding.",
    ),
    (
        "last answer",
        "When nothing is computed, speeds are the last answer's, and the graphs end where it ended; \
         last change: nothing was answered yet.",
    ),
    (
        "frame",
        "The time from the state to the terminal's buffer for one frame.",
    ),
];

/// What the token pane tells.
const TOKENS: &[(&str, &str)] = &[
    (
        "position",
        "Counted from 0 over prompt and answer, as in traces. Where a note in the chat says token \
         of the answer, it is counted from 0 at the answer's first one.",
    ),
    (
        "model, drawn",
        "The token's probability in the model's own distribution, and after all samplers in use, as \
         it was drawn. One column where none is in use.",
    ),
    (
        "cut",
        "The first sampler that took the token out. Computed at the draw from all logits, with the \
         settings in force then; the panel's settings of now have no part in it.",
    ),
    (
        "left, mass",
        "How many tokens each sampler left, and the probability that they had before it. idle: XTC \
         by its coin did nothing here.",
    ),
    (
        "surprise, H",
        "-log2 of the token's probability, and the entropy of the distribution, both before the \
         samplers. Surprise far above H is an unlikely choice among likely ones.",
    ),
    (
        "fork",
        "A new answer beside the old one: the same tokens up to here, then the alternative that Up \
         and Down have marked, then the model, with the old answer's seed, samplers, effort and \
         rules.",
    ),
    (
        "ghost",
        "The first 32 tokens of that fork without making it. Enter on the same alternative adopts \
         it, token for token. The chat's cache stays as it is.",
    ),
    (
        "colors",
        "By probability or entropy, the yellower the less expected; without colors underlined, \
         bold, both, reversed. In the chat, too; only the newest 8 answers keep what it takes.",
    ),
];

/// All rows of the help for a context.
pub(super) fn rows(
    context: Context,
    state: &State,
    theme: &Theme,
    columns: u16,
) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    for place in context.chain() {
        rows.push(Line::styled(place.title(), theme.style(ThemeRole::Title)));
        rows.extend(keys(*place, state, theme, columns));
        rows.push(Line::default());
    }
    if context == Context::Tokens {
        rows.push(Line::styled(
            "What the token pane tells",
            theme.style(ThemeRole::Title),
        ));
        let entries = TOKENS.iter();
        rows.extend(entries.flat_map(|(name, text)| entry(name, text, theme, columns)));
        rows.push(Line::default());
    }
    let definitions = definitions(context);
    if !definitions.is_empty() {
        rows.push(Line::styled(
            "What the figures mean",
            theme.style(ThemeRole::Title),
        ));
        for definition in definitions.into_iter().flatten() {
            let text = format!("{} {}", definition.formula, definition.meaning);
            rows.extend(entry(definition.name, &text, theme, columns));
        }
        rows.push(Line::default());
    }
    if matches!(context, Context::Memory | Context::Chat | Context::Panes) {
        rows.push(Line::styled(
            "What the meters tell",
            theme.style(ThemeRole::Title),
        ));
        rows.extend(
            METERS
                .iter()
                .flat_map(|(name, text)| entry(name, text, theme, columns)),
        );
    }
    rows
}

/// The figures that are to be seen where a context is.
fn definitions(context: Context) -> Vec<&'static [Definition]> {
    match context {
        Context::Experts | Context::Tokens | Context::Chat | Context::Panes => {
            vec![DEFINITIONS, PROFILE_DEFINITIONS, INSIDE_DEFINITIONS]
        }
        Context::Inside => vec![INSIDE_DEFINITIONS],
        Context::Profile => vec![PROFILE_DEFINITIONS],
        Context::Sampler => vec![SAMPLING_DEFINITIONS],
        _ => Vec::new(),
    }
}

/// The bindings of one context, in the registry's order.
fn keys(context: Context, state: &State, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let bound: Vec<(String, &str)> = REGISTRY
        .iter()
        .filter(|info| state.replay.is_none() || !replay::needs_a_model(info.action))
        .filter_map(|info| Some((keys_of(context, info.action, state)?, info.help)))
        .collect();
    let widest = bound.iter().map(|(keys, _)| keys.width() + 1).max();
    let common = widest.unwrap_or_default().min(KEY_COLUMNS);
    let mut rows = Vec::new();
    for (keys, help) in bound {
        let indent = common.max(keys.width() + 1);
        let room = columns.saturating_sub(indent as u16);
        for (index, text) in wrapped(help, room).into_iter().enumerate() {
            let keys = if index == 0 { keys.as_str() } else { "" };
            rows.push(Line::from(vec![
                Span::styled(format!("{keys:<indent$}"), theme.style(ThemeRole::Key)),
                Span::styled(text, theme.style(ThemeRole::Text)),
            ]));
        }
    }
    rows
}

/// The keys of an action in a context, as they are shown; none where it has none.
fn keys_of(context: Context, action: Action, state: &State) -> Option<String> {
    let bound = state
        .keymap
        .of_context(context)
        .filter(|(_, bound)| *bound == action);
    let keys: Vec<String> = bound.map(|(key, _)| key.to_string()).collect();
    (!keys.is_empty()).then(|| format!("  {} ", keys.join("  ")))
}

fn entry(name: &str, text: &str, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let mut rows = vec![Line::styled(
        format!("  {name}"),
        theme.style(ThemeRole::Strong),
    )];
    let lines = wrapped(text, columns.saturating_sub(4)).into_iter();
    rows.extend(
        lines.map(|line| Line::styled(format!("    {line}"), theme.style(ThemeRole::Faint))),
    );
    rows
}
