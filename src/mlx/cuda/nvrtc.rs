//! NVIDIA's run-time compiler, which MLX brings into the process.
#![expect(
    unsafe_code,
    reason = "a C library without bindings; each call is explained"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null;

type Handle = *mut c_void;
type Text = *const c_char;
type Create =
    unsafe extern "C" fn(*mut Handle, Text, Text, c_int, *const Text, *const Text) -> c_int;
type Compile = unsafe extern "C" fn(Handle, c_int, *const Text) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Handle) -> c_int;
type SizeOf = unsafe extern "C" fn(Handle, *mut usize) -> c_int;
type CopyTo = unsafe extern "C" fn(Handle, *mut c_char) -> c_int;

/// The functions that are used, and how they are called here.
///
/// Source: NVIDIA's documentation of NVRTC 12 and 13.
#[derive(Debug)]
pub(super) struct Nvrtc {
    create: Create,
    compile: Compile,
    destroy: Destroy,
    code_size: SizeOf,
    code: CopyTo,
    log_size: SizeOf,
    log: CopyTo,
    options: Vec<CString>,
}

impl Nvrtc {
    /// The compiler for GPUs of the compute capability `major.minor`; none where the process has no NVRTC
    /// or CUDA's headers are not found.
    pub(super) fn find((major, minor): (u64, u64)) -> Option<Self> {
        let headers = cuda_headers()?;
        let options = [
            "--device-as-default-execution-space".to_owned(),
            "--std=c++17".to_owned(),
            format!("--gpu-architecture=sm_{major}{minor}"),
            format!("--include-path={}", headers.display()),
        ];
        let options = options.into_iter().map(CString::new);
        // SAFETY: the names stand for functions of these types in NVRTC 12 and 13.
        unsafe {
            Some(Self {
                create: symbol::<Create>(c"nvrtcCreateProgram")?,
                compile: symbol::<Compile>(c"nvrtcCompileProgram")?,
                destroy: symbol::<Destroy>(c"nvrtcDestroyProgram")?,
                code_size: symbol::<SizeOf>(c"nvrtcGetCUBINSize")?,
                code: symbol::<CopyTo>(c"nvrtcGetCUBIN")?,
                log_size: symbol::<SizeOf>(c"nvrtcGetProgramLogSize")?,
                log: symbol::<CopyTo>(c"nvrtcGetProgramLog")?,
                options: options.collect::<Result<_, _>>().ok()?,
            })
        }
    }

    /// Machine code of `text`.
    ///
    /// # Errors
    /// What the compiler says.
    pub(super) fn compile(&self, text: &str) -> Result<Vec<u8>, String> {
        let text = CString::new(text).map_err(|error| error.to_string())?;
        let options: Vec<Text> = self.options.iter().map(|text| text.as_ptr()).collect();
        let mut program: Handle = std::ptr::null_mut();
        // SAFETY: strings are terminated and outlive the calls; buffers have the size that was asked for;
        // the program is destroyed once.
        unsafe {
            let made = (self.create)(
                &raw mut program,
                text.as_ptr(),
                c"gptoss.cu".as_ptr(),
                0,
                null(),
                null(),
            );
            if made != 0 {
                return Err(format!("NVRTC made no program, status {made}"));
            }
            let status = (self.compile)(program, options.len() as c_int, options.as_ptr());
            let result = match status {
                0 => read(program, self.code_size, self.code),
                _ => Err(read(program, self.log_size, self.log).map_or_else(
                    |error| error,
                    |log| String::from_utf8_lossy(&log).into_owned(),
                )),
            };
            (self.destroy)(&raw mut program);
            result
        }
    }
}

/// # Safety
/// `program` is alive, and `copy` writes as many bytes as `size` tells.
unsafe fn read(program: Handle, size: SizeOf, copy: CopyTo) -> Result<Vec<u8>, String> {
    let mut num_bytes = 0;
    // SAFETY: by the caller.
    unsafe {
        let status = size(program, &raw mut num_bytes);
        let mut bytes = vec![0_u8; num_bytes];
        if status != 0 || copy(program, bytes.as_mut_ptr().cast()) != 0 {
            return Err("NVRTC gave no result".to_owned());
        }
        Ok(bytes)
    }
}

/// A function of any library in the process.
///
/// # Safety
/// `T` is the function's type.
#[cfg(target_os = "linux")]
unsafe fn symbol<T: Copy>(name: &CStr) -> Option<T> {
    let process = libloading::os::unix::Library::this();
    // SAFETY: by the caller; the libraries that a program was linked with stay as long as it runs.
    unsafe {
        process
            .get::<T>(name.to_bytes_with_nul())
            .ok()
            .map(|found| *found)
    }
}

/// There is no CUDA elsewhere.
///
/// # Safety
/// Nothing is asked for.
#[cfg(not(target_os = "linux"))]
unsafe fn symbol<T: Copy>(_: &CStr) -> Option<T> {
    None
}

/// The folder of CUDA's headers, found as MLX finds it: beside its wheel, else an installed toolkit's.
fn cuda_headers() -> Option<PathBuf> {
    let wheels = mlx_library().and_then(|path| Some(path.ancestors().nth(3)?.join("nvidia")));
    let beside = wheels.into_iter().flat_map(|nvidia| {
        ["cu13", "cuda_runtime"].map(|package| nvidia.join(package).join("include"))
    });
    let home = std::env::var_os("CUDA_HOME").or_else(|| std::env::var_os("CUDA_PATH"));
    let toolkit = home.map_or_else(|| PathBuf::from("/usr/local/cuda"), PathBuf::from);
    beside
        .chain([toolkit.join("include")])
        .find(|folder| folder.join("cuda_bf16.h").exists())
}

/// Where the process has MLX from.
fn mlx_library() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = |line: &str| line.find('/').map(|start| PathBuf::from(&line[start..]));
    maps.lines()
        .filter_map(path)
        .find(|path| path.file_name() == Some(Path::new("libmlx.so").as_os_str()))
}
