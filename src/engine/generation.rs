//! One generation on the engine thread: prompt, tokens, and what comes in between.

use std::time::{Duration, Instant};

use super::backend::{Backend, Step};
use super::inspection::report_cost;
use super::port::{Halt, Port};
use super::protocol::{
    CacheUse, Command, EnginePhase, ErrorKind, ErrorReport, Event, GenerateRequest, Prompt,
    RequestId, TokenEvent,
};
use super::telemetry::{Publisher, RoutingMismatch, RoutingSpan, SpeedMeter};
use crate::generate::{FinishReason, SamplingParams};
use crate::intervention::Interventions;

/// A generation in progress.
pub(super) struct Generation<'a, B> {
    id: RequestId,
    backend: &'a mut B,
    port: &'a mut Port,
    telemetry: &'a mut Publisher,
    engine_started: Instant,
    /// Whether the experts' use is counted.
    counts_routing: bool,
    /// Spent on counting the answer's routing.
    counting_time: Duration,
}

/// Why a generation has no finish reason.
enum Broken {
    Failed(ErrorReport),
    Halted,
}

/// Whether to go on after looking at cancel and commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    GoOn,
    Stop,
}

impl<'a, B: Backend> Generation<'a, B> {
    pub(super) fn new(
        id: RequestId,
        backend: &'a mut B,
        port: &'a mut Port,
        telemetry: &'a mut Publisher,
        engine_started: Instant,
    ) -> Self {
        Self {
            id,
            backend,
            port,
            telemetry,
            engine_started,
            counts_routing: true,
            counting_time: Duration::ZERO,
        }
    }

    /// Runs to the end and reports it.
    pub(super) fn run(mut self, request: &GenerateRequest) -> Result<(), Halt> {
        self.telemetry.request = Some(self.id);
        self.telemetry.phase = EnginePhase::Prefill;
        self.counts_routing = request.cache == CacheUse::Continue;
        if self.counts_routing {
            self.telemetry.routing.begin_generation();
        }
        self.telemetry.speed = SpeedMeter::begin(self.time());
        let outcome = self.produce(request);
        let harmony = self.backend.end();
        let usage = self.backend.usage();
        let stats = self
            .telemetry
            .speed
            .stats(self.time(), usage.memory.peak_bytes);
        // Before the last event, so that whoever sees the end finds figures of the end.
        self.telemetry.phase = EnginePhase::Idle;
        self.telemetry.publish(usage);
        match outcome {
            Ok(finish_reason) => self.port.send(Event::Finished {
                request: self.id,
                finish_reason,
                stats,
                harmony,
            }),
            Err(Broken::Failed(report)) => self.port.send(Event::Failed {
                request: self.id,
                report,
            }),
            Err(Broken::Halted) => Err(Halt),
        }
    }

    fn produce(&mut self, request: &GenerateRequest) -> Result<FinishReason, Broken> {
        // It may have been cancelled while it was queued.
        if self.port.is_cancelled(self.id) {
            return Ok(FinishReason::Cancelled);
        }
        let start = self.backend.start(request)?;
        let (prompt_tokens, reused_tokens) = (start.prompt_tokens, start.reused_tokens);
        self.telemetry.speed.prompt(prompt_tokens, reused_tokens);
        self.port.send(Event::Started {
            request: self.id,
            prompt_tokens,
            reused_tokens,
            prompt: start.prompt,
            inserted: start.inserted,
            opened: start.opened,
        })?;
        if self.prefill(prompt_tokens, reused_tokens)? == Course::Stop {
            return Ok(FinishReason::Cancelled);
        }
        self.telemetry.phase = EnginePhase::Decode;
        loop {
            if self.attend()? == Course::Stop {
                return Ok(FinishReason::Cancelled);
            }
            match self.backend.step()? {
                Step::Token(token) => self.report_token(token)?,
                Step::Finished(reason) => return Ok(reason),
            }
        }
    }

