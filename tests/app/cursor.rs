//! The map's cursor, the bars of its layer and its expert's card.

use gptoss::analytics::{Measure, Span};
use gptoss::app::map::{Cell, MapCells, MapSource, Zoom};
use gptoss::app::viewport::MapViewport;
use gptoss::app::{Focus, Input, MouseInput, MouseKind, State};
use gptoss::ui::theme::{ColorDepth, GlyphSet, PaletteName, Theme};
use ratatui::buffer::{Buffer, Cell as Drawn};
use ratatui::style::{Color, Modifier};

use crate::panes::{draw_pane, rig_of, text_of, theme};
use crate::rig::Rig;

/// The synthetic model's layers and experts in these tests.
const LAYERS: usize = 6;
const EXPERTS: usize = 32;

/// Every way to paint the map: depth of color, characters, cells, and a pane's size.
fn looks() -> Vec<(Theme, MapCells, (u16, u16))> {
    let mut looks = Vec::new();
    for (depth, glyphs) in [
        (ColorDepth::TrueColor, GlyphSet::Unicode),
        (ColorDepth::Ansi256, GlyphSet::Unicode),
        (ColorDepth::Ansi16, GlyphSet::Unicode),
        (ColorDepth::NoColor, GlyphSet::Unicode),
        (ColorDepth::TrueColor, GlyphSet::Ascii),
        (ColorDepth::NoColor, GlyphSet::Ascii),
    ] {
        for cells in [
            MapCells::Auto,
            MapCells::Half,
            MapCells::Full,
            MapCells::Glyph,
        ] {
            for size in [(50, 14), (80, 20), (120, 30), (160, 30)] {
                let theme = theme(PaletteName::Dark, glyphs, depth);
                looks.push((theme, cells, size));
            }
        }
    }
    looks
}

/// The terminal's cells that an expert has on the map.
fn drawn(buf: &Buffer, map: &MapViewport, at: Cell) -> Vec<Drawn> {
    let columns = map.columns_per_expert;
    let x = map.area.x as usize + (at.expert - map.first_expert) / map.experts_per_column * columns;
    let y = map.area.y as usize + (at.layer - map.first_layer) / map.layers_per_row;
    let columns = (x..x + columns).map(|x| buf[(x as u16, y as u16)].clone());
    columns.collect()
}

/// The color that stands for a layer's value in a cell without the cursor.
fn value_of(cell: &Drawn, map: &MapViewport, layer: usize) -> Color {
    if map.layers_per_row == 2 && layer.is_multiple_of(2) {
        cell.fg
    } else {
        cell.bg
    }
}

#[test]
fn the_cursor_leaves_its_cells_value_readable_in_every_look() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.map.source = MapSource::Answer;
    let away = Cell::default();
    let hottest = rig.state.map.cursor;
    let grid = rig.state.grid().expect("an answer");
    let cells =
        (1..LAYERS).flat_map(|layer| (0..EXPERTS).map(move |expert| Cell { layer, expert }));
    let coldest = cells
        .min_by(|a, b| {
            let value = |at: &Cell| grid.value(at.layer, at.expert);
            value(a).total_cmp(&value(b))
        })
        .expect("cells");
    for (theme, cells, size) in looks() {
        rig.state.preferences.map_cells = cells;
        for at in [hottest, coldest] {
            let name = format!("{cells:?} {:?} {size:?} {at:?}", theme.depth());
            rig.state.map.point_at(away);
            let (without, _) = draw_pane(&rig.state, Focus::Experts, &theme, size);
            rig.state.map.point_at(at);
            let (with, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, size);
            let map = viewport.map.expect("a map");
            let (before, after) = (drawn(&without, &map, at), drawn(&with, &map, at));
            assert_ne!(before, after, "it cannot be seen: {name}");
            let is_colored = before[0].bg != Color::Reset;
            for (before, after) in before.iter().zip(&after) {
                assert!(!after.modifier.contains(Modifier::REVERSED), "{name}");
                if is_colored {
                    let value = value_of(before, &map, at.layer);
                    let is_kept = after.bg == value || after == before;
                    assert!(is_kept, "{name}: {before:?} became {after:?}");
                }
            }
            if !is_colored {
                let is_kept = |(before, after): (&Drawn, &Drawn)| before.symbol() == after.symbol();
                let kept = before.iter().zip(&after).any(is_kept);
                assert!(kept, "{name}: {before:?} became {after:?}");
                let is_underlined = |cell: &Drawn| cell.modifier.contains(Modifier::UNDERLINED);
                assert!(after.iter().all(is_underlined), "{name}");
            }
        }
    }
}

#[test]
fn the_bars_of_the_cursors_layer_stand_under_its_cells() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.map.source = MapSource::Answer;
    let theme = Theme::default();
    for size in [(80, 24), (68, 36), (120, 40), (200, 60)] {
        let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, size);
        let map = viewport.map.expect("a map");
        let text = text_of(&buf);
        let blank = theme.glyphs().bars[0];
        let layer = rig.state.map.cursor.layer;
        let grid = rig.state.grid().expect("an answer");
        let most = grid.layer(layer).iter().copied().fold(0.0, f64::max);
        let is_bar = |y: u16| {
            let glyph = buf[(map.area.x, y)].symbol();
            theme.glyphs().bars.contains(&glyph)
        };
        let row = (map.area.y + map.area.height..size.1).find(|y| is_bar(*y));
        let row = row.unwrap_or_else(|| panic!("no bars at {size:?}\n{text}"));
        for expert in 0..EXPERTS {
            let x = map.area.x + (expert * map.columns_per_expert) as u16;
            let glyph = buf[(x, row)].symbol();
            let value = grid.value(layer, expert);
            if value > most / 4.0 {
                assert_ne!(glyph, blank, "E{expert} {value}\n{text}");
            } else if value == 0.0 {
                assert_eq!(glyph, blank, "E{expert}\n{text}");
            }
        }
    }
}

