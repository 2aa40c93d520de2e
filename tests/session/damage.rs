//! Files that were cut, flipped and spliced.

use std::fs;
use std::path::{Path, PathBuf};

use gptoss::session::{Access, Damage, SessionFile, StoreError, Tree};

use super::made::{self, Random};

/// A session's file, and the tree after each of its lines.
struct Sample {
    bytes: Vec<u8>,
    trees: Vec<Tree>,
}

impl Sample {
    fn new() -> Self {
        let folder = scratch();
        let path = folder.path().join("sample.jsonl");
        let mut file = SessionFile::create(&path, &Tree::default(), 7).unwrap();
        let ops = made::changes();
        file.append(&ops).unwrap();
        // The header and the framing come first, and neither says anything.
        let mut tree = Tree::default();
        let mut trees = vec![tree.clone(), tree.clone()];
        for op in &ops {
            tree.apply(op).unwrap();
            trees.push(tree.clone());
        }
        let trees = trees.into_iter().map(made::interrupted).collect();
        let bytes = fs::read(&path).unwrap();
        Self { bytes, trees }
    }

    /// How many whole lines the first `bytes` bytes hold, and where the last of them ends.
    fn whole_lines(&self, bytes: usize) -> (usize, usize) {
        let breaks = self.bytes[..bytes].iter().enumerate();
        let ends: Vec<usize> = breaks
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at + 1)
            .collect();
        (ends.len(), ends.last().copied().unwrap_or(0))
    }
}

/// A folder in memory where there is one: these tests write thousands of files.
fn scratch() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() {
        tempfile::tempdir_in(shared)
    } else {
        tempfile::tempdir()
    }
    .unwrap()
}

fn written(folder: &Path, bytes: &[u8]) -> PathBuf {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let path = folder.join("x.jsonl");
    fs::write(&path, bytes).unwrap();
    path
}

/// Opens a damaged file, and once more: the second time nothing is wrong with it.
fn open_twice(path: &Path, what: &str) -> (Tree, Option<Damage>) {
    let before = fs::read(path).unwrap();
    let (opened, file) = SessionFile::open(path).unwrap();
    assert_eq!(opened.access, Access::Writable, "{what}");
    drop(file.unwrap());
    let after = fs::read(path).unwrap();
    let good = before.len()
        - opened
            .damage
            .as_ref()
            .map_or(0, |damage| damage.bytes as usize);
    assert_eq!(after[..good], before[..good], "{what}: whole lines stay");
    if let Some(damage) = &opened.damage {
        let kept = fs::read(damage.kept_as.as_ref().unwrap()).unwrap();
        assert_eq!(kept, before[good..], "{what}: the rest is kept aside");
    }
    let (again, _) = SessionFile::open(path).unwrap();
    assert_eq!(again.damage, None, "{what}");
    assert_eq!(again.tree, opened.tree, "{what}");
    (opened.tree, opened.damage)
}

