//! A session that opens while an answer is being written.

use gptoss::app::Report;
use gptoss::session::{Access, Node, NodeId, NodeKind, Opened, SessionId, Tree, TreeOp};

use super::rig::Rig;

fn opened(tree: Tree, offset: Option<u64>) -> Report {
    let opened = Opened {
        tree,
        access: Access::Writable,
        damage: None,
    };
    Report::SessionOpened {
        id: SessionId::new("opened").expect("a name"),
        opened: Box::new(opened),
        offset,
    }
}

fn two_messages() -> Tree {
    let mut tree = Tree::default();
    for id in [1, 2] {
        let text = "from another day".to_owned();
        tree.apply(&TreeOp::AddNode(Node {
            id: NodeId(id),
            parent: None,
            created_ms: 1,
            kind: NodeKind::User { text },
            edited: false,
        }))
        .expect("a message fits");
    }
    tree
}

/// A program in the middle of its first answer, message 2.
fn answering() -> Rig {
    let mut rig = Rig::slow();
    rig.type_text("early");
    rig.press("enter");
    rig.tokens(3);
    assert_eq!(rig.state.running.as_ref().expect("it runs").node, NodeId(2));
    rig
}

#[test]
fn an_answer_begun_before_the_session_was_open_goes_on_in_it() {
    let mut rig = answering();
    let mut tree = two_messages();
    for op in rig.state.session.tree.to_ops() {
        tree.apply(&op.renamed(2)).unwrap();
    }
    rig.report(opened(tree, Some(2)));
    rig.settle();
    let tree = &rig.state.session.tree;
    let turn = tree.turn(NodeId(4)).unwrap();
    assert!(turn.outcome.is_some() && turn.ids.len() > 3, "{turn:?}");
    assert_eq!(tree.path(), [NodeId(3), NodeId(4)]);
    let run = rig.state.runs.get(NodeId(4)).unwrap();
    assert_eq!(run.tokens.len(), turn.ids.len());
}

#[test]
fn an_answer_of_the_session_before_is_stopped_and_touches_nothing_in_the_next() {
    let mut rig = answering();
    rig.report(opened(two_messages(), None));
    assert!(rig.state.running.is_none());
    let notice = rig.state.notice.clone().unwrap().text;
    assert!(notice.contains("interrupted"), "{notice}");
    rig.ask("next");
    assert_eq!(rig.state.session.tree.len(), 4);
    let turn = rig.state.session.tree.turn(NodeId(4)).unwrap();
    assert!(turn.outcome.is_some() && !turn.ids.is_empty(), "{turn:?}");
}
