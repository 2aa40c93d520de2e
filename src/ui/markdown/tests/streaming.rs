use super::corpus::CORPUS;
use crate::ui::markdown::block::{BlockRenderer, RolesCache, Style};
use crate::ui::markdown::segment::{Lead, SegmentText};
use crate::ui::markdown::{LineKind, MarkdownOptions, RenderedLine, StreamingMarkdown};
use proptest::prelude::*;

fn options() -> MarkdownOptions {
    MarkdownOptions {
        highlight: false,
        ..MarkdownOptions::default()
    }
}

fn at_once(source: &str, width: u16) -> StreamingMarkdown {
    let mut markdown = StreamingMarkdown::new(width, options());
    markdown.push(source);
    markdown
}

/// Pushes `source` in pieces of `sizes` characters, in turn.
fn in_pieces(source: &str, width: u16, sizes: &[usize]) -> StreamingMarkdown {
    let mut markdown = StreamingMarkdown::new(width, options());
    let mut rest = source;
    for &size in sizes.iter().cycle() {
        let end = rest
            .char_indices()
            .nth(size.max(1))
            .map_or(rest.len(), |(at, _)| at);
        markdown.push(&rest[..end]);
        rest = &rest[end..];
        if rest.is_empty() {
            return markdown;
        }
    }
    markdown
}

fn check_same(source: &str, width: u16, sizes: &[usize]) {
    let (whole, pieces) = (at_once(source, width), in_pieces(source, width, sizes));
    assert_eq!(
        texts(whole.lines()),
        texts(pieces.lines()),
        "{source:?} at {width} in {sizes:?}"
    );
    assert_eq!(
        whole.lines(),
        pieces.lines(),
        "{source:?} at {width} in {sizes:?}"
    );
    assert_eq!(whole.code_blocks(), pieces.code_blocks(), "{source:?}");
}

fn texts(lines: &[RenderedLine]) -> Vec<String> {
    lines.iter().map(RenderedLine::text).collect()
}

#[test]
fn every_prefix_of_the_corpus_is_the_same_streamed_and_at_once() {
    for source in CORPUS {
        let mut streamed = StreamingMarkdown::new(24, options());
        for (at, c) in source.char_indices() {
            let end = at + c.len_utf8();
            streamed.push(&source[at..end]);
            let whole = at_once(&source[..end], 24);
            assert_eq!(streamed.lines(), whole.lines(), "{:?}", &source[..end]);
        }
    }
}

/// Rows of one parse of everything, for a judge of the segments.
fn without_segments(source: &str, width: usize) -> Vec<String> {
    let options = options();
    let text = SegmentText::new(source, 0..source.len(), &Lead::Nothing);
    let style = Style {
        width,
        options: &options,
        grammars: None,
    };
    let mut cache = RolesCache::new();
    let rendered = BlockRenderer::new(&text, style, &mut cache).render();
    shown(&rendered.lines)
}

/// Rows that show something; frames differ only in whether an open block has one.
fn shown(lines: &[RenderedLine]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| line.kind != LineKind::Blank && line.kind != LineKind::CodeBottom)
        .map(|line| line.text().trim_end().to_owned())
        .collect()
}

#[test]
fn segments_show_what_one_parse_shows() {
    for source in CORPUS {
        // References reach over segments, and HTML keeps its own line breaks.
        if source.contains("[ref]") {
            continue;
        }
        let source = format!("{source}\n");
        if source.contains("never closed") || source.ends_with("```\n") && source.starts_with("1\n")
        {
            continue;
        }
        let segmented = shown(at_once(&source, 200).lines());
        assert_eq!(segmented, without_segments(&source, 200), "{source:?}");
    }
}

#[test]
fn rows_that_are_frozen_never_change() {
    let source = CORPUS.join("\n\n");
    let whole = at_once(&source, 40);
    let mut streamed = StreamingMarkdown::new(40, options());
    for c in source.chars() {
        streamed.push(c.encode_utf8(&mut [0; 4]));
        let frozen = streamed.frozen_lines();
        assert_eq!(streamed.lines()[..frozen], whole.lines()[..frozen]);
    }
    assert!(streamed.frozen_lines() + 20 > whole.lines().len());
}

