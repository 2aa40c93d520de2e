//! Colors as numbers: contrast, and the nearest one of a smaller palette.

use ratatui::style::Color;

/// A 24-bit color in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// The contrast ratio to another color, from 1 to 21.
    ///
    /// Source: WCAG 2.2, definition of contrast ratio.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The relative luminance, from 0 to 1.
    ///
    /// Source: WCAG 2.2, definition of relative luminance.
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// The nearest color of the 256 whose value is fixed: the cube or the grays.
    ///
    /// The first sixteen are left out, since each terminal gives them other values.
    pub fn to_indexed(self) -> Color {
        let cube = [self.0, self.1, self.2].map(nearest_level);
        let gray = {
            let mean = (i32::from(self.0) + i32::from(self.1) + i32::from(self.2)) / 3;
            ((mean - 3) / 10).clamp(0, 23) as u8
        };
        let cube_index = 16 + 36 * cube[0] + 6 * cube[1] + cube[2];
        let nearest = [cube_index, 232 + gray]
            .into_iter()
            .min_by_key(|index| self.distance(Self::of_index(*index)));
        Color::Indexed(nearest.unwrap_or(cube_index))
    }

    /// The nearest of the sixteen named colors, as xterm paints them.
    pub fn to_named(self) -> Color {
        NAMED
            .iter()
            .min_by_key(|(_, value)| self.distance(*value))
            .map_or(Color::Reset, |(color, _)| *color)
    }

    /// The value of a color from 16 to 255 of the palette of 256.
    pub(crate) fn of_index(index: u8) -> Self {
        if index >= 232 {
            let level = 8 + 10 * (index - 232);
            return Self(level, level, level);
        }
        let place = index.saturating_sub(16);
        let level = |digit: u8| LEVELS[usize::from(digit % 6)];
        Self(level(place / 36), level(place / 6), level(place))
    }

    /// Squared distance, weighted as the eye weights the channels.
    fn distance(self, other: Self) -> i32 {
        let part = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
        2 * part(self.0, other.0) + 4 * part(self.1, other.1) + 3 * part(self.2, other.2)
    }
}

impl From<Rgb> for Color {
    fn from(Rgb(red, green, blue): Rgb) -> Self {
        Self::Rgb(red, green, blue)
    }
}

/// The six levels of the cube of 216 colors.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The named colors with xterm's default values.
pub(crate) const NAMED: [(Color, Rgb); 16] = [
    (Color::Black, Rgb(0, 0, 0)),
    (Color::Red, Rgb(205, 0, 0)),
    (Color::Green, Rgb(0, 205, 0)),
    (Color::Yellow, Rgb(205, 205, 0)),
    (Color::Blue, Rgb(0, 0, 238)),
    (Color::Magenta, Rgb(205, 0, 205)),
    (Color::Cyan, Rgb(0, 205, 205)),
    (Color::Gray, Rgb(229, 229, 229)),
    (Color::DarkGray, Rgb(127, 127, 127)),
    (Color::LightRed, Rgb(255, 0, 0)),
    (Color::LightGreen, Rgb(0, 255, 0)),
    (Color::LightYellow, Rgb(255, 255, 0)),
    (Color::LightBlue, Rgb(92, 92, 255)),
    (Color::LightMagenta, Rgb(255, 0, 255)),
    (Color::LightCyan, Rgb(0, 255, 255)),
    (Color::White, Rgb(255, 255, 255)),
];

/// Black or white, whichever is easier to read on a color; the terminal's own where that is not known.
pub fn ink_on(color: Color) -> Color {
    let is_bright = |color: Rgb| color.contrast(Rgb(0, 0, 0)) > color.contrast(Rgb(255, 255, 255));
    match color {
        Color::Rgb(red, green, blue) if is_bright(Rgb(red, green, blue)) => Color::Rgb(0, 0, 0),
        Color::Rgb(..) => Color::Rgb(255, 255, 255),
        Color::Indexed(index @ 16..) if is_bright(Rgb::of_index(index)) => Color::Indexed(16),
        Color::Indexed(16..) => Color::Indexed(231),
        _ => Color::Reset,
    }
}

/// The place of the nearest level of the cube.
fn nearest_level(channel: u8) -> u8 {
    let distance = |level: u8| level.abs_diff(channel);
    (0..6u8)
        .min_by_key(|place| distance(LEVELS[usize::from(*place)]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((white.contrast(white) - 1.0).abs() < 1e-9);
        assert!((Rgb(0x77, 0x77, 0x77).contrast(white) - 4.48).abs() < 0.01);
    }

    #[test]
    fn fixed_colors_of_the_palette_are_their_own_nearest() {
        for index in 16..=255u8 {
            let Color::Indexed(found) = Rgb::of_index(index).to_indexed() else {
                panic!("not an indexed color");
            };
            assert_eq!(Rgb::of_index(found), Rgb::of_index(index), "{index}");
        }
    }

    #[test]
    fn named_colors_are_their_own_nearest() {
        for (color, value) in NAMED {
            assert_eq!(value.to_named(), color);
        }
    }
}
