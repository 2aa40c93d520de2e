//! A recorded run on the screen: the playground's panes on a trace, without a model.
//!
//! [`open`] makes the state to begin with. Afterwards everything that looks works, and everything
//! that would need a model or change the conversation is refused with the reason.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::effect::Effect;
use super::key::Key;
use super::popup::Popup;
use super::run::{Run, TokenRecord};
use super::state::{Focus, Level, ModelStatus, State};
use super::traces::OpenTrace;
use super::update::say;
use crate::analytics::{Measure, RoutingLog, Selection, Span};
use crate::engine::protocol::{
    AttentionKind, ModelOrigin, ModelSummary, PromptToken, RoutingTotals, TopLogprob,
};
use crate::generate::{FinishReason, GenerationStats};
use crate::harmony::{Channel, HarmonyEvent, Header, MessageEnding};
use crate::intervention::{Interventions, Rule};
use crate::session::{
    FollowedRouting, Node, NodeId, NodeKind, TreeOp, Turn, TurnOutcome, TurnSettings,
};
use crate::share::{Figure, Format};
use crate::trace_file::{Comparison, Completeness, TraceFile, TraceToken};

/// What is replayed.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Where the file is.
    pub path: PathBuf,
    /// The file's name.
    pub name: String,
    /// Model, weights and time of the recording, in a line.
    pub origin: String,
    /// What another trace does differently; none where none was named.
    pub comparison: Option<Arc<Comparison>>,
    /// The same in lines.
    pub lines: Vec<String>,
    /// Whether there is a chat to go back to.
    has_chat: bool,
}

impl Replay {
    /// Whether there is a chat to go back to.
    pub fn has_chat(&self) -> bool {
        self.has_chat
    }

    /// Takes a comparison with another trace.
    pub(super) fn compare(&mut self, comparison: Arc<Comparison>) {
        let text = comparison.figure(COMPARED, false).render(Format::Text);
        self.lines = text.lines().map(str::to_owned).collect();
        self.comparison = Some(comparison);
    }

    /// The comparison with another trace, to be shared.
    pub(super) fn figure(&self) -> Option<Figure> {
        let comparison = self.comparison.as_ref()?;
        Some(comparison.figure(COMPARED, true))
    }
}

/// Experts and tokens listed where two traces are compared.
const COMPARED: usize = 20;

const QUESTION: NodeId = NodeId(1);
const ANSWER: NodeId = NodeId(2);

/// Shows a trace, and over it how another one differs.
pub fn open(state: &mut State, opened: &OpenTrace, comparison: Option<Arc<Comparison>>) {
    let (name, trace) = (&opened.name, &*opened.trace);
    let log = trace.routing_log();
    state.model = ModelStatus::Ready(model(name, trace));
    state.telemetry.seq = 1;
    state.telemetry.routing.cumulative = Arc::new(totals(&log));
    let (prompt, answer) = trace.tokens().split_at(trace.prompt_tokens());
    for op in conversation(state, trace, prompt, answer) {
        if let Err(error) = state.session.tree.apply(&op) {
            say(state, Level::Error, error.to_string());
        }
    }
    state.runs.add(Run::recorded(
        ANSWER,
        prompt_tokens(prompt),
        records(trace, answer),
        log,
    ));
    state.focus = Focus::Chat;
    let mut replay = Replay {
        path: opened.path.clone(),
        name: name.clone(),
        origin: origin(trace),
        comparison: None,
        lines: Vec::new(),
        has_chat: state.behind.is_some(),
    };
    if let Some(comparison) = comparison {
        replay.compare(comparison);
        state.popups.push(Popup::Difference { scroll: 0 });
    }
    state.replay = Some(replay);
}

