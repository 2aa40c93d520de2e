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
use super::sanitize::sanitize;
use super::theme::{Theme, ThemeRole};
use super::widgets::{ListRows, Popup as Window, format};
use crate::app::State;
use crate::app::ablation::AblationView;
use crate::app::action::Action;
use crate::app::popup::{CodePurpose, ExportFormat, ListPopup, Popup, Question};
use crate::app::viewport::Viewport;
use crate::catalog::HOW_TO_GET;
use crate::intervention::Rule;

/// Columns and rows that lists want.
const LIST: (u16, u16) = (90, 24);

/// Columns of what went wrong.
const TROUBLE: u16 = 68;

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
                (
                    "all actions",
                    "Enter does it  Esc closes",
                    "no action is called so",
                ),
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
                (
                    "sessions: type to search their text",
                    footer,
                    "no session holds that",
                ),
                popup,
                row,
                theme,
                viewport,
            );
        }
        Popup::Models(popup) => {
            let row = |choice: &_| entries::model_choice(choice, state, theme);
            let title = match state.memory_limit_bytes {
                0 => "models".to_owned(),
                limit => format!("models, for {} of memory", format::bytes(limit)),
            };
            list(
                frame,
                screen,
                (
                    &title,
                    "Enter loads it; a path can be typed  Esc closes",
                    "Enter takes what is typed as a model's folder",
                ),
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
                (
                    "presets",
                    "Enter takes it; the seed stays",
                    "no preset is called so",
                ),
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
                (
                    "messages sent before",
                    "Enter takes it",
                    "no earlier message holds that",
                ),
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
                ("code blocks", footer, "no code block holds that"),
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
                (
                    "all branches",
                    "Enter shows it; * is the branch shown",
                    "no message holds that",
                ),
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
                (
                    "rules for the experts, layer:expert",
                    footer,
                    "no rule is in force",
                ),
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
                (
                    purpose.title(),
                    footer,
                    "Enter takes what is typed as a file's path",
                ),
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
            let rows = how_to(state, theme, text_columns(screen));
            text(
                frame,
                screen,
                (
                    HOW_TO_GET.title,
                    "Enter copies the download's command  arrows scroll  Esc closes",
                ),
                &rows,
                *scroll,
                theme,
                viewport,
            );
        }
        Popup::Trouble {
            title,
            lines,
            remedy,
        } => {
            let footer = match remedy {
                Some(Action::ReloadModel) => "Enter loads the model again  Esc closes",
                Some(Action::Models) => "Enter lists the models  Esc closes",
                _ => "Esc closes",
            };
            let rows: Vec<Line<'_>> = lines
                .iter()
                .flat_map(|line| wrapped(&sanitize(line), TROUBLE.min(text_columns(screen))))
                .map(|line| Line::styled(line, theme.style(ThemeRole::Text)))
                .collect();
            text(frame, screen, (title, footer), &rows, 0, theme, viewport);
        }
    }
}

/// A list under the line that filters it; where it is empty it says why.
fn list<T>(
    frame: &mut Frame<'_>,
    screen: Rect,
    (title, footer, nothing): (&str, &str, &str),
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
            nothing,
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
        Question::Model => "the model's folder",
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
    let mut window = Window {
        title,
        footer,
        columns: LIST.0,
        rows: wanted,
        theme,
    };
    let inner = window.inner(screen);
    viewport.list_rows = inner.height;
    let room = usize::from(inner.height);
    let last = rows.len().saturating_sub(room);
    viewport.last_scroll = Some(last);
    let first = scroll.min(last);
    let place = format!("{footer}  row {} of {}", first + room, rows.len());
    if rows.len() > room {
        window.footer = &place;
    }
    (&window).render(screen, frame.buffer_mut());
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

fn how_to(state: &State, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    let mut say = |text: &str, indent: u16, role: ThemeRole| {
        let gap = " ".repeat(usize::from(indent));
        let lines = wrapped(text, columns.saturating_sub(indent)).into_iter();
        rows.extend(lines.map(|line| {
            Line::from(vec![
                Span::raw(gap.clone()),
                Span::styled(line, theme.style(role)),
            ])
        }));
    };
    if let Some(room) = room(state) {
        say(&room, 0, ThemeRole::Strong);
        say("", 0, ThemeRole::Text);
    }
    for step in HOW_TO_GET.steps {
        say(step.text, 0, ThemeRole::Text);
        if !step.command.is_empty() {
            say(step.command, 2, ThemeRole::Code);
        }
        say("", 0, ThemeRole::Text);
    }
    for note in HOW_TO_GET.notes {
        say(note, 0, ThemeRole::Faint);
    }
    rows
}

/// What this machine has of what the model wants, as far as it is known.
fn room(state: &State) -> Option<String> {
    let memory = Some(state.memory_limit_bytes).filter(|bytes| *bytes > 0);
    let has = [
        (memory, "memory for models"),
        (state.models.free_bytes, "free disk here"),
    ];
    let has: Vec<String> = has
        .into_iter()
        .filter_map(|(bytes, what)| Some(format!("{} of {what}", format::bytes(bytes?))))
        .collect();
    (!has.is_empty()).then(|| format!("This machine has {}.", has.join(" and ")))
}
