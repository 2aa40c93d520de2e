//! The oldest turns summed up, and what is sent in their place.

use gptoss::app::{Action, Input};
use gptoss::engine::protocol::{Command, Prompt};
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::harmony::Role;
use gptoss::session::export;

use crate::rig::Rig;

/// Four turns.
fn talked() -> Rig {
    let mut rig = Rig::with(SyntheticModel {
        num_hidden_layers: 2,
        num_local_experts: 8,
        answer_tokens: Some(60),
        ..SyntheticModel::gpt_oss_20b()
    });
    for text in ["one", "two", "three", "four"] {
        rig.ask(text);
    }
    rig
}

/// The texts of the messages of the newest prompt, with who wrote them.
fn sent(rig: &Rig) -> Vec<(Role, String)> {
    let generates = rig.commands.iter().rev();
    let prompt = generates.filter_map(|command| match command {
        Command::Generate(generate) => Some(generate.prompt.clone()),
        _ => None,
    });
    match prompt.into_iter().next() {
        Some(Prompt::Conversation(prompt)) => {
            let messages = prompt.conversation.messages.into_iter();
            messages
                .map(|message| (message.header.role, message.text))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn own(rig: &Rig) -> Vec<String> {
    let users = sent(rig).into_iter();
    users
        .filter(|(role, _)| *role == Role::User)
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn the_older_half_is_summed_up_and_sent_in_its_place() {
    let mut rig = talked();
    let path = rig.tree().path();
    rig.act(Action::SummarizeOldestTurns);
    let asked = own(&rig);
    assert_eq!(
        asked[..2],
        ["one", "two"],
        "the newer half is not summed up"
    );
    assert!(asked[2].starts_with("Summarize"), "{asked:?}");
    assert_eq!(asked.len(), 3);
    rig.until(|state| state.summing.is_none());
    let summary = rig.tree().summary().expect("there is one").to_owned();
    assert!(!summary.is_empty());
    assert_eq!(rig.tree().path(), path, "the conversation stays as it is");
    rig.ask("five");
    let asked = own(&rig);
    assert!(asked[0].contains(&summary), "{asked:?}");
    assert_eq!(asked[1..], ["three", "four", "five"]);
    for (columns, rows) in [(60, 240), (120, 240)] {
        rig.input(Input::Resize { columns, rows });
        rig.draw();
        let screen = rig.text();
        assert!(
            screen.contains("sent in place of what is above"),
            "{screen}"
        );
        let first = summary.split_whitespace().next().expect("a word");
        assert!(screen.contains(first), "{screen}");
    }
    assert!(rig.text().contains("older turns summed up"));
    rig.check();
    let imported = export::import(&export::json(rig.tree()), 0).expect("an export");
    assert_eq!(imported.summary(), Some(summary.as_str()));
    rig.act(Action::KeepAllTurns);
    rig.ask("six");
    assert_eq!(own(&rig), ["one", "two", "three", "four", "five", "six"]);
    rig.check();
}

#[test]
fn a_summary_that_is_stopped_changes_nothing() {
    let mut rig = Rig::slow();
    rig.ask("one");
    rig.ask("two");
    rig.act(Action::SummarizeOldestTurns);
    rig.until(|state| {
        state
            .summing
            .as_ref()
            .is_none_or(|summing| summing.num_tokens() > 2)
    });
    rig.draw();
    assert!(rig.text().contains("summing up"), "{}", rig.text());
    rig.state.focus = gptoss::app::Focus::Composer;
    rig.type_text("next");
    rig.press("enter");
    assert!(rig.state.running.is_none(), "it has to wait");
    rig.press("ctrl-c");
    rig.until(|state| state.summing.is_none());
    assert_eq!(rig.tree().history_start(), None);
    assert_eq!(rig.state.composer.text(), "next");
    let notice = rig.state.notice.clone().expect("it is told");
    assert!(notice.text.contains("nothing was changed"), "{notice:?}");
    rig.press("enter");
    rig.settle();
    assert_eq!(own(&rig), ["one", "two", "next"]);
    rig.check();
}

#[test]
fn the_summary_can_be_written_by_hand() {
    let mut rig = talked();
    rig.act(Action::EditSummary);
    assert!(rig.state.notice.is_some(), "there is nothing to edit yet");
    rig.act(Action::DropOldestTurns);
    rig.act(Action::EditSummary);
    rig.type_text("We counted.");
    rig.press("enter");
    rig.ask("five");
    let asked = own(&rig);
    assert!(asked[0].ends_with("\n\nWe counted."), "{asked:?}");
    assert_eq!(asked[1..], ["three", "four", "five"]);
    rig.act(Action::DropOldestTurns);
    rig.ask("six");
    let asked = own(&rig);
    assert!(asked[0].ends_with("We counted."), "{asked:?}");
    assert_eq!(asked[1..], ["four", "five", "six"]);
    rig.check();
}

#[test]
fn one_turn_is_not_summed_up() {
    let mut rig = Rig::new();
    rig.ask("one");
    let commands = rig.commands.len();
    rig.act(Action::SummarizeOldestTurns);
    assert_eq!(rig.commands.len(), commands);
    assert!(rig.state.notice.is_some());
}