#[test]
fn long_blocks_are_cut_and_still_read_as_one() {
    let words = "lorem ipsum **dolor sit** amet `code span` snake_case a < b 漢字かな ".repeat(300);
    let cjk = "漢字かな混じりの長い文。".repeat(800);
    let table = format!(
        "| n | text |\n|--|--|\n{}",
        "| 1 | some cell |\n".repeat(1200)
    );
    let quote = "> a line of a quote\n".repeat(900);
    let html = format!("<div>\n{}", "<p>line</p>\n".repeat(1500));
    let code = format!("```\n{}", "let x = 1;\n".repeat(3000));
    let one_line_of_code = format!("```\n{}", "0123\t漢".repeat(4000));
    for source in [
        &words,
        &cjk,
        &table,
        &quote,
        &html,
        &code,
        &one_line_of_code,
    ] {
        for width in [80, 7] {
            check_same(source, width, &[997, 13, 1500]);
        }
        // Most of it is done for good.
        let whole = at_once(source, 80);
        let tail = whole.lines().len() - whole.frozen_lines();
        let is_code = source.starts_with("```");
        assert!(is_code || tail < 500, "{tail} rows of {:?}", &source[..20]);
    }
    let shown: String = at_once(&words, 80)
        .lines()
        .iter()
        .map(|line| line.text() + " ")
        .collect();
    let shown: Vec<&str> = shown.split_whitespace().collect();
    let expected = words.replace("**", "").replace('`', "");
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(shown.len(), expected.len());
    assert_eq!(shown, expected);
    let rows = at_once(&words, 80);
    let ragged = rows.lines().iter().filter(|line| line.width() < 60).count();
    assert!(ragged <= 1, "{ragged} rows end early");
    assert!(rows.lines().iter().all(|line| line.block == 0));
}

#[test]
fn a_new_width_equals_a_new_message() {
    let source = CORPUS.join("\n\n");
    let mut markdown = at_once(&source, 80);
    for width in [1, 2, 3, 40, 7, 80] {
        markdown.set_width(width);
        assert_eq!(markdown.lines(), at_once(&source, width).lines(), "{width}");
    }
}

#[test]
fn a_replaced_source_equals_a_new_message() {
    let mut markdown = at_once("# Old\n\n```\nx\n```\n", 30);
    for source in ["# Old\n\n```\nx\n```\nmore", "other", "", "other again"] {
        markdown.set_source(source);
        assert_eq!(markdown.lines(), at_once(source, 30).lines(), "{source:?}");
        assert_eq!(markdown.source(), source);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_pieces_of_any_mix_give_the_same_rows(
        picks in prop::collection::vec((0..CORPUS.len(), any::<bool>()), 1..5),
        sizes in prop::collection::vec(1..40_usize, 1..8),
        width in 1..90_u16,
    ) {
        let mut source = String::new();
        for (pick, gap) in picks {
            source.push_str(CORPUS[pick]);
            source.push_str(if gap { "\n\n" } else { "\n" });
        }
        check_same(&source, width, &sizes);
    }

    #[test]
    fn any_pieces_of_chance_markup_give_the_same_rows(
        source in "([-*+>#`~=|_<\\[\\] \n\t0-9.]|ab|漢|```\n|\n\n|- |1\\. |    ){0,120}",
        sizes in prop::collection::vec(1..9_usize, 1..5),
        width in 1..60_u16,
    ) {
        check_same(&source, width, &sizes);
    }
}

/// Lines that decide where blocks begin and end.
const LINES: &[&str] = &[
    "",
    "",
    "",
    "text",
    "more text",
    "- item",
    "  - sub",
    "1. one",
    "2. two",
    "   1. sub",
    "```",
    "```rust",
    "  ```",
    "    code",
    "# head",
    "---",
    "***",
    "> quote",
    ">",
    "===",
    "   cont",
    "  cont",
    "| a | b |",
    "|---|---|",
    "| 1 | 2 |",
    "~~~",
    "* star",
    "+ plus",
    "-",
    "1.",
    "10) ten",
    "      deep",
    "   ```",
    "a|b",
    " - one",
    "  text",
    "<div>",
    "</div>",
    "<b>x</b>",
    "<!-- c",
    "-->",
    "> - a",
    ">   b",
    "> ```",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn segments_of_chance_lines_show_what_one_parse_shows(
        lines in prop::collection::vec(prop::sample::select(LINES), 1..14),
    ) {
        let source = lines.join("\n") + "\n";
        let segmented = shown(at_once(&source, 200).lines());
        prop_assert_eq!(segmented, without_segments(&source, 200), "{}", source);
    }
}
