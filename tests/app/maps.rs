//! The map, its read-outs and the panes beside it say only what is true.

use gptoss::analytics::{Bounds, Grid, Measure, RoutingLog, Scale, Span, normalize};
use gptoss::app::arrivals::Arrivals;
use gptoss::app::map::{Cell, MapCells, MapSource, TokenCursor, Zoom};
use gptoss::app::sampling::Knob;
use gptoss::app::{Action, Effect, Focus, Input, MouseInput, MouseKind, State};
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::log_ring::LogLine;
use gptoss::settings::LogLevel;
use gptoss::ui::theme::{ColorDepth, GlyphSet, PaletteName, Theme, ThemeRole};

use crate::panes::{draw_pane, rig_of, text_of, theme, words};
use crate::rig::Rig;

/// The synthetic model's layers and experts in these tests.
const LAYERS: usize = 6;
const EXPERTS: usize = 32;

/// The rows of a map pane.
fn map_text(state: &State, size: (u16, u16)) -> String {
    text_of(&draw_pane(state, Focus::Experts, &Theme::default(), size).0)
}

/// The row that has this text.
fn row_with<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines()
        .find(|row| row.contains(part))
        .unwrap_or_else(|| panic!("no \"{part}\" in\n{text}"))
}

#[test]
fn while_frozen_cells_title_legend_and_read_outs_agree_whatever_is_pressed() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.focus = Focus::Experts;
    rig.state.map.source = MapSource::Window;
    let held: RoutingLog = rig.state.shown_run().unwrap().log.clone();
    rig.act(Action::Freeze);
    rig.ask("something else, so that the live figures are others");
    rig.drain();
    rig.state.focus = Focus::Experts;
    let busy = (0..EXPERTS).max_by_key(|expert| {
        let counts = held.grid(Span::Prompt.into(), Measure::Count);
        counts.value(2, *expert) as u64
    });
    rig.state.map.cursor = Cell {
        layer: 2,
        expert: busy.unwrap(),
    };
    // Window, since load, prompt.
    rig.press("v v");
    assert_eq!(rig.state.map.source, MapSource::Prompt);
    rig.state.map.measure = Measure::Count;
    for (measure, name) in [
        (Measure::Count, "count"),
        (Measure::WeightSum, "weight sum"),
        (Measure::MeanWeight, "mean weight"),
        (Measure::Share, "share by fair share"),
    ] {
        for (scale, scale_name) in [
            (Scale::Linear, "linear"),
            (Scale::Logarithmic, "logarithmic"),
        ] {
            let grid = held.grid(Span::Prompt.into(), measure);
            check_map(&rig.state, &grid, scale);
            let text = map_text(&rig.state, (120, 30));
            let title = format!("frozen | prompt | {name} | {scale_name}");
            assert!(text.contains(&title), "no \"{title}\" in\n{text}");
            let tokens = format!("{} tokens", grid.tokens());
            assert!(text.contains(&tokens), "no \"{tokens}\" in\n{text}");
            let counts = held.grid(Span::Prompt.into(), Measure::Count);
            let count = format!("count {}", counts.value(2, busy.unwrap()));
            assert!(row_with(&text, "L2:E").contains(&count), "{text}");
            rig.press("u");
        }
        rig.press("w");
    }
    let live = rig.state.runs.latest().unwrap().log.len();
    assert_ne!(live, held.len(), "the test needs another live run");
}

/// Compares the colors of a whole map, but for the cursor's row, with those of a grid.
fn check_map(state: &State, grid: &Grid, scale: Scale) {
    let theme = Theme::default();
    let bounds = if (state.map.measure, scale) == (Measure::Share, Scale::Logarithmic) {
        Bounds::of_shares(grid)
    } else {
        Bounds::of(grid, scale)
    };
    let values = normalize(grid, scale, bounds);
    let (buf, viewport) = draw_pane(state, Focus::Experts, &theme, (120, 30));
    let map = viewport.map.expect("a map was drawn");
    assert_eq!((map.layers_per_row, map.experts_per_column), (1, 1));
    for layer in (0..LAYERS).filter(|layer| *layer != state.map.cursor.layer) {
        for expert in 0..EXPERTS {
            let x = map.area.x + (expert * map.columns_per_expert) as u16;
            let expected = theme.ramp().color(values[layer * EXPERTS + expert]);
            let found = buf[(x, map.area.y + layer as u16)].bg;
            assert_eq!(Some(found), expected, "L{layer}:E{expert} {scale:?}");
        }
    }
}

