//! A trace of either kind: what opens has what it says, and a journal's tokens are those of the file
//! that it becomes.
//!
//! A journal's checksums are put right first: chance would not find them.

use std::fs;
use std::path::Path;

use gptoss::trace_file::{Completeness, TraceFile, recover};

use super::files::empty_folder;

const MAGIC: &[u8] = b"gptossTJ";
/// Magic, version, length of the header, checksum.
const PREAMBLE_BYTES: usize = 20;

pub fn trace(data: &[u8]) {
    let folder = empty_folder();
    let path = folder.join("t.trace.part");
    fs::write(&path, with_checksums(data)).unwrap();
    let Ok(trace) = TraceFile::open(&path) else {
        return;
    };
    check(&trace);
    if let Completeness::Journal { unread_bytes } = trace.completeness() {
        assert!(unread_bytes <= data.len() as u64);
        check_recovered(&trace, &path);
    }
}

fn check(trace: &TraceFile) {
    let shape = trace.shape();
    let choices = shape.num_layers * shape.num_experts_per_tok;
    assert_eq!(trace.ids().len(), trace.len());
    assert!(trace.prompt_tokens() <= trace.len());
    // A choice that was not recorded has a place, too: not for shapes that no file pays for.
    if trace.len().saturating_mul(choices) < 1 << 16 {
        assert_eq!(trace.experts().len(), trace.len() * choices);
        assert_eq!(trace.expert_weights().len(), trace.len() * choices);
    }
    for token in trace.tokens() {
        assert!((token.id as usize) < shape.vocab_size);
    }
    for token in 0..=trace.len().min(64) {
        if let Some(row) = trace.logits(token) {
            assert!(trace.has_logits() && row.len() == shape.vocab_size);
        }
        if let Some(row) = trace.router_logits(token) {
            assert!(trace.has_router_logits());
            assert_eq!(row.len(), shape.num_layers * shape.num_local_experts);
        }
    }
    assert_eq!(trace.logits(trace.len()), None);
}

fn check_recovered(journal: &TraceFile, path: &Path) {
    let recovery = match recover(path) {
        Ok(recovery) => recovery,
        Err(error) => {
            assert!(journal.is_empty(), "{error}");
            assert!(path.exists(), "the journal stays");
            return;
        }
    };
    assert_eq!(recovery.tokens, journal.len());
    let finished = TraceFile::open(&recovery.path).expect("what is written opens");
    assert_eq!(finished.completeness(), Completeness::Recovered);
    assert_eq!(finished.header(), journal.header());
    assert_eq!(finished.tokens(), journal.tokens());
    check(&finished);
}

/// The bytes with the right checksum in each frame of a journal.
fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    if !bytes.starts_with(MAGIC) || bytes.len() < PREAMBLE_BYTES {
        return bytes;
    }
    let mut at = PREAMBLE_BYTES.saturating_add(word(&bytes, 12));
    if let Some(header) = bytes.get(PREAMBLE_BYTES..at) {
        let crc = checksum(&bytes[8..16], header);
        bytes[16..20].copy_from_slice(&crc);
    }
    while at.saturating_add(8) <= bytes.len() {
        let end = (at + 8).saturating_add(word(&bytes, at));
        let Some(chunk) = bytes.get(at + 8..end) else {
            break;
        };
        let crc = checksum(&bytes[at..at + 4], chunk);
        bytes[at + 4..at + 8].copy_from_slice(&crc);
        at = end;
    }
    bytes
}

fn word(bytes: &[u8], at: usize) -> usize {
    bytes[at..at + 4]
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | usize::from(*byte))
}

fn checksum(first: &[u8], rest: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(first);
    hasher.update(rest);
    hasher.finalize().to_le_bytes()
}
