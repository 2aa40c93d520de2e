//! The engine thread with a real model: the demo, driven by messages alone.

use gptoss::engine::protocol::{
    Command, ErrorKind, Event, GenerateRequest, LoadOptions, LoadRequest, ModelSource, Prompt,
    RequestId, Telemetry,
};
use gptoss::engine::{self, EngineHandle, EventReceiver, MlxBackend};
use gptoss::generate::FinishReason;
use gptoss::harmony::{Conversation, Message, Renderer};
use gptoss::open_tokenizer;

pub(crate) struct Engine {
    handle: EngineHandle,
    events: EventReceiver,
    next: u64,
}

impl Engine {
    /// An engine that has the demo model loaded.
    pub(crate) fn with_demo() -> Self {
        let mut handle = engine::start(MlxBackend::default).unwrap();
        let events = handle.take_events().unwrap();
        let mut engine = Self {
            handle,
            events,
            next: 1,
        };
        let load = Command::Load(LoadRequest {
            id: engine.new_id(),
            source: ModelSource::Demo,
            options: LoadOptions::default(),
        });
        engine.handle.try_send(load).unwrap();
        let events = engine.until(|event| matches!(event, Event::Ready { .. }));
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Loading { .. }))
        );
        engine
    }

    pub(crate) fn new_id(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }

    /// Sends a request and collects its events up to the last one.
    fn run(&mut self, prompt: Vec<u32>, change: impl FnOnce(&mut GenerateRequest)) -> Vec<Event> {
        self.run_prompt(Prompt::Tokens(prompt), change)
    }

    /// The same for any prompt.
    pub(crate) fn run_prompt(
        &mut self,
        prompt: Prompt,
        change: impl FnOnce(&mut GenerateRequest),
    ) -> Vec<Event> {
        let mut request = GenerateRequest::new(self.new_id(), prompt);
        request.sampling.temperature = 0.0;
        request.max_tokens = Some(120);
        change(&mut request);
        self.handle.try_send(Command::Generate(request)).unwrap();
        self.until(is_end)
    }

    /// Runs a greedy request and shows each event to `watch` as it comes.
    pub(crate) fn run_watched(
        &mut self,
        prompt: Prompt,
        mut watch: impl FnMut(&Self, &Event),
    ) -> Vec<Event> {
        let mut request = GenerateRequest::new(self.new_id(), prompt);
        request.sampling.temperature = 0.0;
        request.max_tokens = Some(120);
        self.send(Command::Generate(request));
        let mut events = Vec::new();
        while !events.last().is_some_and(is_end) {
            let event = self.events.blocking_recv().unwrap();
            watch(self, &event);
            events.push(event);
        }
        events
    }

    /// Runs a greedy request and cancels it at the event that `is_enough` names.
    pub(crate) fn run_until_cancelled(
        &mut self,
        prompt: Prompt,
        mut is_enough: impl FnMut(&Event) -> bool,
    ) -> Vec<Event> {
        let id = RequestId(self.next + 1);
        let mut cancelled = false;
        self.run_watched(prompt, |engine, event| {
            if !cancelled && is_enough(event) {
                cancelled = true;
                engine.handle.cancel(id);
            }
        })
    }

    pub(crate) fn cancel(&self, request: RequestId) {
        self.handle.cancel(request);
    }

    pub(crate) fn send(&self, command: Command) {
        self.handle.try_send(command).unwrap();
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.handle.telemetry().borrow().clone()
    }

    pub(crate) fn until(&mut self, is_last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.events.blocking_recv() {
            let last = is_last(&event);
            events.push(event);
            if last {
                return events;
            }
        }
        unreachable!("the engine went away after {events:?}");
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::Finished { .. } | Event::Failed { .. })
}

fn question(text: &str) -> Vec<u32> {
    let tokenizer = open_tokenizer(&gptoss::ModelSource::Demo, 3072).unwrap();
    let mut conversation = Conversation::default();
    conversation.system.get_or_insert_default();
    conversation.messages.push(Message::user(text));
    let renderer = Renderer::new(&tokenizer).unwrap();
    renderer.completion(&conversation).unwrap()
}

