//! What a look would take, before it is taken.

use super::{Page, tokens};
use crate::app::State;
use crate::app::inside::InsideView;
use crate::engine::protocol::ErrorKind;
use crate::ui::theme::ThemeRole;
use crate::ui::widgets::format;

impl Page<'_> {
    /// The cost, and the key that pays it.
    pub(super) fn cost(&mut self, view: &InsideView, state: &State) {
        self.row("What it will take", ThemeRole::Title);
        let count = view.subject.ids.len();
        self.text(
            &format!(
                "compute    {} anew, apart from the conversation's cache, which stays as it is",
                tokens(count)
            ),
            ThemeRole::Text,
        );
        self.text(&time(count, state), ThemeRole::Text);
        match &view.cost {
            None => self.text(
                "memory     not known: the engine has not said",
                ThemeRole::Faint,
            ),
            Some(cost) => {
                let limit = match cost.limit_bytes {
                    0 => String::new(),
                    limit => format!(" of {} that may be used", format::bytes(limit)),
                };
                self.text(
                    &format!("unembed    {} rows, one a layer", cost.unembeddings),
                    ThemeRole::Text,
                );
                self.text(
                    &format!("memory     up to {}{limit}", format::bytes(cost.peak_bytes)),
                    ThemeRole::Text,
                );
                if cost.limit_bytes > 0 && cost.peak_bytes > cost.limit_bytes {
                    self.text(
                        "that is more than may be used: the engine will refuse; an earlier token \
                         takes less",
                        ThemeRole::Danger,
                    );
                }
            }
        }
        self.blank();
        self.text("Enter starts it", ThemeRole::Accent);
    }
}

/// The time that so many tokens take at the speed of the latest prompt.
pub(super) fn time(tokens: usize, state: &State) -> String {
    let speed = state.telemetry.speed.prefill_tps;
    match speed.filter(|speed| *speed > 0.0) {
        None => "time       not known: no prompt's speed was measured yet".to_owned(),
        Some(speed) => {
            let ms = (tokens as f64 / speed * 1e3) as u64;
            format!(
                "time       about {} at {} tokens a second, the latest prompt's speed",
                format::duration_ms(ms),
                format::rate(speed)
            )
        }
    }
}

/// What to do about a failure.
pub(super) fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Cancelled => "Nothing is lost; Enter starts it again.",
        ErrorKind::Memory => {
            "Choose an earlier token with the comma key, or empty the cache with clear-cache in \
             the palette, then Enter."
        }
        ErrorKind::Busy => "Wait until the engine is idle or stop it with Ctrl+C, then Enter.",
        ErrorKind::NoModel | ErrorKind::Load | ErrorKind::Crash => {
            "Load the model again with reload-model in the palette, then Enter."
        }
        ErrorKind::InvalidRequest => {
            "This engine or model cannot do it for this token; choose another token or model."
        }
        _ => "Enter tries again; the log tells more.",
    }
}
