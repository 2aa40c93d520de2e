//! Checkpoints of every layout, configurations and traces: well formed and not.

mod bad_files;
mod bad_weights;
mod canonical;
mod config;
mod dense;
mod mxfp4;
mod support;
mod trace;
mod trace_refused;
mod trace_rig;
mod writer;
