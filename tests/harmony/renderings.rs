//! Renderings equal to the reference's, id by id.
//!
//! Each conversation is rendered in four modes. All modes of all conversations follow the format
//! document, with one exception, listed in [`DIFFERENCES`]: when two turns have been answered,
//! openai-harmony 0.0.8 drops only the analysis before the first final message and keeps that of
//! the second turn. The format document says to drop any previous reasoning once the turn ended
//! in a final message, and the released chat template does; so do we.
//! `completion_keep_analysis` drops nothing anywhere.

use gptoss::harmony::{
    AnalysisHistory, Conversation, Message, Prefill, RenderEnding, RenderError, RenderOptions,
    Renderer,
};
use gptoss::tokenizer::Tokenizer;
use serde::Deserialize;
use serde_json::Value;

use super::O200K;

const RENDERINGS: &str = include_str!("../fixtures/reference/harmony/renderings.json");

/// Conversation, modes that differ, and the analysis that the reference keeps there and we drop.
const DIFFERENCES: [(&str, &[&str], &str); 1] = [(
    "multi_turn_two_finals_user_last",
    &["completion", "conversation", "training"],
    "<|start|>assistant<|channel|>analysis<|message|>think two<|end|>",
)];

#[derive(Deserialize)]
struct Case {
    name: String,
    messages: Value,
    completion: Rendering,
    completion_keep_analysis: Rendering,
    conversation: Rendering,
    training: Rendering,
}

#[derive(Deserialize)]
struct Rendering {
    ids: Vec<u32>,
    text: String,
}

impl Case {
    fn modes(&self) -> [(&'static str, RenderOptions, &Rendering); 4] {
        use AnalysisHistory::{DropAnswered, Keep};
        use RenderEnding::{Completion, Conversation, Training};
        let options = |analysis, ending| RenderOptions { analysis, ending };
        [
            (
                "completion",
                options(DropAnswered, Completion),
                &self.completion,
            ),
            (
                "completion_keep_analysis",
                options(Keep, Completion),
                &self.completion_keep_analysis,
            ),
            (
                "conversation",
                options(DropAnswered, Conversation),
                &self.conversation,
            ),
            ("training", options(DropAnswered, Training), &self.training),
        ]
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(RENDERINGS).unwrap()
}

#[test]
fn renderings_equal_the_reference() {
    let renderer = Renderer::new(&O200K).unwrap();
    let mut compared = 0;
    for case in cases() {
        let conversation = Conversation::from_json(&case.messages.to_string()).unwrap();
        for (mode, options, reference) in case.modes() {
            let ids = renderer.render(&conversation, options).unwrap();
            let difference = DIFFERENCES
                .iter()
                .find(|(name, modes, _)| *name == case.name && modes.contains(&mode));
            let Some((_, _, kept)) = difference else {
                assert_eq!(O200K.decode(&ids), reference.text, "{} {mode}", case.name);
                assert_eq!(ids, reference.ids, "{} {mode}", case.name);
                compared += 1;
                continue;
            };
            assert!(
                reference.text.contains(kept),
                "the reference no longer differs in {}",
                case.name
            );
            let expected = super::ids(&O200K, kept);
            let at = reference
                .ids
                .windows(expected.len())
                .position(|window| window == expected)
                .unwrap();
            let mut without = reference.ids.clone();
            without.drain(at..at + expected.len());
            assert_eq!(ids, without, "{} {mode}", case.name);
        }
    }
    assert_eq!(compared, 4 * 12 - 3);
}

#[test]
fn another_vocabulary_gives_the_same_text() {
    let json = include_bytes!("../../assets/demo-model/tokenizer.json");
    let demo = Tokenizer::from_tokenizer_json(json).unwrap();
    let renderer = Renderer::new(&demo).unwrap();
    for case in cases() {
        let conversation = Conversation::from_json(&case.messages.to_string()).unwrap();
        let options = RenderOptions {
            analysis: AnalysisHistory::Keep,
            ending: RenderEnding::Completion,
        };
        let ids = renderer.render(&conversation, options).unwrap();
        assert_eq!(
            demo.decode(&ids),
            case.completion_keep_analysis.text,
            "{}",
            case.name
        );
    }
}

/// Rendering of `u:`, `a:` (analysis), `f:` (final), `c:` (call), `t:` (tool) messages.
fn rendered(messages: &[&str], ending: RenderEnding) -> String {
    let conversation = Conversation {
        messages: messages.iter().map(|line| message(line)).collect(),
        ..Conversation::default()
    };
    let options = RenderOptions {
        ending,
        ..RenderOptions::default()
    };
    let ids = Renderer::new(&O200K)
        .unwrap()
        .render(&conversation, options)
        .unwrap();
    O200K.decode(&ids)
}

fn message(line: &str) -> Message {
    use gptoss::harmony::Channel;
    let (kind, text) = line.split_once(':').unwrap();
    match kind {
        "u" => Message::user(text),
        "a" => Message::assistant(Channel::Analysis, text),
        "f" => Message::assistant(Channel::Final, text),
        "c" => {
            let mut call = Message::assistant(Channel::Commentary, text);
            call.header.recipient = Some("functions.f".to_owned());
            call
        }
        _ => Message::tool("functions.f", text),
    }
}

#[test]
fn analysis_is_dropped_once_answered_and_kept_while_a_tool_is_pending() {
    /// Messages, ending, what must be there, what must not.
    type Case = (
        &'static [&'static str],
        RenderEnding,
        &'static [&'static str],
        &'static [&'static str],
    );
    let cases: [Case; 5] = [
        (
            &["u:1", "a:think1", "f:1", "u:2", "a:think2", "c:{}", "t:x"],
            RenderEnding::Completion,
            &["think2"],
            &["think1"],
        ),
        (
            &["u:1", "a:think1", "c:{}", "t:x", "a:think2", "f:1", "u:2"],
            RenderEnding::Completion,
            &["functions.f"],
            &["think1", "think2"],
        ),
        (
            &["u:1", "a:think1"],
            RenderEnding::Completion,
            &["think1"],
            &[],
        ),
        (
            &["u:1", "a:think1", "f:1", "u:2", "a:think2", "f:2"],
            RenderEnding::Training,
            &["think2", "2<|return|>"],
            &["think1"],
        ),
        (
            &["u:1", "a:think1", "f:1", "u:2", "a:think2", "f:2"],
            RenderEnding::Conversation,
            &["2<|end|>"],
            &["think1", "think2", "<|return|>"],
        ),
    ];
    for (messages, ending, kept, dropped) in cases {
        let text = rendered(messages, ending);
        assert!(
            kept.iter().all(|part| text.contains(part)),
            "{messages:?} {text}"
        );
        assert!(
            !dropped.iter().any(|part| text.contains(part)),
            "{messages:?} {text}"
        );
    }
}

