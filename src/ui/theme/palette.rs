//! Palettes: the colors of the roles, embedded or from a file.

use std::collections::BTreeMap;
use std::str::FromStr;

use ratatui::style::Color;
use serde::Deserialize;

use super::{Backdrop, Rgb, ThemeRole};

/// Why a palette was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThemeError {
    /// Not TOML, or not a palette; the message has line and column.
    #[error("theme {name}: {source}")]
    Toml {
        /// The theme's name.
        name: String,
        /// What is wrong, and where.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Neither for dark nor for light backgrounds.
    #[error("theme {name}: expected a table `dark` or `light` with the roles' colors, found neither")]
    Empty {
        /// The theme's name.
        name: String,
    },
}

/// The embedded palettes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaletteName {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Strong contrast, on either background.
    Contrast,
    /// Without colors.
    Mono,
}

impl PaletteName {
    /// All, in the order of the theme key.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Contrast, Self::Mono];

    /// As written in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::Mono => "mono",
        }
    }
}

/// A role's colors at each depth; absent ones are the terminal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "RawColors")]
pub struct RoleColors {
    /// The text's color.
    pub fg: Option<Rgb>,
    /// The cell's color.
    pub bg: Option<Rgb>,
    /// The text's color where there are sixteen.
    pub ansi: Option<Color>,
    /// The cell's color where there are sixteen.
    pub ansi_bg: Option<Color>,
}

type RoleTable = [RoleColors; ThemeRole::ALL.len()];

/// The colors of all roles, for dark backgrounds, light ones or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    name: String,
    dark: Option<Box<RoleTable>>,
    light: Option<Box<RoleTable>>,
}

impl Palette {
    /// One that is part of the program.
    ///
    /// # Panics
    ///
    /// Never: a test parses all of them.
    pub fn embedded(name: PaletteName) -> Self {
        let text = match name {
            PaletteName::Dark => include_str!("../../../assets/themes/dark.toml"),
            PaletteName::Light => include_str!("../../../assets/themes/light.toml"),
            PaletteName::Contrast => include_str!("../../../assets/themes/contrast.toml"),
            PaletteName::Mono => return Self::mono(),
        };
        let file: File = toml::from_str(text).expect("embedded palettes are tested to parse");
        Self {
            name: name.name().to_owned(),
            dark: file.dark.map(|side| Box::new(side.over(&[RoleColors::default(); _]))),
            light: file.light.map(|side| Box::new(side.over(&[RoleColors::default(); _]))),
        }
    }

    /// Reads a palette's file; roles that it leaves out look as in the embedded palette for the
    /// same background.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text).map_err(|source| ThemeError::Toml {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
        if file.dark.is_none() && file.light.is_none() {
            return Err(ThemeError::Empty {
                name: name.to_owned(),
            });
        }
        let over = |side: Option<Side>, base: PaletteName, backdrop| {
            let (_, base) = Self::embedded(base).colors(backdrop);
            side.map(|side| Box::new(side.over(&base)))
        };
        Ok(Self {
            name: name.to_owned(),
            dark: over(file.dark, PaletteName::Dark, Backdrop::Dark),
            light: over(file.light, PaletteName::Light, Backdrop::Light),
        })
    }

    /// The name that the palette was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has no colors at all.
    pub fn is_mono(&self) -> bool {
        self.dark.is_none() && self.light.is_none()
    }

    /// The colors by [`ThemeRole::index`], and the background that they are for.
    pub fn colors(&self, backdrop: Backdrop) -> (Backdrop, [RoleColors; ThemeRole::ALL.len()]) {
        match (backdrop, &self.dark, &self.light) {
            (Backdrop::Dark, Some(dark), _) | (_, Some(dark), None) => (Backdrop::Dark, **dark),
            (_, _, Some(light)) => (Backdrop::Light, **light),
            (backdrop, None, None) => (backdrop, [RoleColors::default(); _]),
        }
    }

    fn mono() -> Self {
        Self {
            name: PaletteName::Mono.name().to_owned(),
            dark: None,
            light: None,
        }
    }
}

/// A palette's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    dark: Option<Side>,
    light: Option<Side>,
}

/// The roles on one background.
#[derive(Deserialize)]
struct Side(BTreeMap<ThemeRole, RoleColors>);

impl Side {
    fn over(&self, base: &RoleTable) -> RoleTable {
        let mut table = *base;
        for (role, colors) in &self.0 {
            table[role.index()] = *colors;
        }
        table
    }
}

/// A role's colors as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColors {
    fg: Option<String>,
    bg: Option<String>,
    ansi: Option<String>,
    ansi_bg: Option<String>,
}

impl TryFrom<RawColors> for RoleColors {
    type Error = String;

    fn try_from(raw: RawColors) -> Result<Self, String> {
        let fg = raw.fg.as_deref().map(rgb).transpose()?;
        let bg = raw.bg.as_deref().map(rgb).transpose()?;
        let named_or_nearest = |text: Option<&str>, full: Option<Rgb>| match text {
            Some("default") => Ok(None),
            Some(text) => named(text).map(Some),
            None => Ok(full.map(Rgb::to_named)),
        };
        Ok(Self {
            fg,
            bg,
            ansi: named_or_nearest(raw.ansi.as_deref(), fg)?,
            ansi_bg: named_or_nearest(raw.ansi_bg.as_deref(), bg)?,
        })
    }
}

fn rgb(text: &str) -> Result<Rgb, String> {
    match Color::from_str(text) {
        Ok(Color::Rgb(red, green, blue)) => Ok(Rgb(red, green, blue)),
        _ => Err(format!("expected a color such as \"#7fd4ff\", found \"{text}\"")),
    }
}

fn named(text: &str) -> Result<Color, String> {
    match Color::from_str(text) {
        Ok(Color::Rgb(..) | Color::Indexed(_) | Color::Reset) | Err(_) => Err(format!(
            "expected \"default\" or one of the sixteen color names such as \"lightblue\", found \"{text}\""
        )),
        Ok(color) => Ok(color),
    }
}