#[test]
fn an_expert_with_a_rule_is_marked_on_the_map() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.interventions = "mask 3:7, bias 4:9 1".parse().unwrap();
    let mono = theme(PaletteName::Mono, GlyphSet::Ascii, ColorDepth::NoColor);
    for (cells, theme) in [
        (MapCells::Full, Theme::default()),
        (MapCells::Glyph, Theme::default()),
        (MapCells::Glyph, mono),
    ] {
        rig.state.preferences.map_cells = cells;
        let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, (120, 30));
        let map = viewport.map.expect("a map was drawn");
        assert_eq!((map.layers_per_row, map.experts_per_column), (1, 1));
        for layer in 0..LAYERS {
            for expert in 0..EXPERTS {
                let x = map.area.x + (expert * map.columns_per_expert) as u16;
                let has_rule = [(3, 7), (4, 9)].contains(&(layer, expert));
                let symbol = buf[(x, map.area.y + layer as u16)].symbol();
                assert_eq!(symbol == "x", has_rule, "{symbol:?} at L{layer}:E{expert}");
            }
        }
    }
    rig.state.preferences.map_cells = MapCells::Half;
    let theme = Theme::default();
    let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, (120, 30));
    let map = viewport.map.expect("a map was drawn");
    assert_eq!(map.layers_per_row, 2);
    let of = |layer: usize, expert: usize| {
        let x = map.area.x + (expert * map.columns_per_expert) as u16;
        buf[(x, map.area.y + layer as u16 / 2)].clone()
    };
    let danger = theme.style(ThemeRole::Danger).fg.unwrap();
    assert_eq!((of(3, 7).bg, of(4, 9).fg), (danger, danger));
    assert_ne!(of(3, 8).bg, danger);
}

#[test]
fn what_is_frozen_before_the_first_answer_stays_empty() {
    let mut rig = Rig::new();
    rig.act(Action::Freeze);
    rig.ask("hello");
    rig.drain();
    let text = words(&rig.state, Focus::Experts);
    assert!(text.contains("held still since before"), "{text}");
    rig.act(Action::Freeze);
    let text = words(&rig.state, Focus::Experts);
    assert!(text.contains("H chosen"), "{text}");
}

#[test]
fn bars_of_differences_show_their_sign_without_color() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    let mono = theme(PaletteName::Mono, GlyphSet::Ascii, ColorDepth::NoColor);
    rig.state.map.point_at(Cell::default());
    rig.state.map.zoom = Zoom::Layer;
    for source in [MapSource::AnswerMinusPrompt, MapSource::FinalMinusAnalysis] {
        rig.state.map.source = source;
        let (first, second) = source.compared();
        let grid = rig.state.grid().unwrap();
        let text = text_of(&draw_pane(&rig.state, Focus::Experts, &mono, (200, 40)).0);
        assert!(text.contains("every expert, percentage points"), "{text}");
        let rows: Vec<&str> = text.lines().collect();
        let place = |part: &str| rows.iter().position(|row| row.contains(part)).unwrap();
        let upper = place(&format!("more in the {first}"));
        let lower = place(&format!("more in the {second}"));
        let blank = mono.glyphs().bars[0];
        // Bars end where the experts' numbers stand.
        let is_drawn = |from: usize, column: usize| {
            let bars = rows[from + 1..].iter();
            bars.take_while(|row| !row.starts_with("0 ")).any(|row| {
                let glyph = row.chars().nth(column).unwrap().to_string();
                glyph != blank && mono.glyphs().bars.contains(&glyph.as_str())
            })
        };
        let reach = Bounds::symmetric(&grid).max;
        let mut seen = [false; 2];
        for expert in 0..EXPERTS {
            // Those large enough for more than the lowest step of a bar.
            let value = grid.value(0, expert);
            if value.abs() < 0.3 * reach {
                continue;
            }
            let column = 200 / EXPERTS * expert;
            let found = (is_drawn(upper, column), is_drawn(lower, column));
            assert_eq!(
                found,
                (value > 0.0, value < 0.0),
                "E{expert} {value}\n{text}"
            );
            seen[usize::from(value > 0.0)] = true;
        }
        assert_eq!(seen, [true, true], "{source:?} needs both signs");
    }
}

