//! Random logs against a reference that scans every token, and maps of every size.

mod card;
mod grids;
mod reference;
mod view;
