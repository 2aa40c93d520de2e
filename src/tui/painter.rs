//! Makes frames of states, with the theme in force.

use std::fmt;

use ratatui::Frame;

use crate::app::State;
use crate::app::viewport::Viewport;
use crate::ui;
use crate::ui::theme::{Backdrop, Theme};

/// Draws states.
pub trait Painter {
    /// Draws the state and tells what is where.
    fn paint(&mut self, frame: &mut Frame<'_>, state: &State) -> Viewport;
    /// Takes the theme of this name.
    ///
    /// *Errors:* a line for the person where there is no such theme.
    fn set_theme(&mut self, name: &str) -> Result<(), String>;
    /// Learns the terminal's background; true where frames look different now.
    fn set_backdrop(&mut self, backdrop: Backdrop) -> bool;
}

/// Makes the theme of a name for a background, in the terminal's colors.
pub type MakeTheme = Box<dyn Fn(&str, Backdrop) -> Result<Theme, String>>;

/// The program's own painter.
pub struct UiPainter {
    make: MakeTheme,
    name: String,
    backdrop: Backdrop,
    theme: Theme,
    cache: ui::Cache,
}

impl fmt::Debug for UiPainter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UiPainter")
            .field("name", &self.name)
            .field("backdrop", &self.backdrop)
            .finish_non_exhaustive()
    }
}

impl UiPainter {
    /// A painter with the theme of this name.
    ///
    /// *Errors:* a line for the person where there is no such theme.
    pub fn new(
        make: MakeTheme,
        name: &str,
        backdrop: Backdrop,
        options: ui::Options,
    ) -> Result<Self, String> {
        let theme = make(name, backdrop)?;
        Ok(Self {
            make,
            name: name.to_owned(),
            backdrop,
            theme,
            cache: ui::Cache::new(options),
        })
    }

    fn rebuild(&mut self, theme: Theme) {
        self.theme = theme;
        // Lines in the cache hold the old colors.
        self.cache = ui::Cache::new(self.cache.options);
    }
}

impl Painter for UiPainter {
    fn paint(&mut self, frame: &mut Frame<'_>, state: &State) -> Viewport {
        ui::draw(frame, state, &self.theme, &mut self.cache)
    }

    fn set_theme(&mut self, name: &str) -> Result<(), String> {
        let theme = (self.make)(name, self.backdrop)?;
        name.clone_into(&mut self.name);
        self.rebuild(theme);
        Ok(())
    }

    fn set_backdrop(&mut self, backdrop: Backdrop) -> bool {
        if backdrop == self.backdrop {
            return false;
        }
        self.backdrop = backdrop;
        match (self.make)(&self.name, backdrop) {
            Ok(theme) => self.rebuild(theme),
            Err(message) => tracing::warn!("{message}"),
        }
        true
    }
}
