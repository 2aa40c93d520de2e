//! What mlx-sys needs on Linux in place of its build script: mlx-c as a static library, its
//! bindings, and a BLAS ahead of the one that MLX bundles.
//!
//! Why like this: docs/decisions/0002-mlx-on-linux.md.

use std::fmt::Write as _;
use std::fs;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use crate::{cargo, setup, works};

/// Where one backend's parts lie.
#[derive(Debug)]
pub(crate) struct Paths {
    pub(crate) backend: String,
    pub(crate) dir: PathBuf,
    pub(crate) include: PathBuf,
    pub(crate) mlx_lib: PathBuf,
}

impl Paths {
    fn shim(&self) -> Result<PathBuf> {
        let path = self.dir.join("shim.h");
        fs::write(&path, SHIM)?;
        Ok(path)
    }

    fn forwarder(&self) -> PathBuf {
        self.dir.join("libgptoss_blas.so")
    }
}

/// Bridges two gaps between mlx-c and this platform: `<format>` is missing from libstdc++ 12
/// (mlx-c uses plain `{}` only), and mlx-c declares half types on Arm alone while mlx-rs needs
/// them everywhere.
const SHIM: &str = r#"#pragma once
#ifdef __cplusplus
#include <sstream>
#include <string>
#include <string_view>
#include <version>
#ifndef __cpp_lib_format
namespace std {
inline void gptoss_format_rest(ostringstream& out, string_view text) { out << text; }
template <class T, class... Rest>
void gptoss_format_rest(ostringstream& out, string_view text, const T& value, const Rest&... rest) {
  auto hole = text.find("{}");
  out << text.substr(0, hole);
  if (hole == string_view::npos) return;
  out << value;
  gptoss_format_rest(out, text.substr(hole + 2), rest...);
}
template <class... Args>
string format(string_view text, const Args&... args) {
  ostringstream out;
  gptoss_format_rest(out, text, args...);
  return out.str();
}
}
#endif
#ifndef __aarch64__
#include <mlx/types/half_types.h>
#define HAS_FLOAT16
#define HAS_BFLOAT16
using float16_t = mlx::core::float16_t;
using bfloat16_t = mlx::core::bfloat16_t;
#endif
#else
#include <stdint.h>
#ifndef __aarch64__
#define HAS_FLOAT16
#define HAS_BFLOAT16
typedef _Float16 float16_t;
typedef uint16_t bfloat16_t;
#endif
#endif
"#;

/// mlx-rs seeds its default random state from this clock of macOS; any clock will do.
const CLOCK: &str = r#"#include <chrono>
#include <cstdint>
extern "C" std::uint64_t mach_approximate_time() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}
"#;

/// MLX calls these three; the `OpenBLAS` wheel exports them with a prefix.
const FORWARDER: &str = r#"extern "C" {
#define GEMM(name, scalar, element)                                                     \
  void scipy_cblas_##name(int, int, int, int, int, int, scalar, const element*, int,    \
                          const element*, int, scalar, element*, int);                  \
  void cblas_##name(int order, int ta, int tb, int m, int n, int k, scalar alpha,       \
                    const element* a, int lda, const element* b, int ldb, scalar beta,  \
                    element* c, int ldc) {                                              \
    scipy_cblas_##name(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);    \
  }
GEMM(sgemm, float, float)
GEMM(dgemm, double, double)
GEMM(cgemm, const void*, void)
}
"#;

/// Checks that a C++20 compiler is there.
pub(crate) fn require_compiler() -> Result<()> {
    if works(compiler().args(["-std=c++20", "-fsyntax-only", "-x", "c++", "/dev/null"])) {
        return Ok(());
    }
    bail!(
        "a C++20 compiler is needed (GCC 12 or Clang 15 and newer). Install one with\n  \
         Debian, Ubuntu:  apt install g++\n  \
         Fedora:          dnf install gcc-c++\n  \
         Arch:            pacman -S gcc\n\
         or name it in CXX"
    )
}

fn compiler() -> Command {
    Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()))
}

/// Links `cblas_*` to `OpenBLAS` in a small library of its own, which the program loads before
/// MLX's dependencies, so that these symbols win.
pub(crate) fn build_blas_forwarder(paths: &Paths) -> Result<()> {
    let source = paths.dir.join("blas.cpp");
    fs::write(&source, FORWARDER)?;
    let lib = paths.dir.join("blas").join("scipy_openblas32").join("lib");
    run(compiler()
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(paths.forwarder())
        .arg(&source)
        .arg("-L")
        .arg(&lib)
        .arg("-lscipy_openblas")
        .arg("-Wl,-soname,libgptoss_blas.so")
        .arg("-Wl,-rpath,$ORIGIN/blas/scipy_openblas32/lib:$ORIGIN"))
}

