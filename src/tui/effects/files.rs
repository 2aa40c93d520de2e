//! Files that effects write: exports, presets, the history of messages.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::app::Report;
use crate::app::sampling::Preset;
use crate::whole_file;

/// The most messages that the history keeps.
const HISTORY_LIMIT: usize = 1000;

/// Writes a text to a new file.
pub(super) fn write_new(folder: &Path, path: &Path, text: &str) -> Report {
    let path = folder.join(expand(path));
    match whole_file::create_new(&path, text.as_bytes()) {
        Ok(()) => Report::Done(format!("saved {}", path.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Report::Failed(format!(
            "{} exists already; choose another name",
            path.display()
        )),
        Err(error) => Report::Failed(format!("cannot write {}: {error}", path.display())),
    }
}

/// The largest profile that is read, in bytes: some ten times that of a dozen domains of the largest
/// model.
const PROFILE_LIMIT_BYTES: u64 = 64 << 20;

/// Reads a profile's text.
pub(super) fn read_profile(folder: &Path, path: &Path) -> Report {
    let path = folder.join(expand(path));
    let read = || -> Result<String, String> {
        let file = File::open(&path).map_err(|error| format!("it cannot be read: {error}"))?;
        let mut text = String::new();
        let mut file = file.take(PROFILE_LIMIT_BYTES + 1);
        file.read_to_string(&mut text)
            .map_err(|error| format!("it cannot be read: {error}"))?;
        if text.len() as u64 > PROFILE_LIMIT_BYTES {
            return Err(format!("it is larger than {PROFILE_LIMIT_BYTES} bytes"));
        }
        Ok(text)
    };
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    Report::ProfileRead { name, text: read() }
}

/// `~/` is the home folder, as in settings.
pub(super) fn expand(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// Bytes that are free where this folder is; none where the system does not tell.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(folder).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

/// Writes the person's presets in place of those before.
pub(super) fn save_presets(path: &Path, presets: &[Preset]) -> Report {
    let text = match serde_json::to_string(presets) {
        Ok(text) => text,
        Err(error) => return Report::Failed(format!("presets cannot be written: {error}")),
    };
    match replace(path, text.as_bytes()) {
        Ok(()) => Report::Done("preset saved".to_owned()),
        Err(error) => Report::Failed(format!("cannot write {}: {error}", path.display())),
    }
}

/// Reads the person's presets; what is not understood is left out and logged.
pub fn load_presets(path: &Path) -> Vec<Preset> {
    let Some(text) = read_existing(path) else {
        return Vec::new();
    };
    let values: Vec<serde_json::Value> = match serde_json::from_str(&text) {
        Ok(values) => values,
        Err(error) => {
            tracing::warn!(%error, "{} is not understood", path.display());
            return Vec::new();
        }
    };
    let presets = values.into_iter().filter_map(|value| {
        let preset = serde_json::from_value(value);
        preset
            .inspect_err(|error| tracing::warn!(%error, "a preset is not understood"))
            .ok()
    });
    presets.collect()
}

/// Appends a message to the history: one JSON text a line.
pub(super) fn remember(path: &Path, text: &str) -> io::Result<()> {
    make_folder(path)?;
    let mut options = File::options();
    options.read(true).create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let line = serde_json::Value::String(text.to_owned()).to_string() + "\n";
    let mut file = options.open(path)?;
    if is_torn(&mut file)? {
        // What a crash left of a line has to cost that line alone.
        return file.write_all(format!("\n{line}").as_bytes());
    }
    file.write_all(line.as_bytes())
}

/// Whether a file's last line has no end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Reads the latest messages, the newest last; the file is shortened when it has grown long.
pub fn load_history(path: &Path) -> Vec<String> {
    let Some(text) = read_existing(path) else {
        return Vec::new();
    };
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > 2 * HISTORY_LIMIT {
        lines.drain(..lines.len() - HISTORY_LIMIT);
        if let Err(error) = replace(path, (lines.join("\n") + "\n").as_bytes()) {
            tracing::warn!(%error, "{} could not be shortened", path.display());
        }
    }
    let start = lines.len().saturating_sub(HISTORY_LIMIT);
    // A line that was cut by a crash is no message.
    lines[start..]
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn read_existing(path: &Path) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "{} cannot be read", path.display());
            None
        }
    }
}

/// Writes beside the file and renames, so that a crash leaves the old or the new content.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_folder(path)?;
    whole_file::replace(path, bytes).map(drop)
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::SamplingParams;

    #[test]
    fn a_file_that_exists_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let report = write_new(folder.path(), Path::new("a.md"), "one");
        assert!(matches!(report, Report::Done(_)), "{report:?}");
        let report = write_new(folder.path(), Path::new("a.md"), "two");
        assert!(
            matches!(&report, Report::Failed(text) if text.contains("exists already")),
            "{report:?}"
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("a.md")).unwrap(),
            "one"
        );
        let report = write_new(folder.path(), Path::new("missing/a.md"), "");
        assert!(matches!(report, Report::Failed(_)));
    }

    #[test]
    fn the_history_keeps_texts_with_line_breaks_and_survives_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/history.jsonl");
        assert_eq!(load_history(&path), Vec::<String>::new());
        for text in ["one", "two\nlines \"quoted\""] {
            remember(&path, text).unwrap();
        }
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"\"torn")
            .unwrap();
        assert_eq!(load_history(&path), ["one", "two\nlines \"quoted\""]);
        remember(&path, "three").unwrap();
        let texts = ["one", "two\nlines \"quoted\"", "three"];
        assert_eq!(load_history(&path), texts);
    }

    #[test]
    fn a_long_history_is_shortened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let lines: Vec<String> = (0..=2 * HISTORY_LIMIT)
            .map(|number| format!("\"{number}\"\n"))
            .collect();
        let text = lines.concat();
        fs::write(&path, text).unwrap();
        let read = load_history(&path);
        assert_eq!(
            (read.len(), read[HISTORY_LIMIT - 1].as_str()),
            (HISTORY_LIMIT, "2000")
        );
        assert_eq!(
            fs::read_to_string(&path).unwrap().lines().count(),
            HISTORY_LIMIT
        );
    }

    #[test]
    fn presets_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/presets.json");
        assert_eq!(load_presets(&path), []);
        let sampling = SamplingParams {
            temperature: 0.25,
            ..SamplingParams::default()
        };
        let presets = [Preset {
            name: "mine".to_owned(),
            sampling,
        }];
        assert!(matches!(save_presets(&path, &presets), Report::Done(_)));
        assert_eq!(load_presets(&path), presets);
        fs::write(&path, "no JSON").unwrap();
        assert_eq!(load_presets(&path), []);
    }
}
