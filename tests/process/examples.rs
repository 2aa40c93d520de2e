//! Every example runs, with the demo model or without one, and prints what it is there for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{arg, done};

/// Example, arguments, and what its output has to hold.
const EXAMPLES: [(&str, &[&str], &str); 8] = [
    ("ablation_sweep", &[], "mean KL in nats"),
    ("chat", &["What is 48 + 75?"], "48 + 75 = 123"),
    ("engine_events", &[], "synthetic 24×32"),
    ("generate", &[], "3055"),
    ("logit_lens", &[], "% to sinks"),
    ("read_trace", &["TRACE"], "6 layers of 32 experts"),
    (
        "routing_to_csv",
        &[],
        "position,token,layer,rank,expert,weight",
    ),
    ("soak", &["3"], "gives the conversation back: true"),
];

/// Where Cargo puts examples: beside the folder of this test.
fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let target = test.parent().and_then(Path::parent);
    target.expect("a folder of the profile").join("examples")
}

#[test]
fn every_example_runs_and_shows_what_it_is_about() {
    let home = tempfile::tempdir().expect("a folder");
    let trace = home.path().join("t.safetensors");
    done(&[
        "trace",
        "-p",
        "What is 48 + 75?",
        "-n",
        "4",
        "-o",
        arg(&trace),
    ]);
    for (name, args, expected) in EXAMPLES {
        let program = folder().join(name);
        let args = args.iter().map(|given| match *given {
            "TRACE" => arg(&trace),
            given => given,
        });
        let output = Command::new(&program)
            .args(args)
            .current_dir(home.path())
            .env("HOME", home.path())
            .output()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; `cargo build --examples`", program.display())
            });
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {stdout}{stderr}");
        assert!(stdout.contains(expected), "{name}: {stdout}");
    }
}

#[test]
fn no_example_is_left_out() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let found: BTreeSet<String> = std::fs::read_dir(sources)
        .expect("examples")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let run = EXAMPLES.map(|(name, ..)| name.to_owned());
    assert_eq!(found, BTreeSet::from(run));
}
