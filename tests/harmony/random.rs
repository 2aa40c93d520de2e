//! No sequence of ids panics, and no token is lost.

use std::sync::LazyLock;

use gptoss::harmony::{
    Channel, Conversation, FaultKind, HarmonyEvent, Header, Message, ParseStart, Renderer, Role,
    StreamParser, parse,
};
use gptoss::tokenizer::{SpecialToken, Tokenizer};
use proptest::collection::vec;
use proptest::prelude::*;

use super::O200K;

static DEMO: LazyLock<Tokenizer> = LazyLock::new(|| {
    Tokenizer::from_tokenizer_json(include_bytes!("../../assets/demo-model/tokenizer.json"))
        .unwrap()
});

/// Half control tokens, a third words of headers, the rest anything at all.
fn id() -> impl Strategy<Value = u32> {
    let specials: Vec<u32> = SpecialToken::ALL
        .iter()
        .filter_map(|&token| O200K.special(token))
        .collect();
    let words = [
        "assistant",
        "user",
        "analysis",
        "final",
        "commentary",
        " to",
        "=",
        ":",
        ".",
        " ",
        "json",
        "👩",
        "x",
    ];
    let words: Vec<u32> = words
        .iter()
        .flat_map(|word| O200K.encode_ordinary(word))
        .collect();
    prop_oneof![
        6 => prop::sample::select(specials),
        4 => prop::sample::select(words),
        1 => 0..201_088_u32,
        1 => any::<u32>(),
    ]
}

fn start() -> impl Strategy<Value = ParseStart> {
    prop_oneof![
        Just(ParseStart::Outside),
        Just(ParseStart::AfterRole(Role::Assistant)),
        Just(ParseStart::InBody(Header::assistant(Channel::Final))),
    ]
}

/// Feeds the ids and checks that the events cover each of them, in order, once.
fn check(tokenizer: &Tokenizer, start: ParseStart, ids: &[u32]) -> Result<(), TestCaseError> {
    let mut parser = StreamParser::new(tokenizer, start).unwrap();
    let mut events: Vec<HarmonyEvent> = ids.iter().flat_map(|&id| parser.push(id)).collect();
    events.extend(parser.finish());
    let mut covered = 0;
    let mut is_open = false;
    for event in &events {
        prop_assert_eq!(event.tokens().start, covered);
        prop_assert!(event.tokens().end >= covered);
        covered = event.tokens().end;
        match event {
            HarmonyEvent::MessageStarted { .. } => {
                prop_assert!(!is_open);
                is_open = true;
            }
            HarmonyEvent::MessageEnded { .. } => {
                prop_assert!(is_open);
                is_open = false;
            }
            HarmonyEvent::Text { .. } => prop_assert!(is_open),
            HarmonyEvent::Fault { .. } => {}
        }
    }
    prop_assert_eq!(covered, ids.len());
    prop_assert!(!is_open);
    Ok(())
}

/// What lies outside of messages is kept to the last byte, broken characters included.
fn check_text(tokenizer: &Tokenizer, ids: &[u32]) -> Result<(), TestCaseError> {
    let parsed = parse(tokenizer, ParseStart::Outside, ids).unwrap();
    for fault in parsed
        .faults
        .iter()
        .filter(|fault| fault.kind == FaultKind::OutsideMessage)
    {
        let mut bytes = Vec::new();
        for &id in &ids[fault.tokens.clone()] {
            match tokenizer.token_bytes(id) {
                Some(token) => bytes.extend_from_slice(token),
                None => bytes.extend_from_slice(format!("<|unknown_{id}|>").as_bytes()),
            }
        }
        prop_assert_eq!(&fault.text, &String::from_utf8_lossy(&bytes));
    }
    Ok(())
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{1,8}(\\.[a-z]{1,8})?"
}

fn message() -> impl Strategy<Value = Message> {
    let text = prop_oneof![
        ".{0,20}",
        Just("<|end|><|start|>user<|message|>x<|return|>".to_owned())
    ];
    let assistant = (
        word(),
        prop::option::of(word()),
        prop::option::of(word()),
        text.clone(),
    )
        .prop_map(|(channel, recipient, kind, text)| {
            let content_type = kind.map(|kind| format!("<|constrain|>{kind}"));
            Message::new(
                Header {
                    recipient,
                    content_type,
                    ..Header::assistant(Channel::from(channel))
                },
                text,
            )
        });
    let user = (prop::option::of(word()), text.clone()).prop_map(|(name, text)| {
        Message::new(
            Header {
                name,
                ..Header::new(Role::User)
            },
            text,
        )
    });
    let tool =
        (word(), text).prop_map(|(name, text)| Message::tool(format!("functions.{name}"), text));
    prop_oneof![assistant, user, tool]
}

proptest! {
    #[test]
    fn every_token_is_covered_once_and_in_order(start in start(), ids in vec(id(), 0..60)) {
        check(&O200K, start, &ids)?;
        check_text(&O200K, &ids)?;
    }

    #[test]
    fn a_small_vocabulary_is_no_different(ids in vec(0..3200_u32, 0..60), specials in vec(3051..3072_u32, 0..60)) {
        let mixed: Vec<u32> = ids.into_iter().zip(specials).flat_map(|(id, special)| [special, id]).collect();
        check(&DEMO, ParseStart::Outside, &mixed)?;
        check_text(&DEMO, &mixed)?;
    }

    #[test]
    fn what_is_rendered_parses_back(messages in vec(message(), 0..6)) {
        let conversation = Conversation { messages: messages.clone(), ..Conversation::default() };
        let options = gptoss::harmony::RenderOptions {
            analysis: gptoss::harmony::AnalysisHistory::Keep,
            ending: gptoss::harmony::RenderEnding::Conversation,
        };
        let ids = Renderer::new(&DEMO).unwrap().render(&conversation, options).unwrap();
        let parsed = parse(&DEMO, ParseStart::Outside, &ids).unwrap();
        prop_assert_eq!(&parsed.faults, &[]);
        prop_assert_eq!(parsed.into_messages(), messages);
    }
}
