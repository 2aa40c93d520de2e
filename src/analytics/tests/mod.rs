//! Random logs against a reference that scans every token for every number.

mod card;
mod grids;
mod reference;
