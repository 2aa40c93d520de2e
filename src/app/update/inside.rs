//! Asking for a look inside, following it, and moving in its figures.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::inside::{
    InsideState, InsideTab, InsideView, NamedToken, Pass, Subject, WeightOrder,
};
use super::super::map::{TokenCursor, moved};
use super::super::popup::Popup;
use super::super::run::Run;
use super::super::state::{Level, State};
use super::{generate, ghost, map, popups, say};
use crate::engine::protocol::{Command, ErrorReport, InspectReport, InspectRequest, RequestId};
use crate::generate::{HeadIndex, InspectCost, InspectOptions, LensLayers};
use crate::intervention::Interventions;
use crate::session::Turn;

/// Tokens that the lens names for each layer.
const LENS_TOP: usize = 8;

/// How long a question that was not heard waits.
const AGAIN_MS: u64 = 150;

/// Shows what a look at the token under the cursor costs, or what the latest look at it found.
pub(in crate::app) fn begin(state: &mut State) -> Vec<Effect> {
    let pass = state
        .inside
        .as_ref()
        .map_or_else(Pass::default, |view| view.subject.pass);
    let Some(subject) = subject(state, pass) else {
        say(
            state,
            Level::Info,
            "ask something first: a token of its prompt or answer is what is looked into",
        );
        return Vec::new();
    };
    let is_known = |view: &InsideView| view.subject == subject || view.request().is_some();
    if state.inside.as_ref().is_some_and(is_known) {
        return show(state);
    }
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let mut effects = ask_cost(state, subject);
    effects.extend(show(state));
    effects
}

/// Shows the latest look again.
pub(in crate::app) fn show(state: &mut State) -> Vec<Effect> {
    if state.inside.is_none() {
        return begin(state);
    }
    if matches!(state.popups.last(), Some(Popup::Inside)) {
        return Vec::new();
    }
    popups::open(state, |_| Popup::Inside)
}

/// A new look at this subject: what will it cost?
fn ask_cost(state: &mut State, subject: Subject) -> Vec<Effect> {
    let earlier = state.inside.take();
    let layer = state.map.cursor.layer;
    let view = InsideView {
        cost_seq: 0,
        cost_again_ms: None,
        cost: None,
        progress: InsideState::Asked,
        report: None,
        tab: earlier
            .as_ref()
            .map_or_else(InsideTab::default, |view| view.tab),
        cursor: earlier
            .as_ref()
            .map_or(HeadIndex { layer, head: 0 }, |view| view.cursor),
        order: earlier.map_or_else(WeightOrder::default, |view| view.order),
        scroll: 0,
        subject,
    };
    state.inside = Some(view);
    question(state)
}

/// Asks what the look would cost.
fn question(state: &mut State) -> Vec<Effect> {
    let seq = state.next_request().0;
    let Some(view) = &mut state.inside else {
        return Vec::new();
    };
    view.cost_seq = seq;
    view.cost_again_ms = None;
    vec![Effect::Engine(Command::InspectCost {
        seq,
        tokens: view.subject.ids.len(),
        options: options(view),
    })]
}

/// The engine was too busy to hear the question: it is asked again a little later.
pub(in crate::app) fn unheard(state: &mut State, seq: u64) {
    let again_ms = state.now_ms + AGAIN_MS;
    if let Some(view) = state.inside.as_mut().filter(|view| view.cost_seq == seq) {
        view.cost_again_ms = Some(again_ms);
    }
}

/// Asks again what was not heard, once it is time.
pub(in crate::app) fn ask_again(state: &mut State) -> Vec<Effect> {
    let at_ms = state.inside.as_ref().and_then(|view| view.cost_again_ms);
    match at_ms.filter(|at_ms| *at_ms <= state.now_ms) {
        Some(_) => question(state),
        None => Vec::new(),
    }
}

/// What to look at: everything; of a sequence that was looked at, the missing head alone.
fn options(view: &InsideView) -> InspectOptions {
    let is_again = view.report.is_some();
    InspectOptions {
        layers: if is_again {
            LensLayers::Only(Vec::new())
        } else {
            LensLayers::All
        },
        top: LENS_TOP,
        target: view.subject.next.as_ref().map(|next| next.id),
        head: Some(view.cursor),
        interventions: view.subject.rules.clone(),
    }
}