#[test]
fn a_difference_without_one_side_says_so() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    let run = rig.state.runs.latest_mut().unwrap();
    let prompt = run.prompt.len();
    run.log.truncate(prompt);
    rig.state.map.source = MapSource::AnswerMinusPrompt;
    let text = words(&rig.state, Focus::Experts);
    let expected = "nothing to compare: no routing is recorded of the answer";
    assert!(text.contains(expected), "{text}");
    rig.state.map.source = MapSource::FinalMinusAnalysis;
    let text = words(&rig.state, Focus::Experts);
    assert!(text.contains("of the final and analysis"), "{text}");
}

#[test]
fn figures_of_other_tokens_than_the_maps_are_named_so() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.ask("a second question, so that since load is more than one run");
    rig.drain();
    // Source, and whose entropies, card and balance are shown, where it is not the title's.
    let whole = Some("prompt and answer:");
    for (source, entropies, card, balance) in [
        (MapSource::Answer, None, None, None),
        (MapSource::Window, None, None, None),
        (MapSource::Token, None, whole, whole),
        (MapSource::Cumulative, whole, whole, None),
        (MapSource::AnswerMinusPrompt, whole, whole, whole),
    ] {
        rig.state.map.source = source;
        rig.state.map.zoom = Zoom::Overview;
        let text = words(&rig.state, Focus::Experts);
        for (part, expected) in [
            ("H router", entropies),
            ("rank", card),
            ("all layers", balance),
        ] {
            let row = row_with(&text, part);
            let expected = expected.unwrap_or_default();
            let is_named = row.contains("prompt and answer:");
            assert!(row.contains(expected), "{source:?}: {row}");
            assert_eq!(is_named, !expected.is_empty(), "{source:?}: {row}");
        }
        // The column beside the map is of the map's tokens or not there.
        assert_eq!(text.contains("H/ln"), entropies.is_none(), "{source:?}");
        let name = entropies.map_or(source.title(), |_| "prompt and answer");
        rig.state.map.zoom = Zoom::Strip;
        let text = words(&rig.state, Focus::Experts);
        assert!(
            text.contains(&format!("{name} | H of the chosen")),
            "{text}"
        );
        let name = card.map_or(source.title(), |_| "prompt and answer");
        rig.state.map.zoom = Zoom::Card;
        let text = words(&rig.state, Focus::Experts);
        assert!(text.contains(&format!("{name} | zoom 4/4 card")), "{text}");
    }
}

#[test]
fn since_load_the_cursors_figure_is_that_of_all_runs() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.ask("and a second answer");
    rig.drain();
    rig.state.map.source = MapSource::Cumulative;
    rig.state.map.measure = Measure::Count;
    let grid = rig.state.grid().unwrap();
    let expert = (0..EXPERTS).max_by(|a, b| grid.value(1, *a).total_cmp(&grid.value(1, *b)));
    let expert = expert.unwrap();
    rig.state.map.cursor = Cell { layer: 1, expert };
    let own = rig.state.card().unwrap().count;
    let all = grid.value(1, expert);
    assert!(all > own as f64, "the test needs two runs: {all} {own}");
    let text = words(&rig.state, Focus::Experts);
    let expected = format!("L1:E{expert}  count {all}  prompt and answer:  count {own}");
    assert!(text.contains(&expected), "no \"{expected}\" in\n{text}");
}

