//! The `gptoss-tui` program: reads the command line and does what it says.

mod cli;

use std::ffi::OsStr;

use gptoss::mlx::{cuda, metal};
use gptoss::settings::dirs::Dirs;

fn main() -> std::process::ExitCode {
    if let Some(chip) = metal::chip_name() {
        set_missing(metal::command_buffer_variables(&chip));
    }
    if let Some(dirs) = Dirs::from_environment() {
        set_missing(&[(cuda::FOLDER_VARIABLE, &cuda::kernel_folder(&dirs.cache))]);
    }
    cli::main()
}

/// Sets what the user has not set.
#[expect(
    unsafe_code,
    reason = "MLX takes these settings from the environment alone"
)]
fn set_missing(variables: &[(&str, impl AsRef<OsStr>)]) {
    for (name, value) in variables {
        if std::env::var_os(name).is_none() {
            // SAFETY: no thread but this one has been started yet.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
