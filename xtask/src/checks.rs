//! Every check that a change has to pass, in the order in which they fail fastest.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cargo;

const STEPS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints, without MLX",
        &[
            "clippy",
            "--no-default-features",
            "--lib",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    ("tests", &["test", "--workspace", "--no-fail-fast"]),
    (
        "documentation",
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
    ),
];

/// Runs all steps, also after a failure, and closes with the number of tests.
pub(crate) fn run_all() -> Result<ExitCode> {
    let mut failed_steps = Vec::new();
    let (mut passed, mut failed) = (0, 0);
    for (name, args) in STEPS {
        eprintln!("== {name}: cargo {}", args.join(" "));
        let started = Instant::now();
        let counts = run(cargo().args(*args).env("RUSTDOCFLAGS", "-D warnings"))?;
        passed += counts.passed;
        failed += counts.failed;
        eprintln!("   {:.0} s", started.elapsed().as_secs_f32());
        if !counts.success {
            failed_steps.push(*name);
        }
    }
    if failed_steps.is_empty() {
        println!("all checks passed");
    } else {
        println!("failed: {}", failed_steps.join(", "));
    }
    println!("{passed} passed, {failed} failed");
    Ok(ExitCode::from(u8::from(!failed_steps.is_empty())))
}

struct Counts {
    success: bool,
    passed: u64,
    failed: u64,
}

/// Passes a command's output on and adds up the counts in Cargo's `test result:` lines.
fn run(command: &mut Command) -> Result<Counts> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start cargo")?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some(result) = line.strip_prefix("test result:") {
                passed += count_before(result, " passed");
                failed += count_before(result, " failed");
            }
            println!("{line}");
        }
    }
    let success = child.wait()?.success();
    Ok(Counts {
        success,
        passed,
        failed,
    })
}

fn count_before(text: &str, word: &str) -> u64 {
    text.split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
