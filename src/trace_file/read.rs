//! A trace as read, from either kind of file.

use std::path::Path;

use super::container;
use super::journal::{self, Journal};
use super::{TraceError, TraceHeader, TraceShape, TraceToken};
use crate::analytics::{RoutedToken, RoutingLog, Span};
use crate::checkpoint::Mapping;
use crate::intervention::NO_EXPERT;

/// A trace, opened and checked.
///
/// Tokens are in memory; logits, which may be large, are read from the file row by row.
#[derive(Debug)]
pub struct TraceFile {
    pub(super) header: TraceHeader,
    pub(super) completeness: Completeness,
    pub(super) tokens: Vec<TraceToken>,
    pub(super) router_logits: Option<Rows>,
    pub(super) logits: Option<Rows>,
    pub(super) mapping: Mapping,
}

/// Whether a trace holds the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The recording ended as it should.
    Finished,
    /// The file was made from a journal that had been left behind.
    Recovered,
    /// The file is a journal: of a recording that goes on, or that was left behind.
    Journal {
        /// Bytes after the last whole chunk: one that is being written, or that was cut or damaged,
        /// and whatever follows it.
        unread_bytes: u64,
    },
}

/// Large rows that stay in the file.
#[derive(Debug)]
pub(super) enum Rows {
    /// One after the other from here on.
    Dense(usize),
    /// Each somewhere, or not at all.
    Scattered(Vec<Option<usize>>),
}

impl TraceFile {
    /// Opens a finished trace, or a journal up to its last whole chunk.
    ///
    /// Everything is checked but the values of logits.
    ///
    /// # Errors
    /// One that names the file and what is wrong: its header, an array, a chunk or a token.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let file = path.display().to_string();
        let mapping = Mapping::open(path).map_err(|error| TraceError::Io {
            file: file.clone(),
            error,
        })?;
        if !mapping.bytes().starts_with(&journal::MAGIC) {
            return container::open(&file, mapping);
        }
        let journal = journal::parse(&file, mapping.bytes())?;
        Ok(Self {
            completeness: journal.completeness(),
            header: journal.header,
            tokens: journal.tokens,
            router_logits: Journal::rows(journal.router_logits),
            logits: Journal::rows(journal.logits),
            mapping,
        })
    }

    /// Where the trace comes from.
    pub fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// The model's dimensions.
    pub fn shape(&self) -> TraceShape {
        self.header.shape
    }

    /// Whether the trace holds the whole run.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// All tokens, the prompt's first; a token's place is its position in the sequence.
    pub fn tokens(&self) -> &[TraceToken] {
        &self.tokens
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token, as in a journal that has just been begun.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many tokens were given to the model before it generated.
    pub fn prompt_tokens(&self) -> usize {
        let given = self
            .tokens
            .iter()
            .take_while(|token| token.span == Span::Prompt);
        given.count()
    }

    /// All ids, `[T]`.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    /// The chosen experts, `[T, L, K]`; [`NO_EXPERT`] where a token has no routing, or fewer experts.
    pub fn experts(&self) -> Vec<u16> {
        let mut all = Vec::new();
        for token in &self.tokens {
            match &token.routing {
                Some(routing) => all.extend_from_slice(routing.experts()),
                None => all.resize(all.len() + self.header.shape.choices(), NO_EXPERT),
            }
        }
        all
    }

    /// The chosen experts' weights, `[T, L, K]`; NaN where a token has no routing.
    pub fn expert_weights(&self) -> Vec<f32> {
        let mut all = Vec::new();
        for token in &self.tokens {
            match &token.routing {
                Some(routing) => all.extend_from_slice(routing.weights()),
                None => all.resize(all.len() + self.header.shape.choices(), f32::NAN),
            }
        }
        all
    }

    /// The recorded routing by position, for maps and comparisons.
    pub fn routing_log(&self) -> RoutingLog {
        let shape = self.header.shape;
        let mut log = RoutingLog::new(shape.num_layers, shape.num_local_experts);
        for (position, token) in self.tokens.iter().enumerate() {
            let Some(routing) = token.routing.clone() else {
                continue;
            };
            // Positions ascend, and the file was checked against the log's dimensions.
            let _ = log.push(RoutedToken {
                position,
                span: token.span,
                routing,
            });
        }
        log
    }

    /// Whether logits were recorded.
    pub fn has_logits(&self) -> bool {
        self.logits.is_some()
    }

    /// Whether router logits were recorded.
    pub fn has_router_logits(&self) -> bool {
        self.router_logits.is_some()
    }

    /// The logits behind a token, `[V]`; none if they were not recorded or there is no such token.
    pub fn logits(&self, token: usize) -> Option<Vec<f32>> {
        self.row(self.logits.as_ref()?, token, self.header.shape.vocab_size)
    }

    /// The router logits of a token, `[L, E]`; none as for [`TraceFile::logits`].
    pub fn router_logits(&self, token: usize) -> Option<Vec<f32>> {
        self.row(
            self.router_logits.as_ref()?,
            token,
            self.header.shape.cells(),
        )
    }

    fn row(&self, rows: &Rows, token: usize, width: usize) -> Option<Vec<f32>> {
        if token >= self.tokens.len() {
            return None;
        }
        let start = match rows {
            Rows::Dense(start) => start + token * width * 4,
            Rows::Scattered(starts) => (*starts.get(token)?)?,
        };
        let (values, _) = self
            .mapping
            .bytes()
            .get(start..start + width * 4)?
            .as_chunks::<4>();
        let row: Vec<f32> = values
            .iter()
            .map(|&word| f32::from_le_bytes(word))
            .collect();
        // A row of a finished file that was not recorded.
        let is_absent = matches!(rows, Rows::Dense(_)) && row.iter().all(|value| value.is_nan());
        (!is_absent).then_some(row)
    }
}
