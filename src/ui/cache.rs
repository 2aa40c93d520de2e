//! What drawing keeps from one frame to the next: derived data alone.

use super::chat::TextCache;
use super::layout::LayoutPreference;

/// How to draw, beyond colors and glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How many columns of panes there are.
    pub layout: LayoutPreference,
}

/// Wrapped texts and the options. Forgetting it changes nothing but the cost of the next frame.
#[derive(Debug, Default)]
pub struct Cache {
    /// How to draw.
    pub options: Options,
    /// The messages' wrapped texts.
    pub(in crate::ui) texts: TextCache,
}

impl Cache {
    /// An empty one with these options.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            texts: TextCache::default(),
        }
    }
}
