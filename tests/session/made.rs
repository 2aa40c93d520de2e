//! Conversations to try things with: a fixed one with every kind of change, and random ones.

use gptoss::engine::protocol::{ErrorKind, ErrorReport, ModelOrigin};
use gptoss::generate::{FinishReason, GenerationStats, SamplingParams};
use gptoss::harmony::{
    Channel, FaultKind, HarmonyEvent, Header, MessageEnding, ReasoningEffort, ToolDescription,
};
use gptoss::intervention::Interventions;
use gptoss::session::{
    Framing, InterventionChange, Node, NodeId, NodeKind, SamplingChange, Tree, TreeOp, Turn,
    TurnOutcome, TurnSettings,
};

/// Texts that have broken something somewhere.
pub(crate) const TEXTS: &[&str] = &[
    "",
    "plain words",
    "宇宙の果て 한국어 中文",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u{301} ﷽ \u{202e}backwards\u{202c}",
    "\u{1b}[31mred\u{1b}]0;title\u{7} \u{0}\u{8}\u{7f}\u{9b}2J",
    "line\nline\r\n\ttab\u{2028}separator",
    "<script>alert(1)</script>",
    "</pre></div></details></body><script src=//x>",
    "```\nunclosed fence",
    "````html\n<b>\n```\n````",
    "`unclosed <!-- comment",
    "<!-- never closed\n\n# heading",
    "<img src=x onerror=alert(1)> & &lt; \" ' >",
    "- list\n  ```\n  fence in list",
    "<div>\n\n<script>\nalert(2)\n</script>\n\n</div>",
    "~~~\nother fence",
    "\\<script>\\</script> <sCrIpT\n>x</sCrIpT>",
    "<![CDATA[ x ]]> <?php echo 1 ?> <!DOCTYPE html>",
    "> quote\n> <script>\n> ```",
    "$$\nmath\n[^1]: <b>note</b>\n| a | <i> |\n|---|---|\n| ``` | x |",
];

/// Random numbers from a seed, the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, `end` left out.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// One or a few hostile texts in one.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            text.push_str(TEXTS[self.below(TEXTS.len())]);
            text.push_str(["", " ", "\n", "\n\n"][self.below(4)]);
        }
        text
    }

    fn number(&mut self) -> f64 {
        self.next() as f64 / 7e15
    }
}

pub(crate) fn settings(temperature: f32) -> TurnSettings {
    TurnSettings {
        model: "made-model".to_owned(),
        origin: ModelOrigin::Scripted,
        effort: ReasoningEffort::High,
        sampling: SamplingParams {
            temperature,
            seed: u64::MAX,
            logit_bias: [(7, -1.5), (200_000, 0.1)].into(),
            ..SamplingParams::default()
        },
        interventions: Interventions::none(),
        followed: None,
        max_tokens: Some(4096),
    }
}

pub(crate) fn user(id: u64, parent: Option<u64>, text: &str) -> TreeOp {
    let text = text.to_owned();
    node(id, parent, NodeKind::User { text })
}

pub(crate) fn answer(id: u64, parent: Option<u64>) -> TreeOp {
    node(id, parent, NodeKind::Assistant(Turn::new(settings(1.0))))
}

pub(crate) fn node(id: u64, parent: Option<u64>, kind: NodeKind) -> TreeOp {
    TreeOp::AddNode(Node {
        id: NodeId(id),
        parent: parent.map(NodeId),
        created_ms: 1_700_000_000_000 + id,
        kind,
        edited: false,
    })
}

pub(crate) fn header(channel: Channel, tokens: std::ops::Range<usize>) -> HarmonyEvent {
    HarmonyEvent::MessageStarted {
        header: Header::assistant(channel),
        tokens,
    }
}

/// The `index`th token of an answer, as its text and nothing else.
pub(crate) fn token(id: u64, index: usize, text: &str) -> TreeOp {
    TreeOp::AppendTokens {
        node: NodeId(id),
        ids: vec![index as u32 + 100],
        texts: vec![text.to_owned()],
        events: vec![HarmonyEvent::Text {
            delta: text.to_owned(),
            tokens: index..index + 1,
        }],
        at_ms: 5,
    }
}

