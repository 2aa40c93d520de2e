//! Everything that the screen shows and that keys change.

use std::collections::VecDeque;

use super::ablation::AblationView;
use super::arrivals::Arrivals;
use super::chat::ChatView;
use super::composer::Composer;
use super::figures::LastCard;
use super::inside::InsideView;
use super::keymap::Keymap;
use super::map::{MapCells, MapView};
use super::meters::Meters;
use super::models::FoundModels;
use super::popup::Popup;
use super::prediction::{Predicted, Prediction};
use super::profile::ProfileView;
use super::recording::Recording;
use super::replay::Replay;
use super::run::Runs;
use super::sampling::SamplingPanel;
use super::summary::Summing;
use super::token_lab::TokenLab;
use super::traces::Following;
use super::viewport::Viewport;
use crate::engine::protocol::{
    ErrorReport, LoadOptions, LoadProgress, ModelSource, ModelSummary, RequestId, Telemetry,
};
use crate::harmony::ReasoningEffort;
use crate::intervention::Interventions;
use crate::log_ring::LogLine;
use crate::session::{Access, NodeId, SessionId, Tree};

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Focus {
    /// The text being written.
    #[default]
    Composer,
    /// The transcript.
    Chat,
    /// The map of experts.
    Experts,
    /// The token under the cursor.
    Tokens,
    /// Memory, caches, speed.
    Memory,
    /// The sampling panel.
    Sampler,
    /// The log.
    Log,
}

/// What fills the screen, or its right part where there is room for two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum View {
    /// The chat; beside it everything at once where there is room.
    #[default]
    Chat,
    /// The map of experts.
    Experts,
    /// The token under the cursor.
    Tokens,
    /// Memory, caches, speed.
    Memory,
    /// The log.
    Log,
}

impl View {
    /// All, in the order of their keys.
    pub const ALL: [Self; 5] = [
        Self::Chat,
        Self::Experts,
        Self::Tokens,
        Self::Memory,
        Self::Log,
    ];

    /// The tab's word.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Chat => "Chat",
            Self::Experts => "Experts",
            Self::Tokens => "Tokens",
            Self::Memory => "Memory",
            Self::Log => "Log",
        }
    }

    /// The pane that a view is about.
    pub const fn focus(self) -> Focus {
        match self {
            Self::Chat => Focus::Chat,
            Self::Experts => Focus::Experts,
            Self::Tokens => Focus::Tokens,
            Self::Memory => Focus::Memory,
            Self::Log => Focus::Log,
        }
    }
}

/// Where on the screen the keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What has them.
    pub focus: Focus,
    /// What fills the screen.
    pub view: View,
    /// Whether the focused pane has the whole screen.
    pub is_zoomed: bool,
}

/// The model, from asking for it to using it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ModelStatus {
    /// None was asked for.
    #[default]
    None,
    /// It is being loaded.
    Loading {
        /// The load.
        request: RequestId,
        /// What is loaded.
        source: ModelSource,
        /// How far it is.
        progress: Option<LoadProgress>,
    },
    /// It can be used.
    Ready(ModelSummary),
    /// It could not be loaded, or the engine crashed with it.
    Failed {
        /// What was to be loaded.
        source: ModelSource,
        /// Which of the two.
        failure: ModelFailure,
        /// Why.
        report: ErrorReport,
    },
}

/// How a model was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelFailure {
    /// It could not be loaded.
    Load,
    /// The engine crashed with it.
    Crash,
}

impl ModelFailure {
    /// What happened to the model, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Load => "could not be loaded",
            Self::Crash => "was lost when the engine crashed",
        }
    }
}

impl ModelStatus {
    /// The model that can be used.
    pub fn ready(&self) -> Option<&ModelSummary> {
        match self {
            Self::Ready(summary) => Some(summary),
            _ => None,
        }
    }
}

/// The session that is open.
#[derive(Debug, Clone, Default)]
pub struct SessionState {
    /// Its name on disk; none before it was begun there.
    pub id: Option<SessionId>,
    /// The conversation.
    pub tree: Tree,
    /// Whether changes reach the disk.
    pub access: Access,
    /// Why changes do not reach the disk just now.
    pub trouble: Option<String>,
}

/// An answer that is being generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// The generation.
    pub request: RequestId,
    /// The answer.
    pub node: NodeId,
    /// When it was asked for.
    pub asked_ms: u64,
    /// When the first token came.
    pub first_token_ms: Option<u64>,
    /// Prompt tokens in the cache, and in all; none before the engine took it up.
    pub prefill: Option<(usize, usize)>,
    /// Prompt tokens that were in the cache before.
    pub reused_tokens: usize,
    /// Whether stopping was asked for.
    pub is_stopping: bool,
    /// Whether the answer is wanted at once when this one has stopped.
    pub then_answer: bool,
    /// Tokens generated by this request.
    pub generated_tokens: usize,
    /// Answer tokens that were there before this request.
    pub base_tokens: usize,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Something was done.
    Info,
    /// Something needs attention.
    Warning,
    /// Something went wrong.
    Error,
}

/// A line in the status bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// One or two lines.
    pub text: String,
    /// How much it matters.
    pub level: Level,
    /// When it goes away.
    pub until_ms: u64,
}

