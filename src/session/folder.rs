//! All sessions: listing, searching, renaming, deleting with a way back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::conversation::find_ignoring_case;
use super::file::{self, Opened, SessionFile, SessionId, StoreError};
use super::node::NodeKind;
use super::op::TreeOp;
use super::tree::Tree;

const EXTENSION: &str = "jsonl";

/// Where deleted sessions wait.
const TRASH: &str = "trash";

/// How long deleted sessions wait.
const TRASH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

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

impl SessionFolder {
    /// A folder, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, id: &SessionId) -> PathBuf {
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
        let path = self.file(id);
        if !path.exists() {
            return Err(StoreError::Unknown(id.to_string()));
        }
        SessionFile::open(&path)
    }

    /// The sessions that hold `query`, or all for an empty one, the newest first.
    pub fn list(&self, query: &str) -> Vec<SessionInfo> {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Vec::new();
        };
        let mut infos: Vec<SessionInfo> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let is_session = path
                    .extension()
                    .is_some_and(|extension| extension == EXTENSION);
                let id = SessionId::new(path.file_stem()?.to_str()?)?;
                if is_session {
                    info(id, &path, query)
                } else {
                    None
                }
            })
            .collect();
        infos.sort_by(|a, b| {
            b.modified_ms
                .cmp(&a.modified_ms)
                .then_with(|| b.id.cmp(&a.id))
        });
        infos
    }

    /// The session that was written last.
    pub fn latest(&self) -> Option<SessionId> {
        self.list("")
            .into_iter()
            .find(|info| info.problem.is_none() && info.num_messages > 0)
            .map(|info| info.id)
    }

    /// Renames a session that is not open here.
    pub fn rename(&self, id: &SessionId, title: &str) -> Result<(), StoreError> {
        let (opened, file) = self.open(id)?;
        let Some(mut file) = file else {
            let source = std::io::Error::other(
                opened
                    .access
                    .reason()
                    .unwrap_or("it cannot be written")
                    .to_owned(),
            );
            return Err(StoreError::Io {
                path: self.file(id),
                source,
            });
        };
        file.append(&[TreeOp::SetTitle {
            title: title.to_owned(),
        }])?;
        file.sync()
    }

    /// Moves a session to the trash.
    pub fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let trash = self.path.join(TRASH);
        fs::create_dir_all(&trash).map_err(StoreError::io(&trash))?;
        let target = trash.join(format!("{id}.{EXTENSION}"));
        fs::rename(self.file(id), &target).map_err(StoreError::io(&self.file(id)))
    }

    /// Brings a session back from the trash.
    pub fn undelete(&self, id: &SessionId) -> Result<(), StoreError> {
        let source = self.path.join(TRASH).join(format!("{id}.{EXTENSION}"));
        let target = self.file(id);
        if target.exists() {
            let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(StoreError::Io {
                path: target,
                source,
            });
        }
        fs::rename(&source, target).map_err(StoreError::io(&source))
    }

    /// Removes what has been in the trash for a month.
    pub fn purge(&self, now_ms: u64) {
        let entries = fs::read_dir(self.path.join(TRASH));
        for path in entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
        {
            let is_old = modified_ms(&path)
                .is_some_and(|modified| modified.saturating_add(TRASH_MS) < now_ms);
            if is_old
                && path
                    .extension()
                    .is_some_and(|extension| extension == EXTENSION)
            {
                // One that cannot be removed is tried again at the next start.
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn modified_ms(path: &Path) -> Option<u64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_millis() as u64)
}

fn info(id: SessionId, path: &Path, query: &str) -> Option<SessionInfo> {
    let modified_ms = modified_ms(path).unwrap_or_default();
    match file::read(path) {
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
    Some(
        format!("{before}{after}")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    )
}
