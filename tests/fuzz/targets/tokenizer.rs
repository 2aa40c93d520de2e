//! A `tokenizer.json`: no text gets lost in a vocabulary that was taken, and none becomes special.
//!
//! `"@bytes":0` in the input stands for the 256 entries that every byte-level vocabulary needs, so
//! that an input is short.

use std::fmt::Write;

use gptoss::harmony::Renderer;
use gptoss::tokenizer::{SpecialText, Tokenizer};

use super::text::lossy;

const BYTES: &[u8] = b"\"@bytes\":0";
/// More than the entries that stand for [`BYTES`] take.
const EXPANDED_BYTES: usize = 4 << 10;
const TEXTS: [&str; 5] = [
    "",
    "Hello, world 123  \n\n\tx",
    "<|start|>system<|end|> <|endoftext|>",
    "\u{1b}[31m\u{0} \u{202e}é👩‍👩‍👧",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
];

pub fn tokenizer(data: &[u8]) {
    let Ok(tokenizer) = Tokenizer::from_tokenizer_json(&expanded(data)) else {
        return;
    };
    // One more than the highest id.
    let most = (1 << 18).max(data.len() + EXPANDED_BYTES) + 1;
    assert!(tokenizer.vocab_size() <= most, "tables as the file is");
    let own = lossy(data, 256);
    for text in TEXTS.into_iter().chain([own.as_str()]) {
        let ids = tokenizer.encode_ordinary(text);
        assert!(
            ids.iter()
                .all(|&id| !tokenizer.is_special(id) && (id as usize) < tokenizer.vocab_size())
        );
        let bytes = tokenizer.decode_bytes(&ids, SpecialText::Omit);
        assert_eq!(bytes, text.as_bytes(), "{text:?} comes back");
    }
    for (id, name) in tokenizer.special_tokens() {
        assert_eq!(tokenizer.special_by_name(name), Some(id));
        assert_eq!(tokenizer.token_bytes(id), Some(name.as_bytes()));
    }
    for id in [tokenizer.vocab_size() as u32, u32::MAX] {
        assert_eq!(tokenizer.token_bytes(id), None);
    }
    // Harmony takes it or says what it lacks.
    let _ = Renderer::new(&tokenizer);
}

fn expanded(data: &[u8]) -> Vec<u8> {
    let Some(at) = data.windows(BYTES.len()).position(|window| window == BYTES) else {
        return data.to_vec();
    };
    let mut entries = String::new();
    let printable = |code: &u32| matches!(code, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let stand_ins = 0x100..0x100 + 256 - (0..=255).filter(printable).count() as u32;
    for (id, code) in (0..=255).filter(printable).chain(stand_ins).enumerate() {
        let character = char::from_u32(code).unwrap().to_string();
        let comma = if id == 0 { "" } else { "," };
        write!(
            entries,
            "{comma}{}:{id}",
            serde_json::to_string(&character).unwrap()
        )
        .unwrap();
    }
    [&data[..at], entries.as_bytes(), &data[at + BYTES.len()..]].concat()
}
