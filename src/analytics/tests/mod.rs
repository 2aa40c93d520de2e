//! Random logs against a reference that scans every token, and maps of every size.

mod card;
mod grids;
mod profile;
mod reference;
mod view;