/// The row of the keys, above two rows of figures.
fn hints(rig: &Rig) -> String {
    let text = rig.text();
    let rows: Vec<&str> = text.lines().collect();
    rows[rows.len() - 3].to_owned()
}

#[test]
fn a_card_longer_than_the_pane_scrolls_by_key_and_wheel_and_never_too_far() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.press("esc 2");
    rig.input(Input::Resize {
        columns: 80,
        rows: 24,
    });
    rig.state.map.source = MapSource::Answer;
    rig.press("enter");
    rig.draw();
    let card = rig.state.card().expect("a card");
    let last = rig.state.viewport.card.expect("it is drawn").last_scroll;
    assert!(last > 0, "the test needs a long card: {}", rig.text());
    let title = format!("expert {} of layer {}", card.expert, card.layer);
    assert!(rig.text().contains(&title), "{}", rig.text());
    assert!(rig.text().contains("rows 1 to"), "{}", rig.text());
    let keys = hints(&rig);
    assert!(
        keys.contains("page down") && keys.contains("Esc back"),
        "{keys}"
    );
    for useless in ["measure", "closer", "card", "token back"] {
        assert!(!keys.contains(useless), "{useless} in {keys}");
    }
    for (keys, expected) in [
        ("down down", 2.min(last)),
        ("up", 2.min(last) - 1),
        ("end", last),
        ("down pagedown", last),
        ("home", 0),
        ("up pageup", 0),
        ("G", last),
        ("g", 0),
    ] {
        rig.press(keys);
        rig.draw();
        assert_eq!(rig.state.map.card_scroll, expected, "{keys}");
    }
    rig.press("end");
    rig.draw();
    assert!(!rig.text().contains(&title), "{}", rig.text());
    let oldest = card.choices.first().expect("it was chosen").position;
    assert!(
        rig.text().contains(&format!("{oldest:>6}  ")),
        "{}",
        rig.text()
    );
    let wheel = |kind| Input::Mouse(MouseInput { kind, x: 10, y: 10 });
    rig.input(wheel(MouseKind::WheelUp));
    assert_eq!(rig.state.map.card_scroll, last.saturating_sub(3));
    rig.input(wheel(MouseKind::WheelDown));
    assert_eq!(rig.state.map.card_scroll, last);
    // Another expert's card begins at its top.
    rig.press("right");
    assert_eq!(rig.state.map.card_scroll, 0);
    rig.press("esc");
    rig.draw();
    assert!(hints(&rig).contains("closer"), "{}", hints(&rig));
    rig.check();
}

#[test]
fn a_cards_contexts_show_their_token_at_any_width() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.map.source = MapSource::Answer;
    rig.state.map.zoom = Zoom::Card;
    for columns in [66, 80, 132] {
        let size = (columns, 60);
        let (buf, _) = draw_pane(&rig.state, Focus::Experts, &Theme::default(), size);
        let text = text_of(&buf);
        let contexts = text.lines().filter(|row| row.contains("  choice "));
        let mut count = 0;
        for row in contexts {
            assert!(row.contains('[') && row.contains(']'), "{row}");
            count += 1;
        }
        assert!(count > 0, "{text}");
    }
}

#[test]
fn the_cards_figures_follow_what_they_are_about() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    let fresh = |state: &State| State {
        last_card: gptoss::app::figures::LastCard::default(),
        ..state.clone()
    };
    for source in MapSource::ALL {
        rig.state.map.source = source;
        for (layer, expert) in [(0, 0), (1, 3), (1, 4)] {
            rig.state.map.point_at(Cell { layer, expert });
            assert_eq!(rig.state.card(), fresh(&rig.state).card(), "{source:?}");
        }
    }
    let (first, again) = (rig.state.card(), rig.state.card());
    let same = first
        .zip(again)
        .map(|(a, b)| std::sync::Arc::ptr_eq(&a, &b));
    assert_eq!(same, Some(true), "a second frame makes no second card");
    rig.ask("something else");
    rig.drain();
    assert_eq!(rig.state.card(), fresh(&rig.state).card());
}

#[test]
fn the_cursor_begins_where_most_weight_is_and_stays_where_a_person_put_it() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    let cursor = rig.state.map.cursor;
    let run = rig.state.shown_run().expect("a run");
    let prompt = run.log.grid(Span::Prompt.into(), Measure::WeightSum);
    assert!(
        prompt.value(cursor.layer, cursor.expert) > 0.0,
        "{cursor:?}"
    );
    rig.press("esc 2 right");
    let moved = rig.state.map.cursor;
    rig.ask("another question");
    rig.drain();
    assert_eq!(rig.state.map.cursor, moved);
}
