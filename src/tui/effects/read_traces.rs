//! Reads traces for the screen, on the thread that looks through folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Files;
use super::files::expand;
use crate::app::traces::{
    FollowedTrace, OpenTrace, TraceChoice, TracePurpose, TraceRead, TraceRequest,
};
use crate::trace_file::{Comparison, TraceFile, TraceShape};

/// Reads what was asked for.
pub(super) fn read(files: &Files, request: TraceRequest) -> TraceRead {
    let (purpose, read) = match request {
        TraceRequest::List => return TraceRead::Listed(list(files.traces.as_deref())),
        TraceRequest::Open(path) => (TracePurpose::Open, open(files, &path)),
        TraceRequest::Compare { shown, other } => {
            (TracePurpose::Compare, compare(files, &shown, &other))
        }
        TraceRequest::Follow {
            path,
            shape,
            source,
            weights,
        } => {
            let weights = match (source, files.digests) {
                (Some(source), Some(read)) => read(&source).map(|digests| digests.weights),
                _ => Ok(weights),
            };
            let followed = weights.and_then(|weights| follow(files, &path, &shape, &weights));
            (TracePurpose::Follow, followed)
        }
    };
    read.unwrap_or_else(|message| TraceRead::Refused { purpose, message })
}

fn opened(files: &Files, path: &Path) -> Result<OpenTrace, String> {
    let path = files.current.join(expand(path));
    let trace = TraceFile::open(&path).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(OpenTrace {
        name: name.to_string_lossy().into_owned(),
        trace: Arc::new(trace),
        path,
    })
}

fn open(files: &Files, path: &Path) -> Result<TraceRead, String> {
    let found = opened(files, path)?;
    if found.trace.is_empty() {
        return Err(format!("{} holds no token yet", found.name));
    }
    Ok(TraceRead::Opened(found))
}

fn compare(files: &Files, shown: &Path, other: &Path) -> Result<TraceRead, String> {
    let (a, b) = (opened(files, shown)?, opened(files, other)?);
    let found = Comparison::of((&a.name, &a.trace), (&b.name, &b.trace));
    let found = found.map_err(|error| error.to_string())?;
    Ok(TraceRead::Compared(Arc::new(found)))
}

fn follow(
    files: &Files,
    path: &Path,
    shape: &TraceShape,
    weights: &str,
) -> Result<TraceRead, String> {
    let found = opened(files, path)?;
    let routing = found.trace.forced_routing(&found.name, shape, weights);
    Ok(TraceRead::Followed(Box::new(FollowedTrace {
        routing: routing.map_err(|error| error.to_string())?,
        ids: found.trace.ids(),
        name: found.name,
    })))
}

/// The traces in the folder, journals of cut-off recordings too, the newest first.
fn list(folder: Option<&Path>) -> Vec<TraceChoice> {
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    let entries = entries.into_iter().flatten().flatten();
    let mut found: Vec<(u64, TraceChoice)> =
        entries.filter_map(|entry| file(entry.path())).collect();
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.into_iter().map(|(_, choice)| choice).collect()
}

fn file(path: PathBuf) -> Option<(u64, TraceChoice)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let is_trace = [".safetensors", ".safetensors.part"];
    if !is_trace.iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let modified_ms = u64::try_from(modified.as_millis()).unwrap_or(u64::MAX);
    let bytes = metadata.len();
    let choice = TraceChoice::File {
        path,
        name,
        modified_ms,
        bytes,
    };
    Some((modified_ms, choice))
}
