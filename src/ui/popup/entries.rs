//! The rows of lists.

use std::ffi::OsStr;
use std::path::Path;

use ratatui::text::{Line, Span};

use crate::app::State;
use crate::app::action::Action;
use crate::app::models::ModelChoice;
use crate::app::popup::{CodeChoice, TreeRow};
use crate::app::traces::TraceChoice;
use crate::catalog::{CatalogEntry, Fit, ModelOrigin, fit};
use crate::engine::protocol::ModelSource;
use crate::session::SessionInfo;
use crate::ui::sanitize::sanitize;
use crate::ui::theme::{Theme, ThemeRole};
use crate::ui::widgets::format;

/// Columns of names in lists.
const NAME: usize = 22;

fn line(pieces: Vec<(String, ThemeRole)>, theme: &Theme) -> Line<'static> {
    let spans = pieces.into_iter().map(|(text, role)| {
        let text = sanitize(&text).replace('\n', " ");
        Span::styled(text, theme.style(role))
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// An action: its name, what it does, its key.
pub(super) fn action(action: Action, state: &State, theme: &Theme) -> Line<'static> {
    let info = action.info();
    let key = state
        .keymap
        .first_key(action)
        .map(|(_, key)| key.to_string())
        .unwrap_or_default();
    line(
        vec![
            (format!("{:<NAME$} ", info.name), ThemeRole::Strong),
            (format!("{key:<10} "), ThemeRole::Key),
            (info.help.to_owned(), ThemeRole::Faint),
        ],
        theme,
    )
}

/// A session: age, size, title, what was found or what is wrong.
pub(super) fn session(info: &SessionInfo, state: &State, theme: &Theme) -> Line<'static> {
    let age = age(state.wall_ms().saturating_sub(info.modified_ms));
    let mut pieces = vec![
        (format!("{age:>8}  "), ThemeRole::Faint),
        (info.title.clone(), ThemeRole::Strong),
        (
            format!("  {} messages", info.num_messages),
            ThemeRole::Faint,
        ),
    ];
    if info.num_branches > 1 {
        pieces.push((
            format!(", {} branches", info.num_branches),
            ThemeRole::Faint,
        ));
    }
    if let Some(excerpt) = &info.excerpt {
        pieces.push((format!("  {excerpt}"), ThemeRole::Text));
    }
    if let Some(problem) = &info.problem {
        pieces.push((format!("  {problem}"), ThemeRole::Danger));
    }
    line(pieces, theme)
}

/// A recorded trace: age, size, name.
pub(super) fn trace(trace: &TraceChoice, state: &State, theme: &Theme) -> Line<'static> {
    let pieces = match trace {
        TraceChoice::Elsewhere => vec![
            (format!("{:>20}", ""), ThemeRole::Faint),
            ("another file: type its path".to_owned(), ThemeRole::Text),
        ],
        TraceChoice::File {
            name,
            modified_ms,
            bytes,
            ..
        } => {
            let age = age(state.wall_ms().saturating_sub(*modified_ms));
            let is_cut = Path::new(name).extension() == Some(OsStr::new("part"));
            let note = if is_cut { "  not finished" } else { "" };
            vec![
                (format!("{age:>8}  "), ThemeRole::Faint),
                (format!("{:>8}  ", format::bytes(*bytes)), ThemeRole::Faint),
                (name.clone(), ThemeRole::Strong),
                (note.to_owned(), ThemeRole::Warning),
            ]
        }
    };
    line(pieces, theme)
}

/// A time span in one unit.
fn age(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0 => "now".to_owned(),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// An entry of the list of models.
pub(super) fn model_choice(choice: &ModelChoice, state: &State, theme: &Theme) -> Line<'static> {
    match choice {
        ModelChoice::Found(entry) => model(entry, state, theme),
        ModelChoice::Elsewhere => action_row("another folder", "type its path", theme),
        ModelChoice::HowTo => action_row(
            "get gpt-oss-20b",
            "how, and what this machine has room for",
            theme,
        ),
    }
}

