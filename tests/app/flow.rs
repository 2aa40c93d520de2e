//! Whole stories: keys in, state and effects out.

use gptoss::app::composer::Target;
use gptoss::app::popup::Popup;
use gptoss::app::state::Level;
use gptoss::app::{Action, Effect, Focus, Input, Report, SessionRequest, View};
use gptoss::engine::protocol::{AnswerOpening, Command, Prompt};
use gptoss::generate::FinishReason;
use gptoss::harmony::{Channel, ReasoningEffort};
use gptoss::session::{NodeKind, TurnOutcome};

use crate::rig::Rig;

fn opening(rig: &Rig) -> AnswerOpening {
    let generates = rig.commands.iter().rev();
    let prompt = generates.filter_map(|command| match command {
        Command::Generate(generate) => Some(generate.prompt.clone()),
        _ => None,
    });
    match prompt.into_iter().next() {
        Some(Prompt::Conversation(prompt)) => prompt.opening,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_gets_an_answer_with_its_settings_and_counters() {
    let mut rig = Rig::new();
    rig.ask("hello");
    let path = rig.tree().path();
    assert_eq!(path.len(), 2);
    let turn = rig.turn(path[1]);
    assert!(turn.has_final() && !turn.final_text().is_empty());
    assert!(matches!(
        &turn.outcome,
        Some(TurnOutcome::Finished { finish_reason: FinishReason::Stop, stats }) if stats.generated_tokens == turn.ids.len()
    ));
    assert!(
        turn.parts
            .iter()
            .any(|part| part.header.channel == Some(Channel::Analysis))
    );
    assert_eq!(turn.settings.effort, ReasoningEffort::Medium);
    rig.check();
}

#[test]
fn ctrl_c_stops_then_clears_then_arms_and_only_then_leaves() {
    let mut rig = Rig::slow();
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(3);
    rig.type_text("next");
    rig.press("ctrl-c");
    rig.settle();
    let turn = rig.turn(rig.last());
    assert!(matches!(
        turn.outcome,
        Some(TurnOutcome::Finished {
            finish_reason: FinishReason::Cancelled,
            ..
        })
    ));
    assert!(turn.ids.len() >= 3, "the partial answer stays");
    assert_eq!(rig.state.composer.text(), "next");
    rig.press("ctrl-c");
    assert_eq!(rig.state.composer.text(), "");
    rig.press("ctrl-c");
    assert!(!rig.effects.contains(&Effect::Quit));
    rig.wait(3_000);
    rig.press("ctrl-c");
    assert!(
        !rig.effects.contains(&Effect::Quit),
        "armed for two seconds only"
    );
    rig.press("ctrl-c");
    assert!(rig.effects.contains(&Effect::Quit));
}

#[test]
fn continuing_a_stopped_answer_equals_one_that_was_not_stopped() {
    let mut whole = Rig::new();
    whole.ask("tell me");
    let mut stopped = Rig::new();
    stopped.type_text("tell me");
    stopped.press("enter");
    stopped.tokens(5);
    stopped.press("ctrl-c");
    stopped.settle();
    let kept = stopped.turn(stopped.last()).ids.len();
    stopped.press("esc c");
    assert!(matches!(opening(&stopped), AnswerOpening::Resume { ids } if ids.len() == kept));
    stopped.settle();
    assert_eq!(
        stopped.turn(stopped.last()).ids,
        whole.turn(whole.last()).ids
    );
    assert_eq!(
        stopped.turn(stopped.last()).final_text(),
        whole.turn(whole.last()).final_text()
    );
    stopped.check();
}

#[test]
fn answer_now_ends_the_analysis_and_opens_the_final_message() {
    let mut rig = Rig::slow();
    rig.type_text("think");
    rig.press("enter");
    rig.tokens(4);
    assert!(!rig.turn(rig.last()).has_final());
    rig.press("f4");
    rig.settle();
    let turn = rig.turn(rig.last());
    assert!(turn.has_final());
    assert_eq!(turn.parts.len(), 2, "one analysis, one answer");
    assert!(!turn.inserted.is_empty(), "what was inserted is marked");
    rig.check();
}

#[test]
fn three_siblings_by_regenerating_and_none_is_lost() {
    let mut rig = Rig::new();
    rig.ask("again");
    let first = rig.last();
    let texts: Vec<String> = (0..2)
        .map(|_| {
            rig.press("esc r");
            rig.settle();
            rig.turn(rig.last()).final_text()
        })
        .collect();
    let siblings = rig.tree().siblings(first).to_vec();
    assert_eq!(siblings.len(), 3);
    assert_ne!(
        rig.turn(first).final_text(),
        texts[0],
        "another seed, another answer"
    );
    rig.press("[");
    assert_eq!(rig.last(), siblings[1]);
    rig.press("[");
    assert_eq!(rig.last(), first);
    rig.press("R");
    rig.settle();
    assert_eq!(
        rig.turn(rig.last()).ids,
        rig.turn(first).ids,
        "the same seed, the same tokens"
    );
    rig.check();
}

#[test]
fn the_tree_opens_at_the_message_that_is_selected() {
    let mut rig = Rig::new();
    for question in ["one", "two", "three"] {
        rig.ask(question);
    }
    let selected = |rig: &Rig| match rig.state.popups.last() {
        Some(Popup::Tree(list)) => list.chosen().map(|row| row.node),
        other => panic!("{other:?} is no tree"),
    };
    rig.press("esc o");
    assert_eq!(selected(&rig), Some(rig.last()));
    rig.press("esc K K o");
    assert_eq!(selected(&rig), Some(rig.tree().path()[3]));
    rig.press("enter");
    assert_eq!(rig.state.selected_message(), Some(rig.tree().path()[3]));
    rig.check();
}

#[test]
fn editing_either_role_makes_a_branch() {
    let mut rig = Rig::new();
    rig.ask("one");
    let (question, answer) = (rig.tree().path()[0], rig.last());
    rig.press("esc K e");
    assert_eq!(rig.state.composer.target(), &Target::EditUser(question));
    rig.type_text(" more");
    rig.press("enter");
    rig.settle();
    assert_eq!(rig.tree().siblings(question).len(), 2);
    rig.press("esc K [");
    assert_eq!(rig.last(), answer);
    rig.press("G e");
    assert_eq!(rig.state.composer.target(), &Target::EditAnswer(answer));
    rig.state.composer.set_text("My words");
    rig.press("enter");
    assert_eq!(rig.turn(rig.last()).final_text(), "My words");
    assert!(rig.tree().node(rig.last()).unwrap().edited);
    rig.press("c");
    assert!(
        matches!(opening(&rig), AnswerOpening::Edited { message } if message.text == "My words")
    );
    rig.settle();
    assert!(rig.turn(rig.last()).final_text().starts_with("My words"));
    rig.check();
}

#[test]
fn a_sampler_changed_while_tokens_stream_is_recorded_with_its_index() {
    let mut rig = Rig::slow();
    rig.type_text("long");
    rig.press("enter");
    rig.tokens(3);
    rig.press("esc p left left");
    assert!((rig.state.sampling.params.temperature - 0.9).abs() < 1e-6);
    rig.settle();
    let turn = rig.turn(rig.last());
    let last = turn
        .sampling_changes
        .last()
        .expect("the change is recorded");
    assert!(last.token_index >= 3 && last.token_index <= turn.ids.len());
    assert!((last.sampling.temperature - 0.9).abs() < 1e-6);
    assert!((turn.settings.sampling.temperature - 1.0).abs() < 1e-6);
    rig.check();
}

#[test]
fn a_value_can_be_typed_and_a_bad_one_is_refused_with_words() {
    let mut rig = Rig::new();
    rig.press("esc p enter ctrl-u");
    rig.type_text("0.35");
    rig.press("enter");
    assert!((rig.state.sampling.params.temperature - 0.35).abs() < 1e-6);
    rig.press("enter ctrl-u");
    rig.type_text("-3");
    rig.press("enter");
    assert!((rig.state.sampling.params.temperature - 0.35).abs() < 1e-6);
    let notice = rig.state.notice.as_ref().expect("told");
    assert_eq!(notice.level, Level::Error);
    assert!(notice.text.contains("temperature"), "{}", notice.text);
}

#[test]
fn effort_is_stored_with_the_answer() {
    let mut rig = Rig::new();
    rig.press("shift-tab");
    rig.ask("hard");
    assert_eq!(rig.turn(rig.last()).settings.effort, ReasoningEffort::High);
}

#[test]
fn framing_is_edited_in_the_composer_and_the_draft_comes_back() {
    let mut rig = Rig::new();
    rig.type_text("draft");
    rig.act(Action::EditDeveloper);
    rig.type_text("Talk like a pirate.");
    rig.press("enter");
    assert_eq!(rig.state.composer.text(), "draft");
    let framing = rig.tree().framing();
    assert_eq!(
        framing.developer.instructions.as_deref(),
        Some("Talk like a pirate.")
    );
    rig.check();
}

#[test]
fn a_draft_is_saved_once_it_rests_and_is_gone_once_it_is_sent() {
    let mut rig = Rig::new();
    rig.type_text("not yet");
    assert_eq!(rig.replayed().draft(), "");
    rig.wait(1_000);
    assert_eq!(rig.replayed().draft(), "not yet");
    rig.press("enter");
    rig.settle();
    assert_eq!(rig.replayed().draft(), "");
}

#[test]
fn the_history_is_walked_at_the_edges() {
    let mut rig = Rig::new();
    rig.ask("first");
    rig.ask("second");
    rig.type_text("draft");
    rig.press("up");
    assert_eq!(rig.state.composer.text(), "second");
    rig.press("up up");
    assert_eq!(rig.state.composer.text(), "first");
    rig.press("down down");
    assert_eq!(rig.state.composer.text(), "draft");
}

#[test]
fn the_palette_finds_by_name_and_acts() {
    let mut rig = Rig::new();
    rig.press("ctrl-p");
    rig.type_text("view mem");
    rig.press("enter");
    assert_eq!(rig.state.view, View::Memory);
    assert!(rig.state.popups.is_empty());
}

#[test]
fn a_crash_keeps_the_chat_and_offers_to_reload() {
    let mut rig = Rig::slow();
    rig.type_text("hello");
    rig.press("enter");
    rig.tokens(2);
    rig.crash();
    assert!(matches!(
        rig.state.popups.last(),
        Some(Popup::Trouble { .. })
    ));
    assert!(matches!(
        rig.turn(rig.last()).outcome,
        Some(TurnOutcome::Crashed(_))
    ));
    rig.press("esc");
    rig.act(Action::ReloadModel);
    rig.until(|state| state.model.ready().is_some());
    rig.check();
}

#[test]
fn a_paste_is_one_message_and_binary_stays_text() {
    let mut rig = Rig::new();
    let pasted = "line\n".repeat(500);
    rig.input(Input::Paste(pasted.clone()));
    assert_eq!(rig.state.composer.num_lines(), 1, "shown as a chip");
    rig.press("enter");
    rig.settle();
    let question = rig.tree().path()[0];
    assert!(
        matches!(&rig.tree().node(question).unwrap().kind, NodeKind::User { text } if *text == pasted)
    );
    rig.input(Input::Paste("\u{1b}[31mred\u{0}\u{202e}".to_owned()));
    rig.check();
}

#[test]
fn sessions_are_asked_for_and_opened_ones_replace_the_tree() {
    let mut rig = Rig::new();
    rig.press("ctrl-s");
    assert!(rig.effects.contains(&Effect::Session(SessionRequest::List {
        query: String::new()
    })));
    rig.press("esc ctrl-n");
    assert!(matches!(
        rig.effects.last(),
        Some(Effect::Session(SessionRequest::New(_)))
    ));
}

#[test]
fn tab_goes_through_the_panes_on_screen() {
    let mut rig = Rig::new();
    let area = gptoss::app::viewport::Area {
        width: 10,
        height: 10,
        ..Default::default()
    };
    rig.state.viewport.panes = vec![
        (Focus::Chat, area),
        (Focus::Experts, area),
        (Focus::Composer, area),
    ];
    rig.press("esc tab");
    assert_eq!(rig.state.focus, Focus::Experts);
    rig.press("tab tab");
    assert_eq!(rig.state.focus, Focus::Chat);
}

#[test]
fn what_is_typed_while_no_model_is_ready_stays() {
    let mut rig = Rig::new();
    rig.crash();
    rig.press("esc");
    rig.type_text("patience");
    rig.press("enter");
    assert_eq!(rig.state.composer.text(), "patience");
    assert!(rig.tree().path().is_empty());
}

#[test]
fn a_report_of_a_full_disk_is_shown_until_it_is_over() {
    let mut rig = Rig::new();
    rig.report(Report::Store(gptoss::session::StoreEvent::Failed {
        message: "no space left".to_owned(),
    }));
    assert_eq!(rig.state.session.trouble.as_deref(), Some("no space left"));
    rig.wait(60_000);
    assert!(rig.state.session.trouble.is_some());
    rig.report(Report::Store(gptoss::session::StoreEvent::Recovered));
    assert_eq!(rig.state.session.trouble, None);
}
