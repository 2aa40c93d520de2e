//! A recorded run's routing, for a run of the same weights to follow.

use super::{TraceFile, TraceShape};
use crate::intervention::ForcedRouting;

/// A trace cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// No token has routing.
    #[error("{name} holds no routing to follow")]
    Empty {
        /// The trace.
        name: String,
    },
    /// It is of a model of another shape.
    #[error(
        "{name} is of a model with {found} {what}, this one has {expected}: its routing cannot be \
         forced"
    )]
    Shape {
        /// The trace.
        name: String,
        /// What differs.
        what: &'static str,
        /// The trace's.
        found: usize,
        /// The model's.
        expected: usize,
    },
    /// It is of other weights.
    #[error(
        "{name} is of other weights ({model}, digest {found}), these have digest {expected}: its \
         routing means other experts"
    )]
    Weights {
        /// The trace.
        name: String,
        /// The trace's model.
        model: String,
        /// The beginning of its digest.
        found: String,
        /// The beginning of the model's.
        expected: String,
    },
}

impl TraceFile {
    /// The experts chosen at each position, for a model of this shape and these weights; `name` is
    /// what people call the trace.
    ///
    /// # Errors
    /// [`FollowError`] where the trace has no routing or is of another model.
    pub fn forced_routing(
        &self,
        name: &str,
        shape: &TraceShape,
        weights_digest: &str,
    ) -> Result<ForcedRouting, FollowError> {
        let (name, recorded) = (name.to_owned(), self.shape());
        if self.tokens.iter().all(|token| token.routing.is_none()) {
            return Err(FollowError::Empty { name });
        }
        for (what, found, expected) in [
            ("layers", recorded.num_layers, shape.num_layers),
            (
                "experts a layer",
                recorded.num_local_experts,
                shape.num_local_experts,
            ),
            (
                "experts a token",
                recorded.num_experts_per_tok,
                shape.num_experts_per_tok,
            ),
            (
                "tokens in its vocabulary",
                recorded.vocab_size,
                shape.vocab_size,
            ),
        ] {
            if found != expected {
                return Err(FollowError::Shape {
                    name,
                    what,
                    found,
                    expected,
                });
            }
        }
        if self.header.weights_digest != weights_digest {
            return Err(FollowError::Weights {
                name,
                model: self.header.model_name.clone(),
                found: short(&self.header.weights_digest),
                expected: short(weights_digest),
            });
        }
        let mut forced = ForcedRouting::new();
        for (position, token) in self.tokens.iter().enumerate() {
            if let Some(routing) = &token.routing {
                forced.set(position, routing.experts().to_vec());
            }
        }
        Ok(forced)
    }
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
