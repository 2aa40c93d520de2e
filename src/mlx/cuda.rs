//! Kernels of our own on NVIDIA GPUs, compiled by MLX when they are first used.
#![expect(
    unsafe_code,
    reason = "mlx-c is called directly; each call is explained"
)]

use std::ffi::{CStr, CString};

use mlx_rs::error::{Exception, Result};
use mlx_rs::{Array, Dtype};

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
#[derive(Debug, Clone, Copy)]
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
#[derive(Debug)]
pub struct CudaKernel {
    handle: mlx_sys::mlx_fast_cuda_kernel,
    name: &'static CStr,
}

// SAFETY: the handle owns strings that nothing changes after it was made.
unsafe impl Send for CudaKernel {}
// SAFETY: as above; starting a kernel only reads them.
unsafe impl Sync for CudaKernel {}

impl CudaKernel {
    /// A kernel that is compiled at its first start.
    ///
    /// # Errors
    /// Without MLX's CUDA backend.
    pub fn new(source: &CudaSource) -> Result<Self> {
        // A call of mlx-rs first: it installs the error handler that mlx-c's would end the process for.
        let _ = current_stream();
        let text = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("//"));
            let text: String = lines.flat_map(|line| [line, "\n"]).collect();
            CString::new(text).map_err(|error| Exception::custom(error.to_string()))
        };
        let (header, body) = (text(source.header)?, text(source.body)?);
        // SAFETY: all strings are terminated and outlive the call, which copies them; the vectors are
        // freed once.
        let handle = unsafe {
            let (inputs, outputs) = (names(source.inputs), names(source.outputs));
            let handle = mlx_sys::mlx_fast_cuda_kernel_new(
                source.name.as_ptr(),
                inputs,
                outputs,
                body.as_ptr(),
                header.as_ptr(),
                true,
                source.shared_memory_bytes,
            );
            mlx_sys::mlx_vector_string_free(inputs);
            mlx_sys::mlx_vector_string_free(outputs);
            handle
        };
        if handle.ctx.is_null() {
            return Err(refused(source.name));
        }
        Ok(Self {
            handle,
            name: source.name,
        })
    }

    /// Starts the kernel; the outputs are lazy as all of MLX's are.
    ///
    /// # Errors
    /// When inputs and source do not fit. A kernel that cannot be compiled fails at evaluation.
    pub fn start(&self, inputs: &[&Array], launch: &CudaLaunch<'_>) -> Result<Vec<Array>> {
        let stream = current_stream();
        let handles: Vec<_> = inputs.iter().map(|array| array.as_ptr()).collect();
        let mut outputs = Vec::new();
        // SAFETY: every handle is alive for the call and what is made here is freed once; arrays taken
        // from the vector are handles of their own.
        let status = unsafe {
            let inputs = mlx_sys::mlx_vector_array_new_data(handles.as_ptr(), handles.len());
            let config = configuration(launch);
            let mut results = mlx_sys::mlx_vector_array_new();
            let status = mlx_sys::mlx_fast_cuda_kernel_apply(
                &raw mut results,
                self.handle,
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
            Err(refused(self.name))
        }
    }
}

impl Drop for CudaKernel {
    fn drop(&mut self) {
        // SAFETY: made by `new` and freed once.
        unsafe { mlx_sys::mlx_fast_cuda_kernel_free(self.handle) }
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
unsafe fn configuration(launch: &CudaLaunch<'_>) -> mlx_sys::mlx_fast_cuda_kernel_config {
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
        for constant in launch.constants {
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

fn refused(name: &CStr) -> Exception {
    failure(&format!("the kernel {}", name.to_string_lossy()))
}
