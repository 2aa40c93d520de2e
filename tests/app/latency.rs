//! The loop itself, with a terminal in memory: it never waits for the engine, and idle it sleeps.

use std::io;
use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use gptoss::app::viewport::Viewport;
use gptoss::app::{self, State};
use gptoss::engine::protocol::ModelSource;
use gptoss::engine::scripted::{Gate, Pacing, Script, ScriptedBackend};
use gptoss::engine::start;
use gptoss::log_ring::LogRing;
use gptoss::tui::{
    Clock, Counts, Effects, Files, Keys, Painter, Rates, Screen, Setup, Stop, UiPainter, run,
};
use gptoss::ui::theme::{Backdrop, Theme};
use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const SCRIPT: &str = r#"{"type":"model","name":"play","origin":"scripted","layers":["sliding","full"],"num_local_experts":4,"num_experts_per_tok":2,"vocab_size":100,"max_context_tokens":4096,"sliding_window_tokens":128,"weights_bytes":1000,"dtype":"none","device":"script","load_ms":0.0}
{"type":"turn"}
{"type":"token","id":1,"text":"a ","ms":10}
{"type":"pause"}
{"type":"token","id":2,"text":"b ","ms":10}"#;

/// What a drawn frame showed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    draft: String,
    is_ready: bool,
    is_predicted: bool,
    generated_tokens: Option<usize>,
}

/// Draws as the program does, and tells what was drawn.
struct Watched {
    inner: UiPainter,
    seen: UnboundedSender<Seen>,
}

impl Painter for Watched {
    fn paint(&mut self, frame: &mut Frame<'_>, state: &State) -> Viewport {
        let viewport = self.inner.paint(frame, state);
        let seen = Seen {
            draft: state.composer.text(),
            is_ready: state.model.ready().is_some(),
            is_predicted: state.prediction.is_some(),
            generated_tokens: state
                .running
                .as_ref()
                .map(|running| running.generated_tokens),
        };
        let _ = self.seen.send(seen);
        viewport
    }

    fn set_theme(&mut self, name: &str) -> Result<(), String> {
        self.inner.set_theme(name)
    }

    fn set_backdrop(&mut self, backdrop: Backdrop) -> bool {
        self.inner.set_backdrop(backdrop)
    }
}

/// A terminal without modes.
struct NoScreen;

