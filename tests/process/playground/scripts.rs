//! Scripts for the engine that plays them: what no model says when it is asked.

use std::path::{Path, PathBuf};

use serde_json::json;

/// Writes a script of one turn: these texts as an answer, then `rest`.
pub(super) fn write(folder: &Path, texts: &[&str], rest: &[serde_json::Value]) -> PathBuf {
    let mut lines = vec![
        json!({
            "type": "model", "name": "play", "origin": "scripted", "layers": ["sliding", "full"],
            "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 100,
            "max_context_tokens": 4096, "sliding_window_tokens": 128, "weights_bytes": 1000,
            "dtype": "none", "device": "script", "load_ms": 0.0,
        }),
        json!({"type": "turn"}),
        token(
            0,
            "",
            &json!({"message_started": {
                "header": {"role": "assistant", "channel": "final"}, "tokens": {"start": 0, "end": 1},
            }}),
        ),
    ];
    for (text, index) in texts.iter().zip(1usize..) {
        let text_event = json!({"text": {
            "delta": text, "tokens": {"start": index, "end": index + 1},
        }});
        lines.push(token(index, text, &text_event));
    }
    lines.extend_from_slice(rest);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.join("script.jsonl");
    std::fs::write(&path, text).expect("a folder to write in");
    path
}

fn token(id: usize, text: &str, event: &serde_json::Value) -> serde_json::Value {
    json!({"type": "token", "id": id, "text": text, "ms": 5, "harmony": [event]})
}
