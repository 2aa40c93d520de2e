//! The disk is full, or nothing may be written: what was there stays, and what was said holds.
//!
//! A limit on the size of files stands for a full disk; it needs no privileges.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use gptoss::session::{SessionFile, Tree};
use gptoss::trace_file::{TraceFile, recover};
use gptoss::whole_file;

use super::{child, kill_traces, made, runs};

/// The largest file that the other process may write, in bytes.
const LIMIT_BYTES: usize = 64 << 10;

/// Runs an ignored test in another process under the limit.
fn run_limited(test: &str, folder: &Path) {
    // A block has 512 bytes or, in some shells, 1,024: the limit or half of it.
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$@\"",
        LIMIT_BYTES / 1024
    );
    let status = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .envs(child::task_for(folder, 7))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&status.stderr);
    assert!(status.status.success(), "{told}");
}

#[test]
#[ignore = "run by a test in another process"]
fn fills_the_disk() {
    let Some((folder, seed)) = child::task() else {
        return;
    };
    let large = vec![b'x'; 3 * LIMIT_BYTES];
    let error = whole_file::replace(&folder.join("kept.svg"), &large).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    let error = whole_file::create_new(&folder.join("new.md"), &large).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);

    // The rows have 200 kB of logits, or none: some fit, and the first that does not is taken back.
    let mut recorder = kill_traces::recorder(&folder);
    let chunks = (0..).flat_map(|number| kill_traces::chunks(seed, number));
    let (mut tokens, mut refused) = (0, 0);
    for chunk in chunks.take(40) {
        match recorder.append(&chunk) {
            Ok(()) => tokens += chunk.len(),
            Err(error) => {
                assert!(error.to_string().contains("cannot write"), "{error}");
                refused += 1;
            }
        }
        assert_eq!(recorder.tokens(), tokens);
    }
    assert!(tokens > 0 && refused > 0, "{tokens} tokens, {refused}");
    std::fs::write(folder.join("tokens"), tokens.to_string()).unwrap();

    let mut session = SessionFile::create(&folder.join("x.jsonl"), &Tree::default(), 7).unwrap();
    let changes = made::changes();
    session.append(&changes[..2]).unwrap();
    let many: Vec<_> = changes.iter().cycle().take(4000).cloned().collect();
    session.append(&many).unwrap_err();
    session.append(&changes[2..3]).unwrap();
}

#[test]
fn a_full_disk_costs_what_did_not_fit_and_nothing_else() {
    let _alone = runs::alone();
    let folder = runs::scratch();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("kept.svg"), "as it was").unwrap();
    run_limited("full::fills_the_disk", folder.path());

    assert_eq!(std::fs::read(at("kept.svg")).unwrap(), b"as it was");
    assert!(!at("new.md").exists());
    let tokens: usize = std::fs::read_to_string(at("tokens"))
        .unwrap()
        .parse()
        .unwrap();
    let journal = gptoss::trace_file::journal_path(&kill_traces::path(folder.path(), 0));
    let recovery = recover(&journal).unwrap();
    assert_eq!((recovery.tokens, recovery.lost_bytes), (tokens, 0));
    assert_eq!(TraceFile::open(&recovery.path).unwrap().len(), tokens);
    let (opened, _) = SessionFile::open(&at("x.jsonl")).unwrap();
    assert_eq!(opened.damage, None);
    let written = made::tree(&made::changes()[..3]);
    assert_eq!(opened.tree, made::interrupted(written));
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name());
    let hidden: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_file_that_may_not_be_written_is_not_replaced() {
    let folder = runs::scratch();
    let path = folder.path().join("a.svg");
    std::fs::write(&path, "as it was").unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    // Permissions do not bind the administrator, as whom some machines run tests.
    let is_bound = std::fs::OpenOptions::new().write(true).open(&path).is_err();
    let outcome = whole_file::replace(&path, b"new");
    assert_eq!(outcome.is_err(), is_bound);
    let expected: &[u8] = if is_bound { b"as it was" } else { b"new" };
    assert_eq!(std::fs::read(&path).unwrap(), expected);
}
