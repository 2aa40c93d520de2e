//! The section `[ui]`.

use serde::{Deserialize, Serialize};

use super::values::ThemeChoice;

/// `[ui]`: the screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiSettings {
    /// The colors.
    pub theme: ThemeChoice,
    /// How many colors the terminal shows.
    pub color: ColorDepth,
    /// The characters of frames, meters and maps.
    pub glyphs: Glyphs,
    /// The color ramp of maps.
    pub ramp: Ramp,
    /// How a cell of the routing map is drawn.
    pub heat_cell: HeatCell,
    /// The panes' arrangement.
    pub layout: LayoutChoice,
    /// Whether the program takes mouse events; the terminal's own selection works where it does not.
    pub mouse: bool,
    /// Lines that one step of the wheel scrolls. From 1 to 50.
    pub scroll_lines: u16,
    /// The most frames a second. From 1 to 120.
    pub max_fps: u16,
    /// The most updates of maps a second. From 1 to 60.
    pub map_fps: u16,
    /// Whether frames are framed as synchronized updates.
    pub synchronized_updates: bool,
    /// Whether to write lines instead of a full screen, as screen readers like it.
    pub plain: bool,
    /// The program that edits messages; empty is `$VISUAL`, else `$EDITOR`.
    pub editor: String,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Auto,
            color: ColorDepth::Auto,
            glyphs: Glyphs::Unicode,
            ramp: Ramp::Viridis,
            heat_cell: HeatCell::Auto,
            layout: LayoutChoice::Auto,
            mouse: true,
            scroll_lines: 3,
            max_fps: 30,
            map_fps: 10,
            synchronized_updates: true,
            plain: false,
            editor: String::new(),
        }
    }
}

/// How many colors the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorDepth {
    /// As the environment says.
    #[default]
    Auto,
    /// 24 bits.
    Truecolor,
    /// The palette of 256.
    #[serde(rename = "256")]
    Indexed256,
    /// The palette of 16.
    #[serde(rename = "16")]
    Ansi16,
    /// None; bold, underlined and reversed text only.
    None,
}

/// The characters of frames, meters and maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glyphs {
    /// Lines, blocks and braille.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

/// A color ramp for maps; all of them can be read without full color vision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ramp {
    /// Blue over green to yellow.
    #[default]
    Viridis,
    /// Blue over gray to yellow.
    Cividis,
    /// Black over purple to white.
    Magma,
}

/// How a cell of the routing map is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeatCell {
    /// Half blocks where the glyphs permit them.
    #[default]
    Auto,
    /// Two layers a row, as half blocks.
    Half,
    /// One layer a row, as colored cells.
    Full,
    /// One layer a row, as characters of growing density.
    Ascii,
}

/// The panes' arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutChoice {
    /// By the terminal's width.
    #[default]
    Auto,
    /// One pane at a time.
    Narrow,
    /// Chat and one other pane.
    Split,
    /// Chat and all other panes.
    Wide,
}
