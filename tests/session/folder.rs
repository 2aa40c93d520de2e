//! The folder of all sessions: names, order, the trash, a clock that jumps.

use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

use gptoss::session::{SessionFolder, SessionId, StoreError, Tree};

use super::made;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn begin(folder: &SessionFolder, now_ms: u64, messages: u64) -> SessionId {
    let mut tree = Tree::default();
    for id in 1..=messages {
        tree.apply(&made::user(id, None, "hello")).unwrap();
    }
    folder.create(&tree, now_ms).unwrap().0
}

/// Sets when a session was written, in seconds since 1970.
fn touch(folder: &SessionFolder, id: &SessionId, seconds: u64) {
    let file = File::options()
        .append(true)
        .open(folder.path().join(format!("{id}.jsonl")));
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    file.unwrap().set_modified(time).unwrap();
}

#[test]
fn the_latest_is_the_newest_with_a_message_that_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    assert_eq!(folder.latest(), None);
    let ids: Vec<_> = [1, 1, 0, 1]
        .map(|messages| begin(&folder, 1, messages))
        .into();
    for (id, seconds) in ids.iter().zip([20, 30, 40, 50]) {
        touch(&folder, id, seconds);
    }
    fs::write(folder.path().join(format!("{}.jsonl", ids[3])), "broken").unwrap();
    fs::write(folder.path().join("notes.txt"), "").unwrap();
    fs::write(folder.path().join("no session.jsonl"), "").unwrap();
    assert_eq!(folder.latest().as_ref(), Some(&ids[1]));
    assert_eq!(folder.list("").len(), 4);
}

#[cfg(unix)]
#[test]
fn the_latest_is_found_without_reading_older_files() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    // Whoever opened this one for reading would wait for a writer for ever.
    let pipe = folder.path().join("1.jsonl");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let newest = begin(&folder, 2, 1);
    touch(&folder, &newest, u64::from(u32::MAX));
    assert_eq!(folder.latest(), Some(newest));
}

#[test]
fn a_check_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    let id = begin(&folder, 1, 1);
    let path = folder.path().join(format!("{id}.jsonl"));
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"damaged");
    fs::write(&path, &bytes).unwrap();
    folder.check(&id).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    let missing = SessionId::new("missing").unwrap();
    let error = folder.check(&missing).unwrap_err();
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");
}

#[test]
fn a_clock_that_jumps_back_keeps_names_apart_and_messages_in_order() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    let mut ids: Vec<_> = [1000, 1000, 500, 1000, 0, 0]
        .map(|now_ms| begin(&folder, now_ms, 0))
        .into();
    let (opened, file) = folder.open(&ids[0]).unwrap();
    let (mut tree, mut file) = (opened.tree, file.unwrap());
    let mut parent = None;
    for (id, created_ms) in [(1, 9000), (2, 10), (3, u64::MAX), (4, 0)] {
        let mut op = made::user(id, parent, "x");
        if let gptoss::session::TreeOp::AddNode(node) = &mut op {
            node.created_ms = created_ms;
        }
        assert_eq!(tree.next_id().0, id);
        tree.apply(&op).unwrap();
        file.append(&[op]).unwrap();
        parent = Some(id);
    }
    let answer = [
        made::answer(5, parent),
        made::token(5, 0, "back in time"),
        made::finish(5, made::failed(), 1),
    ];
    for op in &answer {
        tree.apply(op).unwrap();
    }
    file.append(&answer).unwrap();
    drop(file);
    let read = folder.open(&ids[0]).unwrap().0.tree;
    assert_eq!(read, tree);
    let path: Vec<u64> = read.path().iter().map(|id| id.0).collect();
    assert_eq!(path, [1, 2, 3, 4, 5]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_name_that_is_used_again_takes_nothing_from_the_trash() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    for messages in [1, 2] {
        let id = begin(&folder, 1000, messages);
        folder.delete(&id, 2000 + messages).unwrap();
    }
    assert_eq!(fs::read_dir(home.path().join("trash")).unwrap().count(), 2);
    let id = SessionId::new("1000").unwrap();
    folder.undelete(&id).unwrap();
    assert_eq!(folder.open(&id).unwrap().0.tree.len(), 2, "the latest");
    let error = folder.undelete(&id).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn the_trash_is_emptied_a_month_after_the_deletion() {
    let home = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(home.path());
    let written_s = 1_000_000_000;
    let deleted_ms = (written_s + 100 * 24 * 3600) * 1000;
    let id = begin(&folder, 1, 1);
    touch(&folder, &id, written_s);
    folder.delete(&id, deleted_ms).unwrap();
    let stranger = home.path().join("trash/notes.txt");
    fs::write(&stranger, "").unwrap();
    let left = || fs::read_dir(home.path().join("trash")).unwrap().count();
    for (days, expected) in [(0, 2), (29, 2), (30, 2), (31, 1)] {
        folder.purge(deleted_ms + days * DAY_MS);
        assert_eq!(left(), expected, "after {days} days");
    }
    assert!(stranger.exists());
}
