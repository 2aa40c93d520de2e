//! What was recorded of a generation: its tokens, alternatives and routing.
//!
//! Positions count from the start of the prompt. The answer's token `i` sits at
//! `prompt.len() + i`; the routing at a position is that of the pass which read the token there, so
//! the newest token has none until the next one is made.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::analytics::{RoutedToken, RoutingLog, Span};
use crate::engine::protocol::{PromptToken, TokenEvent, TopLogprob};
use crate::generate::TokenRouting;
use crate::generate::sampler::ChainRecord;
use crate::harmony::{Channel, HarmonyEvent};
use crate::session::NodeId;

/// Generations whose records are kept in memory.
const KEPT_RUNS: usize = 8;

/// One generated token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRecord {
    /// Its id.
    pub id: u32,
    /// Its own text, control tokens spelled.
    pub text: Box<str>,
    /// Its log-probability before the samplers.
    pub logprob: Option<f32>,
    /// What could have come in its place, by falling log-probability.
    pub top_logprobs: Vec<TopLogprob>,
    /// The entropy of the distribution before the samplers, in nats.
    pub entropy: Option<f32>,
    /// What the samplers made of `top_logprobs` and, after them, of the token itself.
    pub chain: Option<ChainRecord>,
    /// The part of the answer that it belongs to.
    pub span: Span,
}

/// The records of one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The answer.
    pub node: NodeId,
    /// The prompt's tokens.
    pub prompt: Vec<PromptToken>,
    /// The answer's tokens.
    pub tokens: Vec<TokenRecord>,
    /// The routing of all positions known.
    pub log: RoutingLog,
    /// The answer's tokens that were there before the present request.
    base: usize,
    span: Span,
}

impl Run {
    /// An empty record for a model of this form.
    pub fn new(node: NodeId, num_layers: usize, num_experts: usize) -> Self {
        Self {
            node,
            prompt: Vec::new(),
            tokens: Vec::new(),
            log: RoutingLog::new(num_layers, num_experts),
            base: 0,
            span: Span::Other,
        }
    }

    /// The record of a run that is over.
    pub fn recorded(
        node: NodeId,
        prompt: Vec<PromptToken>,
        tokens: Vec<TokenRecord>,
        log: RoutingLog,
    ) -> Self {
        Self {
            node,
            base: tokens.len(),
            prompt,
            tokens,
            log,
            span: Span::Other,
        }
    }

    /// Begins a request's record: the prompt up to the answer, and the answer's tokens before those
    /// to come. What `earlier` knows of the reused prefix is taken over.
    fn start(
        &mut self,
        prompt: Vec<PromptToken>,
        answer: Vec<PromptToken>,
        reused_tokens: usize,
        earlier: Option<&Self>,
    ) {
        let (num_prompt, answer_ids) = (prompt.len(), answer.len());
        if self.prompt != prompt {
            // An edited text is part of the prompt.
            self.log.truncate(0);
            self.tokens.clear();
            if let Some(earlier) = earlier {
                self.take_over(earlier, reused_tokens.min(num_prompt));
            }
            self.prompt = prompt;
        }
        self.tokens.truncate(answer_ids);
        // Tokens that were inserted, or generated before a restart, come without a record.
        for token in answer.into_iter().skip(self.tokens.len()) {
            self.tokens.push(TokenRecord {
                id: token.id,
                text: token.text.into(),
                logprob: None,
                top_logprobs: Vec::new(),
                entropy: None,
                chain: None,
                span: Span::Other,
            });
        }
        self.base = answer_ids;
    }

    /// Takes over what `other` knows of the answer's first `shared` tokens and of the choice after
    /// them; whether both continue one prompt.
    fn share_beginning(&mut self, other: &Self, shared: usize) -> bool {
        let is_same = |run: &Self| {
            run.tokens
                .iter()
                .take(shared)
                .map(|token| token.id)
                .eq(other.tokens.iter().take(shared).map(|token| token.id))
        };
        if self.prompt != other.prompt || other.tokens.len() <= shared || !is_same(self) {
            return false;
        }
        self.tokens[..shared].clone_from_slice(&other.tokens[..shared]);
        if let (Some(chosen), Some(instead)) =
            (self.tokens.get_mut(shared), other.tokens.get(shared))
        {
            let alternatives = instead.alternatives();
            let own = alternatives.iter().find(|one| one.id == chosen.id);
            chosen.logprob = own.map(|own| own.logprob);
            chosen.top_logprobs.clone_from(&instead.top_logprobs);
            chosen.entropy = instead.entropy;
            let place = alternatives.iter().position(|one| one.id == chosen.id);
            chosen.chain = place.and_then(|place| instead.chain_with_own(place));
            chosen.span = self.span;
        }
        let end = self.prompt.len() + shared;
        let known = other.log.tokens().iter();
        for token in known.take_while(|token| token.position < end) {
            self.push(token.clone());
        }
        true
    }

    fn take_over(&mut self, earlier: &Self, reused_tokens: usize) {
        let known = earlier.log.tokens().iter();
        for token in known.take_while(|token| token.position < reused_tokens) {
            self.push(RoutedToken {
                span: Span::Prompt,
                ..token.clone()
            });
        }
    }

    /// Logs a token's routing; one whose pass was repeated is known already.
    fn push(&mut self, token: RoutedToken) {
        if self
            .last_routed()
            .is_some_and(|last| last >= token.position)
        {
            return;
        }
        if let Err(error) = self.log.push(token) {
            tracing::warn!(%error, "routing left out of the log");
        }
    }

