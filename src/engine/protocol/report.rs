//! Errors as plain data, for the journey across the protocol.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error as data: what to show, what to log, what to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What sort of error it is; decides where it is shown.
    pub kind: ErrorKind,
    /// One line for the user.
    pub message: String,
    /// The causes, outermost first, for the log.
    pub chain: Vec<String>,
    /// What to try next.
    pub hint: Option<String>,
}

/// The sorts of errors that a user treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The model could not be loaded.
    Load,
    /// The load was cancelled.
    Cancelled,
    /// The request cannot be done as it was put: parameters, prompt, length.
    InvalidRequest,
    /// Another generation runs.
    Busy,
    /// No model is loaded.
    NoModel,
    /// The device's memory would not suffice.
    Memory,
    /// Computing went wrong.
    Generation,
    /// The backend panicked.
    Crash,
}

impl ErrorReport {
    /// A report without causes or hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            chain: Vec::new(),
            hint: None,
        }
    }

    /// A report of an error and everything that caused it.
    pub fn from_error(kind: ErrorKind, error: &dyn Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        Self {
            kind,
            message: error.to_string(),
            chain: causes.map(ToString::to_string).collect(),
            hint: None,
        }
    }

    /// The same report with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.chain {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl Error for ErrorReport {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the shard cannot be read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_kept_in_order() {
        let error = Outer(std::io::Error::other("disk gone"));
        let report = ErrorReport::from_error(ErrorKind::Load, &error).with_hint("plug it in");
        assert_eq!(report.message, "the shard cannot be read");
        assert_eq!(report.chain, ["disk gone"]);
        assert_eq!(report.to_string(), "the shard cannot be read: disk gone");
        assert_eq!(report.hint.as_deref(), Some("plug it in"));
    }
}
