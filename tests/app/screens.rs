//! What is drawn: at every size, while tokens come, and where a color carries meaning.

use gptoss::analytics::normalize;
use gptoss::app::action::{Context, REGISTRY};
use gptoss::app::map::{MapSource, Zoom};
use gptoss::app::{Action, Input, View};

use crate::rig::Rig;

fn resize(rig: &mut Rig, columns: u16, rows: u16) {
    rig.input(Input::Resize { columns, rows });
}

#[test]
fn every_size_from_nothing_draws_every_view() {
    let mut rig = Rig::new();
    rig.ask("hello");
    rig.drain();
    for view in View::ALL {
        rig.state.view = view;
        rig.state.focus = view.focus();
        for columns in (0..40).chain([80, 100, 120, 160, 200]) {
            for rows in [0, 1, 2, 3, 5, 8, 12, 24, 60] {
                resize(&mut rig, columns, rows);
                rig.draw();
            }
        }
    }
}

#[test]
fn the_chat_shows_question_answer_and_figures_at_three_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut rig = Rig::new();
        resize(&mut rig, columns, rows);
        rig.ask("hello there");
        rig.drain();
        rig.press("esc g");
        rig.draw();
        let text = rig.text();
        for wanted in [
            "hello there",
            "synthetic",
            "analysis",
            "message",
            "context",
            "tokens",
        ] {
            assert!(
                text.contains(wanted),
                "{columns}x{rows} lacks {wanted}:\n{text}"
            );
        }
        let has_map = text.contains("memory and speed");
        assert_eq!(has_map, columns >= 100, "{columns}x{rows}");
    }
}

#[test]
fn each_cell_of_the_map_has_the_color_of_its_figure() {
    let mut rig = Rig::new();
    rig.ask("colors");
    rig.drain();
    rig.press("esc 2");
    rig.state.map.source = MapSource::Answer;
    rig.state.map.zoom = Zoom::OneToOne;
    rig.state.map.cursor = gptoss::app::map::Cell {
        layer: 0,
        expert: 0,
    };
    rig.draw();
    let grid = rig.state.grid().unwrap();
    let values = normalize(&grid, rig.state.map.scale, rig.state.map_bounds(&grid));
    let place = rig.state.viewport.map.expect("a map is on screen");
    assert_eq!(
        (
            place.first_layer,
            place.first_expert,
            place.experts_per_column
        ),
        (0, 0, 1)
    );
    let mut seen = 0;
    for layer in 0..grid.num_layers() {
        for expert in 0..grid.num_experts() {
            if (layer, expert) == (0, 0) {
                continue; // The cursor has a color of its own.
            }
            let x = place.area.x + (expert * place.columns_per_expert) as u16;
            let y = place.area.y + (layer / place.layers_per_row) as u16;
            let cell = &rig.screen[(x, y)];
            let shown = match (place.layers_per_row, layer % place.layers_per_row.max(1)) {
                (2, 1) => cell.bg,
                _ if cell.symbol() == " " => cell.bg,
                _ => cell.fg,
            };
            let wanted = rig
                .theme
                .ramp()
                .color(values[layer * grid.num_experts() + expert]);
            assert_eq!(
                Some(shown),
                wanted,
                "layer {layer} expert {expert} {cell:?}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 4 * 8 - 1);
}

#[test]
fn scrolled_up_the_screen_holds_still_while_text_comes() {
    let mut rig = Rig::new();
    resize(&mut rig, 80, 24);
    for number in 0..4 {
        rig.ask(&format!("question {number}"));
    }
    rig.draw();
    rig.press("esc g");
    rig.draw();
    let chat = |rig: &Rig| {
        rig.text()
            .lines()
            .skip(2)
            .take(10)
            // The first columns mark the selected message while the chat has the keys.
            .map(|row| row.chars().skip(2).collect::<String>())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let held = chat(&rig);
    assert!(held.contains("question 0"), "{held}");
    rig.state.focus = gptoss::app::Focus::Composer;
    rig.type_text("more");
    let scroll = rig.state.chat.scroll;
    rig.press("enter");
    rig.state.chat.scroll = scroll;
    for tokens in 1..100 {
        rig.tokens(tokens);
        rig.draw();
        assert_eq!(chat(&rig), held, "after {tokens} tokens");
        if rig.state.running.is_none() {
            break;
        }
    }
}

#[test]
fn hostile_text_reaches_no_cell() {
    let mut rig = Rig::new();
    rig.input(Input::Paste(
        "\u{1b}]52;c;AAAA\u{7}\u{1b}[31mred\u{202e}evil\u{0}".to_owned(),
    ));
    rig.press("enter");
    rig.settle();
    rig.draw();
    let text = rig.text();
    assert!(text.contains("red"), "{text}");
    let hostile =
        |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!text.contains(hostile), "{text:?}");
}

#[test]
fn help_tells_every_binding_of_its_place_and_the_palette_every_action() {
    let mut rig = Rig::new();
    resize(&mut rig, 120, 400);
    rig.press("esc ?");
    rig.draw();
    let text = rig.text();
    for info in REGISTRY {
        let here = info
            .keys
            .iter()
            .any(|(context, _)| Context::Chat.chain().contains(context));
        if here {
            assert!(
                text.contains(&info.help[..info.help.len().min(50)]),
                "help lacks {}",
                info.name
            );
        }
    }
    rig.press("esc ctrl-p");
    rig.type_text("regenerate");
    rig.draw();
    assert!(rig.text().contains("same-seed"), "{}", rig.text());
    rig.press("esc");
    rig.act(Action::HowToGetModels);
    rig.draw();
    assert!(
        rig.text().contains("hf download openai/gpt-oss-20b"),
        "{}",
        rig.text()
    );
}
