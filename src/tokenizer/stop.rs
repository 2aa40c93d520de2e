//! Stop strings found in streamed text.

use super::StopStringsError;

/// Watches text for stop strings and holds back what may still become one.
///
/// The string that is complete first wins; of several that end together, the longest. That
/// makes the result independent of how the text is cut into pushes. Work is linear in the text
/// for each stop string.
///
/// ```
/// use gptoss::tokenizer::StopStrings;
///
/// let mut stops = StopStrings::new(["\nUser:".to_owned()])?;
/// assert_eq!(stops.push("Hi\nUs").text, "Hi");
/// let step = stops.push("er: more");
/// assert_eq!(step.matched.as_deref(), Some("\nUser:"));
/// assert_eq!(step.text, "");
/// # Ok::<(), gptoss::tokenizer::StopStringsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct StopStrings {
    stops: Vec<Stop>,
    /// Text not yet given out; it ends with the longest partial match.
    held: String,
    matched: Option<usize>,
}

/// What one push releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopStep {
    /// Text that no stop string can reach any more.
    pub text: String,
    /// The stop string that ended the stream, if any; it is not part of `text`.
    pub matched: Option<String>,
}

impl StopStrings {
    /// A watcher for the given strings; with none, all text passes.
    ///
    /// *Errors:* [`StopStringsError::Empty`].
    pub fn new(stops: impl IntoIterator<Item = String>) -> Result<Self, StopStringsError> {
        let stops = stops
            .into_iter()
            .enumerate()
            .map(|(index, text)| {
                if text.is_empty() {
                    return Err(StopStringsError::Empty { index });
                }
                Ok(Stop::new(text))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            stops,
            ..Self::default()
        })
    }

    /// Adds text; after a match everything further is dropped and the match is told again.
    pub fn push(&mut self, text: &str) -> StopStep {
        if self.matched.is_some() {
            return self.step(String::new());
        }
        let held_bytes = self.held.len();
        self.held.push_str(text);
        for (offset, &byte) in text.as_bytes().iter().enumerate() {
            self.matched = self.advance(byte);
            if let Some(index) = self.matched {
                let end = held_bytes + offset + 1;
                // Both ends are character boundaries: UTF-8 matches only whole characters.
                let released = self.held[..end - self.stops[index].text.len()].to_owned();
                self.held.clear();
                return self.step(released);
            }
        }
        let partial = self
            .stops
            .iter()
            .map(|stop| stop.progress)
            .max()
            .unwrap_or(0);
        let tail = self.held.split_off(self.held.len() - partial);
        let released = std::mem::replace(&mut self.held, tail);
        self.step(released)
    }

    /// Releases what is held, since nothing can complete it any more, and starts afresh.
    pub fn finish(&mut self) -> String {
        self.matched = None;
        for stop in &mut self.stops {
            stop.progress = 0;
        }
        std::mem::take(&mut self.held)
    }

    /// Feeds one byte to every stop string; the longest one that it completes.
    fn advance(&mut self, byte: u8) -> Option<usize> {
        let mut longest: Option<usize> = None;
        for index in 0..self.stops.len() {
            let complete = self.stops[index].advance(byte);
            let length = self.stops[index].text.len();
            if complete && longest.is_none_or(|other| length > self.stops[other].text.len()) {
                longest = Some(index);
            }
        }
        longest
    }

    fn step(&self, text: String) -> StopStep {
        let matched = self.matched.map(|index| self.stops[index].text.clone());
        StopStep { text, matched }
    }
}

/// One stop string as a Knuth–Morris–Pratt automaton over bytes.
#[derive(Debug, Clone)]
struct Stop {
    text: String,
    /// `fallback[n]`: the longest proper border of the first `n + 1` bytes.
    fallback: Vec<usize>,
    /// How many bytes of `text` the stream ends with.
    progress: usize,
}

