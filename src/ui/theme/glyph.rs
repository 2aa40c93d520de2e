//! The characters of frames, meters and maps, in Unicode and in ASCII.

/// Which characters may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GlyphSet {
    /// Light lines, blocks and braille; all of them one column wide.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

impl GlyphSet {
    /// The set's characters.
    pub const fn glyphs(self) -> &'static Glyphs {
        match self {
            Self::Unicode => &UNICODE,
            Self::Ascii => &ASCII,
        }
    }
}

/// One set of characters; all are one column wide.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A horizontal rule.
    pub horizontal: &'static str,
    /// A vertical rule.
    pub vertical: &'static str,
    /// Corners of a frame: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// Bars of growing height; the first is the least one that is not empty.
    pub bars: &'static [&'static str],
    /// Bars of growing length that end within a cell, without the full one.
    pub partial: &'static [&'static str],
    /// The filled part of a meter.
    pub fill: &'static str,
    /// The rest of a meter.
    pub rest: &'static str,
    /// Densities from nothing to full, in six steps.
    pub density: [&'static str; 6],
    /// The densities of negative differences, in six steps.
    pub negative: [&'static str; 6],
    /// The track of a slider.
    pub track: &'static str,
    /// The knob of a slider.
    pub knob: &'static str,
    /// The mark of the selected row.
    pub selected: &'static str,
    /// The mark of a chosen alternative.
    pub chosen: &'static str,
    /// The mark of a threshold that is passed.
    pub warning: &'static str,
    /// What stands for text that was cut.
    pub ellipsis: &'static str,
    /// Between a list of short items.
    pub separator: &'static str,
    /// The thumb of a scroll bar.
    pub thumb: &'static str,
    /// The frames of the sign of work going on.
    pub spinner: &'static [&'static str],
}

impl Glyphs {
    /// The frame of the spinner at a time; 10 frames a second.
    pub fn spinner_at(&self, now_ms: u64) -> &'static str {
        let frame = (now_ms / 100) as usize % self.spinner.len();
        self.spinner[frame]
    }
}

static UNICODE: Glyphs = Glyphs {
    horizontal: "─",
    vertical: "│",
    corners: ["┌", "┐", "└", "┘"],
    bars: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    partial: &["▏", "▎", "▍", "▌", "▋", "▊", "▉"],
    fill: "█",
    rest: "░",
    density: [" ", "·", "░", "▒", "▓", "█"],
    negative: [" ", "'", "-", "=", "%", "N"],
    track: "─",
    knob: "█",
    selected: ">",
    chosen: "<",
    warning: "!",
    ellipsis: "…",
    separator: "│",
    thumb: "█",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
};

static ASCII: Glyphs = Glyphs {
    horizontal: "-",
    vertical: "|",
    corners: ["+", "+", "+", "+"],
    bars: &["_", ".", ",", "-", "=", "+", "*", "#"],
    partial: &[],
    fill: "#",
    rest: ".",
    density: [" ", ".", ":", "+", "*", "#"],
    negative: [" ", "'", "-", "=", "%", "N"],
    track: "-",
    knob: "O",
    selected: ">",
    chosen: "<",
    warning: "!",
    ellipsis: "..",
    separator: "|",
    thumb: "#",
    spinner: &["|", "/", "-", "\\"],
};
