//! Bad arguments: one clear line, the right code, nothing lost.

use std::process::Command;

use crate::support::{Outcome, arg, check_refused, fixture, names_in, refused, run_with_input};

#[test]
fn wrong_usage_is_code_2() {
    let cases: [(&[&str], &[&str]); 19] = [
        (&["generat"], &["generat", "generate"]),
        (&["gpt-oss-20b"], &["gpt-oss-20b", "hf download"]),
        (&["generate"], &["--prompt"]),
        (&["generate", "-p", "x", "--tokens", "1"], &["--tokens"]),
        (&["generate", "-p", "x", "-b", "torch"], &["torch", "mlx"]),
        (&["generate", "--tokens", ""], &["--tokens"]),
        (&["generate", "--tokens", "1,x"], &["x"]),
        (&["generate", "--tokens", "-1"], &["-1"]),
        (
            &["generate", "--tokens", "1", "--kv-bits", "4"],
            &["4", "8"],
        ),
        (
            &["generate", "--tokens", "1", "--quantize", "experts=5"],
            &["experts=5"],
        ),
        (
            &["generate", "--tokens", "1", "--memory-limit", "lots"],
            &["lots"],
        ),
        (
            &["generate", "--tokens", "1", "--prefill-chunk", "0"],
            &["0"],
        ),
        (
            &["generate", "-p", "x", "--effort", "extreme"],
            &["extreme"],
        ),
        (&["generate", "-p", "x", "--stop", ""], &["stop string"]),
        (&["trace", "--tokens", "1"], &["--output"]),
        (&["--set", "ui.thme=dark"], &["--set ui.thme=dark", "theme"]),
        (&["--theme", "drak"], &["--theme drak", "mono"]),
        (&["print-config", "--config", "none.toml"], &["none.toml"]),
        (
            &["--plain", "generate", "-p", "x"],
            &["--plain", "subcommand"],
        ),
    ];
    for (args, parts) in cases {
        refused(args, 2, parts);
    }
}

#[test]
fn a_wrong_key_binding_is_told_with_its_place_and_what_was_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.toml");
    let path = file.to_str().expect("a name in UTF-8");
    for (text, parts) in [
        (
            "[ui]\n[keys.chat]\n\"ctrl-r\" = \"regenrate\"\n",
            &[
                "keys.toml:3:1: ",
                "\"regenrate\"",
                "an action is called regenerate",
            ][..],
        ),
        (
            "[keys.chatt]\nx = \"regenerate\"\n",
            &["keys.toml:2:1: ", "no key context \"chatt\""],
        ),
        (
            "[keys.chat]\n\"ctrl-shift-what\" = \"regenerate\"\n",
            &["keys.toml:2:1: "],
        ),
    ] {
        std::fs::write(&file, text).expect("it can be written");
        refused(&["--config", path], 2, parts);
        refused(&["print-config", "--config", path], 2, parts);
    }
}

#[test]
fn without_a_model_lines_end_with_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.json"), "{}").expect("it can be written");
    let settings = format!("session.folder={}", folder.path().display());
    let path = folder.path().to_str().expect("a name in UTF-8");
    let outcome = run_with_input(&["--set", &settings, path], "hello\nagain\n/help\n");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let told = outcome.stdout.matches("num_hidden_layers").count();
    assert_eq!(told, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("/quit"), "{outcome:?}");
    assert!(outcome.stderr.contains("no model"), "{outcome:?}");
}

#[test]
fn parameters_out_of_range_are_code_2_and_named() {
    for (flag, value, name) in [
        ("--temperature", "-1", "temperature"),
        ("--temperature", "nan", "temperature"),
        ("--temperature", "warm", "--temperature"),
        ("--top-p", "2", "top_p"),
        ("--top-p", "0", "top_p"),
        ("--top-k", "-3", "--top-k"),
        ("--min-p", "1.5", "min_p"),
        ("--xtc-probability", "2", "xtc.probability"),
        ("--xtc-threshold", "0.9", "xtc.threshold"),
        ("--dry-multiplier", "-1", "dry.multiplier"),
        ("--dry-base", "0", "dry.base"),
        ("--repetition-penalty", "0", "repetition_penalty"),
        ("--presence-penalty", "3", "presence_penalty"),
        ("--frequency-penalty", "inf", "frequency_penalty"),
        ("--logit-bias", "7=1000", "logit_bias[7]"),
        ("--logit-bias", "seven=1", "--logit-bias"),
        ("--seed", "lucky", "--seed"),
        ("--seed", "-1", "--seed"),
    ] {
        refused(&["generate", "--tokens", "1", flag, value], 2, &[name]);
    }
}

