//! Malformed streams: what is kept, what is a fault, and where parsing resumes.
//!
//! A stream is written as text with control tokens spelled out and begins between messages.

use gptoss::harmony::{Channel, FaultKind, Header, MessageEnding, ParseStart, Parsed, Role, parse};

use super::{O200K, ids};

use FaultKind::{
    ControlTokenInHeader, DoubledChannel, DoubledRecipient, FreeTextInHeader, HeaderTooLong,
    MissingChannel, MissingMessage, MissingName, MissingRecipient, MissingRole, OutsideMessage,
    StrayControlToken, TruncatedHeader, UnknownRole,
};

/// Behind every malformed part stands a good message, which must be found.
const GOOD: &str = "<|start|>assistant<|channel|>final<|message|>good<|end|>";

/// Parses and checks that every token lies in a message or a fault.
fn parsed(text: &str) -> Parsed {
    let ids = ids(&O200K, text);
    let parsed = parse(&O200K, ParseStart::Outside, &ids).unwrap();
    let in_messages = parsed.messages.iter().map(|message| message.tokens.clone());
    let in_faults = parsed.faults.iter().map(|fault| fault.tokens.clone());
    let mut is_covered = vec![false; ids.len()];
    for range in in_messages.chain(in_faults) {
        is_covered[range].fill(true);
    }
    assert!(
        is_covered.iter().all(|&covered| covered),
        "{text}: {is_covered:?}"
    );
    parsed
}

/// `(stream, kind, text of the fault)`, each followed by a good message.
const FAULTS: &[(&str, FaultKind, &str)] = &[
    ("hello", OutsideMessage, "hello"),
    ("\n", OutsideMessage, "\n"),
    ("<|end|>", OutsideMessage, "<|end|>"),
    ("<|message|>x<|end|>", OutsideMessage, "<|message|>x<|end|>"),
    ("<|endoftext|>", OutsideMessage, "<|endoftext|>"),
    (
        "<|start|><|message|>x<|end|>",
        MissingRole,
        "<|start|><|message|>x<|end|>",
    ),
    (
        "<|start|>:bob<|message|>x<|end|>",
        MissingRole,
        "<|start|>:bob<|message|>x<|end|>",
    ),
    (
        "<|start|>robot<|message|>x<|end|>",
        UnknownRole,
        "<|start|>robot<|message|>x<|end|>",
    ),
    (
        "<|start|>user:<|message|>x<|end|>",
        MissingName,
        "<|start|>user:<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant to=<|message|>x<|end|>",
        MissingRecipient,
        "<|start|>assistant to=<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant to=a.b<|channel|>commentary to=a.b<|message|>x<|call|>",
        DoubledRecipient,
        "<|start|>assistant to=a.b<|channel|>commentary to=a.b<|message|>x<|call|>",
    ),
    (
        "<|start|>assistant<|channel|><|message|>x<|end|>",
        MissingChannel,
        "<|start|>assistant<|channel|><|message|>x<|end|>",
    ),
    (
        "<|start|>assistant<|channel|>analysis<|channel|>analysis<|message|>x<|end|>",
        DoubledChannel,
        "<|start|>assistant<|channel|>analysis<|channel|>analysis<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant I think that<|channel|>final<|message|>x<|end|>",
        FreeTextInHeader,
        "<|start|>assistant I think that<|channel|>final<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant well<|channel|>final<|message|>x<|end|>",
        FreeTextInHeader,
        "<|start|>assistant well<|channel|>final<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant<|channel|>final and more words<|message|>x<|return|>",
        FreeTextInHeader,
        "<|start|>assistant<|channel|>final and more words<|message|>x<|return|>",
    ),
    (
        "<|start|>assistant<|channel|>commentary json <|constrain|>json<|message|>x<|call|>",
        FreeTextInHeader,
        "<|start|>assistant<|channel|>commentary json <|constrain|>json<|message|>x<|call|>",
    ),
    (
        "<|start|>assistant<|constrain|>json<|channel|>final<|message|>x<|end|>",
        ControlTokenInHeader,
        "<|start|>assistant<|constrain|>json<|channel|>final<|message|>x<|end|>",
    ),
    (
        "<|start|>assi<|endoftext|>stant<|message|>x<|end|>",
        ControlTokenInHeader,
        "<|start|>assi<|endoftext|>stant<|message|>x<|end|>",
    ),
    (
        "<|start|>assistant<|reserved_200013|><|message|>x",
        ControlTokenInHeader,
        "<|start|>assistant<|reserved_200013|><|message|>x",
    ),
    (
        "<|start|>assistant<|channel|>final<|end|>",
        MissingMessage,
        "<|start|>assistant<|channel|>final<|end|>",
    ),
    ("<|start|>", MissingMessage, "<|start|>"),
    (
        "<|start|>assistant<|channel|>final",
        MissingMessage,
        "<|start|>assistant<|channel|>final",
    ),
    (
        "<|start|>assistant<|return|>",
        MissingMessage,
        "<|start|>assistant<|return|>",
    ),
];

#[test]
fn a_malformed_part_is_one_fault_and_the_next_message_is_found() {
    for &(stream, kind, text) in FAULTS {
        let found = parsed(&format!("{GOOD}{stream}{GOOD}"));
        let texts: Vec<&str> = found
            .messages
            .iter()
            .map(|parsed| parsed.message.text.as_str())
            .collect();
        assert_eq!(texts, ["good", "good"], "{stream}");
        let faults: Vec<_> = found
            .faults
            .iter()
            .map(|fault| (fault.kind, fault.text.as_str()))
            .collect();
        assert_eq!(faults, [(kind, text)], "{stream}");
    }
}

