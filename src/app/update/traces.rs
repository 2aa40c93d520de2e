//! Opening traces over the chat, comparing them, and answering with their experts.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::effect::Effect;
use super::super::popup::{ListPopup, Popup, Question};
use super::super::recording;
use super::super::replay;
use super::super::state::{Level, State};
use super::super::traces::{
    FollowedTrace, Following, TraceChoice, TracePurpose, TraceRead, TraceRequest,
};
use super::{chat, generate, popups, say};
use crate::engine::protocol::{Command, ModelOrigin};
use crate::session::{FollowedRouting, Turn};
use crate::trace_file::TraceShape;

/// Lists the traces there are.
pub(in crate::app) fn choose(state: &mut State, purpose: TracePurpose) -> Vec<Effect> {
    let is_possible = match purpose {
        TracePurpose::Open => true,
        TracePurpose::Compare => is_comparable(state),
        TracePurpose::Follow => can_follow(state),
    };
    if !is_possible {
        return Vec::new();
    }
    let list = ListPopup::new(vec![TraceChoice::Elsewhere]);
    state.popups.push(Popup::Traces { list, purpose });
    vec![Effect::Trace(TraceRequest::List)]
}

fn is_comparable(state: &mut State) -> bool {
    let is_replay = state.replay.is_some();
    if !is_replay {
        let text = "open a trace first: it is compared with another one";
        say(state, Level::Info, text);
    }
    is_replay
}

fn can_follow(state: &mut State) -> bool {
    if !state.interventions.is_empty() {
        let text = "clear the rules first: a recorded run's experts leave no choice to them";
        say(state, Level::Warning, text);
        return false;
    }
    generate::can_ask(state) && chat::selected_answer(state).is_some()
}

/// Takes the selected trace; a text that fits none is a path.
pub(in crate::app) fn chosen(
    state: &mut State,
    list: &ListPopup<TraceChoice>,
    purpose: TracePurpose,
) -> Vec<Effect> {
    match list.chosen() {
        Some(TraceChoice::File { path, .. }) => read(state, path.clone(), purpose),
        Some(TraceChoice::Elsewhere) => popups::ask(state, Question::Trace(purpose), ""),
        None => match list.input.value().trim() {
            "" => Vec::new(),
            path => read(state, PathBuf::from(path), purpose),
        },
    }
}

/// Has a trace read for what it is wanted for.
pub(in crate::app) fn read(state: &mut State, path: PathBuf, purpose: TracePurpose) -> Vec<Effect> {
    let request = match purpose {
        TracePurpose::Open => TraceRequest::Open(path),
        TracePurpose::Compare => {
            let shown = state.replay.as_ref().map(|replay| replay.path.clone());
            let Some(shown) = shown else {
                return Vec::new();
            };
            TraceRequest::Compare { shown, other: path }
        }
        TracePurpose::Follow => {
            let Some(model) = state.model.ready() else {
                return Vec::new();
            };
            let is_model = model.origin == ModelOrigin::Model;
            TraceRequest::Follow {
                path,
                shape: TraceShape {
                    num_layers: model.layers.len(),
                    num_local_experts: model.num_local_experts,
                    num_experts_per_tok: model.num_experts_per_tok,
                    vocab_size: model.vocab_size,
                },
                source: state.loaded_source.clone().filter(|_| is_model),
                weights: recording::weights_word(model.origin).to_owned(),
            }
        }
    };
    vec![Effect::Trace(request)]
}

/// Takes what was read.
pub(in crate::app) fn take(state: &mut State, read: TraceRead) -> Vec<Effect> {
    match read {
        TraceRead::Listed(files) => {
            if let Some(Popup::Traces { list, .. }) = state.popups.last_mut() {
                let entries = files.into_iter().chain([TraceChoice::Elsewhere]);
                let input = std::mem::take(&mut list.input);
                *list = ListPopup::new(entries.collect());
                list.input = input;
                return popups::input_changed(state);
            }
        }
        TraceRead::Opened(opened) => replay::enter(state, &opened),
        TraceRead::Compared(comparison) => compared(state, comparison),
        TraceRead::Followed(trace) => return follow(state, *trace),
        TraceRead::Refused { purpose, message } => {
            let title = match purpose {
                TracePurpose::Open => "The trace cannot be opened",
                TracePurpose::Compare => "The traces cannot be compared",
                TracePurpose::Follow => "The trace cannot be followed",
            };
            state.popups.push(Popup::Trouble {
                title: title.to_owned(),
                lines: vec![message],
                remedy: None,
            });
        }
    }
    Vec::new()
}

fn compared(state: &mut State, comparison: Arc<crate::trace_file::Comparison>) {
    if let Some(replay) = &mut state.replay {
        replay.compare(comparison);
        state.popups.push(Popup::Difference { scroll: 0 });
    }
}

/// Answers the question of the selected answer again, with the experts of a trace.
fn follow(state: &mut State, trace: FollowedTrace) -> Vec<Effect> {
    // Time has passed since the trace was chosen.
    if !can_follow(state) {
        return Vec::new();
    }
    let Some(answer) = chat::selected_answer(state) else {
        return Vec::new();
    };
    let tree = &state.session.tree;
    let seed = tree.turn(answer).map(|turn| turn.settings.sampling.seed);
    let parent = tree.node(answer).and_then(|node| node.parent);
    let seed = seed.map_or(generate::Seed::Own, generate::Seed::Same);
    let mut effects = generate::answer_as(state, parent, seed, &|settings| {
        settings.followed = Some(FollowedRouting::of(trace.name.clone()));
    });
    for effect in &mut effects {
        if let Effect::Engine(Command::Generate(request)) = effect {
            request.forced_routing = Some(Box::new(trace.routing.clone()));
        }
    }
    if let Some(running) = &state.running {
        state.following = Some(Following {
            request: running.request,
            node: running.node,
            name: trace.name,
            ids: trace.ids,
        });
    }
    effects
}

/// Tells where an answer left the trace that it followed, once it is over.
pub(in crate::app) fn follow_to_the_end(state: &mut State) {
    let running = state.running.as_ref().map(|running| running.request);
    let is_over = |following: &mut Following| running != Some(following.request);
    let Some(following) = state.following.take_if(is_over) else {
        return;
    };
    let is_done = |turn: &Turn| turn.outcome.is_some();
    let run = state.runs.get(following.node);
    let turn = state.session.tree.turn(following.node);
    let (Some(run), Some(_)) = (run, turn.filter(|turn| is_done(turn))) else {
        return;
    };
    let prompt = run.prompt.iter().map(|token| token.id);
    let ids: Vec<u32> = prompt
        .chain(run.tokens.iter().map(|token| token.id))
        .collect();
    let pairs = ids.iter().zip(&following.ids);
    let common = pairs.take_while(|(one, other)| one == other).count();
    let name = following.name;
    let text = if common == ids.len() && common == following.ids.len() {
        format!("the same {common} tokens as in {name}")
    } else if common < run.prompt.len() {
        format!(
            "another prompt than in {name}, from token {common} on: its experts were of other tokens"
        )
    } else {
        let here = run.text(common).unwrap_or("the end");
        format!("the text parts from {name} at token {common}, here {here:?}")
    };
    state.recording.note = state.recording.is_on.then(|| text.clone());
    say(state, Level::Info, text);
}
