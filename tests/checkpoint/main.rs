//! Checkpoints of every layout, well formed and not.

mod canonical;
mod support;
