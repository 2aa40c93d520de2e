//! Values that are written as one word or one number and mean more than that.
//!
//! Each is parsed once, where it is read; its `Display` is what may stand in the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The model that is opened without an argument.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelChoice {
    /// The small one inside the program.
    #[default]
    Demo,
    /// A folder with a checkpoint.
    Path(PathBuf),
}

/// A folder that has a usual place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Folder {
    /// The usual place; see [`super::dirs`].
    #[default]
    Auto,
    /// This one.
    Path(PathBuf),
}

/// The colors of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// Dark or light, as the terminal's background is.
    #[default]
    Auto,
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Strong contrast.
    Contrast,
    /// Without colors.
    Mono,
    /// A theme file.
    Path(PathBuf),
}

/// The date in the system message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DateSetting {
    /// No date.
    #[default]
    Off,
    /// The day on which the message is sent.
    Today,
    /// This date, `YYYY-MM-DD`.
    On(String),
}

/// The random stream's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seed {
    /// Another one for each answer.
    #[default]
    Random,
    /// This one.
    Fixed(u64),
}

/// The precision of cached keys and values in the full-attention layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvBits {
    /// The dtype of activations.
    #[default]
    Activation,
    /// Affine, 8 bits.
    Eight,
}

/// The most bytes that the device may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryLimit {
    /// What the device recommends.
    #[default]
    Auto,
    /// This many.
    Bytes(ByteSize),
}

impl MemoryLimit {
    /// The limit, where one was set.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Auto => None,
            Self::Bytes(size) => Some(size.0),
        }
    }
}

/// A number of bytes: `12000000000`, `12GB`, `1.5 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

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

/// A value with a written form.
trait Word: FromStr<Err = String> + fmt::Display {
    /// What may stand there, after "expected".
    const EXPECTED: &'static str;
}

/// Gives each type its written form, which serde then uses.
macro_rules! words {
    ($($name:ident: $expected:literal, $parse:expr, $write:expr;)+) => {$(
        impl Word for $name {
            const EXPECTED: &'static str = $expected;
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(text.trim()).ok_or_else(|| format!("expected {}", Self::EXPECTED))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let write: fn(&Self) -> String = $write;
                f.write_str(&write(self))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_word(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(WordVisitor(std::marker::PhantomData))
            }
        }
    )+};
}

words! {
    ModelChoice: "\"demo\" or the path of a model folder",
        |text| match text {
            "" => None,
            "demo" => Some(Self::Demo),
            path => Some(Self::Path(path.into())),
        },
        |value| match value {
            Self::Demo => "demo".to_owned(),
            Self::Path(path) => path.display().to_string(),
        };
    Folder: "\"auto\" or the path of a folder",
        |text| match text {
            "" => None,
            "auto" => Some(Self::Auto),
            path => Some(Self::Path(path.into())),
        },
        |value| match value {
            Self::Auto => "auto".to_owned(),
            Self::Path(path) => path.display().to_string(),
        };
    ThemeChoice: "\"auto\", \"dark\", \"light\", \"contrast\", \"mono\" or the path of a theme \
                  file (with a / or ending in .toml)",
        |text| match text {
            "auto" => Some(Self::Auto),
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "contrast" => Some(Self::Contrast),
            "mono" => Some(Self::Mono),
            path if is_theme_file(path) => Some(Self::Path(path.into())),
            _ => None,
        },
        |value| match value {
            Self::Auto => "auto".to_owned(),
            Self::Dark => "dark".to_owned(),
            Self::Light => "light".to_owned(),
            Self::Contrast => "contrast".to_owned(),
            Self::Mono => "mono".to_owned(),
            Self::Path(path) => path.display().to_string(),
        };
    DateSetting: "\"off\", \"today\" or a date such as \"2026-01-31\"",
        |text| match text {
            "off" => Some(Self::Off),
            "today" => Some(Self::Today),
            date if date.len() == 10 => date
                .parse::<jiff::civil::Date>()
                .ok()
                .map(|date| Self::On(date.to_string())),
            _ => None,
        },
        |value| match value {
            Self::Off => "off".to_owned(),
            Self::Today => "today".to_owned(),
            Self::On(date) => date.clone(),
        };
    Seed: "\"random\" or a whole number from 0",
        |text| match text {
            "random" => Some(Self::Random),
            number => number.parse().ok().map(Self::Fixed),
        },
        |value| match value {
            Self::Random => "random".to_owned(),
            Self::Fixed(seed) => seed.to_string(),
        };
    KvBits: "\"activation\" or 8",
        |text| match text {
            "activation" => Some(Self::Activation),
            "8" => Some(Self::Eight),
            _ => None,
        },
        |value| match value {
            Self::Activation => "activation".to_owned(),
            Self::Eight => "8".to_owned(),
        };
    MemoryLimit: "\"auto\" or a number of bytes such as 12000000000, \"12GB\" or \"1.5GiB\"",
        |text| match text {
            "auto" => Some(Self::Auto),
            size => size.parse().ok().map(Self::Bytes),
        },
        |value| match value {
            Self::Auto => "auto".to_owned(),
            Self::Bytes(size) => size.0.to_string(),
        };
}

