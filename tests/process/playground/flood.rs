//! More input than anybody types.

use super::screen::{Screen, program};

/// Keys that neither leave nor stop the program, as a terminal sends them. No palette, which has
/// "Leave", and no brackets: behind an Esc they would begin a sequence that swallows what comes next.
const KEYS: [&str; 38] = [
    "a", "e", "h", "j", "k", "n", "q", "w", "x", "z", "A", "F", "R", "X", " ", "0", "1", "2", "3",
    "5", "<", ">", "+", "-", "?", "\r", "\t", "\n", "\u{1b}", "\u{7f}", UP, DOWN, RIGHT, LEFT,
    PAGE_UP, F1, CTRL_S, CTRL_U,
];
const UP: &str = "\u{1b}[A";
const DOWN: &str = "\u{1b}[B";
const RIGHT: &str = "\u{1b}[C";
const LEFT: &str = "\u{1b}[D";
const PAGE_UP: &str = "\u{1b}[5~";
const F1: &str = "\u{1b}OP";
const CTRL_S: &str = "\u{13}";
const CTRL_U: &str = "\u{15}";

/// This terminal does not answer, so that the paste begins while it is still asked about itself.
#[test]
fn a_megabyte_pasted_while_tokens_stream_is_one_line_of_the_draft() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("stream\r");
    screen.wait("first tokens", |text| text.contains("[synthetic]"));
    let line =
        "seventy-nine characters and a line feed, over and over, until a megabyte is there\n";
    let pasted = line.repeat(1_000_000_usize.div_ceil(line.len()));
    screen.press(&format!("\u{1b}[200~{pasted}\u{1b}[201~"));
    let noted = format!("{} characters]", pasted.len());
    screen.wait("note of the paste", |text| text.contains(&noted));
    screen.press("kept");
    screen.wait("keys after it", |text| text.contains("kept"));
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}

#[test]
fn twenty_thousand_keys_at_once_are_all_read() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = program(home.path(), &["--synthetic", "20b"]);
    // Where files that the keys may ask for belong.
    command.cwd(home.path());
    let mut screen = Screen::start(command, 120, 40);
    screen.wait_ready();
    screen.press("stream\r");
    screen.wait("first tokens", |text| text.contains("[synthetic]"));
    let mut random: u64 = 11;
    for _ in 0..200 {
        let keys = (0..100).map(|_| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            KEYS[(random >> 33) as usize % KEYS.len()]
        });
        screen.press(&keys.collect::<String>());
    }
    // Keys are taken in order: who acts on the last one has read all before it. The first of the two
    // keeps an Esc before them from joining it.
    screen.press("\u{c}\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}
