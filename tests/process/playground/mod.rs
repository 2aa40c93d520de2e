//! The full screen in a pseudo-terminal.

mod conversation;
mod flood;
mod inert;
mod leaving;
mod recording;
mod screen;
mod scripts;
mod sizes;
mod starting;
mod stopping;
