//! The token pane: walking alternatives, what the samplers did, colors in the text.

use gptoss::app::Focus;
use gptoss::app::map::TokenCursor;
use gptoss::app::token_lab::Tint;
use gptoss::generate::sampler;
use gptoss::ui::theme::{ColorDepth, GlyphSet, PaletteName, Theme};
use gptoss::ui::widgets::{TokenBar, TokenBars};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::widgets::Widget;

use crate::forks::at_token;
use crate::panes::{draw_pane, text_of, theme};
use crate::rig::Rig;

#[test]
fn probabilities_of_alternatives_without_a_row_are_counted_among_the_others() {
    let theme = Theme::default();
    let bar = |text, probability| TokenBar {
        text,
        probability,
        drawn_with: None,
        is_chosen: false,
        cut_by: None,
    };
    let tokens = [
        bar("a", 0.5),
        bar("b", 0.2),
        bar("c", 0.125),
        bar("d", 0.075),
    ];
    let mut bars = TokenBars {
        tokens: &tokens,
        rest: Some(0.1),
        selected: None,
        theme: &theme,
    };
    let last_row = |bars: &TokenBars<'_>, height: u16| {
        let mut buf = Buffer::empty(Rect::new(0, 0, 40, height));
        bars.render(buf.area, &mut buf);
        text_of(&buf).lines().last().unwrap_or_default().to_owned()
    };
    let all = last_row(&bars, 6);
    assert!(all.contains("rest") && all.contains(".100"), "{all:?}");
    let some = last_row(&bars, 4);
    assert!(some.contains("rest") && some.contains(".300"), "{some:?}");
    // Scrolled down, it is the first ones that have no row.
    bars.selected = Some(3);
    let last = last_row(&bars, 4);
    assert!(last.contains("rest") && last.contains(".800"), "{last:?}");
}

#[test]
fn up_and_down_walk_the_alternatives_and_left_and_right_the_tokens() {
    let mut rig = Rig::new();
    rig.ask("hello");
    at_token(&mut rig, 5);
    let scroll = rig.state.chat.scroll;
    let runner_up = rig.state.shown_record().expect("a record").runner_up();
    assert_eq!(rig.state.marked_place(), Some(runner_up));
    rig.press("up up up");
    assert_eq!(rig.state.marked_place(), Some(0));
    rig.press("down down j");
    assert_eq!(rig.state.marked_place(), Some(3));
    rig.press("k");
    assert_eq!(rig.state.marked_place(), Some(2));
    assert_eq!(rig.state.chat.scroll, scroll, "the chat stays where it is");
    for _ in 0..40 {
        rig.press("down");
    }
    let count = rig
        .state
        .shown_record()
        .expect("a record")
        .alternatives()
        .len();
    assert_eq!(rig.state.marked_place(), Some(count - 1));
    let position = rig.state.token_position();
    rig.press("right");
    assert_eq!(rig.state.token_position(), position.map(|at| at + 1));
    let runner_up = rig.state.shown_record().expect("a record").runner_up();
    assert_eq!(
        rig.state.marked_place(),
        Some(runner_up),
        "a mark is for one token"
    );
    rig.press("left");
    assert_eq!(rig.state.marked_place(), Some(count - 1));
}

/// A rig whose shown token has alternatives, some of them cut.
fn with_a_chain() -> (Rig, usize) {
    let mut rig = Rig::new();
    rig.state.sampling.params.top_k = 3;
    rig.state.sampling.params.temperature = 0.5;
    rig.ask("hello");
    at_token(&mut rig, 5);
    let params = rig.state.sampling.params.clone();
    let record = rig.state.shown_record().expect("a record").clone();
    // The synthetic model obeys the temperature alone, so the chain is computed here.
    let ids: Vec<u32> = record
        .top_logprobs
        .iter()
        .map(|one| one.id)
        .chain([record.id])
        .collect();
    let mut logits = vec![-20.0f32; 200];
    for one in &record.top_logprobs {
        logits[one.id as usize] = one.logprob;
    }
    let chain = sampler::explain(&params, &logits, &sampler::History::new(&[1]), 1, &ids);
    let cut = (0..record.top_logprobs.len())
        .filter(|place| chain.cut_by(*place).is_some())
        .count();
    let run = rig.state.runs.latest_mut().expect("a run");
    run.tokens[5].chain = Some(chain);
    (rig, cut)
}

