//! Lines with a right checksum that say something that no program of ours writes.

use std::fs;

use gptoss::session::{NodeId, SessionFile, SessionFolder, SessionId, StoreError, Tree, export};

use super::made;

fn line(json: &[u8]) -> Vec<u8> {
    let mut line = format!("{:08x} ", crc32fast::hash(json)).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

/// A file with a question and an open answer, then `hostile`, then a title.
fn file_with(hostile: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let tree = made::tree(&[made::user(1, None, "é"), made::answer(2, Some(1))]);
    drop(SessionFile::create(&path, &tree, 7).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(line(hostile));
    bytes.extend(line(br#"{"set_title":{"title":"after"}}"#));
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// A user's message as JSON.
fn user(id: &str, parent: &str) -> String {
    format!(
        r#"{{"add_node":{{"id":{id},"parent":{parent},"created_ms":1,"kind":{{"user":{{"text":"x"}}}}}}}}"#
    )
}

/// An answer as JSON, with these fields in place of its own.
fn turn(fields: &[(&str, serde_json::Value)]) -> String {
    let mut op = serde_json::to_value(made::answer(3, Some(1))).unwrap();
    let turn = &mut op["add_node"]["kind"]["assistant"];
    for (name, value) in fields {
        turn[*name] = value.clone();
    }
    op.to_string()
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn a_hostile_line_is_damage_and_what_is_before_it_stays() {
    use serde_json::json;
    let reopen = |keep: &str| {
        let settings = serde_json::to_string(&made::settings(1.0)).unwrap();
        format!(r#"{{"reopen":{{"node":2,"settings":{settings},"keep_tokens":{keep}}}}}"#)
    };
    let part = json!([{ "header": { "role": "assistant" }, "text": "é", "ending": null,
        "tokens": { "start": 0, "end": 0 }, "started_ms": 0, "ended_ms": null }]);
    let cases: Vec<(&str, String)> = vec![
        ("no JSON", "set_title".to_owned()),
        ("nothing", String::new()),
        ("null", "null".to_owned()),
        ("a list", "[]".to_owned()),
        ("no change", "{}".to_owned()),
        ("two changes", r#"{"select":{"node":1},"set_draft":{"text":""}}"#.to_owned()),
        ("two values", r#"{"select":{"node":1}} {"select":{"node":1}}"#.to_owned()),
        ("unknown change", r#"{"run_command":{"text":"x"}}"#.to_owned()),
        ("unknown field", r#"{"select":{"node":1,"also":2}}"#.to_owned()),
        ("doubled field", r#"{"select":{"node":1,"node":1}}"#.to_owned()),
        ("missing field", r#"{"select":{}}"#.to_owned()),
        ("lone surrogate", r#"{"set_title":{"title":"\ud800"}}"#.to_owned()),
        ("deep nesting", nested(200_000)),
        ("deep nesting within", format!(r#"{{"set_title":{{"title":{}}}}}"#, nested(50_000))),
        ("huge id", user("99999999999999999999999999", "1")),
        ("last id", user("18446744073709551615", "1")),
        ("far id", user("9007199254740993", "1")),
        ("negative id", user("-1", "1")),
        ("broken id", user("3.5", "1")),
        ("infinite id", user("1e999", "1")),
        ("id 0", user("0", "1")),
        ("doubled id", user("1", "null")),
        ("own parent", user("3", "3")),
        ("parent to come", user("3", "4")),
        ("huge parent", user("3", "18446744073709551615")),
        ("missing message", r#"{"select":{"node":9}}"#.to_owned()),
        ("missing start", r#"{"set_history_start":{"node":9}}"#.to_owned()),
        ("tokens of a question", r#"{"append_tokens":{"node":1,"ids":[],"texts":[],"events":[],"at_ms":0}}"#.to_owned()),
        ("huge token", r#"{"append_tokens":{"node":2,"ids":[4294967296],"texts":["x"],"events":[],"at_ms":0}}"#.to_owned()),
        ("going on with an open answer", reopen("0")),
        ("tokens cut within a letter", turn(&[("ids", json!([1, 2])), ("raw_text", json!("é")), ("token_ends", json!([1, 2]))])),
        ("tokens backwards", turn(&[("ids", json!([1, 2])), ("raw_text", json!("ab")), ("token_ends", json!([2, 1]))])),
        ("tokens beyond the text", turn(&[("ids", json!([1])), ("raw_text", json!("a")), ("token_ends", json!([5]))])),
        ("fewer tokens than ends", turn(&[("raw_text", json!("a")), ("token_ends", json!([1]))])),
        ("end within a letter", turn(&[("parts", part.clone()), ("before_end", json!({ "parts": 1, "faults": 0, "last": [1, 0, null] }))])),
        ("end of a missing part", turn(&[("parts", part.clone()), ("before_end", json!({ "parts": 2, "faults": 0, "last": [1, 0, null] }))])),
        ("end without its part", turn(&[("parts", part), ("before_end", json!({ "parts": 1, "faults": 0, "last": null }))])),
        ("end of a missing fault", turn(&[("before_end", json!({ "parts": 0, "faults": 1, "last": null }))])),
    ];
    for (what, json) in cases {
        damages(what, json.as_bytes());
    }
    damages("no UTF-8", b"{\"set_title\":{\"title\":\"\xff\xfe\"}}");
}

fn damages(what: &str, json: &[u8]) {
    let (_folder, path) = file_with(json);
    let (opened, file) = SessionFile::open(&path).unwrap();
    // The header, the framing, two messages, and which of them is shown.
    assert_eq!(opened.damage.unwrap().line, 6, "{what}");
    assert_eq!(opened.tree.len(), 2, "{what}");
    assert_eq!(opened.tree.title(), None, "{what}");
    let mut tree = opened.tree;
    let op = made::user(tree.next_id().0, Some(1), "more");
    tree.apply(&op).unwrap();
    file.unwrap().append(&[op]).unwrap();
    assert_eq!(SessionFile::open(&path).unwrap().0.tree, tree, "{what}");
}

#[test]
fn odd_lines_that_fit_do_no_harm() {
    let events = |range: &str| {
        format!(
            r#"{{"append_tokens":{{"node":2,"ids":[1,2,3],"texts":["é"],"events":[
            {{"message_started":{{"header":{{"role":"assistant"}},"tokens":{range}}}}},
            {{"text":{{"delta":"日本","tokens":{range}}}}},
            {{"fault":{{"kind":"missing_role","text":"","tokens":{range}}}}}],"at_ms":18446744073709551615}}}}"#
        )
        .replace('\n', "")
    };
    let huge = u64::MAX;
    let cases = [
        events(&format!(r#"{{"start":{huge},"end":0}}"#)),
        events(&format!(r#"{{"start":0,"end":{huge}}}"#)),
        user("3", "1").replace("\"created_ms\":1", &format!("\"created_ms\":{huge}")),
        r#"{"set_title":{"title":"../../\u0000\u001b[2J"}}"#.to_owned(),
        turn(&[("inserted", serde_json::json!([{ "start": 9, "end": 3 }]))]),
    ];
    for json in cases {
        let (_folder, path) = file_with(json.as_bytes());
        let (opened, _) = SessionFile::open(&path).unwrap();
        assert_eq!(opened.damage, None, "{json}");
        use_all(opened.tree);
    }
}

/// Everything that can be done with a tree without changing it, and going on with its answer.
fn use_all(mut tree: Tree) {
    let (json, _, _) = (
        export::json(&tree),
        export::html(&tree),
        export::markdown(&tree),
    );
    assert_eq!(export::import(&json, 0).unwrap(), tree);
    assert!(tree.search("日").len() < 9);
    tree.conversation(tree.path().last().copied());
    for keep_tokens in 0..4 {
        let (node, settings) = (NodeId(2), made::settings(1.0));
        let op = gptoss::session::TreeOp::Reopen {
            node,
            settings,
            keep_tokens,
        };
        if tree.apply(&op).is_ok() {
            tree.apply(&made::token(2, keep_tokens, "é")).unwrap();
            tree.apply(&made::finish(2, made::failed(), keep_tokens + 1))
                .unwrap();
        }
    }
    let turn = tree.turn(NodeId(2)).unwrap();
    let texts: Vec<_> = (0..9).map_while(|index| turn.token_text(index)).collect();
    assert_eq!(texts.concat(), turn.raw_text);
}

/// Whether an error is the expected one.
type Check = fn(&StoreError) -> bool;

#[test]
fn other_first_lines_are_told_apart_and_left_alone() {
    let newer = |error: &StoreError| matches!(error, StoreError::Newer { found: 2, .. });
    let other = |error: &StoreError| matches!(error, StoreError::NotASession { .. });
    let header = |format: &str, version: &str| {
        format!(r#"{{"format":"{format}","version":{version},"created_ms":1,"program":"x"}}"#)
    };
    let cases: [(String, Check); 7] = [
        (header("gptoss-session", "2"), newer),
        (header("gptoss-session", "99999999999"), other),
        (header("gptoss-session", "-1"), other),
        (header("someone-else", "1"), other),
        ("{}".to_owned(), other),
        (nested(100_000), other),
        (r#"{"select":{"node":1}}"#.to_owned(), other),
    ];
    for (json, is_expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let bytes = line(json.as_bytes());
        fs::write(&path, &bytes).unwrap();
        let error = SessionFile::open(&path).unwrap_err();
        assert!(is_expected(&error), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let listed = SessionFolder::new(folder.path()).list("");
        assert_eq!(listed[0].problem, Some(error.to_string()));
    }
}

#[test]
fn names_never_lead_out_of_the_folder() {
    let long = "x".repeat(101);
    let bad = [
        "", ".", "..", "../x", "a/b", "a\\b", "/etc/x", "x.jsonl", "a b", "a\0", "é", "c:", "~",
        "a\n", &long,
    ];
    for text in bad {
        assert_eq!(SessionId::new(text), None, "{text:?}");
        let json = serde_json::to_string(text).unwrap();
        assert!(
            serde_json::from_str::<SessionId>(&json).is_err(),
            "{text:?}"
        );
    }
    let id = SessionId::new("a-Z_09").unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<SessionId>(&json).unwrap(), id);
}

#[test]
fn what_a_session_says_names_no_file() {
    let outer = tempfile::tempdir().unwrap();
    let folder = SessionFolder::new(outer.path().join("sessions"));
    let (id, file) = folder.create(&Tree::default(), 7).unwrap();
    drop(file);
    folder.rename(&id, "../../outside").unwrap();
    folder.delete(&id, 8).unwrap();
    folder.undelete(&id).unwrap();
    let path = folder.path().join(format!("{id}.jsonl"));
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"../damage");
    fs::write(&path, bytes).unwrap();
    let kept = folder.open(&id).unwrap().0.damage.unwrap().kept_as.unwrap();
    assert_eq!(kept.parent(), Some(folder.path()));
    let names: Vec<_> = fs::read_dir(outer.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["sessions"]);
}