#[test]
fn prefills_leave_the_right_message_open() {
    let renderer = Renderer::new(&O200K).unwrap();
    let conversation = Conversation {
        messages: vec![
            message("u:1"),
            message("a:think0"),
            message("f:0"),
            message("u:2"),
        ],
        ..Conversation::default()
    };
    let history = "<|start|>user<|message|>1<|end|><|start|>assistant<|channel|>final<|message|>0<|end|><|start|>user<|message|>2<|end|>";
    let answer_now = |analysis: &str| Prefill::AnswerNow {
        analysis: analysis.to_owned(),
    };
    let cases = [
        (
            Prefill::Continue(message("f:half an ans")),
            "<|start|>assistant<|channel|>final<|message|>half an ans",
        ),
        (
            Prefill::Continue(message("a:")),
            "<|start|>assistant<|channel|>analysis<|message|>",
        ),
        (
            answer_now("so far"),
            "<|start|>assistant<|channel|>analysis<|message|>so far<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        (
            answer_now(""),
            "<|start|>assistant<|channel|>final<|message|>",
        ),
    ];
    for (prefill, expected) in cases {
        let ids = renderer.prefill(&conversation, &prefill).unwrap();
        assert_eq!(O200K.decode(&ids), format!("{history}{expected}"));
    }
    assert_eq!(
        O200K.decode(&renderer.answer_now_ids()),
        "<|end|><|start|>assistant<|channel|>final<|message|>"
    );
}

#[test]
fn what_cannot_be_rendered_is_named() {
    let mut tool = message("t:x");
    tool.header.name = None;
    let conversation = Conversation {
        messages: vec![message("u:1"), tool],
        ..Conversation::default()
    };
    let error = Renderer::new(&O200K)
        .unwrap()
        .completion(&conversation)
        .unwrap_err();
    assert_eq!(error, RenderError::ToolWithoutName { index: 1 });

    let json =
        include_str!("../../assets/demo-model/tokenizer.json").replace("<|call|>", "<|ring|>");
    let tokenizer = Tokenizer::from_tokenizer_json(json.as_bytes()).unwrap();
    let error = Renderer::new(&tokenizer).unwrap_err();
    assert_eq!(error, RenderError::MissingSpecialToken { name: "<|call|>" });
}
