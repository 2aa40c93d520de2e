//! The map at its levels: what a wide screen shows, what dots are, and the way from an expert to its
//! tokens.

use gptoss::app::layer_figure::LayerFigure;
use gptoss::app::map::{Cell, MapSource, Zoom};
use gptoss::app::{Focus, Input};
use gptoss::ui::theme::Theme;

use crate::panes::{draw_pane, rig_of, text_of};
use crate::rig::Rig;

fn resize(rig: &mut Rig, columns: u16, rows: u16) {
    rig.input(Input::Resize { columns, rows });
    rig.draw();
}

#[test]
fn a_wide_screen_has_a_column_for_each_expert() {
    let mut rig = rig_of(36, 128);
    for (columns, has_entropies) in [(200, true), (194, false)] {
        resize(&mut rig, columns, 60);
        let map = rig.state.viewport.map.expect("a map");
        assert_eq!(map.experts_per_column, 1, "{columns}");
        assert_eq!(map.area.width, 128, "{columns}");
        assert_eq!(rig.text().contains("H/ln"), has_entropies, "{columns}");
        assert!(
            rig.text().contains("weight sum, 1 token: 0 "),
            "{}",
            rig.text()
        );
    }
    resize(&mut rig, 120, 40);
    assert_eq!(
        rig.state.viewport.map.map(|map| map.experts_per_column),
        Some(2)
    );
}

#[test]
fn dots_are_called_dots() {
    let rig = rig_of(36, 128);
    let text = |size| text_of(&draw_pane(&rig.state, Focus::Experts, &Theme::default(), size).0);
    let quarters = text((80, 44));
    assert!(
        quarters.contains("a dot is a chosen expert, 2 layers x 2"),
        "{quarters}"
    );
    let braille = text((80, 16));
    assert!(
        braille.contains("a dot is a chosen expert, 4 layers x 2"),
        "{braille}"
    );
}

#[test]
fn the_read_out_has_the_figure_under_the_cursor() {
    let mut rig = rig_of(6, 32);
    for source in [
        MapSource::Token,
        MapSource::Window,
        MapSource::Answer,
        MapSource::Cumulative,
    ] {
        rig.state.map.source = source;
        let grid = rig.state.grid().expect("a map");
        let Cell { layer, expert } = rig.state.map.cursor;
        let value = grid.value(layer, expert);
        let figure = if value.fract() == 0.0 {
            format!("weight sum {value:.0}")
        } else {
            format!("weight sum {value:.2}")
        };
        let (buf, _) = draw_pane(&rig.state, Focus::Experts, &Theme::default(), (132, 40));
        let text = text_of(&buf);
        let row = text
            .lines()
            .find(|row| row.contains(&format!(" L{layer}:E{expert} ")));
        assert!(
            row.is_some_and(|row| row.contains(&figure)),
            "no {figure}, {source:?}\n{text}"
        );
    }
}

/// The positions of all tokens that chose the expert under the cursor.
fn chose(rig: &Rig) -> Vec<usize> {
    let Cell { layer, expert } = rig.state.map.cursor;
    let tokens = rig.state.shown_run().expect("a run").log.tokens().iter();
    tokens
        .filter(|token| {
            token
                .choices(layer)
                .0
                .iter()
                .any(|one| usize::from(*one) == expert)
        })
        .map(|token| token.position)
        .collect()
}

#[test]
fn brackets_walk_the_tokens_that_chose_the_expert_and_the_card_follows() {
    let mut rig = rig_of(6, 32);
    resize(&mut rig, 80, 24);
    rig.press("esc 2");
    let all = chose(&rig);
    let newest = rig.state.token_position().expect("a token");
    let mut expected: Vec<usize> = all.iter().copied().filter(|at| *at < newest).collect();
    assert!(expected.len() > 3, "{all:?}");
    rig.press("enter");
    for expected in expected.iter().rev() {
        rig.press("[");
        rig.draw();
        assert_eq!(rig.state.token_position(), Some(*expected));
        let marked = format!(">{expected:>6}  ");
        let rows: Vec<String> = rig.text().lines().map(str::to_owned).collect();
        let row = rows.iter().find(|row| row.contains(&marked));
        assert!(row.is_some(), "no {marked} in\n{}", rig.text());
        // The text around it is the token's own.
        let run = rig.state.shown_run().expect("a run");
        let own = run.text(*expected).unwrap_or_default().trim();
        assert!(row.is_some_and(|row| row.contains(own)), "{own} {row:?}");
    }
    assert_eq!(rig.state.map.zoom, Zoom::Card);
    rig.press("[");
    let notice = rig.state.notice.as_ref().map(|notice| notice.text.clone());
    assert!(notice.is_some_and(|text| text.contains("no token before")));
    assert_eq!(
        rig.state.token_position(),
        expected.first().copied(),
        "it stays"
    );
    expected.remove(0);
    for expected in &expected {
        rig.press("]");
        assert_eq!(rig.state.token_position(), Some(*expected));
    }
    rig.check();
}

