//! The `gptoss-tui` program: reads the command line and does what it says.

mod cli;

use gptoss::mlx::metal;

fn main() -> std::process::ExitCode {
    if let Some(chip) = metal::chip_name() {
        set_missing(metal::command_buffer_variables(&chip));
    }
    cli::main()
}

/// Sets what the user has not set.
#[expect(
    unsafe_code,
    reason = "MLX takes these settings from the environment alone"
)]
fn set_missing(variables: &[(&str, &str)]) {
    for (name, value) in variables {
        if std::env::var_os(name).is_none() {
            // SAFETY: no thread but this one has been started yet.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
