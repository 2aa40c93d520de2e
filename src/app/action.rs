//! Everything that a person can ask for, in one table.
//!
//! The keymap, the help, the palette, the footer's hints and the README's key table are all made
//! from [`REGISTRY`]; nothing else knows a default key.

pub use super::context::Context;

/// Something that a person can ask for by a key, the palette or the mouse.
///
/// What an action does may depend on what has the focus: `Down` is a line in the chat, a layer on
/// the map, an entry in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "REGISTRY documents each variant, for people and for readers"
)]
pub enum Action {
    // Everywhere.
    StopOrQuit,
    Quit,
    Palette,
    Help,
    CycleEffort,
    Models,
    NewSession,
    Sessions,
    Redraw,
    Suspend,
    PageUp,
    PageDown,
    AnswerNow,
    Record,
    OpenTrace,
    CompareTrace,
    CloseTrace,
    FollowTrace,
    // Composer.
    Send,
    Newline,
    Editor,
    HistorySearch,
    Back,
    CursorUp,
    CursorDown,
    CursorLeft,
    CursorRight,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    DeleteBack,
    DeleteForward,
    DeleteWord,
    DeleteToEnd,
    DeleteToStart,
    Undo,
    Redo,
    // Panes.
    Compose,
    NextPane,
    ViewChat,
    ViewExperts,
    ViewTokens,
    ViewMemory,
    ViewLog,
    ZoomPane,
    Sampler,
    Mouse,
    Search,
    SearchNext,
    SearchPrevious,
    Freeze,
    Copy,
    TokenBack,
    TokenOn,
    TokenFollow,
    Up,
    Down,
    Left,
    Right,
    Top,
    Bottom,
    Open,
    // Chat.
    PreviousMessage,
    NextMessage,
    PreviousSibling,
    NextSibling,
    Regenerate,
    RegenerateSameSeed,
    Edit,
    Continue,
    Branch,
    Fold,
    FoldAll,
    CopyCode,
    SaveCode,
    RawView,
    TreeOverview,
    // Experts.
    PageLeft,
    PageRight,
    ZoomIn,
    ZoomOut,
    MapSource,
    MapSourceBack,
    MapMeasure,
    MapScale,
    MapFigure,
    ExpertCard,
    NextChoice,
    PreviousChoice,
    // The experts' choice.
    MaskExpert,
    ForceExpert,
    ZeroExpert,
    AddRule,
    Interventions,
    ClearInterventions,
    Ablate,
    ShowAblation,
    // The token under the cursor.
    ForkToken,
    GhostToken,
    TintTokens,
    // Inside.
    LookInside,
    InsideLens,
    InsideSinks,
    InsideAttention,
    InsideNorms,
    NextTab,
    PreviousTab,
    InsidePass,
    InsideOrder,
    // A profile.
    OpenProfile,
    ShowProfile,
    ProfileSpecialists,
    ProfileMap,
    ProfileComparison,
    ProfileDomain,
    // Sampler.
    Increase,
    Decrease,
    IncreaseMuch,
    DecreaseMuch,
    ResetValue,
    ResetAll,
    SeedLock,
    NewSeed,
    Presets,
    SavePreset,
    // Lists.
    Delete,
    UndoDelete,
    Rename,
    // Without a default key: the palette has them.
    EditSystem,
    EditDeveloper,
    ExportMarkdown,
    ExportJson,
    ExportHtml,
    ImportJson,
    ShareMap,
    ShareCard,
    ShareAblation,
    ShareLens,
    ShareSinks,
    ShareAttention,
    ShareNorms,
    ShareProfile,
    ShareTraces,
    RenameSession,
    DropOldestTurns,
    SummarizeOldestTurns,
    EditSummary,
    KeepAllTurns,
    NewSessionFromHere,
    ReloadModel,
    HowToGetModels,
    CycleTheme,
    ClearCache,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// The action.
    pub action: Action,
    /// Its name in settings and in the palette.
    pub name: &'static str,
    /// A word or two for the footer.
    pub short: &'static str,
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// Its default keys.
    pub keys: &'static [(Context, &'static [&'static str])],
}

impl Action {
    /// The action's row.
    pub fn info(self) -> &'static ActionInfo {
        // Every action has a row: a test looks at each.
        REGISTRY
            .iter()
            .find(|info| info.action == self)
            .unwrap_or(&REGISTRY[0])
    }

    /// The action with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        REGISTRY
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.action)
    }
}

