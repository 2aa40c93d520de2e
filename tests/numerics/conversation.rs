//! Conversations through the engine: rendered, answered and parsed by the backend.

use gptoss::engine::protocol::{AnswerOpening, Command, Event, GenerateRequest, Prompt};
use gptoss::generate::FinishReason;
use gptoss::harmony::{
    Channel, Conversation, HarmonyEvent, Header, Message, MessageEnding, SystemContent,
};

use crate::engine::Engine;

fn conversation(question: &str) -> Conversation {
    Conversation {
        system: Some(SystemContent::default()),
        developer: None,
        messages: vec![Message::user(question)],
    }
}

/// What `Started` tells.
#[derive(Debug, Default)]
struct Start {
    prompt_tokens: usize,
    reused_tokens: usize,
    prompt_text: String,
    before_answer: usize,
    inserted: Vec<u32>,
    opened: Vec<HarmonyEvent>,
}

/// A whole answer.
#[derive(Debug, Default)]
struct Answer {
    start: Start,
    ids: Vec<u32>,
    text: String,
    harmony: Vec<HarmonyEvent>,
    finish_reason: Option<FinishReason>,
}

impl Answer {
    fn of(events: &[Event]) -> Self {
        let mut answer = Self::default();
        for event in events {
            match event.clone() {
                Event::Started {
                    prompt_tokens,
                    reused_tokens,
                    prompt,
                    inserted,
                    opened,
                    ..
                } => {
                    answer.start = Start {
                        prompt_tokens,
                        reused_tokens,
                        prompt_text: prompt.iter().map(|token| token.text.as_str()).collect(),
                        before_answer: prompt.len(),
                        inserted: inserted.iter().map(|token| token.id).collect(),
                        opened,
                    };
                }
                Event::Token { token, .. } => {
                    answer.ids.push(token.id);
                    answer.text += &token.text;
                    answer.harmony.extend(token.harmony);
                }
                Event::Finished {
                    finish_reason,
                    harmony,
                    ..
                } => {
                    answer.harmony.extend(harmony);
                    answer.finish_reason = Some(finish_reason);
                }
                Event::Prefill { .. } | Event::Predicted { .. } => {}
                other => unreachable!("{other:?}"),
            }
        }
        answer
    }

    /// The text on a channel, that of an edited or opened message included.
    fn on(&self, wanted: &Channel) -> String {
        let mut open = None;
        let mut text = String::new();
        for event in self.start.opened.iter().chain(&self.harmony) {
            match event {
                HarmonyEvent::MessageStarted { header, .. } => open.clone_from(&header.channel),
                HarmonyEvent::Text { delta, .. } if open.as_ref() == Some(wanted) => text += delta,
                _ => {}
            }
        }
        text
    }

    /// Asserts that the events cover the answer's tokens from `first` on without gap or overlap.
    #[track_caller]
    fn assert_covered_from(&self, first: usize, generated_from: usize) {
        let mut next = first;
        for event in self.start.opened.iter().chain(&self.harmony) {
            assert_eq!(event.tokens().start, next, "{event:?}");
            next = event.tokens().end;
        }
        assert_eq!(next, generated_from + self.ids.len());
    }
}

fn ask(
    engine: &mut Engine,
    question: &str,
    opening: AnswerOpening,
    change: impl FnOnce(&mut GenerateRequest),
) -> Answer {
    let prompt = Prompt::conversation(conversation(question), opening);
    Answer::of(&engine.run_prompt(prompt, change))
}

#[test]
fn a_conversation_is_answered_and_its_events_cover_every_token() {
    let mut engine = Engine::with_demo();
    let answer = ask(
        &mut engine,
        "What is 48 + 75?",
        AnswerOpening::Fresh,
        |request| request.record.routing = true,
    );
    assert!(answer.on(&Channel::Final).contains("48 + 75 = 123"));
    assert_eq!(answer.finish_reason, Some(FinishReason::Stop));
    assert_eq!(answer.start.before_answer, answer.start.prompt_tokens);
    assert!(
        answer
            .start
            .prompt_text
            .ends_with("<|end|><|start|>assistant")
    );
    assert!(answer.text.ends_with("<|return|>"), "{}", answer.text);
    answer.assert_covered_from(0, 0);
    let ended = answer.harmony.iter().any(|event| {
        matches!(event, HarmonyEvent::MessageEnded { ending, .. } if *ending == MessageEnding::Return)
    });
    assert!(ended);
}

