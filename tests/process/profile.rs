//! `profile` on the built-in model: the shipped prompts, broken lines, figures.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{arg, done, refused, run};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/profiles/pip.jsonl")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}

#[test]
fn two_runs_over_the_shipped_prompts_list_the_same_specialists() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [json, svg, html] =
        ["out.json", "out.svg", "out.html"].map(|name| folder.path().join(name));
    let set = shipped();
    let first = done(&[
        "profile",
        arg(&set),
        "-o",
        arg(&json),
        "--svg",
        arg(&svg),
        "--html",
        arg(&html),
    ]);
    let second = done(&["profile", arg(&set), "--json"]);
    assert_eq!(read(&json), second.stdout, "the same numbers again");
    let root: Value = serde_json::from_str(&second.stdout).expect("JSON");
    assert_eq!(root["model"], "Pip (built-in demo)", "{}", root["model"]);
    assert_eq!(root["weights_digest"].as_str().expect("a digest").len(), 64);
    assert_eq!(root["broken_lines"], Value::Array(Vec::new()));
    assert!(
        root["skipped_prefix_tokens"].as_u64() > Some(10),
        "the system message is shared"
    );
    let domains = root["domains"].as_array().expect("a list");
    assert_eq!(domains.len(), 6);
    let (drawing, page) = (read(&svg), read(&html));
    let mut specialists = 0;
    for domain in domains {
        assert_eq!(domain["prompts"], 14);
        let name = domain["name"].as_str().expect("a name");
        for text in [&first.stdout, &drawing, &page] {
            assert!(text.contains(name), "{name} is told");
        }
        for one in domain["specialists"].as_array().expect("a list") {
            specialists += 1;
            for half in one["half_lifts"].as_array().expect("two") {
                assert!(half.as_f64() >= Some(1.5), "{one}");
            }
            let (layer, expert) = (one["layer"].as_u64(), one["expert"].as_u64());
            let lift = &domain["lifts"][layer.expect("a number") as usize];
            let lift = &lift[expert.expect("a number") as usize];
            assert_eq!(lift, &one["lift"]);
            // The JSON reader may be off by the last bit, so numbers are compared as such.
            let cell = format!("<title>layer {}, expert {}: ", one["layer"], one["expert"]);
            let lift = lift.as_f64().expect("a number");
            let is_drawn = drawing.split(&cell).skip(1).any(|rest| {
                let value = rest.split('<').next().unwrap_or_default();
                value
                    .parse::<f64>()
                    .is_ok_and(|value| (value - lift).abs() < 1e-12)
            });
            assert!(is_drawn, "{one}");
        }
    }
    let by_chance = root["specialists_by_chance"].as_f64().expect("a number");
    assert!(
        f64::from(specialists) > 2.0 * by_chance,
        "{specialists} against {by_chance}"
    );
}

#[test]
fn a_compared_prompt_is_most_like_its_own_domain() {
    let set = shipped();
    let found = done(&[
        "profile",
        arg(&set),
        "--json",
        "--compare",
        "What is 63 + 88?",
    ]);
    let root: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let compared = root["compared"].as_array().expect("a list");
    assert_eq!(compared.len(), 6);
    assert_eq!(compared[0]["domain"], "arithmetic", "{compared:?}");
    assert_eq!(compared[0]["layers"].as_array().expect("a list").len(), 6);
}

#[test]
fn broken_lines_are_told_by_number_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("set.jsonl");
    let long = "word ".repeat(3000);
    let text = [
        r#"{"domain": "a", "prompt": "What is 3 + 4?"}"#,
        "",
        r#"{"domain": "a", "prompt": "#,
        r#"{"prompt": "no domain"}"#,
        r#"{"domain": "a\u001b[31m<b>", "messages": [{"role": "user", "content": "Hello"}]}"#,
        r#"{"domain": "a"}"#,
        r#"{"domain": "a", "messages": [{"role": "user"}]}"#,
        &format!(r#"{{"domain": "b", "prompt": "{long}"}}"#),
        r#"["a", "b"]"#,
    ];
    let mut bytes = text.join("\n").into_bytes();
    bytes.extend(b"\n{\"domain\": \"\xff\", \"prompt\": \"x\"}\n");
    std::fs::write(&path, bytes).expect("writable");
    let outcome = run(&["profile", arg(&path)]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for part in [
        "line 3: ",
        "line 4: `domain` is missing",
        "line 6: ",
        "line 7: ",
        "line 8: ",
        "line 9: ",
        "line 10: it is not UTF-8",
        "error: left out 7 of 9 lines",
    ] {
        assert!(
            outcome.stderr.contains(part),
            "{part:?} is not in {}",
            outcome.stderr
        );
    }
    assert!(!outcome.stderr.contains("line 1:") && !outcome.stderr.contains("line 5:"));
    assert!(
        outcome.stdout.contains("Domains: 0 specialists"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains('\u{1b}'));
}

#[test]
fn sets_that_cannot_be_compared_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("set.jsonl");
    refused(&["profile", arg(&path)], 2, &["set.jsonl", "cannot read"]);
    std::fs::write(&path, "\n").expect("writable");
    refused(&["profile", arg(&path)], 2, &["holds no prompt"]);
    std::fs::write(&path, r#"{"domain": "a", "prompt": "x"}"#).expect("writable");
    refused(
        &["profile", arg(&path)],
        2,
        &["at least 2 domains, found 1"],
    );
    refused(
        &["profile", arg(&shipped()), "--min-lift", "1"],
        2,
        &["above 1"],
    );
    let missing = folder.path().join("missing/out.svg");
    refused(
        &["profile", arg(&shipped()), "--svg", arg(&missing)],
        1,
        &["cannot write"],
    );
}