/// The sequence for a pass of the token under the cursor.
fn subject(state: &State, pass: Pass) -> Option<Subject> {
    let run = state.shown_run().filter(|run| !run.is_empty())?;
    let position = state.token_position().unwrap_or(run.len() - 1);
    // No pass chose the first token.
    let pass = if position == 0 { Pass::Reading } else { pass };
    let last = match pass {
        Pass::Choosing => position - 1,
        Pass::Reading => position,
    };
    let ids = run.prompt.iter().map(|token| token.id);
    let ids = ids.chain(run.tokens.iter().map(|token| token.id));
    let ids: Vec<u32> = ids.take(last + 1).collect();
    let (rules, were_rules_changed) = rules(state.session.tree.turn(run.node), run, last);
    Some(Subject {
        token: named(run, position)?,
        read: named(run, last)?,
        next: named(run, last + 1),
        is_next_given: run.record(last + 1).is_none(),
        ids,
        pass,
        rules,
        were_rules_changed,
    })
}

fn named(run: &Run, position: usize) -> Option<NamedToken> {
    let id = match position.checked_sub(run.prompt.len()) {
        None => run.prompt.get(position)?.id,
        Some(index) => run.tokens.get(index)?.id,
    };
    Some(NamedToken {
        position,
        id,
        text: run.text(position).unwrap_or_default().to_owned(),
    })
}

/// The turn's rules for the pass that reads `last`, and whether they were others before.
fn rules(turn: Option<&Turn>, run: &Run, last: usize) -> (Interventions, bool) {
    let Some(turn) = turn else {
        return Default::default();
    };
    // That pass computes the token after it; in the prompt that is none of the answer's.
    let Some(index) = (last + 1).checked_sub(run.prompt.len()) else {
        return (turn.settings.interventions.clone(), false);
    };
    let mut changes = turn.intervention_changes.iter();
    let were_changed = changes.any(|change| change.token_index <= index);
    (turn.interventions_at(index).clone(), were_changed)
}

/// Does what the look makes of an action; none where it leaves it to others.
pub(in crate::app) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let page = i64::from(state.viewport.list_rows.max(1));
    match action {
        Action::Back => {
            if let Some(effects) = stop(state) {
                return Some(effects);
            }
            state.popups.pop();
        }
        Action::StopOrQuit if state.running.is_none() => {
            if let Some(effects) = stop(state) {
                return Some(effects);
            }
            state.popups.pop();
        }
        Action::Open => return Some(enter(state)),
        Action::TokenBack | Action::TokenOn => {
            return Some(other_token(state, action == Action::TokenOn));
        }
        Action::InsidePass => return Some(other_pass(state)),
        Action::InsideLens => tab(state, |_| InsideTab::Lens),
        Action::InsideSinks => tab(state, |_| InsideTab::Sinks),
        Action::InsideAttention => tab(state, |_| InsideTab::Attention),
        Action::InsideNorms => tab(state, |_| InsideTab::Norms),
        Action::NextTab => tab(state, |tab| tab.step(true)),
        Action::PreviousTab => tab(state, |tab| tab.step(false)),
        Action::InsideOrder => order(state),
        Action::Up => step(state, -1, 0),
        Action::Down => step(state, 1, 0),
        Action::Left => step(state, 0, -1),
        Action::Right => step(state, 0, 1),
        Action::Top => step(state, -1_000_000, 0),
        Action::Bottom => step(state, 1_000_000, 0),
        Action::PageUp => turn_page(state, -page),
        Action::PageDown => turn_page(state, page),
        _ => return None,
    }
    Some(Vec::new())
}

fn tab(state: &mut State, to: impl FnOnce(InsideTab) -> InsideTab) {
    if let Some(view) = &mut state.inside {
        view.tab = to(view.tab);
        view.scroll = 0;
    }
}

fn order(state: &mut State) {
    if let Some(view) = &mut state.inside {
        view.order = match view.order {
            WeightOrder::Weight => WeightOrder::Position,
            WeightOrder::Position => WeightOrder::Weight,
        };
        view.scroll = 0;
    }
}

/// Moves the cursor by layers and heads.
pub(in crate::app) fn step(state: &mut State, layers: i64, heads: i64) {
    let Some(view) = &mut state.inside else {
        return;
    };
    if view.report.is_some() {
        view.cursor.layer = moved(view.cursor.layer, layers, view.num_layers());
        view.cursor.head = moved(view.cursor.head, heads, view.num_heads());
    }
}

fn turn_page(state: &mut State, by: i64) {
    let Some(view) = &mut state.inside else {
        return;
    };
    if view.tab == InsideTab::Attention {
        view.scroll = moved(view.scroll, by, view.weight_order().len());
    } else {
        step(state, by, 0);
    }
}

/// Pays, or goes from a head on the map to its weights.
fn enter(state: &mut State) -> Vec<Effect> {
    let Some(view) = &mut state.inside else {
        return Vec::new();
    };
    match (&view.progress, view.tab) {
        (InsideState::Done, InsideTab::Sinks) => {
            view.tab = InsideTab::Attention;
            view.scroll = 0;
            Vec::new()
        }
        (InsideState::Done, InsideTab::Attention) if !view.is_head_known() => pay(state),
        (InsideState::Done | InsideState::Running(..), _) => Vec::new(),
        (InsideState::Asked | InsideState::Failed(_), _) => pay(state),
    }
}

