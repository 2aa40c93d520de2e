//! What happens in a turn: a message, an edit, another branch or another answer; then an answer with
//! random settings that may be stopped or changed midway.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use gptoss::engine::protocol::{
    AnswerOpening, CacheUse, Command, Event, ModelOrigin, Prompt, RecordOptions,
};
use gptoss::generate::SamplingParams;
use gptoss::harmony::ReasoningEffort;
use gptoss::intervention::Interventions;
use gptoss::session::{
    InterventionChange, Node, NodeId, NodeKind, SamplingChange, SessionFile, Tree, TreeOp, Turn,
    TurnOutcome, TurnSettings,
};

use crate::dice::Dice;
use crate::runner::{Meddling, Runner};
use crate::table::Drift;

const MAX_TOKENS: usize = 12;

/// Messages on a branch before the talk goes back to an earlier place: the demo's context is short.
const MAX_BRANCH: usize = 10;

const QUESTIONS: &[&str] = &[
    "What is 48 + 75?",
    "And twice that?",
    "Name a color.",
    "Why? Say it in one word: \u{e9}t\u{e9}, \u{732b}, \u{1f980}.",
    "List three\n\n- things\n- of\n- yours",
    "What is the capital of Peru?",
];

const RULES: &[&str] = &[
    "mask *:3",
    "force 2:7",
    "bias 1:4 0.5",
    "zero 0:1",
    "swap 4:2 9",
    "top-k 3",
    "temperature 0-2 1.5",
    "noise 0.1 7",
];

/// The conversation and its file.
pub(crate) struct Talk {
    dice: Dice,
    tree: Tree,
    file: SessionFile,
    counts: HashMap<&'static str, usize>,
}

impl Talk {
    pub(crate) fn new(dice: Dice, file: SessionFile) -> Self {
        Self {
            dice,
            tree: Tree::default(),
            file,
            counts: HashMap::new(),
        }
    }

    /// One question and its answer.
    pub(crate) fn turn(&mut self, runner: &mut Runner) -> Result<(), Box<dyn Error>> {
        let question = self.ask()?;
        let settings = self.settings()?;
        let prompt = self.prompt(question);
        let record = RecordOptions {
            top_logprobs: self.dice.percent(30).then_some(5),
            routing: self.dice.percent(30),
        };
        let meddling = self.meddling()?;
        let meddling = meddling.map(|meddling| (self.dice.below(MAX_TOKENS), meddling));
        let events = runner.run(
            prompt,
            |request| {
                request.sampling = settings.sampling.clone();
                request.interventions = settings.interventions.clone();
                request.max_tokens = settings.max_tokens;
                request.record = record;
            },
            meddling,
        )?;
        let answer = self.add(Some(question), NodeKind::Assistant(Turn::new(settings)))?;
        events
            .into_iter()
            .filter_map(|event| op_of(answer, event))
            .try_for_each(|op| self.apply(op))
    }

    /// Goes on with the last answer on the cache of the talk and once more from nothing, and compares
    /// the log-probabilities token by token. The cache stays as it is.
    pub(crate) fn drift(
        &mut self,
        cached: &mut Runner,
        fresh: &mut Runner,
    ) -> Result<Drift, Box<dyn Error>> {
        let last = self.tree.path().last().copied().ok_or("no turn yet")?;
        let turn = self
            .tree
            .turn(last)
            .ok_or("the last message is no answer")?;
        // Its last token may be the one that ends answers, after which nothing comes.
        let ids = turn.ids[..turn.ids.len().saturating_sub(1)].to_vec();
        let rules = turn.interventions().clone();
        let conversation = self.tree.conversation(self.parent_of(last));
        let prompt = Prompt::conversation(conversation, AnswerOpening::Resume { ids });
        let run = |runner: &mut Runner| {
            runner.run(
                prompt.clone(),
                |request| {
                    request.sampling.temperature = 0.0;
                    request.interventions = rules.clone();
                    request.max_tokens = Some(MAX_TOKENS);
                    request.record.top_logprobs = Some(u8::MAX);
                    request.cache = CacheUse::Borrow;
                },
                None,
            )
        };
        let (cached, fresh) = (run(cached)?, run(fresh)?);
        let (prompt_tokens, reused_tokens) = prompt_of(&cached);
        if prompt_of(&fresh).1 > 0 {
            return Err("the fresh engine took something over from its cache".into());
        }
        let (cached, fresh) = (tokens(cached), tokens(fresh));
        let mut drift = f32::from(u8::from(cached.is_empty() || cached.len() != fresh.len()));
        for (one, other) in cached.iter().zip(&fresh) {
            if one.0 != other.0 {
                return Err(format!("the greedy answers part: {} and {}", one.0, other.0).into());
            }
            for (id, logprob) in &one.1 {
                if let Some(same) = other.1.get(id) {
                    drift = drift.max((logprob - same).abs());
                }
            }
        }
        Ok(Drift {
            logprob: drift,
            prompt_tokens,
            reused_tokens,
        })
    }

