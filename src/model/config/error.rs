//! What can be wrong with a configuration.

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An error in a named file.
    #[error("{file}: {error}")]
    InFile {
        /// The file, as the caller named it.
        file: String,
        /// What is wrong in it.
        error: Box<ConfigError>,
    },
    /// The text is not JSON.
    #[error("not valid JSON: {error}")]
    Json {
        /// The JSON parser's reason, with line and column.
        error: serde_json::Error,
    },
    /// The JSON is no configuration at all.
    #[error("expected a JSON object, found {found}")]
    NotAnObject {
        /// What the text holds instead.
        found: String,
    },
    /// A field without which the model cannot be built is absent.
    #[error("field `{field}` is missing")]
    MissingField {
        /// The field's name in the file's own dialect.
        field: String,
    },
    /// A field holds a value of the wrong type.
    #[error("field `{field}`: expected {expected}, found {found}")]
    WrongType {
        /// The field's name.
        field: String,
        /// What kind of value belongs there.
        expected: &'static str,
        /// The value, shortened.
        found: String,
    },
    /// A value that no model can have, or that this program does not hold for possible.
    #[error("field `{field}` is {value}; permitted: {permitted}")]
    OutOfRange {
        /// The field's name.
        field: String,
        /// The value, shortened.
        value: String,
        /// The range, in words or as `low..=high`.
        permitted: String,
    },
    /// A value that is legal in general, but no gpt-oss model that this program runs has it.
    #[error("field `{field}` is {value}, which is not supported; supported: {supported}")]
    Unsupported {
        /// The field's name.
        field: String,
        /// The value, shortened.
        value: String,
        /// What is supported.
        supported: &'static str,
    },
}

impl ConfigError {
    /// Names the file in which the error was found.
    pub(crate) fn in_file(self, file: &str) -> Self {
        Self::InFile {
            file: file.to_owned(),
            error: Box::new(self),
        }
    }
}
