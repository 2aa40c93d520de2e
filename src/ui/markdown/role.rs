//! What a piece of text is; the theme decides how that looks.

/// The part that a span of text plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Role {
    /// Running text.
    #[default]
    Text,
    /// `**strong**`.
    Strong,
    /// `*emphasis*`.
    Emphasis,
    /// `***both***`.
    StrongEmphasis,
    /// `~~struck out~~`.
    Strike,
    /// A heading of level 1 to 6.
    Heading(u8),
    /// `` `code` `` in running text.
    InlineCode,
    /// Inside a code block.
    Code(CodeRole),
    /// What surrounds a code block: rules, bars, the language.
    CodeFrame,
    /// Running text in a quote, and the quote's bar.
    Quote,
    /// A bullet, number or check box.
    ListMark,
    /// A link's text.
    Link,
    /// Rules inside a table.
    TableBorder,
    /// A table's head cells.
    TableHead,
    /// A thematic break.
    Rule,
    /// What matters less: link targets, HTML tags.
    Faint,
}

/// What a piece of code is, for highlighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum CodeRole {
    /// Anything else, and all code that is not highlighted.
    #[default]
    Plain,
    /// `if`, `fn`, `return`, …
    Keyword,
    /// Names of types.
    Type,
    /// Names of functions, where they are defined or called.
    Function,
    /// String and character literals.
    String,
    /// Numbers.
    Number,
    /// Comments.
    Comment,
    /// `+`, `->`, …
    Operator,
    /// `true`, `None`, escapes in strings, …
    Constant,
    /// Brackets, commas, …
    Punctuation,
}
