//! The map's figures against the file that `trace` writes of the same tokens.
//!
//! Here and not among the tests of the process: those fork to make terminals, and a fork stops the threads of
//! OpenBLAS, for which an engine in the same process would wait without end.

use std::process::Command;

use gptoss::analytics::{Measure, Selection};
use gptoss::app::{self, Effect, Input, Key, State};
use gptoss::engine::protocol::ModelSource;
use gptoss::engine::{EngineHandle, EventReceiver, MlxBackend, start};
use gptoss::trace_file::TraceFile;

/// Weights of a prefill against those of a decode: the sums run in another order.
const WEIGHT_TOLERANCE: f64 = 1e-4;

/// The playground without a screen, on Pip.
struct Playground {
    state: State,
    engine: EngineHandle,
    events: EventReceiver,
}

impl Playground {
    fn open() -> Self {
        let mut engine = start(MlxBackend::default).expect("a thread");
        let events = engine.take_events().expect("taken once");
        let mut playground = Self {
            state: State::default(),
            engine,
            events,
        };
        let effects = app::start(&mut playground.state, ModelSource::Demo, 0);
        playground.perform(effects);
        playground.until(|state| state.model.ready().is_some());
        playground.state.sampling.params.temperature = 0.0;
        playground
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Engine(command) = effect {
                self.engine.try_send(command).expect("the engine listens");
            }
        }
    }

    fn until(&mut self, is_wanted: impl Fn(&State) -> bool) {
        while !is_wanted(&self.state) {
            let event = self.events.blocking_recv().expect("the engine runs");
            let effects = app::apply(&mut self.state, event, 0);
            self.perform(effects);
        }
    }

    fn ask(&mut self, text: &str) {
        for key in text.chars().map(Key::from_char).chain([Key::new("enter")]) {
            let effects = app::input(&mut self.state, Input::Key(key), 0);
            self.perform(effects);
        }
        self.until(|state| state.running.is_none());
    }
}

#[test]
fn the_map_shows_what_trace_writes() {
    let mut playground = Playground::open();
    playground.ask("What is 48 + 75?");
    let run = playground.state.shown_run().expect("an answer");
    let prompt = run.prompt.iter().map(|token| token.id);
    let ids: Vec<u32> = prompt
        .chain(run.tokens.iter().map(|token| token.id))
        .collect();

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.safetensors");
    let list = ids
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",");
    let output = Command::new(env!("CARGO_BIN_EXE_gptoss-tui"))
        .args(["trace", "--tokens", &list, "-n", "0", "-o"])
        .arg(&path)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let file = TraceFile::open(&path).expect("what was written");
    let shape = file.shape();

    // The newest token was never read by the model, so its routing is in the file alone.
    let known = run.log.tokens();
    let positions: Vec<usize> = known.iter().map(|token| token.position).collect();
    assert_eq!(positions, (0..ids.len() - 1).collect::<Vec<_>>());
    let (layers, experts) = (run.log.num_layers(), run.log.num_experts());
    let per_token = shape.num_experts_per_tok;
    let mut counts = vec![0.0; layers * experts];
    let mut sums = vec![0.0; layers * experts];
    let cells = known.len() * layers * per_token;
    let (chosen, weights) = (file.experts(), file.expert_weights());
    let choices = chosen[..cells].iter().zip(&weights[..cells]);
    for (place, (expert, weight)) in choices.enumerate() {
        let layer = place / per_token % layers;
        counts[layer * experts + *expert as usize] += 1.0;
        sums[layer * experts + *expert as usize] += f64::from(*weight);
    }
    let shown = |measure| run.log.grid(Selection::All, measure);
    let close = |shown: &gptoss::analytics::Grid, expected: &[f64], tolerance: f64| {
        for (layer, row) in shown.layers().enumerate() {
            for (expert, value) in row.iter().enumerate() {
                let expected = expected[layer * experts + expert];
                assert!(
                    (value - expected).abs() <= tolerance,
                    "L{layer}:E{expert}: {value}, {expected}"
                );
            }
        }
    };
    close(&shown(Measure::Count), &counts, 0.0);
    close(
        &shown(Measure::WeightSum),
        &sums,
        WEIGHT_TOLERANCE * known.len() as f64,
    );
    // One token's map is that token's row.
    for position in [0, known.len() / 2, known.len() - 1] {
        let row = position * layers * per_token..(position + 1) * layers * per_token;
        let routing = run.log.get(position).expect("recorded").routing.experts();
        assert_eq!(routing, &chosen[row], "position {position}");
    }
}
