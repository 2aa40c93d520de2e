//! The packages that come from the Python registry, each in a folder of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::works;

/// Installs `requirement` (`name==version`) into `target`, replacing what is there.
///
/// # Errors
/// When pip fails, with its words.
pub(crate) fn install(requirement: &str, target: &Path, with_dependencies: bool) -> Result<()> {
    if target.exists() {
        std::fs::remove_dir_all(target)
            .with_context(|| format!("could not clear {}", target.display()))?;
    }
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--no-compile"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(["--root-user-action", "ignore"])
        .args(["--only-binary", ":all:"])
        .arg("--target")
        .arg(target);
    if !with_dependencies {
        command.arg("--no-deps");
    }
    let output = command
        .arg(requirement)
        .stdin(Stdio::null())
        .output()
        .context("could not start python3")?;
    if !output.status.success() {
        bail!(
            "pip could not install {requirement}:\n{}\n(MLX needs Linux with glibc 2.35 or newer on x86-64 or Arm64)",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

/// Checks that python3 has pip.
pub(crate) fn require_pip() -> Result<()> {
    if works(Command::new("python3").args(["-m", "pip", "--version"])) {
        return Ok(());
    }
    bail!(
        "python3 with pip is needed to fetch MLX and libclang. Install it with\n  \
         Debian, Ubuntu:  apt install python3-pip\n  \
         Fedora:          dnf install python3-pip\n  \
         Arch:            pacman -S python-pip"
    )
}
