//! The README tells what the program does.

use gptoss::app::Keymap;

#[test]
fn the_readme_lists_every_key() {
    let readme = include_str!("../../README.md");
    let begin = "<!-- keys: made by `gptoss-tui print-keys`; a test compares -->\n";
    let start = readme.find(begin).expect("the table begins") + begin.len();
    let end = readme.find("<!-- end of keys -->").expect("the table ends");
    assert_eq!(
        readme[start..end].trim(),
        Keymap::default().table().trim(),
        "print it with `gptoss-tui print-keys`"
    );
}
