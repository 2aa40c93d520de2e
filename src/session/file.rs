//! A session's file: opened with whatever damage it has, and appended to.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::access::{Access, Grip, grip};
use super::error::StoreError;
use super::line;
use super::op::TreeOp;
use super::read::{Header, read};
use super::repair::{Damage, begin_anew, put_aside, repair};
use super::tree::Tree;

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

/// A session's file, open for appending and locked against a second program.
#[derive(Debug)]
pub struct SessionFile {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines; a failed write is cut back to this.
    good_bytes: u64,
    /// What the file was before its first line was mended. Its lock is kept: another program that
    /// opened it before would write to a file without a name.
    replaced: Option<File>,
}

impl SessionFile {
    /// Begins a file with the operations that make `tree`.
    ///
    /// *Errors:* [`StoreError::Io`], also where the file exists. Nothing is left behind then.
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
            replaced: None,
        };
        if let Err(error) = session.begin(tree, created_ms) {
            // Half a beginning would be listed as a damaged session.
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(session)
    }

    fn begin(&mut self, tree: &Tree, created_ms: u64) -> Result<(), StoreError> {
        self.write(&line::write(&Header::new(created_ms))?)?;
        self.append(&tree.to_ops())
    }

    /// Opens a file; its damaged end is put aside. Without a writable file the conversation is there
    /// all the same.
    ///
    /// *Errors:* [`StoreError`] where nothing can be read; the file is not touched then.
    pub fn open(path: &Path) -> Result<(Opened, Option<Self>), StoreError> {
        // First the lock, then the content: nobody may write in between.
        let grip = grip(path)?;
        let mut read = read(path)?;
        let mut opened = Opened {
            tree: read.tree,
            access: Access::Writable,
            damage: read.damage,
        };
        let mut session = None;
        match grip {
            Grip::Held(file) => {
                let mut held = Self {
                    path: path.to_owned(),
                    file,
                    good_bytes: read.good_bytes,
                    replaced: None,
                };
                match held.make_whole(&mut opened, &read.header, read.headless.take()) {
                    Ok(()) => session = Some(held),
                    Err(error) => opened.access = read_only(&error),
                }
            }
            Grip::Busy => {
                opened.access = read_only(&"another program has it open");
                // The other program is in the middle of a line.
                opened.damage = opened.damage.filter(|damage| !damage.is_torn);
            }
            Grip::Denied(reason) => opened.access = read_only(&reason),
        }
        if let Some(damage) = &opened.damage {
            tracing::warn!("{}: {damage}", path.display());
        }
        for op in opened.tree.interruptions() {
            // They come from this very tree.
            let _ = opened.tree.apply(&op);
        }
        Ok((opened, session))
    }

    /// Puts the damaged end aside, and writes down that running answers were interrupted.
    fn make_whole(
        &mut self,
        opened: &mut Opened,
        header: &Header,
        headless: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        if let Some(damage) = &mut opened.damage {
            let io = StoreError::io;
            if let Some(good) = headless {
                let first = line::write(header)?;
                self.good_bytes = (first.len() + good.len()) as u64;
                // Told also where the file cannot be written again: it holds everything then.
                damage.kept_as = Some(put_aside(&self.path, 0).map_err(io(&self.path))?);
                let anew = begin_anew(&self.path, &first, &good).map_err(io(&self.path))?;
                self.replaced = Some(std::mem::replace(&mut self.file, anew));
            } else {
                let kept = repair(&self.path, &self.file, self.good_bytes);
                damage.kept_as = Some(kept.map_err(io(&self.path))?);
            }
        }
        self.append(&opened.tree.interruptions())
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

fn read_only(reason: &dyn ToString) -> Access {
    Access::ReadOnly {
        reason: reason.to_string(),
    }
}
