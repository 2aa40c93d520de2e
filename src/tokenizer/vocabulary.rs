//! The table from token ids to bytes and names, the same for every kind of tokenizer.
//!
//! Bytes lie in one arena; an id that the vocabulary leaves out has no entry.

use std::collections::HashMap;
use std::ops::Range;

use super::SpecialToken;

/// Ids to bytes, special names to ids.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    arena: Vec<u8>,
    entries: Vec<Option<Entry>>,
    by_name: HashMap<String, u32>,
    specials: [Option<u32>; SpecialToken::ALL.len()],
}

#[derive(Debug, Clone)]
struct Entry {
    bytes: Range<usize>,
    is_special: bool,
}

impl Vocabulary {
    /// Adds an ordinary token; `false` if the id is taken.
    pub(super) fn add_ordinary(&mut self, id: u32, bytes: &[u8]) -> bool {
        self.add(id, bytes, false)
    }

    /// Adds a special token under its name; `false` if the id or the name is taken.
    pub(super) fn add_special(&mut self, id: u32, name: &str) -> bool {
        if self.by_name.contains_key(name) || !self.add(id, name.as_bytes(), true) {
            return false;
        }
        self.by_name.insert(name.to_owned(), id);
        for (slot, token) in self.specials.iter_mut().zip(SpecialToken::ALL) {
            if token.name() == name {
                *slot = Some(id);
            }
        }
        true
    }

    fn add(&mut self, id: u32, bytes: &[u8], is_special: bool) -> bool {
        let index = id as usize;
        if index >= self.entries.len() {
            self.entries.resize(index + 1, None);
        }
        let Some(entry) = self.entries.get_mut(index) else {
            return false;
        };
        if entry.is_some() {
            return false;
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        *entry = Some(Entry {
            bytes: start..self.arena.len(),
            is_special,
        });
        true
    }

    /// One more than the highest id.
    pub(super) fn size(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn special(&self, token: SpecialToken) -> Option<u32> {
        // The array is in the order of the variants, which is the order of `ALL`.
        self.specials[token as usize]
    }

    pub(super) fn special_by_name(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(super) fn special_name(&self, id: u32) -> Option<&str> {
        let entry = self.entry(id).filter(|entry| entry.is_special)?;
        std::str::from_utf8(&self.arena[entry.bytes.clone()]).ok()
    }

    pub(super) fn bytes(&self, id: u32) -> Option<&[u8]> {
        Some(&self.arena[self.entry(id)?.bytes.clone()])
    }

    pub(super) fn is_special(&self, id: u32) -> bool {
        self.entry(id).is_some_and(|entry| entry.is_special)
    }

    /// Special names with their ids, by id.
    pub(super) fn special_tokens(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..self.entries.len() as u32).filter_map(|id| Some((id, self.special_name(id)?)))
    }

    fn entry(&self, id: u32) -> Option<&Entry> {
        self.entries.get(id as usize)?.as_ref()
    }
}
