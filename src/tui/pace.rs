//! When the next frame is due: never without a change, never more often than the settings allow.

/// The most frames a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// For changes of any kind.
    pub max_fps: u16,
    /// For changes of maps and meters alone.
    pub map_fps: u16,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            max_fps: 30,
            map_fps: 10,
        }
    }
}

/// What has changed since the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Change {
    /// Nothing.
    #[default]
    None,
    /// Maps and meters alone.
    Figures,
    /// Anything else.
    Any,
}

/// Paces the frames.
#[derive(Debug, Default)]
pub(super) struct Pace {
    rates: Rates,
    change: Change,
    last_frame_ms: Option<u64>,
}

impl Pace {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            ..Self::default()
        }
    }

    /// Something has changed.
    pub(super) fn mark(&mut self, change: Change) {
        self.change = self.change.max(change);
    }

    /// When the next frame is to be drawn; none while the screen is up to date.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let fps = match self.change {
            Change::None => return None,
            Change::Figures => self.rates.map_fps.min(self.rates.max_fps),
            Change::Any => self.rates.max_fps,
        };
        let interval_ms = 1000 / u64::from(fps.max(1));
        Some(self.last_frame_ms.map_or(0, |last| last + interval_ms))
    }

    /// A frame was drawn.
    pub(super) fn drawn(&mut self, now_ms: u64) {
        self.change = Change::None;
        self.last_frame_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_after_changes_alone() {
        let mut pace = Pace::new(Rates {
            max_fps: 50,
            map_fps: 10,
        });
        assert_eq!(pace.due_ms(), None);
        pace.mark(Change::Any);
        assert_eq!(pace.due_ms(), Some(0));
        pace.drawn(100);
        assert_eq!(pace.due_ms(), None);
        pace.mark(Change::Figures);
        assert_eq!(pace.due_ms(), Some(200));
        pace.mark(Change::Any);
        assert_eq!(pace.due_ms(), Some(120));
        pace.mark(Change::Figures);
        assert_eq!(pace.due_ms(), Some(120));
    }
}
