//! Conversations as trees, and the files that keep them.
//!
//! A [`Tree`] holds every message ever written or generated, with all its branches. It changes through
//! [`TreeOp`]s alone, and a session's file is those operations, one a line: replaying them gives the
//! same tree (docs/decisions/0011). Start at [`Node`], then [`Tree`], then [`SessionFile`].
//!
//! Nothing here knows a screen, a model or a thread but the writer's own. Invariants: no operation
//! removes a message; a node's parent exists before it does; paths never leave the given folder.

mod access;
mod conversation;
mod error;
pub mod export;
mod file;
mod folder;
mod fork;
mod id;
mod line;
mod node;
mod op;
mod read;
mod repair;
mod sound;
mod trash;
mod tree;
mod turn;
mod writer;

pub use access::Access;
pub use conversation::Found;
pub use error::StoreError;
pub use file::{Opened, SessionFile};
pub use folder::{SessionFolder, SessionInfo};
pub use id::SessionId;
pub use node::{
    FollowedRouting, Fork, Framing, InterventionChange, Node, NodeId, NodeKind, Part,
    SamplingChange, Turn, TurnOutcome, TurnSettings,
};
pub use op::TreeOp;
pub use repair::Damage;
pub use tree::{Tree, TreeError};
pub use writer::{SessionWriter, StoreEvent};
