//! A session's file: opened with whatever damage it has, and appended to.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::line;
use super::op::TreeOp;
use super::tree::Tree;

/// The format's name in the first line.
const FORMAT: &str = "gptoss-session";

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// Files above this are not sessions.
const MAX_BYTES: u64 = 1 << 30;

/// A session's name on disk: letters, digits, `-` and `_`, so it never leaves its folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// The id with this text; none where it is empty, long, or holds other characters.
    pub fn new(text: &str) -> Option<Self> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = (1..=100).contains(&text.len()) && text.bytes().all(is_fine);
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    version: u32,
    pub(super) created_ms: u64,
    program: String,
}

/// Whether changes reach the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// They do.
    Writable,
    /// They do not: another program has the session open, or the file cannot be written.
    ReadOnly {
        /// Why.
        reason: String,
    },
    /// There is no file yet.
    #[default]
    InMemory,
}

impl Access {
    /// Why changes do not reach the disk.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::ReadOnly { reason } => Some(reason),
            Self::Writable | Self::InMemory => None,
        }
    }
}

/// The part of a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The first damaged line, from 1.
    pub line: usize,
    /// The bytes from there on.
    pub bytes: u64,
    /// Where they were put; none where the file is read-only.
    pub kept_as: Option<PathBuf>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this session's file is damaged from line {} on: {} bytes were left out",
            self.line, self.bytes
        )?;
        match &self.kept_as {
            Some(path) => write!(f, " and kept as {}", path.display()),
            None => Ok(()),
        }
    }
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The conversation.
    pub tree: Tree,
    /// Whether changes reach the disk.
    pub access: Access,
    /// What could not be read.
    pub damage: Option<Damage>,
}

/// A session cannot be opened or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refuses.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first line says something else.
    #[error("{path}: this is not a session of this program", path = path.display())]
    NotASession {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{path}: a newer version of this program wrote it (format {found}, this one reads {VERSION}); update to open it", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// No such session.
    #[error("there is no session \"{0}\"")]
    Unknown(String),
    /// A value cannot be written; this does not happen with values that were read or made here.
    #[error("a change cannot be written down: {0}")]
    Encode(#[from] serde_json::Error),
}

impl StoreError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A session's file, open for appending and locked against a second program.
#[derive(Debug)]
pub struct SessionFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines; a failed write is cut back to this.
    good_bytes: u64,
}