#[test]
fn a_copied_difference_is_called_by_its_unit() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.focus = Focus::Experts;
    rig.state.map.source = MapSource::AnswerMinusPrompt;
    rig.act(Action::Copy);
    let copied = rig.effects.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let head = copied.unwrap().lines().next().unwrap().to_owned();
    assert!(
        head.contains("answer - prompt, percentage points"),
        "{head}"
    );
}

#[test]
fn routing_is_shown_where_alternatives_were_not_recorded() {
    let mut rig = Rig::with(SyntheticModel {
        num_hidden_layers: LAYERS,
        num_local_experts: EXPERTS,
        answer_tokens: Some(20),
        ..SyntheticModel::gpt_oss_20b()
    });
    rig.state.preferences.top_logprobs = 0;
    rig.ask("hello");
    rig.drain();
    let run = rig.state.shown_run().unwrap();
    let position = run.len() - 5;
    assert!(run.record(position).unwrap().top_logprobs.is_empty());
    let routing = run.log.get(position).unwrap().routing.clone();
    rig.state.map.token = TokenCursor::At(position);
    let text = words(&rig.state, Focus::Tokens);
    assert!(text.contains("alternatives were not recorded"), "{text}");
    for (layer, (experts, weights)) in routing.layers().enumerate() {
        let expected = format!("L{layer:<3} E{} {:.2}", experts[0], weights[0]);
        assert!(text.contains(&expected), "no \"{expected}\" in\n{text}");
    }
}

#[test]
fn no_row_ends_in_the_middle_of_a_word_without_an_ellipsis() {
    let mut rig = rig_of(24, EXPERTS);
    rig.state.map.source = MapSource::AnswerMinusPrompt;
    let position = rig.state.shown_run().unwrap().len() - 10;
    rig.state.map.token = TokenCursor::At(position);
    let rows = |state: &State, pane: Focus, width: u16| -> Vec<String> {
        let buf = draw_pane(state, pane, &Theme::default(), (width, 40)).0;
        let text = text_of(&buf);
        text.lines().map(|row| row.trim_end().to_owned()).collect()
    };
    // Everything that is said, however wide.
    let all = rows(&rig.state, Focus::Tokens, 300).join("\n");
    let known: std::collections::HashSet<&str> = all.split_whitespace().collect();
    for width in 40..140 {
        let found = rows(&rig.state, Focus::Tokens, width);
        let taken = found.iter().filter(|row| row.ends_with("< taken")).count();
        assert_eq!(taken, 1, "{width}\n{}", found.join("\n"));
        for row in found
            .iter()
            .filter(|row| row.chars().count() >= usize::from(width))
        {
            let is_whole = row.ends_with('…') || row.ends_with('─') || row.ends_with("taken");
            let last = row.split_whitespace().last().unwrap_or_default();
            assert!(is_whole || known.contains(last), "{width}: {row}");
        }
    }
}

#[test]
fn long_texts_of_the_sampler_have_the_tracks_room_and_end_with_an_ellipsis() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.focus = Focus::Sampler;
    rig.state.sampling.stop = vec!["\n\nuser:".to_owned(), "the end of it all".to_owned()];
    rig.state.sampling.params.logit_bias = [(17, -5.0), (20_000, 2.5)].into_iter().collect();
    let draw = |state: &State, width| {
        text_of(&draw_pane(state, Focus::Sampler, &Theme::default(), (width, 30)).0)
    };
    let text = draw(&rig.state, 70);
    let stop = row_with(&text, Knob::Stop.label()).trim_end();
    let expected = serde_json::to_string(&rig.state.sampling.stop).unwrap();
    assert!(stop.ends_with(&expected), "{stop}");
    let text = draw(&rig.state, 36);
    let stop = row_with(&text, Knob::Stop.label()).trim_end();
    assert!(stop.ends_with('…') && stop.contains("stop texts"), "{stop}");
    let bias = row_with(&text, Knob::LogitBias.label());
    assert!(bias.contains("17=-5 20000=2"), "{bias}");
}

