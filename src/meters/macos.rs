//! Apple silicon, through macmon.

use macmon::Sampler;

use super::GpuReading;

/// How long one reading takes, in milliseconds: power is energy over a time.
const SAMPLE_MS: u32 = 200;

/// The GPU within the chip.
pub(super) struct Gpu {
    sampler: Sampler,
    name: String,
}

impl Gpu {
    /// None where the chip's counters cannot be read, as on Intel.
    pub(super) fn open() -> Option<Self> {
        let sampler = Sampler::new().ok()?;
        let name = sampler.get_soc_info().chip_name.clone();
        Some(Self { sampler, name })
    }

    pub(super) fn read(&mut self) -> Option<GpuReading> {
        let metrics = self.sampler.get_metrics(SAMPLE_MS).ok()?;
        Some(GpuReading {
            name: self.name.clone(),
            load: Some(metrics.gpu_active_ratio),
            power_watts: Some(metrics.gpu_power),
            temperature: metrics.temp.gpu_temp_avg,
            // The GPU's memory is the machine's.
            memory_used_bytes: Some(metrics.memory.ram_usage),
        })
    }
}