    fn prefill(&mut self, prompt_tokens: usize, reused_tokens: usize) -> Result<Course, Broken> {
        let mut done_tokens = reused_tokens;
        while done_tokens < prompt_tokens {
            if self.attend()? == Course::Stop {
                return Ok(Course::Stop);
            }
            let chunk = self.backend.prefill()?;
            if chunk.done_tokens <= done_tokens {
                let message = format!("prefill stands still at {done_tokens} of {prompt_tokens}");
                return Err(ErrorReport::new(ErrorKind::Generation, message).into());
            }
            done_tokens = chunk.done_tokens;
            self.telemetry.speed.prefilled(self.time(), done_tokens);
            let counted = chunk.routing.iter().filter(|_| self.counts_routing);
            for routing in counted {
                self.telemetry.routing.add(RoutingSpan::Prompt, routing)?;
            }
            self.publish_if_due();
            self.port.send(Event::Prefill {
                request: self.id,
                done_tokens,
                total_tokens: prompt_tokens,
                reused_tokens,
                routing: chunk.routing,
            })?;
        }
        Ok(Course::GoOn)
    }

    fn report_token(&mut self, token: TokenEvent) -> Result<(), Broken> {
        let counting = Instant::now();
        if let Some(routing) = token.routing.as_ref().filter(|_| self.counts_routing) {
            self.telemetry.routing.add(RoutingSpan::Answer, routing)?;
            self.counting_time += counting.elapsed();
        }
        // A recorded clock and this machine's do not go together.
        let captured = self.backend.clock().is_none();
        let captured = captured.then(|| self.backend.capture_time() + self.counting_time);
        self.telemetry.speed.token(self.time(), captured);
        self.publish_if_due();
        Ok(self.port.send(Event::Token {
            request: self.id,
            token,
        })?)
    }

    /// Looks at the cancel and at all commands that wait.
    fn attend(&mut self) -> Result<Course, Broken> {
        while !self.port.is_cancelled(self.id) {
            let Some(command) = self.port.waiting_command()? else {
                return Ok(Course::GoOn);
            };
            if self.follow(command)? == Course::Stop {
                break;
            }
        }
        Ok(Course::Stop)
    }

    fn follow(&mut self, command: Command) -> Result<Course, Broken> {
        match command {
            Command::UpdateSampling { request, sampling } if request == self.id => {
                self.update_sampling(sampling)?;
            }
            Command::UpdateInterventions {
                request,
                interventions,
            } if request == self.id => self.update_interventions(interventions)?,
            Command::UpdateRecording { request, record } if request == self.id => {
                self.backend.update_recording(record)?;
            }
            Command::Predict { seq, prompt } => {
                report_prediction(self.backend, self.port, seq, &prompt)?;
            }
            Command::InspectCost {
                seq,
                tokens,
                options,
            } => report_cost(self.backend, self.port, seq, tokens, &options)?,
            Command::UpdateSampling { request, .. }
            | Command::UpdateInterventions { request, .. }
            | Command::UpdateRecording { request, .. } => {
                tracing::debug!(%request, running = %self.id, "update of another request ignored");
            }
            Command::Ablate(next) if !self.port.is_cancelled(self.id) => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            // The user may have cancelled and asked anew since `attend` looked. Whatever the user
            // did before sending is visible here, so this cannot miss the cancel.
            Command::Generate(next) if !self.port.is_cancelled(self.id) => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            Command::Inspect(next) if !self.port.is_cancelled(self.id) => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            Command::Generate(_)
            | Command::Inspect(_)
            | Command::Ablate(_)
            | Command::Load(_)
            | Command::Reset
            | Command::Shutdown => {
                self.port.postpone(command);
                return Ok(Course::Stop);
            }
        }
        Ok(Course::GoOn)
    }

    fn update_sampling(&mut self, sampling: SamplingParams) -> Result<(), Broken> {
        let token_index = self.backend.update_sampling(&sampling)?;
        let request = self.id;
        Ok(self.port.send(Event::SamplingChanged {
            request,
            token_index,
            sampling,
        })?)
    }

