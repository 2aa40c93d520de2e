//! How many colors a terminal shows.

use termprofile::TermProfile;

/// How many colors a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ColorDepth {
    /// None: bold, dim, underlined and reversed text only.
    NoColor,
    /// The sixteen named colors, whose values the terminal chooses.
    Ansi16,
    /// The palette of 256.
    Ansi256,
    /// 24 bits.
    #[default]
    TrueColor,
}

impl ColorDepth {
    /// Whether two colors of a map's ramp can share one cell.
    pub fn has_ramp(self) -> bool {
        self >= Self::Ansi256
    }
}

impl From<TermProfile> for ColorDepth {
    fn from(profile: TermProfile) -> Self {
        match profile {
            TermProfile::NoTty | TermProfile::NoColor => Self::NoColor,
            TermProfile::Ansi16 => Self::Ansi16,
            TermProfile::Ansi256 => Self::Ansi256,
            TermProfile::TrueColor => Self::TrueColor,
        }
    }
}
