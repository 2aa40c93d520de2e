//! Numbers and texts in few columns: three digits where a figure changes while one looks at it.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::GlyphSet;

/// Bytes in decimal units with three digits: `66.1 GB`, `71.6 MB`, `812 B`.
pub fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // What would round to 1000 belongs to the next unit.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", rate(value), units[unit])
}

/// A divergence with four decimals, or its size where these would all be 0: `0.0247`, `2e-5`.
pub fn divergence(value: f32) -> String {
    if value > 0.0 && value < 5e-4 {
        format!("{value:.0e}")
    } else {
        format!("{value:.4}")
    }
}

/// A count in at most four columns up to the billions: `812`, `1.9k`, `131k`, `2.4M`.
pub fn count(count: u64) -> String {
    if count < 1000 {
        return count.to_string();
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    let units = ["k", "M", "G", "T", "P", "E"];
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(value < 9.95);
    format!("{value:.decimals$}{}", units[unit])
}

/// A figure with three digits: `0.61`, `5.02`, `47.3`, `812`; `-` if it is not finite.
pub fn rate(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// A share of 1 as percentage: `6.1%`, `97%`, `0%`; `-` if it is not finite.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return "-".to_owned();
    }
    let decimals = usize::from(value != 0.0 && value.abs() < 9.95);
    format!("{value:.decimals$}%")
}

/// A number from 0 to 1 in at most five columns, however small: `.913`, `2e-5`; 0 is `0`.
pub fn small_probability(value: f64) -> String {
    if value.is_finite() && value > 0.0 && value < 0.000_95 {
        return format!("{value:.0e}");
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    probability(value)
}

/// A number from 0 to 1 in four columns: `.913`, `1.00`; `-` if it is not finite.
pub fn probability(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let text = format!("{value:.3}");
    match text.strip_prefix('0') {
        Some(rest) => rest.to_owned(),
        None => format!("{value:.2}"),
    }
}

/// A number from 0 to 1 in three columns: `.97`, or `1.00`; `-` if it is not finite.
pub fn share(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let text = format!("{value:.2}");
    match text.strip_prefix('0') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// A duration: `0.61 s`, `4.1 s`, `1 m 03 s`, `2 h 05 m`.
pub fn duration_ms(ms: u64) -> String {
    let seconds = (ms + 500) / 1000;
    match ms {
        0..995 => format!("{:.2} s", ms as f64 / 1e3),
        995..59_950 => format!("{:.1} s", ms as f64 / 1e3),
        59_950..3_599_500 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => {
            let minutes = (seconds + 30) / 60;
            format!("{} h {:02} m", minutes / 60, minutes % 60)
        }
    }
}

/// At most `width` columns of a text, cut between graphemes, with a mark where it was cut.
pub fn short_text(text: &str, width: usize, glyphs: GlyphSet) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let ellipsis = glyphs.glyphs().ellipsis;
    let mark = if ellipsis.width() <= width {
        ellipsis
    } else {
        ""
    };
    let room = width - mark.width();
    let mut used = 0;
    let kept = text
        .grapheme_indices(true)
        .map(|(at, grapheme)| (at + grapheme.len(), grapheme.width()))
        .take_while(|(_, columns)| {
            used += columns;
            used <= room
        })
        .last()
        .map_or(0, |(end, _)| end);
    Cow::Owned(format!("{}{mark}", &text[..kept]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Copy + std::fmt::Debug>(format: impl Fn(T) -> String, cases: &[(T, &str)]) {
        for (value, expected) in cases {
            assert_eq!(format(*value), *expected, "{value:?}");
        }
    }

    #[test]
    fn small_divergences_keep_their_size() {
        let cases = [
            (0.0, "0.0000"),
            (2.31e-5, "2e-5"),
            (5e-4, "0.0005"),
            (0.024_68, "0.0247"),
            (f32::INFINITY, "inf"),
        ];
        check(divergence, &cases);
    }

    #[test]
    fn bytes_have_three_digits_and_decimal_units() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (71_600_000, "71.6 MB"),
            (999_499_999, "999 MB"),
            (999_600_000, "1.00 GB"),
            (4_830_000_000, "4.83 GB"),
            (66_100_000_000, "66.1 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        check(bytes, &cases);
    }

    #[test]
    fn counts_stay_short() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1942, "1.9k"),
            (9_949, "9.9k"),
            (9_950, "10k"),
            (9_960, "10k"),
            (131_072, "131k"),
            (999_700, "1.0M"),
            (2_400_000, "2.4M"),
        ];
        check(count, &cases);
    }

    #[test]
    fn rates_and_shares_keep_what_matters() {
        check(
            rate,
            &[
                (0.611, "0.61"),
                (9.999, "10.0"),
                (47.31, "47.3"),
                (99.96, "100"),
                (812.4, "812"),
                (f64::NAN, "-"),
            ],
        );
        check(
            percent,
            &[
                (0.0, "0%"),
                (0.061, "6.1%"),
                (0.0996, "10%"),
                (0.97, "97%"),
                (1.0, "100%"),
                (f64::INFINITY, "-"),
            ],
        );
        check(share, &[(0.0, ".00"), (0.966, ".97"), (0.999, "1.00")]);
        check(
            probability,
            &[
                (0.0, ".000"),
                (0.9126, ".913"),
                (0.9999, "1.00"),
                (1.0, "1.00"),
                (f64::NAN, "-"),
            ],
        );
    }

    #[test]
    fn durations_read_as_spoken() {
        let cases = [
            (0, "0.00 s"),
            (610, "0.61 s"),
            (999, "1.0 s"),
            (4_120, "4.1 s"),
            (59_960, "1 m 00 s"),
            (63_000, "1 m 03 s"),
            (3_599_600, "1 h 00 m"),
            (7_500_000, "2 h 05 m"),
        ];
        check(duration_ms, &cases);
    }

    #[test]
    fn long_texts_are_cut_between_graphemes() {
        for (text, width, unicode, ascii) in [
            ("short", 5, "short", "short"),
            ("longer", 5, "long…", "lon.."),
            ("漢字漢字", 5, "漢字…", "漢.."),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…", ".."),
            ("abc", 1, "…", "a"),
            ("abc", 0, "", ""),
        ] {
            assert_eq!(short_text(text, width, GlyphSet::Unicode), unicode);
            assert_eq!(short_text(text, width, GlyphSet::Ascii), ascii);
        }
    }
}