/// Shows a trace over the chat, or in place of the one that is shown.
pub(super) fn enter(state: &mut State, opened: &OpenTrace) {
    let fresh = State {
        preferences: state.preferences.clone(),
        keymap: state.keymap.clone(),
        size: state.size,
        is_mouse_on: state.is_mouse_on,
        log: state.log.clone(),
        started_wall_ms: state.started_wall_ms,
        now_ms: state.now_ms,
        ..State::default()
    };
    let mut before = std::mem::replace(state, fresh);
    state.behind = if before.replay.is_some() {
        before.behind.take()
    } else {
        Some(Box::new(before))
    };
    open(state, opened, None);
    if state.behind.is_some() {
        let key = state.keymap.first_key(Action::CloseTrace);
        let key = key.map_or_else(|| "close-trace".to_owned(), |(_, key)| key.to_string());
        let text = format!("{} is open; {key} goes back to the chat", opened.name);
        say(state, Level::Info, text);
    }
}

/// Asks to go back to the chat.
pub(super) fn close(state: &mut State) -> Vec<Effect> {
    match &state.replay {
        Some(replay) if replay.has_chat => state.replay = None,
        Some(_) => {
            let text = "the program was started with this trace: there is no chat to go back to";
            say(state, Level::Info, text);
        }
        None => say(
            state,
            Level::Info,
            "no trace is open; Ctrl+Q leaves the program",
        ),
    }
    Vec::new()
}

/// Goes back to the chat, which has gone on.
fn leave(state: &mut State, behind: Box<State>) {
    let front = std::mem::replace(state, *behind);
    state.preferences.theme = front.preferences.theme;
    state.size = front.size;
    state.is_mouse_on = front.is_mouse_on;
    state.log = front.log;
    state.now_ms = front.now_ms;
    state.viewport = front.viewport;
}

/// Does something to the chat while a trace lies over it; what it has to say is said here.
pub(super) fn unseen(
    state: &mut State,
    act: impl FnOnce(&mut State) -> Vec<Effect>,
) -> Vec<Effect> {
    let Some(behind) = &mut state.behind else {
        return Vec::new();
    };
    let said = behind.notice.clone();
    let effects = act(behind);
    if behind.notice != said && behind.notice.is_some() {
        state.notice.clone_from(&behind.notice);
    }
    effects
}

fn origin(trace: &TraceFile) -> String {
    let header = trace.header();
    let digest: String = header.weights_digest.chars().take(12).collect();
    format!(
        "{}, weights {digest}, recorded {}, {} tokens",
        header.model_name,
        header.recorded_at,
        trace.len()
    )
}

fn model(name: &str, trace: &TraceFile) -> ModelSummary {
    let (header, shape) = (trace.header(), trace.shape());
    let setting = |key: &str| {
        header.settings[key]
            .as_str()
            .unwrap_or("unknown")
            .to_owned()
    };
    ModelSummary {
        name: format!("{} ({name})", header.model_name),
        origin: ModelOrigin::Recorded,
        // A trace does not tell which layers have windows.
        layers: vec![AttentionKind::Full; shape.num_layers],
        num_local_experts: shape.num_local_experts,
        num_experts_per_tok: shape.num_experts_per_tok,
        vocab_size: shape.vocab_size,
        max_context_tokens: trace.len(),
        sliding_window_tokens: 0,
        weights_bytes: 0,
        dtype: setting("dtype"),
        device: setting("device"),
        load_ms: 0.0,
    }
}

fn totals(log: &RoutingLog) -> RoutingTotals {
    let grid = |measure| log.grid(Selection::All, measure);
    let counts = grid(Measure::Count);
    RoutingTotals {
        num_layers: log.num_layers(),
        num_experts: log.num_experts(),
        tokens: counts.tokens(),
        counts: counts.values().iter().map(|&count| count as u32).collect(),
        weight_sums: grid(Measure::WeightSum).values().to_vec(),
    }
}

fn prompt_tokens(prompt: &[TraceToken]) -> Vec<PromptToken> {
    let token = |token: &TraceToken| PromptToken {
        id: token.id,
        text: token.text.clone(),
    };
    prompt.iter().map(token).collect()
}

