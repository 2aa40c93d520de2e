//! What frames cost, told now and then.

/// How often it is told at most.
const INTERVAL_MS: u64 = 1000;

/// The cost of the last frame.
#[derive(Debug, Default)]
pub(super) struct FrameCost {
    micros: Option<u64>,
    told_ms: Option<u64>,
}

impl FrameCost {
    /// A frame took so long.
    pub(super) fn set(&mut self, micros: u64) {
        self.micros = Some(micros);
    }

    /// What the last frame took, where that is news.
    pub(super) fn take_due(&mut self, now_ms: u64) -> Option<u64> {
        if self.told_ms.is_some_and(|told| now_ms < told + INTERVAL_MS) {
            return None;
        }
        let micros = self.micros.take()?;
        self.told_ms = Some(now_ms);
        Some(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_once_and_at_most_once_a_second() {
        let mut cost = FrameCost::default();
        assert_eq!(cost.take_due(0), None);
        cost.set(5);
        assert_eq!((cost.take_due(10), cost.take_due(2000)), (Some(5), None));
        cost.set(6);
        cost.set(7);
        assert_eq!((cost.take_due(1009), cost.take_due(1010)), (None, Some(7)));
    }
}
