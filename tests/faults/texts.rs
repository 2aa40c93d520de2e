//! Texts that are read whole, damaged: conversations to import, themes, profiles.

use std::fs;
use std::path::Path;

use gptoss::analytics::ProfileFile;
use gptoss::session::export;
use gptoss::ui::theme::Palette;

use super::mutations::{alone, check, fixture};
use super::sealed::Seal;
use super::{made, runs};

/// A tree has many small parts: measured are 155 bytes of memory a byte of an export at most.
const MEMORY: (usize, usize) = (256, 256 << 10);

fn text(folder: &Path, name: &str) -> Result<String, String> {
    fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())
}

fn read_import(folder: &Path) -> Result<(), String> {
    let tree = export::import(&text(folder, "import.json")?, 7);
    let tree = tree.map_err(|error| error.to_string())?;
    std::hint::black_box((tree.path(), export::markdown(&tree)));
    Ok(())
}

fn read_theme(folder: &Path) -> Result<(), String> {
    Palette::parse("made", &text(folder, "theme.toml")?)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn read_profile(folder: &Path) -> Result<(), String> {
    ProfileFile::read(&text(folder, "profile.json")?)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn damaged_imports_are_refused_or_read() {
    let _alone = runs::alone();
    let list = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"},{"role":"assistant","content":"Scattering."}]"#;
    let made = export::json(&made::tree(&made::changes()));
    for (name, export) in [("export", made), ("list", list.to_owned())] {
        let bytes = export.into_bytes();
        let kind = alone(name, "import.json", bytes, Seal::Json, read_import, MEMORY);
        check(&kind, 60);
    }
}

#[test]
fn damaged_themes_are_refused_or_read() {
    let _alone = runs::alone();
    let bytes = fixture("assets/themes/dark.toml");
    let kind = alone("theme", "theme.toml", bytes, Seal::Toml, read_theme, MEMORY);
    check(&kind, 60);
}

#[test]
fn damaged_profiles_are_refused_or_read() {
    let _alone = runs::alone();
    let domain = |name: &str| {
        serde_json::json!({
            "name": name, "prompts": 3, "tokens": 90, "half_tokens": [45, 45],
            "specialists": [{
                "layer": 1, "expert": 2, "count": 30, "share": 0.5, "lift": 2.0,
                "half_lifts": [1.9, 2.1],
            }],
            "counts": [[10.0, 20.0, 60.0], [30.0, 30.0, 30.0]],
            "shares": [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],
            "lifts": [[0.5, 0.8, 2.0], [1.0, 1.0, 1.0]],
        })
    };
    let profile = serde_json::json!({
        "format": "gptoss-profile", "format_version": 1, "model": "made",
        "weights_digest": "abc", "skipped_prefix_tokens": 2, "broken_lines": [3], "seed": 1,
        "min_lift": 1.5, "min_choices": 8, "min_half_tokens": 10,
        "specialists_by_chance": 0.25, "domains": [domain("code"), domain("math")],
    });
    let bytes = profile.to_string().into_bytes();
    let kind = alone(
        "profile",
        "profile.json",
        bytes,
        Seal::Json,
        read_profile,
        MEMORY,
    );
    check(&kind, 60);
}
