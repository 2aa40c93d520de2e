//! What each of the engine's events changes.

use super::action::Action;
use super::composer::Target;
use super::effect::Effect;
use super::popup::Popup;
use super::prediction::Prediction;
use super::replay;
use super::state::{Level, ModelFailure, ModelStatus, Running, State};
use super::update::{self, ablate, generate, ghost, inside, say, summary, tokens};
use crate::engine::protocol::{
    ErrorKind, ErrorReport, Event, PromptToken, RequestId, Telemetry, TokenEvent,
};
use crate::generate::{FinishReason, GenerationStats};
use crate::harmony::{HarmonyEvent, MessageEnding};
use crate::intervention::Interventions;
use crate::session::{Fork, InterventionChange, NodeId, SamplingChange, TreeOp, TurnOutcome};

/// Takes an event of the engine.
pub fn apply(state: &mut State, event: Event, now_ms: u64) -> Vec<Effect> {
    state.now_ms = now_ms;
    if state.behind.is_some() {
        return replay::unseen(state, |behind| apply(behind, event, now_ms));
    }
    if !matches!(event, Event::Token { .. }) {
        state.take_arrivals();
    }
    let mut effects = if ghost::take(state, &event) {
        Vec::new()
    } else if let Some(effects) = summary::take(state, &event) {
        effects
    } else {
        take(state, event)
    };
    effects.extend(update::sampler::send_again(state));
    effects.extend(update::after(state));
    effects
}

#[expect(clippy::too_many_lines, reason = "one short arm an event")]
fn take(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Loading { request, progress } => {
            if let ModelStatus::Loading {
                request: current,
                progress: shown,
                ..
            } = &mut state.model
                && *current == request
            {
                *shown = Some(progress);
            }
            Vec::new()
        }
        Event::Ready { request, model } => {
            if is_loading(state, request) {
                state.forget_runs();
                state.prediction = None;
                state.predicted_for.prompt = None;
                state.map.cursor = super::map::Cell::default();
                state.map.is_cursor_placed = false;
                state.map.token = super::map::TokenCursor::Newest;
                clear_interventions(state);
                state.ablation = None;
                state.inside = None;
                state.popups.retain(|popup| !matches!(popup, Popup::Inside));
                state.model = ModelStatus::Ready(model);
            }
            Vec::new()
        }
        Event::Started {
            request,
            prompt,
            inserted,
            opened,
            reused_tokens,
            prompt_tokens,
        } => started(
            state,
            request,
            Start {
                prompt,
                inserted,
                opened,
                reused_tokens,
                prompt_tokens,
            },
        ),
        Event::Prefill {
            request,
            done_tokens,
            total_tokens,
            routing,
            ..
        } => {
            if let Some(running) = current(state, request) {
                running.prefill = Some((done_tokens, total_tokens));
                if let Some(run) = state.runs.latest_mut() {
                    run.prefill(done_tokens, routing);
                }
            }
            Vec::new()
        }
        Event::Token { request, token } => new_token(state, request, &token),
        Event::SamplingChanged {
            request,
            token_index,
            sampling,
        } => {
            let Some(running) = current(state, request) else {
                return Vec::new();
            };
            let (node, token_index) = (running.node, running.base_tokens + token_index);
            let change = SamplingChange {
                token_index,
                sampling,
            };
            state.change(vec![TreeOp::SamplingChanged { node, change }])
        }
        Event::InterventionsChanged {
            request,
            token_index,
            interventions,
        } => {
            let Some(running) = current(state, request) else {
                return Vec::new();
            };
            let (node, token_index) = (running.node, running.base_tokens + token_index);
            let change = InterventionChange {
                token_index,
                interventions,
            };
            state.change(vec![TreeOp::InterventionsChanged { node, change }])
        }
        Event::Finished {
            request,
            finish_reason,
            stats,
            harmony,
        } => {
            let outcome = TurnOutcome::Finished {
                finish_reason,
                stats,
            };
            finish(
                state,
                request,
                outcome,
                harmony,
                Some((finish_reason, stats)),
            )
        }
        Event::AblationProgress {
            request,
            stage,
            done_tokens,
            total_tokens,
        } => {
            ablate::progress(state, request, stage, done_tokens, total_tokens);
            Vec::new()
        }
        Event::Ablated { request, report } => {
            ablate::done(state, request, report);
            Vec::new()
        }
        Event::Failed { request, report } if ablate::failed(state, request, &report) => Vec::new(),
        Event::Failed { request, report } if inside::failed(state, request, &report) => Vec::new(),
        Event::CacheCleared => {
            say(state, Level::Info, "the cache is empty");
            Vec::new()
        }
        Event::Predicted {
            seq,
            prompt_tokens,
            reused_tokens,
            peak_bytes,
            limit_bytes,
            largest_prompt_tokens,
        } => {
            // One that comes after the question was sent is about what is being answered.
            if seq == state.predicted_for.seq && state.running.is_none() {
                state.predicted_for.answered_seq = seq;
                state.prediction = Some(Prediction {
                    prompt_tokens,
                    reused_tokens,
                    peak_bytes,
                    limit_bytes,
                    largest_prompt_tokens,
                });
            }
            Vec::new()
        }
        Event::Failed { request, report } => failed(state, request, report),
        Event::Crashed { request, report } => {
            ablate::failed(state, request.unwrap_or_default(), &report);
            inside::failed(state, request.unwrap_or_default(), &report);
            crashed(state, request, &report)
        }
        Event::InspectProgress {
            request,
            done_tokens,
            total_tokens,
        } => {
            inside::progress(state, request, done_tokens, total_tokens);
            Vec::new()
        }
        Event::Inspected { request, report } => {
            inside::done(state, request, report);
            Vec::new()
        }
        Event::InspectCost { seq, cost } => {
            inside::cost(state, seq, cost);
            Vec::new()
        }
        Event::Stopped => Vec::new(),
    }
}

