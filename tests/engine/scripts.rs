//! Reading and playing scripts.

use gptoss::engine::protocol::Event;
use gptoss::engine::protocol::{AnswerOpening, Command, Prompt};
use gptoss::engine::scripted::Script;
use gptoss::harmony::{Conversation, HarmonyEvent};

use crate::rig::{ERROR, MODEL, PAUSE, Rig, TURN, prefill, token, turn_of};

fn check_refused(lines: &[&str], message: &str) {
    let text = lines.join("\n");
    let error = Script::from_json_lines(&text).expect_err(message);
    assert_eq!(error.to_string(), message);
}

#[test]
fn scripts_that_cannot_be_played_name_the_line() {
    let model = &MODEL.replace('\n', "");
    let finish = r#"{"type":"finish","reason":"length"}"#;
    check_refused(&[], "the script is empty, its first line must be the model");
    check_refused(
        &[TURN],
        "script line 1 is out of place: the first line must be the model",
    );
    check_refused(
        &[model, model],
        "script line 2 is out of place: there is one model only",
    );
    check_refused(&[model, "", "{}"], "script line 3 is not understood");
    check_refused(
        &[model, &token(1)],
        "script line 2 is out of place: this belongs into a turn",
    );
    check_refused(
        &[model, TURN, &token(1), &prefill(2)],
        "script line 4 is out of place: prefill comes before tokens",
    );
    check_refused(
        &[model, TURN, finish, ERROR],
        "script line 4 is out of place: after the finish comes a turn",
    );
    check_refused(
        &[
            model,
            TURN,
            r#"{"type":"loading","stage":"weights","done":1,"total":2}"#,
        ],
        "script line 3 is out of place: loading comes before the first turn",
    );
}

#[test]
fn two_plays_are_equal_to_the_byte() {
    let play = || {
        let mut rig = Rig::playing(&turn_of(50));
        let id = rig.generate();
        let events = rig.until_end(id);
        serde_json::to_string(&events).expect("events are plain data")
    };
    assert_eq!(play(), play());
}

#[test]
fn events_survive_a_file() {
    let mut rig = Rig::playing(&turn_of(3));
    let id = rig.generate();
    let events = rig.until_end(id);
    let text = serde_json::to_string(&events).expect("events are plain data");
    assert_eq!(
        serde_json::from_str::<Vec<Event>>(&text).expect("it is what was written"),
        events
    );
}

#[test]
fn turns_follow_each_other_and_begin_again_after_the_last_or_a_reset() {
    let mut rig = Rig::playing(&[TURN, &token(1), TURN, PAUSE, &token(2), TURN, &token(3)]);
    rig.gate.open();
    let mut next = || {
        let id = rig.generate();
        crate::rig::ids(&rig.until_end(id))
    };
    assert_eq!([next(), next(), next(), next()], [[1], [2], [3], [1]]);
    rig.send(gptoss::engine::protocol::Command::Reset);
    assert_eq!(rig.next(), Event::CacheCleared);
    let id = rig.generate();
    assert_eq!(crate::rig::ids(&rig.until_end(id)), [1]);
}

#[test]
fn a_recorded_prompt_keeps_its_own_length_and_reuse() {
    let turn = r#"{"type":"turn","prompt_tokens":40,"reused_tokens":30}"#;
    let mut rig = Rig::playing(&[turn, &prefill(4), &prefill(4), &token(1)]);
    let id = rig.generate();
    let events = rig.until_end(id);
    let started = Event::Started {
        request: id,
        prompt_tokens: 40,
        reused_tokens: 30,
        prompt: Vec::new(),
        inserted: Vec::new(),
        opened: Vec::new(),
    };
    assert_eq!(events[0], started);
    let done: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::Prefill {
                done_tokens,
                reused_tokens: 30,
                total_tokens: 40,
                ..
            } => Some(*done_tokens),
            _ => None,
        })
        .collect();
    assert_eq!(done, [34, 38, 40]);
    let Some(Event::Finished { stats, .. }) = events.last() else {
        panic!("it ended with {events:?}");
    };
    assert_eq!((stats.prefill_tps, stats.reused_tokens), (Some(250.0), 30));
}

#[test]
fn a_conversation_plays_the_script_with_its_harmony_events() {
    let turn = r#"{"type":"turn","prompt":[{"id":1,"text":"<|start|>"}],"prompt_tokens":1}"#;
    let text = r#"{"type":"token","id":7,"text":"Hi","harmony":[{"text":{"delta":"Hi","tokens":
        {"start":0,"end":1}}}]}"#
        .replace('\n', "");
    let finish = r#"{"type":"finish","reason":"length","harmony":[{"message_ended":{"ending":
        "truncated","tokens":{"start":1,"end":1}}}]}"#
        .replace('\n', "");
    let mut rig = Rig::playing(&[turn, &text, &finish]);
    let mut request = rig.request();
    let id = request.id;
    request.prompt = Prompt::conversation(Conversation::default(), AnswerOpening::Fresh);
    rig.send(Command::Predict {
        seq: 4,
        prompt: request.prompt.clone(),
    });
    assert!(matches!(
        rig.next(),
        Event::Predicted {
            seq: 4,
            prompt_tokens: 1,
            ..
        }
    ));
    rig.send(Command::Generate(request));
    let events = rig.until_end(id);
    assert!(matches!(&events[0], Event::Started { prompt, .. } if prompt[0].text == "<|start|>"));
    let [HarmonyEvent::Text { delta, .. }] = &crate::rig::tokens(&events)[0].harmony[..] else {
        panic!("the token has {events:?}");
    };
    assert_eq!(delta, "Hi");
    assert!(matches!(
        events.last(),
        Some(Event::Finished { harmony, .. }) if harmony.len() == 1
    ));
}

#[test]
fn events_written_before_conversations_existed_are_still_read() {
    let old = [
        r#"{"started":{"request":1,"prompt_tokens":3,"reused_tokens":0}}"#,
        r#"{"token":{"request":1,"token":{"index":0,"id":5,"text":"a","logprob":null,
            "top_logprobs":[],"routing":null}}}"#,
        r#"{"finished":{"request":1,"finish_reason":"stop","stats":{"prompt_tokens":3,
            "reused_tokens":0,"prefill_tps":null,"time_to_first_token_ms":null,
            "generated_tokens":1,"decode_tps":null,"total_ms":1.0,"peak_memory_bytes":0}}}"#,
    ];
    for text in old {
        let event: Event = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&again).unwrap(), event);
    }
}
