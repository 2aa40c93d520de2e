//! The panes of figures: cells and words say what the analytics say, at any size.

use gptoss::analytics::{Balance, Measure, Scale, normalize};
use gptoss::app::map::{Cell, MapSource, Zoom};
use gptoss::app::sampling::{Fate, Knob, preview};
use gptoss::app::viewport::Viewport;
use gptoss::app::{Focus, Input, MouseInput, MouseKind, State};
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::ui::panes;
use gptoss::ui::theme::{
    Backdrop, ColorDepth, GlyphSet, Palette, PaletteName, RampKind, Theme, ThemeSpec,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::rig::Rig;

const PANES: [Focus; 5] = [
    Focus::Experts,
    Focus::Tokens,
    Focus::Memory,
    Focus::Sampler,
    Focus::Log,
];

const ZOOMS: [Zoom; 5] = [
    Zoom::Strip,
    Zoom::Overview,
    Zoom::OneToOne,
    Zoom::Layer,
    Zoom::Card,
];

/// A program that has answered once, with a model of this form.
pub(crate) fn rig_of(layers: usize, experts: usize) -> Rig {
    let mut rig = Rig::with(SyntheticModel {
        num_hidden_layers: layers,
        num_local_experts: experts,
        answer_tokens: Some(60),
        ..SyntheticModel::gpt_oss_20b()
    });
    rig.ask("why is the sky blue");
    rig.drain();
    rig
}

/// A pane alone on a screen of this size, and what was drawn where.
pub(crate) fn draw_pane(
    state: &State,
    focus: Focus,
    theme: &Theme,
    (width, height): (u16, u16),
) -> (Buffer, Viewport) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut viewport = Viewport::default();
    terminal
        .draw(|frame| panes::draw(frame, frame.area(), focus, state, theme, &mut viewport))
        .unwrap();
    (terminal.backend().buffer().clone(), viewport)
}

/// The characters of a screen, a line a row.
pub(crate) fn text_of(buf: &Buffer) -> String {
    let row = |y| -> String { (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect() };
    (0..buf.area.height).map(row).collect::<Vec<_>>().join("\n")
}

/// The words of a pane that is large enough for all of them.
pub(crate) fn words(state: &State, focus: Focus) -> String {
    text_of(&draw_pane(state, focus, &Theme::default(), (160, 60)).0)
}

pub(crate) fn theme(palette: PaletteName, glyphs: GlyphSet, depth: ColorDepth) -> Theme {
    Theme::new(&ThemeSpec {
        palette: Palette::embedded(palette),
        backdrop: Backdrop::Dark,
        depth,
        glyphs,
        ramp: RampKind::Viridis,
    })
}

#[test]
fn every_size_draws_with_and_without_an_answer() {
    let mut rigs = [rig_of(6, 32), rig_of(36, 128)];
    let mono = theme(PaletteName::Mono, GlyphSet::Ascii, ColorDepth::NoColor);
    let sizes = (0..=12).flat_map(|height| (0..=30).map(move |width| (width, height)));
    for size in sizes {
        for theme in [&Theme::default(), &mono] {
            for pane in PANES {
                draw_pane(&State::default(), pane, theme, size);
            }
            for rig in &mut rigs {
                for pane in PANES {
                    draw_pane(&rig.state, pane, theme, size);
                }
                for zoom in ZOOMS {
                    rig.state.map.zoom = zoom;
                    draw_pane(&rig.state, Focus::Experts, theme, size);
                }
            }
        }
    }
}

#[test]
fn the_maps_colors_are_the_grids_values_by_the_ramp() {
    let sources = [
        MapSource::Answer,
        MapSource::Cumulative,
        MapSource::AnswerMinusPrompt,
    ];
    for (layers, experts, size) in [(36, 128, (150, 40)), (24, 32, (78, 20)), (6, 32, (78, 20))] {
        let mut rig = rig_of(layers, experts);
        let theme = Theme::default();
        for source in sources {
            rig.state.map.source = source;
            rig.state.map.cursor = Cell {
                layer: layers - 1,
                expert: experts - 1,
            };
            let grid = rig.state.grid().unwrap();
            let bounds = rig.state.map_bounds(&grid);
            let (scale, ramp) = if source.is_difference() {
                (Scale::Linear, theme.diverging())
            } else {
                (rig.state.map.scale, theme.ramp())
            };
            let values = normalize(&grid, scale, bounds);
            let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, size);
            let map = viewport.map.unwrap();
            assert_eq!(map.experts_per_column, 1, "{layers}x{experts}");
            let mut different = std::collections::HashSet::new();
            // The last row holds the cursor.
            for layer in 0..layers - map.layers_per_row {
                for expert in 0..experts {
                    let x = map.area.x + (expert * map.columns_per_expert) as u16;
                    let y = map.area.y + (layer / map.layers_per_row) as u16;
                    let cell = &buf[(x, y)];
                    let shown = if map.layers_per_row == 2 && layer % 2 == 0 {
                        cell.fg
                    } else {
                        cell.bg
                    };
                    let expected = ramp.color(values[layer * experts + expert]).unwrap();
                    assert_eq!(shown, expected, "{source:?} L{layer}:E{expert}");
                    different.insert(format!("{expected:?}"));
                }
            }
            assert!(different.len() > 2, "{source:?} has one color only");
        }
    }
}