#[test]
fn layers_without_a_row_are_counted() {
    let rig = crate::panes::rig_of(24, 32);
    for height in 12..60 {
        let (buf, _) = draw_pane(&rig.state, Focus::Tokens, &Theme::default(), (80, height));
        let text = text_of(&buf);
        let is_layer = |row: &&str| {
            let digits = row.trim_start().strip_prefix('L');
            digits.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        let shown = text.lines().filter(is_layer).count();
        let hidden = match 24 - shown {
            0 => continue,
            1 => "1 more layer".to_owned(),
            hidden => format!("{hidden} more layers"),
        };
        let has_routing = text.contains("routing, mean over layers");
        assert_eq!(text.contains(&hidden), has_routing, "{height} rows\n{text}");
    }
}

#[test]
fn the_pane_tells_probabilities_before_and_after_and_which_sampler_cut() {
    let (mut rig, cut) = with_a_chain();
    assert!(cut > 3);
    let record = rig.state.shown_record().expect("a record").clone();
    for size in [(80, 24), (120, 40), (200, 60)] {
        let (buf, _) = draw_pane(&rig.state, Focus::Tokens, &Theme::default(), size);
        let text = text_of(&buf);
        let shown_rows = text.matches("cut: top-k").count();
        let taken_was_cut = usize::from(
            record.runner_up() != 0
                && record
                    .chain
                    .as_ref()
                    .is_some_and(|chain| chain.cut_by(0).is_some()),
        );
        assert_eq!(shown_rows + taken_was_cut, cut, "{size:?}\n{text}");
        for expected in ["model", "drawn", "sampler", "top-k 3", "temperature 0.5"] {
            assert!(text.contains(expected), "no {expected} at {size:?}\n{text}");
        }
        let chain = record.chain.as_ref().expect("it was put there");
        let best = f64::from(chain.drawn_with(0).expect("kept"));
        let row = text
            .lines()
            .find(|row| row.trim_start().starts_with("1 "))
            .expect("a row");
        let (model, drawn) = (f64::from(record.top_logprobs[0].logprob).exp(), best);
        for value in [model, drawn] {
            let value = gptoss::ui::widgets::format::probability(value);
            assert!(row.contains(&value), "no {value} in {row}");
        }
    }
    // Without samplers there is one probability, and it says so.
    rig.state.runs.latest_mut().expect("a run").tokens[5].chain =
        Some(sampler::ChainRecord::default());
    let (buf, _) = draw_pane(&rig.state, Focus::Tokens, &Theme::default(), (100, 40));
    assert!(
        text_of(&buf).contains("no sampler is in use"),
        "{}",
        text_of(&buf)
    );
    rig.state.runs.latest_mut().expect("a run").tokens[5].chain = None;
    let (buf, _) = draw_pane(&rig.state, Focus::Tokens, &Theme::default(), (100, 40));
    assert!(
        text_of(&buf).contains("was not recorded"),
        "{}",
        text_of(&buf)
    );
}

/// The style of the first place where a text stands.
fn style_of(buf: &Buffer, text: &str) -> ratatui::style::Style {
    let rows = text_of(buf);
    let (y, row) = rows
        .lines()
        .enumerate()
        .find(|(_, row)| row.contains(text))
        .expect(text);
    let x = row[..row.find(text).expect("found")].chars().count();
    buf[(x as u16, y as u16)].style()
}

#[test]
fn tokens_are_colored_by_probability_then_by_entropy_then_not() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        let mut rig = Rig::new();
        rig.state.size = (columns, rows);
        rig.ask("hello");
        // A word of its own in the final message's first line, most unlikely, then most likely.
        let run = rig.state.runs.latest_mut().expect("a run");
        let index = (0..run.tokens.len())
            .rev()
            .find(|index| {
                run.tokens[*index].text.trim().len() > 4 && !run.tokens[*index].text.contains('<')
            })
            .expect("a word");
        let word = run.tokens[index].text.trim().to_owned();
        for token in &mut run.tokens {
            token.logprob = Some(-0.01);
            token.entropy = Some(0.01);
        }
        run.tokens[index].logprob = Some(-9.0);
        at_token(&mut rig, index);
        rig.state.map.token = TokenCursor::Newest;
        rig.press("c");
        assert_eq!(rig.state.token_lab.tint, Tint::Probability);
        let unlikely = rig.theme.ramp().color(1.0).expect("colors");
        let painted = |rig: &mut Rig| {
            rig.draw();
            let cells = rig.screen.content.iter();
            let cells: Vec<_> = cells.filter(|cell| cell.fg == unlikely).collect();
            cells.iter().map(|cell| cell.symbol()).collect::<String>()
        };
        rig.press("1");
        let shown = painted(&mut rig);
        assert!(shown.contains(&word), "{word} at {columns}: {shown:?}");
        assert!(
            rig.text().contains(">=.9 >=.5"),
            "a legend at {columns}\n{}",
            rig.text()
        );
        rig.press("v");
        assert!(painted(&mut rig).contains(&word), "raw at {columns}");
        rig.press("v 3 c");
        assert_eq!(rig.state.token_lab.tint, Tint::Entropy);
        assert!(!painted(&mut rig).contains(&word), "its entropy is low");
        rig.press("1");
        rig.draw();
        assert!(
            rig.text().contains("<.1 <.5 <1 <2 <3 more"),
            "{}",
            rig.text()
        );
        rig.press("3");
        rig.press("c");
        assert_eq!(rig.state.token_lab.tint, Tint::Off);
        assert_eq!(painted(&mut rig), "");
    }
}

#[test]
fn without_colors_levels_are_told_by_attributes() {
    let mut rig = Rig::new();
    rig.ask("hello");
    at_token(&mut rig, 5);
    rig.press("c");
    let theme = theme(PaletteName::Mono, GlyphSet::Unicode, ColorDepth::NoColor);
    let (buf, _) = draw_pane(&rig.state, Focus::Tokens, &theme, (100, 30));
    let styles: Vec<Modifier> = [">=.2", ">=.05", ">=.01", "less"]
        .into_iter()
        .map(|words| style_of(&buf, words).add_modifier)
        .collect();
    for (index, style) in styles.iter().enumerate() {
        assert!(!style.is_empty(), "level {index} looks like text");
        assert!(
            !styles[..index].contains(style),
            "level {index} looks like another"
        );
    }
    let colored = buf
        .content
        .iter()
        .any(|cell| !matches!(cell.fg, Color::Reset));
    assert!(!colored, "no colors were asked for");
}
