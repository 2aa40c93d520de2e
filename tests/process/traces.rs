//! Recorded traces compared, recovered, and followed by another run.

use std::path::{Path, PathBuf};

use gptoss::trace_file::{TraceFile, journal_path};

use crate::support::{Outcome, arg, done, fixture, names_in, refused};

const ADD: &str = "What is 48 + 75?";
const STORY: &str = "Tell me a story.";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Records an answer of the demo model.
    fn record(&self, name: &str, prompt: &str, flags: &[&str]) -> PathBuf {
        let path = self.path(name);
        let args = [
            "trace",
            "-p",
            prompt,
            "-n",
            "24",
            "--seed",
            "7",
            "-o",
            arg(&path),
        ];
        done(&[&args[..], flags].concat());
        path
    }
}

fn ids(path: &Path) -> Vec<u32> {
    TraceFile::open(path).expect("readable").ids()
}

fn diff(a: &Path, b: &Path, flags: &[&str]) -> Outcome {
    done(&[&["diff", arg(a), arg(b)], flags].concat())
}

#[test]
fn a_trace_against_itself_is_exactly_zero_everywhere_and_says_so() {
    let folder = Folder::new();
    let a = folder.record("a.safetensors", ADD, &[]);
    let found = diff(&a, &a, &["--json"]).json_lines().remove(0);
    assert_eq!(found["is_zero"], true);
    assert_eq!(
        (&found["agreement"], &found["weighted_agreement"]),
        (&1.0.into(), &1.0.into())
    );
    let layers = found["diff"]["layers"].as_array().expect("layers");
    assert!(!layers.is_empty());
    for layer in layers {
        assert_eq!(layer["js_distance_all"], 0.0);
        assert_eq!(layer["js_distance_aligned"], 0.0);
        assert_eq!(layer["router_entropy_change"], 0.0);
        assert_eq!(layer["agreement"], 1.0);
    }
    for cells in ["cells_all", "cells_aligned"] {
        assert_eq!(found["diff"][cells].as_array().map(Vec::len), Some(0));
    }
    assert!(
        diff(&a, &a, &[])
            .stdout
            .contains("every difference is exactly 0")
    );
}

#[test]
fn two_prompts_differ_in_tokens_layers_and_experts_and_can_be_drawn() {
    let folder = Folder::new();
    let a = folder.record("sum.safetensors", ADD, &[]);
    let b = folder.record("story.safetensors", STORY, &[]);
    let found = diff(&a, &b, &["--json"]).json_lines().remove(0);
    assert_eq!(
        (&found["is_zero"], &found["same_weights"]),
        (&false.into(), &true.into())
    );
    for layer in found["diff"]["layers"].as_array().expect("layers") {
        let distance = layer["js_distance_all"]
            .as_f64()
            .expect("both have traffic");
        assert!(distance > 0.0 && distance <= 1.0, "{distance}");
    }
    let (svg, html) = (folder.path("d.svg"), folder.path("d.html"));
    let text = diff(
        &a,
        &b,
        &["--svg", arg(&svg), "--html", arg(&html), "--top", "3"],
    );
    for part in [
        "sum.safetensors",
        "first different token",
        "JS all tokens",
        "JS aligned",
        "Most changed experts, all tokens (3",
        "Most changed experts, aligned pairs only (3",
    ] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    for (path, part) in [(svg, "<svg"), (html, "<html")] {
        let drawn = std::fs::read_to_string(path).expect("written");
        assert!(drawn.contains(part) && drawn.contains("story.safetensors"));
    }
}

#[test]
fn traces_of_another_model_are_not_compared() {
    let folder = Folder::new();
    let a = folder.record("a.safetensors", ADD, &[]);
    let (other, model) = (folder.path("b.safetensors"), fixture("pub-b/hf"));
    done(&["trace", arg(&model), "--tokens", "1,2,3", "-o", arg(&other)]);
    refused(&["diff", arg(&a), arg(&other)], 2, &["different models"]);
    refused(&["diff", arg(&a), "missing"], 1, &["cannot read missing"]);
    refused(
        &["diff", arg(&a), arg(&model.join("config.json"))],
        1,
        &["config.json"],
    );
}

/// What a killed recording leaves: a journal without its end.
#[test]
fn a_recording_left_behind_is_compared_and_recovered() {
    let folder = Folder::new();
    let whole = folder.record("whole.safetensors", ADD, &[]);
    let trace = TraceFile::open(&whole).expect("readable");
    let path = folder.path("cut.safetensors");
    let mut recorder = gptoss::trace_file::TraceRecorder::create(&path, trace.header().clone())
        .expect("a new recording");
    for token in &trace.tokens()[..10] {
        let row = gptoss::trace_file::TraceRow {
            token: token.clone(),
            router_logits: None,
            logits: None,
        };
        recorder.append(&[row]).expect("appended");
    }
    drop(recorder);
    let journal = journal_path(&path);
    let text = diff(&whole, &journal, &[]).stdout;
    assert!(
        text.contains("first different token: position 10"),
        "{text}"
    );
    let text = done(&["recover", arg(&journal)]).stdout;
    assert!(
        text.contains("cut.safetensors: 10 tokens, 0 bytes"),
        "{text}"
    );
    assert_eq!(
        names_in(folder.0.path()),
        ["cut.safetensors", "whole.safetensors"]
    );
    refused(&["recover", arg(&path)], 1, &["no journal"]);
}

