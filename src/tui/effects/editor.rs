//! Writing in the person's editor.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// The editor's command line: the settings', else `$VISUAL`, else `$EDITOR`, else vi.
pub(super) fn command_line(setting: &str) -> String {
    let variable = |name| std::env::var(name).ok();
    choose([
        Some(setting.to_owned()),
        variable("VISUAL"),
        variable("EDITOR"),
    ])
}

fn choose(choices: [Option<String>; 3]) -> String {
    let chosen = choices
        .into_iter()
        .flatten()
        .find(|choice| !choice.trim().is_empty());
    chosen.unwrap_or_else(|| "vi".to_owned())
}

/// Runs the editor on a file with this text and gives back what it left there.
///
/// *Errors:* a line for the person; the text is then kept as it was.
pub(super) fn edit(command_line: &str, text: &str) -> Result<String, String> {
    let folder =
        private_folder().map_err(|error| format!("no folder for the editor's file: {error}"))?;
    let path = folder.join("message.md");
    let result = write_private(&path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
        .and_then(|()| run(command_line, &path))
        .and_then(|()| {
            fs::read_to_string(&path)
                .map_err(|error| format!("cannot read what the editor wrote: {error}"))
        });
    // It holds what the person writes; the system's own clean-up is the second chance.
    let _ = fs::remove_dir_all(&folder);
    result
}

fn run(command_line: &str, path: &Path) -> Result<(), String> {
    // The shell knows how the person quotes; the path is an argument, not a part of the script.
    let status = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("{command_line} \"$1\""))
        .arg("editor")
        .arg(path)
        .status()
        .map_err(|error| format!("cannot start {command_line}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "{command_line} failed ({status}); the draft is as before"
        ))
    }
}

fn private_folder() -> std::io::Result<std::path::PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let base = std::env::temp_dir();
    for number in 0..100 {
        let path = base.join(format!("gptoss-tui-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(path),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_editor_named_is_taken() {
        let some = |text: &str| Some(text.to_owned());
        for (choices, expected) in [
            ([some("hx"), some("emacs"), some("nano")], "hx"),
            ([some(" "), some("emacs"), some("nano")], "emacs"),
            ([some(""), None, some("nano")], "nano"),
            ([some(""), some(""), None], "vi"),
        ] {
            assert_eq!(choose(choices), expected);
        }
    }

    #[test]
    fn what_the_editor_writes_comes_back() {
        let append = "printf ' and more' >>";
        assert_eq!(edit(append, "before").as_deref(), Ok("before and more"));
        assert_eq!(
            edit("true", "as it \"was\"").as_deref(),
            Ok("as it \"was\"")
        );
        assert!(edit("false", "x").is_err());
        assert!(edit("no-such-editor-here", "x").is_err());
    }
}
