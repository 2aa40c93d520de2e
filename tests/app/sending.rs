//! What fits and what is told of it: the composer before, while and after an answer is written.

use gptoss::app::Input;
use gptoss::app::state::Level;
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::session::TreeOp;

use crate::rig::Rig;

/// A program whose model has a short context.
fn short_of_context() -> Rig {
    Rig::with(SyntheticModel {
        num_hidden_layers: 2,
        num_local_experts: 8,
        max_context_tokens: 200,
        answer_tokens: Some(20),
        ..SyntheticModel::gpt_oss_20b()
    })
}

/// Lets the draft rest until the engine has told what it would take.
fn predicted(rig: &mut Rig) {
    rig.wait(500);
    rig.until(|state| state.current_prediction().is_some());
}

/// A text that is too long for [`short_of_context`].
fn long_text() -> String {
    "word ".repeat(250)
}

fn rows_of(rig: &mut Rig, columns: u16, rows: u16) -> String {
    rig.input(Input::Resize { columns, rows });
    rig.draw();
    rig.text()
}

#[test]
fn a_draft_that_is_too_long_is_not_sent_and_stays() {
    let mut rig = short_of_context();
    rig.input(Input::Paste(long_text()));
    predicted(&mut rig);
    let excess = rig.state.prediction.expect("predicted").excess_tokens();
    assert!(excess > 0);
    rig.press("enter");
    assert!(rig.tree().is_empty(), "nothing was sent");
    assert_eq!(rig.state.composer.text(), long_text());
    let notice = rig.state.notice.clone().expect("it is told");
    assert_eq!(notice.level, Level::Warning);
    // There are no turns yet that could be left out.
    let expected = format!("not sent: {excess} tokens too long; shorten it");
    assert_eq!(notice.text, expected);
    for (columns, rows) in [(80, 24), (120, 40)] {
        let screen = rows_of(&mut rig, columns, rows);
        assert!(screen.contains(&notice.text), "{screen}");
        assert!(
            screen.contains(&format!("{excess} tokens too long")),
            "{screen}"
        );
    }
    assert!(!rig.text().contains("Enter send"), "{}", rig.text());
    rig.press("ctrl-c");
    rig.type_text("short");
    predicted(&mut rig);
    rig.press("enter");
    assert_eq!(rig.tree().path().len(), 2, "sent, and being answered");
}

#[test]
fn a_shortened_draft_is_not_refused_for_what_it_was() {
    let mut rig = short_of_context();
    rig.input(Input::Paste(long_text()));
    predicted(&mut rig);
    rig.press("ctrl-c");
    rig.type_text("short");
    rig.press("enter");
    assert!(rig.state.running.is_some());
}

#[test]
fn a_full_context_is_told_of_the_conversation_with_what_to_do() {
    let mut rig = short_of_context();
    for round in 0..8 {
        let is_full = |rig: &Rig| rig.state.prediction.is_some_and(|found| !found.fits());
        if is_full(&rig) {
            break;
        }
        rig.ask(&format!("question {round} {}", "and ".repeat(20)));
        predicted(&mut rig);
    }
    let excess = rig.state.prediction.expect("predicted").excess_words();
    // By how much stands at the composer where there is room, else at the meters.
    for (columns, rows) in [(80, 24), (120, 40)] {
        let screen = rows_of(&mut rig, columns, rows);
        assert!(screen.contains("context full"), "{screen}");
        assert!(screen.contains(&excess), "{excess}: {screen}");
        assert!(screen.contains("make room"), "{screen}");
        assert!(screen.contains("Ctrl+N"), "{screen}");
    }
    rig.type_text("more");
    predicted(&mut rig);
    rig.press("enter");
    let notice = rig.state.notice.clone().expect("it is told");
    assert!(notice.text.ends_with("shorten it or Ctrl+P make room"));
    let before = rig.state.prediction.expect("predicted").prompt_tokens;
    rig.act(gptoss::app::Action::DropOldestTurns);
    assert!(
        rig.saved
            .iter()
            .any(|op| matches!(op, TreeOp::SetHistoryStart { .. }))
    );
    predicted(&mut rig);
    assert!(rig.state.prediction.expect("predicted").prompt_tokens < before);
}

#[test]
fn the_next_prompts_figure_is_never_that_of_a_message_sent_already() {
    let mut rig = Rig::slow();
    rig.type_text("h");
    predicted(&mut rig);
    let of_draft = rig.state.prediction;
    rig.type_text("ello");
    rig.press("enter");
    rig.tokens(2);
    rig.wait(500);
    rig.draw();
    assert!(!rig.text().contains("next prompt"), "{}", rig.text());
    assert!(!rig.text().contains("at peak"), "{}", rig.text());
    rig.settle();
    predicted(&mut rig);
    assert!(rig.state.prediction.expect("of the conversation") != of_draft.expect("of the draft"));
}

#[test]
fn how_far_the_prompt_is_read_can_be_read_at_every_width() {
    let mut rig = Rig::slow();
    rig.type_text("hello");
    rig.press("enter");
    let running = rig.state.running.as_mut().expect("just asked");
    running.prefill = Some((1200, 4800));
    for columns in [40, 60, 80, 100, 120, 200] {
        let screen = rows_of(&mut rig, columns, 40);
        assert!(screen.contains("reading the prompt 1200/4800"), "{screen}");
    }
}

#[test]
fn the_effort_of_the_next_answer_is_shown_at_every_usual_size() {
    let mut rig = Rig::new();
    predicted(&mut rig);
    for (columns, rows) in [(60, 16), (80, 24), (100, 30), (120, 40), (200, 60)] {
        let screen = rows_of(&mut rig, columns, rows);
        assert!(screen.contains("[medium]"), "{columns}: {screen}");
    }
    rig.press("shift-tab");
    assert!(rows_of(&mut rig, 120, 40).contains("[high]"));
}
