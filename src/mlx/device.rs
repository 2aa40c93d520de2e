//! The device that MLX computes on: its kind and its memory.
#![expect(
    unsafe_code,
    reason = "mlx-c is called directly; each call is explained"
)]

use std::ffi::{CStr, CString};

use mlx_rs::error::Result;
use mlx_rs::{Device, DeviceType};

/// The kinds of device that differ in how the model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// MLX's CPU backend.
    Cpu,
    /// An Apple GPU.
    Metal,
    /// An NVIDIA GPU.
    Cuda,
}

impl DeviceKind {
    /// The kind of MLX's default device.
    pub fn current() -> Result<Self> {
        if matches!(Device::try_default()?.get_type()?, DeviceType::Cpu) {
            return Ok(Self::Cpu);
        }
        Ok(if metal_is_available() {
            Self::Metal
        } else {
            Self::Cuda
        })
    }

    /// The name shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Metal => "metal",
            Self::Cuda => "cuda",
        }
    }
}

/// What MLX tells about its default device, as far as it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The product's name.
    pub name: Option<String>,
    /// Memory that the device has, in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that one process should keep in use at most, in bytes (Metal only).
    pub working_set_bytes: Option<u64>,
    /// Major and minor number of what the device can do (CUDA only).
    pub compute_capability: Option<(u64, u64)>,
}

/// Asks MLX about its default device.
pub fn info() -> Result<DeviceInfo> {
    // A call of mlx-rs first: it installs the error handler that mlx-c's would end the process for.
    let _ = Device::try_default()?;
    // SAFETY: the handles are made here, used while alive, and freed once.
    unsafe {
        let mut device = mlx_sys::mlx_device_new();
        mlx_sys::mlx_get_default_device(&raw mut device);
        let mut handle = mlx_sys::mlx_device_info_new();
        let mut found = DeviceInfo::default();
        if mlx_sys::mlx_device_info_get(&raw mut handle, device) == 0 {
            found.name = text(handle, "device_name");
            found.memory_bytes =
                size(handle, "memory_size").or_else(|| size(handle, "total_memory"));
            found.working_set_bytes = size(handle, "max_recommended_working_set_size");
            found.compute_capability = size(handle, "compute_capability_major")
                .zip(size(handle, "compute_capability_minor"));
        }
        mlx_sys::mlx_device_info_free(handle);
        mlx_sys::mlx_device_free(device);
        Ok(found)
    }
}

/// The machine's memory, where the system tells it in a file (Linux).
pub fn system_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The version of MLX that is running.
pub fn mlx_version() -> String {
    // SAFETY: the string is made by mlx-c, read before it is freed, and always terminated.
    unsafe {
        let mut version = mlx_sys::mlx_string_new();
        mlx_sys::mlx_version(&raw mut version);
        let data = mlx_sys::mlx_string_data(version);
        let text = if data.is_null() {
            String::new()
        } else {
            CStr::from_ptr(data).to_string_lossy().into_owned()
        };
        mlx_sys::mlx_string_free(version);
        text
    }
}

fn metal_is_available() -> bool {
    let mut available = false;
    // SAFETY: writes one bool.
    unsafe { mlx_sys::mlx_metal_is_available(&raw mut available) == 0 && available }
}

/// # Safety
/// `handle` is alive.
unsafe fn size(handle: mlx_sys::mlx_device_info, key: &str) -> Option<u64> {
    let key = CString::new(key).ok()?;
    let (mut exists, mut value) = (false, 0usize);
    // SAFETY: by the caller; the key is terminated and the slots are ours.
    let status = unsafe {
        mlx_sys::mlx_device_info_has_key(&raw mut exists, handle, key.as_ptr());
        if !exists {
            return None;
        }
        mlx_sys::mlx_device_info_get_size(&raw mut value, handle, key.as_ptr())
    };
    (status == 0).then_some(value as u64)
}

/// # Safety
/// `handle` is alive.
unsafe fn text(handle: mlx_sys::mlx_device_info, key: &str) -> Option<String> {
    let key = CString::new(key).ok()?;
    let mut exists = false;
    let mut value = std::ptr::null();
    // SAFETY: by the caller; the text belongs to the handle and is copied before it goes.
    unsafe {
        mlx_sys::mlx_device_info_has_key(&raw mut exists, handle, key.as_ptr());
        if !exists
            || mlx_sys::mlx_device_info_get_string(&raw mut value, handle, key.as_ptr()) != 0
            || value.is_null()
        {
            return None;
        }
        Some(CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}
