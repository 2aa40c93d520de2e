//! Colors for values.

/// Dark blue to yellow over gray: ascending in lightness, the same to most kinds of color blindness.
const SEQUENTIAL: [[u8; 3]; 5] = [
    [0, 34, 78],
    [64, 77, 108],
    [124, 123, 120],
    [187, 173, 108],
    [254, 232, 56],
];

/// Blue over near white to orange: the middle is the lightest.
const DIVERGING: [[u8; 3]; 5] = [
    [5, 72, 141],
    [124, 169, 208],
    [245, 245, 245],
    [236, 164, 98],
    [166, 76, 2],
];

/// Colors of lines that most people can tell apart. *Source:* Okabe and Ito 2008.
pub(super) const LINES: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000",
];

/// The color at a place in 0..=1, as `#rrggbb`.
pub(super) fn color(place: f64, is_diverging: bool) -> String {
    let stops = if is_diverging { DIVERGING } else { SEQUENTIAL };
    let last = stops.len() - 1;
    let scaled = place.clamp(0.0, 1.0) * last as f64;
    let low = (scaled as usize).min(last - 1);
    let part = scaled - low as f64;
    let mix = |channel: usize| {
        let (from, to) = (
            f64::from(stops[low][channel]),
            f64::from(stops[low + 1][channel]),
        );
        (from + (to - from) * part).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}
