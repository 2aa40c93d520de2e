//! The rows at the bottom: keys, then figures and notices.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::chat::{sampling, tokens, wrapped};
use super::chrome::{items, put};
use super::theme::{Theme, ThemeRole};
use super::widgets::format;
use super::widgets::shorten::short_words;
use super::widgets::{KeyHint, KeyHints};
use crate::app::State;
use crate::app::action::{Action, Context};
use crate::app::inside::InsideState;
use crate::app::map::{MapSource, Zoom};
use crate::app::popup::Popup;
use crate::app::state::{Level, ModelStatus};
use crate::app::viewport::Viewport;
use crate::engine::protocol::EnginePhase;
use crate::intervention::Rule;

/// Draws as many rows as there are: figures first, then keys, then the second row of figures.
///
/// `viewport` is what was drawn above them in this frame.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    state: &State,
    viewport: &Viewport,
    theme: &Theme,
) {
    let row = |y: u16| Rect {
        y: area.y + y,
        height: 1,
        ..area
    };
    match area.height {
        0 => {}
        1 => with_rules(buf, row(0), state, theme),
        2 => {
            hints(buf, row(0), state, viewport, theme);
            with_rules(buf, row(1), state, theme);
        }
        _ => {
            hints(buf, row(0), state, viewport, theme);
            if !long_notice(buf, [row(1), row(2)], state, theme) {
                second(buf, row(1), state, theme);
                first(buf, row(2), state, theme);
            }
        }
    }
}

/// The most important keys of where the keys go now.
fn hints(buf: &mut Buffer, area: Rect, state: &State, viewport: &Viewport, theme: &Theme) {
    let context = state.context();
    let keys: Vec<(String, &str)> = of_replays(context, state)
        .iter()
        .chain(wanted(context))
        .filter(|action| is_of_use(**action, state, viewport))
        .filter_map(|action| {
            let key = state.keymap.keys(context, *action).first()?.to_string();
            Some((key, word(context, *action)))
        })
        .collect();
    let hints: Vec<KeyHint<'_>> = keys
        .iter()
        .map(|(key, word)| KeyHint { key, word })
        .collect();
    let inner = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(1),
        ..area
    };
    (&KeyHints {
        hints: &hints,
        theme,
    })
        .render(inner, buf);
}

/// What the key does there, in a word or two.
fn word(context: Context, action: Action) -> &'static str {
    match (context, action) {
        (Context::Sampler, Action::Open) => "type a value",
        _ => action.info().short,
    }
}

/// What a trace on the screen offers first.
fn of_replays(context: Context, state: &State) -> &'static [Action] {
    let is_pane = context.chain().contains(&Context::Panes);
    match &state.replay {
        Some(replay) if is_pane && replay.has_chat() => &[Action::CloseTrace, Action::CompareTrace],
        Some(_) if is_pane => &[Action::CompareTrace],
        _ => &[],
    }
}

/// Not every list lets its entries be changed, and an expert's card has other keys than the map.
fn is_of_use(action: Action, state: &State, viewport: &Viewport) -> bool {
    if !state.is_usable(action) {
        return false;
    }
    if state.context() == Context::Experts {
        return is_of_use_for_experts(action, state, viewport);
    }
    match (action, state.popups.last()) {
        (Action::Delete, Some(Popup::Rules(_))) | (_, None | Some(Popup::Sessions(_))) => true,
        (Action::Delete | Action::Rename | Action::UndoDelete, _) => false,
        _ => true,
    }
}

/// What a key of the map's footer does at the level of detail that is shown.
fn is_of_use_for_experts(action: Action, state: &State, viewport: &Viewport) -> bool {
    let is_card = state.map.zoom == Zoom::Card;
    match action {
        Action::Back | Action::NextChoice | Action::PreviousChoice => is_card,
        Action::PageDown => is_card && viewport.card.is_some_and(|card| card.last_scroll > 0),
        Action::MapMeasure | Action::ZoomIn | Action::ExpertCard => !is_card,
        // One token says nothing about an expert: the card is then about all of them.
        Action::TokenBack | Action::TokenOn => !is_card || state.map.source == MapSource::Window,
        _ => true,
    }
}