#[test]
fn an_answer_that_is_stopped_and_resumed_equals_one_that_is_not() {
    let question = "What is the capital of France?";
    for recorded in [false, true] {
        let mut engine = Engine::with_demo();
        let warm = |request: &mut GenerateRequest| {
            request.sampling.temperature = 1.0;
            request.sampling.seed = 7;
            request.record.routing = recorded;
        };
        let whole = ask(&mut engine, question, AnswerOpening::Fresh, warm);
        for stopped_at in [1, 4, whole.ids.len() - 2] {
            let first = ask(&mut engine, question, AnswerOpening::Fresh, |request| {
                warm(request);
                request.max_tokens = Some(stopped_at);
            });
            assert_eq!(first.ids, whole.ids[..stopped_at]);
            first.assert_covered_from(0, 0);
            let ids = first.ids.clone();
            let rest = ask(&mut engine, question, AnswerOpening::Resume { ids }, warm);
            assert_eq!([first.ids, rest.ids.clone()].concat(), whole.ids);
            // All but what was never fed back.
            let known = whole.start.prompt_tokens + stopped_at - 1;
            assert_eq!(rest.start.reused_tokens, known);
            assert_eq!(rest.start.before_answer, whole.start.before_answer);
            assert_eq!(
                rest.start.prompt_tokens,
                whole.start.prompt_tokens + stopped_at
            );
            let begun = rest.harmony.first().map(|event| event.tokens().start);
            assert!(begun.is_some_and(|start| start <= stopped_at), "{begun:?}");
        }
    }
}

#[test]
fn a_cancelled_answer_goes_on_where_it_was_cut() {
    let question = "What is the capital of France?";
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, question, AnswerOpening::Fresh, |_| {});
    let prompt = Prompt::conversation(conversation(question), AnswerOpening::Fresh);
    let mut left = 5;
    let events = engine.run_until_cancelled(prompt, |event| {
        left -= usize::from(matches!(event, Event::Token { .. }));
        left == 0
    });
    let cut = Answer::of(&events);
    assert_eq!(cut.finish_reason, Some(FinishReason::Cancelled));
    assert_eq!(cut.ids, whole.ids[..cut.ids.len()]);
    cut.assert_covered_from(0, 0);
    let ids = cut.ids.clone();
    let rest = ask(&mut engine, question, AnswerOpening::Resume { ids }, |_| {});
    assert_eq!([cut.ids, rest.ids].concat(), whole.ids);
}

#[test]
fn answering_now_closes_the_analysis_and_keeps_the_cache() {
    let question = "What is 48 + 75?";
    let mut engine = Engine::with_demo();
    let whole = ask(&mut engine, question, AnswerOpening::Fresh, |_| {});
    let first_text = whole.harmony.iter().find_map(|event| match event {
        HarmonyEvent::Text { tokens, .. } => Some(tokens.start),
        _ => None,
    });
    // Nothing yet, a header cut off, a header but for its end, and within the text.
    let in_text = first_text.unwrap() + 3;
    for stopped_at in [1, 2, in_text] {
        let first = ask(&mut engine, question, AnswerOpening::Fresh, |request| {
            request.max_tokens = Some(stopped_at);
            request.record.routing = true;
        });
        let opening = AnswerOpening::AnswerNow {
            ids: first.ids.clone(),
        };
        let answer = ask(&mut engine, question, opening, |request| {
            request.record.routing = true;
        });
        let known = first.start.prompt_tokens + stopped_at - 1;
        assert_eq!(answer.start.reused_tokens, known);
        assert!(!answer.start.inserted.is_empty());
        let generated_from = stopped_at + answer.start.inserted.len();
        assert_eq!(
            answer.start.prompt_tokens,
            answer.start.before_answer + generated_from
        );
        let last = answer.start.opened.last();
        assert!(
            matches!(last, Some(HarmonyEvent::MessageStarted { header, .. })
                if header.channel == Some(Channel::Final)),
            "{last:?}"
        );
        let first_open = answer.start.opened[0].tokens().start;
        assert!(first_open <= stopped_at);
        answer.assert_covered_from(first_open, generated_from);
        assert!(!answer.on(&Channel::Final).is_empty());
        assert_eq!(answer.on(&Channel::Analysis), "");
    }
}

#[test]
fn answering_now_in_the_final_message_or_before_any_token_inserts_what_is_missing() {
    let mut engine = Engine::with_demo();
    let question = "What is 48 + 75?";
    let nothing_yet = AnswerOpening::AnswerNow { ids: Vec::new() };
    let answer = ask(&mut engine, question, nothing_yet, |_| {});
    assert!(answer.start.prompt_text.ends_with("assistant"));
    assert_eq!(
        answer.start.inserted.len(),
        3,
        "<|channel|>final<|message|>"
    );
    answer.assert_covered_from(0, 3);
    let again = AnswerOpening::AnswerNow {
        ids: [answer.start.inserted, answer.ids[..2].to_vec()].concat(),
    };
    let in_final = ask(&mut engine, question, again, |_| {});
    assert!(in_final.start.inserted.is_empty());
    assert_eq!(in_final.ids, answer.ids[2..]);
}

#[test]
fn an_edited_message_goes_on_after_its_text() {
    let mut engine = Engine::with_demo();
    let message = Message::assistant(Channel::Final, "48 + 75 =");
    let opening = AnswerOpening::Edited { message };
    let answer = ask(&mut engine, "What is 48 + 75?", opening, |_| {});
    assert!(answer.start.prompt_text.ends_with("<|message|>48 + 75 ="));
    let expected = HarmonyEvent::MessageStarted {
        header: Header::assistant(Channel::Final),
        tokens: 0..0,
    };
    assert_eq!(answer.start.opened, [expected]);
    assert!(answer.on(&Channel::Final).contains("123"));
    answer.assert_covered_from(0, 0);
}