#[test]
fn a_header_without_end_is_given_up() {
    let words = " word".repeat(1000);
    let found = parsed(&format!("<|start|>assistant{words}{GOOD}"));
    assert_eq!(found.messages.len(), 1);
    assert_eq!(found.faults.len(), 1);
    assert_eq!(found.faults[0].kind, HeaderTooLong);
    assert_eq!(found.faults[0].text, format!("<|start|>assistant{words}"));
}

#[test]
fn a_stream_cut_off_inside_a_header_says_so() {
    let found = parsed("<|start|>assistant<|channel|>fin");
    assert_eq!(found.messages, []);
    assert_eq!(
        (found.faults[0].kind, found.faults[0].tokens.clone()),
        (TruncatedHeader, 0..4)
    );
}

#[test]
fn stray_control_tokens_leave_the_text_whole() {
    let strays = [
        "<|channel|>",
        "<|message|>",
        "<|constrain|>",
        "<|startoftext|>",
        "<|reserved_200000|>",
    ];
    for stray in strays {
        let found = parsed(&format!("<|start|>user<|message|>one{stray}two<|end|>"));
        assert_eq!(found.messages.len(), 1);
        assert_eq!(found.messages[0].message.text, "onetwo");
        assert_eq!(found.messages[0].ending, MessageEnding::End);
        assert_eq!(
            (found.faults[0].kind, found.faults[0].text.as_str()),
            (StrayControlToken, stray)
        );
        assert_eq!(found.faults[0].tokens.len(), 1);
    }
}

#[test]
fn a_message_is_truncated_by_a_start_an_end_of_text_or_the_end() {
    for (follows, num_messages) in [(GOOD, 2), ("<|endoftext|>", 1), ("", 1)] {
        let found = parsed(&format!("<|start|>user<|message|>half{follows}"));
        assert_eq!(found.messages.len(), num_messages);
        assert_eq!(found.messages[0].message.text, "half");
        assert_eq!(found.messages[0].ending, MessageEnding::Truncated);
    }
}

#[test]
fn unusual_headers_that_the_format_allows_are_understood() {
    let tool = |name: &str| Header {
        name: Some(name.to_owned()),
        ..Header::new(Role::Tool)
    };
    let call = |content_type: Option<&str>| Header {
        recipient: Some("functions.f".to_owned()),
        content_type: content_type.map(ToOwned::to_owned),
        ..Header::assistant(Channel::Commentary)
    };
    let cases = [
        ("user", Header::new(Role::User)),
        (
            "user:bob",
            Header {
                name: Some("bob".to_owned()),
                ..Header::new(Role::User)
            },
        ),
        (
            "assistant<|channel|>musing",
            Header::assistant(Channel::Other("musing".to_owned())),
        ),
        ("assistant to=functions.f<|channel|>commentary", call(None)),
        (
            "assistant<|channel|>commentary to=functions.f<|constrain|>json",
            call(Some("<|constrain|>json")),
        ),
        (
            "assistant<|channel|>commentary to=functions.f <|constrain|>json",
            call(Some("<|constrain|>json")),
        ),
        (
            "assistant<|channel|>commentary to=functions.f <|constrain|> json ",
            call(Some("<|constrain|>json")),
        ),
        (
            "assistant<|channel|>commentary to=functions.f code",
            call(Some("code")),
        ),
        (
            "assistant to=functions.f<|channel|>commentary json",
            call(Some("json")),
        ),
        ("functions.f", tool("functions.f")),
        (
            "python to=assistant",
            Header {
                recipient: Some("assistant".to_owned()),
                ..tool("python")
            },
        ),
    ];
    for (header, expected) in cases {
        let found = parsed(&format!("<|start|>{header}<|message|>x<|end|>"));
        assert_eq!(found.faults, [], "{header}");
        assert_eq!(found.messages[0].message.header, expected, "{header}");
    }
}

#[test]
fn parsing_can_begin_inside_a_message() {
    let stream = ids(
        &O200K,
        " the rest<|end|><|start|>assistant<|channel|>final<|message|>done<|return|>",
    );
    let start = ParseStart::InBody(Header::assistant(Channel::Analysis));
    let found = parse(&O200K, start, &stream).unwrap();
    assert_eq!(found.faults, []);
    assert_eq!(found.messages[0].message.text, " the rest");
    assert_eq!(
        found.messages[0].message.header.channel,
        Some(Channel::Analysis)
    );
    assert_eq!(found.messages[0].tokens.start, 0);
    assert_eq!(found.messages[1].ending, MessageEnding::Return);
}

#[test]
fn characters_broken_by_a_fault_become_replacement_characters() {
    let mut stream = ids(&O200K, "<|start|>user<|message|>");
    let emoji = O200K.encode_ordinary("👩");
    assert!(
        emoji.len() > 1,
        "the test needs a character of several tokens"
    );
    stream.push(emoji[0]);
    stream.push(u32::MAX);
    stream.push(emoji[0]);
    stream.extend(ids(&O200K, "<|end|>"));
    let found = parse(&O200K, ParseStart::Outside, &stream).unwrap();
    assert_eq!(found.messages[0].message.text, "\u{FFFD}\u{FFFD}");
    assert_eq!(found.faults[0].kind, FaultKind::UnknownToken);
    assert_eq!(found.faults[0].text, "<|unknown_4294967295|>");
}