/// The answer's tokens; alternatives are spelled as far as the trace says how.
fn records(trace: &TraceFile, answer: &[TraceToken]) -> Vec<TokenRecord> {
    let all = trace.tokens().iter();
    let texts: HashMap<u32, &str> = all.map(|token| (token.id, &*token.text)).collect();
    let spelled = |&(id, logprob): &(u32, f32)| TopLogprob {
        id,
        text: texts
            .get(&id)
            .map_or_else(|| format!("id {id}"), ToString::to_string),
        logprob,
    };
    let record = |token: &TraceToken| TokenRecord {
        id: token.id,
        text: token.text.as_str().into(),
        logprob: token.logprob,
        top_logprobs: token.top_logprobs.iter().map(spelled).collect(),
        // A trace has what the model computed, not what samplers made of it.
        entropy: None,
        chain: None,
        span: token.span,
    };
    answer.iter().map(record).collect()
}

/// The question and the answer as the transcript shows them.
fn conversation(
    state: &State,
    trace: &TraceFile,
    prompt: &[TraceToken],
    answer: &[TraceToken],
) -> Vec<TreeOp> {
    let at_ms = state.started_wall_ms;
    let node = |id, parent, kind| {
        TreeOp::AddNode(Node {
            id,
            parent,
            created_ms: at_ms,
            kind,
            edited: false,
        })
    };
    let text = question(&prompt.iter().map(|token| &*token.text).collect::<String>());
    let turn = Turn::new(settings(state, trace));
    let outcome = match trace.completeness() {
        Completeness::Finished => TurnOutcome::Finished {
            finish_reason: FinishReason::Stop,
            stats: GenerationStats {
                prompt_tokens: prompt.len(),
                generated_tokens: answer.len(),
                ..GenerationStats::default()
            },
        },
        Completeness::Recovered | Completeness::Journal { .. } => TurnOutcome::Interrupted,
    };
    vec![
        node(QUESTION, None, NodeKind::User { text }),
        node(ANSWER, Some(QUESTION), NodeKind::Assistant(turn)),
        TreeOp::AppendTokens {
            node: ANSWER,
            ids: answer.iter().map(|token| token.id).collect(),
            texts: answer.iter().map(|token| token.text.clone()).collect(),
            events: messages(answer),
            at_ms,
        },
        TreeOp::Finish {
            node: ANSWER,
            outcome,
            events: Vec::new(),
            at_ms,
        },
    ]
}

/// The last thing that a person said in a rendered conversation; other prompts as they are.
fn question(prompt: &str) -> String {
    let said = prompt.rsplit_once("<|start|>user<|message|>");
    let said = said.and_then(|(_, rest)| rest.split_once("<|end|>"));
    said.map_or(prompt, |(text, _)| text).to_owned()
}

/// The answer's messages, as far as the tokens' spans tell: each run of equal ones is one.
fn messages(answer: &[TraceToken]) -> Vec<HarmonyEvent> {
    let is_plain = answer.iter().all(|token| token.span == Span::Other);
    let mut events = Vec::new();
    let mut start = 0;
    for tokens in answer.chunk_by(|left, right| left.span == right.span) {
        let range = start..start + tokens.len();
        start = range.end;
        let channel = match tokens[0].span {
            Span::Analysis => Channel::Analysis,
            Span::Commentary => Channel::Commentary,
            Span::Final => Channel::Final,
            Span::Other | Span::Prompt if is_plain => Channel::Final,
            // What stands between messages.
            Span::Other | Span::Prompt => continue,
        };
        let delta = tokens.iter().map(|token| &*token.text).collect();
        events.extend([
            HarmonyEvent::MessageStarted {
                header: Header::assistant(channel),
                tokens: range.clone(),
            },
            HarmonyEvent::Text {
                delta,
                tokens: range.clone(),
            },
            HarmonyEvent::MessageEnded {
                ending: MessageEnding::End,
                tokens: range,
            },
        ]);
    }
    events
}

