//! One line of a session's file: a checksum and a JSON value.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// `value` as a line with its line break: eight hexadecimal digits of CRC-32, a space, JSON.
pub(super) fn write<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    // JSON escapes line breaks, so a value is one line.
    let json = serde_json::to_string(value)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
}

/// The value of a line without its line break; none where the line is damaged.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (checksum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if checksum != crc32fast::hash(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}
