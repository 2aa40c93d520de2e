//! The engine thread's body: takes commands, keeps the backend, contains its panics.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::backend::{Backend, Usage};
use super::generation::{Generation, report_prediction};
use super::inspection::{Inspecting, report_cost};
use super::port::{Halt, Port};
use super::protocol::{
    AblateRequest, Command, EnginePhase, ErrorKind, ErrorReport, Event, GenerateRequest,
    InspectRequest, LoadRequest, ModelSummary, Prompt, RequestId,
};
use super::telemetry::{Publisher, RoutingAggregator, SpeedMeter};
use super::{ENGINE_THREAD_NAME, ROUTING_WINDOW_TOKENS};
use crate::generate::InspectOptions;

/// The state of the engine thread.
pub(super) struct Worker<B, F> {
    factory: F,
    backend: Option<B>,
    port: Port,
    telemetry: Publisher,
    /// What a crash report names.
    active: Option<RequestId>,
    started: Instant,
}

impl<B: Backend, F: FnMut() -> B> Worker<B, F> {
    pub(super) fn new(factory: F, port: Port, telemetry: Publisher) -> Self {
        Self {
            factory,
            backend: None,
            port,
            telemetry,
            active: None,
            started: Instant::now(),
        }
    }

    /// Works until the engine is told to end or nobody listens any more.
    pub(super) fn run(mut self) {
        while let Some(command) = self.port.next_command() {
            if matches!(command, Command::Shutdown) {
                break;
            }
            // A panic may leave backend and telemetry half changed: both are replaced then, and
            // the port is only ever changed by whole calls.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.perform(command)));
            let outcome = outcome.unwrap_or_else(|panic| self.report_crash(&*panic));
            self.active = None;
            if outcome == Err(Halt) {
                break;
            }
        }
        self.drop_backend();
        // With nobody left to read it, there is nobody to miss it.
        let _ = self.port.send(Event::Stopped);
    }

    fn perform(&mut self, command: Command) -> Result<(), Halt> {
        match command {
            Command::Load(request) => self.load(&request),
            Command::Generate(request) => self.generate(&request),
            Command::Inspect(request) => self.inspect(&request),
            Command::InspectCost {
                seq,
                tokens,
                options,
            } => self.inspect_cost(seq, tokens, &options),
            Command::Ablate(request) => self.ablate(&request),
            Command::Reset => self.reset(),
            Command::Predict { seq, prompt } => self.predict(seq, &prompt),
            Command::UpdateSampling { request, .. }
            | Command::UpdateInterventions { request, .. }
            | Command::UpdateRecording { request, .. } => {
                tracing::debug!(%request, "update of a generation that does not run ignored");
                Ok(())
            }
            Command::Shutdown => Err(Halt),
        }
    }

    fn load(&mut self, request: &LoadRequest) -> Result<(), Halt> {
        if !self.port.admit(request.id) {
            return Ok(());
        }
        self.active = Some(request.id);
        // The old model goes first: two would rarely fit into memory.
        self.backend = None;
        self.show_no_model(Some(request.id), EnginePhase::Loading);
        let mut backend = (self.factory)();
        let loaded = self.load_into(&mut backend, request);
        self.telemetry.phase = EnginePhase::Idle;
        match loaded {
            Ok(model) => {
                let (layers, experts) = (model.layers.len(), model.num_local_experts);
                self.telemetry.routing =
                    RoutingAggregator::new(layers, experts, ROUTING_WINDOW_TOKENS);
                self.telemetry.publish(backend.usage());
                self.backend = Some(backend);
                self.port.send(Event::Ready {
                    request: request.id,
                    model,
                })
            }
            Err(report) => {
                // The device's memory is known also without a model.
                let usage = backend.usage();
                drop(backend);
                self.telemetry.publish(usage);
                self.port.send(Event::Failed {
                    request: request.id,
                    report,
                })
            }
        }
    }

