//! What the shell is to do, and what it reports back.

use std::path::PathBuf;

use super::models::FoundModels;
use crate::catalog::CatalogEntry;
use crate::engine::protocol::{Command, RequestId};
use crate::log_ring::LogLine;
use crate::meters::GpuReading;
use crate::session::{NodeId, Opened, SessionId, SessionInfo, StoreEvent, Tree, TreeOp};

use super::recording::{RecordReport, RecordRequest};
use super::sampling::Preset;
use super::traces::{TraceRead, TraceRequest};

/// Something outside of the state that has to be done. Effects are done in order; none is waited for.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this to the engine.
    Engine(Command),
    /// Cancel past the engine's queue.
    Cancel(RequestId),
    /// Write these changes to the session's file.
    Save(Vec<TreeOp>),
    /// Do something with sessions.
    Session(SessionRequest),
    /// Put a text into the clipboards.
    Copy(String),
    /// Write a text to a new file.
    WriteFile {
        /// The path as typed; relative to where the program was started.
        path: PathBuf,
        /// The whole content.
        text: String,
    },
    /// Read the profile at a path; relative to where the program was started.
    ReadProfile(PathBuf),
    /// Read traces.
    Trace(TraceRequest),
    /// Write the running answer to a trace file.
    Record(RecordRequest),
    /// Let the person write in an editor, beginning with this text.
    Editor(String),
    /// Look for models on disk.
    FindModels,
    /// Look at the folder of a model; relative to where the program was started.
    LookAtModel(PathBuf),
    /// Write the person's presets.
    SavePresets(Vec<Preset>),
    /// Append to the history of messages.
    Remember(String),
    /// Capture the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Another theme; the shell makes it.
    Theme(String),
    /// Read the log's latest lines.
    ReadLog,
    /// Draw the whole screen anew.
    Redraw,
    /// Go back to the shell until the program is continued.
    Suspend,
    /// Leave.
    Quit,
}

/// Something to be done with sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionRequest {
    /// List them, with those first that hold the query.
    List {
        /// What to search for; empty lists all.
        query: String,
    },
    /// Begin a new one that starts as this tree.
    New(Box<Tree>),
    /// Open one.
    Open(SessionId),
    /// Open one, or begin a new one as this tree where it cannot be opened.
    OpenOrBegin {
        /// Which.
        id: SessionId,
        /// What the new one starts as.
        tree: Box<Tree>,
    },
    /// Rename one that is not open.
    Rename {
        /// Which.
        id: SessionId,
        /// The new title.
        title: String,
    },
    /// Delete one; it can be brought back.
    Delete(SessionId),
    /// Bring the one back that was deleted last.
    UndoDelete,
    /// Read a conversation from a JSON file into a new session.
    Import(PathBuf),
}

/// What became of an effect, or what happened outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Something was done; one line for the status.
    Done(String),
    /// Something could not be done; one or two lines.
    Failed(String),
    /// The engine's queue was full; the command was not taken.
    EngineBusy(Box<Command>),
    /// The engine refused a command.
    EngineRefused {
        /// The load or generation that will not come.
        request: Option<RequestId>,
        /// Why.
        message: String,
    },
    /// The engine thread has ended without being asked.
    EngineGone,
    /// A profile's file was read, or not.
    ProfileRead {
        /// The file's name.
        name: String,
        /// Its text, or why there is none.
        text: Result<String, String>,
    },
    /// Traces were read, or not.
    Trace(TraceRead),
    /// What became of a trace file in the making.
    Recorded(RecordReport),
    /// The editor was closed.
    EditorClosed(String),
    /// A session was opened or begun.
    SessionOpened {
        /// Its name on disk.
        id: SessionId,
        /// What was found, with what was said before it was open.
        opened: Box<Opened>,
        /// How much greater the names of messages are now that were said before it was open; none
        /// where nothing was said.
        offset: Option<u64>,
    },
    /// The session, which had no file to be written to, has one of its own now.
    SessionSavedAs(SessionId),
    /// The sessions there are.
    Sessions(Vec<SessionInfo>),
    /// The writer's troubles and recoveries.
    Store(StoreEvent),
    /// The models found.
    Models(FoundModels),
    /// What a folder holds that was named.
    Model(CatalogEntry),
    /// The latest log lines.
    Log(Vec<LogLine>),
    /// New figures of the GPUs.
    Gpu(Vec<GpuReading>),
    /// What one frame cost, in microseconds, from the state to the terminal's buffer.
    FrameCost {
        /// The cost.
        micros: u64,
    },
    /// Nothing happened for a while; deadlines may have passed.
    Tick,
}

/// A position in the transcript that survives another width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The message.
    pub node: NodeId,
    /// A line of it, from 0; may point beyond it in either direction until it is drawn.
    pub line: i64,
}
