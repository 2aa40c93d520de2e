//! Answers to conversations by the synthetic backend.

use gptoss::engine::protocol::{AnswerOpening, Command, Event, Prompt};
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};
use gptoss::generate::FinishReason;
use gptoss::harmony::{Channel, Conversation, HarmonyEvent, Message};

use crate::rig::{Rig, ids};

fn rig(model: SyntheticModel) -> Rig {
    let mut rig = Rig::of(move || SyntheticBackend::new(model));
    let id = rig.load();
    rig.until_end(id);
    rig
}

fn answer(rig: &mut Rig, opening: AnswerOpening, seed: u64, max_tokens: usize) -> Vec<Event> {
    let conversation = Conversation {
        messages: vec![Message::user("Tell me about rivers")],
        ..Conversation::default()
    };
    let mut request = rig.request();
    let id = request.id;
    request.prompt = Prompt::conversation(conversation, opening);
    request.sampling.seed = seed;
    request.max_tokens = Some(max_tokens);
    request.record.routing = true;
    rig.send(Command::Generate(request));
    rig.until_end(id)
}

/// All harmony events of an answer in order.
fn harmony(events: &[Event]) -> Vec<HarmonyEvent> {
    let told = |event: &Event| match event {
        Event::Started { opened, .. } => opened.clone(),
        Event::Token { token, .. } => token.harmony.clone(),
        Event::Finished { harmony, .. } => harmony.clone(),
        _ => Vec::new(),
    };
    events.iter().flat_map(told).collect()
}

#[track_caller]
fn assert_covers(events: &[HarmonyEvent], first: usize, end: usize) {
    let mut next = first;
    for event in events {
        assert_eq!(event.tokens().start, next, "{event:?}");
        next = event.tokens().end;
    }
    assert_eq!(next, end);
}

#[test]
fn answers_reason_and_then_answer_and_their_events_cover_every_token() {
    let mut rig = rig(SyntheticModel::gpt_oss_20b());
    for seed in 0..20 {
        let events = answer(&mut rig, AnswerOpening::Fresh, seed, 1000);
        let num_tokens = ids(&events).len();
        assert!((40..=400).contains(&num_tokens), "{num_tokens}");
        let told = harmony(&events);
        assert_covers(&told, 0, num_tokens);
        let channels: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                HarmonyEvent::MessageStarted { header, .. } => header.channel.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(channels, [Channel::Analysis, Channel::Final]);
        assert!(matches!(
            events.last(),
            Some(Event::Finished {
                finish_reason: FinishReason::Stop,
                ..
            })
        ));
    }
}

#[test]
fn a_resumed_answer_equals_one_that_was_not_stopped() {
    let mut rig = rig(SyntheticModel::gpt_oss_20b());
    let whole = ids(&answer(&mut rig, AnswerOpening::Fresh, 5, 1000));
    for stopped_at in [0, 1, 2, 3, 9, whole.len() / 2, whole.len() - 1] {
        let first = answer(&mut rig, AnswerOpening::Fresh, 5, stopped_at);
        assert_covers(&harmony(&first), 0, stopped_at);
        let first = ids(&first);
        let opening = AnswerOpening::Resume { ids: first.clone() };
        let rest = ids(&answer(&mut rig, opening, 5, 1000));
        assert_eq!([first, rest].concat(), whole, "stopped at {stopped_at}");
    }
}

#[test]
fn answering_now_goes_to_the_final_message_which_can_be_resumed_too() {
    let mut rig = rig(SyntheticModel::gpt_oss_20b());
    for stopped_at in [0, 1, 2, 3, 7] {
        let so_far = ids(&answer(&mut rig, AnswerOpening::Fresh, 5, stopped_at));
        let opening = AnswerOpening::AnswerNow {
            ids: so_far.clone(),
        };
        let whole = answer(&mut rig, opening.clone(), 5, 1000);
        let Event::Started {
            inserted, opened, ..
        } = &whole[0]
        else {
            panic!("it began with {:?}", whole[0]);
        };
        assert!(matches!(
            opened.last(),
            Some(HarmonyEvent::MessageStarted { header, .. })
                if header.channel == Some(Channel::Final)
        ));
        let first_open = opened[0].tokens().start;
        let end = stopped_at + inserted.len() + ids(&whole).len();
        assert_covers(&harmony(&whole), first_open, end);
        let cut = ids(&answer(&mut rig, opening, 5, 10));
        let inserted = inserted.iter().map(|token| token.id).collect();
        let resumed = [so_far, inserted, cut.clone()].concat();
        let rest = ids(&answer(
            &mut rig,
            AnswerOpening::Resume { ids: resumed },
            5,
            1000,
        ));
        assert_eq!([cut, rest].concat(), ids(&whole));
    }
}

#[test]
fn an_edited_message_is_continued_and_a_given_length_is_kept() {
    let mut rig = rig(SyntheticModel {
        answer_tokens: Some(600),
        ..SyntheticModel::gpt_oss_20b()
    });
    let events = answer(&mut rig, AnswerOpening::Fresh, 0, 1000);
    assert_eq!(ids(&events).len(), 600);
    let message = Message::assistant(Channel::Final, "Rivers are");
    let edited = answer(&mut rig, AnswerOpening::Edited { message }, 0, 1000);
    let told = harmony(&edited);
    assert_eq!(*told[0].tokens(), 0..0);
    assert_covers(&told, 0, ids(&edited).len());
    let Event::Started { prompt, .. } = &edited[0] else {
        panic!("it began with {:?}", edited[0]);
    };
    let text: String = prompt.iter().map(|token| token.text.as_str()).collect();
    assert!(text.ends_with("<|message|>Rivers are"), "{text}");
}

#[test]
fn routing_has_plausible_entropies() {
    let mut rig = rig(SyntheticModel::gpt_oss_20b());
    let events = answer(&mut rig, AnswerOpening::Fresh, 0, 20);
    for token in crate::rig::tokens(&events) {
        let entropies = token.routing.as_ref().unwrap().entropies();
        assert_eq!(entropies.len(), 24);
        let most = 32_f32.ln();
        assert!(entropies.iter().all(|nats| *nats > 0.0 && *nats <= most));
    }
}
