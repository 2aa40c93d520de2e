//! The same state as linear text.
