//! Choosing a model.

use std::path::PathBuf;

use super::super::effect::Effect;
use super::super::models::{FoundModels, ModelChoice, typed_path};
use super::super::popup::{ListPopup, Popup, Question};
use super::super::state::{Level, State};
use super::{popups, say};
use crate::catalog::CatalogEntry;
use crate::engine::protocol::ModelSource;

/// The models found so far; looks again.
pub(in crate::app) fn list(state: &mut State) -> Vec<Effect> {
    let choices = state.models.choices();
    state.popups.push(Popup::Models(ListPopup::new(choices)));
    vec![Effect::FindModels]
}

/// Takes what was found, under what was typed meanwhile.
pub(in crate::app) fn found(state: &mut State, models: FoundModels) -> Vec<Effect> {
    let choices = models.choices();
    state.models = models;
    let Some(Popup::Models(list)) = state.popups.last_mut() else {
        return Vec::new();
    };
    let chosen = list.chosen().cloned();
    let input = std::mem::take(&mut list.input);
    *list = ListPopup::new(choices);
    list.input = input;
    if !list.input.value().is_empty() {
        return popups::input_changed(state);
    }
    let chosen = chosen.filter(|one| matches!(one, ModelChoice::Found(_)));
    let place = list.visible().position(|one| Some(one) == chosen.as_ref());
    list.selected = place.unwrap_or(0);
    Vec::new()
}

/// Takes the selected entry; a text that fits none is a path.
pub(in crate::app) fn chosen(state: &mut State, list: &ListPopup<ModelChoice>) -> Vec<Effect> {
    match list.chosen().cloned() {
        Some(ModelChoice::Found(entry)) => load(state, &entry),
        Some(ModelChoice::Elsewhere) => popups::ask(state, Question::Model, ""),
        Some(ModelChoice::HowTo) => how_to(state),
        None => typed_path(list.input.value()).map_or_else(Vec::new, look),
    }
}

/// Tells how to get gpt-oss-20b; how much room there is for it is looked up.
pub(in crate::app) fn how_to(state: &mut State) -> Vec<Effect> {
    state.popups.push(Popup::HowTo { scroll: 0 });
    vec![Effect::FindModels]
}

/// Has a folder looked at before the present model makes way for it.
pub(in crate::app) fn look(path: PathBuf) -> Vec<Effect> {
    vec![Effect::LookAtModel(path)]
}

/// Loads a model that was found.
pub(in crate::app) fn load(state: &mut State, entry: &CatalogEntry) -> Vec<Effect> {
    if let Some(problem) = &entry.problem {
        say(
            state,
            Level::Error,
            format!("{} cannot be loaded: {problem}", entry.name),
        );
        return Vec::new();
    }
    if state.running.is_some() {
        say(state, Level::Warning, "stop the model first");
        return Vec::new();
    }
    let source = match &entry.path {
        Some(path) => ModelSource::Directory(path.clone()),
        None => ModelSource::Demo,
    };
    state.forget_runs();
    super::load(state, source)
}
