//! The layers point one way; `docs/ARCHITECTURE.md` draws them.
//!
//! Reads the sources: every `crate::<module>` outside of tests has to be allowed below, and a few
//! outside crates may be named in a few places only.
#![expect(clippy::unwrap_used, reason = "an unreadable source fails the test")]

use std::collections::BTreeSet;

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
    ("src/chat", &["generate", "gptoss", "harmony", "tokenizer"]),
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
    // The program's own crate, where `crate` is `main`: it may use all of the library, as `gptoss`.
    ("src/cli", &["cli"]),
    ("src/main", &[]),
    ("src/lib", &[]),
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
        let Some(allowed) = allowed_in(&path) else {
            wrong.push(format!("{path} has no row in ALLOWED"));
            continue;
        };
        for (number, used) in uses_of_crate(&text).chain(uses_of_super(&path, &text)) {
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
fn the_map_of_the_architecture_names_every_module_and_no_other() {
    let page = architecture();
    let map = page.split("## Who may use whom").next().unwrap();
    let rows = map.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeSet<String> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`'))
        .filter(|name| name.chars().any(char::is_alphabetic))
        .map(str::to_owned)
        .collect();
    let mut modules: BTreeSet<String> = sources()
        .map(|(path, _)| module_of(&path).swap_remove(0))
        .filter(|name| name != "lib")
        .collect();
    modules.insert("xtask".to_owned());
    assert_eq!(named, modules);
}

#[test]
fn the_architecture_says_who_may_use_whom() {
    let rows: String = ALLOWED
        .iter()
        .filter(|(place, _)| !["src/cli", "src/main", "src/lib"].contains(place))
        .map(|(place, used)| row(place, used))
        .collect();
    let page = architecture();
    let begin = page.find("| module | may use |").expect("the table begins");
    let table = page[begin..].split("\n\n").next().unwrap();
    let found = table.lines().skip(2).map(|line| format!("{line}\n"));
    assert_eq!(
        found.collect::<String>(),
        rows,
        "the rows should be\n{rows}"
    );
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

#[test]
fn a_way_out_by_super_is_seen() {
    let text = "use super::super::engine::Port;\nuse super::block::Block;\nuse super::super::super::app;\n";
    let found = |path| uses_of_super(path, text).collect::<Vec<_>>();
    let out = |number, used: &str| (number, used.to_owned());
    assert_eq!(found("src/ui/markdown/stream.rs"), [out(3, "app")]);
    assert_eq!(
        found("src/ui/markdown/mod.rs"),
        [out(1, "engine::Port"), out(3, "app")]
    );
    assert!(allowed_in("src/ui/markdown/mod.rs") == Some(&["ui"]));
    assert_eq!(allowed_in("src/nowhere.rs"), None);
}

fn architecture() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ARCHITECTURE.md");
    std::fs::read_to_string(page).unwrap()
}

/// A row of the page's table: a module may always use itself.
fn row(place: &str, used: &[&str]) -> String {
    let module = module_of(place);
    let others: Vec<String> = used
        .iter()
        .filter(|name| **name != module[0])
        .map(|name| format!("`{name}`"))
        .collect();
    let others = if others.is_empty() {
        "–".to_owned()
    } else {
        others.join(", ")
    };
    format!("| `{}` | {others} |\n", module.join("::"))
}

/// What the first row that fits a file allows it; a row is a module or a file, not a name's beginning.
fn allowed_in(path: &str) -> Option<&'static [&'static str]> {
    let (_, allowed) = ALLOWED.iter().find(|(prefix, _)| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    })?;
    Some(allowed)
}

/// A file's module, from the crate down: `src/ui/markdown/mod.rs` is `ui`, `markdown`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// Every path that climbs out of the crate's own modules by `super`, as what follows it, by line.
fn uses_of_super(path: &str, text: &str) -> impl Iterator<Item = (usize, String)> {
    let depth = module_of(path).len();
    code_lines(text).filter_map(move |(number, line)| {
        let start = line.find("super::")?;
        let mut rest = &line[start..];
        let mut climbed = 0;
        while let Some(shorter) = rest.strip_prefix("super::") {
            (rest, climbed) = (shorter, climbed + 1);
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let used = rest[..end.unwrap_or(rest.len())].trim_end_matches(':');
        (climbed >= depth).then(|| (number, used.to_owned()))
    })
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
