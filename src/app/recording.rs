//! Recording answers as trace files, while they are written.
//!
//! The shell writes the files; here is decided what is in them. `follow` is called after every
//! change and hands over the positions that have become complete: those whose routing is known,
//! which is that of the pass that read the token. The last token of an answer is read by no pass.
//!
//! Invariants: an answer's rows are handed over once, in order and without gaps; whatever happens to
//! a recording, the answer goes on.

use serde_json::{Value, json};

use super::effect::Effect;
use super::run::{Run, TokenRecord};
use super::state::{Level, Running, State};
use super::update::say;
use crate::analytics::Span;
use crate::engine::protocol::{
    Command, KvBits, ModelOrigin, ModelSource, RecordOptions, RequestId,
};
use crate::intervention::Interventions;
use crate::session::{NodeId, TurnSettings};
use crate::trace_file::{TraceHeader, TraceRow, TraceShape, TraceToken};

/// Whether answers are recorded, and the one that is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recording {
    /// Whether the answers to come are recorded.
    pub is_on: bool,
    /// The answer whose file is being written.
    pub current: Option<RecordedAnswer>,
    /// An answer of which no more is recorded.
    skipped: Option<RequestId>,
    /// What is told together with the file's name.
    pub(super) note: Option<String>,
}

/// An answer whose file is being written.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedAnswer {
    /// The generation.
    pub request: RequestId,
    /// The answer.
    pub node: NodeId,
    /// Positions handed over to be written, the prompt's included.
    pub given_tokens: usize,
    /// Tokens that are in the file.
    pub written_tokens: usize,
    /// Bytes that are in the file.
    pub written_bytes: u64,
    /// The rules that the file says were in force.
    rules: Interventions,
}

/// What the shell is to do with a recording.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordRequest {
    /// Begin a file of this name, with a number where it is taken.
    Begin {
        /// The file's name without its extension.
        name: String,
        /// Where the run comes from; the shell adds time and digests.
        header: Box<TraceHeader>,
        /// Where the weights are; none where no model answers.
        source: Option<ModelSource>,
    },
    /// Append positions.
    Append(Vec<TraceRow>),
    /// Make it the finished file.
    End,
}

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordReport {
    /// So much is in the file.
    Written {
        /// Tokens.
        tokens: usize,
        /// Bytes.
        bytes: u64,
    },
    /// The file is there.
    Finished {
        /// Its name.
        name: String,
        /// Where it is.
        folder: String,
        /// Its tokens.
        tokens: usize,
    },
    /// It could not be written.
    Failed {
        /// Why, and what is left.
        message: String,
    },
}

/// Begins or ends recording.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    if state.recording.is_on {
        state.recording.is_on = false;
        if state.recording.current.is_none() {
            say(state, Level::Info, "answers are no longer recorded");
        }
        return end(state);
    }
    state.recording.is_on = true;
    state.recording.skipped = None;
    say(
        state,
        Level::Info,
        "recording: each answer becomes a trace file",
    );
    let Some(running) = &state.running else {
        return Vec::new();
    };
    if state.preferences.record_routing {
        return Vec::new();
    }
    let request = running.request;
    let record = record_options(state);
    vec![Effect::Engine(Command::UpdateRecording { request, record })]
}

/// What the engine is asked to record with an answer.
pub(super) fn record_options(state: &State) -> RecordOptions {
    let alternatives = state.preferences.top_logprobs;
    RecordOptions {
        top_logprobs: (alternatives > 0).then_some(alternatives),
        routing: state.preferences.record_routing || state.recording.is_on,
    }
}

/// Hands over what has become complete, and ends the file with its answer.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(current) = &state.recording.current {
        let request = current.request;
        let is_over = state.running.as_ref().map(|running| running.request) != Some(request);
        let rules = state.session.tree.turn(current.node);
        if is_over {
            effects = end(state);
        } else if rules.is_some_and(|turn| *turn.interventions() != current.rules) {
            effects = end(state);
            // A file's header names the rules of all its tokens.
            state.recording.skipped = Some(request);
            let text = "the rules changed: the trace of this answer ends before that";
            say(state, Level::Warning, text);
        }
    }
    effects.extend(begin(state));
    effects.extend(append(state, false));
    effects
}

/// Begins the file of the running answer, once its prompt is known.
fn begin(state: &mut State) -> Option<Effect> {
    let recording = &state.recording;
    let running = state.running.as_ref()?;
    let is_wanted = recording.is_on && recording.current.is_none();
    if !is_wanted || running.prefill.is_none() || recording.skipped == Some(running.request) {
        return None;
    }
    let turn = state.session.tree.turn(running.node)?;
    let rules = turn.interventions().clone();
    let header = Box::new(header(state, running, &turn.settings, &rules)?);
    let is_model = state.model.ready()?.origin == ModelOrigin::Model;
    let source = state.loaded_source.clone().filter(|_| is_model);
    let session = state.session.id.as_ref().map(ToString::to_string);
    let session = session.unwrap_or_else(|| "unsaved".to_owned());
    let name = format!("{session}-turn-{}", running.node.0);
    state.recording.current = Some(RecordedAnswer {
        request: running.request,
        node: running.node,
        given_tokens: 0,
        written_tokens: 0,
        written_bytes: 0,
        rules,
    });
    Some(Effect::Record(RecordRequest::Begin {
        name,
        header,
        source,
    }))
}

