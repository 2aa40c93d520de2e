//! `lens` and `attention`.

use serde_json::Value;

use crate::support::{arg, done, fixture, refused};

fn object(args: &[&str]) -> Value {
    let mut lines = done(args).json_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn shares(row: &Value) -> Vec<f64> {
    let shares = row["shares"].as_array().expect("a list");
    shares.iter().filter_map(Value::as_f64).collect()
}

#[test]
fn the_lens_ends_with_what_the_model_answers() {
    let prompt = ["-p", "What is 48 + 75?"];
    let mut args = vec!["generate", "-n", "1", "--temperature", "0", "--json"];
    args.extend(prompt);
    let answer = done(&args).json_lines();
    let lens = object(&["lens", prompt[0], prompt[1], "--top", "3", "--json"]);
    let layers = lens["layers"].as_array().expect("a list");
    assert_eq!(layers.len(), 6);
    let last = &layers[5];
    assert_eq!(last["top"].as_array().map(Vec::len), Some(3));
    let first = &answer.last().expect("a last line")["ids"][0];
    assert_eq!(&last["top"][0]["id"], first);
    assert_eq!(last["target"], Value::Null);
    assert_eq!(
        lens["norms"]["after_attention"].as_array().map(Vec::len),
        Some(6)
    );
}

#[test]
fn a_position_in_the_prompt_has_the_token_that_follows_as_its_target() {
    let model = fixture("pub-b/hf");
    let args = [
        "lens",
        arg(&model),
        "--tokens",
        "5,6,7,8",
        "--position",
        "1",
    ];
    let lens = object(&[&args[..], &["--layers", "2,0", "--json"]].concat());
    assert_eq!((&lens["position"], &lens["token"]), (&1.into(), &6.into()));
    let layers: Vec<&Value> = lens["layers"].as_array().expect("a list").iter().collect();
    let numbers: Vec<&Value> = layers.iter().map(|row| &row["layer"]).collect();
    assert_eq!(numbers, [0, 2]);
    assert!(layers.iter().all(|row| row["target"]["id"] == 7));
    let shorter = [
        "lens",
        arg(&model),
        "--tokens",
        "5,6",
        "--token",
        "7",
        "--layers",
        "0,2",
    ];
    assert_eq!(object(&[&shorter[..], &["--json"]].concat()), lens);
}

#[test]
fn the_tables_have_a_line_a_layer_and_mark_the_windows() {
    let lens = done(&["lens", "-p", "Hello", "--token", "9"]).stdout;
    assert_eq!(lens.lines().count(), 2 + 6, "{lens}");
    assert!(lens.contains('#'), "the target's rank is told: {lens}");
    let table = done(&["attention", "-p", "Hello"]).stdout;
    let marks: Vec<bool> = table
        .lines()
        .skip(3)
        .map(|line| line.contains(" w "))
        .collect();
    assert_eq!(marks, [true, false, true, false, true, false], "{table}");
    let head = done(&["attention", "-p", "Hello", "--layer", "1", "--head", "2"]).stdout;
    assert!(head.contains("layer 1, head 2"), "{head}");
}

#[test]
fn rules_for_the_experts_hold_and_are_shown() {
    let plain = object(&["lens", "-p", "Hello", "--json"]);
    let changed = object(&["lens", "-p", "Hello", "--json", "--rule", "top-k 1"]);
    assert_eq!(plain["interventions"].as_array().map(Vec::len), Some(0));
    assert_eq!(changed["interventions"].as_array().map(Vec::len), Some(1));
    assert_ne!(plain["norms"], changed["norms"]);
    let table = done(&["attention", "-p", "Hello", "--rule", "top-k 1"]).stdout;
    assert!(table.contains("experts changed: top-k * 1"), "{table}");
}

#[test]
fn a_heads_weights_and_its_sink_are_the_whole() {
    let model = fixture("pub-a/hf");
    let ids = (0..30)
        .map(|id| id.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let head = ["--layer", "2", "--head", "3", "--json"];
    let found = object(&[&["attention", arg(&model), "--tokens", &ids], &head[..]].concat());
    let head = &found["head"];
    assert_eq!(head["first_position"], 22, "a window of 8 before 30");
    let weights = head["weights"].as_array().expect("a list");
    assert_eq!(weights.len(), 8);
    let sum: f64 = weights.iter().filter_map(Value::as_f64).sum();
    let sink = head["sink"].as_f64().expect("a number");
    assert!((sum + sink - 1.0).abs() < 1e-5);
    let rows = found["sinks"].as_array().expect("a list");
    assert_eq!((rows.len(), shares(&rows[2]).len()), (4, 4));
    assert!((shares(&rows[2])[3] - sink).abs() < 1e-6);
}

#[test]
fn the_cost_can_be_asked_for_and_refused_before_it_is_paid() {
    let cost = object(&[
        "lens",
        "--tokens",
        "1,2,3",
        "--layers",
        "0,5",
        "--dry-run",
        "--json",
    ]);
    assert_eq!(
        (&cost["tokens"], &cost["unembeddings"]),
        (&3.into(), &2.into())
    );
    let needed = cost["predicted_peak_bytes"].as_u64().expect("a number");
    let less = (needed - 1).to_string();
    for dry_run in [&["--dry-run"][..], &[]] {
        let args = ["lens", "--tokens", "1,2,3", "--memory-limit", &less];
        refused(&[&args[..], dry_run].concat(), 3, &["3 tokens would need"]);
    }
}

#[test]
fn what_the_model_lacks_is_code_2() {
    let cases: [(&[&str], &str); 10] = [
        (
            &["lens", "--tokens", "1", "--rule", "mask 6:0", "--dry-run"],
            "6",
        ),
        (&["lens", "--tokens", "1", "--layers", "6"], "no layer 6"),
        (
            &["lens", "--tokens", "1", "--layers", "6", "--dry-run"],
            "no layer 6",
        ),
        (&["lens", "--tokens", "1", "--layers", "x"], "is no layer"),
        (&["lens", "--tokens", "1", "--top", "101"], "101"),
        (&["lens", "--tokens", "1", "--token", "3072"], "3072"),
        (
            &["lens", "--tokens", "1,2", "--position", "2"],
            "--position 2",
        ),
        (&["lens", "--tokens", "9999"], "9999"),
        (
            &["attention", "--tokens", "1", "--layer", "0", "--head", "4"],
            "no head 4",
        ),
        (&["attention", "--tokens", "1", "--layer", "0"], "--head"),
    ];
    for (args, part) in cases {
        refused(args, 2, &[part]);
    }
}
