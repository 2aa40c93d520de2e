use super::corpus::CORPUS;
use crate::ui::markdown::glyph::text_width;
use crate::ui::markdown::{
    CodeRole, LineKind, MarkdownOptions, RenderedLine, Role, StreamingMarkdown, highlight,
};

/// Markdown wrapped to `width` columns, with ASCII marks in place of boxes and bars.
fn plain_lines(source: &str, width: u16) -> Vec<String> {
    let options = MarkdownOptions {
        plain: true,
        highlight: false,
        ..MarkdownOptions::default()
    };
    let mut markdown = StreamingMarkdown::new(width, options);
    markdown.push(source);
    markdown
        .lines()
        .iter()
        .map(|line| line.text().trim_end().to_owned())
        .collect()
}

fn render(source: &str, width: u16) -> StreamingMarkdown {
    let options = MarkdownOptions {
        highlight: false,
        ..MarkdownOptions::default()
    };
    let mut markdown = StreamingMarkdown::new(width, options);
    markdown.push(source);
    markdown
}

fn check(source: &str, width: u16, expected: &[&str]) {
    let markdown = render(source, width);
    let found: Vec<String> = markdown
        .lines()
        .iter()
        .map(|line| line.text().trim_end().to_owned())
        .collect();
    assert_eq!(found, expected, "{source:?} at {width}");
}

#[test]
fn blocks_look_as_they_should() {
    check("one two three four", 9, &["one two", "three", "four"]);
    check("# A\ntext\n\n\nmore", 20, &["A", "", "text", "", "more"]);
    check(
        "- a b c d\n  - e f g h\n",
        8,
        &["- a b c", "  d", "  - e f", "    g h"],
    );
    check(
        "Intro:\n1. a\n1. b\n\n1. c\n",
        20,
        &["Intro:", "1. a", "2. b", "", "3. c"],
    );
    check("- [x] done\n-\n", 20, &["- [x] done", "-"]);
    check("> a b c d", 6, &["│ a b", "│ c d"]);
    check(
        "```rs\na\n```\nb",
        12,
        &["┌─ rs ──────", "│ a", "└───────────", "", "b"],
    );
    check(
        "```\n0123456789\n",
        10,
        &["┌─────────", "│ 01234567", "┆ 89"],
    );
    check(
        "```\n\tx\na\tb",
        12,
        &["┌───────────", "│     x", "│ a   b"],
    );
    check("a|b\n-|-\n1|22", 20, &["a │ b", "──┼───", "1 │ 22"]);
    check(
        "|head one|head two|\n|-|-|\n|1|2|",
        9,
        &["head one:", "1", "head two:", "2"],
    );
    check("漢字かな", 5, &["漢字", "かな"]);
    check("漢字。か", 4, &["漢", "字。", "か"]);
    check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
    check("***\n", 4, &["────"]);
    check("[a](b)", 20, &["a (b)"]);
    check("[a]: b\n", 20, &["[a]: b"]);
}

#[test]
fn no_row_is_too_wide_and_nothing_raw_is_in_it() {
    for source in CORPUS {
        for width in (1..=12).chain([33, 80]) {
            for line in render(source, width).lines() {
                check_line(line, width, source);
            }
        }
    }
}

fn check_line(line: &RenderedLine, width: u16, source: &str) {
    assert!(line.width() <= usize::from(width), "{line:?} at {width}");
    for span in &line.spans {
        assert_eq!(text_width(&span.text), usize::from(span.width), "{span:?}");
        let raw = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!span.text.contains(raw), "{span:?}");
        if let Some(range) = &span.source {
            assert!(source.get(range.clone()).is_some(), "{span:?}");
        }
    }
}

