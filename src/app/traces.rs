//! Recorded traces from within the playground: opened over the chat, compared, followed.
//!
//! The shell reads the files and answers with [`TraceRead`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::protocol::{ModelSource, RequestId};
use crate::intervention::ForcedRouting;
use crate::session::NodeId;
use crate::trace_file::{Comparison, TraceFile, TraceShape};

/// What is done with a chosen trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TracePurpose {
    /// It is shown in place of the chat.
    Open,
    /// It is compared with the one that is shown.
    Compare,
    /// Its routing is followed by a new answer.
    Follow,
}

impl TracePurpose {
    /// What a list for it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Open => "open a trace",
            Self::Compare => "compare with another trace",
            Self::Follow => "answer with a trace's experts",
        }
    }
}

/// A trace in the folder, or another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceChoice {
    /// One that is elsewhere: its path is asked for.
    Elsewhere,
    /// One in the folder.
    File {
        /// Its path.
        path: PathBuf,
        /// Its name.
        name: String,
        /// When it was written, in milliseconds since 1970.
        modified_ms: u64,
        /// Its size.
        bytes: u64,
    },
}

impl TraceChoice {
    /// What is searched while typing.
    pub fn name(&self) -> &str {
        match self {
            Self::Elsewhere => "another file",
            Self::File { name, .. } => name,
        }
    }
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceRequest {
    /// The traces in the folder.
    List,
    /// A trace to be shown.
    Open(PathBuf),
    /// Two traces to be compared.
    Compare {
        /// The one that is shown.
        shown: PathBuf,
        /// The other one.
        other: PathBuf,
    },
    /// A trace whose routing is to be followed by the present model.
    Follow {
        /// The trace.
        path: PathBuf,
        /// The present model's dimensions.
        shape: TraceShape,
        /// Where its weights are; none where no model answers.
        source: Option<ModelSource>,
        /// What traces say in place of a digest where there are no weights.
        weights: String,
    },
}

/// A trace that was opened.
#[derive(Clone)]
pub struct OpenTrace {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Its content.
    pub trace: Arc<TraceFile>,
}

impl PartialEq for OpenTrace {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && Arc::ptr_eq(&self.trace, &other.trace)
    }
}

impl fmt::Debug for OpenTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTrace")
            .field("path", &self.path)
            .field("tokens", &self.trace.len())
            .finish_non_exhaustive()
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceRead {
    /// The traces in the folder, the newest first.
    Listed(Vec<TraceChoice>),
    /// A trace to be shown.
    Opened(OpenTrace),
    /// How two traces differ.
    Compared(Arc<Comparison>),
    /// A trace to be followed.
    Followed(Box<FollowedTrace>),
    /// It could not be read or used.
    Refused {
        /// What for.
        purpose: TracePurpose,
        /// Why.
        message: String,
    },
}

/// The part of a trace that a new answer follows.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowedTrace {
    /// The trace's name.
    pub name: String,
    /// Its tokens.
    pub ids: Vec<u32>,
    /// The experts chosen at each position.
    pub routing: ForcedRouting,
}

/// An answer whose experts are those of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Following {
    /// The generation.
    pub request: RequestId,
    /// The answer.
    pub node: NodeId,
    /// The trace's name.
    pub name: String,
    /// The trace's tokens.
    pub ids: Vec<u32>,
}
