//! The playground's state over the real engine and the demo: what the screen shows of a look is what
//! the answer was made with, and what the library finds.

use gptoss::app::inside::{InsideState, InsideView};
use gptoss::app::map::TokenCursor;
use gptoss::app::{self, Action, Effect, Focus, State};
use gptoss::engine::protocol::ModelSource;
use gptoss::engine::{self, EngineHandle, EventReceiver, MlxBackend};
use gptoss::generate::InspectOptions;
use gptoss::{GptOss, app::Input};

use crate::tolerance::{ATTENTION_SHARES, assert_close};

/// The program without a terminal.
struct Screen {
    state: State,
    engine: EngineHandle,
    events: EventReceiver,
    now_ms: u64,
}

impl Screen {
    fn with_demo() -> Self {
        let mut engine = engine::start(MlxBackend::default).unwrap();
        let events = engine.take_events().unwrap();
        let mut state = State::default();
        state.sampling.params.temperature = 0.0;
        let mut screen = Self {
            state,
            engine,
            events,
            now_ms: 0,
        };
        let effects = app::start(&mut screen.state, ModelSource::Demo, 0);
        screen.perform(effects);
        screen.until(|state| state.model.ready().is_some());
        screen
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Engine(command) = effect {
                self.engine.try_send(command).unwrap();
            }
        }
    }

    fn act(&mut self, action: Action) {
        self.now_ms += 10;
        let effects = app::update(&mut self.state, action, self.now_ms);
        self.perform(effects);
    }

    fn until(&mut self, is_wanted: impl Fn(&State) -> bool) {
        while !is_wanted(&self.state) {
            let event = self.events.blocking_recv().unwrap();
            let effects = app::apply(&mut self.state, event, self.now_ms);
            self.perform(effects);
        }
    }

    fn ask(&mut self, text: &str) {
        self.state.focus = Focus::Composer;
        let effects = app::input(&mut self.state, Input::Paste(text.to_owned()), self.now_ms);
        self.perform(effects);
        self.act(Action::Send);
        self.until(|state| state.running.is_none());
    }

    /// Pays for a look at the pass that chose the token at a position.
    fn look(&mut self, position: usize) -> InsideView {
        self.state.popups.clear();
        self.state.map.token = TokenCursor::At(position);
        self.act(Action::LookInside);
        self.act(Action::Open);
        self.until(|state| {
            let view = state.inside.as_ref();
            view.is_some_and(|view| !matches!(view.progress, InsideState::Running(..)))
        });
        let view = self.state.inside.clone().unwrap();
        assert_eq!(view.progress, InsideState::Done);
        view
    }
}

#[test]
fn a_look_agrees_with_the_answer_and_with_the_library() {
    let mut screen = Screen::with_demo();
    screen.ask("2 + 3 =");
    let run = screen.state.shown_run().unwrap().clone();
    assert!(run.tokens.len() > 3, "{run:?}");
    let model = GptOss::demo().unwrap();
    for (index, token) in run.tokens.iter().enumerate() {
        let position = run.prompt.len() + index;
        let view = screen.look(position);
        let found = &view.report.as_ref().unwrap().inspection;
        let last = found.lens.last().unwrap();
        assert_eq!(last.top[0].id, token.top_logprobs[0].id, "token {index}");
        assert_eq!(last.target.unwrap().id, token.id);
        let recorded = token.logprob.unwrap().exp();
        let shown = last.target.unwrap().probability;
        assert!((recorded - shown).abs() < 1e-3, "{recorded} and {shown}");
        assert_eq!(view.settled().unwrap().0, token.id, "the greedy choice");
        let options = InspectOptions {
            target: Some(token.id),
            head: Some(
                view.report
                    .as_ref()
                    .unwrap()
                    .inspection
                    .head
                    .as_ref()
                    .unwrap()
                    .index,
            ),
            ..InspectOptions::default()
        };
        let expected = model.inspect(&view.subject.ids, &options).unwrap();
        for (layer, expected) in found.sinks.iter().zip(&expected.sinks) {
            assert_close("sinks", &layer.shares, &expected.shares, ATTENTION_SHARES);
        }
        assert_eq!(found.sinks.len(), expected.sinks.len());
    }
}
