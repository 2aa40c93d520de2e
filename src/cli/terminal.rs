//! What this terminal can do, by what the environment says of it, and a card to see it by.
//!
//! Nothing is asked of the terminal itself: answers would have to be read from stdin.

use std::io::IsTerminal;

use serde_json::{Value, json};
use termprofile::{DetectorSettings, TermProfile};

use super::exit::CliError;
use super::output;

/// Whether a terminal is known to have an ability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ability {
    Yes,
    No,
    /// Its own settings decide.
    IfPermitted,
    Unknown,
}

impl Ability {
    fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::IfPermitted => "if its settings permit",
            Self::Unknown => "unknown",
        }
    }
}

/// A terminal whose abilities are known, and the words by which it names itself.
struct Known {
    name: &'static str,
    words: &'static [&'static str],
    kitty_keyboard: Ability,
    osc52: Ability,
    synchronized_output: Ability,
}

use Ability::{IfPermitted, No, Unknown, Yes};

const UNKNOWN: Known = known("unknown", &[], Unknown, Unknown, Unknown);

/// Multiplexers come first: they decide what reaches the terminal around them.
const TERMINALS: &[Known] = &[
    known("tmux", &["tmux"], No, IfPermitted, Yes),
    known("GNU screen", &["screen"], No, No, No),
    known("zellij", &["zellij"], Yes, Yes, Yes),
    known("kitty", &["kitty"], Yes, Yes, Yes),
    known("Ghostty", &["ghostty"], Yes, Yes, Yes),
    known("WezTerm", &["wezterm"], IfPermitted, Yes, Yes),
    known("foot", &["foot"], Yes, Yes, Yes),
    known("Alacritty", &["alacritty"], Yes, Yes, Yes),
    known("iTerm2", &["iterm"], IfPermitted, IfPermitted, Yes),
    known("Terminal.app", &["apple_terminal"], No, No, No),
    known("VS Code", &["vscode"], IfPermitted, Yes, Yes),
    known("Linux console", &["linux"], No, No, No),
    known("dumb", &["dumb"], No, No, No),
    known("xterm or alike", &["xterm"], Unknown, IfPermitted, Unknown),
];

const fn known(
    name: &'static str,
    words: &'static [&'static str],
    kitty_keyboard: Ability,
    osc52: Ability,
    synchronized_output: Ability,
) -> Known {
    Known {
        name,
        words,
        kitty_keyboard,
        osc52,
        synchronized_output,
    }
}

/// The terminal's abilities, for `doctor`.
pub(crate) fn abilities() -> Vec<(&'static str, Value)> {
    let variable = |name: &str| std::env::var(name).ok();
    let known = recognize(&variable);
    vec![
        ("terminal_name", json!(known.name)),
        ("color_depth", json!(color_depth_name())),
        ("unicode_locale", json!(has_unicode_locale(&variable))),
        ("mouse", json!(has_mouse(known).as_str())),
        ("kitty_keyboard", json!(known.kitty_keyboard.as_str())),
        ("osc52_clipboard", json!(known.osc52.as_str())),
        (
            "synchronized_output",
            json!(known.synchronized_output.as_str()),
        ),
        ("over_ssh", json!(variable("SSH_CONNECTION").is_some())),
    ]
}

/// Colors and glyphs to look at, where stdout is a terminal.
pub(crate) fn print_test_card() -> Result<(), CliError> {
    if !std::io::stdout().is_terminal() {
        return Ok(());
    }
    let lines = color_lines(color_depth()).into_iter().chain(glyph_lines());
    output::line("")?;
    for line in lines {
        output::styled_line(&line)?;
    }
    Ok(())
}

fn recognize(variable: &impl Fn(&str) -> Option<String>) -> &'static Known {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let mut words = Vec::new();
    for (name, word) in [("TMUX", "tmux"), ("STY", "screen"), ("ZELLIJ", "zellij")] {
        if is_set(name) {
            words.push(word.to_owned());
        }
    }
    for name in ["TERM_PROGRAM", "TERM"] {
        words.extend(variable(name).map(|value| value.to_lowercase()));
    }
    let find = |said: &String| {
        TERMINALS
            .iter()
            .find(|known| known.words.iter().any(|word| said.contains(word)))
    };
    words.iter().find_map(find).unwrap_or(&UNKNOWN)
}

