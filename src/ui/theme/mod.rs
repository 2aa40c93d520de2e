//! How everything looks: roles to styles, values to colors, glyphs to characters.
//!
//! A [`Theme`] is made by pure functions from a [`ThemeSpec`]; it knows neither panes nor the
//! terminal, and reads no environment. Start at [`ThemeRole`], then [`Theme::style`].
//!
//! Invariants:
//! - No color is named outside of this module and its palettes (`assets/themes/*.toml`).
//! - The background of the screen is the terminal's own; only selections and maps paint cells.
//! - At [`ColorDepth::NoColor`] no style holds a color; at [`ColorDepth::Ansi16`] only the sixteen
//!   named ones. What color says is also said by a glyph, a word or an attribute.

mod color;
mod depth;
mod glyph;
mod palette;
mod ramp;
mod role;

#[cfg(test)]
mod tests;

use ratatui::style::{Color, Style};

pub use color::{Rgb, ink_on};
pub use depth::ColorDepth;
pub use glyph::{GlyphSet, Glyphs};
pub use palette::{Palette, PaletteName, RoleColors, ThemeError};
pub use ramp::{HeatRamp, RampKind};
pub use role::ThemeRole;

/// Whether the terminal's background is dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Backdrop {
    /// Light text on a dark background.
    #[default]
    Dark,
    /// Dark text on a light background.
    Light,
}

/// What a [`Theme`] is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct ThemeSpec {
    /// The colors of the roles.
    pub palette: Palette,
    /// The terminal's background; a palette for only one of the two ignores it.
    pub backdrop: Backdrop,
    /// How many colors the terminal shows.
    pub depth: ColorDepth,
    /// The characters that may be drawn.
    pub glyphs: GlyphSet,
    /// The color ramp of maps.
    pub ramp: RampKind,
}

impl ThemeSpec {
    /// An embedded palette in full color; [`PaletteName::Mono`] turns all colors off.
    pub fn embedded(name: PaletteName, backdrop: Backdrop) -> Self {
        Self {
            palette: Palette::embedded(name),
            backdrop,
            depth: ColorDepth::TrueColor,
            glyphs: GlyphSet::Unicode,
            ramp: RampKind::Viridis,
        }
    }
}

/// All that drawing needs to know about looks.
#[derive(Debug, Clone)]
pub struct Theme {
    name: String,
    backdrop: Backdrop,
    depth: ColorDepth,
    glyph_set: GlyphSet,
    styles: [Style; ThemeRole::ALL.len()],
    ramp: HeatRamp,
    diverging: HeatRamp,
}

impl Theme {
    /// Puts a theme together: the palette's colors in the terminal's depth.
    pub fn new(spec: &ThemeSpec) -> Self {
        let depth = if spec.palette.is_mono() {
            ColorDepth::NoColor
        } else {
            spec.depth
        };
        let (backdrop, colors) = spec.palette.colors(spec.backdrop);
        let styles = ThemeRole::ALL.map(|role| style_of(role, colors[role.index()], depth));
        Self {
            name: spec.palette.name().to_owned(),
            backdrop,
            depth,
            glyph_set: spec.glyphs,
            styles,
            ramp: HeatRamp::sequential(spec.ramp, backdrop, depth),
            diverging: HeatRamp::diverging(backdrop, depth),
        }
    }

    /// The palette's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The background that the colors are made for.
    pub fn backdrop(&self) -> Backdrop {
        self.backdrop
    }

    /// How many colors the styles use.
    pub fn depth(&self) -> ColorDepth {
        self.depth
    }

    /// The set of characters.
    pub fn glyph_set(&self) -> GlyphSet {
        self.glyph_set
    }

    /// The characters of frames, meters and maps.
    pub fn glyphs(&self) -> &'static Glyphs {
        self.glyph_set.glyphs()
    }

    /// What a role looks like.
    pub fn style(&self, role: ThemeRole) -> Style {
        self.styles[role.index()]
    }

    /// The ramp of values from 0 to 1.
    pub fn ramp(&self) -> &HeatRamp {
        &self.ramp
    }

    /// The ramp of differences: 0 is the most negative one, 0.5 none, 1 the most positive one.
    pub fn diverging(&self) -> &HeatRamp {
        &self.diverging
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new(&ThemeSpec::embedded(PaletteName::Dark, Backdrop::Dark))
    }
}

fn style_of(role: ThemeRole, colors: RoleColors, depth: ColorDepth) -> Style {
    let (fg, bg) = match depth {
        ColorDepth::NoColor => (None, None),
        ColorDepth::Ansi16 => (colors.ansi, colors.ansi_bg),
        ColorDepth::Ansi256 => (
            colors.fg.map(Rgb::to_indexed),
            colors.bg.map(Rgb::to_indexed),
        ),
        ColorDepth::TrueColor => (colors.fg.map(Color::from), colors.bg.map(Color::from)),
    };
    let mut style = Style::new().add_modifier(role.modifiers(depth != ColorDepth::NoColor));
    style.fg = fg;
    style.bg = bg;
    style
}
