//! What can be wrong with settings, and where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the embedded `gptoss.toml`.
    Default,
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character within the line, from 1.
        column: usize,
    },
    /// In the environment.
    Environment {
        /// The variable.
        variable: String,
    },
    /// In a flag.
    Flag {
        /// The flag as it was given, such as `--set ui.theme=dark`.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

/// Why settings were refused. Nothing is started with half of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A text is not TOML, or a flag has no key and value.
    #[error("{origin}: {reason}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What the parser says.
        reason: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting `{key}`{}", hint(suggestion.as_deref(), permitted))]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The key, with those of its tables.
        key: String,
        /// A key that looks alike.
        suggestion: Option<String>,
        /// The keys that the table may hold.
        permitted: Vec<String>,
    },
    /// A value has the wrong type or lies outside of its range.
    #[error("{origin}: `{key}` is {found}, expected {expected}")]
    Value {
        /// Where.
        origin: Origin,
        /// The key, with those of its tables.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// The layers contradict each other, which their own checks exclude.
    #[error("the settings do not fit together: {reason}")]
    Merge {
        /// What the reader says.
        reason: String,
    },
}

fn hint(suggestion: Option<&str>, permitted: &[String]) -> String {
    match suggestion {
        Some(name) => format!(", did you mean `{name}`"),
        None if permitted.is_empty() => String::new(),
        None => format!(", permitted: {}", permitted.join(", ")),
    }
}