fn action_row(name: &str, about: &str, theme: &Theme) -> Line<'static> {
    line(
        vec![
            (format!("{name:<NAME$} "), ThemeRole::Accent),
            (about.to_owned(), ThemeRole::Faint),
        ],
        theme,
    )
}

/// A model: name, size, whether that goes into memory, shape, where it was found, what is wrong.
fn model(entry: &CatalogEntry, state: &State, theme: &Theme) -> Line<'static> {
    let mut pieces = vec![(format!("{:<NAME$} ", entry.name), ThemeRole::Strong)];
    if entry.weights_bytes > 0 {
        pieces.push((
            format!("{:>8}  ", format::bytes(entry.weights_bytes)),
            ThemeRole::Text,
        ));
    }
    if let Some(problem) = &entry.problem {
        pieces.push((problem.clone(), ThemeRole::Danger));
        return line(pieces, theme);
    }
    let limit = Some(state.memory_limit_bytes).filter(|limit| *limit > 0);
    pieces.extend(match fit(entry.weights_bytes, limit) {
        Fit::Fits => Some(("fits       ".to_owned(), ThemeRole::Success)),
        Fit::Tight => Some(("fits barely  ".to_owned(), ThemeRole::Warning)),
        Fit::TooLarge => Some(("too large  ".to_owned(), ThemeRole::Danger)),
        Fit::Unknown => None,
    });
    pieces.push((found(entry, state).to_owned(), ThemeRole::Faint));
    if let (Some(layers), Some(experts)) = (entry.num_layers, entry.num_experts) {
        pieces.push((
            format!("  {layers} layers x {experts} experts  {}", entry.precision),
            ThemeRole::Faint,
        ));
    }
    line(pieces, theme)
}

/// Where a model was found, or that it is the one in use.
fn found(entry: &CatalogEntry, state: &State) -> &'static str {
    let is_loaded = match (&state.loaded_source, state.model.ready()) {
        (Some(ModelSource::Demo), Some(_)) => entry.path.is_none(),
        (Some(ModelSource::Directory(path)), Some(_)) => entry.path.as_ref() == Some(path),
        _ => false,
    };
    if is_loaded {
        "in use"
    } else {
        origin(entry.origin)
    }
}

fn origin(origin: ModelOrigin) -> &'static str {
    match origin {
        ModelOrigin::Demo => "built in",
        ModelOrigin::Argument => "named at the start",
        ModelOrigin::Folder => "in a folder",
        ModelOrigin::HuggingFaceCache => "in Hugging Face's cache",
        ModelOrigin::LmStudio => "in LM Studio's folder",
    }
}

/// A text on one line.
pub(super) fn text(text: &str, theme: &Theme) -> Line<'static> {
    line(vec![(text.to_owned(), ThemeRole::Text)], theme)
}

/// A code block: its language and its first line.
pub(super) fn code(code: &CodeChoice, theme: &Theme) -> Line<'static> {
    let language = code.language.clone().unwrap_or_else(|| "text".to_owned());
    let first = code.source.lines().next().unwrap_or_default().to_owned();
    let lines = code.source.lines().count();
    line(
        vec![
            (format!("{language:<12} "), ThemeRole::Strong),
            (format!("{lines:>4} lines  "), ThemeRole::Faint),
            (first, ThemeRole::Code),
        ],
        theme,
    )
}

/// A message of the tree.
pub(super) fn tree(row: &TreeRow, theme: &Theme) -> Line<'static> {
    let mark = if row.is_shown { "* " } else { "  " };
    let sibling = match row.sibling {
        (_, 1) => String::new(),
        (number, count) => format!("<{number}/{count}> "),
    };
    let role = if row.author == "you" {
        ThemeRole::User
    } else {
        ThemeRole::Assistant
    };
    line(
        vec![
            (
                format!("{mark}{}", "  ".repeat(row.depth.min(20))),
                ThemeRole::Accent,
            ),
            (sibling, ThemeRole::Key),
            (format!("{}: ", row.author), role),
            (
                row.text.clone(),
                if row.is_shown {
                    ThemeRole::Text
                } else {
                    ThemeRole::Faint
                },
            ),
        ],
        theme,
    )
}