    /// Whether the file, read back, holds this very conversation.
    pub(crate) fn is_what_the_file_says(&self, path: &Path) -> Result<bool, Box<dyn Error>> {
        let copy = path.with_extension("copy.jsonl");
        std::fs::copy(path, &copy)?;
        let opened = SessionFile::open(&copy);
        let _ = std::fs::remove_file(&copy);
        let (opened, _) = opened?;
        Ok(opened.damage.is_none() && opened.tree.to_ops() == self.tree.to_ops())
    }

    /// How often what was done.
    pub(crate) fn counts(&self) -> String {
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort();
        let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Puts a message somewhere, or finds one to answer again.
    fn ask(&mut self) -> Result<NodeId, Box<dyn Error>> {
        let path = self.tree.path();
        let chance = self.dice.below(100);
        let (name, parent) = if path.len() >= MAX_BRANCH {
            let early = path[self.dice.below(4) & !1];
            ("early edits", self.parent_of(early))
        } else if path.is_empty() || chance < 60 {
            ("messages", path.last().copied())
        } else if chance < 75 {
            // Questions and answers take turns, so an even place is a question.
            let edited = path[self.dice.below(path.len()) & !1];
            ("edits", self.parent_of(edited))
        } else if chance < 88 {
            self.count("answers again");
            return Ok(path[(path.len() - 1) & !1]);
        } else {
            let nodes: Vec<NodeId> = self.tree.nodes().map(|node| node.id).collect();
            let chosen = *self.dice.pick(&nodes);
            self.apply(TreeOp::Select { node: chosen })?;
            let path = self.tree.path();
            let short = path.len() < MAX_BRANCH;
            ("other branches", path.last().copied().filter(|_| short))
        };
        self.count(name);
        let question = *self.dice.pick(QUESTIONS);
        let text = format!("{question} ({})", self.dice.below(1000));
        self.add(parent, NodeKind::User { text })
    }

    fn settings(&mut self) -> Result<TurnSettings, Box<dyn Error>> {
        Ok(TurnSettings {
            model: "Pip".to_owned(),
            origin: ModelOrigin::Model,
            effort: ReasoningEffort::Low,
            sampling: self.sampling(),
            interventions: if self.dice.percent(25) {
                self.count("runs with rules");
                self.rules()?
            } else {
                Interventions::none()
            },
            followed: None,
            max_tokens: Some(1 + self.dice.below(MAX_TOKENS)),
        })
    }

    fn sampling(&mut self) -> SamplingParams {
        SamplingParams {
            temperature: *self.dice.pick(&[0.0, 0.7, 1.0, 1.8]),
            top_k: *self.dice.pick(&[0, 1, 40]),
            top_p: *self.dice.pick(&[1.0, 0.9]),
            min_p: *self.dice.pick(&[0.0, 0.05]),
            repetition_penalty: *self.dice.pick(&[1.0, 1.3]),
            seed: self.dice.number(),
            ..SamplingParams::default()
        }
    }

    fn rules(&mut self) -> Result<Interventions, Box<dyn Error>> {
        let mut rules = Interventions::none();
        for _ in 0..=self.dice.below(3) {
            let rule = *self.dice.pick(RULES);
            rules.set(rule.parse()?);
        }
        Ok(rules)
    }

    fn meddling(&mut self) -> Result<Option<Meddling>, Box<dyn Error>> {
        Ok(match self.dice.below(100) {
            0..15 => {
                self.count("stops");
                Some(Meddling::Cancel)
            }
            15..30 => {
                self.count("parameter changes");
                let sampling = self.sampling();
                Some(Meddling::Send(Box::new(move |request| {
                    Command::UpdateSampling { request, sampling }
                })))
            }
            30..40 => {
                self.count("rule changes");
                let interventions = self.rules()?;
                Some(Meddling::Send(Box::new(move |request| {
                    Command::UpdateInterventions {
                        request,
                        interventions,
                    }
                })))
            }
            _ => None,
        })
    }

    fn prompt(&self, last: NodeId) -> Prompt {
        Prompt::conversation(self.tree.conversation(Some(last)), AnswerOpening::Fresh)
    }

    fn parent_of(&self, id: NodeId) -> Option<NodeId> {
        self.tree.node(id).and_then(|node| node.parent)
    }

    fn add(&mut self, parent: Option<NodeId>, kind: NodeKind) -> Result<NodeId, Box<dyn Error>> {
        let id = self.tree.next_id();
        self.apply(TreeOp::AddNode(Node {
            id,
            parent,
            created_ms: 0,
            kind,
            edited: false,
        }))?;
        Ok(id)
    }

    /// Changes the conversation and writes the change down.
    fn apply(&mut self, op: TreeOp) -> Result<(), Box<dyn Error>> {
        self.tree.apply(&op)?;
        Ok(self.file.append(&[op])?)
    }

    fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }
}

