//! The terminal and its keys, handed to somebody else and taken back: an editor, the shell.
//!
//! Invariant: while somebody else has the terminal, nobody here reads from it.

use std::io;

use ratatui::backend::Backend;

use super::pace::Change;
use super::run::Exit;
use super::shell::Shell;
use super::signals::Signal;
use super::terminal::Stop;

impl<B> Shell<B>
where
    B: Backend,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    /// Gives terminal and keys to an editor until it ends.
    pub(super) fn edit(&mut self, text: String) {
        self.is_away = true;
        self.leave_keys();
        self.screen.give_back();
        self.performer.start_editor(text);
    }

    /// Stops the process; comes back when it is continued.
    pub(super) async fn suspend(&mut self, whom: Stop) -> io::Result<()> {
        self.leave_keys();
        self.screen.give_back();
        self.screen.stop(whom)?;
        while let Some(signal) = self.sources.signals.recv().await {
            match signal {
                Signal::Continue => break,
                Signal::End(signal) => {
                    self.exit = Some(Exit::Signal(signal));
                    return Ok(());
                }
                Signal::Stop => {}
            }
        }
        self.take_terminal()?;
        self.read_keys();
        Ok(())
    }

    /// Reads keys from now on.
    pub(super) fn read_keys(&mut self) {
        self.is_asking = false;
        self.sources.keys = Some((self.keyboard)());
    }

    /// Leaves keys to somebody else; also ends the asking, which reads them too.
    fn leave_keys(&mut self) {
        self.is_asking = false;
        self.sources.keys = None;
    }

    pub(super) fn take_terminal(&mut self) -> io::Result<()> {
        self.screen.take()?;
        self.redraw()
    }

    /// Clears the terminal, so that the next frame is drawn whole.
    pub(super) fn redraw(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and wait.
        let size = self.terminal.size().map_err(io::Error::other)?;
        self.terminal
            .resize(size.into())
            .map_err(io::Error::other)?;
        self.state.size = (size.width, size.height);
        self.pace.mark(Change::Any);
        Ok(())
    }
}
