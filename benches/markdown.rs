//! Times streaming Markdown: `cargo bench --no-default-features --bench markdown [FILTER]`.
//!
//! One message grows token by token to 1,000, 5,000 and 20,000 tokens; measured is one more push.
//! The cost has to stay flat: what is finished is not looked at again. Before criterion's own
//! figures, a table shows the mean and the worst push of each thousand tokens on the way.

use criterion::{BatchSize, Criterion};
use gptoss::ui::markdown::{MarkdownOptions, StreamingMarkdown};
use std::hint::black_box;
use std::time::{Duration, Instant};

const WIDTH: u16 = 100;
const SIZES_TOKENS: [usize; 3] = [1_000, 5_000, 20_000];

/// What one message consists of, again and again.
const KINDS: [(&str, &str); 5] = [
    (
        "mixed",
        "## A heading\n\nSome text with **strong words** and `code`, long enough to wrap once or \
         twice.\n\n- first item\n- second item with *emphasis*\n\n```rust\nfn main() {\n    \
         println!(\"hello\");\n}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n",
    ),
    (
        "one paragraph",
        "plain words with **some** marks and 漢字 in one endless line ",
    ),
    (
        "one code block",
        "let value = compute(index) + 1; // a line\n",
    ),
    ("one list", "- an item of a list with **strong** text\n"),
    ("one table", "| a cell | another cell |\n"),
];

fn main() {
    table();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for (kind, text) in KINDS {
        for tokens in SIZES_TOKENS {
            let (all, _) = streamed(kind, text, tokens);
            criterion.bench_function(&format!("push/{kind}/{tokens}"), |bencher| {
                let source = all.source().to_owned();
                bencher.iter_batched(
                    || filled(&source),
                    |mut markdown| {
                        markdown.push(" word");
                        black_box(markdown)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    criterion.final_summary();
}

fn table() {
    println!(
        "{:<18}{:>10}{:>14}{:>14}",
        "message", "tokens", "mean push us", "worst us"
    );
    for (kind, text) in KINDS {
        let (_, times) = streamed(kind, text, SIZES_TOKENS[2]);
        for tokens in SIZES_TOKENS {
            let last = &times[tokens - 1_000..tokens];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            let worst = last.iter().copied().fold(0.0, f64::max);
            println!("{kind:<18}{tokens:>10}{mean:>14.1}{worst:>14.1}");
        }
    }
}

/// Streams a message of so many tokens; returns it and what each push took, in microseconds.
fn streamed(kind: &str, text: &str, tokens: usize) -> (StreamingMarkdown, Vec<f64>) {
    let mut markdown = StreamingMarkdown::new(WIDTH, MarkdownOptions::default());
    markdown.push(match kind {
        "one code block" => "```rust\n",
        "one table" => "| a | b |\n|---|---|\n",
        _ => "",
    });
    let pieces = pieces(text);
    let times = (0..tokens)
        .map(|index| {
            let piece = &pieces[index % pieces.len()];
            let start = Instant::now();
            markdown.push(black_box(piece));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    (markdown, times)
}

fn filled(source: &str) -> StreamingMarkdown {
    let mut markdown = StreamingMarkdown::new(WIDTH, MarkdownOptions::default());
    markdown.push(source);
    markdown
}

/// Pieces of about four bytes, as tokens are.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(4)
        .map(|chunk| chunk.iter().collect())
        .collect()
}
