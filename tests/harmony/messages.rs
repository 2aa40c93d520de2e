//! Files of messages: what is understood, and what is refused by name.

use gptoss::harmony::{Channel, Conversation, MessagesError, ReasoningEffort, Role};

fn read(json: &str) -> Conversation {
    Conversation::from_json(json).unwrap()
}

#[test]
fn a_plain_chat_is_understood() {
    let chat = read(
        r#"[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "thinking": "A greeting.", "content": "Hello!"},
            {"role": "assistant", "recipient": "functions.now", "content": "{}"},
            {"role": "tool", "name": "functions.now", "content": "12:00"},
            {"role": "system", "content": "Be long."}]"#,
    );
    assert_eq!(chat.system, None);
    assert_eq!(
        chat.developer.unwrap().instructions.as_deref(),
        Some("Be brief.")
    );
    let seen: Vec<_> = chat
        .messages
        .iter()
        .map(|m| (m.header.role, m.header.channel.clone(), m.text.as_str()))
        .collect();
    let expected = [
        (Role::User, None, "Hi"),
        (Role::Assistant, Some(Channel::Analysis), "A greeting."),
        (Role::Assistant, Some(Channel::Final), "Hello!"),
        (Role::Assistant, Some(Channel::Commentary), "{}"),
        (Role::Tool, Some(Channel::Commentary), "12:00"),
        (Role::Developer, None, "# Instructions\n\nBe long."),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        chat.messages[4].header.recipient.as_deref(),
        Some("assistant")
    );
}

#[test]
fn settings_beside_the_messages_are_understood() {
    let chat = read(
        r#"{"effort": "High", "date": "2026-01-31", "identity": "You are Pip.", "instructions": "Rhyme.",
            "tools": [{"name": "a", "description": "A."}, {"type": "function", "function": {"name": "b", "parameters": {"type": "object"}}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "!"}]}]}"#,
    );
    let system = chat.system.unwrap();
    assert_eq!(system.effort, Some(ReasoningEffort::High));
    assert_eq!(system.current_date.as_deref(), Some("2026-01-31"));
    assert_eq!(system.identity, "You are Pip.");
    assert_eq!(system.knowledge_cutoff.as_deref(), Some("2024-06"));
    let developer = chat.developer.unwrap();
    assert_eq!(developer.instructions.as_deref(), Some("Rhyme."));
    assert_eq!(
        developer
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(chat.messages[0].text, "Hi!");
}

#[test]
fn a_conversation_survives_its_own_json() {
    let chat = read(
        r#"{"effort": "low", "messages": [{"role": "user", "name": "bob", "content": "x"}, {"role": "assistant", "channel": "musing", "content": "y"}]}"#,
    );
    let json = serde_json::to_string(&chat).unwrap();
    assert_eq!(serde_json::from_str::<Conversation>(&json).unwrap(), chat);
}

#[test]
fn errors_name_the_message_and_the_field() {
    let cases = [
        ("7", "the file"),
        ("{}", "messages: expected a list"),
        (r#"{"messages": 3}"#, "messages: expected a list, found 3"),
        ("[1]", "messages[0]: expected an object"),
        (r#"[{"content": "x"}]"#, "messages[0].role: expected system"),
        (
            r#"[{"role": "user", "content": "x"}, {"role": "robot", "content": "x"}]"#,
            "messages[1].role",
        ),
        (r#"[{"role": "user"}]"#, "messages[0].content"),
        (
            r#"[{"role": "user", "content": null}]"#,
            "messages[0].content",
        ),
        (
            r#"[{"role": "user", "content": [{"type": "image"}]}]"#,
            "messages[0].content[0]",
        ),
        (
            r#"[{"role": "user", "content": [{"type": "text"}]}]"#,
            "messages[0].content[0].text",
        ),
        (
            r#"[{"role": "user", "content": "x", "tool_calls": []}]"#,
            "messages[0].tool_calls: expected only known fields",
        ),
        (
            r#"[{"role": "user", "name": "a b", "content": "x"}]"#,
            "messages[0].name",
        ),
        (
            r#"[{"role": "assistant", "channel": "", "content": "x"}]"#,
            "messages[0].channel",
        ),
        (
            r#"[{"role": "assistant", "recipient": 3, "content": "x"}]"#,
            "messages[0].recipient",
        ),
        (
            r#"[{"role": "tool", "content": "x"}]"#,
            "messages[0].name: expected the tool's name",
        ),
        (
            r#"{"messages": [], "effort": "maximal"}"#,
            "effort: expected low, medium or high",
        ),
        (r#"{"messages": [], "date": 2026}"#, "date"),
        (
            r#"{"messages": [], "tools": [{"description": "x"}]}"#,
            "tools[0].name",
        ),
        (
            r#"{"messages": [], "tools": [{"name": "x", "parameters": 3}]}"#,
            "tools[0].parameters",
        ),
        (
            r#"{"messages": [{"role": "system", "content": "a"}], "instructions": "b"}"#,
            "instructions: expected it once",
        ),
        (r#"{"messages": [], "temperature": 1}"#, "temperature"),
        (
            r#"[{"role": "user", "content": "x"}, {"role": "system", "content": [{"type": "system_content"}]}]"#,
            "messages[1].content: expected framing content once",
        ),
        (
            r#"[{"role": "system", "content": [{"type": "system_content", "reasoning_effort": "x"}]}]"#,
            "messages[0].content[0].reasoning_effort",
        ),
        (
            r#"[{"role": "developer", "content": [{"type": "developer_content", "tools": {}}]}]"#,
            "messages[0].content[0].tools.functions.tools",
        ),
    ];
    for (json, named) in cases {
        let error = Conversation::from_json(json).unwrap_err();
        assert!(matches!(error, MessagesError::Field { .. }));
        assert!(error.to_string().starts_with(named), "{json}: {error}");
    }
}

#[test]
fn what_is_not_json_is_an_error() {
    for json in ["", "[", "{\"messages\": [}", &"[".repeat(100_000), "\u{0}"] {
        assert!(matches!(
            Conversation::from_json(json),
            Err(MessagesError::Json { .. })
        ));
    }
}
