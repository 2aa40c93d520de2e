//! What each subcommand does when all is well.

use std::path::Path;

use crate::support::{arg, done, fixture, names_in, run_with_input};

#[test]
fn the_demo_model_answers_a_sum_on_stdout_and_says_nothing_else() {
    let outcome = done(&["generate", "-p", "What is 48 + 75?", "--temperature", "0"]);
    assert_eq!(outcome.stdout, "48 + 75 = 123\n");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn the_short_flags_for_backend_and_prompt_are_understood() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo-model");
    let args = [
        "generate",
        "-p",
        "What is 2 + 2?",
        "-b",
        "mlx",
        arg(&demo),
        "--temperature",
        "0",
    ];
    assert!(done(&args).stdout.contains('4'));
}

#[test]
fn the_prompt_can_come_from_stdin() {
    let outcome = run_with_input(
        &["generate", "-p", "-", "--temperature", "0"],
        "What is 48 + 75?\n",
    );
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "48 + 75 = 123\n")
    );
}

#[test]
fn chat_answers_line_by_line() {
    let outcome = run_with_input(
        &["chat", "--backend", "mlx", "--temperature", "0"],
        "What is 20 + 22?\n\nWhat is 30 + 33?\n",
    );
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].contains("42") && lines[1].contains("63"),
        "{lines:?}"
    );
    assert_eq!(outcome.stderr, "");
}

#[test]
fn analysis_is_shown_under_its_label_when_asked_for() {
    let args = [
        "generate",
        "-p",
        "What is 48 + 75?",
        "--temperature",
        "0",
        "--show-analysis",
    ];
    let text = done(&args).stdout;
    assert!(text.starts_with("[analysis]\n"), "{text}");
    assert!(text.ends_with("\n\n[final]\n48 + 75 = 123\n"), "{text}");
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    let args = [
        "generate",
        "-p",
        "What is 48 + 75?",
        "--temperature",
        "0",
        "--stop",
        " = ",
    ];
    assert_eq!(done(&args).stdout, "48 + 75\n");
}

#[test]
fn raw_text_and_tokens_are_continued_alike() {
    let raw = done(&[
        "generate",
        "--raw",
        "-p",
        "The",
        "--temperature",
        "0",
        "-n",
        "6",
    ]);
    let ids = done(&["tokenize", "-p", "The", "--json"]).json_lines()[0]["ids"].to_string();
    let ids = ids.trim_matches(['[', ']']);
    let tokens = done(&["generate", "--tokens", ids, "--temperature", "0", "-n", "6"]);
    assert_eq!(raw.stdout, tokens.stdout);
}

#[test]
fn what_ends_an_answer_is_a_choice() {
    let ids = |flags: &[&str]| {
        let args = [
            "generate",
            "-p",
            "What is 48 + 75?",
            "--temperature",
            "0",
            "--json",
        ];
        let lines = done(&[&args[..], flags].concat()).json_lines();
        let ids = lines.last().expect("a last line")["ids"]
            .as_array()
            .cloned();
        ids.expect("a list")
    };
    let stopped = ids(&[]);
    let length = (stopped.len() + 3).to_string();
    let unstopped = ids(&["--eos", "ignore", "-n", &length]);
    assert_eq!(unstopped.len(), stopped.len() + 3);
    assert_eq!(unstopped[..stopped.len()], stopped);
}

#[test]
fn packing_weights_and_keys_still_gives_the_answer() {
    for flags in [
        &["--quantize", "8"][..],
        &["--kv-bits", "8"],
        &["--prefill-chunk", "7"],
    ] {
        let args = [
            &["generate", "-p", "What is 48 + 75?", "--temperature", "0"],
            flags,
        ]
        .concat();
        assert_eq!(done(&args).stdout, "48 + 75 = 123\n", "{flags:?}");
    }
}

#[test]
fn a_converted_model_generates_what_the_original_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("converted");
    done(&["convert", arg(&fixture("pub-b/hf")), arg(&output)]);
    let names = names_in(&output);
    assert!(
        names.iter().all(|name| !name.contains(".part")),
        "{names:?}"
    );
    let greedy = |model: &Path| {
        let args = [
            "--tokens",
            "1,2,3",
            "-n",
            "20",
            "--temperature",
            "0",
            "--json",
        ];
        let outcome = done(&[&["generate", arg(model)], &args[..]].concat());
        outcome.json_lines().pop().expect("a last line")["ids"].clone()
    };
    assert_eq!(greedy(&output), greedy(&fixture("pub-b/hf")));
}

#[test]
fn without_a_subcommand_and_a_terminal_lines_are_answered_in_plain_text() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = format!("session.folder={}", home.path().display());
    let outcome = run_with_input(&["--set", &settings], "What is 48 + 75?\n/map\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = outcome.stdout;
    for wanted in ["model: Pip", "analysis: ", "123", "layer 5: expert"] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
    // No escape codes, boxes, blocks or braille.
    let is_plain =
        |c: char| c == '\n' || (!c.is_control() && !('\u{2500}'..='\u{28ff}').contains(&c));
    assert!(text.chars().all(is_plain), "{text:?}");
}

#[test]
fn commands_of_the_lines_list_tell_and_write() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = format!("session.folder={}", home.path().display());
    let file = home.path().join("talk.md");
    let lines = format!(
        "What is 48 + 75?\n/analysis\n/export {}\n/sessions\n/models\n/help\n/dance\n",
        file.display()
    );
    let outcome = run_with_input(&["--set", &settings], &lines);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = outcome.stdout;
    for wanted in [
        "analysis: Add 48 and 75",
        "saved ",
        "1: What is 48 + 75?, 2 messages",
        "Pip, 13.3 MB",
        "/sessions: list them",
        "there is no such command",
    ] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
    let written = std::fs::read_to_string(file).expect("it was written");
    assert!(written.contains("## You\n\nWhat is 48 + 75?"), "{written}");
}

#[test]
fn help_documents_the_exit_codes_everywhere() {
    for args in [
        &["--help"][..],
        &["generate", "--help"],
        &["convert", "--help"],
    ] {
        assert!(
            done(args)
                .stdout
                .contains("refused: the request would need more memory")
        );
    }
    assert!(done(&["--version"]).stdout.starts_with("gptoss-tui "));
    assert!(done(&["completions", "bash"]).stdout.contains("complete"));
}

#[test]
fn a_log_is_written_only_where_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log.txt");
    done(&["generate", "--tokens", "5", "-n", "1", "--log", arg(&log)]);
    let text = std::fs::read_to_string(&log).expect("the log is there");
    assert!(text.contains("loaded"), "{text}");
}

#[test]
fn settings_are_printed_with_their_origin() {
    let text = done(&["print-config", "--set", "ui.theme=dark"]).stdout;
    let line = text
        .lines()
        .find(|line| line.starts_with("ui.theme "))
        .expect("the theme");
    assert!(line.contains("\"dark\"") && line.ends_with("# --set ui.theme=dark"));
    let objects = done(&["print-config", "--json"]).json_lines();
    assert!(objects.iter().any(|object| object["key"] == "log.level"));
    assert!(done(&["man"]).stdout.contains(".TH gptoss-tui"));
}