#[test]
fn the_whole_map_and_its_read_out_fit_a_small_terminal() {
    let rig = {
        let mut rig = rig_of(36, 128);
        rig.state.map.source = MapSource::Answer;
        rig
    };
    // What a pane has on 80 x 24, and beside a chat on 120 columns.
    for size in [(80, 20), (66, 36)] {
        let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &Theme::default(), size);
        let map = viewport.map.unwrap();
        let shown = (
            usize::from(map.area.height) * map.layers_per_row,
            usize::from(map.area.width) * map.experts_per_column / map.columns_per_expert,
        );
        assert_eq!(shown, (36, 128), "{size:?}");
        let text = text_of(&buf);
        let Cell { layer, expert } = rig.state.map.cursor;
        let read_out = format!("L{layer}:E{expert}  weight sum");
        assert!(text.contains(&read_out), "{size:?}\n{text}");
    }
}

#[test]
fn a_click_on_a_cell_puts_the_cursor_there() {
    let mut rig = rig_of(24, 32);
    let (_, viewport) = draw_pane(&rig.state, Focus::Experts, &Theme::default(), (78, 20));
    let map = viewport.map.unwrap();
    rig.state.viewport = viewport;
    rig.state.viewport.panes = vec![(Focus::Experts, map.area)];
    let (layer, expert) = (10, 17);
    rig.input(Input::Mouse(MouseInput {
        kind: MouseKind::Press,
        x: map.area.x + (expert * map.columns_per_expert) as u16,
        y: map.area.y + (layer / map.layers_per_row) as u16,
    }));
    assert_eq!(rig.state.map.cursor, Cell { layer, expert });
}

#[test]
fn the_read_out_says_what_the_analytics_say() {
    let mut rig = rig_of(24, 32);
    rig.state.map.source = MapSource::Answer;
    for cell in [(0, 0), (13, 17), (23, 31)] {
        rig.state.map.cursor = Cell {
            layer: cell.0,
            expert: cell.1,
        };
        let card = rig.state.card().unwrap();
        let run = rig.state.shown_run().unwrap();
        let grid = run.log.grid(rig.state.selection(), Measure::Count);
        let balance = Balance::of(&grid).overall;
        let text = words(&rig.state, Focus::Experts);
        for expected in [
            format!("L{}:E{}", cell.0, cell.1),
            format!("count {}", grid.layer(cell.0)[cell.1]),
            format!("rank {} of 32", card.rank),
            format!("cv {:.2}", balance.coefficient_of_variation),
            format!("gini {:.2}", balance.gini),
            format!("effective {:.1}", balance.effective),
            format!("in {}", balance.covering),
        ] {
            assert!(text.contains(&expected), "no \"{expected}\" in\n{text}");
        }
    }
}

#[test]
fn the_card_names_tokens_their_contexts_and_where_they_go() {
    let mut rig = rig_of(24, 32);
    let experts = |state: &State| state.grid().unwrap().layer(5).to_vec();
    rig.state.map.source = MapSource::Answer;
    let counts = experts(&rig.state);
    let busiest = (0..32).max_by(|a, b| counts[*a].total_cmp(&counts[*b]));
    rig.state.map.cursor = Cell {
        layer: 5,
        expert: busiest.unwrap(),
    };
    rig.state.map.zoom = Zoom::Card;
    let card = rig.state.card().unwrap();
    let text = words(&rig.state, Focus::Experts);
    let next = &card.next[0];
    for expected in [
        format!("chosen by {} of {} tokens", card.count, card.tokens),
        format!("L6:E{}", next.expert),
        format!("x{}", card.texts[0].count),
    ] {
        assert!(text.contains(&expected), "no \"{expected}\" in\n{text}");
    }
}

#[test]
fn the_panel_says_what_its_settings_would_keep_of_the_last_distribution() {
    let mut rig = rig_of(6, 32);
    let record = rig
        .state
        .shown_run()
        .unwrap()
        .tokens
        .last()
        .unwrap()
        .clone();
    for top_k in [2, 0] {
        rig.state.sampling.params.top_k = top_k;
        let own = record.top_logprobs.iter();
        let own: Vec<f64> = own.map(|one| f64::from(one.logprob).exp()).collect();
        let preview = preview(&rig.state.sampling.params, &own);
        let cut = preview
            .fates
            .iter()
            .filter(|fate| **fate == Fate::Cut("top-k"));
        assert_eq!(cut.count() > 0, top_k > 0);
        let text = words(&rig.state, Focus::Sampler);
        let kept = format!("keep {} of {}", preview.kept, record.top_logprobs.len());
        assert!(text.contains(&kept), "no \"{kept}\" in\n{text}");
    }
}

#[test]
fn the_selected_setting_stays_visible_at_any_height() {
    let mut rig = rig_of(6, 32);
    rig.state.focus = Focus::Sampler;
    for knob in Knob::ALL {
        rig.state.sampling.selected = knob;
        for size in [(60, 4), (60, 30), (120, 5), (120, 12)] {
            let (buf, _) = draw_pane(&rig.state, Focus::Sampler, &Theme::default(), size);
            let text = text_of(&buf);
            assert!(text.contains(knob.label()), "{knob:?} at {size:?}\n{text}");
        }
    }
}

#[test]
fn without_an_answer_panes_say_what_to_do() {
    let rig = Rig::new();
    for (pane, expected) in [
        (Focus::Experts, "ask something"),
        (Focus::Tokens, "ask something"),
        (Focus::Log, "nothing was logged"),
    ] {
        let text = words(&rig.state, pane);
        assert!(text.contains(expected), "{pane:?}\n{text}");
    }
    let text = words(&State::default(), Focus::Experts);
    assert!(text.contains("no model is ready"), "{text}");
}
