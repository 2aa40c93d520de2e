//! Progress bars, on stderr and only where it is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes.
    Bytes,
    /// Anything else.
    Items,
}

/// A bar from 0 to `total`, labelled `label`; it goes when dropped by [`Bar`].
pub(crate) fn bar(label: &'static str, total: u64, unit: Unit) -> Bar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = match unit {
        Unit::Bytes => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        Unit::Items => "{msg} {wide_bar} {pos}/{len} {eta}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(label);
    Bar(bar)
}

/// A bar that leaves no trace when it is done.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// Moves the bar.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