impl Stop {
    fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let mut fallback = vec![0; bytes.len()];
        let mut border = 0;
        for end in 1..bytes.len() {
            while border > 0 && bytes[border] != bytes[end] {
                border = fallback[border - 1];
            }
            border += usize::from(bytes[border] == bytes[end]);
            fallback[end] = border;
        }
        Self {
            text,
            fallback,
            progress: 0,
        }
    }

    /// Takes the next byte; whether the string is complete with it.
    fn advance(&mut self, byte: u8) -> bool {
        let bytes = self.text.as_bytes();
        while self.progress > 0 && bytes[self.progress] != byte {
            self.progress = self.fallback[self.progress - 1];
        }
        self.progress += usize::from(bytes[self.progress] == byte);
        self.progress == bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the text in pieces of `size` characters.
    fn run(stops: &[&str], text: &str, size: usize) -> (String, Option<String>) {
        let mut watcher = StopStrings::new(stops.iter().map(ToString::to_string)).unwrap();
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        for piece in chars.chunks(size) {
            let step = watcher.push(&piece.iter().collect::<String>());
            out += &step.text;
            if step.matched.is_some() {
                return (out, step.matched);
            }
        }
        (out + &watcher.finish(), None)
    }

    #[test]
    fn matches_are_cut_off_however_the_text_comes() {
        let cases: [(&[&str], &str, &str, Option<&str>); 10] = [
            (&[], "all passes", "all passes", None),
            (&["END"], "no stop here EN", "no stop here EN", None),
            (&["END"], "a END b", "a ", Some("END")),
            (&["aab"], "aaaab", "aa", Some("aab")),
            (&["abab", "bc"], "ababc", "", Some("abab")),
            (&["abcd", "bc"], "abcd", "a", Some("bc")),
            (&["c", "abc"], "xabc", "x", Some("abc")),
            (&["好吗"], "你好好吗?", "你好", Some("好吗")),
            (&["👩‍👧"], "x👩‍👩‍👧y", "x👩\u{200D}", Some("👩‍👧")),
            (&["é"], "caf\u{e9}", "caf", Some("é")),
        ];
        for (stops, text, expected, matched) in cases {
            for size in 1..=6 {
                let found = run(stops, text, size);
                assert_eq!(
                    (found.0.as_str(), found.1.as_deref()),
                    (expected, matched),
                    "{stops:?} in {text} by {size}"
                );
            }
        }
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let mut stops = StopStrings::new(["\n\nQ:".to_owned()]).unwrap();
        assert_eq!(stops.push("one\n").text, "one");
        assert_eq!(stops.push("two").text, "\ntwo");
        assert_eq!(stops.push("\n\n\n").text, "\n");
        assert_eq!(stops.finish(), "\n\n");
    }

    #[test]
    fn nothing_passes_after_a_match() {
        let mut stops = StopStrings::new(["x".to_owned()]).unwrap();
        assert_eq!(stops.push("axb").text, "a");
        let again = stops.push("more");
        assert_eq!(
            (again.text.as_str(), again.matched.as_deref()),
            ("", Some("x"))
        );
    }

    #[test]
    fn an_empty_stop_string_is_refused() {
        let error = StopStrings::new(["a".to_owned(), String::new()]).unwrap_err();
        assert_eq!(error, StopStringsError::Empty { index: 1 });
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_a_search_of_the_whole(
            text in "[abé]{0,30}",
            stops in proptest::collection::vec("[abé]{1,4}", 0..4),
            size in 1..5_usize,
        ) {
            let refs: Vec<&str> = stops.iter().map(String::as_str).collect();
            let first = refs.iter().filter_map(|stop| text.find(stop).map(|at| (at + stop.len(), at))).min();
            let expected = first.map_or(text.as_str(), |(_, at)| &text[..at]);
            let (out, matched) = run(&refs, &text, size);
            proptest::prop_assert_eq!(out, expected);
            proptest::prop_assert_eq!(matched.is_some(), first.is_some());
        }
    }
}
