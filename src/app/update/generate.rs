//! Asking the model: new answers, more of an answer, the answer at once, stopping.

use super::super::ablation::AblationView;
use super::super::effect::Effect;
use super::super::recording;
use super::super::state::{Level, Running, State};
use super::{chat, ghost, inside, say};
use crate::engine::protocol::{AnswerOpening, Command, GenerateRequest, Prompt, StopOptions};
use crate::harmony::{Conversation, ReasoningEffort};
use crate::session::{Node, NodeId, NodeKind, TreeOp, Turn, TurnOutcome, TurnSettings};

/// Which seed an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Seed {
    /// The locked one, else a new one.
    Own,
    /// This one.
    Same(u64),
    /// A new one, whatever is locked.
    New,
}

/// Whether an answer can be asked for now; says why not.
pub(in crate::app) fn can_ask(state: &mut State) -> bool {
    let Some(why) = obstacle(state) else {
        return true;
    };
    say(state, Level::Warning, why);
    false
}

/// Why no answer can be asked for now.
pub(in crate::app) fn obstacle(state: &State) -> Option<&'static str> {
    Some(if state.running.is_some() {
        "the model is still answering; Ctrl+C stops it"
    } else if state
        .ablation
        .as_ref()
        .is_some_and(AblationView::is_running)
    {
        "two runs are still being compared; Ctrl+C stops them"
    } else if state.summing.is_some() {
        "the oldest turns are still being summed up; Ctrl+C stops it"
    } else if inside::is_running(state) {
        "a look inside is being computed; Ctrl+C stops it"
    } else if state.model.ready().is_none() {
        "no model is ready yet; your text stays here"
    } else {
        return None;
    })
}

/// Whether the prompt fits, as far as the engine has said; says by how much it does not, and what
/// to do.
pub(in crate::app) fn fits(state: &mut State) -> bool {
    let Some(prediction) = state.current_prediction().filter(|found| !found.fits()) else {
        return true;
    };
    let or = if chat::can_drop_oldest(state) {
        " or Ctrl+P make room"
    } else {
        ""
    };
    let text = format!("not sent: {}; shorten it{or}", prediction.excess_words());
    say(state, Level::Warning, text);
    false
}

/// A new answer below `parent`.
pub(in crate::app) fn answer(state: &mut State, parent: Option<NodeId>, seed: Seed) -> Vec<Effect> {
    answer_as(state, parent, seed, &|_| {})
}

/// A new answer below `parent`, with the settings of now but for what `change` makes of them.
pub(super) fn answer_as(
    state: &mut State,
    parent: Option<NodeId>,
    seed: Seed,
    change: &dyn Fn(&mut TurnSettings),
) -> Vec<Effect> {
    let mut settings = settings(state, seed);
    change(&mut settings);
    let node = state.session.tree.next_id();
    let op = TreeOp::AddNode(Node {
        id: node,
        parent,
        created_ms: state.wall_ms(),
        kind: NodeKind::Assistant(Turn::new(settings.clone())),
        edited: false,
    });
    let mut effects = state.change(vec![op]);
    effects.extend(ask(state, node, parent, settings, AnswerOpening::Fresh, 0));
    effects
}

/// More of an answer that stopped, with the settings of now.
pub(in crate::app) fn go_on(state: &mut State, node: NodeId, now: bool) -> Vec<Effect> {
    let tree = &state.session.tree;
    let Some(turn) = tree.turn(node) else {
        return Vec::new();
    };
    let parent = tree.node(node).and_then(|node| node.parent);
    let seed = Seed::Same(turn.settings.sampling.seed);
    let edited = turn.ids.is_empty() && !turn.parts.is_empty();
    let mut ids = turn.ids.clone();
    // The token that closed the answer would close it again.
    if matches!(turn.outcome, Some(TurnOutcome::Finished { .. })) && turn.is_closed() {
        ids.pop();
    }
    let base_tokens = ids.len();
    let opening = match (edited, now) {
        (_, true) => AnswerOpening::AnswerNow { ids },
        (false, false) => AnswerOpening::Resume { ids },
        (true, false) => match turn.messages().pop() {
            Some(message) => AnswerOpening::Edited { message },
            None => AnswerOpening::Fresh,
        },
    };
    let settings = settings(state, seed);
    let mut effects = state.change(vec![TreeOp::Reopen {
        node,
        settings: settings.clone(),
        keep_tokens: base_tokens,
    }]);
    effects.extend(ask(state, node, parent, settings, opening, base_tokens));
    effects
}

