//! kernels (under construction)
