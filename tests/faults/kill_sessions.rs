//! A program is killed while it writes a session: all that was appended is there.

use std::path::Path;

use gptoss::harmony::Channel;
use gptoss::session::{NodeId, SessionFile, SessionWriter, Tree, TreeOp, TurnOutcome};

use super::child;
use super::made::{self, Random};
use super::runs;

const NAME: &str = "x.jsonl";

/// An endless conversation, turn by turn, the same for the same seed. Some texts are long, so that a
/// kill can hit half a line.
fn conversation(seed: u64) -> impl Iterator<Item = Vec<TreeOp>> {
    let mut random = Random(seed);
    (0_u64..).map(move |turn| {
        let (question, answer) = (2 * turn + 1, 2 * turn + 2);
        let parent = (turn > 0).then_some(2 * turn);
        let mut text = random.text();
        if random.below(3) == 0 {
            text = "long ".repeat(40_000 + random.below(200_000));
        }
        let mut ops = vec![
            made::user(question, parent, &text),
            made::answer(answer, Some(question)),
            TreeOp::Insert {
                node: NodeId(answer),
                ids: vec![9],
                texts: vec!["<|message|>".to_owned()],
                events: vec![made::header(Channel::Final, 0..1)],
                at_ms: 4,
            },
        ];
        let end = 1 + random.below(12);
        ops.extend((1..end).map(|index| made::token(answer, index, &random.text())));
        ops.push(made::finish(answer, TurnOutcome::Interrupted, end));
        ops
    })
}

#[test]
#[ignore = "run by a test in another process"]
fn appends() {
    let Some((folder, seed)) = child::task() else {
        return;
    };
    let mut file = SessionFile::create(&folder.join(NAME), &Tree::default(), 7).unwrap();
    child::acknowledge(0);
    for (index, op) in conversation(seed).flatten().enumerate() {
        file.append(&[op]).unwrap();
        child::acknowledge(index + 1);
    }
}

#[test]
#[ignore = "run by a test in another process"]
fn writes_in_the_background() {
    let Some((folder, seed)) = child::task() else {
        return;
    };
    let mut random = Random(seed + 1);
    let mut conversation = conversation(seed);
    let mut file = SessionFile::create(&folder.join(NAME), &Tree::default(), 7).unwrap();
    child::acknowledge(0);
    let mut written = 0;
    loop {
        let writer = SessionWriter::start(file, |event| unreachable!("{event:?}")).unwrap();
        for turn in conversation.by_ref().take(1 + random.below(3)) {
            written += turn.len();
            for op in turn {
                writer.write(vec![op]);
            }
        }
        // It ends when all is written.
        drop(writer);
        child::acknowledge(written);
        let (opened, again) = SessionFile::open(&folder.join(NAME)).unwrap();
        assert_eq!(opened.damage, None);
        file = again.unwrap();
    }
}

/// What a killed program left, seen by the next one.
fn check(path: &Path, seed: u64, acknowledged: &[String]) -> bool {
    let Some(written) = acknowledged.last() else {
        // It died in its first line.
        return false;
    };
    let written: usize = written.parse().unwrap();
    let (opened, file) = SessionFile::open(path).unwrap();
    let is_torn = opened.damage.is_some();
    if let Some(damage) = opened.damage {
        assert!(damage.is_torn, "seed {seed}: {damage}");
        assert!(damage.kept_as.is_some(), "seed {seed}: {damage}");
    }
    assert!(
        is_prefix(&opened.tree, seed, written),
        "seed {seed}: not the first {written} operations or more"
    );
    // And it goes on.
    let next = opened.tree.next_id().0;
    file.unwrap()
        .append(&[made::user(next, None, "after it")])
        .unwrap();
    let (again, _) = SessionFile::open(path).unwrap();
    assert_eq!(again.damage, None, "seed {seed}");
    assert_eq!(again.tree.len(), opened.tree.len() + 1, "seed {seed}");
    is_torn
}

/// Whether a tree holds a conversation's first operations, `least` or more of them.
fn is_prefix(found: &Tree, seed: u64, least: usize) -> bool {
    let mut tree = Tree::default();
    for (count, op) in conversation(seed).flatten().enumerate() {
        if count >= least && made::interrupted(tree.clone()) == *found {
            return true;
        }
        if tree.len() > found.len() {
            break;
        }
        tree.apply(&op).unwrap();
    }
    false
}

fn kill_all(test: &str, count: u64) {
    let _alone = runs::alone();
    let (mut kills, mut torn, mut acknowledged) = (0, 0, 0);
    for seed in runs::seeds("GPTOSS_KILLS", count) {
        let folder = runs::scratch();
        let said = child::run_and_kill(test, folder.path(), seed);
        torn += u32::from(check(&folder.path().join(NAME), seed, &said));
        acknowledged += said.len();
        kills += 1;
    }
    println!("{test}: {kills} kills, {acknowledged} acknowledgements, {torn} torn last lines");
    assert!(acknowledged > 0, "nothing was ever written");
}

#[test]
fn what_was_appended_outlives_a_kill() {
    kill_all("kill_sessions::appends", 15);
}

#[test]
fn what_a_writer_had_written_outlives_a_kill() {
    kill_all("kill_sessions::writes_in_the_background", 10);
}
