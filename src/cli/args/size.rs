//! Numbers of bytes as people write them.

use std::str::FromStr;

/// A number of bytes: `12000000000`, `12GB`, `1.5 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let expected = || "expected a number of bytes such as 800000000, 12GB or 1.5GiB".to_owned();
        let factor = match unit.trim().to_ascii_uppercase().as_str() {
            "" | "B" => 1.0,
            "K" | "KB" => 1e3,
            "M" | "MB" => 1e6,
            "G" | "GB" => 1e9,
            "T" | "TB" => 1e12,
            "KIB" => 1024.0,
            "MIB" => 1024f64.powi(2),
            "GIB" => 1024f64.powi(3),
            "TIB" => 1024f64.powi(4),
            _ => return Err(expected()),
        };
        let number: f64 = number.parse().map_err(|_| expected())?;
        Ok(Self((number * factor) as u64))
    }
}

/// Bytes for people, in decimal units.
pub(crate) fn format_bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.2} GB", value / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_decimal_and_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("12GB", 12_000_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("800m", 800_000_000),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "GB", "-1", "1.2.3", "12 parsecs", "NaN"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
