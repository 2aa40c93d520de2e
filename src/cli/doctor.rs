//! `doctor`: what this program runs on.

use std::io::IsTerminal;

use gptoss::mlx::device::{self, DeviceKind};
use serde_json::{Map, Value, json};

use super::args::{DoctorArgs, format_bytes};
use super::exit::CliError;
use super::{output, terminal};

/// Prints the findings.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), CliError> {
    let findings = findings()?;
    if args.json {
        return output::line(&Value::Object(findings).to_string());
    }
    for (name, value) in &findings {
        let value = match value {
            Value::Null => "unknown".to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(bytes) if name.ends_with("_bytes") => {
                format_bytes(bytes.as_u64().unwrap_or_default())
            }
            Value::Array(items) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join(" ")
            }
            other => other.to_string(),
        };
        output::line(&format!("{name:<24} {value}"))?;
    }
    terminal::print_test_card()
}

fn findings() -> Result<Map<String, Value>, CliError> {
    let mlx = |error: gptoss::mlx::Exception| CliError::failed(error.what());
    let kind = DeviceKind::current().map_err(mlx)?;
    let info = device::info().map_err(mlx)?;
    let size = terminal_size::terminal_size().map(|(width, height)| {
        let (terminal_size::Width(columns), terminal_size::Height(rows)) = (width, height);
        format!("{columns}x{rows}")
    });
    let entries = [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        (
            "system",
            json!(format!(
                "{} {}",
                std::env::consts::OS,
                std::env::consts::ARCH
            )),
        ),
        ("mlx_version", json!(device::mlx_version())),
        (
            "mlx_backend",
            json!(option_env!("GPTOSS_MLX_BACKEND").unwrap_or("metal")),
        ),
        ("blas", json!(blas())),
        ("device", json!(kind.name())),
        ("device_name", json!(info.name)),
        ("device_memory_bytes", json!(info.memory_bytes)),
        ("working_set_bytes", json!(info.working_set_bytes)),
        ("system_memory_bytes", json!(device::system_memory_bytes())),
        (
            "memory_limit_bytes",
            json!(gptoss::memory_limit_bytes(&info)),
        ),
        (
            "cpu_threads",
            json!(std::thread::available_parallelism().ok().map(usize::from)),
        ),
        ("cpu_features", json!(cpu_features())),
        ("term", json!(std::env::var("TERM").ok())),
        ("colorterm", json!(std::env::var("COLORTERM").ok())),
        ("terminal_size", json!(size)),
        ("stdin_is_terminal", json!(std::io::stdin().is_terminal())),
        ("stdout_is_terminal", json!(std::io::stdout().is_terminal())),
        ("stderr_is_terminal", json!(std::io::stderr().is_terminal())),
    ];
    Ok(entries
        .into_iter()
        .chain(terminal::abilities())
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// The library behind MLX's matrix products on the CPU.
fn blas() -> &'static str {
    match option_env!("GPTOSS_BLAS") {
        Some(name) => name,
        None if cfg!(target_vendor = "apple") => "Accelerate",
        None => "as bundled with MLX",
    }
}

/// The vector units that matter for the CPU's kernels.
fn cpu_features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("f16c", std::arch::is_x86_feature_detected!("f16c")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
            (
                "avx512vnni",
                std::arch::is_x86_feature_detected!("avx512vnni"),
            ),
            (
                "avx512bf16",
                std::arch::is_x86_feature_detected!("avx512bf16"),
            ),
        ];
        found.extend(
            features
                .iter()
                .filter(|(_, has)| *has)
                .map(|(name, _)| *name),
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        let features = [
            ("neon", std::arch::is_aarch64_feature_detected!("neon")),
            (
                "dotprod",
                std::arch::is_aarch64_feature_detected!("dotprod"),
            ),
            ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
            ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
            ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ];
        found.extend(
            features
                .iter()
                .filter(|(_, has)| *has)
                .map(|(name, _)| *name),
        );
    }
    found
}
