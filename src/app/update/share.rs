//! Writing what is shown as a file for somebody else.

use std::path::PathBuf;

use super::super::effect::Effect;
use super::super::popup::Question;
use super::super::share::Shared;
use super::super::state::{Level, State};
use super::{lab, popups, say};
use crate::share::Format;

/// Asks for the file's name, if there is something to write.
pub(in crate::app) fn begin(state: &mut State, shared: Shared) -> Vec<Effect> {
    if state.figure(shared).is_none() {
        say(state, Level::Warning, shared.missing());
        return Vec::new();
    }
    popups::ask(state, Question::Share(shared), shared.proposal())
}

/// Writes the figure as the name's extension says.
pub(in crate::app) fn typed(state: &mut State, shared: Shared, text: &str) -> Vec<Effect> {
    let path = PathBuf::from(text);
    let Some(format) = Format::of_path(&path) else {
        let problem = "the name has to end in .txt, .svg or .html";
        return lab::refused(state, Question::Share(shared), text, problem);
    };
    // The model may have been changed while the question was open.
    let Some(figure) = state.figure(shared) else {
        say(state, Level::Warning, shared.missing());
        return Vec::new();
    };
    vec![Effect::WriteFile {
        path,
        text: figure.render(format),
    }]
}
