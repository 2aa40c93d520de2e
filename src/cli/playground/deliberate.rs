//! A deliberate panic of what draws, for the tests of how it ends. Only debug builds have it.

use gptoss::tui::Painter;

/// Names the draft whose drawing panics.
#[cfg(debug_assertions)]
const VARIABLE: &str = "GPTOSS_TEST_PANIC_AT";

/// The painter itself, in debug builds with the panic where the environment asks for it.
#[cfg(debug_assertions)]
pub(super) fn wrap(inner: Box<dyn Painter>) -> Box<dyn Painter> {
    match std::env::var(VARIABLE) {
        Ok(draft) => Box::new(Deliberate { inner, draft }),
        Err(_) => inner,
    }
}

/// The painter itself.
#[cfg(not(debug_assertions))]
pub(super) fn wrap(inner: Box<dyn Painter>) -> Box<dyn Painter> {
    inner
}

#[cfg(debug_assertions)]
struct Deliberate {
    inner: Box<dyn Painter>,
    draft: String,
}

#[cfg(debug_assertions)]
impl Painter for Deliberate {
    fn paint(
        &mut self,
        frame: &mut ratatui::Frame<'_>,
        state: &gptoss::app::State,
    ) -> gptoss::app::viewport::Viewport {
        assert_ne!(state.composer.text(), self.draft, "deliberate");
        self.inner.paint(frame, state)
    }

    fn set_theme(&mut self, name: &str) -> Result<(), String> {
        self.inner.set_theme(name)
    }

    fn set_backdrop(&mut self, backdrop: gptoss::ui::theme::Backdrop) -> bool {
        self.inner.set_backdrop(backdrop)
    }
}
