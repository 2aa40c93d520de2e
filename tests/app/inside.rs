//! Looking inside the model at one token.

use gptoss::app::inside::{InsideState, InsideTab, Pass, WeightOrder};
use gptoss::app::popup::Popup;
use gptoss::app::share::Shared;
use gptoss::app::{Focus, Input, State};
use gptoss::engine::protocol::{Command, InspectReport};
use gptoss::generate::{HeadIndex, LensLayers};

use crate::rig::Rig;

fn looks(rig: &Rig) -> Vec<&gptoss::engine::protocol::InspectRequest> {
    let looks = rig.commands.iter().filter_map(|command| match command {
        Command::Inspect(request) => Some(request),
        _ => None,
    });
    looks.collect()
}

fn report(rig: &Rig) -> &InspectReport {
    let view = rig.state.inside.as_ref().expect("something was looked at");
    view.report.as_ref().expect("it is done")
}

fn is_done(state: &State) -> bool {
    let view = state.inside.as_ref();
    view.is_some_and(|view| view.progress == InsideState::Done)
}

/// An answer, and the cost of a look at its newest token on the screen.
fn asked() -> Rig {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.press("esc");
    assert_eq!(rig.state.focus, Focus::Chat);
    rig.press("I");
    rig.until(|state| {
        state
            .inside
            .as_ref()
            .is_some_and(|view| view.cost.is_some())
    });
    rig
}

/// The same, paid.
fn looked() -> Rig {
    let mut rig = asked();
    rig.press("enter");
    rig.until(is_done);
    rig
}

#[test]
fn the_cost_is_shown_before_it_is_paid() {
    let mut rig = asked();
    assert!(looks(&rig).is_empty(), "nothing is computed unasked");
    rig.draw();
    let text = rig.text();
    let tokens = rig.state.inside.as_ref().expect("asked").subject.ids.len();
    for expected in [
        "What it will take".to_owned(),
        format!("{tokens} tokens anew"),
        "4 rows, one a layer".to_owned(),
        "memory     up to".to_owned(),
        "Enter starts it".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected}: {text}");
    }
    rig.press("esc");
    assert!(rig.state.popups.is_empty() && looks(&rig).is_empty());
    rig.press("I");
    rig.press("enter");
    rig.until(is_done);
    assert_eq!(looks(&rig).len(), 1);
    rig.check();
}

#[test]
fn a_look_is_at_the_pass_that_chose_the_token_or_at_the_one_that_reads_it() {
    let mut rig = asked();
    let run = rig.state.shown_run().expect("a run").clone();
    let position = rig.state.token_position().expect("a token");
    let view = rig.state.inside.clone().expect("asked");
    assert_eq!(view.subject.pass, Pass::Choosing);
    assert_eq!(view.subject.ids.len(), position);
    let chosen = view.subject.next.expect("it chose a token");
    assert_eq!(Some(&*chosen.text), run.text(position));
    rig.press("enter");
    rig.until(is_done);
    assert_eq!(looks(&rig)[0].options.target, Some(chosen.id));
    assert_eq!(report(&rig).inspection.position, position - 1);
    rig.press("s");
    let view = rig.state.inside.as_ref().expect("asked again");
    assert_eq!(view.progress, InsideState::Asked, "it has its own cost");
    assert_eq!(view.subject.pass, Pass::Reading);
    rig.press("enter");
    rig.until(is_done);
    assert_eq!(report(&rig).inspection.position, position);
    rig.check();
}

#[test]
fn every_position_can_be_looked_at_and_the_first_one_by_the_pass_that_reads_it() {
    let mut rig = asked();
    let len = rig.state.shown_run().expect("a run").len();
    for _ in 0..=len {
        rig.press(",");
    }
    let view = rig.state.inside.clone().expect("asked");
    assert_eq!(
        (view.subject.token.position, view.subject.pass),
        (0, Pass::Reading)
    );
    rig.press("s");
    let notice = rig.state.notice.clone().expect("it says why not");
    assert!(
        notice.text.contains("nothing comes before"),
        "{}",
        notice.text
    );
    rig.press(".");
    let view = rig.state.inside.clone().expect("asked");
    assert_eq!(view.subject.token.position, 1);
    assert!(view.subject.is_next_given, "the prompt gave it");
    // So many questions may have been too many at once; the last one is asked until it is heard.
    while rig
        .state
        .inside
        .as_ref()
        .is_some_and(|view| view.cost.is_none())
    {
        rig.wait(200);
        rig.drain();
        std::thread::yield_now();
    }
    rig.press("enter");
    rig.until(is_done);
    rig.draw();
    assert!(rig.text().contains("position 1, "), "{}", rig.text());
    rig.check();
}

