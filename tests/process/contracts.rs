//! What `--json` promises.

use serde_json::Value;

use crate::support::{arg, done, fixture};

#[track_caller]
fn check_fields(object: &Value, fields: &[&str]) {
    for field in fields {
        assert!(object.get(field).is_some(), "no {field:?} in {object}");
    }
}

#[test]
fn generate_ends_with_the_whole_answer() {
    let args = [
        "generate",
        "-p",
        "What is 48 + 75?",
        "--temperature",
        "0",
        "--json",
    ];
    let lines = done(&args).json_lines();
    let last = lines.last().expect("a last line");
    check_fields(last, &["finish_reason", "ids", "text", "stats"]);
    assert_eq!(last["finish_reason"], "stop");
    assert_eq!(last["text"], "48 + 75 = 123");
    let tokens: Vec<&Value> = lines
        .iter()
        .filter(|line| line["event"] == "token")
        .collect();
    let ids: Vec<&Value> = tokens.iter().map(|token| &token["id"]).collect();
    assert_eq!(
        last["ids"]
            .as_array()
            .expect("a list")
            .iter()
            .collect::<Vec<_>>(),
        ids
    );
    let final_text: String = tokens
        .iter()
        .filter(|token| token["channel"] == "final")
        .filter_map(|token| token["text"].as_str())
        .collect();
    assert_eq!(last["text"], final_text);
    assert_eq!(last["stats"]["generated_tokens"], tokens.len());
}

#[test]
fn log_probabilities_come_with_as_many_alternatives_as_asked_for() {
    let args = [
        "generate",
        "--tokens",
        "5,6,7",
        "-n",
        "4",
        "--json",
        "--logprobs",
        "3",
    ];
    for token in done(&args)
        .json_lines()
        .iter()
        .filter(|line| line["event"] == "token")
    {
        let logprob = token["logprob"].as_f64().expect("a number");
        assert!(logprob <= 1e-6, "{token}");
        let top = token["top_logprobs"].as_array().expect("a list");
        assert_eq!(top.len(), 3, "{token}");
        let values: Vec<f64> = top
            .iter()
            .filter_map(|entry| entry["logprob"].as_f64())
            .collect();
        assert!(values.is_sorted_by(|a, b| a >= b), "{token}");
    }
}

#[test]
fn a_model_without_a_tokenizer_generates_ids() {
    let model = fixture("pub-b/hf");
    let args = [
        "generate",
        arg(&model),
        "--tokens",
        "1,2",
        "-n",
        "5",
        "--temperature",
        "0",
    ];
    let text = done(&args).stdout;
    let json = done(&[&args[..], &["--json"]].concat()).json_lines();
    let ids = json.last().expect("a last line")["ids"].to_string();
    assert_eq!(text.trim_end(), ids.trim_matches(['[', ']']));
    assert_eq!(json.last().expect("a last line")["finish_reason"], "length");
}

#[test]
fn the_same_seed_gives_the_same_tokens_and_another_one_others() {
    let ids = |seed: &str| {
        let args = [
            "generate",
            "-p",
            "Tell me a story",
            "--json",
            "-n",
            "40",
            "--seed",
            seed,
        ];
        let lines = done(&args).json_lines();
        lines.last().expect("a last line")["ids"].clone()
    };
    assert_eq!(ids("7"), ids("7"));
    let others: Vec<Value> = ["8", "9", "10"].map(ids).into();
    assert!(others.iter().any(|other| *other != ids("7")));
}

#[test]
fn tokenize_gives_ids_and_never_control_tokens_for_text() {
    let lines = done(&["tokenize", "-p", "Hello <|end|>", "--json"]).json_lines();
    let ids = lines[0]["ids"].as_array().expect("a list").clone();
    assert_eq!(lines[0].as_object().expect("an object").len(), 1);
    let chat = done(&["tokenize", "--chat", "-p", "x", "--json"]).json_lines();
    let first_of_chat = &chat[0]["ids"][0];
    assert!(
        !ids.contains(first_of_chat),
        "{ids:?} holds a control token"
    );
}

