//! The same state as linear text, for screen readers and pipes: no cursor, no boxes, no colors.

use std::fmt::Write;

use super::chat::{ending, tokens};
use super::sanitize::sanitize;
use super::widgets::format;
use crate::app::State;
use crate::app::models::FoundModels;
use crate::app::popup::Popup;
use crate::app::state::ModelStatus;
use crate::engine::protocol::ErrorKind;
use crate::session::{NodeId, NodeKind, Part, SessionId, SessionInfo, Turn};

/// Tells what is new, each thing once.
#[derive(Debug, Default)]
pub struct PlainPrinter {
    model: Option<String>,
    session: Option<SessionId>,
    notice: Option<String>,
    trouble: usize,
    answer: Option<Told>,
}

/// What was told of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    node: NodeId,
    /// Parts told in full.
    parts: usize,
    /// Bytes told of the part after those.
    bytes: usize,
    has_ended: bool,
}

impl PlainPrinter {
    /// What is new since the last call; empty where nothing is.
    pub fn news(&mut self, state: &State) -> String {
        let mut text = String::new();
        self.model(state, &mut text);
        self.session(state, &mut text);
        self.notice(state, &mut text);
        self.answer(state, &mut text);
        text
    }

    fn model(&mut self, state: &State, text: &mut String) {
        let line = match &state.model {
            ModelStatus::None => return,
            ModelStatus::Loading { .. } => "loading the model".to_owned(),
            ModelStatus::Ready(model) => format!(
                "model: {}, {} layers of {} experts, {}",
                model.name,
                model.layers.len(),
                model.num_local_experts,
                model.device
            ),
            // Anything else is told of with what to do about it.
            ModelStatus::Failed { report, .. } if report.kind != ErrorKind::Cancelled => return,
            ModelStatus::Failed { report, .. } => format!("note: {}", report.message),
        };
        if self.model.as_ref() != Some(&line) {
            text.push_str(&line);
            text.push('\n');
            self.model = Some(line);
        }
    }

    fn session(&mut self, state: &State, text: &mut String) {
        let id = state.session.id.as_ref();
        if id == self.session.as_ref() {
            return;
        }
        self.session = id.cloned();
        let tree = &state.session.tree;
        if !tree.is_empty() && state.running.is_none() {
            let title = sanitize(&tree.title_or_beginning()).into_owned();
            let count = tree.path().len();
            let _ = writeln!(text, "session: {title}, {count} messages");
        }
    }

    /// Tells of all troubles that come from now on: those before are out of the way.
    pub fn forget_troubles(&mut self) {
        self.trouble = 0;
    }

    fn notice(&mut self, state: &State, text: &mut String) {
        let notice = state
            .notice
            .as_ref()
            .map(|notice| sanitize(&notice.text).into_owned());
        if notice != self.notice {
            if let Some(notice) = &notice {
                let _ = writeln!(text, "note: {notice}");
            }
            self.notice = notice;
        }
        let troubles = state.popups.iter().filter_map(|popup| match popup {
            Popup::Trouble { title, lines, .. } => Some((title, lines)),
            _ => None,
        });
        for (title, lines) in troubles.clone().skip(self.trouble) {
            let _ = writeln!(text, "error: {title}\n{}", lines.join("\n"));
        }
        self.trouble = troubles.count();
    }

    fn answer(&mut self, state: &State, text: &mut String) {
        let last = state.session.tree.path().last().copied();
        let Some(node) = last.and_then(|last| state.session.tree.node(last)) else {
            return;
        };
        let NodeKind::Assistant(turn) = &node.kind else {
            return;
        };
        let is_new = self.answer.as_ref().is_none_or(|told| told.node != node.id);
        if is_new {
            // An answer of an earlier time is not read out again.
            let is_old = turn.outcome.is_some() && self.answer.is_none() && state.running.is_none();
            self.answer = Some(Told {
                node: node.id,
                parts: 0,
                bytes: 0,
                has_ended: is_old,
            });
        }
        let Some(told) = &mut self.answer else {
            return;
        };
        if turn.outcome.is_none() {
            told.has_ended = false;
        }
        if !told.has_ended {
            tell_parts(told, turn, state, text);
            if let Some(outcome) = &turn.outcome {
                told.has_ended = true;
                text.push('\n');
                if let Some((words, _)) =
                    ending(outcome, turn.settings.max_tokens, turn.settings.origin)
                {
                    let _ = writeln!(text, "note: {}", sanitize(&words));
                }
            }
        }
    }
}