impl SessionFile {
    /// Begins a file with the operations that make `tree`.
    ///
    /// *Errors:* [`StoreError::Io`], also where the file exists.
    pub fn create(path: &Path, tree: &Tree, created_ms: u64) -> Result<Self, StoreError> {
        let io = StoreError::io;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io(folder))?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(io(path))?;
        // Not every file system knows locks; without one a second program is not noticed.
        let _ = file.try_lock();
        let mut session = Self {
            path: path.to_owned(),
            file,
            good_bytes: 0,
        };
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            created_ms,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        session.write(&line::write(&header)?)?;
        session.append(&tree.to_ops())?;
        Ok(session)
    }

    /// Opens a file. Without a writable file the conversation is there all the same.
    ///
    /// *Errors:* [`StoreError`] where nothing can be read.
    pub fn open(path: &Path) -> Result<(Opened, Option<Self>), StoreError> {
        let (file, mut access) = open_for_writing(path)?;
        let read = read(path)?;
        let (mut tree, damage) = (read.tree, read.damage);
        let mut session = None;
        if access == Access::Writable {
            let mut writable = Self {
                path: path.to_owned(),
                file,
                good_bytes: read.good_bytes,
            };
            match writable.repair(damage, &tree) {
                Ok(damage) => {
                    let interruptions = tree.interruptions();
                    if let Err(error) = writable.append(&interruptions) {
                        access = Access::ReadOnly {
                            reason: error.to_string(),
                        };
                    } else {
                        session = Some(writable);
                    }
                    interrupt(&mut tree);
                    return Ok((
                        Opened {
                            tree,
                            access,
                            damage,
                        },
                        session,
                    ));
                }
                Err((damage, error)) => {
                    interrupt(&mut tree);
                    access = Access::ReadOnly {
                        reason: error.to_string(),
                    };
                    return Ok((
                        Opened {
                            tree,
                            access,
                            damage: Some(damage),
                        },
                        session,
                    ));
                }
            }
        }
        interrupt(&mut tree);
        Ok((
            Opened {
                tree,
                access,
                damage,
            },
            session,
        ))
    }

    /// Puts the damaged part aside and cuts the file to what is whole.
    fn repair(
        &mut self,
        damage: Option<Damage>,
        _tree: &Tree,
    ) -> Result<Option<Damage>, (Damage, io::Error)> {
        let Some(mut damage) = damage else {
            return Ok(None);
        };
        let result = self.put_aside().and_then(|kept| {
            self.file.set_len(self.good_bytes)?;
            self.file.sync_data()?;
            Ok(kept)
        });
        match result {
            Ok(kept) => {
                damage.kept_as = Some(kept);
                Ok(Some(damage))
            }
            Err(error) => Err((damage, error)),
        }
    }

    fn put_aside(&self) -> io::Result<PathBuf> {
        let mut source = File::open(&self.path)?;
        source.seek(SeekFrom::Start(self.good_bytes))?;
        for number in 1..1000 {
            let kept = self.path.with_extension(format!("damaged-{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&kept) {
                Ok(mut target) => {
                    io::copy(&mut source, &mut target)?;
                    target.sync_data()?;
                    return Ok(kept);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(
            "there are a thousand damaged parts beside it already",
        ))
    }

    /// Appends operations; all of them or, on an error, none.
    pub fn append(&mut self, ops: &[TreeOp]) -> Result<(), StoreError> {
        let mut text = String::new();
        for op in ops {
            text.push_str(&line::write(op)?);
        }
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), StoreError> {
        if text.is_empty() {
            return Ok(());
        }
        let write = |file: &mut File, at: u64| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(text.as_bytes())?;
            file.flush()
        };
        if let Err(source) = write(&mut self.file, self.good_bytes) {
            // A half-written line would cost all that follows it.
            let _ = self.file.set_len(self.good_bytes);
            return Err(StoreError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.good_bytes += text.len() as u64;
        Ok(())
    }

    /// Makes sure that what was appended survives a crash of the machine.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io(&self.path))
    }
}

fn interrupt(tree: &mut Tree) {
    for op in tree.interruptions() {
        // They come from this very tree.
        let _ = tree.apply(&op);
    }
}

fn open_for_writing(path: &Path) -> Result<(File, Access), StoreError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => {
            let access = match file.try_lock() {
                Err(TryLockError::WouldBlock) => Access::ReadOnly {
                    reason: "another program has it open".to_owned(),
                },
                Ok(()) | Err(TryLockError::Error(_)) => Access::Writable,
            };
            Ok((file, access))
        }
        Err(denied) => {
            let file = File::open(path).map_err(StoreError::io(path))?;
            Ok((
                file,
                Access::ReadOnly {
                    reason: denied.to_string(),
                },
            ))
        }
    }
}

/// What a file says, up to its first damaged line.
pub(super) struct FileContent {
    pub(super) header: Header,
    pub(super) tree: Tree,
    damage: Option<Damage>,
    good_bytes: u64,
}

/// Reads a file without changing it.
pub(super) fn read(path: &Path) -> Result<FileContent, StoreError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(StoreError::io(path))?;
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io(path))?;
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
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
    let mut tree = Tree::default();
    let mut good_bytes = first.len() as u64;
    for (index, raw) in lines.enumerate() {
        let op: Option<TreeOp> = whole(raw).and_then(line::read);
        if op.is_none_or(|op| tree.apply(&op).is_err()) {
            let damage = Damage {
                line: index + 2,
                bytes: bytes.len() as u64 - good_bytes,
                kept_as: None,
            };
            return Ok(FileContent {
                header,
                tree,
                damage: Some(damage),
                good_bytes,
            });
        }
        good_bytes += raw.len() as u64;
    }
    Ok(FileContent {
        header,
        tree,
        damage: None,
        good_bytes,
    })
}

/// A line without its line break; none where it has none, since then its end is missing.
fn whole(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\n")
}
