//! Beginning, listing and renaming sessions.

use super::super::action::Action;
use super::super::effect::{Effect, SessionRequest};
use super::super::popup::{ListPopup, Popup, Question};
use super::super::state::{Focus, Level, State};
use super::{popups, say};
use crate::session::Tree;

/// Does what concerns sessions.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Sessions => {
            state
                .popups
                .push(Popup::Sessions(ListPopup::new(Vec::new())));
            vec![Effect::Session(SessionRequest::List {
                query: String::new(),
            })]
        }
        Action::RenameSession => {
            let title = state.session.tree.title().unwrap_or_default().to_owned();
            popups::ask(state, Question::RenameSession, &title)
        }
        Action::NewSession => {
            let effects = begin(state, |tree| {
                let mut empty = Tree::default();
                empty.set_initial_framing(tree.framing().clone());
                empty
            });
            // Nothing can be done in an empty chat but to write.
            if !effects.is_empty() && state.focus == Focus::Chat {
                state.enter_composer();
            }
            effects
        }
        Action::NewSessionFromHere => begin(state, Tree::copy_of_path),
        _ => Vec::new(),
    }
}

fn begin(state: &mut State, make: impl FnOnce(&Tree) -> Tree) -> Vec<Effect> {
    if state.running.is_some() {
        say(state, Level::Warning, "stop the model first");
        return Vec::new();
    }
    let tree = make(&state.session.tree);
    vec![Effect::Session(SessionRequest::New(Box::new(tree)))]
}
