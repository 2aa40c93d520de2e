//! Behaviours of [`Tokenizer`] over both kinds of vocabulary.

use std::path::Path;

use super::*;

const DEMO: &[u8] = include_bytes!("../../assets/demo-model/tokenizer.json");

fn both() -> [Tokenizer; 2] {
    [
        Tokenizer::from_tokenizer_json(DEMO).unwrap(),
        Tokenizer::o200k_harmony().unwrap(),
    ]
}

/// The demo tokenizer's JSON with one change.
fn changed(pointer: &str, value: serde_json::Value) -> Result<Tokenizer, TokenizerError> {
    let mut json: serde_json::Value = serde_json::from_slice(DEMO).unwrap();
    *json
        .pointer_mut(pointer)
        .expect("the demo tokenizer has this field") = value;
    Tokenizer::from_tokenizer_json(json.to_string().as_bytes())
}

#[test]
fn decoding_gives_the_text_back() {
    let texts = [
        "",
        " ",
        "a",
        "Hello, world!",
        "  two  spaces\n\n\ttab \r\n",
        "naïve café 你好 🙂👩‍👩‍👧",
        "I'm WE'LL don't",
        "12345 67 3.14",
        "a\u{0}b\u{7f}\u{85}\u{2028}\u{FEFF}",
        "fn main() { println!(\"x\"); }//\n",
    ];
    for tokenizer in both() {
        for text in texts {
            let ids = tokenizer.encode_ordinary(text);
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}

#[test]
fn no_special_name_in_a_text_becomes_special() {
    for tokenizer in both() {
        let names: Vec<String> = tokenizer
            .special_tokens()
            .map(|(_, name)| name.to_owned())
            .collect();
        assert!(names.len() >= 20);
        for name in names {
            for text in [
                name.clone(),
                format!("a{name}b"),
                format!(" {name}{name}\n"),
            ] {
                let ids = tokenizer.encode_ordinary(&text);
                assert!(!ids.iter().any(|&id| tokenizer.is_special(id)), "{text}");
                assert_eq!(tokenizer.decode(&ids), text);
            }
        }
    }
}

#[test]
fn added_tokens_are_never_matched_even_if_the_merges_skip_splitting() {
    // With the whole text as one piece and merges ignored, a vocabulary entry equal to the text
    // would be taken as it is; the special names must not be among those entries.
    let mut json: serde_json::Value = serde_json::from_slice(DEMO).unwrap();
    json["model"]["ignore_merges"] = true.into();
    json["model"]["vocab"]["<|end|>"] = 3060.into();
    json["pre_tokenizer"] =
        serde_json::json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
    let tokenizer = Tokenizer::from_tokenizer_json(json.to_string().as_bytes()).unwrap();
    let ids = tokenizer.encode_ordinary("<|end|>");
    assert!(ids.len() > 1 && !ids.contains(&3060), "{ids:?}");
}

#[test]
fn control_tokens_have_their_ids() {
    let expected = [
        200_006, 200_007, 200_008, 200_005, 200_003, 200_002, 200_012, 199_999, 199_998,
    ];
    let [demo, o200k] = both();
    for (token, id) in SpecialToken::ALL.into_iter().zip(expected) {
        assert_eq!(o200k.special(token), Some(id));
        assert_eq!(demo.special(token), Some(id - 199_998 + 3051));
        assert_eq!(o200k.special_name(id), Some(token.name()));
        assert_eq!(o200k.special_by_name(token.name()), Some(id));
    }
    assert_eq!((demo.vocab_size(), o200k.vocab_size()), (3072, 201_088));
    assert_eq!(o200k.special_name(17), None);
    assert_eq!(o200k.special_by_name("Hello"), None);
}

#[test]
fn bytes_are_exact_and_unknown_ids_add_nothing() {
    for tokenizer in both() {
        let end = tokenizer.special(SpecialToken::End).unwrap();
        let mut ids = tokenizer.encode_ordinary("é👩");
        ids.extend([end, u32::MAX]);
        assert_eq!(
            tokenizer.decode_bytes(&ids, SpecialText::Omit),
            "é👩".as_bytes()
        );
        assert_eq!(
            tokenizer.decode_bytes(&ids, SpecialText::Spell),
            "é👩<|end|>".as_bytes()
        );
        assert_eq!(tokenizer.token_bytes(u32::MAX), None);
        assert!(!tokenizer.is_special(u32::MAX));
    }
}

#[test]
fn every_single_byte_is_a_token_of_the_demo_vocabulary() {
    let demo = Tokenizer::from_tokenizer_json(DEMO).unwrap();
    for byte in 0..=u8::MAX {
        let found = (0..demo.vocab_size() as u32).any(|id| demo.token_bytes(id) == Some(&[byte]));
        assert!(found, "{byte:#04x}");
    }
}

#[test]
fn a_directory_without_a_tokenizer_gets_the_embedded_vocabulary() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        Tokenizer::from_dir(dir.path()).unwrap().vocab_size(),
        201_088
    );
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo-model");
    assert_eq!(Tokenizer::from_dir(demo).unwrap().vocab_size(), 3072);
    std::fs::create_dir(dir.path().join("tokenizer.json")).unwrap();
    assert!(matches!(
        Tokenizer::from_dir(dir.path()),
        Err(TokenizerError::Read { .. })
    ));
}