pub(in crate::app) fn ask(
    state: &mut State,
    node: NodeId,
    parent: Option<NodeId>,
    settings: TurnSettings,
    opening: AnswerOpening,
    base_tokens: usize,
) -> Vec<Effect> {
    let mut effects = ghost::make_way(state);
    let request = state.next_request();
    let mut conversation = conversation(state, parent, settings.effort);
    if let AnswerOpening::Edited { .. } = &opening
        && let Some(turn) = state.session.tree.turn(node)
    {
        let mut messages = turn.messages();
        messages.pop();
        conversation.messages.extend(messages);
    }
    let generate = GenerateRequest {
        sampling: settings.sampling,
        interventions: settings.interventions,
        max_tokens: settings.max_tokens,
        stop: StopOptions {
            tokens: Vec::new(),
            strings: state.sampling.stop.clone(),
        },
        record: recording::record_options(state),
        ..GenerateRequest::new(request, Prompt::conversation(conversation, opening))
    };
    state.running = Some(Running {
        request,
        node,
        asked_ms: state.now_ms,
        first_token_ms: None,
        prefill: None,
        reused_tokens: 0,
        is_stopping: false,
        then_answer: false,
        generated_tokens: 0,
        base_tokens,
    });
    // What it was about is being answered.
    state.prediction = None;
    state.chat.selected = None;
    if let Some(model) = state.model.ready() {
        let (layers, experts) = (model.layers.len(), model.num_local_experts);
        state.runs.begin(node, layers, experts);
    }
    effects.push(Effect::Engine(Command::Generate(generate)));
    effects
}

pub(super) fn settings(state: &mut State, seed: Seed) -> TurnSettings {
    let seed = match seed {
        Seed::Same(seed) => seed,
        Seed::Own if state.sampling.is_seed_locked => state.sampling.params.seed,
        Seed::Own | Seed::New => state.draw_seed(),
    };
    state.sampling.params.seed = seed;
    let model = state.model.ready();
    TurnSettings {
        model: model.map(|model| model.name.clone()).unwrap_or_default(),
        origin: model.map_or(crate::engine::protocol::ModelOrigin::Model, |model| {
            model.origin
        }),
        effort: state.preferences.effort,
        sampling: state.sampling.params.clone(),
        interventions: state.interventions.clone(),
        followed: None,
        max_tokens: (state.sampling.max_tokens > 0).then_some(state.sampling.max_tokens),
    }
}

/// Stops the running answer; what there is of it stays.
pub(in crate::app) fn stop(state: &mut State) -> Vec<Effect> {
    let Some(running) = &mut state.running else {
        return Vec::new();
    };
    running.is_stopping = true;
    running.then_answer = false;
    vec![Effect::Cancel(running.request)]
}

/// Ends the analysis of the running or the last answer and goes to the final message.
pub(in crate::app) fn answer_now(state: &mut State) -> Vec<Effect> {
    if let Some(running) = &mut state.running {
        let node = running.node;
        let has_answer = state.session.tree.turn(node).is_some_and(Turn::has_final);
        if has_answer {
            say(state, Level::Info, "the answer is being written already");
            return Vec::new();
        }
        running.is_stopping = true;
        running.then_answer = true;
        return vec![Effect::Cancel(running.request)];
    }
    let last = state.session.tree.path().last().copied();
    let is_open = |turn: &Turn| !turn.has_final() && turn.outcome.is_some();
    let open = last.filter(|last| state.session.tree.turn(*last).is_some_and(is_open));
    match open {
        Some(node) if can_ask(state) => go_on(state, node, true),
        Some(_) => Vec::new(),
        None => {
            say(state, Level::Info, "there is no open analysis to end");
            Vec::new()
        }
    }
}

/// The conversation down to `last`, with an effort for what comes.
pub(in crate::app) fn conversation(
    state: &State,
    last: Option<NodeId>,
    effort: ReasoningEffort,
) -> Conversation {
    let mut conversation = state.session.tree.conversation(last);
    if let Some(system) = &mut conversation.system {
        system.effort = Some(effort);
    }
    conversation
}

impl State {
    /// A new seed, small enough to be typed again.
    pub fn draw_seed(&mut self) -> u64 {
        // SplitMix64's step; its output is well mixed for any state (Steele, Lea, Flood 2014).
        self.seed_state = self.seed_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed_state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % 1_000_000
    }

    /// The wall clock, for what is stored; it may jump, and nothing depends on its order.
    pub fn wall_ms(&self) -> u64 {
        self.started_wall_ms.saturating_add(self.now_ms)
    }
}