#[test]
fn keys_choose_figures_layers_and_heads() {
    let mut rig = looked();
    let view = |rig: &Rig| rig.state.inside.clone().expect("done");
    let layer = rig.state.map.cursor.layer;
    assert_eq!(view(&rig).cursor, HeadIndex { layer, head: 0 });
    for (key, tab) in [
        ("2", InsideTab::Sinks),
        ("3", InsideTab::Attention),
        ("4", InsideTab::Norms),
        ("1", InsideTab::Lens),
        ("tab", InsideTab::Sinks),
        ("shift-tab", InsideTab::Lens),
    ] {
        rig.press(key);
        assert_eq!(view(&rig).tab, tab, "{key}");
    }
    rig.press("2 home down down right right right");
    assert_eq!(view(&rig).cursor, HeadIndex { layer: 2, head: 3 });
    rig.press("end");
    assert_eq!(view(&rig).cursor.layer, 3, "it stays on the map");
    assert!(!view(&rig).is_head_known());
    rig.press("enter");
    assert_eq!(view(&rig).tab, InsideTab::Attention);
    assert_eq!(looks(&rig).len(), 1, "another head is told its cost first");
    rig.draw();
    assert!(rig.text().contains("are not computed"), "{}", rig.text());
    let lens = report(&rig).inspection.lens.clone();
    rig.press("enter");
    rig.until(is_done);
    assert_eq!(looks(&rig)[1].options.layers, LensLayers::Only(Vec::new()));
    assert_eq!(report(&rig).inspection.lens, lens, "the lens stays");
    assert!(view(&rig).is_head_known());
    rig.press("o");
    assert_eq!(view(&rig).order, WeightOrder::Position);
    rig.check();
}

#[test]
fn the_turns_own_rules_count_and_are_told() {
    let mut rig = Rig::new();
    rig.press("esc");
    rig.press("2");
    rig.press("x");
    rig.press("i");
    rig.ask("hello");
    rig.press("esc");
    // What is in force now says nothing about that answer.
    rig.press("2");
    rig.press("X");
    assert!(rig.state.interventions.is_empty());
    rig.press("I");
    rig.press("enter");
    rig.until(is_done);
    assert_eq!(looks(&rig)[0].options.interventions.to_string(), "mask 0:0");
    rig.draw();
    let text = rig.text();
    assert!(text.contains("by the turn's rules: mask 0:0"), "{text}");
    rig.check();
}

#[test]
fn nothing_to_look_at_and_a_busy_engine_are_told() {
    let mut rig = Rig::slow();
    rig.press("esc");
    rig.press("I");
    let text = |rig: &Rig| rig.state.notice.clone().map(|notice| notice.text);
    assert!(text(&rig).is_some_and(|text| text.contains("ask something first")));
    rig.press("i");
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(3);
    rig.press("esc");
    rig.press("I");
    assert!(rig.state.popups.is_empty());
    assert!(text(&rig).is_some_and(|text| text.contains("still answering")));
    rig.press("ctrl-c");
    rig.settle();
    rig.check();
}

#[test]
fn a_running_look_is_stopped_by_escape_and_taken_up_again() {
    let mut rig = asked();
    rig.press("enter");
    let request = rig
        .state
        .inside
        .as_ref()
        .and_then(gptoss::app::inside::InsideView::request);
    assert!(request.is_some());
    rig.press("esc");
    assert!(
        matches!(rig.state.popups.last(), Some(Popup::Inside)),
        "the first one stops, the second closes"
    );
    rig.until(|state| {
        let view = state.inside.as_ref();
        view.is_some_and(|view| view.request().is_none())
    });
    // It may have been done before the cancel arrived.
    if !is_done(&rig.state) {
        rig.draw();
        assert!(rig.text().contains("Nothing is lost"), "{}", rig.text());
        rig.press("enter");
        rig.until(is_done);
    }
    rig.check();
}

