//! The text of a kernel: the one that is compiled, and the one that MLX is given.

use std::ffi::CStr;
use std::fmt::Write as _;

use mlx_rs::Dtype;

use super::{CudaConstant, CudaSource};

/// What MLX puts before every kernel (`mlx/backend/cuda/custom_kernel.cpp`, 0.32).
const MLX_HEADER: &str =
    "\n#include \"mlx/backend/cuda/device/utils.cuh\"\n\n#include <cooperative_groups.h>\n\n";

/// What our sources need of these headers: a quarter of a second to compile, MLX's take over one.
const HEADER: &str = "\
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define INFINITY __int_as_float(0x7f800000)
typedef unsigned char uint8_t;
typedef unsigned int uint32_t;
typedef int int32_t;
struct Shape {
  int sizes[10];
  __device__ __forceinline__ int operator[](int axis) const { return sizes[axis]; }
};
";

/// A kernel with everything that its machine code depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program<'a> {
    pub(super) source: &'a CudaSource,
    pub(super) constants: &'a [CudaConstant],
    pub(super) input_dtypes: &'a [Dtype],
    pub(super) output_dtypes: &'a [Dtype],
}

impl Program<'_> {
    /// The translation unit that is compiled; its function has the source's name.
    pub(super) fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        push_code(&mut text, self.source.header);
        text.push_str("extern \"C\" ");
        self.push_signature(&mut text, &self.source.name.to_string_lossy());
        for constant in self.constants {
            let _ = match *constant {
                CudaConstant::Int(name, value) => {
                    writeln!(text, "constexpr int {} = {};", plain(name), value as i32)
                }
                CudaConstant::Bool(name, value) => {
                    writeln!(text, "constexpr bool {} = {value};", plain(name))
                }
                CudaConstant::Type(name, dtype) => {
                    writeln!(text, "using {} = {};", plain(name), cuda_type(dtype))
                }
            };
        }
        push_code(&mut text, self.source.body);
        text.push_str("}\n");
        text
    }

    /// The body under which MLX knows the kernel. It cannot be compiled, so that a kernel that MLX does
    /// not find on disk is an error; beside that it names the shapes that MLX is to pass.
    pub(super) fn stand_in(&self) -> String {
        let mut text = "#error a compiled kernel was not found\n".to_owned();
        for name in self.shaped_inputs() {
            let _ = writeln!(text, "// {name}_shape");
        }
        text
    }

    /// The name of the file without ending in which MLX looks for the machine code of the kernel that it
    /// was given as `name` with the body `stand_in`.
    ///
    /// Source: `CustomKernel::eval_gpu` and `build_kernel` of MLX 0.32.
    pub(super) fn module_name(&self, name: &str, stand_in: &str) -> String {
        let function = format!("custom_kernel_{name}");
        let mut text = MLX_HEADER.to_owned();
        text.push_str("namespace mlx::core::cu {\n\nnamespace cg = cooperative_groups;\n\n");
        self.push_signature(&mut text, &function);
        text.push_str(stand_in);
        text.push_str("\n}\n\n} // namespace mlx::core::cu\n");
        format!("{function}_{:x}", libstdcxx_hash(text.as_bytes()))
    }

    fn shaped_inputs(&self) -> impl Iterator<Item = &'static str> {
        let body = self.source.body;
        let names = self.source.inputs.iter().map(|name| plain(name));
        names.filter(move |name| body.contains(&format!("{name}_shape")))
    }

    /// As MLX writes it, to the letter.
    fn push_signature(&self, text: &mut String, function: &str) {
        let _ = writeln!(text, "__global__ void {function}(");
        let inputs = self.source.inputs.iter().zip(self.input_dtypes);
        for (name, dtype) in inputs {
            let (name, of) = (plain(name), cuda_type(*dtype));
            let _ = writeln!(text, "    const {of}* {name},");
            if self.shaped_inputs().any(|shaped| shaped == name) {
                let _ = writeln!(text, "    const __grid_constant__ Shape {name}_shape,");
            }
        }
        let outputs = self.source.outputs.iter().zip(self.output_dtypes);
        let lines: Vec<String> = outputs
            .map(|(name, dtype)| format!("    {}* {}", cuda_type(*dtype), plain(name)))
            .collect();
        text.push_str(&lines.join(",\n"));
        text.push_str(") {\n");
    }
}

/// Code without the lines that only people read, so that a comment changes no kernel.
pub(super) fn push_code(text: &mut String, code: &str) {
    for line in code.lines().filter(|line| !line.starts_with("//")) {
        text.push_str(line);
        text.push('\n');
    }
}

fn plain(name: &'static CStr) -> &'static str {
    name.to_str().unwrap_or_default()
}

/// Source: `dtype_to_cuda_type` of MLX 0.32, as far as our kernels go.
fn cuda_type(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "bool",
        Dtype::Uint8 => "uint8_t",
        Dtype::Uint32 => "uint32_t",
        Dtype::Int32 => "int32_t",
        Dtype::Float16 => "__half",
        Dtype::Bfloat16 => "__nv_bfloat16",
        Dtype::Float32 => "float",
        _ => "unknown",
    }
}

/// What `std::hash` makes of a string in the C++ library that MLX's wheels use.
///
/// Source: `MurmurHashUnaligned2` in libstdc++'s `hash_bytes.cc`, which it names so.
fn libstdcxx_hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xc70f_6907;
    let mix = |value: u64| value ^ (value >> 47);
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let data = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash = (hash ^ mix(data).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    mix(mix(hash).wrapping_mul(FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_cpp_library() {
        // Printed by std::hash<std::string> of GCC 12 on x86-64.
        for (text, hash) in [
            ("", 0x553e_9390_1e46_2a6e),
            ("a", 0x454d_dee4_88c1_ed6b),
            ("12345678", 0x8c5b_90a3_3a04_dca5),
            ("\n#include \"mlx\" tail of it", 0x163a_92a0_9466_6790),
        ] {
            assert_eq!(libstdcxx_hash(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn constants_types_and_shapes_are_in_the_compiled_text() {
        let source = CudaSource {
            name: c"twice",
            inputs: &[c"x", c"y"],
            outputs: &[c"out"],
            header: "// said to people\nint helper;\n",
            body: "// said to people\nout[0] = x[N] * y_shape[0];\n",
            shared_memory_bytes: 0,
        };
        let program = Program {
            source: &source,
            constants: &[
                CudaConstant::Int(c"N", 3),
                CudaConstant::Bool(c"B", true),
                CudaConstant::Type(c"T", Dtype::Bfloat16),
            ],
            input_dtypes: &[Dtype::Bfloat16, Dtype::Uint32],
            output_dtypes: &[Dtype::Float32],
        };
        let text = program.text();
        let expected = "int helper;\nextern \"C\" __global__ void twice(\n    const __nv_bfloat16* x,\n    \
             const uint32_t* y,\n    const __grid_constant__ Shape y_shape,\n    float* out) {\n\
             constexpr int N = 3;\nconstexpr bool B = true;\nusing T = __nv_bfloat16;\n\
             out[0] = x[N] * y_shape[0];\n}\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(!text.contains("said to people"));
        assert_eq!(
            program.stand_in(),
            "#error a compiled kernel was not found\n// y_shape\n"
        );
    }
}
