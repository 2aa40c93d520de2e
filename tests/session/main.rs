//! Sessions on disk: what damage, strangers, a second program and a full disk do to them.
//!
//! Built from the public interface alone, without a model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod child;
mod damage;
mod exports;
mod folder;
mod hostile;
mod imports;
mod made;
mod sharing;
