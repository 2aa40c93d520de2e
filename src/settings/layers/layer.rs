//! One layer: a text, where it comes from, and what is wrong with it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use config::{Map, Source, Value, ValueKind};
use toml::de::DeValue;

use super::super::error::{Origin, SettingsError};
use super::super::{EMBEDDED, Settings};
use super::positions::{Positions, line_and_column};
use super::report;

/// The longest settings file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// What variables begin with, and what stands between the names of tables and keys.
pub(super) const SEPARATOR: &str = "__";
pub(super) const VARIABLE_PREFIX: &str = "GPTOSS__";

/// Some settings and their origin; already checked as far as one layer can be.
#[derive(Debug)]
pub(super) struct Layer {
    kind: LayerKind,
    text: String,
    positions: Positions,
    table: toml::Table,
}

#[derive(Debug, Clone)]
enum LayerKind {
    Embedded,
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl Layer {
    /// The defaults.
    pub(super) fn embedded() -> Result<Self, SettingsError> {
        Self::checked(LayerKind::Embedded, EMBEDDED.to_owned())
    }

    /// A settings file.
    pub(super) fn file(path: &Path) -> Result<Self, SettingsError> {
        let text = read(path).map_err(|reason| SettingsError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        Self::checked(LayerKind::File(path.to_owned()), text)
    }

    /// A variable, such as `GPTOSS__UI__THEME`.
    ///
    /// Names are lower-cased, because variables are written in capitals by custom; chords are not,
    /// because `G` and `g` are two keys.
    pub(super) fn variable(name: &str, value: &str) -> Result<Self, SettingsError> {
        let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
        let mut keys: Vec<String> = rest.split(SEPARATOR).map(str::to_lowercase).collect();
        if keys[0] == "keys" {
            let chords = rest.split(SEPARATOR).skip(2).map(str::to_owned);
            keys.truncate(2);
            keys.extend(chords);
        }
        let quoted: Vec<String> = keys.iter().map(|key| quote(key)).collect();
        let kind = LayerKind::Environment(name.to_owned());
        Self::single(&kind, &quoted.join("."), value)
    }

    /// What a flag sets, such as `ui.theme=dark`; `flag` is the flag as it was given.
    pub(super) fn flag(flag: &str, assignment: &str) -> Result<Self, SettingsError> {
        let kind = LayerKind::Flag(flag.to_owned());
        // A quoted chord may hold the sign itself.
        let split = assignment
            .match_indices('=')
            .map(|(at, _)| assignment.split_at(at))
            .find(|(key, _)| toml::from_str::<toml::Table>(&format!("{key} = 0")).is_ok());
        match split {
            Some((key, value)) => Self::single(&kind, key, value[1..].trim()),
            None => Err(SettingsError::Syntax {
                origin: kind.origin("", 0),
                reason: "expected KEY=VALUE such as ui.theme=dark".to_owned(),
            }),
        }
    }

    /// One key whose value is TOML where that fits, else a text that needs no quotation marks.
    fn single(kind: &LayerKind, key: &str, value: &str) -> Result<Self, SettingsError> {
        let quoted = Self::checked(kind.clone(), format!("{key} = {}", quote(value)));
        if value.contains('\n') || DeValue::parse(value).is_err() {
            return quoted;
        }
        Self::checked(kind.clone(), format!("{key} = {value}"))
            .or_else(|error| quoted.or(Err(error)))
    }

    fn checked(kind: LayerKind, text: String) -> Result<Self, SettingsError> {
        let parsed = Positions::parse(&text).and_then(|positions| {
            let table = toml::from_str(&text)?;
            Ok((positions, table))
        });
        let (positions, table) = parsed.map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            SettingsError::Syntax {
                origin: kind.origin(&text, offset),
                reason: error.message().replace('\n', ", "),
            }
        })?;
        let layer = Self {
            kind,
            text,
            positions,
            table,
        };
        match toml::from_str::<Settings>(&layer.text) {
            Ok(_) => Ok(layer),
            Err(error) => Err(layer.refusal(&error)),
        }
    }

    fn refusal(&self, error: &toml::de::Error) -> SettingsError {
        let span = error.span().unwrap_or(0..0);
        let path = self.positions.key_at(span.start).unwrap_or_default();
        let origin = self.kind.origin(&self.text, span.start);
        let source = self.text.get(span).unwrap_or_default();
        report::refusal(origin, path, source, error.message())
    }

    /// Where the key `path` of this layer was written.
    pub(super) fn origin(&self, path: &[String]) -> Origin {
        let offset = self.positions.offset(path).unwrap_or_default();
        self.kind.origin(&self.text, offset)
    }

    /// Where the key `path` stands in the layer's text, in bytes.
    pub(super) fn offset(&self, path: &[String]) -> Option<usize> {
        self.positions.offset(path)
    }

    /// The layer for the merge; `index` comes back as its values' origin.
    pub(super) fn source(&self, index: usize) -> TableSource {
        TableSource {
            table: self.table.clone(),
            origin: index.to_string(),
        }
    }
}

impl LayerKind {
    fn origin(&self, text: &str, offset: usize) -> Origin {
        match self {
            Self::Embedded => Origin::Default,
            Self::File(path) => {
                let (line, column) = line_and_column(text, offset);
                Origin::File {
                    path: path.clone(),
                    line,
                    column,
                }
            }
            Self::Environment(variable) => Origin::Environment {
                variable: variable.clone(),
            },
            Self::Flag(flag) => Origin::Flag { flag: flag.clone() },
        }
    }
}

/// A table as the `config` crate takes it.
#[derive(Debug, Clone)]
pub(super) struct TableSource {
    table: toml::Table,
    origin: String,
}

impl Source for TableSource {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self
            .table
            .iter()
            .map(|(key, value)| (key.clone(), to_config(value, &self.origin)))
            .collect())
    }
}

fn to_config(value: &toml::Value, origin: &String) -> Value {
    let kind = match value {
        toml::Value::String(text) => ValueKind::String(text.clone()),
        toml::Value::Integer(number) => ValueKind::I64(*number),
        toml::Value::Float(number) => ValueKind::Float(*number),
        toml::Value::Boolean(flag) => ValueKind::Boolean(*flag),
        toml::Value::Datetime(datetime) => ValueKind::String(datetime.to_string()),
        toml::Value::Array(items) => {
            ValueKind::Array(items.iter().map(|item| to_config(item, origin)).collect())
        }
        toml::Value::Table(table) => ValueKind::Table(
            table
                .iter()
                .map(|(key, value)| (key.clone(), to_config(value, origin)))
                .collect(),
        ),
    };
    Value::new(Some(origin), kind)
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "longer than {MAX_FILE_BYTES} bytes, so it is no settings file"
        ));
    }
    Ok(text)
}

/// A text as TOML writes it, in quotation marks.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
