use std::path::Path;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::app::{self, State};
use crate::session::{Node, NodeId, NodeKind, Tree};

struct Rig {
    sessions: Sessions,
    outcomes: UnboundedReceiver<Outcome>,
}

impl Rig {
    fn new(folder: Option<&Path>) -> Self {
        let (sender, outcomes) = unbounded_channel();
        let sessions = Sessions::new(folder.map(SessionFolder::new), sender);
        Self { sessions, outcomes }
    }

    fn outcome(&mut self) -> Outcome {
        self.outcomes.blocking_recv().unwrap()
    }

    /// The report that follows from the next outcome, a session.
    fn adopt(&mut self) -> Report {
        match self.outcome() {
            Outcome::Session(opened) => self.sessions.adopt(&opened),
            other => unreachable!("{other:?}"),
        }
    }
}

fn said(id: u64, parent: Option<u64>, text: &str) -> TreeOp {
    TreeOp::AddNode(Node {
        id: NodeId(id),
        parent: parent.map(NodeId),
        created_ms: 1,
        kind: NodeKind::User {
            text: text.to_owned(),
        },
        edited: false,
    })
}

fn texts(tree: &Tree) -> Vec<(u64, Option<u64>, String)> {
    let user = |node: &'_ Node| match &node.kind {
        NodeKind::User { text } => text.as_str().to_owned(),
        other => unreachable!("{other:?}"),
    };
    tree.nodes()
        .map(|node| (node.id.0, node.parent.map(|id| id.0), user(node)))
        .collect()
}

fn owned(row: (u64, Option<u64>, &str)) -> (u64, Option<u64>, String) {
    (row.0, row.1, row.2.to_owned())
}

/// A session with two messages.
fn existing(folder: &Path) -> SessionId {
    let mut tree = Tree::default();
    tree.apply(&said(1, None, "one")).unwrap();
    tree.apply(&said(2, Some(1), "two")).unwrap();
    SessionFolder::new(folder).create(&tree, 7).unwrap().0
}

fn on_disk(folder: &Path, id: &SessionId) -> Tree {
    SessionFolder::new(folder).open(id).unwrap().0.tree
}

#[test]
fn what_was_said_before_a_new_session_is_open_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(Some(folder.path()));
    rig.sessions.save(vec![said(1, None, "early")]);
    rig.sessions.request(SessionRequest::New(Box::default()));
    rig.sessions.save(vec![said(2, Some(1), "also early")]);
    let report = rig.adopt();
    let Report::SessionOpened { id, opened, offset } = report else {
        unreachable!("{report:?}")
    };
    let expected = [(1, None, "early"), (2, Some(1), "also early")];
    assert_eq!(offset, Some(0));
    assert_eq!(texts(&opened.tree), expected.map(owned));
    rig.sessions.save(vec![said(3, Some(2), "late")]);
    rig.sessions.finish();
    assert_eq!(on_disk(folder.path(), &id).len(), 3);
}

#[test]
fn what_was_said_before_an_old_session_is_open_is_a_branch_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let id = existing(folder.path());
    let mut rig = Rig::new(Some(folder.path()));
    rig.sessions.request(SessionRequest::Open(id.clone()));
    let mut state = State::default();
    let early = vec![said(1, None, "early"), said(2, Some(1), "more")];
    for op in &early {
        state.session.tree.apply(op).unwrap();
    }
    rig.sessions.save(early);
    let report = rig.adopt();
    app::report(&mut state, report, 1);
    let expected = [
        (1, None, "one"),
        (2, Some(1), "two"),
        (3, None, "early"),
        (4, Some(3), "more"),
    ];
    assert_eq!(texts(&state.session.tree), expected.map(owned));
    assert_eq!(state.session.tree.path(), [NodeId(3), NodeId(4)]);
    rig.sessions.finish();
    assert_eq!(on_disk(folder.path(), &id), state.session.tree);
}

#[test]
fn leaving_before_the_session_is_open_loses_nothing_and_neither_does_a_panic() {
    for panics in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let id = existing(folder.path());
        let mut rig = Rig::new(Some(folder.path()));
        rig.sessions.request(SessionRequest::Open(id.clone()));
        rig.sessions.save(vec![said(1, None, "early")]);
        if panics {
            drop(rig);
        } else {
            rig.sessions.finish();
        }
        assert_eq!(on_disk(folder.path(), &id).len(), 3);
    }
}

