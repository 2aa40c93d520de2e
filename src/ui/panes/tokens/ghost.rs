//! How the answer would go on with another token.

use super::{flowing, quoted};
use crate::app::ghost::{Ghost, GhostState};
use crate::app::run::Run;
use crate::generate::FinishReason;
use crate::ui::theme::ThemeRole;

/// The ghost in rows: what it is, its text, and how it compares with the answer.
pub(super) fn rows(ghost: &Ghost, run: &Run, columns: u16) -> Vec<(String, ThemeRole)> {
    let count = ghost.tokens.len();
    let state = match &ghost.progress {
        GhostState::Waiting => "reading the prompt".to_owned(),
        GhostState::Running => format!("{count} tokens so far"),
        GhostState::Done(FinishReason::Cancelled) => format!("stopped after {count} tokens"),
        GhostState::Done(FinishReason::Stop) => format!("{count} tokens, then it ends"),
        GhostState::Done(_) => format!("first {count} tokens"),
        GhostState::Failed(report) => report.message.clone(),
    };
    let head = [
        format!(
            "ghost from position {}:",
            run.prompt.len() + ghost.branching.token_index
        ),
        state,
        "not in the chat".to_owned(),
    ];
    let mut rows = flowing(&head, columns, ThemeRole::Accent);
    rows.extend(flowing(&[quoted(&ghost.text())], columns, ThemeRole::Faint));
    if let Some((ghost, own)) = ghost.surprises(run) {
        let items = [
            format!("mean surprise {ghost:.2} bit"),
            format!("the answer's own there {own:.2} bit"),
        ];
        rows.extend(flowing(&items, columns, ThemeRole::Faint));
    }
    rows
}
