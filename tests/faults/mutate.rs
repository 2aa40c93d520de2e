//! Damage to a file's bytes, by seed.

use super::made::Random;

/// Numbers that a length, a size or an offset may be replaced with.
pub(crate) const LIES: [u64; 10] = [
    0,
    1,
    0x7f,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    u64::MAX - 7,
    u64::MAX,
];

/// Words that parsers of text stumble over.
const WORDS: [&str; 16] = [
    "null",
    "-1",
    "1e999",
    "0.5",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[",
    "{\"a\":",
    "\\ud800",
    "\"",
    "\\",
    "\n",
    "\u{1b}[2J",
    "\u{202e}",
    "99999999999999999999",
];

/// Damages `bytes` in one to four places, most of them in the first `head` bytes, where a file says
/// what it is.
pub(crate) fn mutate(random: &mut Random, bytes: &mut Vec<u8>, head: usize) {
    for _ in 0..=random.below(4) {
        mutate_once(random, bytes, head);
    }
}

fn mutate_once(random: &mut Random, bytes: &mut Vec<u8>, head: usize) {
    if bytes.is_empty() {
        return;
    }
    let reach = if random.below(4) > 0 {
        head
    } else {
        bytes.len()
    };
    let at = random.below(reach.min(bytes.len()));
    let end = (at + 1 + random.below(64)).min(bytes.len());
    match random.below(10) {
        0..=2 => bytes[at] ^= 1 << random.below(8),
        3 => bytes[at] = random.next() as u8,
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let copy = bytes[at..end].to_vec();
            let place = random.below(reach.min(bytes.len()));
            drop(bytes.splice(place..place, copy));
        }
        7 => {
            // A number in binary, as in a length field.
            let lie = LIES[random.below(LIES.len())].to_le_bytes();
            let width = [4, 8][random.below(2)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&lie[..width]);
        }
        8 => replace_number(random, bytes, at),
        _ => {
            let word = WORDS[random.below(WORDS.len())].bytes();
            drop(bytes.splice(at..(at + random.below(4)).min(bytes.len()), word));
        }
    }
}

/// Replaces the next number in digits: a shape, an offset, an id.
fn replace_number(random: &mut Random, bytes: &mut Vec<u8>, from: usize) {
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let digits = bytes[start..].iter().take_while(|b| b.is_ascii_digit());
    let end = start + digits.count();
    let lie = LIES[random.below(LIES.len())].to_string();
    drop(bytes.splice(start..end, lie.into_bytes()));
}
