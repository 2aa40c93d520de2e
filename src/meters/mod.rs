//! What the machine spends: the GPU's load, power, temperature and memory, and this process's share
//! of the CPU.
//!
//! Start with [`start`]: a thread of its own reads once an interval, and [`MeterHandle::latest`]
//! gives what it read last; [`resident_bytes`] is for whoever wants that figure alone. Nothing here
//! needs privileges, and what a platform lacks is absent, without a word: NVML on Linux (loaded when the
//! program runs, so that it may be missing), `IOReport` and the SMC through macmon on Apple silicon.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
mod nvml;
mod process;

#[cfg(target_os = "macos")]
use macos::Gpu;
#[cfg(target_os = "linux")]
use nvml::Gpu;

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use process::Process;
pub use process::resident_bytes;

/// What was read at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeterReading {
    /// Counts the readings, from 1.
    pub number: u64,
    /// The GPU, where one can be read.
    pub gpu: Option<GpuReading>,
    /// This process.
    pub process: ProcessReading,
}

/// A GPU at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GpuReading {
    /// The device's name.
    pub name: String,
    /// The share of time in which it worked, from 0 to 1.
    pub load: Option<f32>,
    /// What it draws, in watts.
    pub power_watts: Option<f32>,
    /// Its temperature, in degrees Celsius.
    pub temperature: Option<f32>,
    /// Its memory in use, by all programs.
    pub memory_used_bytes: Option<u64>,
}

/// This process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProcessReading {
    /// CPU time over time passed since the reading before; 1 is one core. Absent at first.
    pub cpu_load: Option<f32>,
    /// The memory that it holds.
    pub resident_bytes: Option<u64>,
}

/// A running thread of readings; dropping it ends the thread.
#[derive(Debug)]
pub struct MeterHandle {
    latest: Arc<Mutex<Option<MeterReading>>>,
    /// Its end tells the thread to stop.
    _stop: Sender<()>,
}

impl MeterHandle {
    /// What was read last; none before the first reading.
    pub fn latest(&self) -> Option<MeterReading> {
        // Held for a copy of some numbers only, never while a device is asked.
        let latest = self.latest.lock();
        latest.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts to read once an `interval`; none where no thread can be had.
pub fn start(interval: Duration) -> Option<MeterHandle> {
    let latest = Arc::new(Mutex::new(None));
    let (stop, stopped) = mpsc::channel();
    let shared = Arc::clone(&latest);
    thread::Builder::new()
        .name("meters".to_owned())
        .spawn(move || {
            // Made here, for the first contact with a driver takes its time.
            let mut gpu = Gpu::open();
            let mut process = Process::default();
            for number in 1.. {
                let reading = MeterReading {
                    number,
                    gpu: gpu.as_mut().and_then(Gpu::read),
                    process: process.read(),
                };
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
                if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })
        .ok()?;
    Some(MeterHandle {
        latest,
        _stop: stop,
    })
}

/// No GPU can be read here.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
struct Gpu;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
impl Gpu {
    fn open() -> Option<Self> {
        None
    }

    fn read(&mut self) -> Option<GpuReading> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn readings_follow_each_other_and_make_sense() {
        let handle = start(Duration::from_millis(5)).unwrap();
        let begin = Instant::now();
        let mut numbers = Vec::new();
        while numbers.len() < 3 {
            assert!(begin.elapsed() < Duration::from_secs(30), "no readings");
            match handle.latest() {
                Some(reading) if numbers.last() != Some(&reading.number) => {
                    check_sensible(&reading);
                    numbers.push(reading.number);
                }
                _ => thread::yield_now(),
            }
        }
        assert!(numbers.is_sorted(), "{numbers:?}");
    }

    fn check_sensible(reading: &MeterReading) {
        let load = reading.process.cpu_load.unwrap_or_default();
        assert!((0.0..10_000.0).contains(&load), "{reading:?}");
        if cfg!(target_os = "linux") {
            let bytes = reading.process.resident_bytes.unwrap();
            assert!((100_000..1 << 45).contains(&bytes), "{reading:?}");
        }
        let Some(gpu) = &reading.gpu else { return };
        assert!(!gpu.name.is_empty());
        assert!(
            (0.0..=1.0).contains(&gpu.load.unwrap_or_default()),
            "{gpu:?}"
        );
        let watts = gpu.power_watts.unwrap_or_default();
        assert!((0.0..3000.0).contains(&watts), "{gpu:?}");
    }
}
