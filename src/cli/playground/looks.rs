//! Settings and environment as themes.

use gptoss::settings::dirs::Dirs;
use gptoss::settings::{ColorDepth, Glyphs, LayoutChoice, Ramp, Settings};
use gptoss::tui::MakeTheme;
use gptoss::ui::LayoutPreference;
use gptoss::ui::theme::{
    self, Backdrop, GlyphSet, Palette, PaletteName, RampKind, Theme, ThemeSpec,
};
use termprofile::TermProfile;

/// What themes are made with, but for their names.
pub(super) struct Looks {
    depth: theme::ColorDepth,
    glyphs: GlyphSet,
    ramp: RampKind,
    layout: LayoutChoice,
    dirs: Option<Dirs>,
}

impl Looks {
    /// What the settings say and, where they leave it open, the environment.
    pub(super) fn new(settings: &Settings, dirs: Option<&Dirs>) -> Self {
        let ui = &settings.ui;
        Self {
            depth: match ui.color {
                ColorDepth::Auto => TermProfile::detect(
                    &std::io::stdout(),
                    termprofile::DetectorSettings::default(),
                )
                .into(),
                ColorDepth::Truecolor => theme::ColorDepth::TrueColor,
                ColorDepth::Indexed256 => theme::ColorDepth::Ansi256,
                ColorDepth::Ansi16 => theme::ColorDepth::Ansi16,
                ColorDepth::None => theme::ColorDepth::NoColor,
            },
            glyphs: match ui.glyphs {
                Glyphs::Unicode => GlyphSet::Unicode,
                Glyphs::Ascii => GlyphSet::Ascii,
            },
            ramp: match ui.ramp {
                Ramp::Viridis => RampKind::Viridis,
                Ramp::Cividis => RampKind::Cividis,
                Ramp::Magma => RampKind::Magma,
            },
            layout: ui.layout,
            dirs: dirs.cloned(),
        }
    }

    /// The columns of panes.
    pub(super) fn layout(&self) -> LayoutPreference {
        match self.layout {
            LayoutChoice::Auto => LayoutPreference::Auto,
            LayoutChoice::Narrow => LayoutPreference::Narrow,
            LayoutChoice::Split => LayoutPreference::Split,
            LayoutChoice::Wide => LayoutPreference::Wide,
        }
    }

    /// Makes themes by name; `auto` is the one for the terminal's background.
    pub(super) fn into_make(self) -> MakeTheme {
        Box::new(move |name, backdrop| {
            let known = PaletteName::ALL
                .into_iter()
                .find(|known| known.name() == name);
            let palette = match (name, backdrop) {
                ("auto", Backdrop::Dark) => Palette::embedded(PaletteName::Dark),
                ("auto", Backdrop::Light) => Palette::embedded(PaletteName::Light),
                _ => match known {
                    Some(known) => Palette::embedded(known),
                    None => self.read_palette(name)?,
                },
            };
            Ok(Theme::new(&ThemeSpec {
                palette,
                backdrop,
                depth: self.depth,
                glyphs: self.glyphs,
                ramp: self.ramp,
            }))
        })
    }

    fn read_palette(&self, name: &str) -> Result<Palette, String> {
        let path = std::path::Path::new(name);
        let path = self
            .dirs
            .as_ref()
            .map_or_else(|| path.to_owned(), |dirs| dirs.expand(path));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("theme {}: {error}", path.display()))?;
        Palette::parse(name, &text).map_err(|error| error.to_string())
    }
}

/// The background as some terminals tell it in the environment; dark where they do not. The terminal
/// itself is asked once the first frame is drawn.
pub(super) fn guess_backdrop() -> Backdrop {
    let background = std::env::var("COLORFGBG").ok();
    let background = background
        .as_deref()
        .and_then(|colors| colors.rsplit(';').next());
    match background.and_then(|number| number.parse::<u8>().ok()) {
        Some(7 | 9..=15) => Backdrop::Light,
        _ => Backdrop::Dark,
    }
}