#[test]
fn every_truncation_is_an_error() {
    for length in (0..DEMO.len() - 2).step_by(397) {
        let result = Tokenizer::from_tokenizer_json(&DEMO[..length]);
        assert!(
            matches!(result, Err(TokenizerError::Json { .. })),
            "{length}"
        );
    }
}

#[test]
fn a_short_vocabulary_may_keep_the_ids_of_o200k() {
    let tokenizer = changed("/added_tokens/0/id", serde_json::json!(200_018)).unwrap();
    assert_eq!(tokenizer.vocab_size(), 200_019);
}

#[test]
fn hostile_files_are_refused_with_the_field_named() {
    let cases = [
        ("/model/type", serde_json::json!("Unigram"), "model.type"),
        (
            "/model/vocab/!",
            serde_json::json!(4_294_967_295_u32),
            "4294967295",
        ),
        // One number in 79 KB must not ask for 60 MB of tables.
        ("/model/vocab/!", serde_json::json!(2_551_545), "2551545"),
        (
            "/added_tokens/0/id",
            serde_json::json!(2_551_545),
            "2551545",
        ),
        ("/model/vocab/!", serde_json::json!(1), "given twice"),
        (
            "/model/merges",
            serde_json::json!([["zzzz", "yyyy"]]),
            "model.merges",
        ),
        (
            "/model/merges",
            serde_json::json!(["nospace"]),
            "model.merges[0]",
        ),
        (
            "/model/continuing_subword_prefix",
            serde_json::json!("##"),
            "continuing_subword_prefix",
        ),
        (
            "/model/end_of_word_suffix",
            serde_json::json!("</w>"),
            "end_of_word_suffix",
        ),
        (
            "/model/byte_fallback",
            serde_json::json!(true),
            "byte_fallback",
        ),
        ("/model/dropout", serde_json::json!(0.5), "dropout"),
        (
            "/model/vocab",
            serde_json::json!({}),
            "no token for the single byte",
        ),
        (
            "/normalizer",
            serde_json::json!({"type": "NFC"}),
            "normalizer",
        ),
        ("/pre_tokenizer", serde_json::json!(null), "pre_tokenizer"),
        (
            "/pre_tokenizer",
            serde_json::json!({"type": "Whitespace"}),
            "pre_tokenizer.type",
        ),
        (
            "/pre_tokenizer",
            serde_json::json!({"type": "ByteLevel", "add_prefix_space": true}),
            "add_prefix_space",
        ),
        (
            "/pre_tokenizer/pretokenizers/0/behavior",
            serde_json::json!("Removed"),
            "behavior",
        ),
        (
            "/pre_tokenizer/pretokenizers/0/pattern",
            serde_json::json!({"Regex": "(("}),
            "pattern",
        ),
        (
            "/pre_tokenizer/pretokenizers/0/pattern",
            serde_json::json!({"Regex": "(".repeat(100_000)}),
            "pattern",
        ),
        (
            "/added_tokens/0/content",
            serde_json::json!("<|end|>"),
            "given twice",
        ),
        ("/added_tokens/0/content", serde_json::json!(""), "no name"),
        ("/added_tokens/0/id", serde_json::json!(5), "given twice"),
        ("/added_tokens/0/id", serde_json::json!(300_000), "is above"),
    ];
    for (pointer, value, named) in cases {
        let shown = value.to_string();
        let error = changed(pointer, value).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(named), "{pointer} = {shown:.60}: {error}");
    }
}

