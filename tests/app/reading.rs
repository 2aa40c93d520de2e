//! Reading what was said: the token cursor, maps held still, scrolling, searching.

use gptoss::app::chat::Scroll;
use gptoss::app::map::MapSource;

use crate::rig::Rig;

#[test]
fn the_token_cursor_walks_the_prompt_and_the_answer() {
    let mut rig = Rig::new();
    rig.ask("walk");
    rig.press("esc 2");
    let len = rig.state.shown_run().expect("recorded").len();
    let newest = rig.state.token_position().expect("routed");
    assert_eq!(newest, len - 2, "the newest token was not read");
    rig.press(", ,");
    assert_eq!(rig.state.token_position(), Some(newest - 2));
    let grid = rig.state.grid().expect("a map");
    for layer in 0..grid.num_layers() {
        let sum: f64 = grid.layer(layer).iter().sum();
        assert!((sum - 1.0).abs() < 1e-6, "a token's weights sum to {sum}");
        let chosen = grid.layer(layer).iter().filter(|weight| **weight > 0.0);
        assert_eq!(chosen.count(), 4, "one token goes to four experts");
    }
    rig.press("f");
    assert_eq!(rig.state.token_position(), Some(newest));
}

#[test]
fn every_position_but_the_last_has_its_routing_also_in_the_second_turn() {
    let mut rig = Rig::new();
    rig.ask("one");
    rig.ask("two");
    let run = rig.state.shown_run().expect("recorded");
    let known: Vec<usize> = run
        .log
        .tokens()
        .iter()
        .map(|token| token.position)
        .collect();
    assert_eq!(known, (0..run.len() - 1).collect::<Vec<_>>());
}

#[test]
fn frozen_maps_hold_still_while_tokens_come() {
    let mut rig = Rig::slow();
    rig.type_text("hold");
    rig.press("enter");
    rig.tokens(5);
    rig.press("esc 2 v v v v space");
    let held = rig.state.grid();
    rig.settle();
    assert_eq!(rig.state.grid(), held);
    rig.press("space");
    assert_ne!(rig.state.grid(), held);
}

#[test]
fn what_is_held_still_can_be_looked_at_in_other_ways_and_everything_agrees() {
    let mut rig = Rig::slow();
    rig.type_text("hold");
    rig.press("enter");
    rig.tokens(5);
    rig.press("esc 2 space");
    let held_tokens = rig.state.shown_run().expect("a run").log.len();
    rig.settle();
    // The answer has gone on; each way to look at what is held counts the held tokens alone.
    rig.press("v v");
    assert_eq!(rig.state.map.source, MapSource::Cumulative);
    for source in MapSource::ALL {
        rig.state.map.source = source;
        rig.press("w u");
        rig.draw();
        let text = rig.text();
        assert!(text.contains(source.title()), "{source:?}: {text}");
        assert_eq!(rig.state.shown_run().expect("a run").log.len(), held_tokens);
        let Some(grid) = rig.state.grid() else {
            assert!(text.contains("nothing to compare"), "{source:?}: {text}");
            continue;
        };
        assert!(grid.tokens() <= held_tokens as u64, "{source:?}");
    }
    rig.press("space");
    assert!(rig.state.shown_run().expect("a run").log.len() > held_tokens);
}

#[test]
fn scrolling_up_is_kept_while_text_comes_and_the_end_follows_again() {
    let mut rig = Rig::new();
    rig.ask("one");
    rig.state.viewport.chat.top = Some(gptoss::app::Anchor {
        node: rig.last(),
        line: 9,
    });
    rig.press("esc k");
    let held = rig.state.chat.scroll;
    assert!(matches!(held, Scroll::At(anchor) if anchor.line == 8));
    rig.press("i");
    rig.type_text("two");
    rig.press("G");
    rig.press("esc G");
    assert_eq!(rig.state.chat.scroll, Scroll::Follow);
}

#[test]
fn a_search_goes_through_the_matches() {
    let mut rig = Rig::new();
    rig.ask("needle one");
    rig.ask("needle two");
    rig.press("esc /");
    rig.type_text("NEEDLE");
    rig.press("enter");
    let search = rig.state.chat.search.clone().expect("found");
    assert_eq!((search.matches.len(), search.current), (2, 1));
    rig.press("N");
    assert_eq!(rig.state.chat.search.as_ref().unwrap().current, 0);
}

#[test]
fn a_match_deep_in_a_long_message_comes_on_screen_and_lets_go_of_it() {
    let mut rig = Rig::new();
    rig.ask(&("line\n".repeat(300) + "the needle\n" + &"more\n".repeat(300)));
    rig.press("esc /");
    rig.type_text("needle");
    rig.press("enter");
    rig.draw();
    assert!(rig.text().contains("the needle"), "{}", rig.text());
    let found = rig.state.chat.scroll;
    rig.draw();
    assert_eq!(rig.state.chat.scroll, found);
    for _ in 0..40 {
        rig.press("j");
        rig.draw();
    }
    assert!(!rig.text().contains("the needle"), "scrolled away");
}
