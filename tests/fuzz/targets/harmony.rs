//! Harmony: any ids parse without gaps, in one go as in pieces, and no text becomes a control token.
//!
//! The first byte says where the stream begins; the others are tokens: below 32 a control token or a
//! word of headers, 255 with four more bytes any id, otherwise the token of that one byte. As text,
//! the input is also read as a file of messages.

use std::sync::LazyLock;

use gptoss::harmony::{
    AnalysisHistory, Channel, Conversation, HarmonyEvent, Header, ParseStart, Parsed, RenderEnding,
    RenderOptions, Renderer, Role, StreamParser, parse,
};
use gptoss::tokenizer::{SpecialToken, Tokenizer};

static O200K: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::o200k_harmony().unwrap());
static IDS: LazyLock<Vec<u32>> = LazyLock::new(table);

const WORDS: [&str; 23] = [
    "assistant",
    "user",
    "system",
    "developer",
    "tool",
    "analysis",
    "commentary",
    "final",
    " to",
    "=",
    ":",
    ".",
    " ",
    "functions",
    "json",
    "code",
    " <",
    "|",
    "constrain",
    "👩",
    "\n",
    " assistant",
    "é",
];

pub fn harmony(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let ids = ids(rest);
    let start = match first % 4 {
        0 => ParseStart::Outside,
        1 => ParseStart::AfterRole(Role::Assistant),
        2 => ParseStart::AfterRole(Role::Tool),
        _ => ParseStart::InBody(Header::assistant(Channel::Final)),
    };
    check_stream(&start, &ids, usize::from(first / 4));
    if let Ok(text) = std::str::from_utf8(data) {
        check_messages(text);
    }
}

/// Also with a copy of the parser in the middle, and with a parser that is used again.
fn check_stream(start: &ParseStart, ids: &[u32], middle: usize) {
    let mut parser = StreamParser::new(&O200K, start.clone()).unwrap();
    let (before, after) = ids.split_at(middle.min(ids.len()));
    let mut events = parser.opened();
    events.extend(before.iter().flat_map(|&id| parser.push(id)));
    let mut copy = parser.clone();
    let rest = feed(&mut parser, after);
    assert_eq!(rest, feed(&mut copy, after), "a copy goes on alike");
    events.extend(rest);
    check_cover(&events, ids.len());
    let mut parsed = Parsed::default();
    for event in events {
        parsed.add(event);
    }
    assert_eq!(parsed, parse(&O200K, start.clone(), ids).unwrap());
    let mut again = Parsed::default();
    for event in feed(&mut parser, ids) {
        again.add(event);
    }
    assert_eq!(
        again,
        parse(&O200K, ParseStart::Outside, ids).unwrap(),
        "nothing is left over"
    );
}

fn feed(parser: &mut StreamParser, ids: &[u32]) -> Vec<HarmonyEvent> {
    let mut events: Vec<_> = ids.iter().flat_map(|&id| parser.push(id)).collect();
    events.extend(parser.finish());
    events
}

/// The events' tokens follow one another, and messages open before they close.
fn check_cover(events: &[HarmonyEvent], count: usize) {
    let (mut covered, mut is_open) = (0, false);
    for event in events {
        assert_eq!(event.tokens().start, covered);
        assert!(event.tokens().end >= covered);
        covered = event.tokens().end;
        match event {
            HarmonyEvent::MessageStarted { .. } => assert!(!std::mem::replace(&mut is_open, true)),
            HarmonyEvent::MessageEnded { .. } => assert!(std::mem::replace(&mut is_open, false)),
            HarmonyEvent::Text { .. } => assert!(is_open),
            HarmonyEvent::Fault { .. } => {}
        }
    }
    assert_eq!(covered, count);
    assert!(!is_open);
}

fn check_messages(json: &str) {
    let Ok(conversation) = Conversation::from_json(json) else {
        return;
    };
    let renderer = Renderer::new(&O200K).unwrap();
    let options = RenderOptions {
        analysis: AnalysisHistory::Keep,
        ending: RenderEnding::Conversation,
    };
    let Ok(ids) = renderer.render(&conversation, options) else {
        return;
    };
    let count = |token| {
        let id = O200K.special(token);
        ids.iter().filter(|other| id == Some(**other)).count()
    };
    let developer = conversation
        .developer
        .as_ref()
        .is_some_and(|developer| !developer.text().is_empty());
    let framing = usize::from(conversation.system.is_some()) + usize::from(developer);
    let messages = framing + conversation.messages.len();
    assert_eq!(count(SpecialToken::Start), messages);
    assert_eq!(count(SpecialToken::Message), messages);
    let parsed = parse(&O200K, ParseStart::Outside, &ids).unwrap();
    for (found, expected) in parsed
        .messages
        .iter()
        .rev()
        .zip(conversation.messages.iter().rev())
    {
        if parsed.faults.is_empty() {
            assert_eq!(found.message.text, expected.text);
        }
    }
}

fn ids(bytes: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, rest.split_first_chunk::<4>()) {
            (255, Some((id, behind))) => {
                ids.push(u32::from_le_bytes(*id));
                rest = behind;
            }
            _ => ids.push(IDS[usize::from(byte)]),
        }
    }
    ids
}

fn table() -> Vec<u32> {
    let mut ids: Vec<u32> = SpecialToken::ALL
        .iter()
        .filter_map(|&token| O200K.special(token))
        .collect();
    ids.extend(WORDS.iter().flat_map(|word| O200K.encode_ordinary(word)));
    ids.truncate(32);
    for byte in ids.len()..256 {
        let id = (0..1000).find(|&id| O200K.token_bytes(id) == Some(&[byte as u8]));
        ids.push(id.expect("every byte is a token"));
    }
    ids
}
