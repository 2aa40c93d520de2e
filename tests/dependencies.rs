//! What is built in may be passed on: every crate's licence is one that deny.toml allows, and every crate
//! comes from crates.io.
//!
//! `cargo deny check` looks at more (advisories, yanked releases) and has to be installed; this runs with
//! every test.
#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_licence_is_allowed() {
    let rules = include_str!("../deny.toml");
    let rules: toml::Table = rules.parse().unwrap();
    let strings = |value: &toml::Value| -> Vec<String> {
        let list = value.as_array().unwrap().iter();
        list.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let allowed = strings(&rules["licenses"]["allow"]);
    let exceptions: BTreeMap<&str, Vec<String>> = rules["licenses"]["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["crate"].as_str().unwrap(), strings(&one["allow"])))
        .collect();
    let mut wrong = BTreeSet::new();
    for target in strings(&rules["graph"]["targets"]) {
        let built = built_for(&target);
        assert!(built.len() > 200, "only {} crates were found", built.len());
        for (name, licence) in built {
            let special = exceptions.get(name.as_str());
            if !special.is_some_and(|own| permits(&licence, own)) && !permits(&licence, &allowed) {
                wrong.insert(format!("{name}: {licence}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_is_from_crates_io() {
    let lock: toml::Table = include_str!("../Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let sources = packages.iter().filter_map(|package| package.get("source"));
    // Without a source it is a package of this workspace.
    let foreign: Vec<_> = sources
        .filter(|source| source.as_str() != Some(CRATES_IO))
        .collect();
    assert!(packages.len() > 300 && foreign.is_empty(), "{foreign:?}");
}

#[test]
fn a_licence_is_read_as_alternatives_of_parts() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    for good in [
        "MIT",
        "Apache-2.0 OR MIT",
        "Apache-2.0/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
    ] {
        assert!(permits(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "Apache-2.0",
        "MIT AND GPL-3.0",
        "(Apache-2.0 OR ISC) AND MIT",
        "MIT WITH some-exception",
    ] {
        assert!(!permits(bad, &allowed), "{bad}");
    }
}

/// What is built for a target with all features: crates with their licences.
fn built_for(target: &str) -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--all-features",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}|{l}", "--target", target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates = tree.lines().filter_map(|line| line.split_once('|'));
    crates
        .map(|(package, licence)| {
            let name = package.split(' ').next().unwrap();
            // A crate that was listed before has a mark.
            (name.to_owned(), licence.trim_end_matches(" (*)").to_owned())
        })
        .collect()
}

/// Whether a licence expression can be met with the licences allowed. Parentheses hold alternatives
/// only, as in all that is in use.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    // Outside of parentheses AND would bind tighter than OR; nobody mixes them there.
    expression.split(" AND ").all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ")
            .any(|licence| allowed.iter().any(|one| one == licence.trim()))
    })
}
