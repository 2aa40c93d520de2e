//! Makes MLX usable for Cargo on Linux; does nothing on macOS, where mlx-sys builds MLX itself.
//!
//! Everything lies in `.mlx/`, one folder a backend, and `.mlx/cargo.toml` names the one in use.
//! A `stamp` holds the versions a folder was made from, so that a second call returns at once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{loader, mlx, python};

/// The MLX that mlx-sys 0.7.0 is written against.
pub(crate) const MLX_VERSION: &str = "0.32.2";
const OPENBLAS: &str = "scipy-openblas32==0.3.34.481.3";
const LIBCLANG: &str = "libclang==18.1.1";
/// Raised whenever the recipe changes, so that folders made by an older one are remade.
const RECIPE: u32 = 1;

/// Which build of MLX the program is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    Cpu,
    /// The wheel for this major version of CUDA.
    Cuda(u32),
    /// An installation that exists already: a folder with `lib/libmlx.so` and `include/mlx`.
    Root(PathBuf),
}

impl Backend {
    pub(crate) fn from_args(args: &[String]) -> Result<Self> {
        match args {
            [] => Ok(Self::detect()),
            [flag, name] if flag == "--backend" => match name.as_str() {
                "cpu" => Ok(Self::Cpu),
                "cuda" => Ok(Self::Cuda(driver_cuda_version().unwrap_or(13))),
                other => bail!("--backend is cpu or cuda, not {other}"),
            },
            _ => bail!("usage: cargo xtask setup [--backend cpu|cuda]"),
        }
    }

    /// `MLX_ROOT` if it is set, CUDA where an NVIDIA driver runs, else the CPU.
    fn detect() -> Self {
        if let Some(root) = std::env::var_os("MLX_ROOT") {
            return Self::Root(root.into());
        }
        driver_cuda_version().map_or(Self::Cpu, Self::Cuda)
    }

    fn name(&self) -> String {
        match self {
            Self::Cpu => "cpu".into(),
            Self::Cuda(major) => format!("cuda-{major}"),
            Self::Root(_) => "root".into(),
        }
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Makes what is missing for `wanted`, or, when `None`, for the backend in use or detected.
pub(crate) fn ensure(wanted: Option<Backend>) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let home = root().join(".mlx");
    let link = home.join("cargo.toml");
    let asked = wanted.is_some() || std::env::var_os("MLX_ROOT").is_some();
    if !asked && fs::read_to_string(&link).is_ok_and(|text| is_usable(&text)) {
        return Ok(());
    }
    let by_name = wanted.is_some();
    let backend = wanted.unwrap_or_else(Backend::detect);
    let dir = home.join(backend.name());
    fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
    if fs::read_to_string(dir.join("stamp")).ok() != Some(stamp(&backend)) {
        make(&backend, &dir)?;
        fs::write(dir.join("stamp"), stamp(&backend))?;
    }
    let built = locate(&backend, &dir)?;
    let text = format!("{}\n{}", recipe_line(), mlx::cargo_config(&built)?);
    let changed = fs::read_to_string(&link).ok().as_deref() != Some(text.as_str());
    if changed {
        fs::write(&link, text).with_context(|| format!("could not write {}", link.display()))?;
    }
    if changed || by_name {
        eprintln!("MLX {MLX_VERSION} ({}) is ready", backend.name());
    }
    loader::tell_missing(&built.mlx_lib.join("libmlx.so"));
    Ok(())
}

/// Whether this recipe made the file, and what it names is still there: a folder that was moved or
/// copied keeps the paths of its first place.
fn is_usable(link: &str) -> bool {
    let lib_dir = link.lines().find_map(|line| {
        let path = line.strip_prefix("libdir = \"")?;
        path.strip_suffix('"')
    });
    link.contains(&recipe_line())
        && lib_dir.is_some_and(|dir| Path::new(dir).join("libmlx.so").is_file())
}

/// Removes all that [`ensure`] made.
pub(crate) fn clean() -> Result<()> {
    let home = root().join(".mlx");
    if home.exists() {
        fs::remove_dir_all(&home)
            .with_context(|| format!("could not remove {}", home.display()))?;
    }
    Ok(())
}

fn recipe_line() -> String {
    format!("# made by `cargo xtask setup`: recipe {RECIPE}, MLX {MLX_VERSION}")
}

fn stamp(backend: &Backend) -> String {
    format!("{}\n{backend:?}\n{OPENBLAS}\n{LIBCLANG}\n", recipe_line())
}

fn make(backend: &Backend, dir: &Path) -> Result<()> {
    mlx::require_compiler()?;
    python::require_pip()?;
    let site = dir.join("site");
    match backend {
        Backend::Root(path) => eprintln!("[1/4] using the MLX in {}", path.display()),
        Backend::Cpu => {
            eprintln!("[1/4] fetching MLX {MLX_VERSION} for the CPU (10 MB)");
            python::install(&format!("mlx-cpu=={MLX_VERSION}"), &site, false)?;
        }
        Backend::Cuda(major) => {
            eprintln!(
                "[1/4] fetching MLX {MLX_VERSION} for CUDA {major} and NVIDIA's libraries (some GB)"
            );
            python::install(&format!("mlx-cuda-{major}=={MLX_VERSION}"), &site, true)?;
        }
    }
    let built = locate(backend, dir)?;

    eprintln!("[2/4] fetching OpenBLAS (8 MB): MLX's own wheel bundles a slow reference BLAS");
    match python::install(OPENBLAS, &dir.join("blas"), false)
        .and_then(|()| mlx::build_blas_forwarder(&built))
    {
        Ok(()) => {}
        // The program works without; only f32 products are slower.
        Err(error) => eprintln!("      not had, going on without: {error:#}"),
    }

    eprintln!("[3/4] fetching libclang (24 MB) and writing the bindings of mlx-c");
    python::install(LIBCLANG, &dir.join("libclang"), false)?;
    mlx::write_bindings(&built, &dir.join("libclang").join("clang").join("native"))?;

    mlx::build_mlx_c(&built)
}

fn locate(backend: &Backend, dir: &Path) -> Result<mlx::Paths> {
    let prefix = match backend {
        Backend::Root(path) => path.clone(),
        Backend::Cpu | Backend::Cuda(_) => dir.join("site").join("mlx"),
    };
    let paths = mlx::Paths {
        backend: backend.name(),
        dir: dir.to_path_buf(),
        include: prefix.join("include"),
        mlx_lib: prefix.join("lib"),
    };
    if !paths.mlx_lib.join("libmlx.so").is_file() || !paths.include.join("mlx").is_dir() {
        bail!(
            "{} holds no MLX: lib/libmlx.so and include/mlx are expected there",
            prefix.display()
        );
    }
    Ok(paths)
}

/// The major version of CUDA that the running NVIDIA driver serves, if there is one.
///
/// Source: NVIDIA's table of minimum drivers (CUDA 13: 580, CUDA 12: 525).
fn driver_cuda_version() -> Option<u32> {
    let text = fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let major: u32 = text
        .split_whitespace()
        .filter_map(|word| word.split_once('.'))
        .find_map(|(major, rest)| {
            rest.chars()
                .all(|c| c.is_ascii_digit() || c == '.')
                .then(|| major.parse().ok())?
        })?;
    match major {
        580.. => Some(13),
        525.. => Some(12),
        _ => None,
    }
}