#[test]
fn scrolling_the_card_is_not_taken_back_by_the_token() {
    let mut rig = rig_of(6, 32);
    resize(&mut rig, 80, 24);
    rig.press("esc 2 enter");
    rig.draw();
    rig.press("[ [");
    rig.draw();
    rig.press("end");
    rig.draw();
    let last = rig.state.viewport.card.expect("a card").last_scroll;
    assert_eq!(rig.state.map.card_scroll, last);
    rig.press("home");
    rig.draw();
    assert_eq!(rig.state.map.card_scroll, 0);
}

#[test]
fn any_figure_of_the_layers_can_stand_beside_the_map() {
    let mut rig = rig_of(6, 32);
    resize(&mut rig, 80, 24);
    rig.press("esc 2 v v v v");
    assert_eq!(rig.state.map.source, MapSource::Answer);
    let balance = rig.state.balance().expect("a balance");
    let expected = |figure: LayerFigure, layer: usize| {
        let of = &balance.layers[layer];
        match figure {
            LayerFigure::Variation => format!("{:.2}", of.coefficient_of_variation),
            LayerFigure::Gini => format!("{:.2}", of.gini),
            LayerFigure::Dead => of.dead.to_string(),
            LayerFigure::Effective => format!("{:.1}", of.effective),
            LayerFigure::Covering => of.covering.to_string(),
            LayerFigure::EntropyChosen | LayerFigure::EntropyRouter => String::new(),
        }
    };
    for figure in LayerFigure::ALL
        .into_iter()
        .skip(1)
        .chain([LayerFigure::EntropyChosen])
    {
        rig.press("c");
        rig.draw();
        let map = rig.state.viewport.map.expect("a map").area;
        let text = rig.text();
        let rows: Vec<&str> = text.lines().collect();
        let right = |y: u16| -> String {
            rows[usize::from(y)]
                .chars()
                .skip(usize::from(map.x + map.width))
                .collect()
        };
        assert!(
            right(map.y - 1).contains(figure.title()),
            "{figure:?}\n{text}"
        );
        let row = right(map.y + 3);
        let expected = expected(figure, 3);
        let shown = row.trim_start_matches(['│', ' ']).trim();
        let shown = if shown.starts_with('.') {
            format!("0{shown}")
        } else {
            shown.to_owned()
        };
        assert!(
            expected.is_empty() || shown == expected,
            "{figure:?}: {row} is not {expected}"
        );
    }
    // One token says nothing of balance: its entropies stay.
    rig.press("c c V V V V");
    assert_eq!(rig.state.map.source, MapSource::Token);
    assert_eq!(rig.state.map.figure, LayerFigure::Variation);
    let shown = rig.state.layer_figure().map(|(figure, _)| figure);
    assert_eq!(shown, Some(LayerFigure::EntropyChosen));
    rig.check();
}

#[test]
fn a_map_without_a_row_for_its_legend_has_it_beside() {
    let mut rig = rig_of(36, 128);
    rig.state.map.source = MapSource::AnswerMinusPrompt;
    let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &Theme::default(), (80, 20));
    let map = viewport.map.expect("a map").area;
    let grid = rig.state.grid().expect("a map");
    let bounds = rig.state.map_bounds(&grid);
    let text = text_of(&buf);
    assert!(text.contains(&format!("{:+.1}", bounds.max)), "{text}");
    assert!(text.contains(&format!("{:+.1}", bounds.min)), "{text}");
    let theme = Theme::default();
    for (y, value) in [(map.y + 1, 1.0), (map.y + 6, 0.0)] {
        let cell = &buf[(map.x + map.width + 1, y)];
        assert_eq!(Some(cell.bg), theme.diverging().color(value), "{text}");
    }
    assert_ne!(theme.diverging().color(1.0), theme.diverging().color(0.0));
}
