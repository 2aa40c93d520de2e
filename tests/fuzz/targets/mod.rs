//! What must hold of any input: one function a reader, shared by libFuzzer (the crate in `fuzz/`) and
//! by the stable test beside this folder.
//!
//! Each takes bytes as they come, does with them what the program would do with such a file or
//! stream, and panics where an invariant is broken. None keeps anything from one call to the next but
//! what is costly to make.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a broken invariant is a panic here, and each file says what it checks"
)]

mod config;
mod files;
mod harmony;
mod keymap;
mod markdown;
mod safetensors;
mod session;
mod text;
mod tokenizer;
mod trace;

pub use config::config;
pub use harmony::harmony;
pub use keymap::keymap;
pub use markdown::markdown;
pub use safetensors::safetensors;
pub use session::session;
pub use tokenizer::tokenizer;
pub use trace::trace;
