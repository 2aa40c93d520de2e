//! What starts the playground, and the layers of settings that flags add.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use gptoss::settings::Layers;
use gptoss::settings::dirs::Dirs;

/// Settings from the command line; every subcommand accepts them.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// Read FILE over your own gptoss.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set one value, such as ui.theme=dark; may be given several times.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// What the playground opens with. Only without a subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Playground")]
pub(crate) struct PlaygroundArgs {
    /// The model folder that the playground opens [default: model.default, the built-in model].
    #[arg(value_name = "MODEL", help_heading = "Arguments")]
    pub(crate) model: Option<PathBuf>,
    /// The conversation: a name, `last` or `new` [default: session.resume].
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<SessionArg>,
    /// Write plain lines, for screen readers, instead of a full screen.
    #[arg(long)]
    pub(crate) plain: bool,
    /// auto, dark, light, contrast, mono or a theme file.
    #[arg(long, value_name = "THEME")]
    pub(crate) theme: Option<String>,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub(crate) no_mouse: bool,
    /// Open FILE, which `profile --output` wrote: the experts that each domain prefers.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Try the screen with an engine that makes up tokens and routing in this model's shape.
    #[arg(long, value_enum, value_name = "SHAPE", conflicts_with = "model")]
    pub(crate) synthetic: Option<SyntheticShape>,
    /// Play FILE, a script of engine events, instead of a model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "synthetic"])]
    pub(crate) replay_script: Option<PathBuf>,
    /// Look at a recorded trace, without a model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "synthetic", "replay_script", "session"])]
    pub(crate) replay: Option<PathBuf>,
    /// With --replay: show what the trace FILE does differently.
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub(crate) against: Option<PathBuf>,
}

/// Which conversation is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionArg {
    /// An empty one.
    New,
    /// The one open last.
    Last,
    /// The one of this name.
    Named(String),
}

impl FromStr for SessionArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "new" => Self::New,
            "last" => Self::Last,
            name => Self::Named(name.to_owned()),
        })
    }
}

/// Shapes of the synthetic engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SyntheticShape {
    /// gpt-oss-20b's: 24 layers of 32 experts.
    #[value(name = "20b")]
    Small,
    /// gpt-oss-120b's: 36 layers of 128 experts.
    #[value(name = "120b")]
    Large,
}

impl PlaygroundArgs {
    /// The first flag that was given, as it was written.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("MODEL", self.model.is_some()),
            ("--session", self.session.is_some()),
            ("--plain", self.plain),
            ("--theme", self.theme.is_some()),
            ("--no-mouse", self.no_mouse),
            ("--profile", self.profile.is_some()),
            ("--synthetic", self.synthetic.is_some()),
            ("--replay-script", self.replay_script.is_some()),
            ("--replay", self.replay.is_some()),
            ("--against", self.against.is_some()),
        ];
        given
            .into_iter()
            .find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// What the flags set, as they were written and as settings.
    fn assignments(&self) -> Vec<(String, String)> {
        let theme = self
            .theme
            .as_ref()
            .map(|theme| (format!("--theme {theme}"), format!("ui.theme={theme}")));
        let set = |flag: &str, assignment: &str| (flag.to_owned(), assignment.to_owned());
        theme
            .into_iter()
            .chain(self.plain.then(|| set("--plain", "ui.plain=true")))
            .chain(self.no_mouse.then(|| set("--no-mouse", "ui.mouse=false")))
            .collect()
    }
}

impl SettingsArgs {
    /// All layers: the person's file, `--config`, the environment, flags.
    pub(crate) fn layers(&self, dirs: Option<&Dirs>, start: &PlaygroundArgs) -> Layers {
        let set = self
            .set
            .iter()
            .map(|assignment| (format!("--set {assignment}"), assignment.clone()));
        Layers {
            user_file: dirs.map(Dirs::user_file),
            config_file: self.config.clone(),
            flags: set.chain(start.assignments()).collect(),
            ..Layers::default()
        }
        .with_environment()
    }
}
