use std::collections::BTreeSet;

use super::*;

const PAGE: &str = include_str!("../../../docs/COMMANDS.md");

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn declarations_are_consistent() {
    command().debug_assert();
}

#[test]
fn the_page_of_commands_has_a_row_for_each_and_no_flag_that_none_has() {
    let table = PAGE.split("## Exit codes").next().unwrap();
    let command = command();
    let mut told = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let (names, rest) = row[2..].split_once(" | ").unwrap();
        let words = quoted(names).filter_map(|form| form.split(' ').next());
        for name in words {
            let subcommand = command.find_subcommand(name);
            let subcommand = subcommand.unwrap_or_else(|| panic!("there is no {name}"));
            told.insert(name.to_owned());
            for part in quoted(names).chain(quoted(rest)) {
                for flag in part
                    .split([' ', '[', '(', ']', ')'])
                    .filter_map(|word| word.strip_prefix("--"))
                {
                    let mut all = command.get_arguments().chain(subcommand.get_arguments());
                    assert!(
                        all.any(|argument| argument.get_long() == Some(flag)),
                        "{name} has no --{flag}"
                    );
                }
            }
        }
    }
    let all: BTreeSet<String> = command
        .get_subcommands()
        .map(|subcommand| subcommand.get_name().to_owned())
        .collect();
    assert_eq!(told, all);
}

#[test]
fn the_page_of_commands_has_every_exit_code() {
    let table = PAGE.split("## Exit codes").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let told: BTreeSet<u8> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let shown: BTreeSet<u8> = EXIT_CODES
        .lines()
        .filter_map(|line| line.trim().split(' ').next()?.parse().ok())
        .collect();
    assert!(shown.len() > 5, "{EXIT_CODES}");
    assert_eq!(told, shown);
}
