//! This process's CPU time and memory, from `/proc` where there is one.

use std::fs;
use std::time::Instant;

use super::ProcessReading;

/// Linux counts CPU time in these, whatever the kernel's own clock is.
const TICKS_PER_SECOND: f64 = 100.0;
const BYTES_PER_KIB: u64 = 1024;

/// The reading before, to take the difference from.
#[derive(Debug, Default)]
pub(super) struct Process {
    before: Option<(Instant, u64)>,
}

impl Process {
    pub(super) fn read(&mut self) -> ProcessReading {
        let now = Instant::now();
        let ticks = fs::read_to_string("/proc/self/stat")
            .ok()
            .and_then(|stat| cpu_ticks(&stat));
        let cpu_load = ticks.zip(self.before).and_then(|(ticks, (then, before))| {
            let passed = now.duration_since(then).as_secs_f64();
            let worked = ticks.saturating_sub(before) as f64 / TICKS_PER_SECOND;
            (passed > 0.0).then(|| (worked / passed) as f32)
        });
        self.before = ticks.map(|ticks| (now, ticks));
        ProcessReading {
            cpu_load,
            resident_bytes: resident_bytes(),
        }
    }
}

/// What of this process's memory lies in RAM; none where the system does not tell it in a file.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    resident_in(&status)
}

/// User and system time. The program's name, in parentheses, may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    // Fields 14 and 15 of proc(5); the state, field 3, is the first one here.
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * BYTES_PER_KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("42 (x"), None);
        let status = "Name:\tx\nVmRSS:\t    2048 kB\n";
        assert_eq!(resident_in(status), Some(2_097_152));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }
}
