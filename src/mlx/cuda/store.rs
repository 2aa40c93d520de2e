//! Compiled kernels on disk, where MLX finds them.
//!
//! MLX 0.32 compiles a kernel of ours once in each process, which takes over a second a kernel, and never
//! writes the result down. It looks for a file of machine code before, though, also for such kernels. So
//! they are compiled here, once for all processes, and MLX is given stand-ins. A first kernel of the kind
//! has to give the right result, or everything stays with MLX.
//!
//! Why: docs/decisions/0017-compiled-cuda-kernels.md.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mlx_rs::error::{Exception, Result};
use mlx_rs::{Array, Dtype};
use sha2::{Digest, Sha256};

use super::nvrtc::Nvrtc;
use super::source::Program;
use super::{CudaConstant, CudaLaunch, CudaSource, Handle};
use crate::mlx::device;

/// Names the folder in which MLX looks; it has to be set before MLX looks first.
pub const FOLDER_VARIABLE: &str = "MLX_PTX_CACHE_DIR";

/// A folder within `cache` for the running MLX's kernels.
pub fn kernel_folder(cache: &Path) -> PathBuf {
    cache.join("kernels").join(device::mlx_version())
}

/// Where kernels are compiled to.
#[derive(Debug)]
pub(super) struct KernelStore {
    nvrtc: Nvrtc,
    folder: PathBuf,
    /// What tells apart machine code for different GPUs.
    architecture: String,
}

impl KernelStore {
    /// The process's store; none where MLX does not take kernels from it.
    pub(super) fn get() -> Option<&'static Self> {
        static STORE: OnceLock<Option<KernelStore>> = OnceLock::new();
        let open = || match Self::open() {
            Ok(store) => {
                tracing::info!(folder = %store.folder.display(), "compiled kernels are kept");
                Some(store)
            }
            Err(reason) => {
                tracing::warn!(reason, "kernels are compiled by MLX, again in each process");
                None
            }
        };
        STORE.get_or_init(open).as_ref()
    }

    fn open() -> std::result::Result<Self, String> {
        let info = device::info().map_err(|error| error.what().to_owned())?;
        let capability = info.compute_capability.ok_or("not an NVIDIA GPU")?;
        let store = Self {
            nvrtc: Nvrtc::find(capability).ok_or("no NVRTC in the process, or no CUDA headers")?,
            folder: folder(),
            architecture: format!("sm_{}{}", capability.0, capability.1),
        };
        create_private(&store.folder)
            .map_err(|error| format!("{}: {error}", store.folder.display()))?;
        match store.probe() {
            Ok(true) => Ok(store),
            Ok(false) => Err("a first kernel gave a wrong result".to_owned()),
            Err(error) => Err(error.what().to_owned()),
        }
    }

    /// Whether MLX runs what is put into the store.
    fn probe(&self) -> Result<bool> {
        const PROBE: CudaSource = CudaSource {
            name: c"gptoss_probe",
            inputs: &[c"x"],
            outputs: &[c"out"],
            header: "",
            body: "out[0] = x[0] + N * x_shape[0];\n",
            shared_memory_bytes: 0,
        };
        let launch = CudaLaunch {
            constants: &[CudaConstant::Int(c"N", 20)],
            blocks: [1, 1, 1],
            threads: 1,
            outputs: &[(&[1], Dtype::Float32)],
        };
        let program = Program {
            source: &PROBE,
            constants: launch.constants,
            input_dtypes: &[Dtype::Float32],
            output_dtypes: &[Dtype::Float32],
        };
        let x = Array::from_slice(&[2.0_f32, 0.0], &[2]);
        let outputs = self.kernel(&program)?.apply(&[&x], &launch, &[])?;
        let out = outputs
            .first()
            .ok_or_else(|| Exception::custom("no output"))?;
        out.eval()?;
        Ok(out
            .try_as_slice::<f32>()
            .is_ok_and(|values| values == [42.0]))
    }

    /// MLX's handle of `program`, which is compiled first if it is not in the store.
    ///
    /// # Errors
    /// When it cannot be compiled or written.
    pub(super) fn kernel(&self, program: &Program<'_>) -> Result<Handle> {
        let text = program.text();
        let mut hasher = Sha256::new();
        hasher.update(&text);
        hasher.update(&self.architecture);
        let digest: [u8; 32] = hasher.finalize().into();
        let digest = u64::from_le_bytes(digest.as_chunks().0[0]);
        let own_name = program.source.name.to_string_lossy();
        let name = format!("{own_name}_{}_{digest:016x}", self.architecture);
        let stand_in = program.stand_in();
        let module = program.module_name(&name, &stand_in);
        let code_path = self.folder.join(format!("{module}.ptx"));
        if !code_path.exists() {
            let started = std::time::Instant::now();
            let code = self.nvrtc.compile(&text).map_err(|log| {
                Exception::custom(format!("the kernel {own_name} cannot be compiled: {log}"))
            })?;
            let names = format!("mlx::core::cu::custom_kernel_{name}\t{own_name}\n");
            // The names first: who finds the code finds them too.
            write(&self.folder.join(format!("{module}.txt")), names.as_bytes())
                .and_then(|()| write(&code_path, &code))
                .map_err(|error| Exception::custom(format!("{}: {error}", code_path.display())))?;
            let took_ms = started.elapsed().as_millis() as u64;
            tracing::info!(kernel = %own_name, took_ms, "compiled");
        }
        Handle::new(program.source, &name, "", &stand_in)
    }
}

/// Writes a file that is whole whenever it is there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, path)
}

/// The folder in which MLX looks, by its own rule.
fn folder() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).map_or_else(
        || {
            let version = device::mlx_version();
            std::env::temp_dir().join("mlx").join(version).join("ptx")
        },
        PathBuf::from,
    )
}

/// Machine code is run: nobody else may write it.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