#[test]
fn a_draft_of_another_day_outlives_the_first_letters_of_a_new_one() {
    let draft = |text: &str| TreeOp::SetDraft {
        text: text.to_owned(),
    };
    let mut tree = Tree::default();
    assert_eq!(
        early::move_to(&mut tree, vec![draft("a")]),
        Some((0, vec![draft("a")]))
    );
    assert_eq!(early::move_to(&mut tree, vec![draft("b")]), None);
    assert_eq!(tree.draft(), "a");
}

#[test]
fn a_session_that_cannot_be_opened_at_the_start_is_replaced_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let id = SessionId::new("missing").unwrap();
    let mut rig = Rig::new(Some(folder.path()));
    let tree = Box::default();
    rig.sessions
        .request(SessionRequest::OpenOrBegin { id, tree });
    let report = rig.adopt();
    assert!(
        matches!(&report, Report::SessionOpened { opened, .. } if opened.access == Access::Writable),
        "{report:?}"
    );
    let told = rig.outcome();
    assert!(
        matches!(&told, Outcome::Report(Report::Failed(text)) if text.contains("missing")),
        "{told:?}"
    );
}

#[test]
fn without_a_folder_that_can_be_written_the_chat_goes_on_and_one_line_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // A file in the folder's place stops root as well.
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "").unwrap();
    let places = [None, Some(blocked.join("sessions"))];
    for place in places {
        let mut rig = Rig::new(place.as_deref());
        let mut state = State::default();
        rig.sessions.request(SessionRequest::New(Box::default()));
        let report = rig.adopt();
        app::report(&mut state, report, 1);
        let notice = state.notice.clone().unwrap().text;
        assert!(
            notice.starts_with("nothing is saved yet: ") && notice.lines().count() == 1,
            "{notice}"
        );
        let op = said(1, None, "unsaved");
        state.session.tree.apply(&op).unwrap();
        rig.sessions.save(vec![op]);
        rig.sessions.finish();
        let told = rig.outcomes.try_recv();
        assert!(
            matches!(told, Err(_) | Ok(Outcome::CopyTried(_))),
            "it is told once: {told:?}"
        );
        assert_eq!(state.session.tree.len(), 1);
    }
}

#[test]
fn deleting_is_undone_and_refused_while_a_session_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let id = existing(folder.path());
    let mut rig = Rig::new(Some(folder.path()));
    let held = SessionFolder::new(folder.path()).open(&id).unwrap();
    rig.sessions.request(SessionRequest::Delete(id.clone()));
    let told = rig.outcome();
    assert!(
        matches!(&told, Outcome::Report(Report::Failed(text)) if text.contains("is open")),
        "{told:?}"
    );
    drop(held);
    let list = || SessionRequest::List {
        query: String::new(),
    };
    rig.sessions.request(SessionRequest::Delete(id.clone()));
    rig.sessions.request(list());
    rig.sessions.request(SessionRequest::UndoDelete);
    rig.sessions.request(list());
    let listed: Vec<usize> = (0..4)
        .filter_map(|_| match rig.outcome() {
            Outcome::Report(Report::Sessions(sessions)) => Some(sessions.len()),
            _ => None,
        })
        .collect();
    assert_eq!(listed, [0, 1]);
}

/// Waits for the attempt at a file of its own, and takes it up.
fn copied(rig: &mut Rig) -> Option<Report> {
    loop {
        if let Outcome::CopyTried(attempt) = rig.outcome() {
            return rig.sessions.copy_tried(&attempt);
        }
    }
}