fn tell_parts(told: &mut Told, turn: &Turn, state: &State, text: &mut String) {
    while let Some(part) = turn.parts.get(told.parts) {
        let is_over = part.ending.is_some() || turn.outcome.is_some();
        let is_read = part.is_final() || state.chat.is_unfolded;
        if is_read {
            if told.bytes == 0 && !part.text.is_empty() {
                text.push_str(&heading(part));
            }
            text.push_str(&sanitize(&part.text[told.bytes.min(part.text.len())..]));
            told.bytes = part.text.len();
        }
        if !is_over
            || (turn.outcome.is_none() && told.parts + 1 == turn.parts.len() && part.is_final())
        {
            return;
        }
        if is_read {
            text.push('\n');
        } else {
            let time = format::duration_ms(part.duration_ms(state.wall_ms()));
            let _ = writeln!(
                text,
                "{}: {} tokens, {time}",
                sanitize(part.channel_name()),
                part.num_tokens()
            );
        }
        told.parts += 1;
        told.bytes = 0;
    }
}

fn heading(part: &Part) -> String {
    if part.is_final() {
        "model: ".to_owned()
    } else {
        format!("{}: ", sanitize(part.channel_name()))
    }
}

/// The map as words: the most used experts of each layer.
pub fn experts(state: &State) -> String {
    let Some(grid) = state.grid() else {
        return "no routing was recorded yet\n".to_owned();
    };
    let mut text = format!(
        "experts, {}, {}\n",
        state.map.source.title(),
        tokens(grid.tokens() as usize)
    );
    for (layer, values) in grid.layers().enumerate() {
        let mut ranked: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let top = ranked
            .iter()
            .take(4)
            .map(|(expert, value)| format!("expert {expert}: {value:.2}"));
        let _ = writeln!(
            text,
            "layer {layer}: {}",
            top.collect::<Vec<_>>().join(", ")
        );
    }
    text
}

/// The analysis of the last answer, and whatever else it wrote beside its final message.
pub fn analysis(state: &State) -> String {
    let tree = &state.session.tree;
    let mut path = tree.path().into_iter().rev();
    let Some(turn) = path.find_map(|node| tree.turn(node)) else {
        return "there is no answer yet\n".to_owned();
    };
    let mut text = String::new();
    for part in turn.parts.iter().filter(|part| !part.is_final()) {
        let _ = writeln!(text, "{}{}", heading(part), sanitize(part.text.trim_end()));
    }
    if text.is_empty() {
        return "the answer has no analysis\n".to_owned();
    }
    text
}

/// Sessions as numbered lines.
pub fn sessions(sessions: &[SessionInfo]) -> String {
    if sessions.is_empty() {
        return "no sessions are saved\n".to_owned();
    }
    let line = |(index, info): (usize, &SessionInfo)| {
        let title = sanitize(&info.title).into_owned();
        let problem = info.problem.as_deref().map(sanitize);
        let problem = problem.map_or_else(String::new, |problem| format!(", {problem}"));
        format!(
            "{}: {title}, {} messages{problem}\n",
            index + 1,
            info.num_messages
        )
    };
    sessions.iter().enumerate().map(line).collect()
}

/// The models found, as lines.
pub fn models(found: &FoundModels) -> String {
    let line = |entry: &crate::catalog::CatalogEntry| {
        let name = sanitize(&entry.name).into_owned();
        let path = entry.path.as_ref();
        let path = path.map_or_else(String::new, |path| format!(", {}", path.display()));
        let problem = entry.problem.as_deref().map(sanitize);
        let problem = problem.map_or_else(String::new, |problem| format!(", {problem}"));
        let size = format::bytes(entry.weights_bytes);
        format!("{name}, {size}{}{problem}\n", sanitize(&path))
    };
    found.entries.iter().map(line).collect()
}
