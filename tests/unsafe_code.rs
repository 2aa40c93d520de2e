//! Where `unsafe` may stand, and that each place says why it is sound.
//!
//! The compiler denies it everywhere else, but a new `#[expect]` would be enough to allow it: here a
//! new module has to be named, with what its soundness rests on. Clippy asks for the `SAFETY` comments
//! too, on the platform that it runs on; this test reads all platforms' sources.
#![expect(clippy::unwrap_used, reason = "an unreadable source fails the test")]

use std::collections::BTreeSet;
use std::fs;

mod sources;

/// The files with `unsafe` code, and what has to hold.
const PERMITTED: &[(&str, &str)] = &[
    (
        "src/checkpoint/mmap.rs",
        "maps are read-only and released pages are the file's",
    ),
    (
        "src/kernels/avx2.rs",
        "an `Avx2` exists only where the CPU has the instructions",
    ),
    (
        "src/kernels/avx512.rs",
        "an `Avx512` exists only where the CPU has the instructions",
    ),
    (
        "src/kernels/neon.rs",
        "a `Neon` exists only on AArch64, where the instructions are part of the base",
    ),
    (
        "src/kernels/vnni.rs",
        "a `Vnni` exists only where the CPU has the instructions",
    ),
    (
        "src/main.rs",
        "the environment is changed before any thread is started",
    ),
    (
        "src/mlx/cuda.rs",
        "handles of mlx-c are valid from their making to their one release",
    ),
    (
        "src/mlx/cuda/nvrtc.rs",
        "functions have the types of NVRTC 12 and 13, and a program is destroyed once",
    ),
    (
        "src/mlx/device.rs",
        "handles of mlx-c are valid from their making to their one release",
    ),
    (
        "src/mlx/ops.rs",
        "arrays outlive the calls that borrow them, and lengths are checked before",
    ),
    (
        "src/mlx/pages.rs",
        "the advised range lies within an array that is alive, and its contents stay",
    ),
    (
        "tests/faults/counting.rs",
        "every call goes to the system's allocator with the caller's own layout",
    ),
    (
        "xtask/src/mlx.rs",
        "the environment is changed before any thread is started",
    ),
];

/// Folders with sources of ours.
const FOLDERS: [&str; 6] = [
    "src",
    "tests",
    "benches",
    "examples",
    "xtask/src",
    "fuzz/fuzz_targets",
];

/// How far above an `unsafe` its comment may begin: a comment of some lines, attributes, the first line
/// of the statement.
const COMMENT_LINES: usize = 10;

#[test]
fn unsafe_code_stands_in_the_named_modules_alone() {
    let found: BTreeSet<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| code_lines(text).any(|(_, line)| is_unsafe(line)))
        .map(|(name, _)| name)
        .collect();
    let permitted = PERMITTED.iter().map(|(file, _)| (*file).to_owned());
    assert_eq!(found, permitted.collect());
}

#[test]
fn every_unsafe_place_says_why_it_is_sound() {
    let mut places = 0;
    for (name, text) in all_sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in code_lines(&text).filter(|(_, line)| is_unsafe(line)) {
            if implements_an_unsafe_trait(&lines[..index], line) {
                continue;
            }
            let above = &lines[index.saturating_sub(COMMENT_LINES)..index];
            let word = if line.contains("unsafe fn") {
                "# Safety"
            } else {
                "// SAFETY:"
            };
            assert!(
                above.iter().any(|line| line.contains(word)),
                "{name}:{}: no `{word}` above",
                index + 1
            );
            places += 1;
        }
    }
    assert!(places > 40, "{places} places: are these the sources?");
}

/// Whether `line` is a method of an `unsafe impl`, whose own comment speaks for it; the trait says
/// what callers owe.
fn implements_an_unsafe_trait(above: &[&str], line: &str) -> bool {
    let is_method = line.starts_with("    unsafe fn");
    let outer = above
        .iter()
        .rev()
        .find(|line| line.starts_with(|first| first != ' ' && first != '}'));
    is_method && outer.is_some_and(|line| line.starts_with("unsafe impl"))
}

/// Lines that are no comment, by index.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether the keyword stands in a line: not within a string, not as a part of a name, not in the type of a
/// foreign function, whose calls have blocks of their own.
fn is_unsafe(line: &str) -> bool {
    let code: String = line.split('"').step_by(2).collect();
    let code = code.replace("unsafe extern  fn(", "");
    [
        "unsafe {",
        "unsafe impl",
        "unsafe fn",
        "unsafe extern",
        "unsafe trait",
    ]
    .iter()
    .any(|place| code.contains(place))
}

/// All sources with their names, this one left out.
fn all_sources() -> Vec<(String, String)> {
    let mut all = sources::below(&FOLDERS);
    all.retain(|(name, _)| name != "tests/unsafe_code.rs");
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs");
    all.push(("build.rs".to_owned(), fs::read_to_string(build).unwrap()));
    all
}
