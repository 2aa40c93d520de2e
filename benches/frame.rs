//! Times whole frames: `cargo bench --no-default-features --bench frame [FILTER]`.
//!
//! A synthetic model streams a long answer of headings, lists, tables and code after two long
//! ones, with routing and alternatives recorded and every pane that fits on screen. Measured is what
//! [`gptoss::ui::draw`] takes, with the terminal's comparison of two frames: after one more token, and
//! after a change of size. The goal is 5 ms at 200 columns by 60 rows. Before criterion's figures, a
//! table shows frames and tokens' bookkeeping at 100, 5,000 and 20,000 tokens, which should be flat.

#[allow(
    dead_code,
    clippy::panic,
    reason = "the tests' rig: only a part of it is needed here, and it may fail as tests do"
)]
#[path = "../tests/app/rig.rs"]
mod rig;

use criterion::Criterion;
use gptoss::app::{Action, Focus, Input};
use gptoss::engine::synthetic::SyntheticModel;
use gptoss::ui::Cache;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rig::Rig;
use std::time::{Duration, Instant};

const LARGE: (u16, u16) = (200, 60);
const SMALL: (u16, u16) = (80, 24);
const SIZES_TOKENS: [usize; 3] = [100, 5_000, 20_000];
const ANSWER_TOKENS: usize = 25_000;
/// At most a quarter of a synthetic answer is analysis: here it writes Markdown.
const PAST_ANALYSIS_TOKENS: usize = 7_000;
/// Frames that a figure of the table is the mean of.
const FRAMES: u32 = 100;

fn main() {
    // Without it this is a test run, which only looks whether everything runs.
    if std::env::args().any(|arg| arg == "--bench") {
        table();
    }
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (name, model) in [
        ("20b", SyntheticModel::gpt_oss_20b()),
        ("120b", SyntheticModel::gpt_oss_120b()),
    ] {
        let mut bench = FrameBench::new(model, PAST_ANALYSIS_TOKENS);
        for size in [LARGE, SMALL] {
            let label = format!("{name}/{}x{}", size.0, size.1);
            bench.resize(size);
            bench.draw();
            criterion.bench_function(&format!("one token more/{label}"), |bencher| {
                bencher.iter_custom(|frames| bench.streaming(frames));
            });
            criterion.bench_function(&format!("after a resize/{label}"), |bencher| {
                bencher.iter_custom(|frames| (0..frames).map(|_| bench.resized(size)).sum());
            });
        }
    }
    criterion.final_summary();
}

fn table() {
    println!("20b, 200x60      frame    bookkeeping of a token");
    let mut bench = FrameBench::new(SyntheticModel::gpt_oss_20b(), SIZES_TOKENS[0]);
    bench.resize(LARGE);
    for tokens in SIZES_TOKENS {
        bench.rig.tokens(tokens);
        bench.draw();
        let mut update = Duration::ZERO;
        let frame: Duration = (0..FRAMES)
            .map(|_| {
                update += bench.one_token_more();
                bench.draw()
            })
            .sum();
        println!(
            "{tokens:>6} tokens  {:>9.3?}  {:>9.3?}",
            frame / FRAMES,
            update / FRAMES
        );
    }
}

/// A program in the middle of an answer, and a terminal in memory.
struct FrameBench {
    rig: Rig,
    cache: Cache,
    terminal: Terminal<TestBackend>,
}

impl FrameBench {
    /// With two long answers before the one that is being written, all analyses unfolded.
    fn new(model: SyntheticModel, tokens: usize) -> Self {
        let mut rig = Rig::with(SyntheticModel {
            answer_tokens: Some(ANSWER_TOKENS),
            ..model
        });
        for _ in 0..2 {
            ask(&mut rig);
            rig.tokens(PAST_ANALYSIS_TOKENS);
            rig.press("ctrl-c");
            rig.settle();
        }
        // Figures for the meters.
        rig.drain();
        rig.state.is_sampler_open = true;
        ask(&mut rig);
        rig.tokens(tokens);
        rig.act(Action::FoldAll);
        let terminal = Terminal::new(TestBackend::new(LARGE.0, LARGE.1)).expect("in memory");
        Self {
            rig,
            cache: Cache::default(),
            terminal,
        }
    }

    fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.rig.input(Input::Resize { columns, rows });
        self.terminal.backend_mut().resize(columns, rows);
        self.terminal.autoresize().expect("in memory");
    }

    /// Takes one more token of the answer, and begins another answer where it has ended.
    fn one_token_more(&mut self) -> Duration {
        let Some(running) = &self.rig.state.running else {
            ask(&mut self.rig);
            self.rig.tokens(PAST_ANALYSIS_TOKENS);
            return Duration::ZERO;
        };
        let wanted = running.generated_tokens + 1;
        let start = Instant::now();
        self.rig.tokens(wanted);
        start.elapsed()
    }

    fn streaming(&mut self, frames: u64) -> Duration {
        let frame = |_| {
            self.one_token_more();
            self.draw()
        };
        (0..frames).map(frame).sum()
    }

    /// A frame at another width in between, so that nothing laid out for `size` is left.
    fn resized(&mut self, size: (u16, u16)) -> Duration {
        self.resize((size.0 - 1, size.1));
        self.draw();
        self.resize(size);
        self.draw()
    }

    fn draw(&mut self) -> Duration {
        let (state, theme, cache) = (&self.rig.state, &self.rig.theme, &mut self.cache);
        let mut viewport = None;
        let start = Instant::now();
        self.terminal
            .draw(|frame| viewport = Some(gptoss::ui::draw(frame, state, theme, cache)))
            .expect("in memory");
        let elapsed = start.elapsed();
        if let Some(viewport) = viewport {
            self.rig.state.set_viewport(viewport);
        }
        elapsed
    }
}

fn ask(rig: &mut Rig) {
    rig.state.focus = Focus::Composer;
    rig.type_text("write at length");
    rig.press("enter");
}
