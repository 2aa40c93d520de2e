//! The token pane: walking alternatives, forking from one of them.

use gptoss::app::Focus;
use gptoss::app::ghost::GhostState;
use gptoss::app::map::TokenCursor;
use gptoss::app::token_lab::Tint;
use gptoss::engine::protocol::{AnswerOpening, CacheUse, Command, GenerateRequest, Prompt};
use gptoss::generate::{FinishReason, sampler};
use gptoss::session::{Tree, TurnOutcome};
use gptoss::ui::theme::{ColorDepth, GlyphSet, PaletteName, Theme};
use gptoss::ui::widgets::{TokenBar, TokenBars};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::widgets::Widget;

use crate::panes::{draw_pane, text_of, theme};
use crate::rig::Rig;

/// Puts the token cursor on the answer's token and the focus on the token pane.
fn at_token(rig: &mut Rig, index: usize) {
    rig.state.focus = Focus::Chat;
    rig.press("3");
    let prompt = rig
        .state
        .shown_run()
        .expect("something was asked")
        .prompt
        .len();
    rig.state.map.token = TokenCursor::At(prompt + index);
}

fn last_request(rig: &Rig) -> &GenerateRequest {
    let found = rig.commands.iter().rev().find_map(|command| match command {
        Command::Generate(request) => Some(request),
        _ => None,
    });
    found.expect("something was asked")
}

fn forced(request: &GenerateRequest) -> &[u32] {
    match &request.prompt {
        Prompt::Conversation(prompt) => match &prompt.opening {
            AnswerOpening::Forced { ids } => ids,
            other => panic!("{other:?}"),
        },
        Prompt::Tokens(ids) => panic!("{ids:?}"),
        other => panic!("{other:?}"),
    }
}

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

#[test]
fn enter_forks_from_the_marked_alternative_with_the_answers_own_settings() {
    let mut rig = Rig::new();
    rig.state.sampling.params.temperature = 0.7;
    rig.ask("hello");
    let source = rig.last();
    let before = rig.turn(source).clone();
    // What the panel says now is not what the answer was made with.
    rig.state.sampling.params.temperature = 1.9;
    at_token(&mut rig, 5);
    rig.press("up up up down down");
    let alternative = rig.state.marked_alternative().expect("marked");
    assert_eq!(rig.state.marked_place(), Some(2));
    let records = rig.state.shown_run().expect("a run").tokens[..5].to_vec();
    rig.press("enter");
    let request = last_request(&rig).clone();
    assert_eq!(forced(&request)[..5], before.ids[..5]);
    assert_eq!(forced(&request)[5], alternative.id);
    assert_eq!(request.sampling, before.settings.sampling);
    rig.settle();
    let fork = rig.last();
    assert_ne!(fork, source);
    assert_eq!(rig.tree().siblings(fork), [source, fork]);
    let turn = rig.turn(fork);
    assert_eq!(turn.ids[..5], before.ids[..5]);
    assert_eq!(turn.ids[5], alternative.id);
    assert!(turn.ids.len() > 6);
    assert_eq!(turn.inserted.as_slice(), std::slice::from_ref(&(5..6)));
    assert_eq!(turn.settings, before.settings);
    let (text, mark) = turn.chosen_token().expect("a fork");
    assert_eq!((text, mark.from), (alternative.text.as_str(), source));
    assert_eq!(mark.instead_of, before.ids[5]);
    assert_eq!(*rig.turn(source), before, "the old answer stays");
    // Probabilities and routing of the shared tokens are there without being computed again.
    let run = rig.state.shown_run().expect("a run");
    assert_eq!(run.node, fork);
    assert_eq!(run.tokens[..5], records);
    assert_eq!(run.tokens[5].logprob, Some(alternative.logprob));
    let positions: Vec<usize> = run
        .log
        .tokens()
        .iter()
        .map(|token| token.position)
        .collect();
    assert_eq!(positions, (0..run.len() - 1).collect::<Vec<_>>());
    rig.check();
    rig.state.focus = Focus::Chat;
    rig.state.size = (80, 24);
    rig.press("1");
    rig.draw();
    assert!(
        rig.text().contains("forked at token 5 of the answer"),
        "{}",
        rig.text()
    );
}

