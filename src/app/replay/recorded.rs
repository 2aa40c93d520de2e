//! What a trace holds as the playground keeps its own runs: model, conversation, tokens, figures.
//!
//! Knows nothing of the screen; what a trace does not hold is left empty, never made up.

use std::collections::HashMap;

use crate::analytics::{Measure, RoutingLog, Selection, Span};
use crate::app::run::TokenRecord;
use crate::app::state::State;
use crate::engine::protocol::{
    AttentionKind, ModelOrigin, ModelSummary, PromptToken, RoutingTotals, TopLogprob,
};
use crate::generate::{FinishReason, GenerationStats};
use crate::harmony::{Channel, HarmonyEvent, Header, MessageEnding};
use crate::intervention::{Interventions, Rule};
use crate::session::{
    FollowedRouting, Node, NodeId, NodeKind, TreeOp, Turn, TurnOutcome, TurnSettings,
};
use crate::trace_file::{Completeness, TraceFile, TraceToken};

const QUESTION: NodeId = NodeId(1);

/// The recorded answer in the conversation made of it.
pub(super) const ANSWER: NodeId = NodeId(2);

/// Model, weights and time of the recording, in a line.
pub(super) fn origin(trace: &TraceFile) -> String {
    let header = trace.header();
    let digest: String = header.weights_digest.chars().take(12).collect();
    format!(
        "{}, weights {digest}, recorded {}, {} tokens",
        header.model_name,
        header.recorded_at,
        trace.len()
    )
}

/// What the header tells of the model.
pub(super) fn model(name: &str, trace: &TraceFile) -> ModelSummary {
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

/// The figures since load: those of this run alone.
pub(super) fn totals(log: &RoutingLog) -> RoutingTotals {
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

/// The prompt's tokens with their texts.
pub(super) fn prompt_tokens(prompt: &[TraceToken]) -> Vec<PromptToken> {
    let token = |token: &TraceToken| PromptToken {
        id: token.id,
        text: token.text.clone(),
    };
    prompt.iter().map(token).collect()
}

/// The answer's tokens; alternatives are spelled as far as the trace says how.
pub(super) fn records(trace: &TraceFile, answer: &[TraceToken]) -> Vec<TokenRecord> {
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
pub(super) fn conversation(
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

/// The answer's messages, as far as the tokens' spans tell: each run of equal ones is one. As in a live
/// answer the tokens before it are its header, and a closing token belongs to it.
fn messages(answer: &[TraceToken]) -> Vec<HarmonyEvent> {
    let is_plain = answer.iter().all(|token| token.span == Span::Other);
    let mut events = Vec::new();
    let mut start = 0;
    let mut header_start = 0;
    for tokens in answer.chunk_by(|left, right| left.span == right.span) {
        let text = start..start + tokens.len();
        start = text.end;
        let channel = match tokens[0].span {
            Span::Analysis => Channel::Analysis,
            Span::Commentary => Channel::Commentary,
            Span::Final => Channel::Final,
            Span::Other | Span::Prompt if is_plain => Channel::Final,
            // What stands between messages.
            Span::Other | Span::Prompt => continue,
        };
        let closing = answer.get(text.end).and_then(ending);
        let open_ending = if is_plain {
            MessageEnding::End
        } else {
            MessageEnding::Truncated
        };
        let end = text.end + usize::from(closing.is_some());
        let delta = tokens.iter().map(|token| &*token.text).collect();
        events.extend([
            HarmonyEvent::MessageStarted {
                header: Header::assistant(channel),
                tokens: header_start..text.start,
            },
            HarmonyEvent::Text {
                delta,
                tokens: text.clone(),
            },
            HarmonyEvent::MessageEnded {
                ending: closing.unwrap_or(open_ending),
                tokens: text.end..end,
            },
        ]);
        header_start = end;
    }
    events
}

/// How a message ends with this token.
fn ending(token: &TraceToken) -> Option<MessageEnding> {
    match &*token.text {
        "<|end|>" => Some(MessageEnding::End),
        "<|return|>" => Some(MessageEnding::Return),
        "<|call|>" => Some(MessageEnding::Call),
        _ => None,
    }
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