const fn row(
    action: Action,
    name: &'static str,
    short: &'static str,
    help: &'static str,
    keys: &'static [(Context, &'static [&'static str])],
) -> ActionInfo {
    ActionInfo {
        action,
        name,
        short,
        help,
        keys,
    }
}

use Action as A;
use Context as C;

/// All actions, in the order in which help shows them.
#[rustfmt::skip]
pub const REGISTRY: &[ActionInfo] = &[
    row(A::Help, "help", "help", "Explain the focused pane, its keys and its figures", &[(C::Global, &["f1"]), (C::Panes, &["?"]), (C::Inside, &["?"]), (C::Profile, &["?"])]),
    row(A::Palette, "palette", "palette", "Find any action by name", &[(C::Global, &["ctrl-p"])]),
    row(A::StopOrQuit, "stop", "stop", "Stop the model; else clear the draft; else, twice within two seconds, leave", &[(C::Global, &["ctrl-c"])]),
    row(A::Quit, "quit", "quit", "Leave", &[(C::Global, &["ctrl-q"])]),
    row(A::CycleEffort, "effort", "effort", "Change the reasoning effort of the next answer", &[(C::Global, &["shift-tab"])]),
    row(A::Models, "models", "models", "Choose another model", &[(C::Global, &["ctrl-o"])]),
    row(A::NewSession, "new-session", "new", "Begin a new session", &[(C::Global, &["ctrl-n"])]),
    row(A::Sessions, "sessions", "sessions", "List, search, rename, delete and resume sessions", &[(C::Global, &["ctrl-s"])]),
    row(A::PageUp, "page-up", "page up", "Scroll a page up", &[(C::Global, &["pageup"])]),
    row(A::PageDown, "page-down", "page down", "Scroll a page down", &[(C::Global, &["pagedown"])]),
    row(A::Redraw, "redraw", "redraw", "Draw the whole screen anew", &[(C::Global, &["ctrl-l"])]),
    row(A::Suspend, "suspend", "suspend", "Go back to the shell; fg returns", &[(C::Global, &["ctrl-z"])]),
    row(A::AnswerNow, "answer-now", "answer now", "End the analysis and go to the answer", &[(C::Chat, &["a"]), (C::Global, &["f4"])]),
    row(A::Record, "record", "record", "Write each answer to a trace file while it comes, or no more", &[(C::Global, &["f8"])]),
    row(A::OpenTrace, "open-trace", "open trace", "Open a trace: one that was recorded here, or another file; the chat waits behind it", &[]),
    row(A::CompareTrace, "compare-trace", "compare", "Compare the trace on the screen with another one", &[(C::Panes, &["d"])]),
    row(A::CloseTrace, "close-trace", "back to chat", "Leave the trace and go back to the chat", &[(C::Panes, &["q"])]),
    row(A::FollowTrace, "follow-trace", "follow trace", "Answer the same question again with the experts that a trace chose, same seed", &[]),

    row(A::Send, "send", "send", "Send the message", &[(C::Composer, &["enter"])]),
    row(A::Newline, "newline", "new line", "Begin a new line", &[(C::Composer, &["ctrl-j", "shift-enter", "alt-enter"])]),
    row(A::Editor, "editor", "editor", "Write in $VISUAL or $EDITOR", &[(C::Composer, &["ctrl-g"])]),
    row(A::HistorySearch, "history-search", "history", "Find an earlier message", &[(C::Composer, &["ctrl-r"])]),
    row(A::Back, "back", "back", "Leave: the composer for the panes, a list, a selection", &[(C::Composer, &["esc"]), (C::Panes, &["esc"]), (C::Inside, &["esc"]), (C::Profile, &["esc"]), (C::List, &["esc"]), (C::Field, &["esc"])]),
    row(A::CursorUp, "cursor-up", "up", "Line up; at the first one the message before", &[(C::Composer, &["up"])]),
    row(A::CursorDown, "cursor-down", "down", "Line down; at the last one the message after", &[(C::Composer, &["down"])]),
    row(A::CursorLeft, "cursor-left", "left", "Character left", &[(C::Composer, &["left", "ctrl-b"]), (C::Field, &["left"])]),
    row(A::CursorRight, "cursor-right", "right", "Character right", &[(C::Composer, &["right", "ctrl-f"]), (C::Field, &["right"])]),
    row(A::WordLeft, "word-left", "word left", "Word left", &[(C::Composer, &["ctrl-left", "alt-b"]), (C::Field, &["ctrl-left"])]),
    row(A::WordRight, "word-right", "word right", "Word right", &[(C::Composer, &["ctrl-right", "alt-f"]), (C::Field, &["ctrl-right"])]),
    row(A::LineStart, "line-start", "start", "Start of the line", &[(C::Composer, &["home", "ctrl-a"]), (C::Field, &["home", "ctrl-a"]), (C::List, &["ctrl-a"])]),
    row(A::LineEnd, "line-end", "end", "End of the line", &[(C::Composer, &["end", "ctrl-e"]), (C::Field, &["end", "ctrl-e"]), (C::List, &["ctrl-e"])]),
    row(A::DeleteBack, "delete-back", "delete", "Delete the character before", &[(C::Composer, &["backspace", "ctrl-h"]), (C::Field, &["backspace", "ctrl-h"]), (C::List, &["backspace", "ctrl-h"])]),
    row(A::DeleteForward, "delete-forward", "delete", "Delete the character after", &[(C::Composer, &["delete", "ctrl-d"]), (C::Field, &["delete", "ctrl-d"])]),
    row(A::DeleteWord, "delete-word", "delete word", "Delete the word before", &[(C::Composer, &["ctrl-w", "alt-backspace"]), (C::Field, &["ctrl-w"]), (C::List, &["ctrl-w"])]),
    row(A::DeleteToEnd, "delete-to-end", "delete rest", "Delete to the end of the line", &[(C::Composer, &["ctrl-k"]), (C::Field, &["ctrl-k"])]),
    row(A::DeleteToStart, "delete-to-start", "delete start", "Delete to the start of the line", &[(C::Composer, &["ctrl-u"]), (C::Field, &["ctrl-u"]), (C::List, &["ctrl-u"])]),
    row(A::Undo, "undo", "undo", "Undo an edit of the draft", &[(C::Composer, &["ctrl-y", "ctrl-_"])]),
    row(A::Redo, "redo", "redo", "Redo an edit of the draft", &[(C::Composer, &["alt-y"])]),

    row(A::Compose, "compose", "write", "Write a message", &[(C::Panes, &["i"]), (C::Chat, &["enter"])]),
    row(A::NextPane, "next-pane", "next pane", "Go to the next pane", &[(C::Panes, &["tab"]), (C::Composer, &["tab"])]),
    row(A::ViewChat, "view-chat", "chat", "Show the chat", &[(C::Panes, &["1"])]),
    row(A::ViewExperts, "view-experts", "experts", "Show the map of experts", &[(C::Panes, &["2"])]),
    row(A::ViewTokens, "view-tokens", "tokens", "Show the token under the cursor", &[(C::Panes, &["3"])]),
    row(A::ViewMemory, "view-memory", "memory", "Show memory, caches and speed", &[(C::Panes, &["4"])]),
    row(A::ViewLog, "view-log", "log", "Show the log", &[(C::Panes, &["5"])]),
    row(A::ZoomPane, "zoom-pane", "zoom", "Give the focused pane the whole screen, and back", &[(C::Panes, &["z"])]),
    row(A::Sampler, "sampler", "sampler", "Open or close the sampling panel", &[(C::Panes, &["p"]), (C::Global, &["f2"])]),
    row(A::Mouse, "mouse", "mouse", "Release the mouse to the terminal, or take it back", &[(C::Panes, &["m"])]),
    row(A::Search, "search", "search", "Search the conversation", &[(C::Panes, &["/"])]),
    row(A::SearchNext, "search-next", "next", "Next match", &[(C::Panes, &["n"])]),
    row(A::SearchPrevious, "search-previous", "previous", "Match before", &[(C::Panes, &["N"])]),
    row(A::Freeze, "freeze", "freeze", "Hold the maps and meters still, and let them go", &[(C::Panes, &["space"])]),
    row(A::Copy, "copy", "copy", "Copy: the answer's source, or the pane's figures", &[(C::Panes, &["y"])]),
    row(A::TokenBack, "token-back", "token back", "Token before; map, alternatives and text follow", &[(C::Panes, &[","]), (C::Inside, &[","])]),
    row(A::TokenOn, "token-on", "token on", "Next token", &[(C::Panes, &["."]), (C::Inside, &["."])]),
    row(A::TokenFollow, "token-follow", "newest token", "Follow the newest token again", &[(C::Panes, &["f"])]),
    row(A::Up, "up", "up", "Up", &[(C::Panes, &["up", "k"]), (C::Inside, &["up", "k"]), (C::Profile, &["up", "k"]), (C::List, &["up", "ctrl-k"])]),
    row(A::Down, "down", "down", "Down", &[(C::Panes, &["down", "j"]), (C::Inside, &["down", "j"]), (C::Profile, &["down", "j"]), (C::List, &["down", "ctrl-j"])]),
    row(A::Left, "left", "left", "Left", &[(C::Panes, &["left", "h"]), (C::Inside, &["left", "h"]), (C::Profile, &["left", "h"])]),
    row(A::Right, "right", "right", "Right", &[(C::Panes, &["right", "l"]), (C::Inside, &["right", "l"]), (C::Profile, &["right", "l"])]),
    row(A::Top, "top", "top", "To the start", &[(C::Panes, &["g", "home"]), (C::Inside, &["g", "home"]), (C::Profile, &["g", "home"]), (C::List, &["home"])]),
    row(A::Bottom, "bottom", "bottom", "To the end; in the chat, follow what comes", &[(C::Panes, &["G", "end"]), (C::Inside, &["G", "end"]), (C::Profile, &["G", "end"]), (C::List, &["end"])]),
    row(A::Open, "open", "open", "Open what is selected", &[(C::List, &["enter"]), (C::Field, &["enter"]), (C::Sampler, &["enter"]), (C::Inside, &["enter"]), (C::Profile, &["enter"])]),

    row(A::PreviousMessage, "previous-message", "message before", "Select the message before", &[(C::Chat, &["K", "{"])]),
    row(A::NextMessage, "next-message", "next message", "Select the next message", &[(C::Chat, &["J", "}"])]),
    row(A::PreviousSibling, "previous-sibling", "branch before", "Show the branch before", &[(C::Chat, &["["])]),
    row(A::NextSibling, "next-sibling", "next branch", "Show the next branch", &[(C::Chat, &["]"])]),
    row(A::Regenerate, "regenerate", "regenerate", "Answer again with a new seed; the old answer stays as a branch", &[(C::Chat, &["r"])]),
    row(A::RegenerateSameSeed, "regenerate-same-seed", "same seed", "Answer again with the same seed", &[(C::Chat, &["R"])]),
    row(A::Edit, "edit", "edit", "Edit the selected message, yours or the model's, as a new branch", &[(C::Chat, &["e"])]),
    row(A::Continue, "continue", "continue", "Let the model go on where the answer stops", &[(C::Chat, &["c"])]),
    row(A::Branch, "branch", "branch", "Write another message in place of the selected one", &[(C::Chat, &["b"])]),
    row(A::Fold, "fold", "fold", "Fold or unfold the analysis of the selected answer", &[(C::Chat, &["t"])]),
    row(A::FoldAll, "fold-all", "fold all", "Fold or unfold all analysis", &[(C::Chat, &["T"])]),
    row(A::CopyCode, "copy-code", "copy code", "Copy a code block", &[(C::Chat, &["Y"])]),
    row(A::SaveCode, "save-code", "save code", "Save a code block to a file", &[(C::Chat, &["S"])]),
    row(A::RawView, "raw-view", "raw", "Show the harmony tokens as they are, and back", &[(C::Chat, &["v"])]),
    row(A::TreeOverview, "tree", "tree", "Show all branches as a tree", &[(C::Chat, &["o"])]),

    row(A::PageLeft, "page-left", "page left", "Eight experts left", &[(C::Experts, &["H"])]),
    row(A::PageRight, "page-right", "page right", "Eight experts right", &[(C::Experts, &["L"])]),
    row(A::ZoomIn, "zoom-in", "closer", "Closer, from zoom 0 to 4: strip, overview, one to one, layer, expert card", &[(C::Experts, &["+", "="])]),
    row(A::ZoomOut, "zoom-out", "farther", "Farther", &[(C::Experts, &["-"])]),
    row(A::MapSource, "map-source", "tokens shown", "Next choice of tokens: one, a window, all since load, prompt, answer and so on", &[(C::Experts, &["v"])]),
    row(A::MapSourceBack, "map-source-back", "tokens shown", "Choice of tokens before", &[(C::Experts, &["V"])]),
    row(A::MapMeasure, "map-measure", "measure", "Count, weight sum, mean weight or share", &[(C::Experts, &["w"])]),
    row(A::MapScale, "map-scale", "scale", "Linear or logarithmic colors", &[(C::Experts, &["u"])]),
    row(A::MapFigure, "map-figure", "layer figure", "Next figure of each layer beside the map: both entropies, CV, Gini, dead and effective experts, experts for 90 %", &[(C::Experts, &["c"])]),
    row(A::ExpertCard, "expert-card", "card", "All about the expert under the cursor", &[(C::Experts, &["enter"])]),
    row(A::NextChoice, "next-choice", "next token", "Next token that chose the expert under the cursor; map, alternatives and text follow", &[(C::Experts, &["]"])]),
    row(A::PreviousChoice, "previous-choice", "token before", "Token before that chose the expert under the cursor", &[(C::Experts, &["["])]),

    row(A::MaskExpert, "mask-expert", "mask", "Never choose the expert under the cursor, or let it be chosen again", &[(C::Experts, &["x"])]),
    row(A::ForceExpert, "force-expert", "force", "Always choose the expert under the cursor, or only when the router does", &[(C::Experts, &["F"])]),
    row(A::ZeroExpert, "zero-expert", "zero", "Let the expert under the cursor be chosen but give nothing, and back", &[(C::Experts, &["0"])]),
    row(A::AddRule, "add-rule", "rule", "Type a rule for the experts: mask, force, bias, zero, swap, top-k, temperature, noise", &[(C::Experts, &["r"])]),
    row(A::Interventions, "interventions", "rules", "List the rules in force; delete takes one away", &[(C::Experts, &["R"]), (C::Global, &["f6"])]),
    row(A::ClearInterventions, "clear-interventions", "clear rules", "Let the model choose its experts again", &[(C::Experts, &["X"])]),

    row(A::Ablate, "ablate", "ablate", "Answer again without the expert under the cursor, and compare: where they part, KL by token", &[(C::Experts, &["A"])]),
    row(A::ShowAblation, "show-ablation", "comparison", "Show the latest comparison again", &[]),

    row(A::ForkToken, "fork-token", "fork", "Answer again as up to this token, then with the marked alternative in its place, same seed", &[(C::Tokens, &["enter"])]),
    row(A::GhostToken, "ghost-token", "ghost", "Show how the answer would go on with the marked alternative; the chat stays as it is", &[(C::Tokens, &["o"])]),
    row(A::TintTokens, "tint-tokens", "color", "Color tokens by the model's probability, by entropy, or not", &[(C::Tokens, &["c"])]),
    row(A::LookInside, "look-inside", "inside", "Look inside the model at the token under the cursor: logit lens, sinks, attention, norms; the cost is shown first", &[(C::Panes, &["I"])]),
    row(A::InsideLens, "inside-lens", "lens", "What the model would say after each layer", &[(C::Inside, &["1"])]),
    row(A::InsideSinks, "inside-sinks", "sinks", "The share of attention that each head gives to its sink", &[(C::Inside, &["2"])]),
    row(A::InsideAttention, "inside-attention", "attention", "Where the head under the cursor looks", &[(C::Inside, &["3"])]),
    row(A::InsideNorms, "inside-norms", "norms", "How long the residual stream is after each layer", &[(C::Inside, &["4"])]),
    row(A::NextTab, "next-tab", "next figures", "Next figures", &[(C::Inside, &["tab"]), (C::Profile, &["tab"])]),
    row(A::PreviousTab, "previous-tab", "figures before", "Figures before", &[(C::Inside, &["shift-tab"]), (C::Profile, &["shift-tab"])]),
    row(A::InsidePass, "inside-pass", "pass", "The pass that chose the token, or the one that reads it", &[(C::Inside, &["s"])]),
    row(A::InsideOrder, "inside-order", "order", "A head's tokens by weight, or as in the text", &[(C::Inside, &["o"])]),

    row(A::OpenProfile, "open-profile", "profile", "Open a profile that the command profile wrote: which experts each domain prefers", &[]),
    row(A::ShowProfile, "show-profile", "profile", "Show the open profile again", &[]),
    row(A::ProfileSpecialists, "profile-specialists", "specialists", "The specialists as a list; enter shows an expert's card", &[(C::Profile, &["1"])]),
    row(A::ProfileMap, "profile-map", "map", "All experts, each under the letter of its domain", &[(C::Profile, &["2"])]),
    row(A::ProfileComparison, "profile-comparison", "this answer", "How alike the shown answer is to each domain", &[(C::Profile, &["3"])]),
    row(A::ProfileDomain, "profile-domain", "domain", "One domain's specialists, the next one's, at last all", &[(C::Profile, &["d"])]),

    row(A::Increase, "increase", "more", "More", &[(C::Sampler, &["right", "l"])]),
    row(A::Decrease, "decrease", "less", "Less", &[(C::Sampler, &["left", "h"])]),
    row(A::IncreaseMuch, "increase-much", "much more", "Ten steps more", &[(C::Sampler, &["L", "shift-right"])]),
    row(A::DecreaseMuch, "decrease-much", "much less", "Ten steps less", &[(C::Sampler, &["H", "shift-left"])]),
    row(A::ResetValue, "reset-value", "reset", "Back to the default", &[(C::Sampler, &["0"])]),
    row(A::ResetAll, "reset-all", "reset all", "All back to the defaults", &[(C::Sampler, &["R"])]),
    row(A::SeedLock, "seed-lock", "lock seed", "Keep the seed for all answers, or take a new one for each", &[(C::Sampler, &["s"])]),
    row(A::NewSeed, "new-seed", "new seed", "Draw a new seed", &[(C::Sampler, &["r"])]),
    row(A::Presets, "presets", "presets", "Choose a preset", &[(C::Sampler, &["o"])]),
    row(A::SavePreset, "save-preset", "save preset", "Save these values as a preset", &[(C::Sampler, &["w"])]),

    row(A::Delete, "delete", "delete", "Delete the selected entry", &[(C::List, &["ctrl-d", "delete"])]),
    row(A::UndoDelete, "undo-delete", "undo", "Bring the deleted entry back", &[(C::List, &["ctrl-y"])]),
    row(A::Rename, "rename", "rename", "Rename the selected entry", &[(C::List, &["ctrl-r"])]),

    row(A::EditSystem, "edit-system", "system", "Edit the system message's identity", &[]),
    row(A::EditDeveloper, "edit-developer", "developer", "Edit the developer message (the instructions)", &[]),
    row(A::ExportMarkdown, "export-markdown", "export", "Export the conversation as Markdown", &[]),
    row(A::ExportJson, "export-json", "export", "Export the whole tree as JSON", &[]),
    row(A::ExportHtml, "export-html", "export", "Export the conversation as HTML", &[]),
    row(A::ImportJson, "import-json", "import", "Import a conversation from JSON", &[]),
    row(A::ShareMap, "share-map", "share map", "Write the map as text, SVG or HTML, with where its numbers come from", &[]),
    row(A::ShareCard, "share-card", "share card", "Write all about the expert under the cursor as text, SVG or HTML", &[]),
    row(A::ShareAblation, "share-ablation", "share comparison", "Write the latest comparison of two runs as text, SVG or HTML", &[]),
    row(A::ShareLens, "share-lens", "share lens", "Write the logit lens of the latest look inside as text, SVG or HTML", &[]),
    row(A::ShareSinks, "share-sinks", "share sinks", "Write the map of attention sinks as text, SVG or HTML", &[]),
    row(A::ShareAttention, "share-attention", "share attention", "Write the attention weights of the head as text, SVG or HTML", &[]),
    row(A::ShareNorms, "share-norms", "share norms", "Write the residual norms as text, SVG or HTML", &[]),
    row(A::ShareProfile, "share-profile", "share profile", "Write the open profile as text, SVG or HTML", &[]),
    row(A::ShareTraces, "share-traces", "share comparison", "Write the comparison of two traces as text, SVG or HTML", &[]),
    row(A::RenameSession, "rename-session", "rename", "Rename this session", &[]),
    row(A::DropOldestTurns, "drop-oldest-turns", "drop oldest", "Make room: leave the older half of the turns out of the next prompts; they stay on screen", &[]),
    row(A::SummarizeOldestTurns, "summarize-oldest-turns", "sum up", "Make room: have the model sum up the older half of the turns, and send that in their place", &[]),
    row(A::EditSummary, "edit-summary", "summary", "Edit the summary that is sent in place of the oldest turns", &[]),
    row(A::KeepAllTurns, "keep-all-turns", "keep all", "Send all turns again, without a summary", &[]),
    row(A::NewSessionFromHere, "new-session-from-here", "fork session", "Begin a new session with a copy of this branch", &[]),
    row(A::ReloadModel, "reload-model", "reload", "Load the model again", &[]),
    row(A::HowToGetModels, "how-to-get-models", "get models", "How to get gpt-oss-20b", &[]),
    row(A::CycleTheme, "theme", "theme", "Next theme", &[]),
    row(A::ClearCache, "clear-cache", "clear cache", "Empty the key-value cache and the routing counts", &[]),
];
