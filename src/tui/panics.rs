//! What a panic does to the screen: nothing, unless it ends the thread that draws.

use std::panic::{self, PanicHookInfo};
use std::thread::{self, ThreadId};

use super::terminal;

/// Sets the hook; the calling thread is the one that draws.
///
/// A panic of that thread gives the terminal back and goes on to the former hook. A panic of any
/// other one, such as [`crate::engine::ENGINE_THREAD_NAME`], is logged: whoever started that thread
/// tells the person.
pub fn install_hook() {
    let drawing = thread::current().id();
    let former = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        answer(info, drawing, &former);
    }));
}

fn answer(info: &PanicHookInfo<'_>, drawing: ThreadId, former: &dyn Fn(&PanicHookInfo<'_>)) {
    let thread = thread::current();
    let is_drawing = thread.id() == drawing;
    if is_drawing {
        terminal::restore();
    }
    let name = thread.name().unwrap_or("unnamed");
    tracing::error!(thread = name, "{info}");
    if is_drawing || !terminal::is_taken() {
        former(info);
    }
}