fn wanted(context: Context) -> &'static [Action] {
    use Action as A;
    match context {
        Context::Composer => &[
            A::Send,
            A::Newline,
            A::Back,
            A::CycleEffort,
            A::StopOrQuit,
            A::Palette,
            A::Editor,
        ],
        Context::Chat => &[
            A::Compose,
            A::Help,
            A::Regenerate,
            A::Edit,
            A::Continue,
            A::AnswerNow,
            A::StopOrQuit,
            A::PreviousSibling,
            A::Fold,
            A::Copy,
            A::NextPane,
        ],
        Context::Experts => &[
            A::Back,
            A::PageDown,
            A::MapSource,
            A::MapMeasure,
            A::ZoomIn,
            A::ExpertCard,
            A::NextChoice,
            A::PreviousChoice,
            A::TokenBack,
            A::TokenOn,
            A::Freeze,
            A::Help,
            A::Compose,
        ],
        Context::Tokens => &[
            A::ForkToken,
            A::GhostToken,
            A::TintTokens,
            A::TokenBack,
            A::TokenOn,
            A::TokenFollow,
            A::Sampler,
            A::Help,
            A::Compose,
        ],
        Context::Sampler => &[
            A::Increase,
            A::Decrease,
            A::Open,
            A::ResetValue,
            A::Presets,
            A::SavePreset,
            A::SeedLock,
            A::Back,
        ],
        Context::Inside => &[
            A::Open,
            A::NextTab,
            A::InsidePass,
            A::TokenBack,
            A::TokenOn,
            A::InsideOrder,
            A::Help,
            A::Back,
        ],
        Context::Profile => &[A::Open, A::NextTab, A::ProfileDomain, A::Help, A::Back],
        Context::List => &[A::Open, A::Back, A::Delete, A::Rename, A::UndoDelete],
        Context::Field => &[A::Open, A::Back],
        Context::Global | Context::Panes | Context::Memory | Context::Log => &[
            A::Compose,
            A::NextPane,
            A::Freeze,
            A::ZoomPane,
            A::Help,
            A::Palette,
        ],
    }
}

/// The first row where there is no second one to tell of a recording, or that the experts' choice is
/// changed.
fn with_rules(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let rules = match state.interventions.rules() {
        [] => None,
        [rule] => Some(rule.to_string()),
        rules => Some(format!("{} rules", rules.len())),
    };
    let words: Vec<String> = recording(state).into_iter().chain(rules).collect();
    if words.is_empty() {
        return first(buf, area, state, theme);
    }
    let text = words.join(", ");
    let taken = (text.chars().count() as u16 + 2).min(area.width);
    put(buf, area, (1, 0), &text, theme.style(ThemeRole::Danger));
    let rest = Rect {
        x: area.x + taken,
        width: area.width - taken,
        ..area
    };
    first(buf, rest, state, theme);
}

/// That answers are recorded, and how much of the present one is in its file.
fn recording(state: &State) -> Option<String> {
    // The chat behind a trace goes on, and with it its recording.
    let state = state.behind.as_deref().unwrap_or(state);
    match &state.recording.current {
        Some(current) => Some(format!(
            "REC {}, {}",
            tokens(current.written_tokens),
            format::bytes(current.written_bytes)
        )),
        None => state.recording.is_on.then(|| "REC on".to_owned()),
    }
}

/// A notice's text and role.
fn notice(state: &State) -> Option<(String, ThemeRole)> {
    let notice = state.notice.as_ref()?;
    let (word, role) = match notice.level {
        Level::Info => ("", ThemeRole::Text),
        Level::Warning => ("note: ", ThemeRole::Warning),
        Level::Error => ("error: ", ThemeRole::Danger),
    };
    let text = super::sanitize::sanitize(&notice.text).replace('\n', " ");
    Some((format!("{word}{text}"), role))
}

/// A notice that is too long for one row, over both rows of figures; whether there is one.
fn long_notice(buf: &mut Buffer, rows: [Rect; 2], state: &State, theme: &Theme) -> bool {
    let Some((text, role)) = notice(state) else {
        return false;
    };
    let columns = rows[0].width.saturating_sub(1);
    let lines = wrapped(&text, columns);
    let [first, rest @ ..] = &lines[..] else {
        return false;
    };
    if rest.is_empty() {
        return false;
    }
    let rest = short_words(&rest.join(" "), usize::from(columns), theme.glyph_set()).into_owned();
    for (row, line) in rows.into_iter().zip([first, &rest]) {
        put(buf, row, (1, 0), line, theme.style(role));
    }
    true
}

/// What the engine does, or a notice.
fn first(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let inner = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(1),
        ..area
    };
    if let Some((text, role)) = notice(state) {
        let text = short_words(&text, usize::from(inner.width), theme.glyph_set()).into_owned();
        put(buf, inner, (0, 0), &text, theme.style(role));
        return;
    }
    if let Some(replay) = &state.replay {
        let parts = [
            (format!("replay of {}", replay.name), ThemeRole::Warning),
            (replay.origin.clone(), ThemeRole::Text),
        ];
        items(buf, inner, (0, 0), &parts, theme);
        return;
    }
    let speed = &state.shown_telemetry().speed;
    let mut parts = vec![activity(state)];
    if let Some(rate) = speed
        .decode_tps
        .filter(|_| speed.phase == EnginePhase::Decode)
    {
        parts.push((format!("{} tok/s", format::rate(rate)), ThemeRole::Text));
    }
    if let Some(ms) = speed.time_to_first_token_ms {
        parts.push((
            format!("TTFT {}", format::duration_ms(ms as u64)),
            ThemeRole::Text,
        ));
    }
    if let Some(rate) = speed.prefill_tps {
        parts.push((
            format!("prefill {} tok/s", format::rate(rate)),
            ThemeRole::Text,
        ));
    }
    parts.extend(
        sampling(&state.sampling.params)
            .into_iter()
            .map(|word| (word, ThemeRole::Faint)),
    );
    let lock = if state.sampling.is_seed_locked {
        "seed locked"
    } else {
        "new seeds"
    };
    parts.push((lock.to_owned(), ThemeRole::Faint));
    items(buf, inner, (0, 0), &parts, theme);
}