#[test]
fn spans_know_the_bytes_they_show() {
    let source = "Some **strong words** and\nplain `code` e\u{301} in a longer line\n\n- item *one*\n\n```\ncode\tline\n```\n\na|b\n-|-\nc|d\n";
    for width in [10, 20, 80] {
        for line in render(source, width).lines() {
            for span in &line.spans {
                let Some(range) = &span.source else { continue };
                let written = &source[range.clone()];
                let same = written.replace("e\u{301}", "é").replace('\n', " ");
                let tab = written.contains('\t');
                assert!(
                    tab || same == *span.text,
                    "{written:?} shows {:?}",
                    span.text
                );
            }
        }
    }
    let markdown = render("ab **cd** ef", 80);
    let line = &markdown.lines()[0];
    assert_eq!(line.source(), Some(0..12));
    let roles: Vec<_> = line
        .spans
        .iter()
        .map(|span| (&*span.text, span.role))
        .collect();
    assert_eq!(
        roles,
        [
            ("ab ", Role::Text),
            ("cd", Role::Strong),
            (" ef", Role::Text)
        ]
    );
}

#[test]
fn every_visible_letter_is_shown() {
    for source in CORPUS {
        let shown: String = render(source, 200)
            .lines()
            .iter()
            .map(RenderedLine::text)
            .collect();
        for word in source
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| word.len() > 4)
        {
            let hidden = ["title", "Zalgo"].contains(&word);
            assert!(
                hidden || shown.contains(word),
                "{word} of {source:?} in {shown:?}"
            );
        }
    }
}

#[test]
fn code_blocks_are_listed_with_their_content() {
    let source = "```rust\nfn a() {}\n```\n\n- x\n  ~~~\n  y\n  ~~~\n\n    z\n\n```py\nopen";
    let markdown = render(source, 40);
    let found: Vec<_> = markdown
        .code_blocks()
        .into_iter()
        .map(|block| {
            (
                block.language,
                source[block.source].to_owned(),
                block.closed,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some("rust".to_owned()), "fn a() {}\n".to_owned(), true),
            (None, "y\n".to_owned(), true),
            (Some("py".to_owned()), "open".to_owned(), false),
        ]
    );
}

#[test]
fn an_escape_sequence_over_two_pushes_is_inert() {
    let mut markdown = render("a\u{1b}", 40);
    markdown.push("[31mb\u{9b}");
    markdown.push("0m");
    assert_eq!(markdown.lines()[0].text(), "a␛[31mb<U+009B>0m");
}

#[test]
fn closed_code_is_highlighted_and_open_code_is_not() {
    highlight::load_now();
    let mut markdown = StreamingMarkdown::new(40, MarkdownOptions::default());
    markdown.push("```rust\nlet x = 42;\n");
    let roles = |markdown: &StreamingMarkdown| -> Vec<CodeRole> {
        let code = markdown
            .lines()
            .iter()
            .filter(|line| line.kind == LineKind::Code);
        code.flat_map(|line| &line.spans)
            .filter_map(|span| match span.role {
                Role::Code(role) => Some(role),
                _ => None,
            })
            .collect()
    };
    assert_eq!(roles(&markdown), [CodeRole::Plain]);
    markdown.push("```\n");
    assert!(roles(&markdown).contains(&CodeRole::Keyword));
    assert!(roles(&markdown).contains(&CodeRole::Number));
    let text = |line: &RenderedLine| line.text();
    assert_eq!(text(&markdown.lines()[1]), "│ let x = 42;");
}

#[test]
fn plain_mode_has_no_boxes() {
    let source = CORPUS.join("\n\n");
    for width in [1, 5, 40] {
        for line in plain_lines(&source, width) {
            assert!(
                !line.contains(|c| matches!(c, '\u{2500}'..='\u{259f}')),
                "{line}"
            );
        }
    }
    assert_eq!(
        plain_lines("# A\n\n> q\n\n```sh\nls\n```\n\na|b\n-|-\n1|2\n", 20),
        [
            "# A", "", "> q", "", "```sh", "ls", "```", "", "a | b", "--|--", "1 | 2"
        ]
    );
}
