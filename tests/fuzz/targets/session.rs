//! A session's file with any damage: what could be read can be written, and reads the same again.
//!
//! Each line is written with its checksum in front, which chance would not find; one that begins with
//! `!` is written as it is.

use std::fs;
use std::path::Path;

use gptoss::session::{Access, Opened, SessionFile, Tree, export};

use super::files::empty_folder;

pub fn session(data: &[u8]) {
    let folder = empty_folder();
    let path = folder.join("1-a.jsonl");
    let data = &with_checksums(data)[..];
    fs::write(&path, data).unwrap();
    let Ok((opened, file)) = SessionFile::open(&path) else {
        assert_eq!(
            fs::read(&path).unwrap(),
            data,
            "what cannot be read is not touched"
        );
        return;
    };
    assert_eq!(opened.access, Access::Writable);
    drop(file);
    check_damage(&opened, data, &path);
    let (again, file) = SessionFile::open(&path).unwrap();
    drop(file);
    assert_eq!(again.damage, None, "repaired");
    assert_eq!(again.tree, opened.tree);
    check_written(&opened.tree, &folder.join("2-b.jsonl"));
}

/// All of the input is in the file or aside.
fn check_damage(opened: &Opened, data: &[u8], path: &Path) {
    let now = fs::read(path).unwrap();
    let Some(damage) = &opened.damage else {
        assert!(now.starts_with(data), "appended to at most");
        return;
    };
    let kept = fs::read(damage.kept_as.as_ref().unwrap()).unwrap();
    if damage.is_first_line {
        assert_eq!(kept, data);
    } else {
        let good = data.strip_suffix(&kept[..]).expect("the end is aside");
        assert!(now.starts_with(good));
        assert_eq!(damage.bytes, kept.len() as u64);
    }
}

fn check_written(tree: &Tree, path: &Path) {
    let mut replayed = Tree::default();
    for op in tree.to_ops() {
        replayed.apply(&op).expect("its own operations fit");
    }
    assert_eq!(&replayed, tree);
    drop(SessionFile::create(path, tree, 1).unwrap());
    let (read, _file) = SessionFile::open(path).unwrap();
    assert_eq!(read.damage, None);
    assert_eq!(&read.tree, tree, "what is written is read");
    for node in tree.nodes() {
        assert!(tree.path_to(node.id).contains(&node.id));
    }
    let _ = (tree.path(), tree.num_branches(), tree.title_or_beginning());
    let _ = export::markdown(tree);
}

fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(raw) = line.strip_prefix(b"!") {
            bytes.extend_from_slice(raw);
            continue;
        }
        let json = line.strip_suffix(b"\n").unwrap_or(line);
        bytes.extend_from_slice(format!("{:08x} ", crc32fast::hash(json)).as_bytes());
        bytes.extend_from_slice(line);
    }
    bytes
}
