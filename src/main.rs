//! The `gptoss-tui` program.

fn main() {}