/// A word that is none of the built-in themes is a slip, not a file.
fn is_theme_file(text: &str) -> bool {
    let extension = Path::new(text).extension();
    text.contains('/') || extension.is_some_and(|extension| extension == "toml")
}

/// Numbers stay numbers in files, unless TOML cannot hold them.
fn serialize_word<S: Serializer>(
    word: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = word.to_string();
    match text.parse::<i64>() {
        Ok(number) => serializer.serialize_i64(number),
        Err(_) => serializer.serialize_str(&text),
    }
}

struct WordVisitor<T>(std::marker::PhantomData<T>);

impl<T: Word> Visitor<'_> for WordVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        number
            .to_string()
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        number
            .to_string()
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Word + PartialEq + fmt::Debug>(text: &str, value: Option<T>) {
        assert_eq!(text.parse().ok(), value, "{text:?}");
        if let Some(value) = value {
            assert_eq!(value.to_string().parse(), Ok(value), "{text:?} written");
        }
    }

    #[test]
    fn words_and_paths_are_told_apart() {
        check("demo", Some(ModelChoice::Demo));
        check("./demo", Some(ModelChoice::Path("./demo".into())));
        check::<ModelChoice>("", None);
        check("auto", Some(Folder::Auto));
        check("~/chats", Some(Folder::Path("~/chats".into())));
        check("mono", Some(ThemeChoice::Mono));
        check("my.toml", Some(ThemeChoice::Path("my.toml".into())));
        check::<ThemeChoice>("darkk", None);
    }

    #[test]
    fn dates_exist_in_the_calendar() {
        check("off", Some(DateSetting::Off));
        check("2028-02-29", Some(DateSetting::On("2028-02-29".into())));
        for text in ["2026-02-29", "2026-13-01", "20260101", "tomorrow", ""] {
            check::<DateSetting>(text, None);
        }
    }

    #[test]
    fn numbers_are_read_in_words_too() {
        check("18446744073709551615", Some(Seed::Fixed(u64::MAX)));
        check("random", Some(Seed::Random));
        check::<Seed>("-1", None);
        check("8", Some(KvBits::Eight));
        check::<KvBits>("4", None);
    }

    #[test]
    fn sizes_are_read_with_decimal_and_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("12GB", 12_000_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("800m", 800_000_000),
        ] {
            check(text, Some(MemoryLimit::Bytes(ByteSize(bytes))));
        }
        for text in ["", "GB", "-1", "1.2.3", "12 parsecs", "NaN", "much"] {
            check::<MemoryLimit>(text, None);
        }
    }
}
