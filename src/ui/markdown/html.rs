//! `CommonMark`'s seven kinds of HTML blocks: how each begins, and what ends it.

/// What ends a block of HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HtmlEnd {
    /// A line with this in it, in lower case.
    Contains(&'static str),
    /// An empty line.
    Blank,
}

/// Tags that begin a block wherever they stand at a line's beginning.
const BLOCK_TAGS: &str = " address article aside base basefont blockquote body caption center col \
    colgroup dd details dialog dir div dl dt fieldset figcaption figure footer form frame frameset \
    h1 h2 h3 h4 h5 h6 head header hr html iframe legend li link main menu menuitem nav noframes ol \
    optgroup option p param search section summary table tbody td tfoot th thead title tr track ul ";

/// Returns what ends the block that a whole line begins, and whether it may stand right below a
/// paragraph. `line` begins with `<`.
pub(super) fn html_start(line: &str) -> Option<(HtmlEnd, bool)> {
    let rest = line.strip_prefix('<')?;
    for (begin, end) in [("!--", "-->"), ("?", "?>"), ("![CDATA[", "]]>")] {
        if rest.starts_with(begin) {
            return Some((HtmlEnd::Contains(end), true));
        }
    }
    if let Some(letters) = rest.strip_prefix('!') {
        let is_declaration = letters.starts_with(|c: char| c.is_ascii_alphabetic());
        return is_declaration.then_some((HtmlEnd::Contains(">"), true));
    }
    let closes = rest.starts_with('/');
    let name_on = rest.trim_start_matches('/');
    let end = name_on
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .unwrap_or(name_on.len());
    let name = name_on[..end].to_ascii_lowercase();
    let after = &name_on[end..];
    let ends_well = after.is_empty() || after.starts_with([' ', '\t', '>']);
    if !closes && ends_well {
        for (tag, end) in [
            ("pre", "</pre>"),
            ("script", "</script>"),
            ("style", "</style>"),
            ("textarea", "</textarea>"),
        ] {
            if name == tag {
                return Some((HtmlEnd::Contains(end), true));
            }
        }
    }
    if (ends_well || after.starts_with("/>")) && BLOCK_TAGS.contains(&format!(" {name} ")) {
        return Some((HtmlEnd::Blank, true));
    }
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_alone = if closes {
        is_end_tag(after)
    } else {
        is_start_tag(after)
    };
    (is_name && is_alone).then_some((HtmlEnd::Blank, false))
}

/// Whether what follows an end tag's name is the rest of the line.
fn is_end_tag(after: &str) -> bool {
    after.trim() == ">"
}

/// Whether attributes and `>` follow a tag's name, and nothing else.
fn is_start_tag(after: &str) -> bool {
    let mut rest = after;
    loop {
        let trimmed = rest.trim_start();
        if let Some(tail) = trimmed
            .strip_prefix("/>")
            .or_else(|| trimmed.strip_prefix('>'))
        {
            return tail.trim().is_empty();
        }
        if trimmed.len() == rest.len() {
            return false;
        }
        let Some(tail) = after_attribute(trimmed) else {
            return false;
        };
        rest = tail;
    }
}

fn after_attribute(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let first = text.chars().next()?;
    if end == 0 || !(first.is_ascii_alphabetic() || first == '_' || first == ':') {
        return None;
    }
    let tail = &text[end..];
    let Some(value) = tail.trim_start().strip_prefix('=') else {
        return Some(tail);
    };
    let value = value.trim_start();
    let first = value.chars().next()?;
    if let '"' | '\'' = first {
        return value[1..].find(first).map(|at| &value[at + 2..]);
    }
    let end = value.find([' ', '\t', '"', '\'', '=', '<', '>', '`'])?;
    (end > 0).then(|| &value[end..])
}
