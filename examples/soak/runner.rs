//! An engine with the demo model, driven from one thread.

use std::error::Error;

use gptoss::engine::protocol::{
    Command, Event, GenerateRequest, LoadOptions, LoadRequest, ModelSource, Prompt, RequestId,
};
use gptoss::engine::{self, EngineHandle, EventReceiver, MlxBackend};
use gptoss::meters;

/// What may be done to a running answer.
pub(crate) enum Meddling {
    Cancel,
    Send(Box<dyn FnOnce(RequestId) -> Command>),
}

pub(crate) struct Runner {
    engine: EngineHandle,
    events: EventReceiver,
    newest: RequestId,
    tokens: usize,
}

impl Runner {
    pub(crate) fn with_demo() -> Result<Self, Box<dyn Error>> {
        let mut engine = engine::start(MlxBackend::default)?;
        let events = engine.take_events().ok_or("the events were taken before")?;
        let newest = RequestId::default().next();
        let mut runner = Self {
            engine,
            events,
            newest,
            tokens: 0,
        };
        runner.engine.try_send(Command::Load(LoadRequest {
            id: newest,
            source: ModelSource::Demo,
            options: LoadOptions::default(),
        }))?;
        while !matches!(runner.next()?, Event::Ready { .. }) {}
        Ok(runner)
    }

    /// Runs a request to its end. After its `at`th token, `meddling` happens.
    pub(crate) fn run(
        &mut self,
        prompt: Prompt,
        change: impl FnOnce(&mut GenerateRequest),
        mut meddling: Option<(usize, Meddling)>,
    ) -> Result<Vec<Event>, Box<dyn Error>> {
        self.newest = self.newest.next();
        let id = self.newest;
        let mut request = GenerateRequest::new(id, prompt);
        change(&mut request);
        self.engine.try_send(Command::Generate(request))?;
        let mut events = Vec::new();
        loop {
            let event = self.next()?;
            if let Event::Token { token, .. } = &event {
                self.tokens += 1;
                if let Some((_, meddling)) = meddling.take_if(|(at, _)| token.index >= *at) {
                    match meddling {
                        Meddling::Cancel => self.engine.cancel(id),
                        Meddling::Send(command) => self.engine.try_send(command(id))?,
                    }
                }
            }
            let is_last = matches!(event, Event::Finished { .. });
            events.push(event);
            if is_last {
                return Ok(events);
            }
        }
    }

    /// Empties the cache.
    pub(crate) fn reset(&mut self) -> Result<(), Box<dyn Error>> {
        self.engine.try_send(Command::Reset)?;
        while !matches!(self.next()?, Event::CacheCleared) {}
        Ok(())
    }

    /// The next event; every failure ends the soak.
    fn next(&mut self) -> Result<Event, Box<dyn Error>> {
        match self.events.blocking_recv() {
            Some(Event::Failed { report, .. } | Event::Crashed { report, .. }) => {
                Err(report.into())
            }
            Some(event) => Ok(event),
            None => Err("the engine has ended".into()),
        }
    }

    /// Tokens generated so far.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// What MLX holds in arrays that live.
    pub(crate) fn device_bytes(&self) -> u64 {
        self.engine.telemetry().borrow().memory.active_bytes
    }
}

/// The memory of this process that is in RAM.
pub(crate) fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    if let Some(bytes) = meters::resident_bytes() {
        return Ok(bytes);
    }
    let id = std::process::id().to_string();
    let output = std::process::Command::new("ps")
        .args(["-o", "rss=", "-p", &id])
        .output()
        .map_err(|error| format!("ps, which tells the memory in use, did not start: {error}"))?;
    let kib: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(kib * 1024)
}