#[test]
fn a_second_turn_past_the_rings_reads_only_what_is_new() {
    let mut engine = Engine::with_demo();
    // Pip's rings hold 128 positions: they wrap several times within the first prompt.
    let question = "What is 48 + 75? And then? ".repeat(60);
    let mut talk = conversation(&question);
    let ask = |engine: &mut Engine, talk: &Conversation| {
        let prompt = Prompt::conversation(talk.clone(), AnswerOpening::Fresh);
        Answer::of(&engine.run_prompt(prompt, |_| {}))
    };
    let first = ask(&mut engine, &talk);
    assert!(first.start.prompt_tokens > 3 * 128);
    assert_eq!(first.start.reused_tokens, 0);
    talk.messages.extend([
        Message::assistant(Channel::Analysis, first.on(&Channel::Analysis)),
        Message::assistant(Channel::Final, first.on(&Channel::Final)),
        Message::user("What is the capital of France?"),
    ]);
    let second = ask(&mut engine, &talk);
    assert_eq!(second.start.reused_tokens, first.start.prompt_tokens);
    talk.messages.extend([
        Message::assistant(Channel::Final, second.on(&Channel::Final)),
        Message::user("What is 2 + 2?"),
    ]);
    let third = ask(&mut engine, &talk);
    assert_eq!(third.start.reused_tokens, second.start.prompt_tokens);
    assert_eq!(ask(&mut Engine::with_demo(), &talk).ids, third.ids);
}

#[test]
fn stop_strings_count_in_the_final_message_only() {
    let mut engine = Engine::with_demo();
    let question = "What is 48 + 75?";
    let whole = ask(&mut engine, question, AnswerOpening::Fresh, |_| {});
    let analysis = whole.on(&Channel::Analysis);
    let stopped_by = |engine: &mut Engine, text: &str| {
        ask(engine, question, AnswerOpening::Fresh, |request| {
            request.stop.strings = vec![text.to_owned()];
        })
    };
    let cut = stopped_by(&mut engine, "123");
    assert!(whole.ids.len() > cut.ids.len());
    assert!(cut.on(&Channel::Final).contains("123"));
    assert_eq!(cut.finish_reason, Some(FinishReason::Stop));
    cut.assert_covered_from(0, 0);
    let only_in_analysis = analysis
        .split_whitespace()
        .find(|word| !whole.on(&Channel::Final).contains(word));
    if let Some(word) = only_in_analysis {
        assert_eq!(stopped_by(&mut engine, word).ids, whole.ids);
    }
}

#[test]
fn predictions_come_between_tokens_and_disturb_nothing() {
    let question = "What is the capital of France?";
    let mut engine = Engine::with_demo();
    let prompt = || Prompt::conversation(conversation(question), AnswerOpening::Fresh);
    let predict = |seq| Command::Predict {
        seq,
        prompt: prompt(),
    };
    engine.send(predict(1));
    let idle = engine.until(|event| matches!(event, Event::Predicted { .. }));
    let Some(Event::Predicted {
        seq: 1,
        prompt_tokens,
        reused_tokens: 0,
        peak_bytes,
        limit_bytes,
        largest_prompt_tokens,
    }) = idle.last()
    else {
        unreachable!("{idle:?}");
    };
    assert!(*peak_bytes > 0 && *limit_bytes > *peak_bytes);
    assert!(largest_prompt_tokens > prompt_tokens);

    let plain = ask(&mut engine, question, AnswerOpening::Fresh, |_| {});
    assert_eq!(plain.start.prompt_tokens, *prompt_tokens);
    let mut asked = false;
    let events = engine.run_watched(prompt(), |engine, event| {
        if matches!(event, Event::Started { .. }) && !asked {
            asked = true;
            engine.send(predict(2));
        }
    });
    let answers: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::Predicted { seq: 2, .. }))
        .collect();
    // The last token asked for may be the last one drawn before the question is seen.
    let late = answers.is_empty();
    if late {
        engine.until(|event| matches!(event, Event::Predicted { seq: 2, .. }));
    }
    assert_eq!(Answer::of(&events).ids, plain.ids);
    engine.send(predict(3));
    let after = engine.until(|event| matches!(event, Event::Predicted { seq: 3, .. }));
    assert!(
        matches!(after.last(), Some(Event::Predicted { reused_tokens, .. })
            if reused_tokens + 1 >= *prompt_tokens),
        "{after:?}"
    );
}

#[test]
fn the_share_of_recording_is_measured_where_something_is_recorded() {
    let mut engine = Engine::with_demo();
    let question = "What is the capital of France?";
    ask(&mut engine, question, AnswerOpening::Fresh, |request| {
        request.record.routing = true;
        request.record.top_logprobs = Some(10);
    });
    let share = engine.telemetry().speed.capture_share;
    assert!(
        share.is_some_and(|share| share > 0.0 && share < 1.0),
        "{share:?}"
    );
}
