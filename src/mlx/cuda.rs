//! Kernels of our own on NVIDIA GPUs, compiled when they are first used.
//!
//! `source` writes their text, `nvrtc` compiles it, and `store` keeps the result where MLX finds it.
#![expect(
    unsafe_code,
    reason = "mlx-c is called directly; each call is explained"
)]

mod nvrtc;
mod source;
mod store;

use std::ffi::{CStr, CString};
use std::sync::{Mutex, PoisonError};

use mlx_rs::error::{Exception, Result};
use mlx_rs::{Array, Dtype};

use self::source::{Program, push_code};
use self::store::KernelStore;
pub use self::store::{FOLDER_VARIABLE, kernel_folder};
use super::ops::{current_stream, failure};

/// What a kernel is made from.
#[derive(Debug, Clone, Copy)]
pub struct CudaSource {
    /// Its name, unique among kernels.
    pub name: &'static CStr,
    /// The names of its inputs, in order.
    pub inputs: &'static [&'static CStr],
    /// The names of its outputs, in order.
    pub outputs: &'static [&'static CStr],
    /// What comes before the function.
    pub header: &'static str,
    /// The function's body.
    pub body: &'static str,
    /// Dynamic shared memory of a block.
    pub shared_memory_bytes: i32,
}

/// A constant of the kernel's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CudaConstant {
    /// A number.
    Int(&'static CStr, usize),
    /// A switch.
    Bool(&'static CStr, bool),
    /// A type.
    Type(&'static CStr, Dtype),
}

/// How a kernel is started.
#[derive(Debug, Clone, Copy)]
pub struct CudaLaunch<'a> {
    /// Its constants; each combination is compiled once.
    pub constants: &'a [CudaConstant],
    /// Blocks in each direction.
    pub blocks: [usize; 3],
    /// Threads of a block.
    pub threads: usize,
    /// Shapes and dtypes of its outputs.
    pub outputs: &'a [(&'a [i32], Dtype)],
}

/// A kernel.
///
/// Each combination of its constants and dtypes is a variant with a handle of its own.
#[derive(Debug)]
pub struct CudaKernel {
    source: &'static CudaSource,
    variants: Mutex<Vec<Variant>>,
}

#[derive(Debug)]
struct Variant {
    constants: Vec<CudaConstant>,
    input_dtypes: Vec<Dtype>,
    output_dtypes: Vec<Dtype>,
    handle: Handle,
    /// What MLX is to be told besides, for a variant whose constants it has to know.
    told_constants: Vec<CudaConstant>,
}

impl CudaKernel {
    /// A kernel that is compiled at its first start.
    pub fn new(source: &'static CudaSource) -> Self {
        Self {
            source,
            variants: Mutex::default(),
        }
    }

    /// Starts the kernel; the outputs are lazy as all of MLX's are.
    ///
    /// # Errors
    /// Without MLX's CUDA backend, when inputs and source do not fit, or when it cannot be compiled.
    pub fn start(&self, inputs: &[&Array], launch: &CudaLaunch<'_>) -> Result<Vec<Array>> {
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        let known = variants
            .iter()
            .position(|variant| variant.is(inputs, launch));
        let index = known.unwrap_or(variants.len());
        if known.is_none() {
            variants.push(Variant::new(self.source, inputs, launch)?);
        }
        let variant = &variants[index];
        variant
            .handle
            .apply(inputs, launch, &variant.told_constants)
    }
}

impl Variant {
    fn new(source: &CudaSource, inputs: &[&Array], launch: &CudaLaunch<'_>) -> Result<Self> {
        let constants = launch.constants.to_vec();
        let input_dtypes: Vec<Dtype> = inputs.iter().map(|input| input.dtype()).collect();
        let output_dtypes: Vec<Dtype> = launch.outputs.iter().map(|(_, dtype)| *dtype).collect();
        let program = Program {
            source,
            constants: &constants,
            input_dtypes: &input_dtypes,
            output_dtypes: &output_dtypes,
        };
        let warn = |error: &Exception| {
            tracing::warn!(error = error.what(), "MLX compiles this kernel");
        };
        let stored =
            KernelStore::get().and_then(|store| store.kernel(&program).inspect_err(warn).ok());
        let (handle, told_constants) = match stored {
            Some(handle) => (handle, Vec::new()),
            None => (Handle::compiled_by_mlx(source)?, constants.clone()),
        };
        Ok(Self {
            constants,
            input_dtypes,
            output_dtypes,
            handle,
            told_constants,
        })
    }

    fn is(&self, inputs: &[&Array], launch: &CudaLaunch<'_>) -> bool {
        self.constants == launch.constants
            && self
                .output_dtypes
                .iter()
                .eq(launch.outputs.iter().map(|(_, dtype)| dtype))
            && (self.input_dtypes.iter().copied()).eq(inputs.iter().map(|input| input.dtype()))
    }
}

/// MLX's handle of a kernel.
#[derive(Debug)]
struct Handle {
    kernel: mlx_sys::mlx_fast_cuda_kernel,
    name: String,
    num_outputs: usize,
}

// SAFETY: the handle owns strings that nothing changes after it was made.
unsafe impl Send for Handle {}
// SAFETY: as above; starting a kernel only reads them.
unsafe impl Sync for Handle {}

impl Handle {
    /// A kernel whose constants MLX has to be told at each start.
    fn compiled_by_mlx(source: &CudaSource) -> Result<Self> {
        let (mut header, mut body) = (String::new(), String::new());
        push_code(&mut header, source.header);
        push_code(&mut body, source.body);
        Self::new(source, &source.name.to_string_lossy(), &header, &body)
    }