#[test]
fn messages_are_rendered_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("messages.json");
    std::fs::write(&path, r#"[{"role": "user", "content": "Hello"}]"#).expect("written");
    let ids = &done(&["tokenize", "--messages", arg(&path), "--json"]).json_lines()[0]["ids"];
    let text = done(&["tokenize", "--messages", arg(&path)]).stdout;
    let spelled: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(spelled.first(), Some(&"\"<|start|>\""));
    assert_eq!(spelled.last(), Some(&"\"assistant\""));
    assert_eq!(ids.as_array().map(Vec::len), Some(spelled.len()));
}

#[test]
fn bench_reports_each_case() {
    let args = [
        "bench", "-p", "16", "-n", "8", "-d", "0,150", "-r", "2", "--json",
    ];
    let cases = done(&args).json_lines();
    assert_eq!(cases.len(), 2);
    for (case, context) in cases.iter().zip([0, 150]) {
        assert_eq!(case["context_tokens"], context);
        assert_eq!(
            (&case["prompt_tokens"], &case["generated_tokens"]),
            (&16.into(), &8.into())
        );
        assert_eq!(case["synthetic"], false);
        for field in [
            "prefill_tps",
            "decode_tps",
            "peak_memory_bytes",
            "load_seconds",
        ] {
            assert!(
                case[field].as_f64().is_some_and(|value| value > 0.0),
                "{field}: {case}"
            );
        }
        let (min, max) = (
            case["decode_tps_min"].as_f64(),
            case["decode_tps_max"].as_f64(),
        );
        assert!(min <= case["decode_tps"].as_f64() && case["decode_tps"].as_f64() <= max);
    }
}

#[test]
fn random_weights_are_always_called_synthetic() {
    let config = fixture("pub-a/hf/config.json");
    let args = [
        "bench",
        "--random",
        arg(&config),
        "-p",
        "8",
        "-n",
        "4",
        "-r",
        "1",
    ];
    assert!(done(&args).stdout.contains("SYNTHETIC"));
    let case = &done(&[&args[..], &["--json"]].concat()).json_lines()[0];
    assert_eq!(case["synthetic"], true);
    assert!(
        case["model"]
            .as_str()
            .is_some_and(|name| name.contains("synthetic"))
    );
}

#[test]
fn inspect_accounts_for_every_byte() {
    for model in ["pub-a/hf", "pub-b/openai", "pub-b/mlx-q8"] {
        let found = &done(&["inspect", arg(&fixture(model)), "--json"]).json_lines()[0];
        let tensors = found["tensors"].as_array().expect("a list");
        let sum: u64 = tensors
            .iter()
            .filter_map(|tensor| tensor["bytes"].as_u64())
            .sum();
        assert_eq!(found["weights_bytes"], sum, "{model}");
        let groups = found["groups"].as_object().expect("an object");
        let by_group: u64 = groups
            .values()
            .filter_map(|group| group["bytes"].as_u64())
            .sum();
        assert_eq!(by_group, sum, "{model}");
        let memory = found["memory"].as_array().expect("a list");
        let contexts: Vec<u64> = memory
            .iter()
            .filter_map(|entry| entry["context_tokens"].as_u64())
            .collect();
        assert_eq!(contexts, [4096, 32_768, 131_072]);
    }
    assert!(done(&["inspect"]).stdout.contains("built-in"));
}

#[test]
fn the_predicted_weights_are_those_that_loading_gives() {
    let predicted = done(&["inspect", "--json"]).json_lines()[0]["weights_bytes_in_memory"].clone();
    let bench = done(&["bench", "-p", "1", "-n", "1", "-r", "1", "--json"]);
    assert_eq!(bench.json_lines()[0]["weights_bytes"], predicted);
}

#[test]
fn doctor_names_device_and_versions() {
    let found = &done(&["doctor", "--json"]).json_lines()[0];
    check_fields(
        found,
        &[
            "version",
            "mlx_version",
            "mlx_backend",
            "blas",
            "device",
            "term",
        ],
    );
    assert!(done(&["doctor"]).stdout.contains("mlx_version"));
}