pub(crate) fn finish(id: u64, outcome: TurnOutcome, end: usize) -> TreeOp {
    TreeOp::Finish {
        node: NodeId(id),
        outcome,
        events: vec![HarmonyEvent::MessageEnded {
            ending: MessageEnding::Truncated,
            tokens: end..end,
        }],
        at_ms: 9,
    }
}

pub(crate) fn finished(random: &mut Random) -> TurnOutcome {
    TurnOutcome::Finished {
        finish_reason: FinishReason::Length,
        stats: GenerationStats {
            prompt_tokens: 12,
            reused_tokens: 3,
            prefill_tps: Some(random.number()),
            time_to_first_token_ms: None,
            generated_tokens: 4,
            decode_tps: Some(random.number()),
            total_ms: random.number(),
            peak_memory_bytes: u64::MAX,
        },
    }
}

pub(crate) fn failed() -> TurnOutcome {
    TurnOutcome::Failed(ErrorReport::new(ErrorKind::Busy, "the engine is \"busy\""))
}

/// Changes of every kind: branches, edits, a stream of tokens, other settings on the way.
pub(crate) fn changes() -> Vec<TreeOp> {
    let mut random = Random(1);
    let (id, at_ms) = (NodeId(2), 6);
    vec![
        user(1, None, "Why is the sky 青い? 🌌"),
        answer(2, Some(1)),
        TreeOp::AppendTokens {
            node: id,
            ids: vec![1, 2],
            texts: vec!["<|channel|>".to_owned(), "analysis".to_owned()],
            events: vec![header(Channel::Analysis, 0..2)],
            at_ms: 4,
        },
        token(2, 2, "Ray"),
        token(2, 3, "leigh 散乱"),
        TreeOp::SamplingChanged {
            node: id,
            change: SamplingChange {
                token_index: 4,
                sampling: settings(0.25).sampling,
            },
        },
        TreeOp::InterventionsChanged {
            node: id,
            change: InterventionChange {
                token_index: 4,
                interventions: "mask 3:5".parse().unwrap(),
            },
        },
        TreeOp::Insert {
            node: id,
            ids: vec![200_007],
            texts: vec!["<|end|>".to_owned()],
            events: vec![
                HarmonyEvent::MessageEnded {
                    ending: MessageEnding::End,
                    tokens: 4..5,
                },
                header(Channel::Final, 5..5),
                HarmonyEvent::Fault {
                    kind: FaultKind::StrayControlToken,
                    text: "<|x|>".to_owned(),
                    tokens: 4..5,
                },
            ],
            at_ms,
        },
        token(2, 5, "Scattering"),
        finish(2, finished(&mut random), 6),
        TreeOp::Reopen {
            node: id,
            settings: settings(0.5),
            keep_tokens: 5,
        },
        token(2, 5, "Again 😀"),
        finish(2, failed(), 6),
        user(3, None, "an edited question"),
        node(
            4,
            Some(3),
            NodeKind::Assistant(Turn::edited(
                settings(1.0),
                vec![(
                    Header::assistant(Channel::Final),
                    "written by hand".to_owned(),
                )],
                3,
            )),
        ),
        node(
            5,
            Some(4),
            NodeKind::Tool {
                name: "functions.weather".to_owned(),
                text: "{\"sky\":\"blue\"}".to_owned(),
            },
        ),
        TreeOp::Select { node: id },
        TreeOp::SetTitle {
            title: "空 sky".to_owned(),
        },
        TreeOp::SetFraming(framing("Answer briefly.\n<b>")),
        TreeOp::SetHistoryStart {
            node: Some(NodeId(1)),
            summary: Some("what was said\nbefore <b>".to_owned()),
        },
        TreeOp::SetDraft {
            text: "half a thou".to_owned(),
        },
        answer(6, Some(5)),
        token(6, 0, "still running"),
    ]
}

