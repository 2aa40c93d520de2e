//! The packages that come from the Python registry, each in a folder of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Installs `requirement` (`name==version`) into `target`, replacing what is there.
///
/// # Errors
/// When python3 or pip is missing, with the command that installs it, or when pip fails.
pub(crate) fn install(requirement: &str, target: &Path, with_dependencies: bool) -> Result<()> {
    require_pip()?;
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

fn require_pip() -> Result<()> {
    let works = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if matches!(works, Ok(status) if status.success()) {
        return Ok(());
    }
    bail!(
        "python3 with pip is needed to fetch MLX. Install it with\n  \
         Debian, Ubuntu:  apt install python3-pip\n  \
         Fedora:          dnf install python3-pip\n  \
         Arch:            pacman -S python-pip\n\
         or point MLX_ROOT to an MLX 0.32.2 that is installed already"
    )
}