fn header(
    state: &State,
    running: &Running,
    settings: &TurnSettings,
    rules: &Interventions,
) -> Option<TraceHeader> {
    let model = state.model.ready()?;
    let weights = weights_word(model.origin);
    let mut interventions = json!(rules);
    let following = state.following.as_ref();
    let following = following.filter(|following| following.request == running.request);
    if let (Some(following), Some(rules)) = (following, interventions.as_array_mut()) {
        rules.push(format!("routing of {}", following.name).into());
    }
    let kv_bits = match state.preferences.load.kv_bits {
        KvBits::Activation => Value::Null,
        KvBits::Eight => 8.into(),
    };
    Some(TraceHeader {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        recorded_at: String::new(),
        model_name: model.name.clone(),
        weights_digest: weights.to_owned(),
        tokenizer_digest: String::new(),
        settings: json!({
            "sampling": settings.sampling,
            "max_tokens": settings.max_tokens,
            "kv_bits": kv_bits,
            "device": model.device,
            "dtype": model.dtype,
            "session": state.session.id.as_ref().map(ToString::to_string),
            "turn": running.node.0,
        }),
        interventions,
        shape: TraceShape {
            num_layers: model.layers.len(),
            num_local_experts: model.num_local_experts,
            num_experts_per_tok: model.num_experts_per_tok,
            vocab_size: model.vocab_size,
        },
    })
}

/// What a trace says in place of a digest where there are no weights.
pub(super) const fn weights_word(origin: ModelOrigin) -> &'static str {
    match origin {
        ModelOrigin::Model => "",
        ModelOrigin::Recorded => "recorded, no weights",
        ModelOrigin::Scripted => "scripted, no weights",
        ModelOrigin::Synthetic => "synthetic, no weights",
    }
}

/// Hands over the positions that are complete, or at the end all.
fn append(state: &mut State, is_end: bool) -> Option<Effect> {
    let current = state.recording.current.as_mut()?;
    let run = state.runs.get(current.node)?;
    let complete = if is_end {
        run.len()
    } else {
        run.last_routed().map_or(0, |last| last + 1).min(run.len())
    };
    if complete <= current.given_tokens {
        return None;
    }
    let positions = current.given_tokens..complete;
    current.given_tokens = complete;
    let rows = positions.map(|position| row(run, position)).collect();
    Some(Effect::Record(RecordRequest::Append(rows)))
}

fn row(run: &Run, position: usize) -> TraceRow {
    let record = run.record(position);
    let alternatives = record.map(|record| &record.top_logprobs[..]);
    let alternatives = alternatives.unwrap_or_default().iter();
    let prompt = run.prompt.get(position).map(|token| token.id);
    TraceRow {
        token: TraceToken {
            id: record
                .map(|record| record.id)
                .or(prompt)
                .unwrap_or_default(),
            text: run.text(position).unwrap_or_default().to_owned(),
            span: record.map_or(Span::Prompt, span),
            routing: run.log.get(position).map(|token| token.routing.clone()),
            logprob: record.and_then(|record| record.logprob),
            top_logprobs: alternatives.map(|one| (one.id, one.logprob)).collect(),
        },
        router_logits: None,
        logits: None,
    }
}

/// The part of the answer that a token's text belongs to; control tokens stand between the parts.
fn span(record: &TokenRecord) -> Span {
    let is_control = record.text.starts_with("<|") && record.text.ends_with("|>");
    if is_control { Span::Other } else { record.span }
}

/// Ends the present file with what there is.
fn end(state: &mut State) -> Vec<Effect> {
    if state.recording.current.is_none() {
        return Vec::new();
    }
    let mut effects: Vec<Effect> = append(state, true).into_iter().collect();
    state.recording.current = None;
    effects.push(Effect::Record(RecordRequest::End));
    effects
}

/// Takes what became of the file.
pub(super) fn report(state: &mut State, report: RecordReport) {
    match report {
        RecordReport::Written { tokens, bytes } => {
            if let Some(current) = &mut state.recording.current {
                current.written_tokens = tokens;
                current.written_bytes = bytes;
            }
        }
        RecordReport::Finished {
            name,
            folder,
            tokens,
        } => {
            let mut text = format!("recorded {tokens} tokens: {name} in {folder}");
            if let Some(note) = state.recording.note.take() {
                text = format!("{note}; {text}");
            }
            say(state, Level::Info, text);
        }
        RecordReport::Failed { message } => {
            state.recording = Recording::default();
            let text = format!("recording stopped, the answer goes on: {message}");
            say(state, Level::Error, text);
        }
    }
}
