//! Which vector instructions to use: found at run time, or forced by tests and benchmarks.

use super::KernelError;
use super::portable::Portable;
use super::simd::Simd;
use std::fmt;

/// An instruction set that the kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// AVX-512 F, BW, VL and VNNI: 16 lanes, and packed integers are multiplied as such for few tokens.
    Avx512Vnni,
    /// AVX-512 F, BW and VL: 16 lanes.
    Avx512,
    /// AVX2 with FMA: 8 lanes.
    Avx2,
    /// NEON on aarch64: 4 lanes.
    Neon,
    /// Plain Rust, anywhere: 4 lanes, whatever vectors the compiler makes of them.
    Portable,
}

impl Isa {
    /// Every instruction set, fastest first, whether this CPU has it or not.
    pub const ALL: [Self; 5] = [
        Self::Avx512Vnni,
        Self::Avx512,
        Self::Avx2,
        Self::Neon,
        Self::Portable,
    ];

    /// Those that this CPU has, fastest first; never empty.
    pub fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|isa| isa.is_available())
            .collect()
    }

    /// The fastest that this CPU has.
    pub fn detect() -> Self {
        Self::ALL
            .into_iter()
            .find(|isa| isa.is_available())
            .unwrap_or(Self::Portable)
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        struct Nothing;
        impl WithSimd for Nothing {
            fn call<I: Simd>(self, _: I) {}
        }
        self.run(Nothing).is_ok()
    }

    /// Calls `work` with the instruction set's proof of presence.
    ///
    /// Errors: [`KernelError::MissingIsa`], and `work` is not called.
    pub(super) fn run<W: WithSimd>(self, work: W) -> Result<(), KernelError> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                if let Some(isa) = super::avx512::Avx512::detect_vnni() {
                    work.call(isa);
                    return Ok(());
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                if let Some(isa) = super::avx512::Avx512::detect() {
                    work.call(isa);
                    return Ok(());
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                if let Some(isa) = super::avx2::Avx2::detect() {
                    work.call(isa);
                    return Ok(());
                }
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => {
                if let Some(isa) = super::neon::Neon::detect() {
                    work.call(isa);
                    return Ok(());
                }
            }
            Self::Portable => {
                work.call(Portable);
                return Ok(());
            }
            #[allow(
                unreachable_patterns,
                reason = "which arms exist depends on the target"
            )]
            _ => {}
        }
        Err(KernelError::MissingIsa { isa: self })
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx512Vnni => "AVX-512 VNNI",
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Neon => "NEON",
            Self::Portable => "portable",
        })
    }
}

/// Work that is written over any instruction set.
pub(super) trait WithSimd {
    fn call<I: Simd>(self, isa: I);
}