fn is_loading(state: &State, request: RequestId) -> bool {
    matches!(&state.model, ModelStatus::Loading { request: current, .. } if *current == request)
}

/// The running answer, if the request is its own.
fn current(state: &mut State, request: RequestId) -> Option<&mut Running> {
    state
        .running
        .as_mut()
        .filter(|running| running.request == request)
}

struct Start {
    prompt: Vec<PromptToken>,
    inserted: Vec<PromptToken>,
    opened: Vec<HarmonyEvent>,
    reused_tokens: usize,
    prompt_tokens: usize,
}

fn started(state: &mut State, request: RequestId, start: Start) -> Vec<Effect> {
    let Some(running) = current(state, request) else {
        return Vec::new();
    };
    running.reused_tokens = start.reused_tokens;
    running.prefill = Some((start.reused_tokens, start.prompt_tokens));
    let (node, kept) = (running.node, running.base_tokens);
    running.base_tokens += start.inserted.len();
    let fork = state
        .session
        .tree
        .turn(node)
        .and_then(|turn| turn.fork.clone());
    let mut answer = answer_tokens(state, node, kept);
    answer.extend(start.inserted.iter().cloned());
    state
        .runs
        .start_latest(start.prompt, answer, start.reused_tokens, &start.opened);
    // The same node asked to answer now has other tokens put in.
    let begins = |fork: &Fork| {
        let source = state.session.tree.turn(fork.from);
        let shared = source.and_then(|turn| turn.ids.get(..fork.token_index));
        let put_in = start.inserted.iter().map(|token| token.id);
        let is_same = shared.is_some_and(|ids| put_in.take(ids.len()).eq(ids.iter().copied()));
        kept == 0 && start.inserted.len() == fork.token_index + 1 && is_same
    };
    if let Some(fork) = fork.filter(begins) {
        return tokens::fork_started(state, node, &fork, start.inserted, start.opened);
    }
    // The header of an edited message is in the tree already.
    if start.inserted.is_empty() {
        return Vec::new();
    }
    let (ids, texts) = start
        .inserted
        .into_iter()
        .map(|token| (token.id, token.text))
        .unzip();
    let (events, at_ms) = (start.opened, state.wall_ms());
    state.change(vec![TreeOp::Insert {
        node,
        ids,
        texts,
        events,
        at_ms,
    }])
}

/// Rules belong to the model that they were made for.
fn clear_interventions(state: &mut State) {
    if !state.interventions.is_empty() {
        let text = format!("cleared with the model before: {}", state.interventions);
        say(state, Level::Warning, text);
        state.interventions = Interventions::none();
    }
}

/// The first tokens of an answer.
fn answer_tokens(state: &State, node: NodeId, count: usize) -> Vec<PromptToken> {
    let Some(turn) = state.session.tree.turn(node) else {
        return Vec::new();
    };
    let token = |(index, id): (usize, &u32)| PromptToken {
        id: *id,
        text: turn.token_text(index).unwrap_or_default().to_owned(),
    };
    turn.ids.iter().take(count).enumerate().map(token).collect()
}

fn new_token(state: &mut State, request: RequestId, token: &TokenEvent) -> Vec<Effect> {
    let now_ms = state.now_ms;
    let Some(running) = current(state, request) else {
        return Vec::new();
    };
    running.first_token_ms.get_or_insert(now_ms);
    running.generated_tokens += 1;
    let node = running.node;
    state.arrived(token);
    state.change(vec![TreeOp::AppendTokens {
        node,
        ids: vec![token.id],
        texts: vec![token.text.clone()],
        events: token.harmony.clone(),
        at_ms: state.wall_ms(),
    }])
}