#[test]
fn token_ids_and_prompts_that_do_not_fit_are_code_2() {
    refused(
        &["generate", "--tokens", "1,3072"],
        2,
        &["3072", "position 1"],
    );
    refused(&["generate", "--raw", "-p", ""], 2, &["empty"]);
    let long = vec!["1"; 2049].join(",");
    refused(&["generate", "--tokens", &long], 2, &["2049", "2048"]);
    refused(
        &["bench", "-p", "8", "-n", "4", "-d", "4096"],
        2,
        &["4096", "2048"],
    );
    refused(&["bench", "-r", "0"], 2, &["--repetitions"]);
    refused(&["bench", "-p", "0"], 2, &["--prompt-tokens"]);
}

#[test]
fn a_request_over_the_memory_limit_is_code_3_with_the_numbers() {
    let weights = ["generate", "--tokens", "1", "--memory-limit", "1MB"];
    refused(&weights, 3, &["13.5 MB", "1.0 MB"]);
    let context = [
        "generate",
        "--tokens",
        "1",
        "-n",
        "2000",
        "--memory-limit",
        "110MB",
    ];
    refused(&context, 3, &["2001 tokens", "largest context"]);
    let mut dry_run = context.to_vec();
    dry_run.push("--dry-run");
    let outcome = crate::support::run(&dry_run);
    check_refused(&outcome, 3, &["2001 tokens", "largest context"]);
    assert!(
        outcome.stdout.contains("bytes"),
        "the prediction is printed too"
    );
    let random = ["bench", "--random", "gpt-oss-120b", "--memory-limit", "8GB"];
    refused(&random, 3, &["8.00 GB"]);
}

#[test]
fn unwritable_outputs_are_found_before_the_work() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing/trace.safetensors");
    for path in [missing.as_path(), folder.path()] {
        // Generating so much would take minutes.
        let args = ["trace", "--tokens", "1", "-n", "2000", "-o", arg(path)];
        refused(&args, 1, &["cannot write", arg(path)]);
    }
    let model = fixture("pub-b/hf");
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").expect("written");
    refused(
        &["convert", arg(&model), arg(&file.join("out"))],
        1,
        &["cannot write"],
    );
    refused(
        &["convert", arg(&model), arg(folder.path())],
        2,
        &["not empty"],
    );
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "kept");
    refused(
        &["generate", "--tokens", "1", "--log", arg(&missing)],
        1,
        &["cannot write"],
    );
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out");
    // A limit on the size of files, with its signal ignored, fails writes as a full disk does.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let output = Command::new("sh")
        .args([
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_gptoss-tui"),
            "convert",
        ])
        .args([arg(&fixture("pub-a/hf")), arg(&out)])
        .output()
        .expect("there is a shell");
    check_refused(&Outcome::new(output), 1, &["cannot write"]);
    if out.exists() {
        assert_eq!(names_in(&out), Vec::<String>::new());
    }
}

#[test]
fn files_of_messages_are_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("messages.json");
    refused(
        &["tokenize", "--messages", arg(&path)],
        2,
        &["messages.json"],
    );
    for (text, part) in [
        ("{", "JSON"),
        ("3", "messages"),
        (r#"[{"role": "wizard", "content": "x"}]"#, "role"),
        (r#"[{"content": "x"}]"#, "role"),
    ] {
        std::fs::write(&path, text).expect("written");
        refused(
            &["tokenize", "--messages", arg(&path)],
            2,
            &["messages.json", part],
        );
    }
}