pub(crate) fn framing(instructions: &str) -> Framing {
    let mut framing = Framing::default();
    framing.developer.instructions = Some(instructions.to_owned());
    framing.developer.tools.push(ToolDescription {
        name: "weather".to_owned(),
        description: instructions.to_owned(),
        parameters: Some(serde_json::json!({ "z": 1, "a": { "nested": [1.5, null, "ü"] } })),
    });
    framing
}

/// A tree from changes that fit.
pub(crate) fn tree(ops: &[TreeOp]) -> Tree {
    let mut tree = Tree::default();
    for op in ops {
        tree.apply(op).unwrap();
    }
    tree
}

/// A random tree with branches, hostile texts and no answer left running.
pub(crate) fn random_tree(seed: u64) -> Tree {
    let mut random = Random(seed);
    let mut tree = Tree::default();
    for _ in 0..=random.below(25) {
        for op in step(&mut random, &tree) {
            tree.apply(&op).unwrap();
        }
    }
    tree
}

fn step(random: &mut Random, tree: &Tree) -> Vec<TreeOp> {
    let ids: Vec<u64> = tree.nodes().map(|node| node.id.0).collect();
    let any = |random: &mut Random| ids.get(random.below(ids.len() + 1)).copied();
    let (parent, id) = (any(random), tree.next_id().0 + random.below(3) as u64);
    match random.below(9) {
        0..=2 => vec![user(id, parent, &random.text())],
        3 => {
            let (name, text) = (random.text(), random.text());
            vec![node(id, parent, NodeKind::Tool { name, text })]
        }
        4 | 5 => streamed(random, id, parent),
        6 => vec![TreeOp::SetTitle {
            title: random.text(),
        }],
        7 => vec![
            TreeOp::SetFraming(framing(&random.text())),
            TreeOp::SetDraft {
                text: random.text(),
            },
        ],
        _ => {
            let node = any(random).map(NodeId);
            let select = node.map(|node| TreeOp::Select { node });
            let summary = node.map(|_| random.text());
            let mut ops = vec![TreeOp::SetHistoryStart { node, summary }];
            ops.extend(select);
            ops
        }
    }
}

fn streamed(random: &mut Random, id: u64, parent: Option<u64>) -> Vec<TreeOp> {
    let mut ops = vec![answer(id, parent)];
    let channels = [Channel::Analysis, Channel::Final, Channel::Commentary];
    let mut index = 0;
    for channel in channels {
        ops.push(TreeOp::Insert {
            node: NodeId(id),
            ids: vec![9],
            texts: vec!["<|message|>".to_owned()],
            events: vec![header(channel, index..index + 1)],
            at_ms: random.next(),
        });
        index += 1;
        for _ in 0..random.below(3) {
            ops.push(token(id, index, &random.text()));
            index += 1;
        }
    }
    ops.push(finish(id, finished(random), index));
    if random.below(3) == 0 {
        ops.push(TreeOp::Reopen {
            node: NodeId(id),
            settings: settings(0.75),
            keep_tokens: random.below(index),
        });
        ops.push(finish(id, TurnOutcome::Interrupted, index));
    }
    ops
}

/// The tree as a file gives it back: running answers were interrupted.
pub(crate) fn interrupted(mut tree: Tree) -> Tree {
    let running = |node: &&Node| match &node.kind {
        NodeKind::Assistant(turn) => turn.outcome.is_none(),
        _ => false,
    };
    let running: Vec<(NodeId, u64)> = tree
        .nodes()
        .filter(running)
        .map(|node| {
            let last = tree.turn(node.id).and_then(|turn| turn.parts.last());
            (
                node.id,
                last.map_or(node.created_ms, |part| part.started_ms),
            )
        })
        .collect();
    for (node, at_ms) in running {
        tree.apply(&TreeOp::Finish {
            node,
            outcome: TurnOutcome::Interrupted,
            events: Vec::new(),
            at_ms,
        })
        .unwrap();
    }
    tree
}