#[test]
fn the_sinks_say_by_glyph_and_number_what_they_say_by_color() {
    let mut rig = looked();
    rig.input(Input::Resize {
        columns: 200,
        rows: 60,
    });
    rig.press("2");
    rig.draw();
    let shares = &report(&rig).inspection.sinks[0].shares;
    let text = rig.text();
    let row = text
        .lines()
        .find(|line| line.contains("   0 "))
        .expect("layer 0 is there");
    let wide = shares.len() * 4 < 140;
    let glyphs = rig.theme.glyphs().density;
    for share in shares {
        let glyph = glyphs[(share * 5.0).ceil() as usize];
        assert!(row.contains(glyph), "{glyph}: {row}");
        if wide {
            let number = format!("{:>2}", (share * 100.0).round().min(99.0));
            assert!(row.contains(&number), "{number}: {row}");
        }
    }
    assert!(text.contains("to 20%") && text.contains("w: the layer sees a window"));
    let colors: std::collections::BTreeSet<String> = rig
        .screen
        .content
        .iter()
        .filter(|cell| glyphs[1..].contains(&cell.symbol()))
        .map(|cell| format!("{:?}", cell.fg))
        .collect();
    assert!(colors.len() > 4, "the ramp colors them too: {colors:?}");
    rig.check();
}

#[test]
fn every_size_shows_what_fits() {
    let mut rig = looked();
    for (columns, rows) in [(80, 24), (120, 40), (200, 60), (20, 5), (1, 1)] {
        rig.input(Input::Resize { columns, rows });
        for key in ["1", "2", "3", "4"] {
            rig.press(key);
            rig.draw();
            if columns >= 80 {
                let text = rig.text();
                let expected = match key {
                    "1" => "most likely:",
                    "2" => "to the sink; the layer's mean",
                    "3" => "no token: the learned sink",
                    _ => "after the experts",
                };
                assert!(text.contains(expected), "{expected} at {columns}: {text}");
                assert!(text.contains("synthetic, no model"), "{text}");
            }
        }
        rig.press("s");
        rig.draw();
        rig.press("enter");
        rig.draw();
        rig.until(is_done);
    }
    rig.check();
}

#[test]
fn every_figure_can_be_shared_with_where_it_comes_from() {
    let mut rig = Rig::new();
    for shared in [
        Shared::Lens,
        Shared::Sinks,
        Shared::Attention,
        Shared::Norms,
    ] {
        assert!(rig.state.figure(shared).is_none(), "{shared:?}");
    }
    rig = looked();
    let found = report(&rig).inspection.clone();
    let head = found.head.expect("one head is asked for");
    for (shared, value) in [
        (Shared::Lens, f64::from(found.lens[0].top[0].probability)),
        (Shared::Sinks, f64::from(found.sinks[3].shares[5])),
        (Shared::Attention, f64::from(head.weights[0])),
        (Shared::Norms, f64::from(found.norms.after_experts[2])),
    ] {
        let figure = rig.state.figure(shared).expect("it is done");
        for format in [
            gptoss::share::Format::Text,
            gptoss::share::Format::Html,
            gptoss::share::Format::Svg,
        ] {
            let text = figure.render(format);
            for part in [
                "synthetic, no model",
                "interventions at every position: none",
            ] {
                assert!(text.contains(part), "{part} is not in {shared:?}: {text}");
            }
            assert!(
                text.contains(&value.to_string()),
                "{value} is not in {shared:?} as {format:?}: {text}"
            );
        }
    }
}

#[test]
fn help_explains_the_figures_and_leads_back() {
    let mut rig = looked();
    rig.press("?");
    rig.input(Input::Resize {
        columns: 120,
        rows: 200,
    });
    rig.draw();
    for expected in ["Logit lens", "Sink share", "Residual norm", "Settled"] {
        assert!(rig.text().contains(expected), "{expected}");
    }
    rig.press("esc");
    assert!(matches!(rig.state.popups.last(), Some(Popup::Inside)));
}
