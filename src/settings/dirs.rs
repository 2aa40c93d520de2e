//! The folders of this program: XDG's on every platform, macOS included.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;

use super::Folder;

/// The program's folder within XDG's.
const PROGRAM: &str = "gptoss-tui";
/// The name of the person's settings file.
pub const FILE_NAME: &str = "gptoss.toml";

/// Where files of each kind belong. None of the folders need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// The person's home.
    pub home: PathBuf,
    /// Settings: `$XDG_CONFIG_HOME/gptoss-tui`.
    pub config: PathBuf,
    /// What the person made: `$XDG_DATA_HOME/gptoss-tui`.
    pub data: PathBuf,
    /// What may be lost: `$XDG_STATE_HOME/gptoss-tui`.
    pub state: PathBuf,
    /// What can be made again: `$XDG_CACHE_HOME/gptoss-tui`.
    pub cache: PathBuf,
}

impl Dirs {
    /// The folders of this process's person; none where there is no home.
    pub fn from_environment() -> Option<Self> {
        let xdg = Xdg::new().ok()?;
        let home = xdg.home_dir().to_owned();
        Some(Self {
            config: xdg.config_dir().join(PROGRAM),
            data: xdg.data_dir().join(PROGRAM),
            state: xdg
                .state_dir()
                .unwrap_or_else(|| home.join(".local/state"))
                .join(PROGRAM),
            cache: xdg.cache_dir().join(PROGRAM),
            home,
        })
    }

    /// The same folders below another home, whatever the environment says.
    pub fn below(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            config: home.join(".config").join(PROGRAM),
            data: home.join(".local/share").join(PROGRAM),
            state: home.join(".local/state").join(PROGRAM),
            cache: home.join(".cache").join(PROGRAM),
        }
    }

    /// The person's settings file.
    pub fn user_file(&self) -> PathBuf {
        self.config.join(FILE_NAME)
    }

    /// Where conversations are kept.
    pub fn sessions(&self, folder: &Folder) -> PathBuf {
        self.chosen(folder, &self.data.join("sessions"))
    }

    /// Where log files are kept.
    pub fn logs(&self, folder: &Folder) -> PathBuf {
        self.chosen(folder, &self.state.join("log"))
    }

    /// A path whose leading `~` is the home folder.
    pub fn expand(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home.join(rest),
            Err(_) => path.to_owned(),
        }
    }

    fn chosen(&self, folder: &Folder, usual: &Path) -> PathBuf {
        match folder {
            Folder::Auto => usual.to_owned(),
            Folder::Path(path) => self.expand(path),
        }
    }
}

/// Why a folder cannot be used; the caller goes on in memory and says so.
#[derive(Debug, thiserror::Error)]
#[error("{folder} cannot be written: {source}", folder = folder.display())]
pub struct NotWritable {
    /// The folder.
    pub folder: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// Makes the folder, for its owner only, and tries to write into it.
pub fn ensure_writable(folder: &Path) -> Result<(), NotWritable> {
    make_private(folder)
        .and_then(|()| probe(folder))
        .map_err(|source| NotWritable {
            folder: folder.to_owned(),
            source,
        })
}

/// Conversations and logs are nobody else's business.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".writable-{}", std::process::id()));
    let written = fs::File::create(&path).and_then(|mut file| file.write_all(b"?"));
    let removed = fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_lie_below_the_home_or_where_the_settings_say() {
        let dirs = Dirs::below(Path::new("/home/pip"));
        let file = Path::new("/home/pip/.config/gptoss-tui/gptoss.toml");
        assert_eq!(dirs.user_file(), file);
        let usual = Path::new("/home/pip/.local/share/gptoss-tui/sessions");
        assert_eq!(dirs.sessions(&Folder::Auto), usual);
        let chosen = Folder::Path("~/chats".into());
        assert_eq!(dirs.sessions(&chosen), Path::new("/home/pip/chats"));
        assert_eq!(dirs.logs(&chosen), Path::new("/home/pip/chats"));
        assert_eq!(dirs.expand(Path::new("~x/y")), Path::new("~x/y"));
    }

    #[test]
    fn a_folder_is_made_and_left_empty() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        ensure_writable(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = ensure_writable(&file.join("below")).unwrap_err();
        assert!(error.to_string().contains("file/below cannot be written: "));
    }
}
