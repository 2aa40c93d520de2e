//! Without a subcommand: the full-screen playground, or its lines where there is no screen.
//!
//! Puts the parts together: settings become the first state, an engine is started, and the loop of
//! `gptoss::tui` runs until the person leaves.

mod deliberate;
mod first_state;
mod looks;

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gptoss::app::traces::OpenTrace;
use gptoss::app::{self, Effect, SessionRequest, State};
use gptoss::catalog::Places;
use gptoss::engine::protocol::ModelSource;
use gptoss::engine::scripted::{Pacing, Script, ScriptedBackend};
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};
use gptoss::engine::{self, EngineHandle, MlxBackend};
use gptoss::session::{SessionFolder, SessionId, StoreError, Tree};
use gptoss::settings::dirs::{self, Dirs};
use gptoss::settings::{ModelChoice, Resume, Settings};
use gptoss::trace_file::{Comparison, TraceFile};
use gptoss::tui::{
    self, Clock, Effects, Exit, Files, FrameWriter, Keys, Outcome, Panicked, PlainSetup, Rates,
    Setup, TerminalGuard, TraceDigests, UiPainter,
};
use gptoss::{meters, ui};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;

use super::args::{Cli, PlaygroundArgs, SessionArg, SyntheticShape};
use super::exit::CliError;
use super::{diff, logging};

pub(super) use first_state::keymap;

/// How often load and power are read.
const METER_INTERVAL: Duration = Duration::from_secs(1);

/// How long each token of the synthetic engine takes.
const SYNTHETIC_TOKEN: Duration = Duration::from_millis(25);

