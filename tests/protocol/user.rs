//! A user of the engine: shorthand for what the cases ask of it.

use crate::engine::protocol::{
    Command, Event, GenerateRequest, LoadOptions, LoadRequest, ModelSource, Prompt, RequestId,
};

use crate::engine::{EngineError, EngineHandle, EventReceiver, start};
use crate::fake::{Fake, LOAD_REPORTS, PROMPT_TOKENS, Panics};
use crate::sync::thread;

pub(crate) const LOAD: RequestId = RequestId(1);
pub(crate) const FIRST: RequestId = RequestId(2);
pub(crate) const SECOND: RequestId = RequestId(3);

/// An engine and its events.
pub(crate) fn engine(panics: Panics) -> (EngineHandle, EventReceiver) {
    // A backend of a later load is sound: a crash can be recovered from.
    let mut next = panics;
    let factory = move || Fake::new(std::mem::replace(&mut next, Panics::Never));
    let mut engine = start(factory).expect("threads can be started");
    let events = engine.take_events().expect("nobody took them before");
    (engine, events)
}

/// The same with the model loaded.
pub(crate) fn loaded(panics: Panics) -> (EngineHandle, EventReceiver) {
    let (engine, mut events) = engine(panics);
    send(&engine, load(LOAD));
    for _ in 0..LOAD_REPORTS {
        assert!(matches!(
            events.blocking_recv(),
            Some(Event::Loading { .. })
        ));
    }
    assert!(matches!(
        events.blocking_recv(),
        Some(Event::Ready { request: LOAD, .. })
    ));
    (engine, events)
}

/// Sends a command; waits while the queue is full.
pub(crate) fn send(engine: &EngineHandle, command: Command) {
    let mut command = command;
    loop {
        match engine.try_send(command) {
            Ok(()) => return,
            Err(EngineError::Busy(back)) => command = *back,
            Err(error) => unreachable!("{error}"),
        }
        thread::yield_now();
    }
}

pub(crate) fn load(id: RequestId) -> Command {
    let (source, options) = (ModelSource::Demo, LoadOptions::default());
    Command::Load(LoadRequest {
        id,
        source,
        options,
    })
}

pub(crate) fn generate(id: RequestId, tokens: usize) -> Command {
    let mut request = GenerateRequest::new(id, Prompt::Tokens(vec![0; PROMPT_TOKENS]));
    request.max_tokens = Some(tokens);
    Command::Generate(request)
}

/// Events up to and with the end of a request.
pub(crate) fn until_end(events: &mut EventReceiver, id: RequestId) -> Vec<Event> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|event| ends(event, id)) {
        seen.push(events.blocking_recv().expect("the engine lives"));
    }
    seen
}

/// All that comes until the lane closes.
pub(crate) fn drain(events: &mut EventReceiver) -> Vec<Event> {
    std::iter::from_fn(|| events.blocking_recv()).collect()
}

pub(crate) fn ends(event: &Event, id: RequestId) -> bool {
    match event {
        Event::Ready { request, .. }
        | Event::Finished { request, .. }
        | Event::Failed { request, .. } => *request == id,
        Event::Crashed { request, .. } => *request == Some(id),
        _ => false,
    }
}

/// The places and ids of the tokens, of one request.
pub(crate) fn tokens(events: &[Event], id: RequestId) -> Vec<(usize, u32)> {
    let mut tokens = Vec::new();
    for event in events {
        match event {
            Event::Token { request, token } if *request == id => {
                tokens.push((token.index, token.id));
            }
            _ => {}
        }
    }
    tokens
}

/// Checks that a whole answer came: its beginning, its prompt, all of its tokens in order.
#[track_caller]
pub(crate) fn check_whole(events: &[Event], id: RequestId, count: usize) {
    check_beginning(events);
    let places: Vec<usize> = tokens(events, id).iter().map(|(index, _)| *index).collect();
    assert!(places.iter().copied().eq(0..count), "{places:?} of {count}");
    let end = events.last();
    assert!(
        matches!(end, Some(Event::Finished { request, .. }) if *request == id),
        "{end:?}"
    );
    assert_eq!(events.len(), 1 + PROMPT_TOKENS + count + 1, "{events:?}");
}

/// Checks that events of an answer begin as one does and have no gap, wherever they stop.
#[track_caller]
pub(crate) fn check_beginning(events: &[Event]) {
    for (place, event) in events.iter().enumerate() {
        let fits = match event {
            Event::Started { .. } => place == 0,
            Event::Prefill { done_tokens, .. } => *done_tokens == place,
            Event::Token { token, .. } => token.index + 1 + PROMPT_TOKENS == place,
            Event::Finished { .. } | Event::Stopped => place + 2 >= events.len(),
            _ => false,
        };
        assert!(fits, "{event:?} at {place} of {events:?}");
    }
}
