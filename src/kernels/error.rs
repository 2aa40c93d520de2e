//! What can be wrong with a kernel's arguments.

use super::Isa;

/// Why a kernel refused its arguments; nothing has been computed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice does not hold what the shapes ask for.
    #[error("{name} holds {found} values, expected {expected}")]
    Length {
        /// The argument or field.
        name: &'static str,
        /// Values that the shapes ask for.
        expected: usize,
        /// Values that are there.
        found: usize,
    },
    /// A shape's product is beyond what memory can address.
    #[error("the shape of {name} overflows")]
    Overflow {
        /// The argument or field.
        name: &'static str,
    },
    /// Rows without weights have no form.
    #[error("the rows of {name} are empty")]
    EmptyRows {
        /// The argument or field.
        name: &'static str,
    },
    /// A row's length is no whole number of quantization groups.
    #[error("{in_features} inputs a row are no multiple of the group size {group_size}")]
    RaggedGroups {
        /// Weights in a row.
        in_features: usize,
        /// Weights that share a scale.
        group_size: usize,
    },
    /// A group size that no kernel reads.
    #[error("group size {group_size} is not supported, use a power of two from 32 up")]
    GroupSize {
        /// Weights that share a scale.
        group_size: usize,
    },
    /// A token was routed to an expert that does not exist.
    #[error("expert {expert} does not exist, there are {num_local_experts}")]
    Expert {
        /// The id that was asked for.
        expert: u32,
        /// How many there are.
        num_local_experts: usize,
    },
    /// This CPU cannot run the instruction set that was asked for.
    #[error("this CPU has no {isa}, use one of `Isa::available()`")]
    MissingIsa {
        /// The instruction set.
        isa: Isa,
    },
    /// The worker threads could not be started.
    #[error("cannot start {num_threads} kernel threads: {reason}")]
    Threads {
        /// How many were asked for.
        num_threads: usize,
        /// The operating system's answer.
        reason: String,
    },
}
