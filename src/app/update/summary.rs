//! Having the oldest turns summed up, and sending the summary in their place.

use super::super::composer::Target;
use super::super::effect::Effect;
use super::super::state::{Level, State};
use super::super::summary::Summing;
use super::{chat, generate, say};
use crate::engine::protocol::{
    AnswerOpening, Command, Event, GenerateRequest, Prompt, RecordOptions,
};
use crate::generate::FinishReason;
use crate::harmony::{Message, ReasoningEffort};
use crate::session::{NodeId, TreeOp};

/// What the model is asked for.
const REQUEST: &str = "Summarize our conversation up to here in at most 200 words. The summary will \
    stand in place of these messages, and you will go on from it: keep names, numbers, decisions, \
    open questions and what I asked for. Write nothing but the summary.";

/// The most tokens of a summary, its analysis included.
const MOST_TOKENS: usize = 1024;

/// Has the model sum up the older half of the turns.
pub(in crate::app) fn begin(state: &mut State) -> Vec<Effect> {
    let Some(start) = chat::half(state) else {
        chat::say_one_turn(state);
        return Vec::new();
    };
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let last = state.session.tree.node(start).and_then(|node| node.parent);
    let mut settings = generate::settings(state, generate::Seed::Own);
    settings.effort = ReasoningEffort::Low;
    let mut conversation = generate::conversation(state, last, settings.effort);
    conversation
        .messages
        .push(Message::user(REQUEST.to_owned()));
    let request = state.next_request();
    let mut effects = super::ghost::make_way(state);
    effects.push(Effect::Engine(Command::Generate(GenerateRequest {
        sampling: settings.sampling.clone(),
        max_tokens: Some(MOST_TOKENS),
        record: RecordOptions {
            top_logprobs: Some(0),
            routing: false,
        },
        ..GenerateRequest::new(
            request,
            Prompt::conversation(conversation, AnswerOpening::Fresh),
        )
    })));
    state.summing = Some(Summing::new(request, start, settings));
    effects
}

/// Stops the summary that is being written; none where there is none.
pub(in crate::app) fn stop(state: &mut State) -> Option<Vec<Effect>> {
    let request = state.summing.as_ref()?.request;
    say(state, Level::Info, "stopping the summary");
    Some(vec![Effect::Cancel(request)])
}

/// Takes an event, if it is the summary's.
pub(in crate::app) fn take(state: &mut State, event: &Event) -> Option<Vec<Effect>> {
    let summing = state.summing.as_mut()?;
    let own = summing.request;
    match event {
        Event::Started { request, .. } | Event::Prefill { request, .. } if *request == own => {}
        Event::Token { request, token } if *request == own => summing.token(token),
        Event::Finished {
            request,
            finish_reason,
            harmony,
            ..
        } if *request == own => {
            summing.end(harmony.clone());
            return Some(finished(state, *finish_reason));
        }
        Event::Failed { request, report } if *request == own => {
            state.summing = None;
            let text = format!("nothing was summed up: {}", report.message);
            say(state, Level::Error, text);
        }
        Event::Crashed { request, .. } if *request == Some(own) => {
            state.summing = None;
            // A crash concerns the model, too.
            return None;
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn finished(state: &mut State, finish_reason: FinishReason) -> Vec<Effect> {
    let Some(summing) = state.summing.take() else {
        return Vec::new();
    };
    let text = summing.text();
    if finish_reason == FinishReason::Cancelled || text.is_empty() {
        let why = match finish_reason {
            FinishReason::Cancelled => "the summary was stopped; nothing was changed",
            _ => "the model wrote no summary; nothing was changed",
        };
        say(state, Level::Warning, why);
        return Vec::new();
    }
    say(
        state,
        Level::Info,
        "summed up; keep-all-turns in the palette takes it back, edit-summary changes it",
    );
    put(state, summing.start, text)
}

/// Sends a summary in place of what is before a message.
fn put(state: &mut State, start: NodeId, text: String) -> Vec<Effect> {
    state.change(vec![TreeOp::SetHistoryStart {
        node: Some(start),
        summary: Some(text),
    }])
}

/// Lets the person write the summary.
pub(in crate::app) fn edit(state: &mut State) -> Vec<Effect> {
    if state.session.tree.history_start().is_none() {
        say(
            state,
            Level::Info,
            "all turns are sent; summarize-oldest-turns has some summed up",
        );
        return Vec::new();
    }
    let text = state.session.tree.summary().unwrap_or_default().to_owned();
    chat::compose(state, Target::Summary, &text)
}

/// Takes what the person wrote; nothing sends no summary.
pub(in crate::app) fn edited(state: &mut State) -> Vec<Effect> {
    let text = state.composer.take();
    state.composer.end();
    let node = state.session.tree.history_start();
    let summary = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    say(state, Level::Info, "in force from the next answer on");
    state.change(vec![TreeOp::SetHistoryStart { node, summary }])
}
