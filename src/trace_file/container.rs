//! Reads a finished trace, which is a safetensors file.

use std::sync::Arc;

use half::f16;

use super::columns::{Column, NO_TOKEN, Sizes};
use super::finish::{FINISHED, RECOVERED};
use super::read::Rows;
use super::{
    Completeness, FORMAT, FORMAT_VERSION, TraceError, TraceFile, TraceHeader, TraceToken, check,
    chunk, journal,
};
use crate::analytics::Span;
use crate::checkpoint::{Header, Mapping, TensorEntry};
use crate::generate::TokenRouting;

/// Checks and reads everything but the large rows.
pub(super) fn open(file: &str, mapping: Mapping) -> Result<TraceFile, TraceError> {
    let bytes = mapping.bytes();
    let container = Header::parse(file, bytes).map_err(|error| TraceError::Container { error })?;
    let (header, completeness) = metadata(&container).map_err(|(key, reason)| {
        let file = file.to_owned();
        TraceError::Header { file, key, reason }
    })?;
    let reader = Reader {
        bytes,
        container: &container,
        header: &header,
    };
    let sizes = reader
        .sizes()
        .map_err(|(array, reason)| TraceError::Array {
            file: file.to_owned(),
            array: array.to_owned(),
            reason,
        })?;
    if sizes.tokens == 0 {
        let file = file.to_owned();
        return Err(TraceError::Empty { file });
    }
    let tokens = reader
        .tokens(&sizes)
        .map_err(|(token, reason)| TraceError::Token {
            file: file.to_owned(),
            token,
            reason,
        })?;
    let rows = |column| {
        reader
            .entry(column)
            .map(|entry| Rows::Dense(entry.range.start))
    };
    Ok(TraceFile {
        completeness,
        tokens,
        router_logits: rows(Column::RouterLogits),
        logits: rows(Column::Logits),
        header,
        mapping,
    })
}

fn metadata(container: &Header) -> Result<(TraceHeader, Completeness), (&'static str, String)> {
    let get = |key: &'static str| {
        let value = container.metadata.get(key).map(String::as_str);
        value.ok_or((key, "missing; is this a trace?".to_owned()))
    };
    for (key, expected) in [
        ("format", FORMAT),
        ("format_version", &FORMAT_VERSION.to_string()),
    ] {
        let found = get(key)?;
        if found != expected {
            return Err((key, format!("expected {expected:?}, found {found:?}")));
        }
    }
    let completeness = match get("ended")? {
        FINISHED => Completeness::Finished,
        RECOVERED => Completeness::Recovered,
        other => {
            let reason = format!("expected {FINISHED:?} or {RECOVERED:?}, found {other:?}");
            return Err(("ended", reason));
        }
    };
    Ok((journal::header(get("header")?.as_bytes())?, completeness))
}

/// A file whose headers are parsed.
struct Reader<'a> {
    bytes: &'a [u8],
    container: &'a Header,
    header: &'a TraceHeader,
}

/// An array's name, and what is wrong with it.
type ArrayFault<'a> = (&'a str, String);

