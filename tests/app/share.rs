//! The map, a card and a comparison as files for somebody else.

use gptoss::app::map::Cell;
use gptoss::app::share::Shared;
use gptoss::app::{Action, Effect};

use crate::rig::Rig;

/// Types a name over the proposal, and returns the path and text of the file to be written.
fn written(rig: &mut Rig, name: &str) -> (String, String) {
    rig.effects.clear();
    rig.press("ctrl-u");
    rig.type_text(name);
    rig.press("enter");
    let file = rig.effects.iter().find_map(|effect| match effect {
        Effect::WriteFile { path, text } => Some((path.display().to_string(), text.clone())),
        _ => None,
    });
    file.unwrap_or_else(|| panic!("nothing was written: {:?}", rig.state.notice))
}

#[test]
fn the_map_is_written_with_its_numbers_and_where_they_come_from() {
    let mut rig = Rig::new();
    rig.press("esc");
    rig.press("2");
    rig.press("x");
    rig.press("i");
    rig.ask("hello");
    rig.act(Action::MapMeasure);
    for name in ["map.svg", "map.html", "map.txt"] {
        rig.act(Action::ShareMap);
        assert_eq!(rig.state.popups.len(), 1, "{name}");
        let (path, text) = written(&mut rig, name);
        assert_eq!(path, name);
        let grid = rig.state.grid().expect("something was asked");
        for value in grid.values() {
            assert!(
                text.contains(&value.to_string()),
                "{value} is not in {name}"
            );
        }
        for part in [
            "synthetic, no model",
            env!("CARGO_PKG_VERSION"),
            rig.state.map.source.title(),
            "interventions at its start: mask 0:0",
            "interventions in force now: mask 0:0",
            "temperature",
        ] {
            assert!(text.contains(part), "{part} is not in {name}: {text}");
        }
    }
}

#[test]
fn a_card_is_written_with_its_figures() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let routing = rig.state.shown_routing().expect("recorded");
    let expert = usize::from(routing.choices(0).0[0]);
    rig.state.map.point_at(Cell { layer: 0, expert });
    rig.act(Action::ShareCard);
    let (_, text) = written(&mut rig, "card.txt");
    let card = rig.state.card().expect("an expert");
    for part in [
        format!("Layer 0, expert {expert}"),
        card.share.to_string(),
        card.fair_share.to_string(),
        "prompt and answer".to_owned(),
        "interventions in force now: none".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[test]
fn a_finished_comparison_is_written_as_a_plot() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.act(Action::ShareAblation);
    assert!(rig.state.popups.is_empty(), "there is none yet");
    let Cell { layer, expert } = rig.state.map.cursor;
    rig.act(Action::Ablate);
    rig.press("enter");
    rig.until(|state| state.figure(Shared::Ablation).is_some());
    rig.press("esc");
    rig.act(Action::ShareAblation);
    let (_, text) = written(&mut rig, "kl.svg");
    let points = rig
        .state
        .ablation
        .as_ref()
        .map(|view| view.progress.clone());
    let Some(gptoss::app::ablation::AblationState::Done(report)) = points else {
        panic!("it is done");
    };
    let positions = report.ablation.positions.len();
    assert!(positions > 0);
    assert_eq!(text.matches("<circle").count(), positions);
    let rule = format!("mask {layer}:{expert}");
    assert!(text.contains(&rule) && text.contains("synthetic, no model"));
}

#[test]
fn nothing_is_written_without_a_figure_or_a_known_extension() {
    let mut rig = Rig::new();
    rig.act(Action::ShareMap);
    assert!(rig.state.popups.is_empty(), "nothing was asked yet");
    assert!(rig.state.notice.is_some());
    rig.ask("hello");
    rig.act(Action::ShareMap);
    rig.effects.clear();
    rig.press("ctrl-u");
    rig.type_text("map.png");
    rig.press("enter");
    let writes = |effect: &Effect| matches!(effect, Effect::WriteFile { .. });
    assert!(!rig.effects.iter().any(writes));
    assert_eq!(rig.state.popups.len(), 1, "asked again");
    let notice = rig.state.notice.clone().expect("it says why");
    assert!(notice.text.contains(".svg"), "{}", notice.text);
}
