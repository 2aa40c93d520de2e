//! What the parts of code are, by the grammars of syntect and two-face.
//!
//! Loading the grammars takes tens of milliseconds, so [`preload`] does it on a thread of its own;
//! until then all code is plain. Nothing here blocks.

use super::role::CodeRole;
use std::ops::Range;
use std::sync::{Once, OnceLock};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Blocks of more lines stay plain.
pub(super) const MAX_LINES: usize = 2_000;
/// Blocks with a longer line stay plain: grammars search each line many times.
const MAX_LINE_BYTES: usize = 2_048;

/// The roles in one line: ranges of its bytes, ascending; what is between them is plain.
pub(super) type LineRoles = Vec<(Range<usize>, CodeRole)>;

static GRAMMARS: OnceLock<Grammars> = OnceLock::new();
static PRELOAD: Once = Once::new();

/// Begins to load the grammars in the background. Calls after the first do nothing.
///
/// If there is no thread to be had, code stays plain.
pub fn preload() {
    PRELOAD.call_once(|| {
        let load = || {
            GRAMMARS.get_or_init(Grammars::load);
        };
        let thread = std::thread::Builder::new().name("grammars".to_owned());
        if let Err(error) = thread.spawn(load) {
            tracing::warn!(%error, "code will not be highlighted");
        }
    });
}

/// Returns whether the grammars are there.
pub fn highlight_ready() -> bool {
    GRAMMARS.get().is_some()
}

/// The grammars, if they are loaded.
pub(super) fn grammars() -> Option<&'static Grammars> {
    GRAMMARS.get()
}

/// Loads the grammars on this thread.
#[cfg(test)]
pub(super) fn load_now() -> &'static Grammars {
    GRAMMARS.get_or_init(Grammars::load)
}

pub(super) struct Grammars {
    syntaxes: SyntaxSet,
    /// The more specific scope comes first.
    rules: Vec<(Scope, CodeRole)>,
}

impl std::fmt::Debug for Grammars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grammars")
            .field("syntaxes", &self.syntaxes.syntaxes().len())
            .finish_non_exhaustive()
    }
}

/// Names that models write after a fence and the grammars call otherwise.
const ALIASES: &[(&str, &str)] = &[
    ("shell", "bash"),
    ("console", "bash"),
    ("zsh", "bash"),
    ("golang", "go"),
    ("csharp", "cs"),
    ("c++", "cpp"),
    ("python3", "python"),
    ("jsonc", "json"),
    ("json5", "json"),
    ("jsx", "js"),
    ("yml", "yaml"),
    ("objc", "m"),
];

/// Scopes of the usual naming and what they are here; the first that fits wins.
const RULES: &[(&str, CodeRole)] = &[
    ("comment", CodeRole::Comment),
    ("punctuation.definition.comment", CodeRole::Comment),
    ("punctuation.definition.string", CodeRole::String),
    ("punctuation", CodeRole::Punctuation),
    ("constant.numeric", CodeRole::Number),
    ("constant.character.escape", CodeRole::Constant),
    ("constant", CodeRole::Constant),
    ("variable.language", CodeRole::Constant),
    ("string", CodeRole::String),
    ("keyword.operator.word", CodeRole::Keyword),
    ("keyword.operator", CodeRole::Operator),
    ("keyword", CodeRole::Keyword),
    ("storage.type.numeric", CodeRole::Number),
    ("storage", CodeRole::Keyword),
    ("entity.name.function", CodeRole::Function),
    ("support.function", CodeRole::Function),
    ("variable.function", CodeRole::Function),
    ("support.macro", CodeRole::Function),
    ("entity.name.macro", CodeRole::Function),
    ("entity.name.tag", CodeRole::Keyword),
    ("entity.other.attribute-name", CodeRole::Function),
    ("entity.name", CodeRole::Type),
    ("entity.other.inherited-class", CodeRole::Type),
    ("support.type.property-name", CodeRole::Function),
    ("support.type", CodeRole::Type),
    ("support.class", CodeRole::Type),
    ("support.constant", CodeRole::Constant),
    ("markup.inserted", CodeRole::String),
    ("markup.deleted", CodeRole::Keyword),
    ("markup.heading", CodeRole::Keyword),
];