    fn update_interventions(&mut self, interventions: Interventions) -> Result<(), Broken> {
        let token_index = self.backend.update_interventions(&interventions)?;
        let request = self.id;
        Ok(self.port.send(Event::InterventionsChanged {
            request,
            token_index,
            interventions,
        })?)
    }

    fn publish_if_due(&mut self) {
        let wall_time = self.engine_started.elapsed();
        self.telemetry
            .publish_if_due(wall_time, || self.backend.usage());
    }

    /// The time for figures: the backend's own, if it has one.
    fn time(&self) -> Duration {
        self.backend
            .clock()
            .unwrap_or_else(|| self.engine_started.elapsed())
    }
}

/// Refuses `next` while `running` is at work.
pub(super) fn refuse_as_busy(
    port: &mut Port,
    running: RequestId,
    next: RequestId,
) -> Result<(), Halt> {
    if !port.admit(next) {
        return Ok(());
    }
    let message = format!("request {running} is still running");
    let report = ErrorReport::new(ErrorKind::Busy, message)
        .with_hint("wait for its end or stop it, then ask again");
    port.send(Event::Failed {
        request: next,
        report,
    })
}

/// Answers [`Command::Predict`]; a prompt that cannot be put is only logged.
pub(super) fn report_prediction<B: Backend>(
    backend: &B,
    port: &mut Port,
    seq: u64,
    prompt: &Prompt,
) -> Result<(), Halt> {
    match backend.predict(prompt) {
        Ok(found) => port.send(Event::Predicted {
            seq,
            prompt_tokens: found.prompt_tokens,
            reused_tokens: found.reused_tokens,
            peak_bytes: found.peak_bytes,
            limit_bytes: found.limit_bytes,
            largest_prompt_tokens: found.largest_prompt_tokens,
        }),
        Err(report) => {
            tracing::warn!(seq, %report, "a prompt could not be predicted");
            Ok(())
        }
    }
}

impl From<ErrorReport> for Broken {
    fn from(report: ErrorReport) -> Self {
        Self::Failed(report)
    }
}

impl From<RoutingMismatch> for Broken {
    fn from(mismatch: RoutingMismatch) -> Self {
        Self::Failed(ErrorReport::from_error(ErrorKind::Generation, &mismatch))
    }
}

impl From<Halt> for Broken {
    fn from(_: Halt) -> Self {
        Self::Halted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handle::CancelHandle;
    use crate::engine::protocol::Telemetry;
    use crate::engine::synthetic::{SyntheticBackend, SyntheticModel};
    use crate::sync::{mpsc, watch};

    /// What becomes of a new request that is taken from the queue right after a look at the cancel.
    fn check_next_request(cancelled_meanwhile: bool, expected: Course) {
        let (_commands, command_receiver) = mpsc::channel(1);
        let (events, mut event_receiver) = mpsc::channel(1);
        let (_stop, stop) = watch::channel(false);
        let cancel = CancelHandle::default();
        let mut port = Port::new(command_receiver, events, cancel.clone(), stop);
        let mut telemetry = Publisher::new(watch::channel(Telemetry::default()).0, 30);
        let mut backend = SyntheticBackend::new(SyntheticModel::gpt_oss_20b());
        let id = RequestId(1);
        let mut generation =
            Generation::new(id, &mut backend, &mut port, &mut telemetry, Instant::now());

        if cancelled_meanwhile {
            cancel.cancel(id);
        }
        let next = GenerateRequest::new(id.next(), Prompt::Tokens(vec![1]));
        let course = generation.follow(Command::Generate(next));
        assert!(matches!(course, Ok(course) if course == expected));
        assert_eq!(
            event_receiver.try_recv().is_ok(),
            !cancelled_meanwhile,
            "refused as busy"
        );
    }

    #[test]
    fn a_request_sent_after_a_cancel_is_kept_and_one_without_is_refused() {
        check_next_request(true, Course::Stop);
        check_next_request(false, Course::GoOn);
    }
}
