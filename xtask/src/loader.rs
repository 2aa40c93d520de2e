//! Whether the system's loader will find what MLX's library needs.
//!
//! A program whose library lacks another one does not even start: what can be said has to be said here.

use std::path::Path;
use std::process::Command;

/// Says which libraries are missing below `library`, and what runs without them.
pub(crate) fn tell_missing(library: &Path) {
    // Without `ldd` nothing is known, and the program's start will show.
    let Ok(output) = Command::new("ldd").arg(library).output() else {
        return;
    };
    let output = String::from_utf8_lossy(&output.stdout);
    let missing = missing(&output);
    if missing.is_empty() {
        return;
    }
    eprintln!(
        "warning: {} not found, and the program will not start on this machine without: \
         libcuda.so.1 comes with NVIDIA's driver, the others with its CUDA libraries; \
         `cargo xtask setup --backend cpu` needs none of them",
        missing.join(", ")
    );
}

/// The libraries that `ldd` has not found.
fn missing(ldd: &str) -> Vec<&str> {
    ldd.lines()
        .filter_map(|line| line.trim().strip_suffix("=> not found"))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn libraries_that_are_not_found_are_named() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                   \tlibcuda.so.1 => not found\n\
                   \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f12)\n\
                   \tlibcublasLt.so.13 => not found\n";
        assert_eq!(missing(ldd), ["libcuda.so.1", "libcublasLt.so.13"]);
        assert!(missing("\tstatically linked\n").is_empty());
    }
}
