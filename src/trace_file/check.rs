//! The ranges of a trace's values, the same for writing and reading.

use super::{TraceError, TraceShape};

/// Rounding that sums and orders of softmax weights may show.
const WEIGHT_SLACK: f32 = 1e-3;

/// The arrays that every trace has, and the bounds that the optional ones imply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrays<'a> {
    pub(super) shape: TraceShape,
    pub(super) tokens: &'a [i32],
    pub(super) experts: &'a [i32],
    pub(super) expert_weights: &'a [f32],
    /// `V`, if there are logits.
    pub(super) vocab_size: Option<usize>,
    /// `E`, if there are router logits.
    pub(super) num_local_experts: Option<usize>,
    /// Whether rules changed the choice: then a layer can have fewer experts than there is room for,
    /// and one can stand for two.
    pub(super) is_changed: bool,
}

/// What fills up where a layer chose fewer experts than there is room for.
const NO_EXPERT: i32 = -1;

impl Arrays<'_> {
    /// Refuses lengths that contradict the shape and values out of range.
    pub(super) fn check(&self, file: &str) -> Result<(), TraceError> {
        let refused = |(array, reason): (&str, String)| TraceError::Array {
            file: file.to_owned(),
            array: array.to_owned(),
            reason,
        };
        self.check_lengths().map_err(refused)?;
        self.check_tokens().map_err(refused)?;
        self.check_experts().map_err(refused)?;
        self.check_weights().map_err(refused)
    }

    fn check_lengths(&self) -> Result<(), (&'static str, String)> {
        let TraceShape {
            num_tokens,
            num_layers,
            num_experts_per_tok,
        } = self.shape;
        if num_tokens == 0 || num_layers == 0 || num_experts_per_tok == 0 {
            return Err(("experts", format!("empty: {:?}", self.shape)));
        }
        let chosen = num_tokens
            .checked_mul(num_layers)
            .and_then(|rows| rows.checked_mul(num_experts_per_tok))
            .unwrap_or(usize::MAX);
        for (array, expected, found) in [
            ("tokens", num_tokens, self.tokens.len()),
            ("experts", chosen, self.experts.len()),
            ("expert_weights", chosen, self.expert_weights.len()),
        ] {
            if expected != found {
                return Err((array, format!("expected {expected} values, found {found}")));
            }
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), (&'static str, String)> {
        let fault = |token: &&i32| !within(**token, self.vocab_size);
        match self.tokens.iter().find(fault) {
            Some(token) => Err(("tokens", out_of_range(*token, self.vocab_size))),
            None => Ok(()),
        }
    }

    fn check_experts(&self) -> Result<(), (&'static str, String)> {
        for chosen in self.experts.chunks_exact(self.shape.num_experts_per_tok) {
            let chosen = self.without_filler(chosen);
            for (rank, expert) in chosen.iter().enumerate() {
                if !within(*expert, self.num_local_experts) {
                    return Err(("experts", out_of_range(*expert, self.num_local_experts)));
                }
                if !self.is_changed && chosen[..rank].contains(expert) {
                    return Err((
                        "experts",
                        format!("expert {expert} is chosen twice at once"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The experts of a layer up to what fills up, of which the first has to be there.
    fn without_filler<'b>(&self, chosen: &'b [i32]) -> &'b [i32] {
        let missing = chosen[1..].iter().rev();
        let missing = missing.take_while(|id| self.is_changed && **id == NO_EXPERT);
        &chosen[..chosen.len() - missing.count()]
    }

    fn check_weights(&self) -> Result<(), (&'static str, String)> {
        let permitted = -WEIGHT_SLACK..=1.0 + WEIGHT_SLACK;
        for weights in self
            .expert_weights
            .chunks_exact(self.shape.num_experts_per_tok)
        {
            // NaN is in no range.
            if let Some(weight) = weights.iter().find(|weight| !permitted.contains(*weight)) {
                let reason = format!("weight {weight} is out of range, permitted: 0..=1");
                return Err(("expert_weights", reason));
            }
            if weights
                .windows(2)
                .any(|pair| pair[1] > pair[0] + WEIGHT_SLACK)
            {
                let reason = format!("{weights:?} do not descend");
                return Err(("expert_weights", reason));
            }
        }
        Ok(())
    }
}

fn within(id: i32, count: Option<usize>) -> bool {
    usize::try_from(id).is_ok_and(|id| count.is_none_or(|count| id < count))
}

fn out_of_range(id: i32, count: Option<usize>) -> String {
    let last = count.map_or(i32::MAX as usize, |count| count.saturating_sub(1));
    format!("id {id} is out of range, permitted: 0..={last}")
}
