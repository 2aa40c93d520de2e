//! A profile of a prompt set on the screen.

use gptoss::analytics::ProfileFile;
use gptoss::app::map::{Cell, Zoom};
use gptoss::app::popup::Popup;
use gptoss::app::profile::{ProfileTab, ProfileView};
use gptoss::app::share::Shared;
use gptoss::app::{Action, Effect, Focus, Input, Report};
use serde_json::{Value, json};

use crate::rig::Rig;

/// A table of 4 layers of 8 experts with one value in one cell.
fn table(rest: f64, layer: usize, expert: usize, value: f64) -> Value {
    let mut rows = vec![vec![rest; 8]; 4];
    rows[layer][expert] = value;
    json!(rows)
}

/// A profile of the rig's model: sums prefer 1:2 and 3:7, tales prefer 2:5.
fn profile() -> Value {
    let found = |layer: usize, expert: usize, halves: [f64; 2]| {
        json!({"layer": layer, "expert": expert, "count": 90, "share": 0.9, "lift": 1.9,
               "half_lifts": halves})
    };
    let domain = |name: &str, cell: (usize, usize), specialists: Value| {
        json!({
            "name": name, "prompts": 4, "tokens": 100, "half_tokens": [50, 50],
            "specialists": specialists,
            "counts": table(10.0, cell.0, cell.1, 90.0),
            "shares": table(0.1, cell.0, cell.1, 0.9),
            "lifts": table(1.0, cell.0, cell.1, 1.9),
        })
    };
    json!({
        "format": "gptoss-profile", "format_version": 1, "program_version": "0",
        "model": "another name", "weights_digest": "abc", "settings": {},
        "skipped_prefix_tokens": 3, "broken_lines": [7], "seed": 0, "min_lift": 1.5,
        "min_choices": 8, "min_half_tokens": 40, "specialists_by_chance": 0.25,
        "domains": [
            domain("sums", (1, 2), json!([found(1, 2, [1.7, 1.9]), found(3, 7, [1.6, 2.5])])),
            domain("tales", (2, 5), json!([found(2, 5, [2.1, 1.8])])),
        ],
    })
}

fn read(rig: &mut Rig, value: &Value) {
    rig.report(Report::ProfileRead {
        name: "set.json".to_owned(),
        text: Ok(value.to_string()),
    });
}

fn opened() -> Rig {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.press("esc");
    rig.act(Action::OpenProfile);
    rig.type_text("set.json");
    rig.press("enter");
    assert!(
        rig.effects
            .contains(&Effect::ReadProfile("set.json".into()))
    );
    read(&mut rig, &profile());
    assert!(matches!(rig.state.popups.last(), Some(Popup::Profile)));
    rig
}

fn view(rig: &Rig) -> &ProfileView {
    rig.state.profile.as_ref().expect("it is open")
}

#[test]
fn specialists_are_listed_by_what_replicates_and_lead_to_their_card() {
    let mut rig = opened();
    rig.draw();
    let text = rig.text();
    for expected in [
        "3 specialists",
        "give 0.2",
        "another model",
        "1.80",
        "sums",
        "tales",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let cells = |rig: &Rig| -> Vec<(usize, usize)> {
        let rows = view(rig).rows().into_iter();
        rows.map(|(_, one)| (one.layer, one.expert)).collect()
    };
    assert_eq!(cells(&rig), [(2, 5), (1, 2), (3, 7)]);
    rig.draw();
    let text = rig.text();
    assert!(text.contains("sorted by the lower half's lift"), "{text}");
    assert!(text.contains("half 1 half 2 lower"), "{text}");
    rig.press("d");
    assert_eq!(cells(&rig), [(1, 2), (3, 7)]);
    rig.press("d");
    assert_eq!(cells(&rig), [(2, 5)]);
    rig.press("d down enter");
    let cell = Cell {
        layer: 1,
        expert: 2,
    };
    assert_eq!(
        (rig.state.map.cursor, rig.state.map.zoom),
        (cell, Zoom::Card)
    );
    assert_eq!(rig.state.focus, Focus::Experts);
    assert!(rig.state.popups.is_empty());
    rig.act(Action::ShowProfile);
    assert!(matches!(rig.state.popups.last(), Some(Popup::Profile)));
    rig.check();
}

#[test]
fn the_map_tells_domains_by_letter_and_color() {
    let mut rig = opened();
    rig.press("2 down right right");
    assert_eq!(view(&rig).tab, ProfileTab::Map);
    rig.draw();
    let text = rig.text();
    assert!(
        text.contains("lift by domain: A sums 1.90x, B tales 1.00x"),
        "{text}"
    );
    let colors = |letter: &str| -> Vec<ratatui::style::Color> {
        let row = rig.screen.area.width as usize;
        // The map's rows; the screen's last ones tell of other things.
        let cells = rig.screen.content.chunks(row).skip(7).take(24);
        let cells = cells.flatten().filter(|cell| cell.symbol() == letter);
        cells.map(|cell| cell.fg).collect()
    };
    assert_eq!((colors("A").len(), colors("B").len()), (2, 1));
    assert_ne!(colors("A")[0], colors("B")[0]);
    rig.press("enter");
    assert_eq!(rig.state.map.zoom, Zoom::Card);
    rig.check();
}

#[test]
fn the_answer_is_compared_as_the_library_does() {
    let mut rig = opened();
    rig.press("3");
    let found = rig.state.profile_similarities().expect("same shape");
    let log = &rig.state.shown_run().expect("a run").log;
    let file = ProfileFile::read(&profile().to_string()).expect("it is one");
    let counts = log.grid(
        gptoss::analytics::SpanSet::ANSWER.into(),
        gptoss::analytics::Measure::Count,
    );
    let expected = file.profile.compare(&counts).expect("same shape");
    assert_eq!(found.len(), 2);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(
            (&found.domain, found.answer),
            (&expected.domain, expected.similarity)
        );
    }
    rig.draw();
    let number = format!("{:.3}", found[0].answer);
    assert!(rig.text().contains(&number), "{number}: {}", rig.text());
    rig.check();
}

