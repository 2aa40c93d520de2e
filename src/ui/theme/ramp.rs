//! Values to colors: perceptually even ramps that color-blind people can read.

use colorgrad::Gradient;
use ratatui::style::{Color, Style};

use super::{Backdrop, ColorDepth, Glyphs, Rgb};

/// The steps of a ramp: few enough that small changes leave most cells as they were.
const STEPS: usize = 24;

/// The color ramp of maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RampKind {
    /// Blue over green to yellow; on light grounds from pale yellow over green to blue.
    #[default]
    Viridis,
    /// Blue over gray to yellow; on light grounds from white to blue.
    Cividis,
    /// Black over purple to white; on light grounds the other way.
    Magma,
}

/// Turns values from 0 to 1 into colors, or into glyphs of growing density.
///
/// Low values are near the terminal's background. NaN is no data, and is not painted.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatRamp {
    /// The colors, from low to high; empty where the terminal lacks them.
    steps: Vec<Color>,
    /// The hues of glyphs: below and from the middle on.
    hues: [Option<Color>; 2],
    cursor: Option<Color>,
    diverging: bool,
}

impl HeatRamp {
    pub(super) fn sequential(kind: RampKind, backdrop: Backdrop, depth: ColorDepth) -> Self {
        // Turned around, viridis and cividis would begin with a glaring yellow on white: there their
        // place is taken by ramps from near white to dark blue.
        let color = |t: f32| match (kind, backdrop) {
            (RampKind::Viridis, Backdrop::Dark) => rgb(&colorgrad::preset::viridis(), t),
            (RampKind::Viridis, Backdrop::Light) => rgb(&colorgrad::preset::yl_gn_bu(), t),
            (RampKind::Cividis, Backdrop::Dark) => rgb(&colorgrad::preset::cividis(), t),
            (RampKind::Cividis, Backdrop::Light) => rgb(&colorgrad::preset::blues(), t),
            (RampKind::Magma, Backdrop::Dark) => rgb(&colorgrad::preset::magma(), t),
            (RampKind::Magma, Backdrop::Light) => rgb(&colorgrad::preset::magma(), 1.0 - t),
        };
        let hues = match backdrop {
            Backdrop::Dark => [Color::Cyan, Color::LightYellow],
            Backdrop::Light => [Color::DarkGray, Color::Blue],
        };
        // A hue that the ramp does not have.
        let cursor = match kind {
            RampKind::Viridis | RampKind::Cividis => Rgb(255, 45, 85),
            RampKind::Magma => Rgb(0, 200, 120),
        };
        Self::build(color, hues, cursor, depth, false)
    }

    pub(super) fn diverging(backdrop: Backdrop, depth: ColorDepth) -> Self {
        // Blue and orange stay apart for all common kinds of color blindness.
        let (low, middle, high) = match backdrop {
            Backdrop::Dark => (Rgb(74, 163, 255), Rgb(28, 30, 34), Rgb(255, 150, 40)),
            Backdrop::Light => (Rgb(0, 84, 168), Rgb(244, 244, 242), Rgb(196, 88, 0)),
        };
        let color = move |t: f32| {
            if t < 0.5 {
                mix(low, middle, t * 2.0)
            } else {
                mix(middle, high, t * 2.0 - 1.0)
            }
        };
        let hues = match backdrop {
            Backdrop::Dark => [Color::LightBlue, Color::LightYellow],
            Backdrop::Light => [Color::Blue, Color::Red],
        };
        Self::build(color, hues, Rgb(230, 60, 200), depth, true)
    }

    fn build(
        color: impl Fn(f32) -> Rgb,
        hues: [Color; 2],
        cursor: Rgb,
        depth: ColorDepth,
        diverging: bool,
    ) -> Self {
        let fit = |color: Rgb| match depth {
            ColorDepth::TrueColor => color.into(),
            _ => color.to_indexed(),
        };
        let steps = if depth.has_ramp() {
            let last = (STEPS - 1) as f32;
            (0..STEPS)
                .map(|step| fit(color(step as f32 / last)))
                .collect()
        } else {
            Vec::new()
        };
        let has_hues = depth == ColorDepth::Ansi16;
        Self {
            steps,
            hues: hues.map(|hue| has_hues.then_some(hue)),
            cursor: depth.has_ramp().then(|| fit(cursor)),
            diverging,
        }
    }

    /// Whether values have colors; else only [`Self::glyph`] shows them.
    pub fn has_colors(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The color of a value; none for NaN, and where the terminal lacks the colors.
    pub fn color(&self, value: f32) -> Option<Color> {
        if value.is_nan() {
            return None;
        }
        let last = self.steps.len().checked_sub(1)?;
        Some(self.steps[(value.clamp(0.0, 1.0) * last as f32).round() as usize])
    }

    /// A color that stands out of all of the ramp's.
    pub fn cursor_color(&self) -> Option<Color> {
        self.cursor
    }

    /// A value as a glyph of growing density, with the ramp's color where there is one.
    pub fn glyph(&self, value: f32, glyphs: &Glyphs) -> (&'static str, Style) {
        if value.is_nan() {
            return (" ", Style::new());
        }
        let value = value.clamp(0.0, 1.0);
        let (strength, negative) = if self.diverging {
            ((value * 2.0 - 1.0).abs(), value < 0.5)
        } else {
            (value, false)
        };
        // The rounding gives nothing but zero the empty glyph.
        let step = (strength * 5.0).ceil() as usize;
        let set = if negative {
            &glyphs.negative
        } else {
            &glyphs.density
        };
        let warm = if self.diverging {
            !negative
        } else {
            strength >= 0.5
        };
        let color = self.color(value).or(self.hues[usize::from(warm)]);
        let style = color.map_or_else(Style::new, |color| Style::new().fg(color));
        (set[step.min(5)], style)
    }
}

fn rgb(gradient: &impl Gradient, t: f32) -> Rgb {
    let [red, green, blue, _] = gradient.at(t).to_rgba8();
    Rgb(red, green, blue)
}

fn mix(from: Rgb, to: Rgb, t: f32) -> Rgb {
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * t).round() as u8;
    Rgb(
        channel(from.0, to.0),
        channel(from.1, to.1),
        channel(from.2, to.2),
    )
}
