//! An engine that plays scripts, and shorthand for what tests ask of it.

use std::sync::{Arc, Mutex};

use gptoss::engine::protocol::{
    Command, Event, GenerateRequest, LoadOptions, LoadRequest, ModelSource, Prompt, RequestId,
    TokenEvent,
};
use gptoss::engine::scripted::{Gate, Pacing, Script, ScriptedBackend};
use gptoss::engine::{Backend, EngineHandle, EventReceiver, start};

/// A model of 2 layers and 4 experts, the first line of every script here.
pub(crate) const MODEL: &str = r#"{"type":"model","name":"play","origin":"scripted",
    "layers":["sliding","full"],"num_local_experts":4,"num_experts_per_tok":2,"vocab_size":100,
    "max_context_tokens":4096,"sliding_window_tokens":128,"weights_bytes":1000,"dtype":"none",
    "device":"script","load_ms":0.0}"#;

pub(crate) const TURN: &str = r#"{"type":"turn"}"#;
pub(crate) const PAUSE: &str = r#"{"type":"pause"}"#;
pub(crate) const PANIC: &str = r#"{"type":"panic","message":"deliberate"}"#;
pub(crate) const ERROR: &str = r#"{"type":"error","message":"the device is gone"}"#;

/// The prompt of every generation here, in tokens.
pub(crate) const PROMPT_TOKENS: usize = 12;

pub(crate) const LOAD_ID: RequestId = RequestId(1);

/// A token's line.
pub(crate) fn token(id: u32) -> String {
    format!(r#"{{"type":"token","id":{id},"text":"t{id} ","ms":10}}"#)
}

/// A chunk's line.
pub(crate) fn prefill(tokens: usize) -> String {
    format!(r#"{{"type":"prefill","tokens":{tokens},"ms":20}}"#)
}

pub(crate) fn script(lines: &[impl AsRef<str>]) -> Arc<Script> {
    let mut text = MODEL.replace('\n', "");
    for line in lines {
        text.push('\n');
        text.push_str(line.as_ref());
    }
    Arc::new(Script::from_json_lines(&text).expect("the script is valid"))
}

/// A turn of so many tokens with ids from 0.
pub(crate) fn turn_of(tokens: u32) -> Vec<String> {
    std::iter::once(TURN.to_owned())
        .chain((0..tokens).map(token))
        .collect()
}

/// An engine with its lanes. The gate comes first: dropped first, it frees an engine that waits
/// there, so that a failing test ends instead of hanging.
pub(crate) struct Rig {
    pub(crate) gate: OpenedOnDrop,
    pub(crate) engine: EngineHandle,
    pub(crate) events: EventReceiver,
    newest: RequestId,
}

pub(crate) struct OpenedOnDrop(Gate);

impl std::ops::Deref for OpenedOnDrop {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.0
    }
}

impl Drop for OpenedOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

impl Rig {
    /// An engine that has loaded a script.
    pub(crate) fn playing(lines: &[impl AsRef<str>]) -> Self {
        let mut rig = Self::of_scripts(vec![script(lines)]);
        rig.load_and_wait();
        rig
    }

    /// An engine that plays one script for each load, the last one again and again.
    pub(crate) fn of_scripts(scripts: Vec<Arc<Script>>) -> Self {
        let gate = Gate::default();
        let scripts = Mutex::new(scripts);
        let inner = gate.clone();
        Self::with_gate(gate, move || {
            let mut scripts = scripts.lock().expect("no test panics while holding it");
            let script = if scripts.len() > 1 {
                scripts.remove(0)
            } else {
                Arc::clone(&scripts[0])
            };
            ScriptedBackend::new(script, Pacing::Immediate).with_gate(inner.clone())
        })
    }

    /// An engine with any backend.
    pub(crate) fn of<B: Backend + 'static>(factory: impl FnMut() -> B + Send + 'static) -> Self {
        Self::with_gate(Gate::default(), factory)
    }

    fn with_gate<B: Backend + 'static>(
        gate: Gate,
        factory: impl FnMut() -> B + Send + 'static,
    ) -> Self {
        let mut engine = start(factory).expect("a thread can be started");
        let events = engine.take_events().expect("nobody took them before");
        Self {
            gate: OpenedOnDrop(gate),
            engine,
            events,
            newest: RequestId::default(),
        }
    }

    pub(crate) fn send(&self, command: Command) {
        self.engine.try_send(command).expect("the command is taken");
    }

    pub(crate) fn next_id(&mut self) -> RequestId {
        self.newest = self.newest.next();
        self.newest
    }

    pub(crate) fn load(&mut self) -> RequestId {
        let id = self.next_id();
        let (source, options) = (ModelSource::Demo, LoadOptions::default());
        self.send(Command::Load(LoadRequest {
            id,
            source,
            options,
        }));
        id
    }

    /// Loads and reads up to the load's end.
    pub(crate) fn load_and_wait(&mut self) {
        let id = self.load();
        loop {
            match self.next() {
                Event::Loading { request, .. } => assert_eq!(request, id),
                Event::Ready { request, .. } => return assert_eq!(request, id),
                other => panic!("loading gave {other:?}"),
            }
        }
    }

    pub(crate) fn request(&mut self) -> GenerateRequest {
        let prompt = (100..).take(PROMPT_TOKENS).collect();
        GenerateRequest::new(self.next_id(), Prompt::Tokens(prompt))
    }

    pub(crate) fn generate(&mut self) -> RequestId {
        let request = self.request();
        let id = request.id;
        self.send(Command::Generate(request));
        id
    }

    pub(crate) fn next(&mut self) -> Event {
        self.events.blocking_recv().expect("the engine lives")
    }

    /// Events up to and with the end of a request.
    pub(crate) fn until_end(&mut self, id: RequestId) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let ends = match &event {
                Event::Ready { request, .. }
                | Event::Finished { request, .. }
                | Event::Failed { request, .. } => *request == id,
                Event::Crashed { request, .. } => *request == Some(id),
                Event::Stopped => panic!("the engine ended before {id}: {events:?}"),
                _ => false,
            };
            events.push(event);
            if ends {
                return events;
            }
        }
    }
}

/// The tokens among events.
pub(crate) fn tokens(events: &[Event]) -> Vec<&TokenEvent> {
    let mut tokens = Vec::new();
    for event in events {
        if let Event::Token { token, .. } = event {
            tokens.push(token);
        }
    }
    tokens
}

pub(crate) fn ids(events: &[Event]) -> Vec<u32> {
    tokens(events).iter().map(|token| token.id).collect()
}