fn settings(state: &State, trace: &TraceFile) -> TurnSettings {
    let header = trace.header();
    let words = header.interventions.as_array();
    let words = words.into_iter().flatten().filter_map(|rule| rule.as_str());
    let rules = words.clone().filter_map(|rule| rule.parse::<Rule>().ok());
    let rules: Interventions = rules.collect();
    let mut words = words;
    let followed = words.find_map(|word| word.strip_prefix("routing of "));
    TurnSettings {
        model: header.model_name.clone(),
        origin: ModelOrigin::Recorded,
        effort: state.preferences.effort,
        sampling: serde_json::from_value(header.settings["sampling"].clone()).unwrap_or_default(),
        interventions: rules,
        followed: followed.map(|trace| FollowedRouting::of(trace.to_owned())),
        max_tokens: None,
    }
}

/// Does something in a replay, unless it needs a model or changes the conversation.
///
/// It is tried on a copy: whatever an action grows to ask for, nothing of it happens here.
pub(super) fn guarded(
    state: &mut State,
    act: impl FnOnce(&mut State) -> Vec<Effect>,
) -> Vec<Effect> {
    // The chat behind is no part of what is tried.
    let behind = state.behind.take();
    let mut tried = state.clone();
    let effects = act(&mut tried);
    let behind = match behind {
        Some(behind) if tried.replay.is_none() => {
            leave(state, behind);
            return effects;
        }
        behind => behind,
    };
    let needs_more = effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Engine(_) | Effect::Session(_) | Effect::Save(_) | Effect::Editor(_)
        )
    });
    let is_refused = needs_more || tried.focus == Focus::Composer;
    if !is_refused {
        *state = tried;
    }
    state.behind = behind;
    if is_refused {
        refuse(state);
        return Vec::new();
    }
    effects
}

/// What a replay refuses: it needs a model, or changes a conversation.
pub fn needs_a_model(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::CycleEffort
            | A::Models
            | A::ReloadModel
            | A::HowToGetModels
            | A::ClearCache
            | A::NewSession
            | A::Sessions
            | A::RenameSession
            | A::NewSessionFromHere
            | A::ImportJson
            | A::AnswerNow
            | A::Record
            | A::FollowTrace
            | A::Compose
            | A::Send
            | A::Newline
            | A::Editor
            | A::HistorySearch
            | A::Undo
            | A::Redo
            | A::Regenerate
            | A::RegenerateSameSeed
            | A::Edit
            | A::Continue
            | A::Branch
            | A::PreviousSibling
            | A::NextSibling
            | A::EditSystem
            | A::EditDeveloper
            | A::DropOldestTurns
            | A::KeepAllTurns
            | A::MaskExpert
            | A::ForceExpert
            | A::ZeroExpert
            | A::AddRule
            | A::Interventions
            | A::ClearInterventions
            | A::Ablate
            | A::ShareAblation
            | A::ForkToken
            | A::GhostToken
            | A::LookInside
            | A::InsideLens
            | A::InsideSinks
            | A::InsideAttention
            | A::InsideNorms
            | A::InsidePass
            | A::InsideOrder
            | A::ShareLens
            | A::ShareSinks
            | A::ShareAttention
            | A::ShareNorms
            | A::Sampler
            | A::ResetValue
            | A::ResetAll
            | A::SeedLock
            | A::NewSeed
            | A::Presets
            | A::SavePreset
    )
}

/// What has a meaning in a replay alone.
pub(super) fn needs_a_replay(action: Action) -> bool {
    matches!(
        action,
        Action::CompareTrace | Action::CloseTrace | Action::ShareTraces
    )
}

/// Says why nothing happens.
pub(super) fn refuse(state: &mut State) {
    let Some(replay) = &state.replay else {
        return;
    };
    let back = if replay.has_chat {
        "q goes back to the chat"
    } else {
        "? lists the keys"
    };
    let text = format!(
        "a replay of {} can only be looked at: there is no model; {back}",
        replay.name
    );
    say(state, Level::Info, text);
}

/// Says that a key does nothing here.
pub(super) fn unbound(state: &mut State, key: &Key) {
    let text = format!("{key} does nothing in a replay; ? lists the keys, Ctrl+P all actions");
    say(state, Level::Info, text);
}
