//! What is said before a session is open.

use crate::session::{Tree, TreeOp};

/// Makes the changes of a conversation that began empty in `tree` too, below no message: they were
/// made without knowing any. Returns how much greater their messages' names are there, and what is
/// to be written.
pub(super) fn move_to(tree: &mut Tree, early: Vec<TreeOp>) -> Option<(u64, Vec<TreeOp>)> {
    let offset = tree.next_id().0.saturating_sub(1);
    let has_draft = !tree.draft().is_empty();
    let mut done = Vec::with_capacity(early.len());
    for op in early {
        // A draft from another day is worth more than the first letters of one that is being
        // written and will be saved again.
        if has_draft && matches!(op, TreeOp::SetDraft { .. }) {
            continue;
        }
        let op = op.renamed(offset);
        match tree.apply(&op) {
            Ok(()) => done.push(op),
            Err(error) => tracing::warn!(%error, "a change before the session was open is lost"),
        }
    }
    (!done.is_empty()).then_some((offset, done))
}