    /// # Errors
    /// Without MLX's CUDA backend.
    fn new(source: &CudaSource, name: &str, header: &str, body: &str) -> Result<Self> {
        // A call of mlx-rs first: it installs the error handler that mlx-c's would end the process for.
        let _ = current_stream();
        let text =
            |text: &str| CString::new(text).map_err(|error| Exception::custom(error.to_string()));
        let (c_name, header, body) = (text(name)?, text(header)?, text(body)?);
        // SAFETY: all strings are terminated and outlive the call, which copies them; the vectors are
        // freed once.
        let kernel = unsafe {
            let (inputs, outputs) = (names(source.inputs), names(source.outputs));
            let kernel = mlx_sys::mlx_fast_cuda_kernel_new(
                c_name.as_ptr(),
                inputs,
                outputs,
                body.as_ptr(),
                header.as_ptr(),
                true,
                source.shared_memory_bytes,
            );
            mlx_sys::mlx_vector_string_free(inputs);
            mlx_sys::mlx_vector_string_free(outputs);
            kernel
        };
        if kernel.ctx.is_null() {
            return Err(refused(name));
        }
        Ok(Self {
            kernel,
            name: name.to_owned(),
            num_outputs: source.outputs.len(),
        })
    }

    /// Starts the kernel as `launch` says, but with `constants`.
    fn apply(
        &self,
        inputs: &[&Array],
        launch: &CudaLaunch<'_>,
        constants: &[CudaConstant],
    ) -> Result<Vec<Array>> {
        let stream = current_stream();
        let handles: Vec<_> = inputs.iter().map(|array| array.as_ptr()).collect();
        let mut outputs = Vec::with_capacity(self.num_outputs);
        // SAFETY: every handle is alive for the call and what is made here is freed once; arrays taken
        // from the vector are handles of their own.
        let status = unsafe {
            let inputs = mlx_sys::mlx_vector_array_new_data(handles.as_ptr(), handles.len());
            let config = configuration(launch, constants);
            let mut results = mlx_sys::mlx_vector_array_new();
            let status = mlx_sys::mlx_fast_cuda_kernel_apply(
                &raw mut results,
                self.kernel,
                inputs,
                config,
                stream.as_ptr(),
            );
            if status == 0 {
                for index in 0..mlx_sys::mlx_vector_array_size(results) {
                    let mut output = mlx_sys::mlx_array_new();
                    mlx_sys::mlx_vector_array_get(&raw mut output, results, index);
                    outputs.push(Array::from_ptr(output));
                }
            }
            mlx_sys::mlx_vector_array_free(results);
            mlx_sys::mlx_fast_cuda_kernel_config_free(config);
            mlx_sys::mlx_vector_array_free(inputs);
            status
        };
        if status == 0 && outputs.len() == launch.outputs.len() {
            Ok(outputs)
        } else {
            Err(refused(&self.name))
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `new` and freed once.
        unsafe { mlx_sys::mlx_fast_cuda_kernel_free(self.kernel) }
    }
}

/// # Safety
/// The caller frees the vector.
unsafe fn names(names: &[&CStr]) -> mlx_sys::mlx_vector_string {
    // SAFETY: terminated strings, copied by the call.
    unsafe {
        let vector = mlx_sys::mlx_vector_string_new();
        for name in names {
            mlx_sys::mlx_vector_string_append_value(vector, name.as_ptr());
        }
        vector
    }
}

/// # Safety
/// The caller frees the configuration.
unsafe fn configuration(
    launch: &CudaLaunch<'_>,
    constants: &[CudaConstant],
) -> mlx_sys::mlx_fast_cuda_kernel_config {
    let [x, y, z] = launch.blocks.map(|blocks| blocks as i32);
    let threads = launch.threads as i32;
    // SAFETY: the configuration is made here; shapes and names outlive the calls, which copy them.
    unsafe {
        let config = mlx_sys::mlx_fast_cuda_kernel_config_new();
        for (shape, dtype) in launch.outputs {
            let dtype = *dtype as mlx_sys::mlx_dtype;
            mlx_sys::mlx_fast_cuda_kernel_config_add_output_arg(
                config,
                shape.as_ptr(),
                shape.len(),
                dtype,
            );
        }
        // MLX counts threads, not blocks.
        mlx_sys::mlx_fast_cuda_kernel_config_set_grid(config, x * threads, y, z);
        mlx_sys::mlx_fast_cuda_kernel_config_set_thread_group(config, threads, 1, 1);
        for constant in constants {
            match *constant {
                CudaConstant::Int(name, value) => {
                    mlx_sys::mlx_fast_cuda_kernel_config_add_template_arg_int(
                        config,
                        name.as_ptr(),
                        value as i32,
                    )
                }
                CudaConstant::Bool(name, value) => {
                    mlx_sys::mlx_fast_cuda_kernel_config_add_template_arg_bool(
                        config,
                        name.as_ptr(),
                        value,
                    )
                }
                CudaConstant::Type(name, dtype) => {
                    mlx_sys::mlx_fast_cuda_kernel_config_add_template_arg_dtype(
                        config,
                        name.as_ptr(),
                        dtype as mlx_sys::mlx_dtype,
                    )
                }
            };
        }
        config
    }
}

fn refused(name: &str) -> Exception {
    failure(&format!("the kernel {name}"))
}
