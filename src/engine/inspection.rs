//! One look inside on the engine thread: chunk by chunk, with an eye on cancel and commands.

use super::backend::{Backend, InspectStep};
use super::generation::{refuse_as_busy, report_prediction};
use super::port::{Halt, Port};
use super::protocol::{
    Command, EnginePhase, ErrorKind, ErrorReport, Event, InspectReport, InspectRequest, RequestId,
};
use super::telemetry::Publisher;
use crate::generate::InspectOptions;

/// A look inside in progress.
pub(super) struct Inspecting<'a, B> {
    id: RequestId,
    backend: &'a mut B,
    port: &'a mut Port,
    telemetry: &'a mut Publisher,
}

/// Why a look inside has no report.
enum Broken {
    Failed(ErrorReport),
    Halted,
}

impl<'a, B: Backend> Inspecting<'a, B> {
    pub(super) fn new(
        id: RequestId,
        backend: &'a mut B,
        port: &'a mut Port,
        telemetry: &'a mut Publisher,
    ) -> Self {
        Self {
            id,
            backend,
            port,
            telemetry,
        }
    }

    /// Runs to the end and reports it.
    pub(super) fn run(mut self, request: &InspectRequest) -> Result<(), Halt> {
        self.telemetry.phase = EnginePhase::Inspecting;
        self.telemetry.publish(self.backend.usage());
        let outcome = self.look(request);
        self.backend.end_inspection();
        self.telemetry.phase = EnginePhase::Idle;
        self.telemetry.publish(self.backend.usage());
        match outcome {
            Ok(report) => self.port.send(Event::Inspected {
                request: self.id,
                report,
            }),
            Err(Broken::Failed(report)) => self.port.send(Event::Failed {
                request: self.id,
                report,
            }),
            Err(Broken::Halted) => Err(Halt),
        }
    }

    fn look(&mut self, request: &InspectRequest) -> Result<Box<InspectReport>, Broken> {
        // It may have been cancelled while it was queued.
        self.attend()?;
        let total_tokens = self.backend.inspect(request)?;
        let mut done_tokens = 0;
        loop {
            self.attend()?;
            match self.backend.inspect_step()? {
                InspectStep::Computed(tokens) if tokens > done_tokens => done_tokens = tokens,
                InspectStep::Computed(_) => {
                    let message = format!("it stands still at {done_tokens} of {total_tokens}");
                    return Err(ErrorReport::new(ErrorKind::Generation, message).into());
                }
                InspectStep::Done(report) => return Ok(report),
            }
            self.port.send(Event::InspectProgress {
                request: self.id,
                done_tokens,
                total_tokens,
            })?;
        }
    }

    /// Looks at the cancel and at all commands that wait.
    fn attend(&mut self) -> Result<(), Broken> {
        while !self.port.is_cancelled(self.id) {
            let Some(command) = self.port.waiting_command()? else {
                return Ok(());
            };
            if let Some(command) = self.follow(command)? {
                self.port.postpone(command);
                break;
            }
        }
        let message = "the look inside was cancelled";
        Err(ErrorReport::new(ErrorKind::Cancelled, message).into())
    }

    /// Does what a command asks, or gives it back where the look has to end first.
    fn follow(&mut self, command: Command) -> Result<Option<Command>, Halt> {
        let is_cancelled = self.port.is_cancelled(self.id);
        match command {
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
                tracing::debug!(%request, "update of a generation that does not run ignored");
            }
            Command::Generate(next) if !is_cancelled => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            Command::Inspect(next) if !is_cancelled => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            Command::Ablate(next) if !is_cancelled => {
                refuse_as_busy(self.port, self.id, next.id)?;
            }
            Command::Generate(_)
            | Command::Inspect(_)
            | Command::Ablate(_)
            | Command::Load(_)
            | Command::Reset
            | Command::Shutdown => return Ok(Some(command)),
        }
        Ok(None)
    }
}

/// Answers [`Command::InspectCost`]; a look that cannot be taken is only logged.
pub(super) fn report_cost<B: Backend>(
    backend: &B,
    port: &mut Port,
    seq: u64,
    tokens: usize,
    options: &InspectOptions,
) -> Result<(), Halt> {
    match backend.inspect_cost(tokens, options) {
        Ok(cost) => port.send(Event::InspectCost { seq, cost }),
        Err(report) => {
            tracing::warn!(seq, %report, "the cost of a look inside is unknown");
            Ok(())
        }
    }
}

impl From<ErrorReport> for Broken {
    fn from(report: ErrorReport) -> Self {
        Self::Failed(report)
    }
}

impl From<Halt> for Broken {
    fn from(_: Halt) -> Self {
        Self::Halted
    }
}
