//! The program without a terminal: a state, an engine that makes things up, and a shell in memory.

use gptoss::app::{self, Action, Effect, Input, Key, Report, State};
use gptoss::engine::protocol::{Command, ErrorKind, ErrorReport, Event, ModelSource};
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};
use gptoss::engine::{EngineError, EngineHandle, EventReceiver, start};
use gptoss::session::{NodeId, NodeKind, Tree, TreeOp, Turn};

/// Milliseconds that pass with each input.
const STEP_MS: u64 = 10;

/// A running program; what effects would do outside is kept here.
pub(crate) struct Rig {
    pub(crate) state: State,
    pub(crate) now_ms: u64,
    /// What was to be written to the session's file.
    pub(crate) saved: Vec<TreeOp>,
    /// All effects but those for the engine and the session's file.
    pub(crate) effects: Vec<Effect>,
    /// Commands that the engine got.
    pub(crate) commands: Vec<Command>,
    /// What was drawn last.
    pub(crate) screen: ratatui::buffer::Buffer,
    pub(crate) theme: gptoss::ui::theme::Theme,
    cache: gptoss::ui::Cache,
    engine: EngineHandle,
    events: EventReceiver,
}

impl Rig {
    /// A program whose synthetic model is ready.
    pub(crate) fn new() -> Self {
        Self::with(SyntheticModel {
            num_hidden_layers: 4,
            num_local_experts: 8,
            ..SyntheticModel::gpt_oss_20b()
        })
    }

    /// A program whose model takes its time, so that keys meet an answer that is being written.
    pub(crate) fn slow() -> Self {
        Self::with(SyntheticModel {
            num_hidden_layers: 4,
            num_local_experts: 8,
            answer_tokens: Some(60),
            time_per_token: std::time::Duration::from_millis(20),
            ..SyntheticModel::gpt_oss_20b()
        })
    }

    /// A program with a synthetic model of this form.
    pub(crate) fn with(model: SyntheticModel) -> Self {
        let mut engine = start(move || SyntheticBackend::new(model)).expect("a thread");
        let events = engine.take_events().expect("taken once");
        let mut rig = Self {
            state: State {
                seed_state: 7,
                ..State::default()
            },
            now_ms: 0,
            saved: Vec::new(),
            effects: Vec::new(),
            commands: Vec::new(),
            screen: ratatui::buffer::Buffer::default(),
            theme: gptoss::ui::theme::Theme::default(),
            cache: gptoss::ui::Cache::default(),
            engine,
            events,
        };
        rig.input(Input::Resize {
            columns: 120,
            rows: 40,
        });
        let effects = app::start(&mut rig.state, ModelSource::Demo, rig.now_ms);
        rig.perform(effects);
        rig.until(|state| state.model.ready().is_some());
        rig
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.now_ms += STEP_MS;
        let effects = app::input(&mut self.state, input, self.now_ms);
        self.perform(effects);
    }

