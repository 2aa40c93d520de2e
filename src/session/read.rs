//! Reads a session's file without changing it, up to its first damaged line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::line;
use super::op::TreeOp;
use super::repair::Damage;
use super::tree::Tree;

/// The format's name in the first line.
const FORMAT: &str = "gptoss-session";

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

/// Files above this are not sessions.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    version: u32,
    pub(super) created_ms: u64,
    program: String,
}

impl Header {
    /// The first line of a file that is begun now.
    pub(super) fn new(created_ms: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            created_ms,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What a file says, up to its first damaged line.
pub(super) struct Content {
    pub(super) header: Header,
    pub(super) tree: Tree,
    pub(super) damage: Option<Damage>,
    /// The bytes of the whole lines before the damage.
    pub(super) good_bytes: u64,
    /// The whole lines after the first, where that one is damaged.
    pub(super) headless: Option<Vec<u8>>,
}

/// Reads a file.
///
/// A damaged first line costs itself alone where a change of a conversation follows it.
///
/// *Errors:* [`StoreError`] where this is not a session, and where the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Content, StoreError> {
    let bytes = bytes(path)?;
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let (header, is_first_line) = match header(path, first) {
        Ok(header) => (header, false),
        Err(StoreError::NotASession { .. }) if is_damaged(first) && goes_on(lines.clone()) => {
            (Header::new(created_ms(path)), true)
        }
        Err(error) => return Err(error),
    };
    let mut tree = Tree::default();
    let mut good_bytes = first.len() as u64;
    let first_bytes = first.len() as u64 * u64::from(is_first_line);
    let mut damage = is_first_line.then_some(Damage {
        line: 1,
        bytes: first_bytes,
        is_first_line,
        is_torn: false,
        kept_as: None,
    });
    for (index, raw) in lines.enumerate() {
        let op: Option<TreeOp> = whole(raw).and_then(line::read);
        if op.is_none_or(|op| tree.apply(&op).is_err()) {
            damage = Some(Damage {
                line: index + 2,
                bytes: first_bytes + bytes.len() as u64 - good_bytes,
                is_first_line,
                is_torn: !is_first_line
                    && bytes.len() as u64 - good_bytes == raw.len() as u64
                    && whole(raw).is_none(),
                kept_as: None,
            });
            break;
        }
        good_bytes += raw.len() as u64;
    }
    Ok(Content {
        header,
        tree,
        damage,
        good_bytes,
        headless: is_first_line.then(|| bytes[first.len()..good_bytes as usize].to_vec()),
    })
}

/// When a session was begun, by its file's name; 0 where that says nothing.
fn created_ms(path: &Path) -> u64 {
    let name = path.file_stem().and_then(|name| name.to_str());
    let digits = name.and_then(|name| name.split('-').next());
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

/// Whether a first line is no line of this program's, rather than one that says something else.
fn is_damaged(first: &[u8]) -> bool {
    whole(first)
        .and_then(line::read::<serde_json::Value>)
        .is_none()
}

/// Whether a conversation's changes follow.
fn goes_on<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let next = lines.next().and_then(whole);
    next.and_then(line::read::<TreeOp>).is_some()
}

fn bytes(path: &Path) -> Result<Vec<u8>, StoreError> {
    let io = StoreError::io;
    let file = File::open(path).map_err(io(path))?;
    let mut bytes = Vec::new();
    // One byte more, so that a file that is too large is not taken for a damaged one and cut.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        let found_bytes = std::fs::metadata(path).map_err(io(path))?.len();
        return Err(StoreError::TooLarge {
            path: path.to_owned(),
            found_bytes,
        });
    }
    Ok(bytes)
}

fn header(path: &Path, first: &[u8]) -> Result<Header, StoreError> {
    let not_a_session = || StoreError::NotASession {
        path: path.to_owned(),
    };
    let header: Header = whole(first)
        .and_then(line::read)
        .ok_or_else(not_a_session)?;
    if header.format != FORMAT {
        return Err(not_a_session());
    }
    if header.version > VERSION {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: header.version,
        });
    }
    Ok(header)
}

/// A line without its line break; none where it has none, since then its end is missing.
fn whole(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}
