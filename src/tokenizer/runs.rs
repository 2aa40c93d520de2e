//! Cuts monstrous runs of white space, which the splitting expressions cannot take whole.
//!
//! The vocabularies' expressions contain `\s+(?!\S)`. The engine that runs them remembers every
//! character of such a run and gives up after a million; one encoder then panics and the other
//! leaves the rest of the text unsplit. No text is lost by a cut, and the references have no
//! tokens to differ from: they fail on the same texts.

/// Well below the engine's limit, and far above any run in a text that someone wrote.
const MAX_RUN_CHARS: usize = 500_000;

/// The text in parts, none with a longer run of white space than the engine takes.
pub(super) fn bounded(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, remainder) = rest.split_at(cut(rest));
        rest = remainder;
        Some(part)
    })
}

/// Where the first run that is too long must end, else the text's end.
fn cut(text: &str) -> usize {
    if text.len() <= MAX_RUN_CHARS {
        return text.len();
    }
    let mut run = 0;
    for (offset, char) in text.char_indices() {
        if run == MAX_RUN_CHARS {
            return offset;
        }
        run = if char.is_whitespace() { run + 1 } else { 0 };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_monstrous_run_is_cut_and_nothing_is_lost() {
        let cases = [
            (String::new(), 0),
            ("a b".repeat(300_000), 1),
            (" ".repeat(MAX_RUN_CHARS), 1),
            (" ".repeat(MAX_RUN_CHARS) + "x", 2),
            ("\u{3000}".repeat(MAX_RUN_CHARS * 2 + 1) + "x", 3),
        ];
        for (text, parts) in cases {
            let found: Vec<&str> = bounded(&text).collect();
            assert_eq!(found.len(), parts);
            assert!(found.concat() == text);
        }
    }
}
