//! The layers point one way; `docs/ARCHITECTURE.md` draws them.
//!
//! Reads the sources: every `crate::<module>` outside of tests has to be allowed below, and a few
//! outside crates may be named in a few places only.
#![expect(clippy::unwrap_used, reason = "an unreadable source fails the test")]

mod sources;

/// What each module may use of this crate; more specific paths come first.
const ALLOWED: &[(&str, &[&str])] = &[
    ("src/kernels", &["kernels"]),
    ("src/tokenizer", &["tokenizer"]),
    ("src/harmony", &["harmony", "tokenizer"]),
    ("src/intervention", &["intervention"]),
    ("src/model/config", &["model", "intervention"]),
    ("src/checkpoint", &["checkpoint", "model::config"]),
    (
        "src/trace_file",
        &[
            "trace_file",
            "checkpoint",
            "analytics",
            "generate::TokenRouting",
            "intervention::NO_EXPERT",
            "intervention::ForcedRouting",
            "share",
        ],
    ),
    ("src/mlx", &["mlx", "model::config"]),
    (
        "src/model",
        &["model", "intervention", "mlx", "checkpoint", "kernels"],
    ),
    (
        "src/generate",
        &["generate", "intervention", "model", "mlx"],
    ),
    ("src/analytics", &["analytics", "generate", "intervention"]),
    ("src/share", &["share", "analytics"]),
    ("src/convert", &["convert", "checkpoint", "model", "mlx"]),
    (
        "src/gptoss",
        &[
            "gptoss",
            "generate",
            "intervention",
            "model",
            "mlx",
            "checkpoint",
            "tokenizer",
            "harmony",
        ],
    ),
    (
        "src/engine/mlx",
        &[
            "engine",
            "gptoss",
            "generate",
            "intervention",
            "model",
            "tokenizer",
            "harmony",
        ],
    ),
    (
        "src/engine",
        &["engine", "generate", "harmony", "intervention", "sync"],
    ),
    ("src/sync", &[]),
    ("src/whole_file", &[]),
    ("src/ui/theme", &["ui"]),
    ("src/ui/widgets", &["ui"]),
    ("src/ui/markdown", &["ui"]),
    ("src/ui/sanitize", &["ui"]),
    (
        "src/session",
        &[
            "session",
            "harmony",
            "generate",
            "intervention",
            "engine::protocol",
            "whole_file",
        ],
    ),
    (
        "src/app",
        &[
            "app",
            "session",
            "analytics",
            "share",
            "catalog",
            "meters",
            "log_ring",
            "engine::protocol",
            "generate",
            "harmony",
            "intervention",
            "trace_file",
        ],
    ),
    (
        "src/ui",
        &[
            "ui",
            "app",
            "session",
            "analytics",
            "catalog",
            "settings",
            "engine::protocol",
            "generate",
            "harmony",
            "intervention",
        ],
    ),
    (
        "src/tui",
        &[
            "tui",
            "ui",
            "app",
            "session",
            "catalog",
            "meters",
            "log_ring",
            "engine",
            "generate",
            "harmony",
            "trace_file",
            "whole_file",
        ],
    ),
    ("src/settings", &["settings", "generate", "harmony"]),
    ("src/catalog", &["catalog", "checkpoint", "model::config"]),
    ("src/meters", &["meters"]),
    ("src/log_ring", &["log_ring", "settings"]),
    ("src/ui/markdown", &["ui"]),
    ("src/ui/sanitize", &["ui"]),
];

/// Crates that only these places may name.
const OUTSIDE: &[(&str, &[&str])] = &[
    (
        "mlx_rs",
        &[
            "src/mlx",
            "src/model",
            "src/generate",
            "src/convert",
            "src/gptoss",
            "src/engine/mlx",
            "src/cli",
        ],
    ),
    ("mlx_sys", &["src/mlx"]),
    ("tokio", &["src/sync", "src/tui", "src/cli"]),
    ("clap", &["src/cli", "src/main"]),
    ("ratatui", &["src/ui", "src/tui", "src/cli/playground"]),
    ("colorgrad", &["src/ui/theme", "src/tui"]),
    ("termprofile", &["src/ui/theme", "src/cli"]),
    ("tokenizers", &["src/tokenizer"]),
    ("tiktoken_rs", &["src/tokenizer"]),
    (
        "pulldown_cmark",
        &[
            "src/ui/markdown",
            "src/app/update/code",
            "src/session/export/plain",
        ],
    ),
    ("syntect", &["src/ui/markdown"]),
    ("two_face", &["src/ui/markdown"]),
    (
        "toml",
        &["src/settings", "src/ui/theme", "src/cli/print_config"],
    ),
    ("crossterm", &["src/tui", "src/cli/playground"]),
    ("termina", &["src/tui/early"]),
    ("ratatui_textarea", &["src/app/composer"]),
    ("arboard", &["src/tui/effects/clipboard"]),
    ("nucleo_matcher", &["src/app/update/popups"]),
    ("etcetera", &["src/settings/dirs"]),
    ("nvml_wrapper", &["src/meters"]),
    ("macmon", &["src/meters"]),
    ("memmap2", &["src/checkpoint", "src/trace_file"]),
];

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(prefix, _)| path.starts_with(prefix)) else {
            continue;
        };
        for (number, used) in uses_of_crate(&text) {
            let fine = allowed.iter().any(|module| {
                used.strip_prefix(module)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            if !fine {
                wrong.push(format!("{path}:{number} uses crate::{used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_crates_are_named_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, places) in OUTSIDE {
            let named = code_lines(&text).any(|(_, line)| line.contains(&format!("{name}::")));
            if named && !places.iter().any(|place| path.starts_with(place)) {
                wrong.push(format!("{path} names {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_itself_sees_a_wrong_arrow() {
    let text =
        "//! crate::engine in prose\nuse crate::engine::Backend;\nfn f() { crate::model::x() }\n";
    let found: Vec<_> = uses_of_crate(text).collect();
    assert_eq!(
        found,
        [
            (2, "engine::Backend".to_owned()),
            (3, "model::x".to_owned())
        ]
    );
    assert!(sources().count() > 60, "the sources were not found");
}

/// Every path that follows `crate::`, by line. A brace list counts as its module.
fn uses_of_crate(text: &str) -> impl Iterator<Item = (usize, String)> {
    code_lines(text).flat_map(|(number, line)| {
        line.match_indices("crate::")
            .map(|(at, found)| {
                let rest = &line[at + found.len()..];
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                let path = rest[..end.unwrap_or(rest.len())].trim_end_matches(':');
                (number, path.to_owned())
            })
            .collect::<Vec<_>>()
    })
}

/// Lines that are not comments, up to a module of unit tests.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// All sources but tests, with paths from the package's root.
fn sources() -> impl Iterator<Item = (String, String)> {
    let all = sources::below(&["src"]).into_iter();
    all.filter(|(path, _)| !path.contains("/tests"))
}