impl<'a> Reader<'a> {
    fn entry(&self, column: Column) -> Option<&'a TensorEntry> {
        let mut entries = self.container.tensors.iter();
        entries.find(|entry| entry.name == column.name())
    }

    /// The sizes that the arrays agree on.
    fn sizes(&self) -> Result<Sizes, ArrayFault<'a>> {
        let last = |column| {
            self.entry(column)
                .and_then(|entry| entry.shape.last().copied())
        };
        let sizes = Sizes {
            shape: self.header.shape,
            tokens: last(Column::Tokens).unwrap_or(0),
            alternatives: last(Column::TopIds).unwrap_or(0),
            text_bytes: last(Column::Text).unwrap_or(0),
        };
        for entry in &self.container.tensors {
            let column = Column::ALL
                .into_iter()
                .find(|column| column.name() == entry.name);
            let Some(column) = column else {
                return Err((&entry.name, "no array of a trace".to_owned()));
            };
            let expected = (column.dtype(&sizes.shape), column.dims(&sizes));
            if entry.dtype != expected.0 || entry.shape != expected.1 {
                let reason = format!(
                    "expected {} {:?}, found {} {:?}",
                    expected.0, expected.1, entry.dtype, entry.shape
                );
                return Err((&entry.name, reason));
            }
        }
        self.check_presence()?;
        if sizes.alternatives > check::MAX_ALTERNATIVES {
            let reason = format!(
                "{} alternatives a token, permitted: {}",
                sizes.alternatives,
                check::MAX_ALTERNATIVES
            );
            return Err((Column::TopIds.name(), reason));
        }
        Ok(sizes)
    }

    fn check_presence(&self) -> Result<(), ArrayFault<'a>> {
        for needed in [
            Column::Tokens,
            Column::Spans,
            Column::Experts,
            Column::ExpertWeights,
        ] {
            if self.entry(needed).is_none() {
                return Err((needed.name(), "missing".to_owned()));
            }
        }
        for (one, other) in [
            (Column::Text, Column::TextEnds),
            (Column::TopIds, Column::TopLogprobs),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                if self.entry(one).is_some() && self.entry(other).is_none() {
                    let reason = format!("missing, although there is {:?}", one.name());
                    return Err((other.name(), reason));
                }
            }
        }
        Ok(())
    }

    fn tokens(&self, sizes: &Sizes) -> Result<Vec<TraceToken>, (usize, String)> {
        let mut tokens = Vec::with_capacity(sizes.tokens);
        let mut text_start = 0;
        for at in 0..sizes.tokens {
            let token = self
                .token(at, &mut text_start, sizes)
                .and_then(|token| check::token(self.header, &token).map(|()| token));
            tokens.push(token.map_err(|reason| (at, reason))?);
        }
        if text_start != sizes.text_bytes {
            let left = sizes.text_bytes - text_start;
            return Err((sizes.tokens - 1, format!("{left} bytes of text follow it")));
        }
        Ok(tokens)
    }

    fn token(
        &self,
        at: usize,
        text_start: &mut usize,
        sizes: &Sizes,
    ) -> Result<TraceToken, String> {
        let [span] = self.row(Column::Spans, at, 1)? else {
            return Err("no span".to_owned());
        };
        let span = *Span::ALL
            .get(usize::from(*span))
            .ok_or_else(|| format!("span {span} is unknown"))?;
        let ids = self.words(Column::TopIds, at, sizes.alternatives, u32::from_le_bytes)?;
        let logprobs = self.words(
            Column::TopLogprobs,
            at,
            sizes.alternatives,
            f32::from_le_bytes,
        )?;
        let top = ids.into_iter().zip(logprobs);
        let id = self.words(Column::Tokens, at, 1, u32::from_le_bytes)?;
        let logprob = self.words(Column::Logprobs, at, 1, f32::from_le_bytes)?;
        Ok(TraceToken {
            id: id.first().copied().unwrap_or_default(),
            text: self.text(at, text_start)?,
            span,
            routing: self.routing(at)?.map(Arc::new),
            logprob: logprob.first().copied().filter(|value| !value.is_nan()),
            top_logprobs: top.take_while(|&(id, _)| id != NO_TOKEN).collect(),
        })
    }

    fn text(&self, at: usize, start: &mut usize) -> Result<String, String> {
        let Some(entry) = self.entry(Column::Text) else {
            return Ok(String::new());
        };
        let all = &self.bytes[entry.range.clone()];
        let ends = self.words(Column::TextEnds, at, 1, u32::from_le_bytes)?;
        let end = ends.first().map_or(0, |&end| end as usize);
        let bytes = all.get(*start..end).ok_or_else(|| {
            let all = all.len();
            format!("its text is said to be at {start}..{end} of {all} bytes")
        })?;
        *start = end;
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned)
            .map_err(|error| format!("its text is not UTF-8: {error}"))
    }

    fn routing(&self, at: usize) -> Result<Option<TokenRouting>, String> {
        let shape = self.header.shape;
        let weights = self.row(Column::ExpertWeights, at, shape.choices() * 2)?;
        let (pairs, _) = weights.as_chunks::<2>();
        if pairs.iter().all(|&pair| f16::from_le_bytes(pair).is_nan()) {
            return Ok(None);
        }
        let expert_bytes = shape.choices() * shape.expert_bytes();
        let experts = self.row(Column::Experts, at, expert_bytes)?;
        let mut entropies =
            self.words(Column::Entropies, at, shape.num_layers, f32::from_le_bytes)?;
        if entropies.iter().all(|entropy| entropy.is_nan()) {
            entropies.clear();
        }
        chunk::routing(&shape, experts, weights, entropies).map(Some)
    }

    /// A token's `count` elements of four bytes; none where there is no such array.
    fn words<T>(
        &self,
        column: Column,
        at: usize,
        count: usize,
        from_bytes: impl Fn([u8; 4]) -> T,
    ) -> Result<Vec<T>, String> {
        if self.entry(column).is_none() {
            return Ok(Vec::new());
        }
        let (words, _) = self.row(column, at, count * 4)?.as_chunks::<4>();
        Ok(words.iter().map(|&word| from_bytes(word)).collect())
    }

    /// A token's bytes of an array that is there.
    fn row(&self, column: Column, at: usize, row_bytes: usize) -> Result<&'a [u8], String> {
        let entry = self.entry(column);
        let all = entry.map_or(&[][..], |entry| &self.bytes[entry.range.clone()]);
        all.get(at * row_bytes..(at + 1) * row_bytes)
            .ok_or_else(|| format!("array {:?} ends before it", column.name()))
    }
}
