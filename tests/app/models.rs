//! Choosing a model: what is found, what is typed, and how to get one.

use std::path::PathBuf;

use gptoss::app::models::FoundModels;
use gptoss::app::popup::Popup;
use gptoss::app::state::{Level, ModelStatus};
use gptoss::app::{Effect, Input, Report};
use gptoss::catalog::{CatalogEntry, ModelOrigin};
use gptoss::engine::protocol::{Command, ModelSource};

use crate::rig::Rig;

fn model(name: &str, weights_bytes: u64) -> CatalogEntry {
    CatalogEntry {
        name: name.to_owned(),
        path: Some(PathBuf::from("/models").join(name)),
        origin: ModelOrigin::Folder,
        layout: None,
        weights_bytes,
        num_layers: Some(24),
        num_experts: Some(32),
        precision: "MXFP4 experts, bf16".to_owned(),
        problem: None,
    }
}

/// A program with its list of models open.
fn listing() -> Rig {
    let mut rig = Rig::new();
    rig.press("ctrl-o");
    rig.report(Report::Models(FoundModels {
        entries: vec![
            model("small", 13_800_000_000),
            model("close", 23_500_000_000),
            model("large", 65_300_000_000),
        ],
        free_bytes: Some(78_000_000_000),
    }));
    rig.state.memory_limit_bytes = 24_000_000_000;
    rig
}

fn loads(rig: &Rig) -> Vec<ModelSource> {
    let commands = rig.commands.iter();
    commands
        .filter_map(|command| match command {
            Command::Load(load) => Some(load.source.clone()),
            _ => None,
        })
        .collect()
}

fn row_of<'a>(screen: &'a str, word: &str) -> &'a str {
    let row = screen.lines().find(|row| row.contains(word));
    row.unwrap_or_else(|| panic!("{word} is not on the screen\n{screen}"))
}

#[test]
fn each_model_says_whether_it_goes_into_memory() {
    for (columns, rows) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut rig = listing();
        rig.input(Input::Resize { columns, rows });
        rig.draw();
        let screen = rig.text();
        assert!(screen.contains("for 24.0 GB of memory"), "{screen}");
        for (name, words) in [
            ("small", "13.8 GB  fits "),
            ("close", "23.5 GB  fits barely"),
            ("large", "65.3 GB  too large"),
        ] {
            let row = row_of(&screen, name);
            assert!(row.contains(words), "{row}");
        }
    }
}

#[test]
fn a_path_can_be_typed_and_is_looked_at_before_the_model_makes_way() {
    let mut rig = listing();
    rig.type_text("~/other/folder");
    rig.draw();
    assert!(
        rig.text()
            .contains("Enter takes what is typed as a model's folder")
    );
    rig.press("enter");
    let looked = Effect::LookAtModel(PathBuf::from("~/other/folder"));
    assert!(rig.effects.contains(&looked), "{:?}", rig.effects);
    let before = loads(&rig).len();
    let entry = CatalogEntry {
        problem: Some("there is no such folder".to_owned()),
        ..model("folder", 0)
    };
    rig.report(Report::Model(entry));
    let notice = rig.state.notice.clone().expect("it is told");
    assert_eq!(notice.level, Level::Error);
    assert_eq!(
        notice.text,
        "folder cannot be loaded: there is no such folder"
    );
    assert!(matches!(rig.state.model, ModelStatus::Ready(_)));
    assert_eq!(loads(&rig).len(), before);
    rig.report(Report::Model(model("good", 5)));
    let expected = ModelSource::Directory(PathBuf::from("/models/good"));
    assert_eq!(loads(&rig).last(), Some(&expected));
}

#[test]
fn the_last_entries_ask_for_a_folder_and_tell_how_to_get_a_model() {
    let mut rig = listing();
    rig.press("end up enter");
    assert!(matches!(rig.state.popups.last(), Some(Popup::Ask { .. })));
    rig.type_text("here");
    rig.press("enter");
    let looked = Effect::LookAtModel(PathBuf::from("here"));
    assert!(rig.effects.contains(&looked));
    let mut rig = listing();
    rig.press("end enter");
    assert!(matches!(rig.state.popups.last(), Some(Popup::HowTo { .. })));
    for (columns, rows) in [(50, 60), (80, 40), (120, 40)] {
        rig.input(Input::Resize { columns, rows });
        rig.draw();
        let screen = rig.text();
        assert!(
            screen.contains("24.0 GB of memory for models"),
            "{columns}\n{screen}"
        );
        // The last word of the last note.
        assert!(screen.contains("gptoss.toml"), "{columns}\n{screen}");
    }
    rig.press("enter");
    let copied = rig.effects.iter().any(
        |effect| matches!(effect, Effect::Copy(text) if text.starts_with("hf download openai/")),
    );
    assert!(copied, "{:?}", rig.effects);
}

#[test]
fn what_was_typed_stays_when_more_models_are_found() {
    let mut rig = Rig::new();
    rig.press("ctrl-o");
    rig.type_text("lar");
    rig.report(Report::Models(FoundModels {
        entries: vec![model("small", 1), model("large", 2)],
        free_bytes: None,
    }));
    rig.press("enter");
    let expected = ModelSource::Directory(PathBuf::from("/models/large"));
    assert_eq!(loads(&rig).last(), Some(&expected));
}
