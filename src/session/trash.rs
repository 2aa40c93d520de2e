//! Deleted sessions, which wait a month for a change of mind.

use std::fs;
use std::path::{Path, PathBuf};

use super::access::{Grip, grip};
use super::error::StoreError;
use super::folder::{EXTENSION, SessionFolder, modified_ms};
use super::id::SessionId;

/// Where deleted sessions wait.
const TRASH: &str = "trash";

/// How long deleted sessions wait.
const TRASH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

impl SessionFolder {
    fn trash(&self) -> PathBuf {
        self.path().join(TRASH)
    }

    /// Moves a session to the trash.
    ///
    /// *Errors:* [`StoreError::InUse`] where it is open: what is still written would go to the trash
    /// unseen. [`StoreError::Unknown`], [`StoreError::Io`].
    pub fn delete(&self, id: &SessionId, now_ms: u64) -> Result<(), StoreError> {
        let path = self.existing(id)?;
        // Held until the file is moved, so that nobody opens it in between.
        let grip = grip(&path)?;
        if matches!(grip, Grip::Busy) {
            return Err(StoreError::InUse(id.to_string()));
        }
        let trash = self.trash();
        fs::create_dir_all(&trash).map_err(StoreError::io(&trash))?;
        // The time keeps apart what was deleted twice, and says from when on the month counts.
        let target = trash.join(format!("{id}.{now_ms}.{EXTENSION}"));
        fs::rename(&path, target).map_err(StoreError::io(&path))
    }

    /// Brings a session back from the trash.
    ///
    /// *Errors:* [`StoreError::Unknown`] where it is not there, [`StoreError::Io`] also where a
    /// session has that name again.
    pub fn undelete(&self, id: &SessionId) -> Result<(), StoreError> {
        let source = trashed(&self.trash())
            .filter(|trashed| trashed.id == *id)
            .max_by_key(|trashed| trashed.deleted_ms)
            .ok_or_else(|| StoreError::Unknown(id.to_string()))?
            .path;
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

    /// The session that was deleted last and is still in the trash.
    pub fn last_deleted(&self) -> Option<SessionId> {
        let newest = trashed(&self.trash()).max_by_key(|trashed| trashed.deleted_ms);
        newest.map(|trashed| trashed.id)
    }

    /// Removes what has been in the trash for a month.
    pub fn purge(&self, now_ms: u64) {
        for trashed in trashed(&self.trash()) {
            // A clock that was wrong on the day of the deletion must not shorten the month.
            let since_ms = trashed
                .deleted_ms
                .max(modified_ms(&trashed.path).unwrap_or(now_ms));
            if since_ms.saturating_add(TRASH_MS) < now_ms {
                // One that cannot be removed is tried again at the next start.
                let _ = fs::remove_file(trashed.path);
            }
        }
    }
}

struct Trashed {
    id: SessionId,
    deleted_ms: u64,
    path: PathBuf,
}

/// What lies in the trash; files that were not put there by [`SessionFolder::delete`] are not seen.
fn trashed(trash: &Path) -> impl Iterator<Item = Trashed> {
    let entries = fs::read_dir(trash).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let path = entry.path();
        let name = path.file_name()?.to_str()?;
        let (id, deleted_ms) = name
            .strip_suffix(EXTENSION)?
            .strip_suffix('.')?
            .split_once('.')?;
        Some(Trashed {
            id: SessionId::new(id)?,
            deleted_ms: deleted_ms.parse().ok()?,
            path,
        })
    })
}
