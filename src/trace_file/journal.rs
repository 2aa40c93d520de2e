//! A journal's frames: what is written, and how much of what is there is whole.
//!
//! `gptossTJ`, the format's version u32, the header's length u32, a CRC-32 of both and the header, the
//! header as JSON; then chunks: length u32, CRC-32 of the length and the chunk, the chunk.
//! Little-endian. The magic number is no length that a safetensors file could begin with.

use super::read::Rows;
use super::{Completeness, FORMAT_VERSION, TraceError, TraceHeader, TraceToken, check, chunk};

/// What a journal begins with.
pub(super) const MAGIC: [u8; 8] = *b"gptossTJ";
/// Magic, version, length, checksum.
const PREAMBLE_BYTES: usize = 20;
/// A chunk's length and checksum.
const FRAME_BYTES: usize = 8;

/// A journal as read.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) header: TraceHeader,
    pub(super) tokens: Vec<TraceToken>,
    pub(super) router_logits: Vec<Option<usize>>,
    pub(super) logits: Vec<Option<usize>>,
    pub(super) unread_bytes: u64,
}

impl Journal {
    /// The content as a file's.
    pub(super) fn completeness(&self) -> Completeness {
        Completeness::Journal {
            unread_bytes: self.unread_bytes,
        }
    }

    /// Where the large rows lie.
    pub(super) fn rows(starts: Vec<Option<usize>>) -> Option<Rows> {
        let is_empty = starts.iter().all(Option::is_none);
        (!is_empty).then_some(Rows::Scattered(starts))
    }
}

/// The beginning of a journal.
pub(super) fn preamble(header: &TraceHeader) -> Result<Vec<u8>, serde_json::Error> {
    let json = serde_json::to_vec(header)?;
    let lengths = [FORMAT_VERSION, json.len() as u32].map(u32::to_le_bytes);
    let crc = checksum(lengths.as_flattened(), &json);
    let parts = [&MAGIC, lengths.as_flattened(), &crc.to_le_bytes(), &json];
    Ok(parts.concat())
}

/// A chunk with its length and checksum in front.
pub(super) fn frame(chunk: &[u8]) -> Vec<u8> {
    let length = (chunk.len() as u32).to_le_bytes();
    let crc = checksum(&length, chunk).to_le_bytes();
    [&length[..], &crc, chunk].concat()
}

fn checksum(first: &[u8], rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(first);
    hasher.update(rest);
    hasher.finalize()
}

/// Reads a journal up to its last whole chunk.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Journal, TraceError> {
    let (header, mut at) = parse_header(bytes).map_err(|(key, reason)| TraceError::Header {
        file: file.to_owned(),
        key,
        reason,
    })?;
    let mut journal = Journal {
        header,
        tokens: Vec::new(),
        router_logits: Vec::new(),
        logits: Vec::new(),
        unread_bytes: 0,
    };
    let mut number = 0;
    while let Some(chunk) = whole_chunk(&bytes[at..]) {
        journal.add(file, number, chunk, at + FRAME_BYTES)?;
        at += FRAME_BYTES + chunk.len();
        number += 1;
    }
    journal.unread_bytes = (bytes.len() - at) as u64;
    Ok(journal)
}

impl Journal {
    fn add(
        &mut self,
        file: &str,
        number: usize,
        bytes: &[u8],
        start: usize,
    ) -> Result<(), TraceError> {
        let rows =
            chunk::decode(&self.header.shape, bytes).map_err(|reason| TraceError::Chunk {
                file: file.to_owned(),
                chunk: number,
                reason,
            })?;
        for row in rows {
            check::token(&self.header, &row.token).map_err(|reason| TraceError::Token {
                file: file.to_owned(),
                token: self.tokens.len(),
                reason,
            })?;
            self.tokens.push(row.token);
            self.router_logits
                .push(row.router_logits.map(|at| start + at));
            self.logits.push(row.logits.map(|at| start + at));
        }
        Ok(())
    }
}

/// Whether this is what a crash leaves of a journal's very beginning: nothing was recorded yet.
///
/// A whole header with a damaged length is none: chunks may follow it.
pub(super) fn is_torn_beginning(bytes: &[u8]) -> bool {
    if bytes.len() < MAGIC.len() {
        return MAGIC.starts_with(bytes);
    }
    if !bytes.starts_with(&MAGIC) {
        return false;
    }
    let json = bytes.get(PREAMBLE_BYTES..).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<serde_json::Value>();
    match values.next() {
        None => true,
        Some(Ok(_)) => false,
        Some(Err(error)) => error.is_eof(),
    }
}

fn parse_header(bytes: &[u8]) -> Result<(TraceHeader, usize), (&'static str, String)> {
    let cut = |expected: usize| {
        let reason = format!("expected {expected} bytes, found {}", bytes.len());
        ("header", reason)
    };
    let word = |at: usize| {
        let (words, _) = bytes[8..PREAMBLE_BYTES].as_chunks::<4>();
        u32::from_le_bytes(words[at])
    };
    if bytes.len() < PREAMBLE_BYTES {
        return Err(cut(PREAMBLE_BYTES));
    }
    if word(0) != FORMAT_VERSION {
        let reason = format!("expected {FORMAT_VERSION}, found {}", word(0));
        return Err(("format_version", reason));
    }
    let end = PREAMBLE_BYTES.saturating_add(word(1) as usize);
    let json = bytes.get(PREAMBLE_BYTES..end).ok_or_else(|| cut(end))?;
    if checksum(&bytes[8..16], json) != word(2) {
        return Err(("header", "its checksum is wrong".to_owned()));
    }
    Ok((header(json)?, end))
}

/// The header from its JSON, checked.
pub(super) fn header(json: &[u8]) -> Result<TraceHeader, (&'static str, String)> {
    let header: TraceHeader =
        serde_json::from_slice(json).map_err(|error| ("header", error.to_string()))?;
    check::shape(&header.shape).map_err(|reason| ("shape", reason))?;
    Ok(header)
}

/// The chunk that begins here, if all of it is there and as it was written.
fn whole_chunk(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let chunk = rest.get(..u32::from_le_bytes(*length) as usize)?;
    (checksum(length, chunk) == u32::from_le_bytes(*crc)).then_some(chunk)
}