impl Grammars {
    fn load() -> Self {
        let rules = RULES
            .iter()
            .filter_map(|(name, role)| Some((Scope::new(name).ok()?, *role)))
            .collect();
        Self {
            syntaxes: two_face::syntax::extra_newlines(),
            rules,
        }
    }

    /// Returns the roles in every line, or `None` if the code stays plain: an unknown language,
    /// or too much of it.
    pub(super) fn highlight(&self, language: &str, lines: &[&str]) -> Option<Vec<LineRoles>> {
        if lines.len() > MAX_LINES || lines.iter().any(|line| line.len() > MAX_LINE_BYTES) {
            return None;
        }
        let mut state = ParseState::new(self.syntax(language)?);
        let mut stack = ScopeStack::new();
        let mut with_end = String::new();
        let mut all = Vec::with_capacity(lines.len());
        for line in lines {
            with_end.clear();
            with_end.push_str(line);
            with_end.push('\n');
            all.push(self.line(&with_end, &mut state, &mut stack)?);
        }
        Some(all)
    }

    fn syntax(&self, language: &str) -> Option<&SyntaxReference> {
        let name = language.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(from, _)| *from == name);
        let name = alias.map_or(name.as_str(), |(_, to)| to);
        self.syntaxes.find_syntax_by_token(name)
    }

    fn line(
        &self,
        line: &str,
        state: &mut ParseState,
        stack: &mut ScopeStack,
    ) -> Option<LineRoles> {
        let end = line.len() - 1;
        let mut roles = LineRoles::new();
        let mut from = 0;
        for (at, change) in state.parse_line(line, &self.syntaxes).ok()? {
            let at = at.min(end);
            if at > from {
                self.add(&mut roles, from..at, stack);
                from = at;
            }
            stack.apply(&change).ok()?;
        }
        if end > from {
            self.add(&mut roles, from..end, stack);
        }
        Some(roles)
    }

    fn add(&self, roles: &mut LineRoles, range: Range<usize>, stack: &ScopeStack) {
        let role = self.role(stack);
        match roles.last_mut() {
            Some((last, of)) if *of == role && last.end == range.start => last.end = range.end,
            _ => roles.push((range, role)),
        }
    }

    /// The innermost scope that says something decides; inside comments all is comment.
    fn role(&self, stack: &ScopeStack) -> CodeRole {
        let of = |scope: Scope| self.rules.iter().find(|(rule, _)| rule.is_prefix_of(scope));
        let mut found = None;
        for &scope in stack.as_slice().iter().rev() {
            match of(scope) {
                Some((_, CodeRole::Comment)) => return CodeRole::Comment,
                Some((_, role)) if found.is_none() => found = Some(*role),
                _ => {}
            }
        }
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role_of(language: &str, line: &str, part: &str) -> CodeRole {
        let roles = load_now().highlight(language, &[line]).unwrap();
        let at = line.find(part).unwrap();
        let found = roles[0].iter().find(|(range, _)| range.contains(&at));
        found.map(|(_, role)| *role).unwrap_or_default()
    }

    #[test]
    fn code_parts_get_their_roles() {
        for (language, line, part, role) in [
            ("rust", "fn main() {} // hi", "fn", CodeRole::Keyword),
            ("rust", "fn main() {} // hi", "main", CodeRole::Function),
            ("rust", "fn main() {} // hi", "hi", CodeRole::Comment),
            ("rust", "let x = 42;", "42", CodeRole::Number),
            ("python", "return 'text'", "text", CodeRole::String),
            ("Python3", "if x == None: pass", "if", CodeRole::Keyword),
            ("python", "if x == None: pass", "None", CodeRole::Constant),
            ("ts", "const a: number = 1", "const", CodeRole::Keyword),
            ("toml", "key = \"v\"", "v\"", CodeRole::String),
            ("shell", "echo \"$HOME\"", "echo", CodeRole::Function),
        ] {
            assert_eq!(
                role_of(language, line, part),
                role,
                "{language}: {line}: {part}"
            );
        }
    }

    #[test]
    fn unknown_languages_and_huge_blocks_stay_plain() {
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        let many = vec!["x"; MAX_LINES + 1];
        assert_eq!(load_now().highlight("klingon", &["x"]), None);
        assert_eq!(load_now().highlight("rust", &[&long]), None);
        assert_eq!(load_now().highlight("rust", &many), None);
    }
}