#[test]
fn cells_are_drawn_as_the_settings_say() {
    let mut rig = rig_of(LAYERS, EXPERTS);
    rig.state.map.source = MapSource::Answer;
    let theme = Theme::default();
    for (cells, layers_per_row, has_color) in [
        (MapCells::Auto, 1, true),
        (MapCells::Half, 2, true),
        (MapCells::Full, 1, true),
        (MapCells::Glyph, 1, false),
    ] {
        rig.state.preferences.map_cells = cells;
        let (buf, viewport) = draw_pane(&rig.state, Focus::Experts, &theme, (100, 30));
        let map = viewport.map.unwrap();
        assert_eq!(map.layers_per_row, layers_per_row, "{cells:?}");
        // Away from the cursor.
        let place = (map.area.x + 40, map.area.y + 2);
        let is_painted = buf[place].bg != ratatui::style::Color::Reset;
        assert_eq!(is_painted, has_color, "{cells:?}");
    }
    // One token's exact dots are the automatic choice only.
    let mut rig = rig_of(36, 128);
    let symbols = |state: &State| {
        let (buf, viewport) = draw_pane(state, Focus::Experts, &theme, (80, 20));
        let area = viewport.map.unwrap().area;
        let cells = (area.y..area.y + area.height)
            .flat_map(|y| (area.x..area.x + area.width).map(move |x| (x, y)));
        cells
            .map(|place| buf[place].symbol().to_owned())
            .collect::<std::collections::HashSet<_>>()
    };
    let exact = symbols(&rig.state);
    rig.state.preferences.map_cells = MapCells::Half;
    let halves = symbols(&rig.state);
    assert!(exact.len() > 2, "{exact:?}");
    // But for the cursor's mark.
    let is_half = |symbol: &String| symbol == "▀" || symbol == "+";
    assert!(halves.iter().all(is_half), "{halves:?}");
}

#[test]
fn a_notch_of_the_wheel_scrolls_as_many_lines_as_set() {
    let mut rig = Rig::new();
    let line = LogLine {
        at_ms: 0,
        level: LogLevel::Info,
        target: "test".to_owned(),
        message: "line".to_owned(),
    };
    rig.state.log = vec![line; 100];
    rig.act(Action::ViewLog);
    rig.draw();
    let pane = rig.state.viewport.panes.iter();
    let (_, area) = *pane.clone().find(|(pane, _)| *pane == Focus::Log).unwrap();
    for lines in [1, 7, 50] {
        rig.state.preferences.wheel_lines = lines;
        rig.state.log_scroll = 0;
        rig.input(Input::Mouse(MouseInput {
            kind: MouseKind::WheelUp,
            x: area.x + 1,
            y: area.y + 2,
        }));
        assert_eq!(rig.state.log_scroll, usize::from(lines));
    }
}

#[test]
fn maps_change_at_their_own_pace_and_at_once_for_a_key_or_the_end() {
    let mut rig = Rig::slow();
    rig.state.arrivals = Arrivals::every(100);
    rig.wait(1_000);
    rig.type_text("hello");
    rig.press("enter");
    let recorded = |rig: &Rig| rig.state.runs.latest().map_or(0, |run| run.tokens.len());
    let written = |rig: &Rig| rig.turn(rig.last()).ids.len();

    rig.tokens(1);
    let first = recorded(&rig);
    assert_eq!(first, written(&rig), "nothing was shown before");
    rig.tokens(5);
    assert_eq!((recorded(&rig), written(&rig)), (first, first + 4));
    let due_ms = rig.state.next_deadline_ms();
    assert_eq!(due_ms, Some(rig.now_ms + 100));
    rig.wait(100);
    assert_eq!(recorded(&rig), first + 4);

    rig.tokens(8);
    assert_eq!(recorded(&rig), first + 4);
    rig.act(Action::Freeze);
    assert_eq!(recorded(&rig), first + 7, "a key finds the newest");
    rig.settle();
    assert_eq!(recorded(&rig), written(&rig), "the end leaves nothing out");
}