/// Opens the playground.
pub(super) fn run(cli: &Cli, settings: &Settings, dirs: Option<&Dirs>) -> Result<(), CliError> {
    let clock = Clock::since(Instant::now());
    let args = &cli.playground;
    let mut state = first_state::of(settings, dirs, clock)?;
    let has_screen = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let files = files(settings, dirs, args);
    let (engine, source) = engine(args, settings)?;
    let effects = if let Some(path) = &args.replay {
        replay(&mut state, path, args.against.as_deref())?
    } else {
        let mut effects = vec![Effect::Session(session(args, settings, &files, &state)?)];
        effects.extend(app::start(&mut state, source, clock.now_ms()));
        effects.extend(args.profile.clone().map(Effect::ReadProfile));
        effects
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the event loop: {error}")))?;
    if settings.ui.plain || !has_screen {
        let exit = runtime.block_on(lines(clock, state, effects, engine, files));
        return exit.and_then(left);
    }
    // Where nothing can be written the report is only the message.
    let reports = dirs.map(|dirs| dirs.state.clone());
    tui::install_hook(reports.filter(|folder| dirs::ensure_writable(folder).is_ok()));
    let exit = tui::guarded(|| {
        runtime.block_on(full_screen(
            clock, state, effects, engine, files, settings, dirs,
        ))
    });
    left(exit.map_err(panicked)??)
}

/// What a way of leaving means outside.
fn left(exit: Exit) -> Result<(), CliError> {
    match exit {
        Exit::Quit => Ok(()),
        Exit::Signal(signal) => Err(CliError::Interrupted {
            signal: signal.number(),
        }),
    }
}

/// A trace in place of a session and a model.
fn replay(state: &mut State, path: &Path, against: Option<&Path>) -> Result<Vec<Effect>, CliError> {
    let opened = OpenTrace {
        path: path.to_owned(),
        name: diff::name(path),
        trace: Arc::new(TraceFile::open(path)?),
    };
    let comparison = match against {
        None => None,
        Some(other) => {
            let found = (&*diff::name(other), &TraceFile::open(other)?);
            let found = Comparison::of((&opened.name, &opened.trace), found);
            Some(Arc::new(found.map_err(CliError::usage)?))
        }
    };
    app::replay::open(state, &opened, comparison);
    Ok(Vec::new())
}

/// What is told of a bug that took the screen.
fn panicked(panicked: Panicked) -> CliError {
    let error = CliError::failed(format!(
        "the program failed, which is a bug: {}",
        panicked.message
    ));
    match panicked.report {
        Some(path) => error.hint(format!("the report is in {}", path.display())),
        None => error.hint("no report could be written; GPTOSS_LOG=FILE keeps a log"),
    }
}

async fn full_screen(
    clock: Clock,
    state: State,
    effects: Vec<Effect>,
    mut engine: EngineHandle,
    files: Files,
    settings: &Settings,
    dirs: Option<&Dirs>,
) -> Result<Exit, CliError> {
    let failed =
        |error: std::io::Error| CliError::failed(format!("the terminal cannot be used: {error}"));
    let looks = looks::Looks::new(settings, dirs);
    let options = ui::Options {
        layout: looks.layout(),
    };
    let painter = UiPainter::new(
        looks.into_make(),
        &state.preferences.theme,
        looks::guess_backdrop(),
        options,
    )
    .map_err(CliError::usage)?;
    let (sender, outcomes) = mpsc::unbounded_channel();
    let signals = tui::listen().map_err(failed)?;
    let events = engine
        .take_events()
        .ok_or_else(|| CliError::failed("the engine's events were taken already"))?;
    let telemetry = engine.telemetry();
    let guard = TerminalGuard::new(settings.ui.mouse, native_output(dirs)).map_err(failed)?;
    let answers = sender.clone();
    let early_keys = tui::ask_terminal(move |answer| {
        let _ = answers.send(Outcome::Terminal(answer));
    });
    let backend = CrosstermBackend::new(FrameWriter::new(settings.ui.synchronized_updates));
    let mut terminal = Terminal::new(backend).map_err(failed)?;
    let mut state = state;
    let size = terminal.size().map_err(failed)?;
    state.size = (size.width, size.height);
    terminal.hide_cursor().map_err(failed)?;
    let performer = Effects::new(
        engine,
        files,
        meters::start(METER_INTERVAL),
        logging::ring(),
        sender,
    );
    ui::markdown::preload();
    let setup = Setup {
        clock,
        state,
        effects,
        terminal,
        screen: Box::new(guard),
        painter: deliberate::wrap(Box::new(painter)),
        keyboard: Box::new(|| -> Keys { Box::pin(crossterm::event::EventStream::new()) }),
        early_keys,
        rates: Rates {
            max_fps: settings.ui.max_fps,
            map_fps: settings.ui.map_fps,
        },
        signals,
        events,
        telemetry,
        performer,
        outcomes,
    };
    let ended = Box::pin(tui::run(setup)).await;
    // The engine's last words would wait for a reader.
    drop(ended.events);
    ended.performer.finish();
    ended.exit.map_err(failed)
}

/// The playground as lines, for screen readers and pipes.
async fn lines(
    clock: Clock,
    state: State,
    effects: Vec<Effect>,
    mut engine: EngineHandle,
    files: Files,
) -> Result<Exit, CliError> {
    let failed =
        |error: std::io::Error| CliError::failed(format!("cannot write the answer: {error}"));
    let (sender, outcomes) = mpsc::unbounded_channel();
    let setup = PlainSetup {
        clock,
        state,
        effects,
        signals: tui::listen().map_err(failed)?,
        events: engine
            .take_events()
            .ok_or_else(|| CliError::failed("the engine's events were taken already"))?,
        telemetry: engine.telemetry(),
        performer: Effects::new(engine, files, None, logging::ring(), sender),
        outcomes,
    };
    let ended = tui::run_plain(setup, &mut std::io::stdout())
        .await
        .map_err(failed)?;
    ended.performer.finish();
    if ended.is_without_model && ended.exit == Exit::Quit {
        return Err(CliError::failed("there was no model to answer"));
    }
    Ok(ended.exit)
}

/// Where native libraries' messages go while the screen is in use.
fn native_output(dirs: Option<&Dirs>) -> Option<File> {
    let folder = &dirs?.state;
    dirs::ensure_writable(folder).ok()?;
    File::options()
        .create(true)
        .append(true)
        .open(folder.join("native-output.log"))
        .ok()
}

fn files(settings: &Settings, dirs: Option<&Dirs>, args: &PlaygroundArgs) -> Files {
    let current = std::env::current_dir().unwrap_or_default();
    let mut places = Places::usual(dirs.map(|dirs| dirs.home.as_path()));
    places.arguments.extend(args.model.clone());
    let expanded = settings.model.folders.iter().map(|folder| match dirs {
        Some(dirs) => dirs.expand(folder),
        None => folder.clone(),
    });
    places.folders.extend(expanded);
    places.current.get_or_insert_with(|| current.clone());
    let data = dirs.map(|dirs| dirs.data.clone());
    let folder = dirs.map(|dirs| dirs.sessions(&settings.session.folder));
    let traces = folder.as_ref().map(|folder| folder.join("traces"));
    let sessions = folder.filter(|_| settings.session.autosave);
    Files {
        sessions: sessions.map(SessionFolder::new),
        traces,
        digests: Some(digests),
        history: data.as_ref().map(|data| data.join("history.jsonl")),
        presets: data.map(|data| data.join("presets.json")),
        current,
        places,
        editor: settings.ui.editor.clone(),
    }
}

/// What tells a model's files apart, without loading it.
fn digests(source: &ModelSource) -> Result<TraceDigests, String> {
    let source = match source {
        ModelSource::Directory(folder) => gptoss::ModelSource::Directory(folder.clone()),
        ModelSource::Demo => gptoss::ModelSource::Demo,
        _ => return Err("this model has no files".to_owned()),
    };
    let checkpoint = gptoss::open(&source).map_err(|error| error.to_string())?;
    let tokenizer = gptoss::open_tokenizer(&source, checkpoint.config().vocab_size);
    Ok(TraceDigests {
        weights: checkpoint.weights_digest(),
        // Without one there are only ids.
        tokenizer: tokenizer.map_or_else(|_| String::new(), |tokenizer| tokenizer.digest()),
    })
}

/// The session to begin with.
fn session(
    args: &PlaygroundArgs,
    settings: &Settings,
    files: &Files,
    state: &State,
) -> Result<SessionRequest, CliError> {
    let tree = || {
        let mut tree = Tree::default();
        tree.set_initial_framing(state.session.tree.framing().clone());
        Box::new(tree)
    };
    let open = |id| SessionRequest::OpenOrBegin { id, tree: tree() };
    let new = || SessionRequest::New(tree());
    let latest = || files.sessions.as_ref().and_then(SessionFolder::latest);
    Ok(match (&args.session, settings.session.resume) {
        (Some(SessionArg::Named(name)), _) => open(named(name, files.sessions.as_ref())?),
        (Some(SessionArg::Last), _) | (None, Resume::Last) => latest().map_or_else(new, open),
        (Some(SessionArg::New), _) | (None, Resume::New) => new(),
    })
}

/// The session of this name, if it can be read; it is opened later.
fn named(name: &str, folder: Option<&SessionFolder>) -> Result<SessionId, CliError> {
    let unknown =
        || CliError::usage(format!("there is no session \"{name}\"")).hint("Ctrl+S lists them");
    let id = SessionId::new(name).ok_or_else(unknown)?;
    match folder.ok_or_else(unknown)?.check(&id) {
        Ok(()) => Ok(id),
        Err(StoreError::Unknown(_)) => Err(unknown()),
        Err(error) => Err(CliError::failed(error.to_string())),
    }
}

fn engine(
    args: &PlaygroundArgs,
    settings: &Settings,
) -> Result<(EngineHandle, ModelSource), CliError> {
    let started = if args.replay.is_some() {
        // Nobody asks it for anything.
        engine::start(|| SyntheticBackend::new(SyntheticModel::gpt_oss_20b()))
    } else if let Some(shape) = args.synthetic {
        let model = match shape {
            SyntheticShape::Small => SyntheticModel::gpt_oss_20b(),
            SyntheticShape::Large => SyntheticModel::gpt_oss_120b(),
        };
        let model = SyntheticModel {
            time_per_token: SYNTHETIC_TOKEN,
            ..model
        };
        engine::start(move || SyntheticBackend::new(model))
    } else if let Some(path) = &args.replay_script {
        let text = std::fs::read_to_string(path).map_err(|error| {
            CliError::failed(format!("cannot read {}: {error}", path.display()))
        })?;
        let script = Script::from_json_lines(&text)
            .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
        let script = Arc::new(script);
        engine::start(move || ScriptedBackend::new(Arc::clone(&script), Pacing::Times(1.0)))
    } else {
        engine::start(MlxBackend::default)
    };
    let handle = started.map_err(|error| CliError::failed(error.to_string()))?;
    let source = match (&args.model, &settings.model.default) {
        (Some(path), _) | (None, ModelChoice::Path(path)) => ModelSource::Directory(path.clone()),
        (None, ModelChoice::Demo) => ModelSource::Demo,
    };
    Ok((handle, source))
}
