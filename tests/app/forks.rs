//! Going on from another token: forks in the chat, and ghosts beside it.

use gptoss::app::Focus;
use gptoss::app::ghost::GhostState;
use gptoss::app::map::TokenCursor;
use gptoss::engine::protocol::{AnswerOpening, CacheUse, Command, GenerateRequest, Prompt};
use gptoss::generate::FinishReason;
use gptoss::session::{Tree, TurnOutcome};

use crate::rig::Rig;

/// Puts the token cursor on the answer's token and the focus on the token pane.
pub(crate) fn at_token(rig: &mut Rig, index: usize) {
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
