//! What this program allocates at its worst moment.

use std::sync::atomic::Ordering::Relaxed;

use super::counting::{NOW, PEAK};

/// Runs something; also returns how many bytes more than before were in use at its worst moment.
pub(crate) fn peak_bytes<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let value = run();
    (value, PEAK.load(Relaxed).saturating_sub(before))
}

#[test]
fn what_is_allocated_is_counted() {
    let _alone = super::runs::alone();
    let ((), peak) = peak_bytes(|| drop(std::hint::black_box(vec![1_u8; 3 << 20])));
    assert!((3 << 20..4 << 20).contains(&peak), "{peak}");
}
