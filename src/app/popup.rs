//! What lies over the screen.

use tui_input::Input;

use super::action::{Action, Context};
use super::models::ModelChoice;
use super::traces::{TraceChoice, TracePurpose};
use crate::intervention::Rule;
use crate::session::{NodeId, SessionInfo};

/// Something over the screen that takes the keys; the last one opened is on top.
#[derive(Debug, Clone)]
pub enum Popup {
    /// Keys and definitions.
    Help {
        /// The pane that it explains.
        context: Context,
        /// Lines scrolled.
        scroll: usize,
    },
    /// All actions by name.
    Palette(ListPopup<Action>),
    /// The sessions.
    Sessions(ListPopup<SessionInfo>),
    /// The models.
    Models(ListPopup<ModelChoice>),
    /// Presets of the sampling panel, by name.
    Presets(ListPopup<String>),
    /// Earlier messages.
    History(ListPopup<String>),
    /// Code blocks of an answer.
    Code {
        /// The blocks: language and source.
        list: ListPopup<CodeChoice>,
        /// What is done with the chosen one.
        purpose: CodePurpose,
    },
    /// All branches.
    Tree(ListPopup<TreeRow>),
    /// The rules for the experts' choice.
    Rules(ListPopup<Rule>),
    /// Recorded traces.
    Traces {
        /// Those in the folder, and another file.
        list: ListPopup<TraceChoice>,
        /// What is done with the chosen one.
        purpose: TracePurpose,
    },
    /// Two runs side by side.
    Ablation {
        /// Lines scrolled.
        scroll: usize,
    },
    /// What another trace does differently from the one that is replayed.
    Difference {
        /// Lines scrolled.
        scroll: usize,
    },
    /// A look inside the model.
    Inside,
    /// A profile of a prompt set.
    Profile,
    /// A line that asks for a text.
    Ask {
        /// What it is for.
        question: Question,
        /// What was typed.
        input: Input,
    },
    /// How to get gpt-oss-20b.
    HowTo {
        /// Lines scrolled.
        scroll: usize,
    },
    /// The engine crashed, or a model could not be loaded.
    Trouble {
        /// The heading.
        title: String,
        /// What is wrong and what to do, in lines.
        lines: Vec<String>,
        /// What the enter key does about it.
        remedy: Option<Action>,
    },
}

/// A list that is filtered while typing.
#[derive(Debug, Clone)]
pub struct ListPopup<T> {
    /// What was typed.
    pub input: Input,
    /// All entries.
    pub entries: Vec<T>,
    /// Indices of the entries that fit what was typed, the best first.
    pub shown: Vec<usize>,
    /// The selected one among those shown.
    pub selected: usize,
}

impl<T> ListPopup<T> {
    /// A list of all entries with the first one selected.
    pub fn new(entries: Vec<T>) -> Self {
        Self {
            input: Input::default(),
            shown: (0..entries.len()).collect(),
            entries,
            selected: 0,
        }
    }

    /// The selected entry.
    pub fn chosen(&self) -> Option<&T> {
        self.entries.get(*self.shown.get(self.selected)?)
    }

    /// Moves the selection, staying in the list.
    pub fn step(&mut self, by: i64) {
        let last = self.shown.len().saturating_sub(1) as i64;
        self.selected = (self.selected as i64).saturating_add(by).clamp(0, last) as usize;
    }

    /// The entries shown, in order.
    pub fn visible(&self) -> impl Iterator<Item = &T> {
        self.shown
            .iter()
            .filter_map(|index| self.entries.get(*index))
    }
}

/// A code block that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChoice {
    /// The language as the fence names it.
    pub language: Option<String>,
    /// The code.
    pub source: String,
}

/// What is done with a chosen code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// Copied.
    Copy,
    /// Saved; a path is asked for next.
    Save,
}

/// A message in the tree's overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRow {
    /// The message.
    pub node: NodeId,
    /// How deep it is indented: the number of branchings above it.
    pub depth: usize,
    /// Who wrote it.
    pub author: &'static str,
    /// The beginning of its text, one line.
    pub text: String,
    /// Its number among its siblings, from 1, and their count.
    pub sibling: (usize, usize),
    /// Whether it is on the branch shown.
    pub is_shown: bool,
}

/// What a text is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// What to search in the conversation.
    Search,
    /// A new title for this session.
    RenameSession,
    /// A new title for a listed session.
    RenameListed(crate::session::SessionId),
    /// Where to save a code block.
    SaveCode(String),
    /// Where to export to; the text is made when the path is known.
    Export(ExportFormat),
    /// Where to write what is shared; its extension chooses the format.
    Share(super::share::Shared),
    /// What to import.
    Import,
    /// Which profile to open.
    Profile,
    /// Which folder's model to load.
    Model,
    /// Which trace to take.
    Trace(TracePurpose),
    /// The name of a preset.
    PresetName,
    /// A rule for the experts' choice.
    Rule,
    /// Rules whose effect is to be compared.
    Ablation,
}

/// A format of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Markdown of the branch shown.
    Markdown,
    /// Everything.
    Json,
    /// A page of the branch shown.
    Html,
}

impl Popup {
    /// Where the keys are looked up.
    pub fn context(&self) -> Context {
        match self {
            Self::Ask { .. } => Context::Field,
            Self::Inside => Context::Inside,
            Self::Profile => Context::Profile,
            _ => Context::List,
        }
    }
}
