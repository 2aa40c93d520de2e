//! Parses equal to the reference's, token by token; where the reference fails, ours goes on.

use gptoss::harmony::{
    FaultKind, HarmonyEvent, Header, Message, ParseStart, Role, StreamParser, parse,
};
use serde::Deserialize;

use super::O200K;

const PARSES: &str = include_str!("../fixtures/reference/harmony/parses.json");

#[derive(Deserialize)]
struct Case {
    raw: String,
    ids: Vec<u32>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    messages: Vec<RefMessage>,
    error: Option<String>,
}

/// Id, role, channel, recipient, content type and text delta after one token.
#[derive(Deserialize)]
struct Step(
    u32,
    Option<Role>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

#[derive(Deserialize)]
struct RefMessage {
    #[serde(flatten)]
    header: Header,
    content: Vec<RefText>,
}

#[derive(Deserialize)]
struct RefText {
    text: String,
}

const START: ParseStart = ParseStart::AfterRole(Role::Assistant);

fn cases() -> Vec<Case> {
    serde_json::from_str(PARSES).unwrap()
}

#[test]
fn messages_equal_the_reference() {
    let mut compared = 0;
    for case in cases().into_iter().filter(|case| case.error.is_none()) {
        let parsed = parse(&O200K, START, &case.ids).unwrap();
        assert_eq!(parsed.faults, [], "{}", case.raw);
        let text_of = |message: &RefMessage| {
            message
                .content
                .iter()
                .map(|part| part.text.as_str())
                .collect::<String>()
        };
        let expected: Vec<Message> = case
            .messages
            .iter()
            .map(|message| Message::new(message.header.clone(), text_of(message)))
            .collect();
        assert_eq!(parsed.into_messages(), expected, "{}", case.raw);
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn every_token_gives_the_reference_delta_and_header() {
    for case in cases().into_iter().filter(|case| case.error.is_none()) {
        let mut parser = StreamParser::new(&O200K, START).unwrap();
        for (index, Step(id, role, channel, recipient, content_type, expected)) in
            case.steps.into_iter().enumerate()
        {
            let mut delta = None;
            for event in parser.push(id) {
                match event {
                    HarmonyEvent::Text { delta: text, .. } => delta = Some(text),
                    HarmonyEvent::MessageStarted { header, .. } => {
                        assert_eq!(Some(header.role), role);
                        assert_eq!(header.channel.map(String::from), channel);
                        assert_eq!(
                            (header.recipient, header.content_type),
                            (recipient.clone(), content_type.clone())
                        );
                    }
                    _ => {}
                }
            }
            assert_eq!(delta, expected, "token {index} of {}", case.raw);
        }
    }
}

#[test]
fn where_the_reference_fails_the_tokens_become_a_fault() {
    let case = cases()
        .into_iter()
        .find(|case| case.error.is_some())
        .unwrap();
    let parsed = parse(&O200K, START, &case.ids).unwrap();
    assert_eq!(parsed.messages.len(), 1);
    assert_eq!(parsed.messages[0].message.text, "one");
    assert_eq!(parsed.faults.len(), 1);
    assert_eq!(parsed.faults[0].kind, FaultKind::OutsideMessage);
    assert_eq!(
        parsed.faults[0].text,
        "garbage without start<|message|>x<|end|>"
    );
    assert_eq!(parsed.faults[0].tokens, 5..case.ids.len());
}
