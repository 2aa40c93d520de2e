//! Changes of the experts' choice: what a person asks for, in words, and what that means for a layer.
//!
//! Knows neither models nor screens. Start with [`Rule`], one statement such as `mask 5:12`;
//! [`Interventions`] are those in force together. [`RoutingPlan`] is their checked form for a model's
//! [`RouterShape`], and [`LayerPlan::choose`] applies it to one token in plain Rust: the reference for
//! the device's version, and what the synthetic engine uses.
//!
//! Everything acts before the selection but `zero` and `swap`, which change what a chosen expert
//! gives and leave the router's choice of that layer alone. Without rules there is no plan, and the
//! model runs as if this module did not exist.
//!
//! Invariant: a [`RoutingPlan`] names only layers and experts that exist, and leaves every layer
//! enough experts to choose from.

pub(crate) mod choose;
mod forced;
mod noise;
mod plan;
mod rule;
mod set;

#[cfg(test)]
mod tests;

pub use forced::{ForcedRouting, ForcedRoutingError};
pub use noise::RouterNoise;
pub use plan::{InterventionError, LayerPlan, RouterShape, RoutingPlan};
pub use rule::{ExpertEffect, Layers, Rule, RuleError};
pub use set::Interventions;

/// In place of an expert's id where a layer chose fewer experts than the record has room for.
pub const NO_EXPERT: u16 = u16::MAX;
