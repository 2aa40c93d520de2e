//! A whole tree as JSON, and back.

use serde::{Deserialize, Serialize};

use crate::engine::protocol::ModelOrigin;
use crate::harmony::{Channel, DeveloperContent, Header, ReasoningEffort};
use crate::intervention::Interventions;
use crate::session::{Node, NodeId, NodeKind, Tree, TreeError, TreeOp, Turn, TurnSettings};

/// The document: a name, a version, and the operations that make the tree.
#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    ops: Vec<TreeOp>,
}

const FORMAT: &str = "gptoss-conversation";
const VERSION: u32 = 1;

/// A conversation cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// No JSON, or JSON of another form.
    #[error(
        "this is neither an export of this program nor a list of messages with role and content: {0}"
    )]
    Json(#[from] serde_json::Error),
    /// Another format or a newer one.
    #[error("the format is {found} {version}, this program reads {FORMAT} {VERSION}")]
    Format {
        /// The name found.
        found: String,
        /// The version found.
        version: u32,
    },
    /// The operations contradict each other.
    #[error("change {number} cannot be made: {source}")]
    Op {
        /// Its place in the list, from 1.
        number: usize,
        /// Why.
        source: TreeError,
    },
    /// A message with an unknown role.
    #[error("message {number} has the role \"{role}\"; known: system, developer, user, assistant")]
    Role {
        /// Its place in the list, from 1.
        number: usize,
        /// The role.
        role: String,
    },
}

/// The whole tree, all branches and settings, as JSON that [`import`] reads.
pub fn json(tree: &Tree) -> String {
    let document = Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        ops: tree.to_ops(),
    };
    // Plain data with string keys always has a JSON form.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// A tree from what [`json`] wrote, or from a plain list of `{"role": …, "content": …}`.
///
/// *Errors:* [`ImportError`].
pub fn import(text: &str, now_ms: u64) -> Result<Tree, ImportError> {
    if text.trim_start().starts_with('[') {
        return from_messages(serde_json::from_str(text)?, now_ms);
    }
    let document: Document = serde_json::from_str(text)?;
    if document.format != FORMAT || document.version > VERSION {
        return Err(ImportError::Format {
            found: document.format,
            version: document.version,
        });
    }
    replay(&document.ops)
}

fn replay(ops: &[TreeOp]) -> Result<Tree, ImportError> {
    let mut tree = Tree::default();
    for (index, op) in ops.iter().enumerate() {
        tree.apply(op).map_err(|source| ImportError::Op {
            number: index + 1,
            source,
        })?;
    }
    for op in tree.interruptions() {
        tree.apply(&op).map_err(|source| ImportError::Op {
            number: ops.len(),
            source,
        })?;
    }
    Ok(tree)
}

#[derive(Deserialize)]
struct PlainMessage {
    role: String,
    content: String,
}

fn from_messages(messages: Vec<PlainMessage>, now_ms: u64) -> Result<Tree, ImportError> {
    let mut framing = Tree::default().framing().clone();
    let mut ops = Vec::new();
    let mut parent = None;
    for (index, PlainMessage { role, content }) in messages.into_iter().enumerate() {
        let kind = match role.as_str() {
            "user" => NodeKind::User { text: content },
            "assistant" => {
                let parts = vec![(Header::assistant(Channel::Final), content)];
                NodeKind::Assistant(Turn::edited(imported(), parts, now_ms))
            }
            "system" | "developer" => {
                framing.developer = DeveloperContent {
                    instructions: Some(content),
                    ..framing.developer
                };
                continue;
            }
            _ => {
                return Err(ImportError::Role {
                    number: index + 1,
                    role,
                });
            }
        };
        let id = NodeId(index as u64 + 1);
        ops.push(TreeOp::AddNode(Node {
            id,
            parent,
            created_ms: now_ms,
            kind,
            edited: true,
        }));
        parent = Some(id);
    }
    ops.insert(0, TreeOp::SetFraming(framing));
    replay(&ops)
}

fn imported() -> TurnSettings {
    TurnSettings {
        model: "imported".to_owned(),
        origin: ModelOrigin::Model,
        effort: ReasoningEffort::default(),
        sampling: crate::generate::SamplingParams::default(),
        interventions: Interventions::none(),
        followed: None,
        max_tokens: None,
    }
}