#[test]
fn what_is_said_in_a_session_that_another_program_has_open_is_saved_in_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let id = existing(folder.path());
    let held = SessionFolder::new(folder.path()).open(&id).unwrap();
    let mut rig = Rig::new(Some(folder.path()));
    let mut state = State::default();
    rig.sessions.request(SessionRequest::Open(id.clone()));
    let report = rig.adopt();
    app::report(&mut state, report, 1);
    assert!(
        state
            .notice
            .as_ref()
            .unwrap()
            .text
            .contains("saved in a copy")
    );

    let draft = TreeOp::SetDraft {
        text: "a draft makes no copy".to_owned(),
    };
    rig.sessions.save(vec![draft]);
    rig.sessions.save(vec![said(3, Some(2), "three")]);
    // Said before the copy is there.
    rig.sessions.save(vec![said(4, Some(3), "four")]);
    let report = copied(&mut rig).unwrap();
    let Report::SessionSavedAs(copy) = &report else {
        unreachable!("{report:?}")
    };
    let copy = copy.clone();
    assert_ne!(copy, id);
    app::report(&mut state, report, 2);
    assert_eq!(state.session.access, Access::Writable);
    assert_eq!(state.session.id.as_ref(), Some(&copy));
    rig.sessions.save(vec![said(5, Some(4), "five")]);
    rig.sessions.finish();
    assert_eq!(on_disk(folder.path(), &copy).len(), 5);
    drop(held);
    assert_eq!(on_disk(folder.path(), &id).len(), 2, "it is as it was");
}

#[test]
fn a_session_whose_file_could_not_be_made_is_saved_once_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("sessions");
    std::fs::write(&place, "in the way").unwrap();
    let mut rig = Rig::new(Some(&place));
    rig.sessions.request(SessionRequest::New(Box::default()));
    let report = rig.adopt();
    assert!(
        matches!(&report, Report::SessionOpened { opened, .. }
            if matches!(opened.access, Access::Unsaved { .. })),
        "{report:?}"
    );
    rig.sessions.save(vec![said(1, None, "one")]);
    assert!(copied(&mut rig).is_none());
    std::fs::remove_file(&place).unwrap();
    // The next attempt would be made some time later; leaving makes it now.
    rig.sessions.save(vec![said(2, Some(1), "two")]);
    rig.sessions.finish();
    let saved = SessionFolder::new(&place).list("");
    assert_eq!(saved.len(), 1);
    assert_eq!(on_disk(&place, &saved[0].id).len(), 2);
}

#[test]
fn a_copy_that_nobody_takes_up_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let id = existing(folder.path());
    let _held = SessionFolder::new(folder.path()).open(&id).unwrap();
    let mut rig = Rig::new(Some(folder.path()));
    rig.sessions.request(SessionRequest::Open(id.clone()));
    rig.adopt();
    rig.sessions.save(vec![said(3, Some(2), "three")]);
    rig.sessions.save(vec![said(4, Some(3), "four")]);
    rig.sessions.finish();
    let all = SessionFolder::new(folder.path()).list("");
    let copy = all.iter().find(|info| info.id != id).unwrap();
    assert_eq!(on_disk(folder.path(), &copy.id).len(), 4);
}

#[test]
fn an_attempt_for_a_session_that_was_left_does_not_touch_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (existing(folder.path()), existing(folder.path()));
    let files = SessionFolder::new(folder.path());
    let _held = (files.open(&first).unwrap(), files.open(&second).unwrap());
    let mut rig = Rig::new(Some(folder.path()));
    rig.sessions.request(SessionRequest::Open(first.clone()));
    rig.adopt();
    rig.sessions.save(vec![said(3, Some(2), "in the first")]);
    let Outcome::CopyTried(late) = rig.outcome() else {
        unreachable!("the attempt is over")
    };
    rig.sessions.request(SessionRequest::Open(second.clone()));
    rig.adopt();
    rig.sessions.save(vec![said(3, Some(2), "in the second")]);
    rig.sessions.save(vec![said(4, Some(3), "and more")]);
    assert!(rig.sessions.copy_tried(&late).is_none());
    assert!(copied(&mut rig).is_some());
    rig.sessions.finish();
    let lengths: Vec<usize> = files
        .list("")
        .iter()
        .filter(|info| info.id != first && info.id != second)
        .map(|info| on_disk(folder.path(), &info.id).len())
        .collect();
    assert!(
        lengths.len() == 2 && lengths.contains(&3) && lengths.contains(&4),
        "{lengths:?}"
    );
}