    /// The last position whose routing is known.
    pub fn last_routed(&self) -> Option<usize> {
        self.log.last().map(|token| token.position)
    }

    /// Takes the routing of prompt tokens; the last of them is at position `done_tokens - 1`.
    pub fn prefill(&mut self, done_tokens: usize, routing: Vec<TokenRouting>) {
        // The prompt's very last position comes with the first token.
        let total = self.prompt.len() + self.base;
        let end = done_tokens.min(total.saturating_sub(1));
        let first = end.saturating_sub(routing.len());
        for (offset, routing) in routing.into_iter().enumerate() {
            self.route(first + offset, routing);
        }
    }

    /// Takes the next token.
    pub fn token(&mut self, token: &TokenEvent) {
        for event in &token.harmony {
            self.follow(event);
        }
        let position = self.prompt.len() + self.tokens.len();
        if let (Some(routing), Some(read)) = (token.routing.clone(), position.checked_sub(1)) {
            self.route(read, routing);
        }
        self.tokens.push(TokenRecord {
            id: token.id,
            text: token.text.as_str().into(),
            logprob: token.logprob,
            top_logprobs: token.top_logprobs.clone(),
            entropy: token.entropy,
            chain: token.chain.clone(),
            span: self.span,
        });
    }

    /// Follows the parser, so that tokens are counted in the channel they belong to.
    fn follow(&mut self, event: &HarmonyEvent) {
        match event {
            HarmonyEvent::MessageStarted { header, .. } => {
                self.span = match &header.channel {
                    Some(Channel::Analysis) => Span::Analysis,
                    Some(Channel::Commentary) => Span::Commentary,
                    Some(Channel::Final) | None => Span::Final,
                    Some(Channel::Other(_)) => Span::Other,
                };
            }
            HarmonyEvent::MessageEnded { .. } => self.span = Span::Other,
            HarmonyEvent::Text { .. } | HarmonyEvent::Fault { .. } => {}
        }
    }

    fn route(&mut self, position: usize, routing: TokenRouting) {
        let span = match position.checked_sub(self.prompt.len()) {
            None => Span::Prompt,
            Some(index) => self
                .tokens
                .get(index)
                .map_or(Span::Other, |token| token.span),
        };
        self.push(RoutedToken {
            position,
            span,
            routing: Arc::new(routing),
        });
    }

    /// All positions: the prompt's and the answer's.
    pub fn len(&self) -> usize {
        self.prompt.len() + self.tokens.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of the token at a position.
    pub fn text(&self, position: usize) -> Option<&str> {
        match position.checked_sub(self.prompt.len()) {
            None => self.prompt.get(position).map(|token| token.text.as_str()),
            Some(index) => self.tokens.get(index).map(|token| &*token.text),
        }
    }

    /// The record of the generated token at a position.
    pub fn record(&self, position: usize) -> Option<&TokenRecord> {
        self.tokens.get(position.checked_sub(self.prompt.len())?)
    }
}

/// The latest runs, the newest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runs(VecDeque<Run>);

impl Runs {
    /// The run of an answer.
    pub fn get(&self, node: NodeId) -> Option<&Run> {
        self.0.iter().find(|run| run.node == node)
    }

    /// The newest run.
    pub fn latest(&self) -> Option<&Run> {
        self.0.back()
    }

    /// The newest run, to be written to.
    pub fn latest_mut(&mut self) -> Option<&mut Run> {
        self.0.back_mut()
    }

    /// Adds a run as the newest one.
    pub(super) fn add(&mut self, run: Run) {
        self.0.push_back(run);
    }

    /// Makes the names of all answers greater, as their messages' names were.
    pub(super) fn rename(&mut self, offset: u64) {
        for run in &mut self.0 {
            run.node.0 += offset;
        }
    }

    /// Makes the answer's run the newest one, empty where there was none.
    pub fn begin(&mut self, node: NodeId, num_layers: usize, num_experts: usize) {
        let place = self.0.iter().position(|run| run.node == node);
        let run = place
            .and_then(|place| self.0.remove(place))
            .unwrap_or_else(|| Run::new(node, num_layers, num_experts));
        self.0.push_back(run);
        if self.0.len() > KEPT_RUNS {
            self.0.pop_front();
        }
    }

    /// Begins a request's record in the newest run; the run before it knows the routing of the
    /// prefix that its cache still held.
    pub fn start_latest(
        &mut self,
        prompt: Vec<PromptToken>,
        answer: Vec<PromptToken>,
        reused_tokens: usize,
        opened: &[HarmonyEvent],
    ) {
        if let Some((latest, earlier)) = self.0.make_contiguous().split_last_mut() {
            latest.start(prompt, answer, reused_tokens, earlier.last());
            for event in opened {
                latest.follow(event);
            }
        }
    }

    /// Makes a run the newest one, so that the next to begin does not push it out.
    pub(super) fn refresh(&mut self, node: NodeId) {
        let place = self.0.iter().position(|run| run.node == node);
        let run = place.and_then(|place| self.0.remove(place));
        self.0.extend(run);
    }

    /// Takes over into the newest run what that of `from` knows of the answer's first `shared`
    /// tokens; whether it is kept and continues the same prompt.
    pub(super) fn share_beginning(&mut self, from: NodeId, shared: usize) -> bool {
        let Some((latest, earlier)) = self.0.make_contiguous().split_last_mut() else {
            return false;
        };
        let source = earlier.iter().find(|run| run.node == from);
        source.is_some_and(|source| latest.share_beginning(source, shared))
    }

    /// Forgets all: another model, another session.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