impl Screen for NoScreen {
    fn take(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn give_back(&mut self) {}
    fn set_mouse(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
    fn use_kitty_keys(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn copy(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn stop(&mut self, _: Stop) -> io::Result<()> {
        Ok(())
    }
}

/// The person in front of the loop.
struct Person {
    keys: UnboundedSender<TerminalEvent>,
    seen: UnboundedReceiver<Seen>,
}

impl Person {
    fn press(&self, code: KeyCode, modifiers: KeyModifiers) {
        let key = TerminalEvent::Key(KeyEvent::new(code, modifiers));
        self.keys.send(key).expect("the loop reads keys");
    }

    fn type_char(&self, character: char) {
        self.press(KeyCode::Char(character), KeyModifiers::NONE);
    }

    /// Waits for a frame that shows what is wanted.
    async fn see(&mut self, is_wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.seen.recv().await.expect("frames come");
            if is_wanted(&seen) {
                return seen;
            }
        }
    }

    fn leave(&self) {
        self.press(KeyCode::Char('q'), KeyModifiers::CONTROL);
    }
}

/// Runs the loop at 200x60 and lets `act` use it.
fn with_loop<A, F>(gate: &Gate, act: A) -> Counts
where
    A: FnOnce(Person) -> F,
    F: Future<Output = ()>,
{
    let script = Script::from_json_lines(SCRIPT).expect("a valid script");
    let (script, gate) = (std::sync::Arc::new(script), gate.clone());
    let mut engine = start(move || {
        ScriptedBackend::new(script.clone(), Pacing::Immediate).with_gate(gate.clone())
    })
    .expect("a thread");
    let events = engine.take_events().expect("taken once");
    let telemetry = engine.telemetry();
    let mut state = State {
        seed_state: 7,
        size: (200, 60),
        ..State::default()
    };
    let effects = app::start(&mut state, ModelSource::Demo, 0);
    let (keys, mut key_receiver) = unbounded_channel();
    let (seen_sender, seen) = unbounded_channel();
    let (outcome_sender, outcomes) = unbounded_channel();
    let (_signals, signal_receiver) = unbounded_channel();
    let painter = UiPainter::new(
        Box::new(|_, _| Ok(Theme::default())),
        "dark",
        Backdrop::Dark,
        gptoss::ui::Options::default(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let setup = Setup {
        clock: Clock::since(Instant::now()),
        state,
        effects,
        terminal: Terminal::new(TestBackend::new(200, 60)).expect("memory"),
        screen: Box::new(NoScreen),
        painter: Box::new(Watched {
            inner: painter.expect("a theme"),
            seen: seen_sender,
        }),
        keyboard: Box::new(move || -> Keys {
            let (_, none) = unbounded_channel();
            let mut receiver = std::mem::replace(&mut key_receiver, none);
            Box::pin(futures_util::stream::poll_fn(move |context| {
                receiver.poll_recv(context).map(|key| key.map(Ok))
            }))
        }),
        early_keys: None,
        rates: Rates {
            max_fps: 30,
            map_fps: 10,
        },
        signals: signal_receiver,
        events,
        telemetry,
        performer: Effects::new(
            engine,
            Files::default(),
            None,
            LogRing::default(),
            outcome_sender,
        ),
        outcomes,
    };
    runtime.expect("a runtime").block_on(async {
        let (ended, ()) = tokio::join!(run(setup), act(Person { keys, seen }));
        ended.exit.expect("memory can be drawn on");
        drop(ended.events);
        ended.performer.finish();
        ended.counts
    })
}

#[test]
fn keys_reach_the_screen_while_the_engine_is_stuck_in_a_step() {
    let gate = Gate::default();
    let opened = gate.clone();
    with_loop(&gate, async move |mut person: Person| {
        person.see(|seen| seen.is_ready).await;
        person.type_char('x');
        person.press(KeyCode::Enter, KeyModifiers::NONE);
        person.see(|seen| seen.generated_tokens == Some(1)).await;
        // From here on the engine computes one token that does not end before the gate opens.
        let mut times = Vec::new();
        for count in 1..=60 {
            let pressed = Instant::now();
            person.type_char('k');
            let seen = person.see(|seen| seen.draft.len() == count).await;
            times.push(pressed.elapsed());
            assert_eq!(seen.generated_tokens, Some(1), "the engine is still stuck");
        }
        times.sort();
        println!(
            "key to frame at 200x60, engine stuck: median {:?}, longest {:?}",
            times[times.len() / 2],
            times[times.len() - 1]
        );
        opened.open();
        person.see(|seen| seen.generated_tokens != Some(1)).await;
        person.leave();
    });
}

#[test]
fn an_idle_program_neither_draws_nor_wakes_up() {
    let gate = Gate::default();
    let count = |idle: Duration| {
        with_loop(&gate, async move |mut person: Person| {
            person.see(|seen| seen.is_ready).await;
            // Notices of the start have gone and the empty draft has been predicted by then.
            tokio::time::sleep(Duration::from_millis(1_500) + idle).await;
            person.leave();
        })
    };
    let (without, with) = (count(Duration::ZERO), count(Duration::from_secs(2)));
    println!("idle: {without:?}; two seconds longer: {with:?}");
    // How the events of the start fall together differs by a few; the slowest tick that the loop has
    // would add twenty in two seconds.
    assert!(with.wakes < without.wakes + 8, "{without:?}, {with:?}");
    assert!(with.frames < without.frames + 8, "{without:?}, {with:?}");
}
