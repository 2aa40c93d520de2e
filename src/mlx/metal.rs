//! What Apple's GPUs want to be told: how much work MLX puts into one command buffer, and how much
//! memory stays resident.
//!
//! The choices are plain functions that are tested anywhere; what they are made from was measured by
//! others (docs/decisions/0016-metal-without-a-device.md).

use std::process::Command;

use mlx_rs::error::Result;

use super::device::DeviceInfo;

/// The first generation of chips whose defaults in MLX nobody has found wanting.
const FIRST_WITH_GOOD_DEFAULTS: u32 = 5;

/// MLX starts a new command buffer when one of these is reached. By default a token's work is cut
/// into some twenty buffers, with the GPU idle between them; a prompt's stays cut, as the model
/// evaluates long chunks layer by layer.
const LARGE_BUFFERS: &[(&str, &str)] = &[
    ("MLX_MAX_OPS_PER_BUFFER", "1000"),
    ("MLX_MAX_MB_PER_BUFFER", "1000"),
];

/// The environment variables that suit the chip called `chip`, as names and values.
///
/// MLX reads them once, when it opens the device.
pub fn command_buffer_variables(chip: &str) -> &'static [(&'static str, &'static str)] {
    match generation(chip) {
        Some(generation) if generation < FIRST_WITH_GOOD_DEFAULTS => LARGE_BUFFERS,
        _ => &[],
    }
}

/// 4 for "Apple M4 Pro"; nothing for what is not named so.
fn generation(chip: &str) -> Option<u32> {
    let name = chip.trim().strip_prefix("Apple M")?;
    name.split_whitespace().next()?.parse().ok()
}

/// The chip's name as macOS has it, without a call of MLX; nothing on other systems.
pub fn chip_name() -> Option<String> {
    if !cfg!(target_os = "macos") {
        return None;
    }
    let output = Command::new("/usr/sbin/sysctl")
        .args(["-n", "machdep.cpu.brand_string"])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()
}

/// Lets what MLX allocates stay resident, as far as the device recommends: weights that the system
/// pages out are read again for every token.
///
/// Returns the bytes that may stay, none where the device recommends nothing.
///
/// # Errors
/// What MLX says where the system cannot do it.
pub fn keep_resident(info: &DeviceInfo) -> Result<Option<u64>> {
    let Some(bytes) = info.working_set_bytes else {
        return Ok(None);
    };
    mlx_rs::memory::set_wired_limit(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_up_to_the_m4_get_larger_command_buffers() {
        for chip in [
            "Apple M1",
            "Apple M2 Ultra",
            "Apple M3 Max\n",
            "Apple M4 Pro",
        ] {
            assert_eq!(command_buffer_variables(chip), LARGE_BUFFERS, "{chip}");
        }
        let others = [
            "Apple M5 Max",
            "Apple M12",
            "Apple Paravirtual device",
            "Apple A18 Pro",
            "Intel(R) Core(TM) i7",
            "Apple M",
            "",
        ];
        for chip in others {
            assert!(command_buffer_variables(chip).is_empty(), "{chip}");
        }
    }

    #[test]
    fn a_device_that_recommends_nothing_keeps_its_limit() {
        assert_eq!(keep_resident(&DeviceInfo::default()).unwrap(), None);
    }
}
