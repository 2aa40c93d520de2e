//! Random logs against a reference that scans every token.

mod card;
mod grids;
mod profile;
pub(in crate::analytics) mod reference;
