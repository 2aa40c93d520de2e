//! Changing which experts are chosen.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::popup::{ListPopup, Popup, Question};
use super::super::state::{Level, State};
use super::{popups, say};
use crate::engine::protocol::Command;
use crate::intervention::{ExpertEffect, Interventions, Rule};

/// Does what changes the experts' choice.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::MaskExpert => at_cursor(state, ExpertEffect::Mask),
        Action::ForceExpert => at_cursor(state, ExpertEffect::Force),
        Action::ZeroExpert => at_cursor(state, ExpertEffect::Zero),
        Action::AddRule => {
            // Without figures on the map nobody has put the cursor anywhere.
            let cursor = state.grid().map(|_| state.map.cursor);
            let text = cursor.map_or_else(String::new, |cursor| {
                format!("bias {}:{} +1", cursor.layer, cursor.expert)
            });
            popups::ask(state, Question::Rule, &text)
        }
        Action::Interventions => popups::open(state, |state| {
            Popup::Rules(ListPopup::new(state.interventions.rules().to_vec()))
        }),
        Action::ClearInterventions => {
            if state.interventions.is_empty() {
                say(
                    state,
                    Level::Info,
                    "the experts are chosen as the model says",
                );
                return Vec::new();
            }
            take(state, Interventions::none())
        }
        _ => Vec::new(),
    }
}

/// Sets a rule for the expert under the map's cursor, or takes it away.
fn at_cursor(state: &mut State, effect: ExpertEffect) -> Vec<Effect> {
    let cursor = state.map.cursor;
    let mut changed = state.interventions.clone();
    changed.toggle(Rule::expert(cursor.layer, cursor.expert, effect));
    take(state, changed)
}

/// Takes over a typed rule; what is wrong with it is told, and the line stays open.
pub(in crate::app) fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    let mut changed = state.interventions.clone();
    match text.parse::<Rule>() {
        Ok(rule) => changed.set(rule),
        Err(error) => return refused(state, Question::Rule, text, &error.to_string()),
    }
    let problem = state.model.ready().and_then(|model| {
        let checked = changed.check(&model.router_shape());
        checked.err().map(|error| error.to_string())
    });
    match problem {
        Some(problem) => refused(state, Question::Rule, text, &problem),
        None => take(state, changed),
    }
}

/// Tells what is wrong and asks again, with what was typed.
pub(super) fn refused(
    state: &mut State,
    question: Question,
    text: &str,
    problem: &str,
) -> Vec<Effect> {
    say(state, Level::Error, problem);
    popups::ask(state, question, text)
}

/// Takes away the rule selected in the list.
pub(in crate::app) fn remove_listed(state: &mut State) -> Vec<Effect> {
    let Some(Popup::Rules(list)) = state.popups.last_mut() else {
        return Vec::new();
    };
    let Some(rule) = list.chosen().copied() else {
        return Vec::new();
    };
    let mut changed = state.interventions.clone();
    changed.toggle(rule);
    let selected = list.selected;
    *list = ListPopup::new(changed.rules().to_vec());
    list.step(selected as i64);
    take(state, changed)
}

/// Puts rules in force, from the running answer's next token on, unless the model cannot follow.
fn take(state: &mut State, changed: Interventions) -> Vec<Effect> {
    let Some(model) = state.model.ready() else {
        say(state, Level::Warning, "no model is ready yet");
        return Vec::new();
    };
    if let Err(error) = changed.check(&model.router_shape()) {
        say(state, Level::Error, error.to_string());
        return Vec::new();
    }
    let text = if changed.is_empty() {
        "experts are chosen as the model says again".to_owned()
    } else {
        format!("in force: {changed}")
    };
    say(state, Level::Info, text);
    state.interventions = changed;
    match &state.running {
        Some(running) => vec![Effect::Engine(Command::UpdateInterventions {
            request: running.request,
            interventions: state.interventions.clone(),
        })],
        None => Vec::new(),
    }
}