/// All terminals that draw screens report the mouse, but for the two that have none.
fn has_mouse(known: &Known) -> Ability {
    match known.name {
        "dumb" | "Linux console" => No,
        "unknown" => Unknown,
        _ => Yes,
    }
}

/// The locale's variables in the order of their power, as POSIX has it.
fn has_unicode_locale(variable: &impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .is_some_and(|value| value.to_lowercase().replace('-', "").contains("utf8"))
}

fn color_depth() -> TermProfile {
    TermProfile::detect(&std::io::stdout(), DetectorSettings::default())
}

fn color_depth_name() -> &'static str {
    match color_depth() {
        TermProfile::TrueColor => "truecolor",
        TermProfile::Ansi256 => "256",
        TermProfile::Ansi16 => "16",
        TermProfile::NoColor => "none",
        TermProfile::NoTty => "none (not a terminal)",
    }
}

/// Backgrounds only, so that no glyph matters here.
fn color_lines(depth: TermProfile) -> Vec<String> {
    const WIDTH: u32 = 48;
    let strip = |name: &str, color: &dyn Fn(u32) -> String| {
        let cells: Vec<String> = (0..WIDTH)
            .map(|cell| format!("\u{1b}[{}m ", color(cell)))
            .collect();
        format!("{name:<12} {}\u{1b}[0m", cells.concat())
    };
    let mut lines = Vec::new();
    if depth >= TermProfile::Ansi16 {
        lines.push(strip("16 colors", &|cell| {
            let color = cell / 3;
            let code = if color < 8 { 40 + color } else { 92 + color };
            code.to_string()
        }));
    }
    if depth >= TermProfile::Ansi256 {
        lines.push(strip("256 colors", &|cell| {
            format!("48;5;{}", 16 + cell * 4)
        }));
    }
    if depth >= TermProfile::TrueColor {
        lines.push(strip("truecolor", &|cell| {
            let step = cell * 255 / (WIDTH - 1);
            format!("48;2;{step};{};{}", step / 2, 255 - step)
        }));
    }
    lines
}

/// The bars at the right must stand below each other; else a glyph has another width here.
fn glyph_lines() -> [String; 5] {
    [
        "lines        ┌──┬──┐ │  │ └──┴──┘            |",
        "blocks       ▁▂▃▄▅▆▇█ ▀▄▀▄ ░░▒▒▓▓██          |",
        "braille      ⠁⠃⠇⡇⣇⣧⣷⣿ ⣀⣤⣶⣿                   |",
        "wide         漢字かな 한글 🙂🚀              |",
        "ascii        .:-=+*#%@ +--+ |  | +--+        |",
    ]
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn check(variables: &[(&str, &str)], name: &str) {
        let lookup = |asked: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == asked);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(recognize(&lookup).name, name, "{variables:?}");
    }

    #[test]
    fn terminals_are_known_by_what_they_call_themselves() {
        check(&[("TERM", "xterm-kitty")], "kitty");
        check(&[("TERM", "xterm-256color")], "xterm or alike");
        check(
            &[
                ("TERM", "xterm-256color"),
                ("TERM_PROGRAM", "Apple_Terminal"),
            ],
            "Terminal.app",
        );
        check(
            &[("TERM", "tmux-256color"), ("TERM_PROGRAM", "WezTerm")],
            "WezTerm",
        );
        check(
            &[("TMUX", "/run/tmux,1,0"), ("TERM_PROGRAM", "WezTerm")],
            "tmux",
        );
        check(&[("TERM", "vt52")], "unknown");
        check(&[], "unknown");
    }

    #[test]
    fn the_strongest_variable_decides_the_locale() {
        for (variables, expected) in [
            (&[("LANG", "en_US.UTF-8")][..], true),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")], true),
            (&[], false),
        ] {
            let lookup = |asked: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == asked);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(has_unicode_locale(&lookup), expected, "{variables:?}");
        }
    }

    #[test]
    fn the_card_s_bars_stand_below_each_other() {
        let widths = glyph_lines().map(|line| line.width());
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }

    #[test]
    fn colors_are_shown_as_far_as_they_go() {
        assert_eq!(color_lines(TermProfile::NoColor).len(), 0);
        assert_eq!(color_lines(TermProfile::Ansi256).len(), 2);
        assert_eq!(color_lines(TermProfile::TrueColor).len(), 3);
    }
}