fn activity(state: &State) -> (String, ThemeRole) {
    if let Some(running) = &state.running {
        if running.is_stopping {
            return ("stopping".to_owned(), ThemeRole::Warning);
        }
        if running.first_token_ms.is_none()
            && let Some((done, total)) = running.prefill
        {
            return (
                format!("reading {done} of {total} tokens"),
                ThemeRole::Accent,
            );
        }
        return (
            format!("writing, {}", tokens(running.generated_tokens)),
            ThemeRole::Accent,
        );
    }
    if let Some(summing) = &state.summing {
        return (
            format!("summing up, {}", tokens(summing.num_tokens())),
            ThemeRole::Accent,
        );
    }
    if let Some(InsideState::Running(_, done, total)) =
        state.inside.as_ref().map(|view| &view.progress)
    {
        return (
            format!("looking inside, {done} of {total} tokens"),
            ThemeRole::Accent,
        );
    }
    match &state.model {
        ModelStatus::Ready(_) => ("ready".to_owned(), ThemeRole::Success),
        ModelStatus::Loading { progress, .. } => {
            let share = progress.filter(|progress| progress.total > 0);
            let text = share.map_or_else(String::new, |progress| {
                format!(
                    " {}",
                    format::percent(progress.done as f64 / progress.total as f64)
                )
            });
            (format!("loading{text}"), ThemeRole::Accent)
        }
        ModelStatus::None | ModelStatus::Failed { .. } => {
            ("no model".to_owned(), ThemeRole::Danger)
        }
    }
}

/// The rules, as many as go into so many columns, and how many more there are.
fn rule_words(rules: &[Rule], columns: usize) -> String {
    let mut words = String::new();
    for (index, rule) in rules.iter().enumerate() {
        let rule = rule.to_string();
        if index > 0 && words.len() + rule.len() + 2 > columns {
            return format!("{words} and {} more", rules.len() - index);
        }
        let comma = if index > 0 { ", " } else { "" };
        words.push_str(comma);
        words.push_str(&rule);
    }
    words
}

/// Context, memory, and what is unusual.
fn second(buf: &mut Buffer, area: Rect, state: &State, theme: &Theme) {
    let inner = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(1),
        ..area
    };
    let telemetry = state.shown_telemetry();
    let mut parts: Vec<_> = recording(state)
        .map(|text| (text, ThemeRole::Danger))
        .into_iter()
        .collect();
    if let Some(trouble) = &state.session.trouble {
        parts.push((format!("not saved: {trouble}"), ThemeRole::Danger));
    } else if state.session.access.reason().is_some() {
        parts.push(("session not saved".to_owned(), ThemeRole::Warning));
    }
    if !state.interventions.is_empty() {
        parts.push((
            format!(
                "experts changed: {}",
                rule_words(state.interventions.rules(), usize::from(area.width) / 2)
            ),
            ThemeRole::Danger,
        ));
    }
    if let Some(following) = &state.following {
        let text = format!("experts as in {}", following.name);
        parts.push((text, ThemeRole::Danger));
    }
    if let Some(model) = state.model.ready().filter(|_| state.replay.is_none()) {
        let used = telemetry
            .cache
            .full
            .tokens
            .max(telemetry.cache.sliding.tokens) as u64;
        let limit = format::count(model.max_context_tokens as u64);
        parts.push((
            format!("context {} of {limit}", format::count(used)),
            ThemeRole::Text,
        ));
    }
    let cache = telemetry.cache.full.bytes + telemetry.cache.sliding.bytes;
    if state.replay.is_none() {
        parts.push((format!("KV {}", format::bytes(cache)), ThemeRole::Text));
    }
    let memory = &telemetry.memory;
    if memory.active_bytes > 0 {
        let limit = match memory.limit_bytes {
            0 => String::new(),
            limit => format!(" of {}", format::bytes(limit)),
        };
        parts.push((
            format!("memory {}{limit}", format::bytes(memory.active_bytes)),
            ThemeRole::Text,
        ));
    }
    if state.frozen_telemetry.is_some() {
        parts.push(("frozen (Space)".to_owned(), ThemeRole::Warning));
    }
    if state.session.tree.history_start().is_some() {
        let text = match state.session.tree.summary() {
            Some(_) => "older turns summed up",
            None => "older turns not sent",
        };
        parts.push((text.to_owned(), ThemeRole::Warning));
    }
    let mouse = if state.is_mouse_on {
        "mouse on (m)"
    } else {
        "mouse off (m)"
    };
    parts.push((mouse.to_owned(), ThemeRole::Faint));
    items(buf, inner, (0, 0), &parts, theme);
}
