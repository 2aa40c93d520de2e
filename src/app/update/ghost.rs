//! Asking how an answer would go on with another token, and following that.

use super::super::effect::Effect;
use super::super::ghost::{Ghost, GhostState, GhostToken};
use super::super::state::{Level, State};
use super::{generate, say, tokens};
use crate::engine::protocol::{
    CacheUse, Command, Event, GenerateRequest, Prompt, RecordOptions, RequestId, StopOptions,
};

/// Tokens of a ghost: a sentence or two.
const GHOST_TOKENS: usize = 32;

/// Asks how the answer would go on with the marked alternative; where that is shown already, takes
/// it away.
pub(in crate::app) fn toggle(state: &mut State) -> Vec<Effect> {
    let branching = match tokens::branching(state) {
        Ok(branching) => branching,
        Err(why) => {
            say(state, Level::Warning, why);
            return Vec::new();
        }
    };
    let shown = state.token_lab.ghost.as_ref();
    if shown.is_some_and(|ghost| ghost.branching == branching) {
        return clear(state);
    }
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let tree = &state.session.tree;
    let parent = tree.node(branching.node).and_then(|node| node.parent);
    let Some(turn) = tree.turn(branching.node) else {
        return Vec::new();
    };
    let settings = turn.settings_at(branching.token_index);
    let opening = tokens::opening(turn, &branching);
    let conversation = generate::conversation(state, parent, settings.effort);
    let left = settings.max_tokens.unwrap_or(usize::MAX);
    let mut effects = clear(state);
    let request = state.next_request();
    effects.push(Effect::Engine(Command::Generate(GenerateRequest {
        sampling: settings.sampling,
        interventions: settings.interventions,
        max_tokens: Some(left.min(GHOST_TOKENS)),
        stop: StopOptions {
            tokens: Vec::new(),
            strings: state.sampling.stop.clone(),
        },
        record: RecordOptions {
            top_logprobs: Some(0),
            routing: false,
        },
        cache: CacheUse::Borrow,
        ..GenerateRequest::new(request, Prompt::conversation(conversation, opening))
    })));
    state.token_lab.ghost = Some(Ghost {
        request,
        branching,
        tokens: Vec::new(),
        progress: GhostState::Waiting,
    });
    effects
}

/// Takes the ghost away, and stops it where it is still being written.
pub(in crate::app) fn clear(state: &mut State) -> Vec<Effect> {
    let effects = make_way(state);
    state.token_lab.ghost = None;
    effects
}

/// Stops the ghost that is being written, for something else to be asked of the engine.
pub(in crate::app) fn make_way(state: &State) -> Vec<Effect> {
    running(state).map(Effect::Cancel).into_iter().collect()
}

/// Stops the ghost that is being written; whether there was one.
pub(in crate::app) fn stop(state: &mut State) -> Option<Vec<Effect>> {
    let request = running(state)?;
    say(state, Level::Info, "stopping the ghost");
    Some(vec![Effect::Cancel(request)])
}

/// The request of the ghost that is being written.
fn running(state: &State) -> Option<RequestId> {
    let ghost = state.token_lab.ghost.as_ref()?;
    ghost.is_running().then_some(ghost.request)
}

/// Takes an event, if it is the ghost's.
pub(in crate::app) fn take(state: &mut State, event: &Event) -> bool {
    let Some(ghost) = &mut state.token_lab.ghost else {
        return false;
    };
    let is_own = |request: &RequestId| *request == ghost.request;
    match event {
        Event::Started { request, .. } | Event::Prefill { request, .. } if is_own(request) => {}
        Event::Token { request, token } if is_own(request) => {
            ghost.progress = GhostState::Running;
            ghost.tokens.push(GhostToken {
                text: token.text.clone(),
                logprob: token.logprob,
            });
        }
        Event::Finished {
            request,
            finish_reason,
            ..
        } if is_own(request) => ghost.progress = GhostState::Done(*finish_reason),
        Event::Failed { request, report }
        | Event::Crashed {
            request: Some(request),
            report,
        } if is_own(request) => {
            ghost.progress = GhostState::Failed(report.clone());
            // A crash concerns the model, too.
            return matches!(event, Event::Failed { .. });
        }
        _ => return false,
    }
    true
}
