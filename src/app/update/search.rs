//! Searching the conversation.

use super::super::chat::{Match, Scroll, Search};
use super::super::effect::Anchor;
use super::super::state::{Level, State};
use super::say;

/// Searches the branch shown; the match nearest to the end is the first one.
pub(in crate::app) fn begin(state: &mut State, query: String) {
    let path = state.session.tree.path();
    let found = state.session.tree.search(&query);
    let mut matches: Vec<Match> = found
        .into_iter()
        .filter(|found| path.contains(&found.node))
        .map(|found| Match {
            node: found.node,
            part: found.part,
            bytes: found.bytes,
        })
        .collect();
    matches.sort_by_key(|found| path.iter().position(|node| *node == found.node));
    if matches.is_empty() {
        say(
            state,
            Level::Info,
            format!("\"{query}\" is not in this conversation"),
        );
        state.chat.search = None;
        return;
    }
    let current = matches.len() - 1;
    state.chat.search = Some(Search {
        query,
        matches,
        current,
        is_sought: true,
    });
    show_match(state);
}

/// Goes to another match.
pub(in crate::app) fn step(state: &mut State, by: i64) {
    let Some(search) = &mut state.chat.search else {
        say(state, Level::Info, "/ searches the conversation");
        return;
    };
    let count = search.matches.len() as i64;
    search.current = (search.current as i64 + by).rem_euclid(count) as usize;
    show_match(state);
}

/// Selects the present match; the drawing brings it on screen.
fn show_match(state: &mut State) {
    let Some(search) = &mut state.chat.search else {
        return;
    };
    search.is_sought = true;
    let found = &search.matches[search.current];
    let (node, text) = (
        found.node,
        format!("match {} of {}", search.current + 1, search.matches.len()),
    );
    let part = state
        .session
        .tree
        .turn(node)
        .and_then(|turn| turn.parts.get(found.part));
    let in_analysis = part.is_some_and(|part| !part.is_final());
    if in_analysis && !state.chat.is_unfolded(node) {
        state.chat.toggle(node);
    }
    state.chat.selected = Some(node);
    state.chat.scroll = Scroll::At(Anchor { node, line: 0 });
    say(state, Level::Info, text);
}