/// Writes `bindings.rs` as mlx-sys's own build script would.
pub(crate) fn write_bindings(paths: &Paths, libclang: &Path) -> Result<()> {
    let mlx_c = mlx_c_root()?;
    if std::env::var_os("LIBCLANG_PATH").is_none() {
        // SAFETY: xtask has not started a thread yet, and bindgen reads the variable
        // on this one.
        #[expect(unsafe_code, reason = "std marks changes of the environment as unsafe")]
        unsafe {
            std::env::set_var("LIBCLANG_PATH", libclang);
        }
    }
    let shim = paths.shim()?;
    let gcc_include = output(compiler().arg("-print-file-name=include"))?;
    let mut builder = bindgen::Builder::default()
        .clang_arg(format!("-I{}", mlx_c.display()))
        .clang_arg(format!("-isystem{}", gcc_include.trim()))
        .clang_args(["-include", &shim.to_string_lossy()])
        .layout_tests(false)
        .generate_comments(false)
        .blocklist_function("malloc")
        .blocklist_function("realloc");
    for header in files(&mlx_c.join("mlx/c"), "h")? {
        builder = builder.header(header.to_string_lossy());
    }
    let bindings = builder.generate().context("bindgen failed on mlx-c")?;
    let dir = paths.dir.join("bindings");
    fs::create_dir_all(&dir)?;
    bindings.write_to_file(dir.join("bindings.rs"))?;
    Ok(())
}

/// Compiles mlx-c's sources, as many at a time as there are cores, into `libmlxc.a`.
pub(crate) fn build_mlx_c(paths: &Paths) -> Result<()> {
    let mlx_c = mlx_c_root()?;
    let clock = paths.dir.join("clock.cpp");
    fs::write(&clock, CLOCK)?;
    let mut sources = files(&mlx_c.join("mlx/c"), "cpp")?;
    sources.push(clock);
    let objects = paths.dir.join("objects");
    fs::create_dir_all(&objects)?;
    let shim = paths.shim()?;

    let compile = |source: &Path| -> Result<PathBuf> {
        let stem = source.file_stem().unwrap_or_default();
        let object = objects.join(stem).with_extension("o");
        run(compiler()
            .args(["-std=c++20", "-O2", "-fPIC", "-w", "-c", "-include"])
            .arg(&shim)
            .arg("-I")
            .arg(&mlx_c)
            .arg("-I")
            .arg(&paths.include)
            .arg("-o")
            .arg(&object)
            .arg(source))?;
        Ok(object)
    };
    let compiled = side_by_side("[4/4] compiling mlx-c", &sources, compile)?;

    let archive = paths.dir.join("libmlxc.a");
    let _ = fs::remove_file(&archive);
    run(
        Command::new(std::env::var_os("AR").unwrap_or_else(|| "ar".into()))
            .arg("crs")
            .arg(&archive)
            .args(&compiled),
    )
}

/// The `links` override for Cargo, and keys that reach our build script as `DEP_MLX_*`.
pub(crate) fn cargo_config(paths: &Paths) -> Result<String> {
    let triple = output(Command::new("rustc").arg("-vV"))?
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| anyhow!("rustc -vV names no host"))?;
    let mut text = format!("[target.{triple}.mlx]\n");
    let _ = writeln!(
        text,
        "rustc-link-lib = [\"static=mlxc\", \"dylib=mlx\", \"dylib=stdc++\"]"
    );
    let _ = writeln!(
        text,
        "rustc-link-search = [{:?}, {:?}]",
        format!("native={}", paths.dir.display()),
        format!("native={}", paths.mlx_lib.display())
    );
    let _ = writeln!(
        text,
        "rustc-env = {{ OUT_DIR = {:?} }}",
        paths.dir.join("bindings").display().to_string()
    );
    let _ = writeln!(text, "version = {:?}", setup::MLX_VERSION);
    let _ = writeln!(text, "backend = {:?}", paths.backend);
    let _ = writeln!(text, "libdir = {:?}", paths.mlx_lib.display().to_string());
    if paths.forwarder().is_file() {
        let _ = writeln!(text, "blas = {:?}", paths.forwarder().display().to_string());
    }
    Ok(text)
}

/// The mlx-c sources inside the mlx-sys that Cargo.lock names.
fn mlx_c_root() -> Result<PathBuf> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "mlx-sys")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or_else(|| anyhow!("Cargo.lock names no mlx-sys"))?;
    Ok(Path::new(manifest).with_file_name("src").join("mlx-c"))
}

fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("could not read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Runs `work` over `items` on all cores and shows how far it is.
fn side_by_side<T: Send>(
    label: &str,
    items: &[PathBuf],
    work: impl Fn(&Path) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let live = std::io::stderr().is_terminal();
    eprint!("{label}");
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push(result);
                    if live {
                        eprint!("\r{label} {}/{} ", done.len(), items.len());
                        let _ = std::io::stderr().flush();
                    }
                }
            });
        }
    });
    eprintln!();
    done.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_iter()
        .collect()
}

fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name} failed:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
