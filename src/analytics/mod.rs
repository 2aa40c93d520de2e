//! Numbers over recorded routing: who was chosen, how evenly, and by which tokens.
//!
//! Start with [`RoutingLog`]: it holds the routing of a sequence's tokens by position. A
//! [`Selection`] names some of them, a [`Measure`] says what is counted, and [`RoutingLog::grid`]
//! gives a [`Grid`] of all layers and experts. From grids follow the [`Balance`], the
//! [`difference`] of two spans and, through [`normalize`], what a map shows; [`ExpertCard`] follows
//! one expert through the log, and a [`Profile`] compares the domains of a labelled prompt set.
//!
//! Nothing here knows text, screens, models or time: tokens are positions, and whoever wants their
//! text lends a function. Each quantity has a plain [`Definition`].
//!
//! Invariants: positions in a log ascend, and all its tokens fit its number of layers and experts;
//! the totals kept beside the tokens equal what a scan over them would find.

mod balance;
mod card;
mod compare;
mod definitions;
mod diff;
mod entropy;
mod grid;
mod log;
mod pairs;
mod profile;
mod scale;
mod selection;
mod token;
mod totals;

#[cfg(test)]
mod tests;

pub use balance::{Balance, COVERED_SHARE, LayerBalance};
pub use card::{CardQuery, Choice, ExpertCard, TextCount, Transition};
pub use compare::{agreement, jensen_shannon};
pub use definitions::{DEFINITIONS, Definition, INSIDE_DEFINITIONS, PROFILE_DEFINITIONS};
pub use diff::{
    Alignment, AlignmentMethod, CellChange, DiffError, DiffSide, LayerDiff, RunDiff,
    TokenAgreement, weighted_agreement,
};
pub use entropy::{LayerEntropies, chosen_entropy, max_entropy, normalized};
pub use grid::{Grid, GridError, Measure, TotalsRef, difference};
pub use log::{LogError, RoutingLog};
pub use pairs::{PairLift, pair_lifts};
pub use profile::{
    DomainProfile, DomainSimilarity, Half, LabelledRouting, Profile, ProfileError, ProfileFile,
    ProfileFileError, ProfileOptions, Specialist, halves,
};
pub use scale::{Bounds, Scale, normalize};
pub use selection::Selection;
pub use token::{RoutedToken, Span, SpanSet};
