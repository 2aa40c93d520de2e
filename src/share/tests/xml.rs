//! A small judge of XML: tags nest, attributes are quoted, entities are known.

/// The elements' names in the order in which they open.
pub(super) fn check(text: &str) -> Result<Vec<String>, String> {
    let (mut rest, mut open, mut names) = (text, Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start])?;
        let end = rest[start..].find('>').ok_or("a tag does not end")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("{name} closes what is not open"));
            }
            continue;
        }
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        check_attributes(attributes)?;
        names.push(name.to_owned());
        if !is_empty {
            open.push(name.to_owned());
        }
    }
    check_text(rest)?;
    if open.is_empty() {
        Ok(names)
    } else {
        Err(format!("{open:?} stay open"))
    }
}

fn check_attributes(text: &str) -> Result<(), String> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once("=\"")
            .ok_or(format!("{rest} is not quoted"))?;
        let (value, after) = after
            .split_once('"')
            .ok_or(format!("{name} does not end"))?;
        check_text(value)?;
        rest = after.trim_start();
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), String> {
    let is_bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || c == '\u{ffff}';
    if text.chars().any(is_bad) || text.contains('>') {
        return Err(format!("{text:?} holds a character that is not allowed"));
    }
    for after in text.split('&').skip(1) {
        let entity = after.split(';').next().unwrap_or_default();
        if !["amp", "lt", "gt", "quot", "#39"].contains(&entity) {
            return Err(format!("&{entity} is unknown"));
        }
    }
    Ok(())
}