fn finish(
    state: &mut State,
    request: RequestId,
    outcome: TurnOutcome,
    events: Vec<HarmonyEvent>,
    finished: Option<(FinishReason, GenerationStats)>,
) -> Vec<Effect> {
    if current(state, request).is_none() {
        return Vec::new();
    }
    let Some(running) = state.running.take() else {
        return Vec::new();
    };
    let node = running.node;
    let at_ms = state.wall_ms();
    let mut effects = state.change(vec![TreeOp::Finish {
        node,
        outcome,
        events,
        at_ms,
    }]);
    if running.then_answer {
        effects.extend(generate::go_on(state, node, true));
        return effects;
    }
    match finished {
        Some((FinishReason::Length, stats)) => tell_length(state, &running, &stats),
        Some((FinishReason::Stop, _)) => await_tool(state, &running),
        _ => {}
    }
    effects
}

/// The answer ended before its end: by its own limit, or because the context is full.
fn tell_length(state: &mut State, running: &Running, stats: &GenerationStats) {
    let used = stats.prompt_tokens + stats.generated_tokens;
    let limit = state
        .model
        .ready()
        .map_or(usize::MAX, |model| model.max_context_tokens);
    let own_limit = state.sampling.max_tokens;
    let text = if own_limit > 0 && running.generated_tokens >= own_limit {
        format!("stopped after {own_limit} tokens, as set; c goes on")
    } else if used + 2 >= limit {
        "the context is full; Ctrl+P \"make room\" lists what helps, Ctrl+N begins anew".to_owned()
    } else {
        "stopped: memory or context allow no more; c goes on where possible".to_owned()
    };
    say(state, Level::Warning, text);
}

/// After a call of a tool the person may answer as the tool.
fn await_tool(state: &mut State, running: &Running) {
    let Some(turn) = state.session.tree.turn(running.node) else {
        return;
    };
    let call = turn
        .parts
        .last()
        .filter(|part| part.ending == Some(MessageEnding::Call));
    let Some(name) = call.and_then(|part| part.header.recipient.clone()) else {
        return;
    };
    if state.composer.is_blank() {
        say(
            state,
            Level::Info,
            format!("the model calls {name}: write what the tool answers, or Esc"),
        );
        state.composer.begin(
            Target::ToolResult {
                call: running.node,
                name,
            },
            "",
        );
    }
}

fn failed(state: &mut State, request: RequestId, report: ErrorReport) -> Vec<Effect> {
    if current(state, request).is_some() {
        say(state, Level::Error, lines_of(&report).join(" "));
        return finish(
            state,
            request,
            TurnOutcome::Failed(report),
            Vec::new(),
            None,
        );
    }
    if let ModelStatus::Loading {
        request: loading,
        source,
        ..
    } = &state.model
        && *loading == request
    {
        let source = source.clone();
        if report.kind != ErrorKind::Cancelled {
            state.popups.push(Popup::Trouble {
                title: "The model could not be loaded".to_owned(),
                lines: lines_of(&report),
                remedy: Some(Action::Models),
            });
        }
        state.model = ModelStatus::Failed {
            source,
            failure: ModelFailure::Load,
            report,
        };
    }
    Vec::new()
}

fn crashed(state: &mut State, request: Option<RequestId>, report: &ErrorReport) -> Vec<Effect> {
    let mut lines = lines_of(report);
    lines.push("The conversation is safe; reload-model loads the model again.".to_owned());
    state.popups.push(Popup::Trouble {
        title: "The engine crashed".to_owned(),
        lines,
        remedy: Some(Action::ReloadModel),
    });
    let source = state.loaded_source.clone();
    if let Some(source) = source {
        state.model = ModelStatus::Failed {
            source,
            failure: ModelFailure::Crash,
            report: report.clone(),
        };
    }
    let running = state.running.as_ref().map(|running| running.request);
    match request.or(running) {
        Some(request) => finish(
            state,
            request,
            TurnOutcome::Crashed(report.clone()),
            Vec::new(),
            None,
        ),
        None => Vec::new(),
    }
}

/// What is wrong and what to do, line by line.
fn lines_of(report: &ErrorReport) -> Vec<String> {
    let mut lines = vec![report.message.clone()];
    lines.extend(report.chain.iter().cloned());
    lines.extend(report.hint.iter().map(|hint| format!("Try: {hint}")));
    lines
}

impl State {
    /// Takes the engine's newest snapshot.
    pub fn set_telemetry(&mut self, telemetry: Telemetry, now_ms: u64) {
        self.now_ms = now_ms;
        if let Some(behind) = &mut self.behind {
            behind.set_telemetry(telemetry, now_ms);
            return;
        }
        if self.replay.is_some() {
            // The recorded run's figures stay.
            return;
        }
        if telemetry.memory.limit_bytes > 0 {
            self.memory_limit_bytes = telemetry.memory.limit_bytes;
        }
        self.meters.telemetry(&telemetry, now_ms);
        self.telemetry = telemetry;
    }

    /// The snapshot to show: the newest, or the one held still.
    pub fn shown_telemetry(&self) -> &Telemetry {
        self.frozen_telemetry.as_ref().unwrap_or(&self.telemetry)
    }
}
