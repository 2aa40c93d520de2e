//! Numbers as texts.

/// The shortest text that reads back as the same value; whole numbers without a point.
pub(super) fn exact(value: f64) -> String {
    value.to_string()
}

/// About three digits, for legends and axes.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if !(0.001..1e6).contains(&size) {
        format!("{value:.1e}")
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        trimmed(&format!("{value:.2}"))
    } else {
        trimmed(&format!("{value:.3}"))
    }
}

/// Two decimals at most, for places in a drawing.
pub(super) fn place(value: f64) -> String {
    trimmed(&format!("{value:.2}"))
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