fn pay(state: &mut State) -> Vec<Effect> {
    if !generate::can_ask(state) {
        return Vec::new();
    }
    let mut effects = ghost::make_way(state);
    let id = state.next_request();
    let Some(view) = &mut state.inside else {
        return Vec::new();
    };
    view.progress = InsideState::Running(id, 0, view.subject.ids.len());
    view.scroll = 0;
    effects.push(Effect::Engine(Command::Inspect(InspectRequest {
        id,
        ids: view.subject.ids.clone(),
        options: options(view),
    })));
    effects
}

/// Goes to another token, and tells what a look at it costs.
fn other_token(state: &mut State, forward: bool) -> Vec<Effect> {
    if is_running(state) {
        say(state, Level::Info, RUNNING);
        return Vec::new();
    }
    // What the cursor is on may have moved with new tokens; the look's own token is what is seen.
    if let Some(view) = &state.inside {
        state.map.token = TokenCursor::At(view.subject.token.position);
    }
    let mut effects = map::step_token(state, forward);
    let pass = state
        .inside
        .as_ref()
        .map_or_else(Pass::default, |view| view.subject.pass);
    effects.extend(again(state, pass));
    effects
}

fn other_pass(state: &mut State) -> Vec<Effect> {
    if is_running(state) {
        say(state, Level::Info, RUNNING);
        return Vec::new();
    }
    let Some(view) = &state.inside else {
        return Vec::new();
    };
    state.map.token = TokenCursor::At(view.subject.token.position);
    let pass = match view.subject.pass {
        Pass::Choosing => Pass::Reading,
        Pass::Reading => Pass::Choosing,
    };
    if pass == Pass::Choosing && view.subject.token.position == 0 {
        say(
            state,
            Level::Info,
            "no pass chose the first token: nothing comes before it",
        );
        return Vec::new();
    }
    again(state, pass)
}

const RUNNING: &str = "a look inside is being computed; Esc stops it";

fn again(state: &mut State, pass: Pass) -> Vec<Effect> {
    let Some(subject) = subject(state, pass) else {
        return Vec::new();
    };
    if state
        .inside
        .as_ref()
        .is_some_and(|view| view.subject == subject)
    {
        return Vec::new();
    }
    ask_cost(state, subject)
}

/// Whether the engine is at a look.
pub(in crate::app) fn is_running(state: &State) -> bool {
    let view = state.inside.as_ref();
    view.is_some_and(|view| view.request().is_some())
}

/// Stops the running look; none where there is none.
pub(in crate::app) fn stop(state: &mut State) -> Option<Vec<Effect>> {
    let request = state.inside.as_ref()?.request()?;
    say(state, Level::Info, "stopping the look inside");
    Some(vec![Effect::Cancel(request)])
}

fn current(state: &mut State, request: RequestId) -> Option<&mut InsideView> {
    let view = state.inside.as_mut()?;
    (view.request() == Some(request)).then_some(view)
}

/// Takes what a look would cost.
pub(in crate::app) fn cost(state: &mut State, seq: u64, cost: InspectCost) {
    if let Some(view) = state.inside.as_mut().filter(|view| view.cost_seq == seq) {
        view.cost = Some(cost);
    }
}

/// Follows the engine.
pub(in crate::app) fn progress(
    state: &mut State,
    request: RequestId,
    done_tokens: usize,
    total_tokens: usize,
) {
    if let Some(view) = current(state, request) {
        view.progress = InsideState::Running(request, done_tokens, total_tokens);
    }
}

/// Takes what was found; of a look for one more head only that.
pub(in crate::app) fn done(state: &mut State, request: RequestId, mut report: Box<InspectReport>) {
    let Some(view) = current(state, request) else {
        return;
    };
    if let Some(earlier) = view.report.take() {
        report.inspection.lens = earlier.inspection.lens;
        report.texts.extend(earlier.texts);
    }
    if let Some(head) = &report.inspection.head {
        view.cursor = head.index;
    }
    view.report = Some(report);
    view.progress = InsideState::Done;
    if !matches!(state.popups.last(), Some(Popup::Inside)) {
        say(state, Level::Info, "the look inside is done; I shows it");
    }
}

/// Takes a failure, if it is the look's.
pub(in crate::app) fn failed(state: &mut State, request: RequestId, report: &ErrorReport) -> bool {
    match current(state, request) {
        None => false,
        Some(view) => {
            view.progress = InsideState::Failed(report.clone());
            true
        }
    }
}