#[test]
fn an_answer_is_traced_while_it_is_shown() {
    let folder = Folder::new();
    let whole = folder.record("whole.safetensors", ADD, &["--logprobs", "2"]);
    let traced = folder.path("answer.safetensors");
    let prompt = ["generate", "-p", ADD, "-n", "24", "--seed", "7"];
    let flags = ["--trace", arg(&traced), "--json", "--logprobs", "2"];
    let found = done(&[&prompt[..], &flags].concat());
    assert!(found.stderr.contains("wrote"), "{}", found.stderr);
    let (one, other) = (
        TraceFile::open(&traced).expect("opens"),
        TraceFile::open(&whole).expect("opens"),
    );
    assert_eq!(one.tokens(), other.tokens());
    assert_eq!(one.header().weights_digest, other.header().weights_digest);
    assert_eq!(one.header().settings, other.header().settings);
    // A stop text ends the answer before its last token has been read.
    let until = |name: &str, flags: &[&str]| {
        let path = folder.path(name);
        let prompt = ["generate", "-p", ADD, "--seed", "7", "--trace", arg(&path)];
        done(&[&prompt[..], flags].concat());
        TraceFile::open(&path).expect("opens")
    };
    let (full, short) = (until("full", &[]), until("short", &["--stop", "12"]));
    assert!(short.len() < full.len() && short.len() > short.prompt_tokens());
    assert!(short.tokens().iter().all(|token| token.routing.is_some()));
}

#[test]
fn a_file_that_exists_is_replaced_only_by_force() {
    let folder = Folder::new();
    let path = folder.path("kept.safetensors");
    std::fs::write(&path, "mine").expect("written");
    let (trace, generate) = (["trace", "-o"], ["generate", "--trace"]);
    for [command, flag] in [trace, generate] {
        let args = [command, "-p", ADD, "-n", "3", flag, arg(&path)];
        let parts = ["kept.safetensors exists already", "--force"];
        refused(&args, 2, &parts);
        assert_eq!(std::fs::read(&path).expect("still there"), b"mine");
        done(&[&args[..], &["--force"]].concat());
        assert!(ids(&path).len() > 3, "{command}");
        std::fs::write(&path, "mine").expect("written");
    }
    assert_eq!(names_in(folder.0.path()), ["kept.safetensors"]);
}

#[test]
fn a_run_under_its_own_routing_says_the_same_tokens() {
    let folder = Folder::new();
    for (temperature, name) in [("0", "cold"), ("1", "warm")] {
        let flags = ["--temperature", temperature];
        let a = folder.record(&format!("{name}.safetensors"), ADD, &flags);
        let forced = [&flags[..], &["--force-routing", arg(&a)]].concat();
        let b = folder.record(&format!("{name}-again.safetensors"), ADD, &forced);
        assert_eq!(ids(&a), ids(&b), "{name}");
        let (a, b) = (
            TraceFile::open(&a).expect("opens"),
            TraceFile::open(&b).expect("opens"),
        );
        assert_eq!(a.experts(), b.experts(), "{name}");
        assert!(!b.header().is_untouched(), "the file says what was done");
    }
}

#[test]
fn a_run_under_anothers_routing_tells_where_it_parts_from_it() {
    let folder = Folder::new();
    let rules = ["mask *:0", "mask *:1", "mask *:2", "mask *:3", "mask *:4"];
    let rules = rules.iter().flat_map(|rule| ["--rule", *rule]);
    let flags: Vec<&str> = rules.chain(["--temperature", "0"]).collect();
    let a = folder.record("masked.safetensors", ADD, &flags);
    let plain = folder.record("plain.safetensors", ADD, &["--temperature", "0"]);
    assert_ne!(ids(&a), ids(&plain), "the rule breaks something");
    let force = ["--force-routing", arg(&a), "--temperature", "0", "-n", "24"];
    let args = [&["generate", "-p", ADD], &force[..]].concat();
    // The masked run's experts with the plain model's weights of them: the masked run's own words.
    assert!(
        done(&args).stderr.contains("the same"),
        "{:?}",
        done(&args).stderr
    );
    let args = [&["generate", "-p", STORY], &force[..]].concat();
    assert!(
        done(&args)
            .stderr
            .contains("the text parts from masked.safetensors at token")
    );
}

#[test]
fn routing_of_another_model_is_not_followed() {
    let folder = Folder::new();
    let a = folder.record("a.safetensors", ADD, &[]);
    let model = fixture("pub-b/hf");
    let forced = [
        "generate",
        arg(&model),
        "--tokens",
        "1,2",
        "--force-routing",
        arg(&a),
    ];
    refused(&forced, 2, &["a.safetensors", "this one has"]);

    let b = folder.path("b.safetensors");
    let other = fixture("pub-b/openai");
    done(&["trace", arg(&model), "--tokens", "1,2", "-o", arg(&b)]);
    let forced = [
        "generate",
        arg(&other),
        "--tokens",
        "1,2",
        "--force-routing",
        arg(&b),
    ];
    refused(&forced, 2, &["other weights", "digest"]);
    let both = [
        "generate",
        "-p",
        ADD,
        "--force-routing",
        arg(&a),
        "--rule",
        "top-k 1",
    ];
    refused(&both, 2, &["cannot be used with"]);
}