/// Tokens of a run's prompt, and those that came from the cache.
fn prompt_of(events: &[Event]) -> (usize, usize) {
    let sizes = events.iter().find_map(|event| match event {
        Event::Started {
            prompt_tokens,
            reused_tokens,
            ..
        } => Some((*prompt_tokens, *reused_tokens)),
        _ => None,
    });
    sizes.unwrap_or_default()
}

/// What an event means for the conversation.
fn op_of(node: NodeId, event: Event) -> Option<TreeOp> {
    let at_ms = 0;
    match event {
        Event::Token { token, .. } => Some(TreeOp::AppendTokens {
            node,
            ids: vec![token.id],
            texts: vec![token.text],
            events: token.harmony,
            at_ms,
        }),
        Event::SamplingChanged {
            token_index,
            sampling,
            ..
        } => Some(TreeOp::SamplingChanged {
            node,
            change: SamplingChange {
                token_index,
                sampling,
            },
        }),
        Event::InterventionsChanged {
            token_index,
            interventions,
            ..
        } => Some(TreeOp::InterventionsChanged {
            node,
            change: InterventionChange {
                token_index,
                interventions,
            },
        }),
        Event::Finished {
            finish_reason,
            stats,
            harmony,
            ..
        } => Some(TreeOp::Finish {
            node,
            outcome: TurnOutcome::Finished {
                finish_reason,
                stats,
            },
            events: harmony,
            at_ms,
        }),
        _ => None,
    }
}

/// Each token with the log-probabilities of its alternatives.
fn tokens(events: Vec<Event>) -> Vec<(u32, HashMap<u32, f32>)> {
    let tokens = events.into_iter().filter_map(|event| match event {
        Event::Token { token, .. } => Some(token),
        _ => None,
    });
    let alternatives = |token: &gptoss::engine::protocol::TokenEvent| {
        let top = token.top_logprobs.iter();
        top.map(|top| (top.id, top.logprob)).collect()
    };
    tokens
        .map(|token| (token.id, alternatives(&token)))
        .collect()
}
