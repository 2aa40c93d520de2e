//! Changing the experts' choice from the screen.

use gptoss::app::Focus;
use gptoss::app::map::Cell;
use gptoss::app::state::Level;
use gptoss::engine::protocol::{Command, ModelSource};

use crate::rig::Rig;

/// The experts of one layer that the newest run's answer chose.
fn chosen(rig: &Rig, layer: usize, from: usize) -> Vec<u16> {
    let run = rig.state.shown_run().expect("something was asked");
    let tokens = run.log.tokens().iter().skip(from);
    tokens
        .flat_map(|token| token.choices(layer).0.to_vec())
        .collect()
}

fn on_map(rig: &mut Rig) {
    rig.press("esc");
    rig.press("2");
    assert_eq!(rig.state.focus, Focus::Experts);
}

#[test]
fn many_rules_are_counted_where_there_is_no_room_for_them() {
    let mut rig = Rig::new();
    let rules: Vec<String> = (0..16).map(|expert| format!("mask 0:{expert}")).collect();
    rig.state.interventions = rules.join(", ").parse().unwrap();
    rig.draw();
    let text = rig.text();
    let row = text.lines().find(|row| row.contains("experts changed: "));
    let row = row.unwrap_or_else(|| panic!("no rules in\n{text}"));
    let listed = row.matches("mask 0:").count();
    assert!((1..16).contains(&listed), "{row}");
    assert!(row.contains(&format!(" and {} more", 16 - listed)), "{row}");
    assert!(row.contains("context"), "{row}");
}

#[test]
fn x_masks_the_expert_under_the_cursor_for_the_answers_to_come() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let favorite = usize::from(chosen(&rig, 0, 0)[0]);
    on_map(&mut rig);
    rig.state.map.point_at(Cell {
        layer: 0,
        expert: favorite,
    });
    rig.press("x");
    let rules = format!("mask 0:{favorite}");
    assert_eq!(rig.state.interventions.to_string(), rules);
    rig.press("i");
    rig.ask("again");
    assert!(!chosen(&rig, 0, 0).contains(&(favorite as u16)));
    assert_eq!(
        rig.turn(rig.last()).settings.interventions.to_string(),
        rules
    );
    rig.draw();
    assert!(
        rig.text().contains(&format!("experts changed: {rules}")),
        "{}",
        rig.text()
    );
    on_map(&mut rig);
    rig.press("x");
    assert!(
        rig.state.interventions.is_empty(),
        "the same key takes it away"
    );
    rig.press("i");
    rig.ask("once more");
    assert!(chosen(&rig, 0, 0).contains(&(favorite as u16)));
    rig.check();
}

#[test]
fn a_rule_given_while_tokens_stream_is_recorded_with_the_index_from_which_it_counts() {
    let mut rig = Rig::slow();
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(3);
    on_map(&mut rig);
    let Cell { layer, expert } = rig.state.map.cursor;
    rig.press("x");
    rig.until(|state| {
        let turn = state
            .session
            .tree
            .path()
            .last()
            .and_then(|node| state.session.tree.turn(*node));
        turn.is_some_and(|turn| !turn.intervention_changes.is_empty())
    });
    rig.press("ctrl-c");
    rig.settle();
    let turn = rig.turn(rig.last());
    let change = &turn.intervention_changes[0];
    assert!(change.token_index >= 3);
    assert_eq!(
        change.interventions.to_string(),
        format!("mask {layer}:{expert}")
    );
    assert!(turn.settings.interventions.is_empty());
    // The routing that comes with a token is that of the position before it.
    let prompt = rig.state.shown_run().expect("a run").prompt.len();
    let run = rig.state.shown_run().expect("a run");
    let from = run
        .log
        .tokens()
        .iter()
        .filter(|token| token.position + 1 >= prompt + change.token_index);
    for token in from {
        assert!(
            !token.choices(layer).0.contains(&(expert as u16)),
            "{}",
            token.position
        );
    }
    rig.check();
}

#[test]
fn typed_rules_are_checked_and_a_wrong_one_stays_to_be_mended() {
    let mut rig = Rig::new();
    on_map(&mut rig);
    let type_rule = |rig: &mut Rig, text: &str| {
        rig.press("ctrl-u");
        rig.type_text(text);
        rig.press("enter");
    };
    rig.press("r");
    for (wrong, expected) in [
        ("mask", "mask LAYER:EXPERT"),
        ("mask 99:0", "there is no layer 99"),
        ("top-k 0", "top-k goes from 1"),
    ] {
        type_rule(&mut rig, wrong);
        let notice = rig.state.notice.clone().expect("it says why");
        assert_eq!(notice.level, Level::Error);
        assert!(notice.text.contains(expected), "{}", notice.text);
        assert_eq!(rig.state.popups.len(), 1, "the line is still there");
    }
    type_rule(&mut rig, "top-k 2");
    assert!(rig.state.popups.is_empty());
    assert_eq!(rig.state.interventions.to_string(), "top-k * 2");
    rig.press("i");
    rig.ask("hello");
    assert_eq!(
        chosen(&rig, 0, 0).len(),
        2 * rig.state.shown_run().expect("a run").log.len()
    );
    rig.check();
}

#[test]
fn the_list_takes_rules_away_and_a_new_model_clears_them() {
    let mut rig = Rig::new();
    on_map(&mut rig);
    rig.press("x");
    rig.press("down");
    rig.press("F");
    rig.press("R");
    rig.press("ctrl-d");
    assert_eq!(rig.state.interventions.to_string(), "force 1:0");
    rig.press("esc");
    rig.draw();
    assert!(rig.text().contains("force 1:0"));
    let loads = |rig: &Rig| {
        let load = |command: &&Command| matches!(command, Command::Load(load) if load.source == ModelSource::Demo);
        rig.commands.iter().filter(load).count()
    };
    let before = loads(&rig);
    rig.act(gptoss::app::Action::ReloadModel);
    rig.until(|state| state.model.ready().is_some());
    assert_eq!(loads(&rig), before + 1);
    assert!(rig.state.interventions.is_empty());
    let notice = rig.state.notice.clone().expect("it says so");
    assert!(notice.text.contains("force 1:0"), "{}", notice.text);
    rig.check();
}

#[test]
fn two_runs_are_compared_and_shown() {
    let mut rig = Rig::new();
    on_map(&mut rig);
    rig.press("A");
    let notice = rig.state.notice.clone().expect("it says why not");
    assert!(
        notice.text.contains("ask something first"),
        "{}",
        notice.text
    );
    rig.press("i");
    rig.ask("hello");
    on_map(&mut rig);
    rig.press("A");
    rig.press("enter");
    let done = |state: &gptoss::app::State| {
        let view = state.ablation.as_ref();
        view.is_some_and(|view| !view.is_running())
    };
    rig.until(done);
    rig.draw();
    let text = rig.text();
    let Cell { layer, expert } = rig.state.map.cursor;
    let changed = format!("changed: mask {layer}:{expert}");
    for expected in [
        "two runs side by side",
        &changed,
        "synthetic, no model",
        // What the synthetic engine says does not depend on its experts.
        "the answers are the same, token by token",
        "0.0000 nats a token",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    rig.press("esc");
    assert!(rig.state.popups.is_empty() && rig.state.interventions.is_empty());
    rig.press("A");
    rig.press("ctrl-u");
    rig.type_text("mask 0:99999");
    rig.press("enter");
    assert_eq!(rig.state.popups.len(), 1, "asked again");
    rig.check();
}