    fn load_into(
        &mut self,
        backend: &mut B,
        request: &LoadRequest,
    ) -> Result<ModelSummary, ErrorReport> {
        let (id, port) = (request.id, &mut self.port);
        let cancelled = || ErrorReport::new(ErrorKind::Cancelled, "loading was cancelled");
        if port.is_cancelled(id) {
            return Err(cancelled());
        }
        let result = backend.load(request, &mut |progress| {
            let event = Event::Loading {
                request: id,
                progress,
            };
            if port.is_cancelled(id) || port.send(event).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        result.map_err(|report| {
            if port.is_cancelled(id) {
                cancelled()
            } else {
                report
            }
        })
    }

    fn generate(&mut self, request: &GenerateRequest) -> Result<(), Halt> {
        if !self.port.admit(request.id) {
            return Ok(());
        }
        self.active = Some(request.id);
        let Some(backend) = &mut self.backend else {
            return self.refuse_without_model(request.id);
        };
        let (port, telemetry) = (&mut self.port, &mut self.telemetry);
        Generation::new(request.id, backend, port, telemetry, self.started).run(request)
    }

    fn inspect(&mut self, request: &InspectRequest) -> Result<(), Halt> {
        if !self.port.admit(request.id) {
            return Ok(());
        }
        self.active = Some(request.id);
        let Some(backend) = &mut self.backend else {
            return self.refuse_without_model(request.id);
        };
        let (port, telemetry) = (&mut self.port, &mut self.telemetry);
        Inspecting::new(request.id, backend, port, telemetry).run(request)
    }

    fn refuse_without_model(&mut self, request: RequestId) -> Result<(), Halt> {
        let report = no_model();
        self.port.send(Event::Failed { request, report })
    }

    fn inspect_cost(
        &mut self,
        seq: u64,
        tokens: usize,
        options: &InspectOptions,
    ) -> Result<(), Halt> {
        let Some(backend) = &self.backend else {
            tracing::warn!(seq, "no model is loaded to look into");
            return Ok(());
        };
        report_cost(backend, &mut self.port, seq, tokens, options)
    }

    fn ablate(&mut self, request: &AblateRequest) -> Result<(), Halt> {
        let id = request.id;
        if !self.port.admit(id) {
            return Ok(());
        }
        self.active = Some(id);
        let Some(backend) = &self.backend else {
            return self.refuse_without_model(id);
        };
        let port = &mut self.port;
        let outcome = backend.ablate(request, &mut |stage, done_tokens, total_tokens| {
            let event = Event::AblationProgress {
                request: id,
                stage,
                done_tokens,
                total_tokens,
            };
            if port.is_cancelled(id) || port.send(event).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        self.telemetry.publish(backend.usage());
        self.port.send(match outcome {
            _ if self.port.is_cancelled(id) => Event::Failed {
                request: id,
                report: ErrorReport::new(ErrorKind::Cancelled, "the comparison was stopped"),
            },
            Ok(report) => Event::Ablated {
                request: id,
                report: Box::new(report),
            },
            Err(report) => Event::Failed {
                request: id,
                report,
            },
        })
    }

    fn predict(&mut self, seq: u64, prompt: &Prompt) -> Result<(), Halt> {
        let Some(backend) = &self.backend else {
            tracing::warn!(seq, "no model is loaded to predict a prompt for");
            return Ok(());
        };
        report_prediction(backend, &mut self.port, seq, prompt)
    }

    fn reset(&mut self) -> Result<(), Halt> {
        let usage = self.backend.as_mut().map(|backend| {
            backend.reset();
            backend.usage()
        });
        self.telemetry.routing.clear();
        self.telemetry.speed = SpeedMeter::default();
        self.telemetry.publish(usage.unwrap_or_default());
        self.port.send(Event::CacheCleared)
    }

    fn report_crash(&mut self, panic: &(dyn Any + Send)) -> Result<(), Halt> {
        let message = panic_message(panic);
        tracing::error!(request = ?self.active, message, "the backend panicked");
        self.drop_backend();
        self.show_no_model(self.active, EnginePhase::Idle);
        let report = ErrorReport {
            kind: ErrorKind::Crash,
            message: format!("the engine crashed: {message}"),
            chain: vec![format!("panic on thread {ENGINE_THREAD_NAME}")],
            hint: Some("load the model again; the log has the details".to_owned()),
        };
        self.port.send(Event::Crashed {
            request: self.active,
            report,
        })
    }

    /// Drops the backend here, on its thread, and contains a panic of that as well.
    fn drop_backend(&mut self) {
        let backend = self.backend.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(backend))) {
            tracing::error!(
                message = panic_message(&*panic),
                "the backend panicked when dropped"
            );
        }
    }

    fn show_no_model(&mut self, request: Option<RequestId>, phase: EnginePhase) {
        self.telemetry.request = request;
        self.telemetry.phase = phase;
        self.telemetry.routing = RoutingAggregator::default();
        self.telemetry.speed = SpeedMeter::default();
        self.telemetry.publish(Usage::default());
    }
}

fn no_model() -> ErrorReport {
    ErrorReport::new(ErrorKind::NoModel, "no model is loaded").with_hint("load a model first")
}

/// What a panic said; `panic!` carries one of two string types.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
