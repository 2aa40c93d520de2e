//! Work grows with the number of tokens and not faster.

use std::time::{Duration, Instant};

use gptoss::harmony::{Channel, Conversation, Message, ParseStart, Renderer, parse};

use super::O200K;

/// Generous for a loaded machine in a debug build; a quadratic step takes minutes.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn long_conversations_render_and_parse_in_linear_time() {
    let mut messages = Vec::new();
    for turn in 0..10_000 {
        messages.push(Message::user(format!("Question {turn}: what is it?")));
        messages.push(Message::assistant(
            Channel::Analysis,
            "Let me think about that.",
        ));
        messages.push(Message::assistant(
            Channel::Final,
            "It is what it is, mostly.",
        ));
    }
    let conversation = Conversation {
        messages,
        ..Conversation::default()
    };
    let begin = Instant::now();
    let ids = Renderer::new(&O200K)
        .unwrap()
        .completion(&conversation)
        .unwrap();
    let rendered = begin.elapsed();
    assert!(ids.len() > 200_000);
    let parsed = parse(&O200K, ParseStart::Outside, &ids).unwrap();
    // Two messages a turn, since the analysis of answered turns is dropped.
    assert_eq!(parsed.messages.len(), 20_000);
    assert!(
        begin.elapsed() < LIMIT,
        "rendered in {rendered:?}, both in {:?}",
        begin.elapsed()
    );
    println!(
        "{} tokens: rendered in {rendered:?}, both in {:?}",
        ids.len(),
        begin.elapsed()
    );
}

#[test]
fn one_endless_fault_and_one_endless_text_take_linear_time() {
    let begin = Instant::now();
    let piece = O200K.encode_ordinary(" never ending 👩‍👩‍👧");
    let stream = piece.repeat(100_000 / piece.len());
    let outside = parse(&O200K, ParseStart::Outside, &stream).unwrap();
    assert_eq!(outside.faults.len(), 1);
    let header = gptoss::harmony::Header::assistant(Channel::Final);
    let inside = parse(&O200K, ParseStart::InBody(header), &stream).unwrap();
    assert_eq!(inside.messages[0].message.text, outside.faults[0].text);
    assert!(begin.elapsed() < LIMIT);
    println!("{} tokens twice in {:?}", stream.len(), begin.elapsed());
}