    /// Presses keys by name, separated by spaces.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.input(Input::Key(Key::new(key)));
        }
    }

    /// Types a text, character by character.
    pub(crate) fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.input(Input::Key(Key::from_char(character)));
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.now_ms += STEP_MS;
        let effects = app::update(&mut self.state, action, self.now_ms);
        self.perform(effects);
    }

    pub(crate) fn report(&mut self, report: Report) {
        let effects = app::report(&mut self.state, report, self.now_ms);
        self.perform(effects);
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
        self.report(Report::Tick);
    }

    /// Asks, and waits for the whole answer.
    pub(crate) fn ask(&mut self, text: &str) {
        self.state.focus = app::Focus::Composer;
        self.type_text(text);
        self.press("enter");
        self.settle();
    }

    /// Takes events until no answer is being generated.
    pub(crate) fn settle(&mut self) {
        self.until(|state| state.running.is_none());
    }

    /// Takes events until so many tokens of the running answer have come.
    pub(crate) fn tokens(&mut self, count: usize) {
        self.until(|state| {
            state
                .running
                .as_ref()
                .is_none_or(|running| running.generated_tokens >= count)
        });
    }

    /// Takes events until the state is as wanted.
    pub(crate) fn until(&mut self, is_wanted: impl Fn(&State) -> bool) {
        while !is_wanted(&self.state) {
            let event = self.events.blocking_recv().expect("the engine lives");
            self.take(event);
        }
    }

    /// Takes the events that are there.
    pub(crate) fn drain(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        let telemetry = self.engine.telemetry().borrow().clone();
        self.state.set_telemetry(telemetry, self.now_ms);
    }

    fn take(&mut self, event: Event) {
        let effects = app::apply(&mut self.state, event, self.now_ms);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Engine(command) => self.send(command),
                Effect::Cancel(request) => self.engine.cancel(request),
                Effect::Save(ops) => self.saved.extend(ops),
                other => self.effects.push(other),
            }
        }
    }

    fn send(&mut self, command: Command) {
        self.commands.push(command.clone());
        let report = match self.engine.try_send(command) {
            Ok(()) => return,
            Err(EngineError::Busy(command)) => Report::EngineBusy(command),
            Err(error) => Report::EngineRefused {
                request: None,
                message: error.to_string(),
            },
        };
        self.report(report);
    }

    /// Draws a frame of the terminal's size, as the loop does.
    pub(crate) fn draw(&mut self) {
        let (columns, rows) = self.state.size;
        let backend = ratatui::backend::TestBackend::new(columns, rows);
        let mut terminal = ratatui::Terminal::new(backend).expect("in memory");
        let (state, theme, cache) = (&self.state, &self.theme, &mut self.cache);
        let mut viewport = None;
        terminal
            .draw(|frame| viewport = Some(gptoss::ui::draw(frame, state, theme, cache)))
            .expect("in memory");
        if let Some(viewport) = viewport {
            self.state.set_viewport(viewport);
        }
        self.screen = terminal.backend().buffer().clone();
    }

    /// The screen that was drawn last, row by row.
    pub(crate) fn text(&self) -> String {
        let area = self.screen.area;
        let row = |y: u16| -> String {
            (0..area.width)
                .map(|x| self.screen[(x, y)].symbol())
                .collect()
        };
        (0..area.height).map(row).collect::<Vec<_>>().join("\n")
    }

    /// Crashes the engine, as far as the state can tell.
    pub(crate) fn crash(&mut self) {
        let request = self.state.running.as_ref().map(|running| running.request);
        let report = ErrorReport::new(ErrorKind::Crash, "deliberate");
        self.take(Event::Crashed { request, report });
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.state.session.tree
    }

    /// The last message on the branch shown.
    pub(crate) fn last(&self) -> NodeId {
        *self.tree().path().last().expect("there is a message")
    }

    pub(crate) fn turn(&self, node: NodeId) -> &Turn {
        match &self.tree().node(node).expect("it exists").kind {
            NodeKind::Assistant(turn) => turn,
            other => panic!("{other:?} is no answer"),
        }
    }

    /// The conversation as the file would give it back.
    pub(crate) fn replayed(&self) -> Tree {
        let mut tree = Tree::default();
        for op in &self.saved {
            tree.apply(op).expect("what was saved can be read");
        }
        tree
    }

    /// What always holds.
    pub(crate) fn check(&self) {
        assert_eq!(
            self.replayed(),
            *self.tree(),
            "the file and the screen differ"
        );
        if let Some(running) = &self.state.running {
            assert!(self.tree().node(running.node).is_some());
        }
        if let Some((layers, experts)) = self.state.map_size() {
            let cursor = self.state.map.cursor;
            assert!(cursor.layer < layers && cursor.expert < experts);
        }
        self.state
            .sampling
            .params
            .validate()
            .expect("the settings can be used");
    }
}
