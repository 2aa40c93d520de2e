//! What lies over the screen: lists, questions, texts.

mod ablation;
mod difference;
mod entries;
mod help;
mod inside;
mod page;
mod profile;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_input::Input;

use super::chat::{origin, wrapped};
use super::chrome::put;
use super::theme::{Theme, ThemeRole};
use super::widgets::{ListRows, Popup as Window};
use crate::app::State;
use crate::app::ablation::AblationView;
use crate::app::popup::{CodePurpose, ExportFormat, ListPopup, Popup, Question};
use crate::app::viewport::Viewport;
use crate::catalog::HOW_TO_GET;
use crate::intervention::Rule;

/// Columns and rows that lists want.
const LIST: (u16, u16) = (90, 24);

/// Draws one popup over the screen.
#[expect(clippy::too_many_lines, reason = "one short arm a popup")]
pub(super) fn draw(
    frame: &mut Frame<'_>,
    screen: Rect,
    popup: &Popup,
    state: &State,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    match popup {
        Popup::Palette(popup) => {
            let row = |action: &_| entries::action(*action, state, theme);
            list(
                frame,
                screen,
                ("all actions", "Enter does it  Esc closes"),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Sessions(popup) => {
            let row = |info: &_| entries::session(info, state, theme);
            let footer = "Enter opens  Ctrl+R renames  Ctrl+D deletes  Ctrl+Y brings back";
            list(
                frame,
                screen,
                ("sessions: type to search their text", footer),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Models(popup) => {
            let row = |entry: &_| entries::model(entry, state, theme);
            let footer = "Enter loads  Esc closes  how-to-get-models is in the palette";
            list(
                frame,
                screen,
                ("models", footer),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Presets(popup) => {
            let row = |name: &String| entries::text(name, theme);
            list(
                frame,
                screen,
                ("presets", "Enter takes it; the seed stays"),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::History(popup) => {
            let row = |text: &String| entries::text(text, theme);
            list(
                frame,
                screen,
                ("messages sent before", "Enter takes it"),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Code {
            list: popup,
            purpose,
        } => {
            let row = |code: &_| entries::code(code, theme);
            let footer = match purpose {
                CodePurpose::Copy => "Enter copies it",
                CodePurpose::Save => "Enter saves it",
            };
            list(
                frame,
                screen,
                ("code blocks", footer),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Tree(popup) => {
            let row = |row: &_| entries::tree(row, theme);
            list(
                frame,
                screen,
                ("all branches", "Enter shows it; * is the branch shown"),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Rules(popup) => {
            let row = |rule: &Rule| entries::text(&rule.to_string(), theme);
            let footer = "Ctrl+D takes one away  Esc closes  r on the map adds one";
            list(
                frame,
                screen,
                ("rules for the experts, layer:expert", footer),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Traces {
            list: popup,
            purpose,
        } => {
            let row = |trace: &_| entries::trace(trace, state, theme);
            let footer = "Enter takes it; a path can be typed  Esc closes";
            list(
                frame,
                screen,
                (purpose.title(), footer),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Ask { question, input } => ask(frame, screen, question, input, theme),
        Popup::Help { context, scroll } => {
            let rows = help::rows(*context, state, theme, text_columns(screen));
            text(
                frame,
                screen,
                ("help", "arrows scroll  Esc closes"),
                &rows,
                *scroll,
                theme,
                viewport,
            );
        }
        Popup::Ablation { scroll } => {
            let origin = state.model.ready().and_then(|model| origin(model.origin));
            let view = state.ablation.as_ref();
            let rows = view.map_or_else(Vec::new, |view| {
                ablation::rows(view, origin, theme, text_columns(screen))
            });
            text(
                frame,
                screen,
                (
                    "two runs side by side",
                    if view.is_some_and(AblationView::is_running) {
                        "arrows scroll  Ctrl+C stops  Esc closes"
                    } else {
                        "arrows scroll  Esc closes"
                    },
                ),
                &rows,
                *scroll,
                theme,
                viewport,
            );
        }
        Popup::Difference { scroll } => {
            let replay = state.replay.as_ref();
            let rows = replay.map_or_else(Vec::new, |replay| {
                difference::rows(replay, theme, text_columns(screen))
            });
            text(
                frame,
                screen,
                (
                    "two recorded runs",
                    "arrows scroll  Esc closes  share-traces is in the palette",
                ),
                &rows,
                *scroll,
                theme,
                viewport,
            );
        }
        Popup::Inside => inside::draw(frame, screen, state, theme, viewport),
        Popup::Profile => profile::draw(frame, screen, state, theme, viewport),
        Popup::HowTo { scroll } => {
            let rows = how_to(theme, text_columns(screen));
            text(
                frame,
                screen,
                (HOW_TO_GET.title, "arrows scroll  Esc closes"),
                &rows,
                *scroll,
                theme,
                viewport,
            );
        }
        Popup::Trouble { title, lines } => {
            let rows: Vec<Line<'_>> = lines
                .iter()
                .flat_map(|line| wrapped(line, 68))
                .map(|line| Line::styled(line, theme.style(ThemeRole::Text)))
                .collect();
            text(
                frame,
                screen,
                (title, "Esc closes"),
                &rows,
                0,
                theme,
                viewport,
            );
        }
    }
}

/// A list under the line that filters it.
fn list<T>(
    frame: &mut Frame<'_>,
    screen: Rect,
    (title, footer): (&str, &str),
    popup: &ListPopup<T>,
    row: impl Fn(&T) -> Line<'static>,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let window = Window {
        title,
        footer,
        columns: LIST.0,
        rows: LIST.1,
        theme,
    };
    let inner = window.inner(screen);
    (&window).render(screen, frame.buffer_mut());
    field(
        frame,
        Rect {
            height: inner.height.min(1),
            ..inner
        },
        &popup.input,
        theme,
    );
    let area = Rect {
        y: inner.y + 1.min(inner.height),
        height: inner.height.saturating_sub(1),
        ..inner
    };
    viewport.list_rows = area.height;
    let rows: Vec<Line<'_>> = popup.visible().map(row).collect();
    if rows.is_empty() {
        put(
            frame.buffer_mut(),
            area,
            (1, 0),
            "nothing here",
            theme.style(ThemeRole::Faint),
        );
        return;
    }
    let list = ListRows {
        rows: &rows,
        selected: Some(popup.selected),
        first: 0,
        theme,
    };
    (&list).render(area, frame.buffer_mut());
}

/// A line of text with its cursor.
fn field(frame: &mut Frame<'_>, area: Rect, input: &Input, theme: &Theme) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    let room = usize::from(area.width - 3);
    let scroll = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(scroll).collect();
    let buf: &mut Buffer = frame.buffer_mut();
    put(buf, area, (0, 0), "> ", theme.style(ThemeRole::Accent));
    put(buf, area, (2, 0), &shown, theme.style(ThemeRole::Text));
    let x = input.visual_cursor().saturating_sub(scroll).min(room) as u16;
    frame.set_cursor_position((area.x + 2 + x, area.y));
}

fn ask(frame: &mut Frame<'_>, screen: Rect, question: &Question, input: &Input, theme: &Theme) {
    let title = match question {
        Question::Search => "search the conversation for",
        Question::RenameSession | Question::RenameListed(_) => "the session's new title",
        Question::SaveCode(_) => "save the code as (a new file)",
        Question::Export(ExportFormat::Markdown) => "export as Markdown to (a new file)",
        Question::Export(ExportFormat::Json) => "export everything as JSON to (a new file)",
        Question::Export(ExportFormat::Html) => "export as HTML to (a new file)",
        Question::Share(_) => "share as (a new file ending in .txt, .svg or .html)",
        Question::Import => "import from (a JSON file)",
        Question::Profile => "open the profile (a file of profile --output)",
        Question::Trace(_) => "the trace's path (FILE.safetensors or FILE.safetensors.part)",
        Question::PresetName => "the preset's name",
        Question::Ablation => "compare with these rules, such as: zero 5:12, swap 4:3 7",
        Question::Rule => "a rule, such as mask 5:12, top-k 5 2 or noise 0.5",
    };
    let window = Window {
        title,
        footer: "Enter takes it  Esc gives up",
        columns: 70,
        rows: 1,
        theme,
    };
    let inner = window.inner(screen);
    (&window).render(screen, frame.buffer_mut());
    field(frame, inner, input, theme);
    if input.value().is_empty() {
        let faint = theme.style(ThemeRole::Faint);
        put(frame.buffer_mut(), inner, (3, 0), form(question), faint);
    }
}

/// The form of what is asked for, where that does not go without saying.
fn form(question: &Question) -> &'static str {
    match question {
        Question::Rule => "bias LAYER:EXPERT +1",
        Question::Ablation => "mask LAYER:EXPERT",
        _ => "",
    }
}

/// A text that scrolls.
fn text(
    frame: &mut Frame<'_>,
    screen: Rect,
    (title, footer): (&str, &str),
    rows: &[Line<'_>],
    scroll: usize,
    theme: &Theme,
    viewport: &mut Viewport,
) {
    let wanted = (rows.len() as u16).max(1);
    let window = Window {
        title,
        footer,
        columns: LIST.0,
        rows: wanted,
        theme,
    };
    let inner = window.inner(screen);
    (&window).render(screen, frame.buffer_mut());
    viewport.list_rows = inner.height;
    let first = scroll.min(rows.len().saturating_sub(usize::from(inner.height)));
    for (y, row) in (0..inner.height).zip(&rows[first..]) {
        frame
            .buffer_mut()
            .set_line(inner.x, inner.y + y, row, inner.width);
    }
}

/// Columns of text in a popup over this screen.
fn text_columns(screen: Rect) -> u16 {
    LIST.0.min(screen.width).saturating_sub(4)
}

fn how_to(theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    let faint = theme.style(ThemeRole::Faint);
    for step in HOW_TO_GET.steps {
        let lines = wrapped(step.text, columns).into_iter();
        rows.extend(lines.map(|line| Line::styled(line, theme.style(ThemeRole::Text))));
        if !step.command.is_empty() {
            let lines = wrapped(step.command, columns.saturating_sub(2)).into_iter();
            rows.extend(lines.map(|line| {
                Line::from(vec![
                    Span::raw("  "),
                    Span::styled(line, theme.style(ThemeRole::Code)),
                ])
            }));
        }
        rows.push(Line::default());
    }
    for note in HOW_TO_GET.notes {
        rows.extend(
            wrapped(note, 84)
                .into_iter()
                .map(|line| Line::styled(line, faint)),
        );
    }
    rows
}
