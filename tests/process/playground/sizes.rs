//! Any size at any moment.

use super::screen::Screen;

/// Numbers that look random and are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u16) -> u16 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % u64::from(bound)) as u16
    }
}

#[test]
fn the_smallest_terminals_are_survived() {
    for (columns, rows) in [(1, 1), (20, 5)] {
        let home = tempfile::tempdir().expect("a folder");
        let command = super::screen::program(home.path(), &["--synthetic", "20b"]);
        let mut screen = Screen::start(command, columns, rows);
        screen.wait_for("first frame", |screen| {
            screen.has_written(b"\x1b[?1049h") && screen.raw.len() > 100
        });
        screen.press("typed blindly\u{15}");
        screen.resize(80, 24);
        screen.wait_ready();
        screen.press("hello\r");
        screen.wait("answer after it grew", |text| {
            text.contains("hello") && text.contains("[synthetic]")
        });
        screen.press("\u{11}");
        assert_eq!(screen.end(), 0, "{columns}x{rows}");
        screen.check_given_back();
    }
}

#[test]
fn two_hundred_sizes_while_tokens_stream() {
    let home = tempfile::tempdir().expect("a folder");
    let mut screen = Screen::open(home.path(), &["--synthetic", "20b"]);
    screen.wait_ready();
    screen.press("resize me\r");
    screen.wait("first tokens", |text| text.contains("[synthetic]"));
    let mut seeded = Seeded(7);
    for _ in 0..200 {
        screen.resize(1 + seeded.below(220), 1 + seeded.below(70));
        // What the program draws for it is read, so that it goes on drawing.
        screen.listen(std::time::Duration::from_millis(5));
    }
    screen.resize(120, 40);
    // Whether the answer has come to its end by now hangs on the machine.
    screen.press("still alive");
    screen.wait("draft at the last size", |text| {
        text.contains("still alive") && text.contains("resize me") && text.contains("5 Log")
    });
    screen.press("\u{11}");
    assert_eq!(screen.end(), 0);
    screen.check_given_back();
}
