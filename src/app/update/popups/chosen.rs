//! Taking what a popup offers: the selected entry, or the text that was typed.

use std::path::PathBuf;

use super::{ask, changed, listed_again};
use crate::app::chat::Scroll;
use crate::app::effect::{Anchor, Effect, SessionRequest};
use crate::app::popup::{CodeChoice, CodePurpose, ExportFormat, Popup, Question};
use crate::app::sampling::Preset;
use crate::app::state::{Level, State};
use crate::app::update::{self, ablate, lab, models, profile, sampler, say, search, share, traces};
use crate::catalog::{HOW_TO_GET, Step};
use crate::session::{Access, TreeOp, export};

/// Takes the selected entry, or the text asked for.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    let Some(popup) = state.popups.pop() else {
        return Vec::new();
    };
    match popup {
        Popup::Palette(list) => match list.chosen() {
            Some(action) => update::perform(state, *action),
            None => Vec::new(),
        },
        Popup::Sessions(list) => match list.chosen() {
            // Opened once more it would find the file locked, by this very program.
            Some(info)
                if state.session.id.as_ref() == Some(&info.id)
                    && state.session.access == Access::Writable =>
            {
                say(state, Level::Info, "this session is open already");
                Vec::new()
            }
            Some(info) if state.running.is_none() => {
                vec![Effect::Session(SessionRequest::Open(info.id.clone()))]
            }
            Some(_) => {
                say(state, Level::Warning, "stop the model first");
                Vec::new()
            }
            None => Vec::new(),
        },
        Popup::Models(list) => models::chosen(state, &list),
        Popup::Presets(list) => match list.chosen().cloned() {
            Some(name) => sampler::take_preset(state, &name),
            None => Vec::new(),
        },
        Popup::History(list) => {
            if let Some(text) = list.chosen() {
                state.composer.set_text(text);
            }
            Vec::new()
        }
        Popup::Code { list, purpose } => match list.chosen().cloned() {
            Some(code) => take_code(state, code, purpose),
            None => Vec::new(),
        },
        Popup::Tree(list) => match list.chosen().map(|row| row.node) {
            Some(node) => {
                state.chat.selected = Some(node);
                state.chat.scroll = Scroll::At(Anchor { node, line: 0 });
                state.change(vec![TreeOp::Select { node }])
            }
            None => Vec::new(),
        },
        Popup::Rules(list) => match list.chosen() {
            Some(rule) => ask(state, Question::Rule, &rule.to_string()),
            None => Vec::new(),
        },
        Popup::Traces { list, purpose } => traces::chosen(state, &list, purpose),
        Popup::Ask { question, input } => answer(state, question, input.value()),
        Popup::HowTo { .. } => {
            let step = HOW_TO_GET.steps.get(HOW_TO_GET.download);
            let copy = |step: &Step| Effect::Copy(step.command.to_owned());
            step.map(copy).into_iter().collect()
        }
        Popup::Trouble { remedy, .. } => {
            remedy.map_or_else(Vec::new, |remedy| update::perform(state, remedy))
        }
        Popup::Help { .. }
        | Popup::Ablation { .. }
        | Popup::Difference { .. }
        | Popup::Inside
        | Popup::Profile => Vec::new(),
    }
}

/// Copies a code block, or asks where to save it.
pub(in crate::app) fn take_code(
    state: &mut State,
    code: CodeChoice,
    purpose: CodePurpose,
) -> Vec<Effect> {
    match purpose {
        CodePurpose::Copy => vec![Effect::Copy(code.source)],
        CodePurpose::Save => {
            let name = format!("code.{}", extension(code.language.as_deref()));
            ask(state, Question::SaveCode(code.source), &name)
        }
    }
}

/// What files in a language end in; a language that is not known is an ending itself.
fn extension(language: Option<&str>) -> String {
    let language = language.unwrap_or("txt").to_lowercase();
    let known = match language.as_str() {
        "rust" => "rs",
        "python" => "py",
        "javascript" => "js",
        "typescript" => "ts",
        "markdown" => "md",
        "bash" | "shell" | "console" => "sh",
        "ruby" => "rb",
        "haskell" => "hs",
        "csharp" | "c#" => "cs",
        "c++" => "cpp",
        other if other != "text" && other.chars().all(char::is_alphanumeric) => other,
        _ => "txt",
    };
    known.to_owned()
}

fn answer(state: &mut State, question: Question, text: &str) -> Vec<Effect> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        state.chat.search = None;
        return Vec::new();
    }
    match question {
        Question::Search => {
            search::begin(state, text);
            Vec::new()
        }
        Question::RenameSession => {
            let mut effects = state.change(vec![TreeOp::SetTitle { title: text }]);
            effects.extend(listed_again(state));
            effects
        }
        Question::RenameListed(id) => changed(state, SessionRequest::Rename { id, title: text }),
        Question::SaveCode(source) => vec![Effect::WriteFile {
            path: PathBuf::from(text),
            text: source,
        }],
        Question::Export(format) => {
            let tree = &state.session.tree;
            let content = match format {
                ExportFormat::Markdown => export::markdown(tree),
                ExportFormat::Json => export::json(tree),
                ExportFormat::Html => export::html(tree),
            };
            vec![Effect::WriteFile {
                path: PathBuf::from(text),
                text: content,
            }]
        }
        Question::Share(shared) => share::typed(state, shared, &text),
        Question::Import => vec![Effect::Session(SessionRequest::Import(PathBuf::from(text)))],
        Question::Rule => lab::typed(state, &text),
        Question::Ablation => ablate::typed(state, &text),
        Question::Profile => profile::typed(&text),
        Question::Model => models::look(PathBuf::from(text)),
        Question::Trace(purpose) => traces::read(state, PathBuf::from(text), purpose),
        Question::PresetName => {
            let preset = Preset {
                name: text,
                sampling: state.sampling.params.clone(),
            };
            state
                .sampling
                .presets
                .retain(|known| known.name != preset.name);
            state.sampling.presets.push(preset);
            vec![Effect::SavePresets(state.sampling.presets.clone())]
        }
    }
}
