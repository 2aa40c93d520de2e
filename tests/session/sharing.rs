//! A second program, a folder that cannot be written, a full disk.
#![cfg(unix)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use gptoss::session::{Access, SessionFile, SessionFolder, SessionWriter, StoreEvent, Tree};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

use super::child::{self, Other};
use super::made;

#[test]
#[ignore = "run by a test in another process"]
fn holds_a_session() {
    let Some(folder) = child::folder() else {
        return;
    };
    let (_, file) = SessionFile::open(&folder.join("x.jsonl")).unwrap();
    let mut file = file.unwrap();
    file.append(&[made::user(2, Some(1), "by the first")])
        .unwrap();
    child::say("held");
    // Until it is killed.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_second_program_reads_and_can_write_when_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let tree = made::tree(&[made::user(1, None, "hello")]);
    drop(SessionFile::create(&path, &tree, 7).unwrap());
    let mut first = Other::run("sharing::holds_a_session", folder.path(), |_| {});
    assert_eq!(first.says(), "held");

    let before = fs::read(&path).unwrap();
    let (opened, file) = SessionFile::open(&path).unwrap();
    assert_eq!(opened.access.reason(), Some("another program has it open"));
    assert!(file.is_none());
    assert_eq!(opened.tree.len(), 2);
    // The first is in the middle of a line: no damage, and nothing of ours to repair.
    let mut torn = before.clone();
    torn.extend(b"0000");
    fs::write(&path, &torn).unwrap();
    assert_eq!(SessionFile::open(&path).unwrap().0.damage, None);
    assert_eq!(fs::read(&path).unwrap(), torn);

    first.kill();
    let (opened, file) = SessionFile::open(&path).unwrap();
    assert_eq!(opened.access, Access::Writable);
    assert_eq!(opened.damage.unwrap().line, 6);
    file.unwrap()
        .append(&[made::user(3, Some(2), "by the second")])
        .unwrap();
    assert_eq!(SessionFile::open(&path).unwrap().0.tree.len(), 3);
}

/// Root may write everywhere, so somebody else has to try.
const NOBODY: u32 = 65_534;

#[test]
#[ignore = "run by a test in another process"]
fn reads_what_it_may_not_write() {
    let Some(folder) = child::folder() else {
        return;
    };
    #[cfg(target_os = "linux")]
    if geteuid().is_root() {
        rustix::thread::set_thread_uid(rustix::thread::Uid::from_raw(NOBODY)).unwrap();
    }
    let folder = SessionFolder::new(folder);
    let latest = folder.latest().unwrap();
    let (opened, file) = folder.open(&latest).unwrap();
    assert!(file.is_none());
    let damage = opened.damage.unwrap();
    child::say(&format!("{} {:?}", opened.tree.len(), damage.kept_as));
    child::say(opened.access.reason().unwrap());
    child::say(&folder.create(&opened.tree, 9).unwrap_err().to_string());
    child::say(&folder.delete(&latest, 9).unwrap_err().to_string());
    child::say(&folder.rename(&latest, "x").unwrap_err().to_string());
}

#[test]
fn without_the_right_to_write_everything_is_read_and_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let tree = made::tree(&[made::user(1, None, "hello")]);
    drop(SessionFile::create(&path, &tree, 7).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"damaged\n");
    fs::write(&path, &bytes).unwrap();
    let allow = |mode: u32| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path(), permissions).unwrap();
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    allow(0o555);
    let mut other = Other::run(
        "sharing::reads_what_it_may_not_write",
        folder.path(),
        |command| {
            // On Linux the child does it once it runs: others may not even reach a program that lies
            // in root's home.
            if geteuid().is_root() && cfg!(not(target_os = "linux")) {
                command.uid(NOBODY);
            }
        },
    );
    assert_eq!(other.says(), "1 None");
    for _ in 0..4 {
        let error = other.says();
        assert!(
            error.to_lowercase().contains("permission denied"),
            "{error}"
        );
    }
    allow(0o755);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Lets files of this process grow to so many bytes.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}

#[test]
#[ignore = "run by a test in another process"]
fn writes_to_a_full_disk() {
    let Some(folder) = child::folder() else {
        return;
    };
    // Without a handler the system would kill the process instead of refusing the write.
    let signal = rustix::process::Signal::XFSZ.as_raw();
    signal_hook::flag::register(signal, std::sync::Arc::default()).unwrap();
    let path = folder.join("x.jsonl");
    let mut tree = made::tree(&[made::user(1, None, "hello")]);
    let file = SessionFile::create(&path, &tree, 7).unwrap();
    let before = fs::read(&path).unwrap();
    let (sender, events) = channel();
    let writer = SessionWriter::start(file, move |event| sender.send(event).unwrap()).unwrap();

    limit_files(Some(before.len() as u64 + 60));
    for id in 2..6 {
        let op = made::user(id, Some(id - 1), &"words ".repeat(40));
        tree.apply(&op).unwrap();
        writer.write(vec![op]);
    }
    let Ok(StoreEvent::Failed { message }) = events.recv() else {
        unreachable!("it cannot be written");
    };
    assert!(message.contains("x.jsonl"), "{message}");
    // Long enough for another try, which fails as well.
    let silence = events.recv_timeout(Duration::from_millis(2500));
    assert_eq!(silence, Err(RecvTimeoutError::Timeout), "it is told once");
    assert_eq!(fs::read(&path).unwrap(), before, "no half lines");
    assert!(SessionFile::create(&folder.join("y.jsonl"), &tree, 8).is_err());
    assert!(
        !folder.join("y.jsonl").exists(),
        "half a beginning is removed"
    );

    limit_files(None);
    assert_eq!(events.recv(), Ok(StoreEvent::Recovered));
    let op = made::user(6, Some(5), "goes on");
    tree.apply(&op).unwrap();
    writer.write(vec![op]);
    drop(writer);
    let (opened, _) = SessionFile::open(&path).unwrap();
    assert_eq!((opened.tree, opened.damage), (tree, None));
    child::say("done");
}

#[test]
fn a_full_disk_is_told_once_and_all_is_written_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::run("sharing::writes_to_a_full_disk", folder.path(), |_| {});
    assert_eq!(other.says(), "done");
}

#[test]
fn what_waits_is_written_before_the_writer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let file = SessionFile::create(&path, &Tree::default(), 7).unwrap();
    let writer = SessionWriter::start(file, |event| unreachable!("{event:?}")).unwrap();
    let ops = made::changes();
    for op in &ops {
        writer.write(vec![op.clone()]);
    }
    drop(writer);
    let (opened, _) = SessionFile::open(&path).unwrap();
    assert_eq!(opened.tree, made::interrupted(made::tree(&ops)));
}
