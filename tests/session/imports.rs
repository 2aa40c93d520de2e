//! Imports of what is no export.

use gptoss::session::export;

use super::made;

#[test]
fn bad_imports_name_the_place_and_the_reason() {
    let ops = |ops: &str| {
        format!("{{\n\"format\": \"gptoss-conversation\",\n\"version\": 1,\n\"ops\": [\n{ops}\n]}}")
    };
    let user = serde_json::to_string(&made::user(1, None, "x")).unwrap();
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["line 1", "EOF"]),
        ("no".to_owned(), &["line 1"]),
        ("{\n\n\"format\": }".to_owned(), &["line 3"]),
        ("[\n{\"role\": \"user\"}\n]".to_owned(), &["line 2", "content"]),
        ("[\n{\"role\": \"user\",\n\"content\": 5}\n]".to_owned(), &["line 3", "string"]),
        (
            "[{\"role\": \"user\", \"content\": \"a\"},\n{\"role\": \"robot\", \"content\": \"b\"}]".to_owned(),
            &["message 2", "robot", "known: system"],
        ),
        (ops("{\"explode\": {}}"), &["line 5", "explode"]),
        (ops("{\"select\": {\"node\": 1}}"), &["change 1", "message 1", "not in the conversation"]),
        (ops(&format!("{user},\n{user}")), &["change 2", "already"]),
        (ops(&format!("{user},\n{{\"select\":\n{{\"node\": -1}}}}")), &["line 7", "-1"]),
        (ops("").replace("version\": 1", "version\": 2"), &["gptoss-conversation 2", "reads gptoss-conversation 1"]),
        (ops("").replace("gptoss-conv", "other-conv"), &["other-conversation"]),
        ("[".repeat(100_000), &["line 1"]),
    ];
    for (text, expected) in cases {
        let error = export::import(&text, 1).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn a_list_of_messages_becomes_a_conversation() {
    let text = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"宇宙"},
        {"role":"assistant","content":"🌌"}]"#;
    let tree = export::import(text, 1).unwrap();
    assert_eq!(
        tree.framing().developer.instructions.as_deref(),
        Some("Be brief.")
    );
    let path = tree.path();
    assert_eq!(path.len(), 2);
    assert_eq!(tree.turn(path[1]).unwrap().final_text(), "🌌");
}
