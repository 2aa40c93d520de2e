//! Damage behind right lengths and checksums: values that parse and say something wrong.

use serde_json::Value;

use super::made::Random;
use super::mutate::{LIES, mutate};

/// How a file guards its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    /// One JSON value.
    Json,
    /// TOML.
    Toml,
    /// A header's length, JSON, data.
    Safetensors,
    /// Lines of a checksum and JSON.
    Lines,
    /// A trace's journal: a header with a checksum, chunks with theirs.
    Journal,
}

/// Bytes of a journal before its header: magic, version, length, checksum.
const JOURNAL_PREAMBLE_BYTES: usize = 20;

/// Damages a sound file's content and seals it again.
pub(crate) fn reseal(random: &mut Random, seal: Seal, bytes: &[u8]) -> Vec<u8> {
    match seal {
        Seal::Json => edited(random, bytes),
        Seal::Toml => toml_edited(random, bytes),
        Seal::Safetensors => safetensors(random, bytes),
        Seal::Lines => lines(random, bytes),
        Seal::Journal => journal(random, bytes),
    }
}

/// JSON with one to three of its values replaced, taken out or renamed.
fn edited(random: &mut Random, json: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(json).unwrap();
    for _ in 0..=random.below(3) {
        edit(random, &mut value);
    }
    serde_json::to_vec(&value).unwrap()
}

fn toml_edited(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut value: Value = toml::from_str(std::str::from_utf8(bytes).unwrap()).unwrap();
    for _ in 0..=random.below(3) {
        edit(random, &mut value);
    }
    // TOML has no null; what cannot be written is no TOML file.
    toml::to_string(&value).unwrap_or_default().into_bytes()
}

/// Changes a value somewhere in another.
fn edit(random: &mut Random, value: &mut Value) {
    let goes_down = random.below(8) > 0;
    match value {
        Value::Array(items) if goes_down && !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(12) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => edit(random, &mut items[at]),
            }
        }
        Value::Object(fields) if goes_down && !fields.is_empty() => {
            let at = random.below(fields.len());
            let key = fields.keys().nth(at).unwrap().clone();
            match random.below(12) {
                0 => drop(fields.shift_remove(&key)),
                1 => {
                    let value = fields.shift_remove(&key).unwrap();
                    fields.insert(strange(random).to_owned(), value);
                }
                _ => edit(random, &mut fields[&key]),
            }
        }
        other => *other = lie(random, other),
    }
}

fn strange(random: &mut Random) -> &'static str {
    let texts = [
        "",
        "x",
        "\u{1b}[2J",
        "../../x",
        "\u{0}",
        "\u{202e}abc",
        "model.layers.999999999.mlp",
    ];
    texts[random.below(texts.len())]
}

/// Another value; half of the time of the same kind.
fn lie(random: &mut Random, value: &Value) -> Value {
    if let (Some(number), true) = (value.as_i64(), random.below(2) == 0) {
        return match random.below(4) {
            0 => (number ^ (1 << random.below(62))).into(),
            1 => number.wrapping_add(1).into(),
            2 => number.wrapping_neg().into(),
            _ => LIES[random.below(LIES.len())].into(),
        };
    }
    match random.below(9) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 | 3 => LIES[random.below(LIES.len())].into(),
        4 => Value::from([-1.5, 1e308, -0.0, 1e-320][random.below(4)]),
        5 => Value::Array(vec![value.clone(); random.below(3)]),
        6 => Value::Object(
            [(strange(random).to_owned(), value.clone())]
                .into_iter()
                .collect(),
        ),
        _ => strange(random).into(),
    }
}

fn safetensors(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let header = edited(random, header);
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], &header, data].concat()
}

fn lines(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=random.below(3) {
        let at = random.below(lines.len());
        let line = &lines[at];
        let json = edited(random, &line[9..line.len() - 1]);
        let checksum = format!("{:08x} ", crc32fast::hash(&json));
        lines[at] = [checksum.as_bytes(), &json, b"\n"].concat();
    }
    if random.below(4) == 0 {
        let (one, other) = (random.below(lines.len()), random.below(lines.len()));
        lines.swap(one, other);
    }
    lines.concat()
}

fn journal(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let end = JOURNAL_PREAMBLE_BYTES + number(12) as usize;
    let mut header = bytes[JOURNAL_PREAMBLE_BYTES..end].to_vec();
    if random.below(3) == 0 {
        header = edited(random, &header);
    }
    let lengths = [number(8), header.len() as u32].map(u32::to_le_bytes);
    let checksum = crc32fast::hash(&[lengths.as_flattened(), &header].concat());
    let mut sealed = [
        &bytes[..8],
        lengths.as_flattened(),
        &checksum.to_le_bytes(),
        &header,
    ]
    .concat();
    let mut at = end;
    while at < bytes.len() {
        let chunk_end = at + 8 + number(at) as usize;
        let mut chunk = bytes[at + 8..chunk_end].to_vec();
        if random.below(3) == 0 {
            let reach = chunk.len().min(32);
            mutate(random, &mut chunk, reach);
        }
        let length = (chunk.len() as u32).to_le_bytes();
        let checksum = crc32fast::hash(&[&length[..], &chunk].concat());
        sealed.extend([&length[..], &checksum.to_le_bytes(), &chunk].concat());
        at = chunk_end;
    }
    sealed
}