#[test]
fn a_file_cut_at_any_byte_keeps_every_whole_line() {
    let sample = Sample::new();
    let folder = scratch();
    for cut in 0..=sample.bytes.len() {
        let path = written(folder.path(), &sample.bytes[..cut]);
        let (lines, end) = sample.whole_lines(cut);
        if lines == 0 {
            let error = SessionFile::open(&path).unwrap_err();
            assert!(matches!(error, StoreError::NotASession { .. }), "cut {cut}");
            assert_eq!(fs::read(&path).unwrap(), sample.bytes[..cut], "cut {cut}");
            continue;
        }
        let (tree, damage) = open_twice(&path, &format!("cut {cut}"));
        assert_eq!(tree, sample.trees[lines - 1], "cut {cut}");
        let found = damage.map(|damage| (damage.line, damage.bytes as usize, damage.is_torn));
        let expected = (end < cut).then_some((lines + 1, cut - end, true));
        assert_eq!(found, expected, "cut {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_its_line_and_what_follows_at_most() {
    let sample = Sample::new();
    let folder = scratch();
    let mut random = Random(20);
    let mut num_damaged = 0;
    for round in 0..2500 {
        let (at, bit) = (random.below(sample.bytes.len()), random.below(8));
        let what = format!("round {round}: bit {bit} of byte {at}");
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 1 << bit;
        let path = written(folder.path(), &bytes);
        let (line, _) = sample.whole_lines(at);
        // A digit of a checksum may be written large.
        let is_same = bytes.eq_ignore_ascii_case(&sample.bytes) && is_checksum(&sample, at);
        if is_same {
            assert_eq!(
                open_twice(&path, &what),
                (sample.trees.last().unwrap().clone(), None),
                "{what}"
            );
        } else if line == 0 && bytes[at] == b'\n' {
            // The first line's rest is in the second one's place.
            let error = SessionFile::open(&path).unwrap_err();
            assert!(matches!(error, StoreError::NotASession { .. }), "{what}");
            assert_eq!(fs::read(&path).unwrap(), bytes, "{what}");
        } else if line == 0 {
            let (opened, _) = SessionFile::open(&path).unwrap();
            let damage = opened.damage.unwrap();
            assert_eq!((damage.line, damage.is_first_line), (1, true), "{what}");
            assert_eq!(&opened.tree, sample.trees.last().unwrap(), "{what}");
        } else {
            let (tree, damage) = open_twice(&path, &what);
            assert_eq!(damage.map(|damage| damage.line), Some(line + 1), "{what}");
            assert_eq!(tree, sample.trees[line - 1], "{what}");
            num_damaged += 1;
        }
    }
    assert!(num_damaged > 2000, "{num_damaged}");
}

fn is_checksum(sample: &Sample, at: usize) -> bool {
    at - sample.whole_lines(at).1 < 8
}

#[test]
fn a_spliced_file_keeps_the_lines_before_the_first_change() {
    let sample = Sample::new();
    let folder = scratch();
    let mut random = Random(21);
    for round in 0..1500 {
        let bytes = spliced(&mut random, &sample.bytes);
        let path = written(folder.path(), &bytes);
        let same = sample.bytes.iter().zip(&bytes).take_while(|(a, b)| a == b);
        let (lines, _) = sample.whole_lines(same.count());
        let what = format!("round {round}");
        if lines == 0 && SessionFile::open(&path).is_err() {
            continue;
        }
        let (tree, damage) = open_twice(&path, &what);
        if let Some(damage) = damage {
            assert!(damage.line > lines, "{what}: {damage:?}");
        }
        let kept = &sample.trees[lines.saturating_sub(1)];
        for node in kept.nodes() {
            assert!(tree.node(node.id).is_some(), "{what}: {} is lost", node.id);
        }
    }
}

fn spliced(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut spliced = bytes.to_vec();
    let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
    let (start, end) = (from.min(to), from.max(to));
    let place = random.below(bytes.len());
    match random.below(5) {
        0 => drop(spliced.drain(start..end)),
        1 => drop(spliced.splice(place..place, bytes[start..end].iter().copied())),
        2 => spliced[start..end].fill(0),
        3 => {
            let noise: Vec<u8> = (0..random.below(300))
                .map(|_| random.next() as u8)
                .collect();
            drop(spliced.splice(start..(start + 40).min(end), noise));
        }
        _ => {
            let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let (one, other) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(one, other);
            spliced = lines.concat();
        }
    }
    spliced
}

#[test]
fn a_damaged_first_line_costs_itself_alone() {
    let sample = Sample::new();
    let folder = scratch();
    let (_, end) = sample.whole_lines(sample.bytes.iter().position(|b| *b == b'\n').unwrap() + 1);
    let full = sample.trees.last().unwrap();
    // A flipped byte, a line that lost its beginning, and an empty one.
    let mut flipped = sample.bytes.clone();
    flipped[12] ^= 1;
    for bytes in [&flipped[..], &sample.bytes[5..], &sample.bytes[end - 1..]] {
        let path = written(folder.path(), bytes);
        let before = fs::File::open(&path).unwrap();
        let (opened, file) = SessionFile::open(&path).unwrap();
        // Never in place: a crash in between would cost the file.
        assert_eq!(std::io::read_to_string(before).unwrap().as_bytes(), bytes);
        let (second, _) = SessionFile::open(&path).unwrap();
        assert!(second.access.reason().is_some(), "not locked");
        drop(file.unwrap());
        let damage = opened.damage.unwrap();
        assert_eq!((damage.line, damage.is_first_line), (1, true), "{damage}");
        assert!(
            damage
                .to_string()
                .contains("in line 1; the file as it was: "),
            "{damage}"
        );
        assert_eq!(fs::read(damage.kept_as.unwrap()).unwrap(), bytes);
        assert_eq!(&opened.tree, full);
        let (again, _) = SessionFile::open(&path).unwrap();
        assert_eq!((again.damage, &again.tree), (None, full));
    }
    // With a second damage further on, the lines between are kept.
    let last = flipped.len() - 4;
    flipped[last] ^= 1;
    let path = written(folder.path(), &flipped);
    let (opened, _) = SessionFile::open(&path).unwrap();
    let damage = opened.damage.unwrap();
    assert_eq!(damage.line, sample.trees.len(), "{damage}");
    assert!(
        damage.to_string().contains("line 1 and from line"),
        "{damage}"
    );
    let before = &sample.trees[sample.trees.len() - 2];
    assert_eq!(&opened.tree, before);
}
