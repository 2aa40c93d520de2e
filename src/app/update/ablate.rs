//! Asking for two runs side by side, and following them.

use super::super::ablation::{AblationState, AblationView};
use super::super::effect::Effect;
use super::super::popup::{Popup, Question};
use super::super::state::{Level, State};
use super::{generate, ghost, lab, popups, say};
use crate::engine::protocol::{
    AblateRequest, AblationReport, AnswerOpening, Command, ErrorReport, Prompt, RequestId,
};
use crate::generate::AblationStage;
use crate::intervention::Interventions;
use crate::session::NodeId;

/// Tokens of each answer: enough to see where they part.
const MAX_TOKENS: usize = 128;

/// Asks what to change, beginning with the expert under the cursor; shows the latest comparison
/// while the engine is still at it.
pub(in crate::app) fn begin(state: &mut State) -> Vec<Effect> {
    if state
        .ablation
        .as_ref()
        .is_some_and(AblationView::is_running)
    {
        return show(state);
    }
    if !generate::can_ask(state) {
        return Vec::new();
    }
    if subject(state).is_none() {
        say(
            state,
            Level::Info,
            "ask something first: its answer is what is compared",
        );
        return Vec::new();
    }
    let cursor = state.map.cursor;
    let text = format!("mask {}:{}", cursor.layer, cursor.expert);
    popups::ask(state, Question::Ablation, &text)
}

/// Shows the latest comparison again.
pub(in crate::app) fn show(state: &mut State) -> Vec<Effect> {
    if state.ablation.is_none() {
        say(
            state,
            Level::Info,
            "nothing was compared yet; A on the map does",
        );
        return Vec::new();
    }
    popups::open(state, |_| Popup::Ablation { scroll: 0 })
}

/// Takes the typed rules and asks the engine.
pub(in crate::app) fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    let rules = match text.parse::<Interventions>() {
        Ok(rules) => rules,
        Err(error) => return lab::refused(state, Question::Ablation, text, &error.to_string()),
    };
    let mut ablated = state.interventions.clone();
    for rule in rules.rules() {
        ablated.set(*rule);
    }
    if ablated == state.interventions {
        let problem = "these rules are in force already: there is nothing to compare";
        return lab::refused(state, Question::Ablation, text, problem);
    }
    if let Some(model) = state.model.ready()
        && let Err(error) = ablated.check(&model.router_shape())
    {
        return lab::refused(state, Question::Ablation, text, &error.to_string());
    }
    if !generate::can_ask(state) {
        return Vec::new();
    }
    ask(state, ablated)
}

/// The answer that is compared: that of the shown run, and what came before it.
fn subject(state: &State) -> Option<NodeId> {
    let node = state.shown_run().map(|run| run.node);
    let path = state.session.tree.path();
    let is_answer = |node: &NodeId| state.session.tree.turn(*node).is_some();
    node.or_else(|| path.into_iter().rev().find(is_answer))
}

fn ask(state: &mut State, ablated: Interventions) -> Vec<Effect> {
    let Some(node) = subject(state) else {
        return Vec::new();
    };
    let tree = &state.session.tree;
    let Some(turn) = tree.turn(node) else {
        return Vec::new();
    };
    let (sampling, effort) = (turn.settings.sampling.clone(), turn.settings.effort);
    let parent = tree.node(node).and_then(|node| node.parent);
    let conversation = generate::conversation(state, parent, effort);
    let request = state.next_request();
    state.ablation = Some(AblationView {
        request,
        baseline: state.interventions.clone(),
        ablated: ablated.clone(),
        seed: sampling.seed,
        progress: AblationState::Waiting,
    });
    let mut effects = ghost::make_way(state);
    effects.extend(show(state));
    effects.push(Effect::Engine(Command::Ablate(Box::new(AblateRequest {
        id: request,
        prompt: Prompt::conversation(conversation, AnswerOpening::Fresh),
        sampling,
        baseline: state.interventions.clone(),
        ablated,
        max_tokens: MAX_TOKENS,
    }))));
    effects
}

/// Stops the running comparison; whether there was one.
pub(in crate::app) fn stop(state: &mut State) -> Option<Vec<Effect>> {
    let running = state.ablation.as_ref().filter(|view| view.is_running())?;
    let request = running.request;
    say(state, Level::Info, "stopping the comparison");
    Some(vec![Effect::Cancel(request)])
}

fn current(state: &mut State, request: RequestId) -> Option<&mut AblationState> {
    let view = state.ablation.as_mut()?;
    (view.request == request).then_some(&mut view.progress)
}

/// Follows the engine.
pub(in crate::app) fn progress(
    state: &mut State,
    request: RequestId,
    stage: AblationStage,
    done_tokens: usize,
    total_tokens: usize,
) {
    if let Some(progress) = current(state, request) {
        *progress = AblationState::Running(stage, done_tokens, total_tokens);
    }
}

/// Takes what the two runs showed.
pub(in crate::app) fn done(state: &mut State, request: RequestId, report: Box<AblationReport>) {
    if let Some(progress) = current(state, request) {
        *progress = AblationState::Done(report);
    }
}

/// Takes a failure, if it is the comparison's.
pub(in crate::app) fn failed(state: &mut State, request: RequestId, report: &ErrorReport) -> bool {
    match current(state, request) {
        None => false,
        Some(progress) => {
            *progress = AblationState::Failed(report.clone());
            true
        }
    }
}
