//! The settings of this call: all layers, in the folders of this person.

use gptoss::settings::dirs::Dirs;
use gptoss::settings::{self, LoadedSettings};

use super::args::Cli;
use super::exit::CliError;
use super::playground;

/// Reads all layers; the folders are absent where there is no home.
pub(crate) fn load(cli: &Cli) -> Result<(Option<Dirs>, LoadedSettings), CliError> {
    let dirs = Dirs::from_environment();
    let layers = cli.settings.layers(dirs.as_ref(), &cli.playground);
    let loaded = settings::load(&layers)?;
    // Settings know nothing of actions; what is wrong with a key is told with its place all the same.
    playground::keymap(&loaded.settings).map_err(|bad| bad.placed(&loaded))?;
    Ok((dirs, loaded))
}
