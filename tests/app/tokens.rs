//! The token pane: walking alternatives, forking from one of them.

use gptoss::app::Focus;
use gptoss::app::map::TokenCursor;
use gptoss::engine::protocol::{AnswerOpening, Command, GenerateRequest, Prompt};
use gptoss::session::Tree;

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
    assert_eq!(turn.inserted, [5..6]);
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
    assert!(rig.text().contains("forked at token 5"), "{}", rig.text());
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