#[test]
fn nesting_and_garbage_are_errors() {
    let deep = format!(r#"{{"normalizer": {}}}"#, "[".repeat(200_000));
    let cases: [&[u8]; 5] = [b"", b"\xFF\xFE", b"[]", b"{\"model\": 3}", deep.as_bytes()];
    for json in cases {
        assert!(Tokenizer::from_tokenizer_json(json).is_err());
    }
}

#[test]
fn the_legacy_spelling_of_merges_gives_the_same_tokens() {
    let mut json: serde_json::Value = serde_json::from_slice(DEMO).unwrap();
    let merges = json["model"]["merges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|merge| match merge {
            serde_json::Value::Array(pair) => {
                let part = |index: usize| pair[index].as_str().unwrap().to_owned();
                serde_json::Value::from(part(0) + " " + &part(1))
            }
            joined => {
                let (left, right) = joined.as_str().unwrap().split_once(' ').unwrap();
                serde_json::json!([left, right])
            }
        });
    json["model"]["merges"] = merges.collect();
    let other = Tokenizer::from_tokenizer_json(json.to_string().as_bytes()).unwrap();
    let text = "The quick brown fox says: 48 + 75 = 123.";
    assert_eq!(other.encode_ordinary(text), both()[0].encode_ordinary(text));
}

#[test]
fn long_runs_without_a_break_are_encoded() {
    // The first three lengths are beyond what the regular expression engine takes in one run.
    let runs = [
        (" ", 1_100_000),
        (" \n", 600_000),
        ("\u{3000}", 1_100_000),
        ("a", 100_000),
        ("\n", 100_000),
        ("!", 100_000),
        ("1", 100_000),
        ("é", 100_000),
        ("'", 100_000),
    ];
    for tokenizer in both() {
        for (run, count) in runs {
            let text = run.repeat(count) + "x";
            let ids = tokenizer.encode_ordinary(&text);
            assert!(tokenizer.decode(&ids) == text, "{run:?}");
        }
    }
}

#[test]
fn any_valid_expression_keeps_the_text() {
    let text = "aa b\n<|end|> é  x";
    for pattern in ["", "(?=a)", "a*?", "x", "(a|aa)+$", "\\s+(?!\\S)", "."] {
        for behavior in [
            "Isolated",
            "MergedWithPrevious",
            "MergedWithNext",
            "Contiguous",
        ] {
            for invert in [false, true] {
                let split = serde_json::json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert});
                let tokenizer = changed("/pre_tokenizer/pretokenizers/0", split).unwrap();
                let ids = tokenizer.encode_ordinary(text);
                assert_eq!(
                    tokenizer.decode(&ids),
                    text,
                    "{pattern} {behavior} {invert}"
                );
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_never_panic(
        at in 0..DEMO.len(),
        piece in proptest::prelude::prop_oneof!["[0-9]{1,10}", "[\\[\\]{}:,\"]{1,3}", "\\PC{1,3}"],
    ) {
        let mut json = DEMO.to_vec();
        let end = DEMO.len().min(at + piece.len());
        json.splice(at..end, piece.bytes());
        if let Ok(tokenizer) = Tokenizer::from_tokenizer_json(&json) {
            let text = "Hello <|end|>, 48 + 75 = 你好!\n";
            let ids = tokenizer.encode_ordinary(text);
            proptest::prop_assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}
