//! The engine thread and its protocol, driven through the public interface.

mod cancelling;
mod commands;
mod faults;
mod lanes;
mod rig;
mod scripts;
mod shutdown;
mod synthetic;
