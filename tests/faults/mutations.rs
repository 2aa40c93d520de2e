//! Every kind of file that the program reads, damaged: a typed error or a good read, never a panic,
//! and never more memory than the file's size justifies.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use gptoss::checkpoint::Checkpoint;
use gptoss::session::{SessionFile, Tree};
use gptoss::settings::{self, Layers};
use gptoss::tokenizer::Tokenizer;
use gptoss::trace_file::TraceFile;

use super::made::{self, Random};
use super::memory;
use super::mutate::mutate;
use super::sealed::{Seal, reseal};
use super::{kill_traces, runs};

/// A folder of files, the one that is damaged, and how it is read.
pub(crate) struct Kind {
    /// Names the kind in failures.
    name: &'static str,
    /// Files beside the damaged one: name and content.
    beside: Vec<(&'static str, Vec<u8>)>,
    file: &'static str,
    bytes: Vec<u8>,
    seal: Seal,
    /// Where most of the damage is done: the bytes that say what the others are.
    head: usize,
    /// Reads everything in the folder; the message of an error.
    read: fn(&Path) -> Result<(), String>,
    /// Bytes of memory for each byte in the folder, and regardless of it.
    memory: (usize, usize),
}

pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join(path)).unwrap()
}

fn read_checkpoint(folder: &Path) -> Result<(), String> {
    let checkpoint = Checkpoint::open(folder).map_err(|error| error.to_string())?;
    std::hint::black_box(checkpoint.tensors().count());
    for layer_idx in 0..checkpoint.config().num_hidden_layers {
        let layer = checkpoint.layer(layer_idx);
        for linear in [layer.gate_up(), layer.down(), layer.q_proj()] {
            for tensor in linear.tensors() {
                tensor.check_finite().map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

fn read_tokenizer(folder: &Path) -> Result<(), String> {
    let tokenizer = Tokenizer::from_dir(folder).map_err(|error| error.to_string())?;
    let ids = tokenizer.encode_ordinary("What is 48 + 75? 宇宙 👩‍👩‍👧‍👦\u{0}");
    std::hint::black_box(tokenizer.decode(&ids));
    Ok(())
}

fn read_session(folder: &Path) -> Result<(), String> {
    let opened = SessionFile::open(&folder.join("x.jsonl"));
    let (opened, _) = opened.map_err(|error| error.to_string())?;
    std::hint::black_box((opened.tree.path(), opened.tree.search("a")));
    Ok(())
}

fn read_trace(folder: &Path) -> Result<(), String> {
    let trace = TraceFile::open(&folder.join("trace")).map_err(|error| error.to_string())?;
    for at in 0..=trace.len() {
        std::hint::black_box((trace.logits(at), trace.router_logits(at)));
    }
    std::hint::black_box((trace.experts(), trace.ids(), trace.routing_log()));
    Ok(())
}

fn read_settings(folder: &Path) -> Result<(), String> {
    let layers = Layers {
        config_file: Some(folder.join("gptoss.toml")),
        ..Layers::default()
    };
    settings::load(&layers)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// A checkpoint of the golden data with one of its files to be damaged.
fn checkpoint(name: &'static str, path: &str, file: &'static str) -> Kind {
    let names = [
        "config.json",
        "model.safetensors",
        "model.safetensors.index.json",
    ];
    let is_there = |name: &&str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        root.join(path).join(name).is_file()
    };
    let all = names.into_iter().filter(is_there);
    let beside = all.map(|name| (name, fixture(&format!("{path}/{name}"))));
    let beside: Vec<_> = beside.filter(|(name, _)| *name != file).collect();
    let bytes = fixture(&format!("{path}/{file}"));
    let head = if file == "model.safetensors" {
        8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
    } else {
        bytes.len()
    };
    Kind {
        name,
        beside,
        file,
        bytes,
        seal: if file == "model.safetensors" {
            Seal::Safetensors
        } else {
            Seal::Json
        },
        head,
        read: read_checkpoint,
        // The tensors that 1,024 layers would have, the most that are accepted, take 2 MB.
        memory: (
            1,
            if file == "config.json" {
                3 << 20
            } else {
                256 << 10
            },
        ),
    }
}

pub(crate) fn alone(
    name: &'static str,
    file: &'static str,
    bytes: Vec<u8>,
    seal: Seal,
    read: fn(&Path) -> Result<(), String>,
    memory: (usize, usize),
) -> Kind {
    Kind {
        name,
        beside: Vec::new(),
        file,
        head: bytes.len(),
        bytes,
        seal,
        read,
        memory,
    }
}

fn session_file() -> Vec<u8> {
    let folder = runs::scratch();
    let path = folder.path().join("x.jsonl");
    let mut file = SessionFile::create(&path, &Tree::default(), 7).unwrap();
    file.append(&made::changes()).unwrap();
    fs::read(path).unwrap()
}

/// Tries one damaged file.
fn try_one(kind: &Kind, folder: &Path, seed: u64) -> Result<bool, String> {
    let mut random = Random(seed);
    // Half of them get past the checks that guard the content.
    let bytes = if random.below(2) == 0 {
        reseal(&mut random, kind.seal, &kind.bytes)
    } else {
        let mut bytes = kind.bytes.clone();
        mutate(&mut random, &mut bytes, kind.head);
        bytes
    };
    let path = folder.join(kind.file);
    fs::write(&path, &bytes).unwrap();
    let size: usize = bytes.len() + kind.beside.iter().map(|(_, b)| b.len()).sum::<usize>();
    let (outcome, peak) =
        memory::peak_bytes(|| catch_unwind(AssertUnwindSafe(|| (kind.read)(folder))));
    // What a repair put aside would be in the way of the next.
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if !kind.beside.iter().any(|(beside, _)| *beside == name) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let (factor, base) = kind.memory;
    let limit = factor * size + base;
    match outcome {
        Err(_) => Err("panicked".to_owned()),
        Ok(_) if peak > limit => Err(format!("{peak} bytes of memory, {limit} are justified")),
        Ok(Err(message)) if message.is_empty() => Err("an error without a word".to_owned()),
        Ok(outcome) => Ok(outcome.is_ok()),
    }
}

/// Tries many; all failures are told with their seeds.
pub(crate) fn check(kind: &Kind, count: u64) {
    let folder = runs::scratch();
    for (name, bytes) in &kind.beside {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    fs::write(folder.path().join(kind.file), &kind.bytes).unwrap();
    assert_eq!(
        (kind.read)(folder.path()),
        Ok(()),
        "{}: undamaged",
        kind.name
    );
    let (mut tried, mut good, mut failures) = (0, 0, Vec::new());
    for seed in runs::seeds("GPTOSS_MUTATIONS", count) {
        match try_one(kind, folder.path(), seed) {
            Ok(is_good) => good += u32::from(is_good),
            Err(what) => failures.push(format!("seed {seed}: {what}")),
        }
        tried += 1;
    }
    println!(
        "{}: {tried} tried, {good} read, {} refused",
        kind.name,
        tried - good
    );
    assert!(failures.is_empty(), "{}: {failures:#?}", kind.name);
    assert!(good < tried, "{}: nothing was refused", kind.name);
}

#[test]
fn damaged_weights_are_refused_or_read() {
    let _alone = runs::alone();
    for (name, path) in [
        ("weights (hf)", "tests/fixtures/reference/pub-b/hf"),
        ("weights (openai)", "tests/fixtures/reference/pub-b/openai"),
        ("weights (mlx)", "tests/fixtures/reference/pub-b/mlx"),
        ("weights (mlx-q8)", "tests/fixtures/reference/pub-b/mlx-q8"),
    ] {
        check(&checkpoint(name, path, "model.safetensors"), 60);
    }
}

#[test]
fn a_damaged_index_is_refused_or_read() {
    let _alone = runs::alone();
    let path = "tests/fixtures/reference/pub-b/mlx";
    check(
        &checkpoint("index", path, "model.safetensors.index.json"),
        60,
    );
}

#[test]
fn damaged_configurations_are_refused_or_read() {
    let _alone = runs::alone();
    for (name, path) in [
        ("config (hf)", "tests/fixtures/reference/pub-b/hf"),
        ("config (openai)", "tests/fixtures/reference/pub-b/openai"),
        ("config (mlx-q8)", "tests/fixtures/reference/pub-b/mlx-q8"),
    ] {
        check(&checkpoint(name, path, "config.json"), 60);
    }
}

#[test]
fn damaged_tokenizers_are_refused_or_read() {
    let _alone = runs::alone();
    let bytes = fixture("assets/demo-model/tokenizer.json");
    // The table of the ids that any file may use takes 6 MB, and half of it again while it grows.
    let memory = (60, 10 << 20);
    check(
        &alone(
            "tokenizer",
            "tokenizer.json",
            bytes,
            Seal::Json,
            read_tokenizer,
            memory,
        ),
        40,
    );
}

#[test]
fn damaged_sessions_are_refused_or_read() {
    let _alone = runs::alone();
    let memory = (16, 256 << 10);
    check(
        &alone(
            "session",
            "x.jsonl",
            session_file(),
            Seal::Lines,
            read_session,
            memory,
        ),
        200,
    );
}

#[test]
fn damaged_traces_are_refused_or_read() {
    let _alone = runs::alone();
    let [journal, finished] = kill_traces::small_files();
    let memory = (16, 64 << 10);
    check(
        &alone(
            "journal",
            "trace",
            journal,
            Seal::Journal,
            read_trace,
            memory,
        ),
        200,
    );
    check(
        &alone(
            "trace",
            "trace",
            finished,
            Seal::Safetensors,
            read_trace,
            memory,
        ),
        200,
    );
}

#[test]
fn damaged_settings_are_refused_or_read() {
    let _alone = runs::alone();
    let bytes = fixture("gptoss.toml");
    let memory = (60, 256 << 10);
    check(
        &alone(
            "settings",
            "gptoss.toml",
            bytes,
            Seal::Toml,
            read_settings,
            memory,
        ),
        60,
    );
}
