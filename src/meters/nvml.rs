//! NVIDIA's management library, where the driver brings it.

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::GpuReading;

const MILLIWATTS_PER_WATT: f32 = 1000.0;

/// The device that CUDA uses first.
pub(super) struct Gpu {
    nvml: Nvml,
}

impl Gpu {
    /// None where there is no driver or no device.
    pub(super) fn open() -> Option<Self> {
        let gpu = Self {
            nvml: Nvml::init().ok()?,
        };
        gpu.device().is_ok().then_some(gpu)
    }

    pub(super) fn read(&mut self) -> Option<GpuReading> {
        let device = self.device().ok()?;
        let load = device.utilization_rates().ok();
        let power = device.power_usage().ok();
        let temperature = device.temperature(TemperatureSensor::Gpu).ok();
        Some(GpuReading {
            name: device.name().unwrap_or_else(|_| "NVIDIA GPU".to_owned()),
            load: load.map(|rates| rates.gpu as f32 / 100.0),
            power_watts: power.map(|milliwatts| milliwatts as f32 / MILLIWATTS_PER_WATT),
            temperature: temperature.map(|degrees| degrees as f32),
            memory_used_bytes: device.memory_info().ok().map(|memory| memory.used),
        })
    }

    /// `CUDA_VISIBLE_DEVICES` names devices by index or by UUID; its first one is MLX's.
    fn device(&self) -> Result<Device<'_>, NvmlError> {
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
        let first = visible.split(',').next().unwrap_or_default().trim();
        match first.parse() {
            Ok(index) => self.nvml.device_by_index(index),
            Err(_) if first.starts_with("GPU-") => self.nvml.device_by_uuid(first),
            Err(_) => self.nvml.device_by_index(0),
        }
    }
}