#[test]
fn what_is_no_profile_is_told_and_nothing_is_opened() {
    let change = |path: &str, value: Value| {
        let mut profile = profile();
        *profile.pointer_mut(path).expect("it is there") = value;
        profile
    };
    for (wrong, expected) in [
        (
            json!({"format": "gptoss-trace", "format_version": 1}),
            "found gptoss-trace",
        ),
        (change("/format_version", json!(9)), "version 9"),
        (json!([]), "cannot be read as a profile"),
        (change("/domains", json!([])), "at least 2 domains"),
        (
            change("/domains/1/counts", json!([[1.0]])),
            "domain tales: a table of counts",
        ),
        (
            change("/domains/0/specialists/0/expert", json!(8)),
            "no expert 8 in layer 1",
        ),
    ] {
        let mut rig = Rig::new();
        read(&mut rig, &wrong);
        assert!(rig.state.profile.is_none());
        // As wide as what is told of it, so that nothing of the screen below stands between.
        rig.input(Input::Resize {
            columns: 90,
            rows: 40,
        });
        rig.draw();
        let text = rig.text().replace(['\n', '│'], " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(expected), "{expected}: {text}");
        rig.press("esc");
        assert!(rig.state.popups.is_empty());
    }
}

#[test]
fn another_models_profile_is_shown_and_neither_compared_nor_led_from() {
    let mut small = profile();
    for domain in 0..2 {
        for name in ["counts", "shares", "lifts"] {
            small["domains"][domain][name] = json!([[1.0, 2.0], [1.0, 2.0]]);
        }
        small["domains"][domain]["specialists"] = json!([]);
    }
    let mut rig = Rig::new();
    rig.ask("hello");
    read(&mut rig, &small);
    rig.press("3");
    rig.draw();
    assert!(
        rig.text().contains("2 layers of 2 experts"),
        "{}",
        rig.text()
    );
    assert!(rig.state.profile_similarities().is_err());
    rig.press("2 enter");
    assert!(matches!(rig.state.popups.last(), Some(Popup::Profile)));
    let notice = rig.state.notice.clone().expect("it says why");
    assert!(notice.text.contains("not of this model"), "{}", notice.text);
}

#[test]
fn a_profile_is_shared_and_drawn_at_every_size() {
    let mut rig = opened();
    let figure = rig.state.figure(Shared::Profile).expect("it is open");
    for format in [gptoss::share::Format::Text, gptoss::share::Format::Html] {
        let text = figure.render(format);
        for part in [
            "another name",
            "weights abc",
            "tales",
            "lift at least 1.5",
            "2.1",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    for (columns, rows) in [(80, 24), (120, 40), (200, 60), (20, 5), (1, 1)] {
        rig.input(Input::Resize { columns, rows });
        for key in ["1", "2", "3"] {
            rig.press(key);
            rig.draw();
        }
    }
    rig.press("?");
    rig.input(Input::Resize {
        columns: 120,
        rows: 120,
    });
    rig.draw();
    assert!(rig.text().contains("By chance"));
}