fn text(events: &[Event]) -> String {
    let token = |event: &Event| match event {
        Event::Token { token, .. } => Some(token.text.clone()),
        _ => None,
    };
    events.iter().filter_map(token).collect()
}

#[test]
fn the_demo_answers_through_messages_with_its_routing() {
    let mut engine = Engine::with_demo();
    let prompt = question("What is 48 + 75?");
    let events = engine.run(prompt.clone(), |request| {
        request.record.routing = true;
        request.stop.tokens = vec![3055];
    });
    assert!(text(&events).contains("123"), "{}", text(&events));
    let prefilled: usize = events
        .iter()
        .map(|event| match event {
            Event::Prefill { routing, .. } => routing.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(prefilled, prompt.len() - 1);
    let all_routed = events.iter().all(|event| match event {
        Event::Token { token, .. } => token.routing.is_some(),
        _ => true,
    });
    assert!(all_routed);
    let last = events.last().unwrap();
    assert!(
        matches!(
            last,
            Event::Finished {
                finish_reason: FinishReason::Stop,
                ..
            }
        ),
        "{last:?}"
    );
}

#[test]
fn a_second_turn_reuses_the_first() {
    let mut engine = Engine::with_demo();
    let prompt = question("What is the capital of France?");
    engine.run(prompt.clone(), |_| {});
    let longer = [prompt.clone(), vec![100; 20]].concat();
    let events = engine.run(longer, |request| request.max_tokens = Some(2));
    let reused = events.iter().find_map(|event| match event {
        Event::Started { reused_tokens, .. } => Some(*reused_tokens),
        _ => None,
    });
    assert_eq!(reused, Some(prompt.len()));
    // The figures at the end are those of the request that has ended.
    assert_eq!(engine.telemetry().cache.reused_tokens, prompt.len());
}

#[test]
fn bad_requests_fail_and_the_engine_lives_on() {
    let mut engine = Engine::with_demo();
    for (prompt, kind) in [
        (vec![], ErrorKind::InvalidRequest),
        (vec![1, 9_999_999], ErrorKind::InvalidRequest),
        (vec![1; 5000], ErrorKind::InvalidRequest),
    ] {
        let events = engine.run(prompt, |_| {});
        let Some(Event::Failed { report, .. }) = events.last() else {
            unreachable!("{events:?}");
        };
        assert_eq!(report.kind, kind);
    }
    let events = engine.run(question("What is 2 + 2?"), |_| {});
    assert!(matches!(events.last(), Some(Event::Finished { .. })));
}

#[test]
fn stop_strings_end_the_text_before_them() {
    let mut engine = Engine::with_demo();
    let plain = text(&engine.run(question("What is 48 + 75?"), |_| {}));
    let cut = plain.find("123").unwrap();
    let events = engine.run(question("What is 48 + 75?"), |request| {
        request.stop.strings = vec!["123".to_owned()];
    });
    assert_eq!(text(&events), plain[..cut]);
    let last = events.last().unwrap();
    assert!(
        matches!(
            last,
            Event::Finished {
                finish_reason: FinishReason::Stop,
                ..
            }
        ),
        "{last:?}"
    );
}

#[test]
fn a_missing_folder_is_reported_and_another_load_works() {
    let mut engine = Engine::with_demo();
    let load = |id, source| {
        Command::Load(LoadRequest {
            id,
            source,
            options: LoadOptions::default(),
        })
    };
    let missing = ModelSource::Directory("no/such/folder".into());
    let id = engine.new_id();
    engine.handle.try_send(load(id, missing)).unwrap();
    let events = engine.until(|event| matches!(event, Event::Failed { .. }));
    let Some(Event::Failed { report, .. }) = events.last() else {
        unreachable!();
    };
    assert!(report.message.contains("no/such/folder"), "{report:?}");
    let id = engine.new_id();
    engine.handle.try_send(load(id, ModelSource::Demo)).unwrap();
    engine.until(|event| matches!(event, Event::Ready { .. }));
}
