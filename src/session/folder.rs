//! All sessions: listing, searching, renaming.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::conversation::find_ignoring_case;
use super::error::StoreError;
use super::file::{Opened, SessionFile};
use super::id::SessionId;
use super::node::NodeKind;
use super::op::TreeOp;
use super::read::read;
use super::tree::Tree;

/// What sessions' file names end in.
pub(super) const EXTENSION: &str = "jsonl";

/// The folder that holds the sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFolder {
    path: PathBuf,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its name on disk.
    pub id: SessionId,
    /// Its title.
    pub title: String,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: u64,
    /// Its messages, all branches counted.
    pub num_messages: usize,
    /// Its branches.
    pub num_branches: usize,
    /// Why it cannot be opened.
    pub problem: Option<String>,
    /// A place where what was searched appears.
    pub excerpt: Option<String>,
}

/// A session's file in the folder.
struct Entry {
    id: SessionId,
    path: PathBuf,
    modified_ms: u64,
}

impl SessionFolder {
    /// A folder, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, id: &SessionId) -> PathBuf {
        self.path.join(format!("{id}.{EXTENSION}"))
    }

    /// Begins a session that starts as `tree`. Its name is the time and, where that is taken, a
    /// number.
    pub fn create(&self, tree: &Tree, now_ms: u64) -> Result<(SessionId, SessionFile), StoreError> {
        let mut number = 0_u32;
        loop {
            let name = if number == 0 {
                format!("{now_ms}")
            } else {
                format!("{now_ms}-{number}")
            };
            let id = SessionId::new(&name).ok_or_else(|| StoreError::Unknown(name.clone()))?;
            match SessionFile::create(&self.file(&id), tree, now_ms) {
                Err(StoreError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::AlreadyExists && number < 1000 =>
                {
                    number += 1;
                }
                other => return other.map(|file| (id, file)),
            }
        }
    }

    /// Opens a session.
    pub fn open(&self, id: &SessionId) -> Result<(Opened, Option<SessionFile>), StoreError> {
        SessionFile::open(&self.existing(id)?)
    }

    /// Says whether a session can be read, and changes nothing: no lock, no repair.
    ///
    /// *Errors:* those of [`Self::open`].
    pub fn check(&self, id: &SessionId) -> Result<(), StoreError> {
        read(&self.existing(id)?).map(drop)
    }

    pub(super) fn existing(&self, id: &SessionId) -> Result<PathBuf, StoreError> {
        let path = self.file(id);
        let is_there = path.try_exists().map_err(StoreError::io(&path))?;
        is_there
            .then_some(path)
            .ok_or_else(|| StoreError::Unknown(id.to_string()))
    }

    /// The sessions that hold `query`, or all for an empty one, the newest first.
    pub fn list(&self, query: &str) -> Vec<SessionInfo> {
        let entries = self.newest_first().into_iter();
        entries.filter_map(|entry| info(entry, query)).collect()
    }

    /// The session with a message that was written last. Files are read from the newest on, until
    /// one is found.
    pub fn latest(&self) -> Option<SessionId> {
        let has_messages =
            |entry: &Entry| read(&entry.path).is_ok_and(|content| !content.tree.is_empty());
        let latest = self.newest_first().into_iter().find(has_messages);
        latest.map(|entry| entry.id)
    }

    /// The files with a session's name, unread.
    fn newest_first(&self) -> Vec<Entry> {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut entries: Vec<Entry> = files.filter_map(|file| entry(file.path())).collect();
        entries.sort_by(|a, b| {
            b.modified_ms
                .cmp(&a.modified_ms)
                .then_with(|| b.id.cmp(&a.id))
        });
        entries
    }

    /// Renames a session that is not open here.
    pub fn rename(&self, id: &SessionId, title: &str) -> Result<(), StoreError> {
        let (opened, file) = self.open(id)?;
        let Some(mut file) = file else {
            let reason = opened.access.reason().unwrap_or("it cannot be written");
            return Err(StoreError::Io {
                path: self.file(id),
                source: std::io::Error::other(reason.to_owned()),
            });
        };
        file.append(&[TreeOp::SetTitle {
            title: title.to_owned(),
        }])?;
        file.sync()
    }
}

/// When a file was last written, in milliseconds since 1970.
pub(super) fn modified_ms(path: &Path) -> Option<u64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_millis() as u64)
}

fn entry(path: PathBuf) -> Option<Entry> {
    let name = path.file_name()?.to_str()?;
    let id = SessionId::new(name.strip_suffix(EXTENSION)?.strip_suffix('.')?)?;
    let modified_ms = modified_ms(&path).unwrap_or_default();
    Some(Entry {
        id,
        path,
        modified_ms,
    })
}

fn info(entry: Entry, query: &str) -> Option<SessionInfo> {
    let Entry {
        id,
        path,
        modified_ms,
    } = entry;
    match read(&path) {
        Ok(content) => {
            let title = content.tree.title_or_beginning();
            let excerpt = excerpt(&content.tree, query);
            let fits = query.is_empty()
                || excerpt.is_some()
                || !find_ignoring_case(&title, query).is_empty();
            fits.then(|| SessionInfo {
                id,
                title,
                created_ms: content.header.created_ms,
                modified_ms,
                num_messages: content.tree.len(),
                num_branches: content.tree.num_branches(),
                problem: None,
                excerpt,
            })
        }
        Err(error) => query.is_empty().then(|| SessionInfo {
            title: id.to_string(),
            id,
            created_ms: 0,
            modified_ms,
            num_messages: 0,
            num_branches: 0,
            problem: Some(error.to_string()),
            excerpt: None,
        }),
    }
}

/// Characters on either side of what was found.
const EXCERPT_CHARACTERS: usize = 30;

fn excerpt(tree: &Tree, query: &str) -> Option<String> {
    let found = tree.search(query).into_iter().next()?;
    let text = match &tree.node(found.node)?.kind {
        NodeKind::User { text } | NodeKind::Tool { text, .. } => text,
        NodeKind::Assistant(turn) => &turn.parts.get(found.part)?.text,
    };
    let before: String = text[..found.bytes.start]
        .chars()
        .rev()
        .take(EXCERPT_CHARACTERS)
        .collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[found.bytes.start..]
        .chars()
        .take(EXCERPT_CHARACTERS + query.len())
        .collect();
    let is_cut = before.len() < found.bytes.start;
    let text = format!("{before}{after}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(if is_cut { format!("...{words}") } else { words })
}