/// What the person set up that the state needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// How models are loaded.
    pub load: LoadOptions,
    /// The effort of the next answer.
    pub effort: ReasoningEffort,
    /// Whether routing is recorded.
    pub record_routing: bool,
    /// Alternatives recorded with each token; 0 records none.
    pub top_logprobs: u8,
    /// The theme's name.
    pub theme: String,
    /// The names of all themes, in the order of the key.
    pub themes: Vec<String>,
    /// How the map's cells are drawn.
    pub map_cells: MapCells,
    /// Lines that a notch of the wheel scrolls.
    pub wheel_lines: u16,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            load: LoadOptions::default(),
            effort: ReasoningEffort::default(),
            record_routing: true,
            top_logprobs: 10,
            theme: "auto".to_owned(),
            themes: vec!["auto".to_owned()],
            map_cells: MapCells::Auto,
            wheel_lines: 3,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What the person set up.
    pub preferences: Preferences,
    /// The bindings.
    pub keymap: Keymap,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// What fills the screen.
    pub view: View,
    /// What has the keys, below popups.
    pub focus: Focus,
    /// Whether the focused pane has the whole screen.
    pub is_zoomed: bool,
    /// Whether the sampling panel is open.
    pub is_sampler_open: bool,
    /// Whether the mouse is captured.
    pub is_mouse_on: bool,
    /// The model.
    pub model: ModelStatus,
    /// The session.
    pub session: SessionState,
    /// The chat pane.
    pub chat: ChatView,
    /// The answer being generated.
    pub running: Option<Running>,
    /// Records of the latest answers.
    pub runs: Runs,
    /// Tokens that the newest record has not taken in yet.
    pub arrivals: Arrivals,
    /// The text being written.
    pub composer: Composer,
    /// Where the keys went before they went to it.
    pub before_composer: Option<Place>,
    /// Messages sent before, the newest last, and where Up has got to.
    pub history: History,
    /// The sampling panel.
    pub sampling: SamplingPanel,
    /// How the experts' choice is changed; forgotten with the model.
    pub interventions: Interventions,
    /// Whether answers are written to trace files.
    pub recording: Recording,
    /// The trace that is shown in place of a model's work.
    pub replay: Option<Replay>,
    /// The chat that a replay was opened over; it goes on unseen.
    pub behind: Option<Box<State>>,
    /// The answer that is given the experts of a trace.
    pub following: Option<Following>,
    /// The summary that is being written.
    pub summing: Option<Summing>,
    /// The latest comparison of two runs.
    pub ablation: Option<AblationView>,
    /// The token pane.
    pub token_lab: TokenLab,
    /// The latest look inside the model.
    pub inside: Option<InsideView>,
    /// The profile of a prompt set that is open.
    pub profile: Option<ProfileView>,
    /// The map pane.
    pub map: MapView,
    /// The expert's card that was made last.
    pub last_card: LastCard,
    /// Figures over time.
    pub meters: Meters,
    /// The engine's latest snapshot.
    pub telemetry: Telemetry,
    /// The snapshot that is shown while things are held still.
    pub frozen_telemetry: Option<Telemetry>,
    /// What the engine predicted last; none while an answer is being generated.
    pub prediction: Option<Prediction>,
    /// What a prediction was asked for.
    pub predicted_for: Predicted,
    /// Lists and questions over the screen.
    pub popups: Vec<Popup>,
    /// The status bar's line.
    pub notice: Option<Notice>,
    /// Until when a second Ctrl+C leaves.
    pub quit_armed_until_ms: Option<u64>,
    /// Models found on disk.
    pub models: FoundModels,
    /// The bytes that the device may use, as the engine told last; 0 before it did.
    pub memory_limit_bytes: u64,
    /// The log's latest lines.
    pub log: Vec<LogLine>,
    /// Lines that the log is scrolled up from its end.
    pub log_scroll: usize,
    /// The newest request's id.
    pub newest_request: RequestId,
    /// The newest draw of a seed; the shell begins it with something random.
    pub seed_state: u64,
    /// The wall clock when the program's own clock was 0, in milliseconds since 1970.
    pub started_wall_ms: u64,
    /// The model that was asked for last.
    pub loaded_source: Option<ModelSource>,
    /// The draft and since when it is unchanged.
    pub resting: (String, u64),
    /// What was drawn last.
    pub viewport: Viewport,
    /// The time of the latest input, on the program's clock.
    pub now_ms: u64,
}

/// Messages sent before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The messages, the newest last.
    pub entries: VecDeque<String>,
    /// How many steps back the composer shows; 0 is the draft.
    pub steps_back: usize,
    /// The draft that was being written before going back.
    pub draft: String,
}

impl State {
    /// Gives the keys to the composer, and remembers who had them.
    pub(super) fn enter_composer(&mut self) {
        if self.focus != Focus::Composer {
            self.before_composer = Some(Place {
                focus: self.focus,
                view: self.view,
                is_zoomed: self.is_zoomed,
            });
        }
        self.focus = Focus::Composer;
    }

    /// Gives the keys back to whoever had them before the composer, where that is still open; else to
    /// the chat.
    pub(super) fn leave_composer(&mut self) {
        let before = self.before_composer.take();
        let is_open = |place: &Place| place.focus != Focus::Sampler || self.is_sampler_open;
        match before.filter(is_open) {
            Some(place) => {
                self.focus = place.focus;
                self.view = place.view;
                self.is_zoomed = place.is_zoomed;
            }
            None => self.focus = Focus::Chat,
        }
    }
}
