//! Harmony against the reference's renderings and parses, and against streams that no model
//! should produce.

#![expect(
    clippy::unwrap_used,
    reason = "in a test's helpers, too, an unwrap is a failed test"
)]

mod messages;
mod parses;
mod random;
mod renderings;
mod scale;
mod tolerance;

use std::sync::LazyLock;

use gptoss::tokenizer::Tokenizer;

/// One vocabulary for all tests, since unpacking it takes a while.
static O200K: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::o200k_harmony().expect("the embedded vocabulary is readable"));

/// Ids of a text in which control tokens are spelled out.
fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("<|") {
        let end = start + rest[start..].find("|>").expect("control tokens are closed") + 2;
        tokenizer.encode_ordinary_into(&rest[..start], &mut ids);
        ids.push(
            tokenizer
                .special_by_name(&rest[start..end])
                .expect("a control token's name"),
        );
        rest = &rest[end..];
    }
    tokenizer.encode_ordinary_into(rest, &mut ids);
    ids
}