#[test]
fn a_fork_from_the_taken_token_writes_the_same_answer_again() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let before = rig.turn(rig.last()).clone();
    for index in [0, 5, before.ids.len() - 1] {
        at_token(&mut rig, index);
        let record = rig.state.shown_record().expect("a record").clone();
        let place = record
            .alternatives()
            .iter()
            .position(|one| one.id == record.id);
        for _ in 0..20 {
            rig.press("up");
        }
        for _ in 0..place.expect("the taken token") {
            rig.press("down");
        }
        rig.press("enter");
        rig.settle();
        let turn = rig.turn(rig.last());
        assert_eq!(turn.ids, before.ids, "from token {index}");
        let texts = |turn: &gptoss::session::Turn| {
            let parts = turn.parts.iter();
            parts
                .map(|part| (part.text.clone(), part.tokens.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(turn), texts(&before));
        rig.check();
    }
}

#[test]
fn what_cannot_be_forked_says_why() {
    let said = |rig: &mut Rig| {
        let count = rig.commands.len();
        rig.press("enter");
        assert_eq!(rig.commands.len(), count, "nothing was asked");
        rig.state.notice.clone().expect("it says why").text
    };
    let mut rig = Rig::new();
    rig.press("esc 3");
    assert!(said(&mut rig).contains("ask something first"));
    rig.ask("hello");
    at_token(&mut rig, 5);
    rig.state.map.token = TokenCursor::At(0);
    assert!(said(&mut rig).contains("prompt"));
    at_token(&mut rig, 5);
    if let gptoss::app::state::ModelStatus::Ready(model) = &mut rig.state.model {
        model.name = "another".to_owned();
    }
    assert!(said(&mut rig).contains("cannot go on with it"));
    rig.state.runs.clear();
    assert!(said(&mut rig).contains("newest 8"));
}

#[test]
fn a_fork_survives_the_file() {
    let mut rig = Rig::new();
    rig.ask("hello");
    at_token(&mut rig, 3);
    rig.press("enter");
    rig.settle();
    let lines = rig
        .saved
        .iter()
        .map(|op| serde_json::to_string(op).expect("plain data"));
    let mut tree = Tree::default();
    for line in lines {
        tree.apply(&serde_json::from_str(&line).expect("it reads back"))
            .expect("in order");
    }
    assert_eq!(tree, *rig.tree());
    let turn = tree.turn(rig.last()).expect("the fork");
    assert_eq!(turn.fork.as_ref().map(|fork| fork.token_index), Some(3));
    // A message's names can all be greater in another file; the fork's origin goes along.
    let ops = tree.to_ops().into_iter().map(|op| op.renamed(100));
    let mut renamed = Tree::default();
    for op in ops {
        renamed.apply(&op).expect("in order");
    }
    let last = *renamed.path().last().expect("a message");
    let fork = renamed
        .turn(last)
        .and_then(|turn| turn.fork.clone())
        .expect("a fork");
    assert!(renamed.turn(fork.from).is_some(), "{}", fork.from);
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

#[test]
fn a_ghost_shows_what_would_have_followed_and_changes_nothing() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let source = rig.last();
    let tree = rig.tree().clone();
    at_token(&mut rig, 5);
    rig.press("o");
    let request = last_request(&rig).clone();
    assert_eq!(request.cache, CacheUse::Borrow);
    assert_eq!(forced(&request).len(), 6);
    assert_eq!(request.sampling, rig.turn(source).settings.sampling);
    let is_done = |state: &gptoss::app::State| {
        state
            .token_lab
            .ghost
            .as_ref()
            .is_some_and(|ghost| !ghost.is_running())
    };
    rig.until(is_done);
    assert_eq!(*rig.tree(), tree);
    let ghost = rig.state.token_lab.ghost.clone().expect("it is shown");
    assert!(!ghost.tokens.is_empty());
    rig.state.size = (120, 40);
    rig.draw();
    // By positions from 0 over prompt and answer, in the pane as in the chat.
    let position = rig.state.token_position().expect("a token is shown");
    let prompt_tokens = rig.state.shown_run().expect("a run is shown").prompt.len();
    assert_eq!(position, prompt_tokens + 5);
    let text = rig.text();
    assert!(
        text.contains(&format!("ghost from position {position}")),
        "{text}"
    );
    assert!(
        text.contains(&format!("position {position}, last")),
        "{text}"
    );
    rig.press("1");
    rig.draw();
    rig.press("3");
    // Enter adopts it: the fork begins with the ghost's tokens.
    rig.press("enter");
    assert!(rig.state.token_lab.ghost.is_none());
    rig.settle();
    let turn = rig.turn(rig.last());
    assert_eq!(
        turn.chosen_token().map(|(text, _)| text),
        Some(ghost.branching.text.as_str())
    );
    let texts: Vec<&str> = (6..6 + ghost.tokens.len())
        .filter_map(|at| turn.token_text(at))
        .collect();
    let of_ghost: Vec<&str> = ghost
        .tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    assert_eq!(texts, of_ghost);
    rig.check();
}

#[test]
fn a_ghost_is_stopped_by_its_key_by_ctrl_c_and_by_a_new_question() {
    for how in ["key", "ctrl-c", "question"] {
        let mut rig = Rig::slow();
        rig.ask("hello");
        at_token(&mut rig, 5);
        rig.press("o");
        rig.until(|state| {
            let ghost = state.token_lab.ghost.as_ref();
            ghost.is_some_and(|ghost| ghost.tokens.len() >= 2)
        });
        match how {
            "key" => {
                rig.press("o");
                assert!(rig.state.token_lab.ghost.is_none());
            }
            "ctrl-c" => {
                rig.press("ctrl-c");
                rig.until(|state| {
                    state
                        .token_lab
                        .ghost
                        .as_ref()
                        .is_some_and(|ghost| !ghost.is_running())
                });
                let ghost = rig
                    .state
                    .token_lab
                    .ghost
                    .as_ref()
                    .expect("what there is stays");
                assert_eq!(ghost.progress, GhostState::Done(FinishReason::Cancelled));
            }
            _ => {}
        }
        // The engine is free for the next question at once.
        rig.ask("again");
        let outcome = rig.turn(rig.last()).outcome.clone();
        assert!(
            matches!(outcome, Some(TurnOutcome::Finished { .. })),
            "{how}: {outcome:?}"
        );
        rig.check();
    }
}
