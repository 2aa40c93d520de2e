//! The rules, checked against a model and sorted by layer.

use std::sync::Arc;

use super::forced::{ForcedRouting, ForcedRoutingError};
use super::noise::RouterNoise;
use super::rule::{ExpertEffect, Layers, Rule};
use super::set::Interventions;

/// What rules need to know of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterShape {
    /// Layers.
    pub num_layers: usize,
    /// Experts of each.
    pub num_local_experts: usize,
    /// Experts that each token goes to.
    pub num_experts_per_tok: usize,
}

/// What each layer does differently.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingPlan {
    layers: Vec<Option<LayerPlan>>,
    forced: Option<Arc<ForcedRouting>>,
}

/// What one layer does differently.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerPlan {
    pub(crate) layer: usize,
    /// Experts that each token goes to here.
    pub num_experts_per_tok: usize,
    /// Room for experts in the record of every layer, the same in all.
    pub recorded_experts_per_tok: usize,
    /// Divides the logits; none where they stay.
    pub temperature: Option<f32>,
    /// Added to the logits, `[E]`; negative infinity masks. None where nothing is added.
    pub bias: Option<Vec<f32>>,
    /// Chosen in any case.
    pub forced: Vec<usize>,
    /// Chosen as ever, without effect.
    pub zeroed: Vec<usize>,
    /// Where the first is chosen, the second computes.
    pub swapped: Vec<(usize, usize)>,
    /// Added to the logits.
    pub noise: Option<RouterNoise>,
    /// A recorded run's choices.
    pub(crate) recorded: Option<Arc<ForcedRouting>>,
}

/// Rules that cannot be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InterventionError {
    /// There is no such layer.
    #[error("\"{rule}\": there is no layer {layer}, they go from 0 to {last}")]
    NoSuchLayer {
        /// The rule.
        rule: Rule,
        /// The layer named.
        layer: usize,
        /// The last one there is.
        last: usize,
    },
    /// There is no such expert.
    #[error("\"{rule}\": there is no expert {expert}, they go from 0 to {last}")]
    NoSuchExpert {
        /// The rule.
        rule: Rule,
        /// The expert named.
        expert: usize,
        /// The last one there is.
        last: usize,
    },
    /// A number is out of range.
    #[error("\"{rule}\": {what}")]
    OutOfRange {
        /// The rule.
        rule: Rule,
        /// What is permitted.
        what: String,
    },
    /// More experts are to be chosen than are left.
    #[error(
        "layer {layer} would have {left} experts left to choose {wanted} from; mask fewer, or lower \
         top-k"
    )]
    TooFewLeft {
        /// Where.
        layer: usize,
        /// Experts that are not masked.
        left: usize,
        /// Experts to choose.
        wanted: usize,
    },
    /// More experts are forced than a token goes to.
    #[error(
        "layer {layer} has {forced} forced experts, and each token goes to {wanted}; force fewer, \
         or raise top-k"
    )]
    TooManyForced {
        /// Where.
        layer: usize,
        /// Experts forced.
        forced: usize,
        /// Experts to choose.
        wanted: usize,
    },
    /// A recorded run to follow does not fit the model.
    #[error(transparent)]
    Forced(#[from] ForcedRoutingError),
}

impl Interventions {
    /// Checks the rules for a model of this shape.
    ///
    /// # Errors
    /// The first rule that cannot be followed, and why.
    pub fn check(&self, shape: &RouterShape) -> Result<(), InterventionError> {
        RoutingPlan::new(self, None, shape).map(|_| ())
    }
}

impl RoutingPlan {
    /// What the rules and a recorded run to follow mean for a model; nothing without either.
    ///
    /// # Errors
    /// The first rule that cannot be followed, and why.
    pub fn new(
        interventions: &Interventions,
        forced: Option<&ForcedRouting>,
        shape: &RouterShape,
    ) -> Result<Option<Self>, InterventionError> {
        let forced = forced.filter(|forced| !forced.is_empty());
        if interventions.is_empty() && forced.is_none() {
            return Ok(None);
        }
        if let Some(forced) = forced {
            forced.check(shape)?;
            check_beside_forced(interventions)?;
        }
        let forced = forced.map(|forced| Arc::new(forced.clone()));
        for rule in interventions.rules() {
            check_rule(rule, shape)?;
        }
        let mut layers = (0..shape.num_layers)
            .map(|layer| layer_plan(layer, interventions, forced.as_ref(), shape))
            .collect::<Result<Vec<_>, _>>()?;
        let widest = layers.iter().map(|plan| plan.num_experts_per_tok).max();
        for plan in &mut layers {
            plan.recorded_experts_per_tok = widest.unwrap_or_default();
        }
        let layers = layers
            .into_iter()
            .map(|plan| (!plan.is_neutral(shape)).then_some(plan))
            .collect();
        Ok(Some(Self { layers, forced }))
    }

    /// What one layer does differently; nothing where it runs as it is.
    pub fn layer(&self, layer: usize) -> Option<&LayerPlan> {
        self.layers.get(layer)?.as_ref()
    }

    /// The recorded run that is followed.
    pub fn forced(&self) -> Option<&ForcedRouting> {
        self.forced.as_deref()
    }
}

impl LayerPlan {
    /// The layer as it is.
    pub fn unchanged(shape: &RouterShape) -> Self {
        Self {
            layer: 0,
            num_experts_per_tok: shape.num_experts_per_tok,
            recorded_experts_per_tok: shape.num_experts_per_tok,
            temperature: None,
            bias: None,
            forced: Vec::new(),
            zeroed: Vec::new(),
            swapped: Vec::new(),
            noise: None,
            recorded: None,
        }
    }

    /// Whether it is the same as no plan.
    fn is_neutral(&self, shape: &RouterShape) -> bool {
        let as_ever = shape.num_experts_per_tok;
        self.num_experts_per_tok == as_ever
            && self.recorded_experts_per_tok == as_ever
            && self.temperature.is_none()
            && self.bias.is_none()
            && self.noise.is_none()
            && self.recorded.is_none()
            && self.forced.is_empty()
            && self.zeroed.is_empty()
            && self.swapped.is_empty()
    }
}

fn check_rule(rule: &Rule, shape: &RouterShape) -> Result<(), InterventionError> {
    let out_of_range = |what: String| Err(InterventionError::OutOfRange { rule: *rule, what });
    if let Rule::Expert { layers, .. }
    | Rule::TopK { layers, .. }
    | Rule::Temperature { layers, .. } = rule
        && let Layers::Range { last, .. } = *layers
        && last >= shape.num_layers
    {
        return Err(InterventionError::NoSuchLayer {
            rule: *rule,
            layer: last,
            last: shape.num_layers.saturating_sub(1),
        });
    }
    match *rule {
        Rule::Expert { expert, effect, .. } => {
            let other = match effect {
                ExpertEffect::Swap(other) => other,
                _ => expert,
            };
            let named = expert.max(other);
            if named >= shape.num_local_experts {
                return Err(InterventionError::NoSuchExpert {
                    rule: *rule,
                    expert: named,
                    last: shape.num_local_experts.saturating_sub(1),
                });
            }
            Ok(())
        }
        Rule::TopK {
            num_experts_per_tok,
            ..
        } if !(1..=shape.num_local_experts).contains(&num_experts_per_tok) => {
            out_of_range(format!("top-k goes from 1 to {}", shape.num_local_experts))
        }
        Rule::Temperature { temperature, .. } if !(0.01..=100.0).contains(&temperature) => {
            out_of_range("the router's temperature goes from 0.01 to 100".to_owned())
        }
        Rule::Noise(RouterNoise { std_dev, .. }) if !(0.0..=1000.0).contains(&std_dev) => {
            out_of_range("the noise's standard deviation goes from 0 to 1000".to_owned())
        }
        Rule::TopK { .. } | Rule::Temperature { .. } | Rule::Noise(_) => Ok(()),
    }
}

/// Where a recorded run's choice is followed, nothing else can choose.
fn check_beside_forced(interventions: &Interventions) -> Result<(), InterventionError> {
    let chooses = |rule: &&Rule| match rule {
        Rule::Expert { effect, .. } => matches!(effect, ExpertEffect::Mask | ExpertEffect::Force),
        Rule::TopK { .. } => true,
        Rule::Temperature { .. } | Rule::Noise(_) => false,
    };
    match interventions.rules().iter().find(chooses) {
        None => Ok(()),
        Some(rule) => Err(InterventionError::OutOfRange {
            rule: *rule,
            what: "the experts of a recorded run are followed, so nothing else can choose"
                .to_owned(),
        }),
    }
}

fn layer_plan(
    layer: usize,
    interventions: &Interventions,
    recorded: Option<&Arc<ForcedRouting>>,
    shape: &RouterShape,
) -> Result<LayerPlan, InterventionError> {
    let mut plan = LayerPlan {
        layer,
        recorded: recorded.cloned(),
        ..LayerPlan::unchanged(shape)
    };
    for rule in interventions.rules() {
        match *rule {
            Rule::Expert {
                layers,
                expert,
                effect,
            } if layers.contains(layer) => plan.take(expert, effect, shape.num_local_experts),
            Rule::TopK {
                layers,
                num_experts_per_tok,
            } if layers.contains(layer) => plan.num_experts_per_tok = num_experts_per_tok,
            Rule::Temperature {
                layers,
                temperature,
            } if layers.contains(layer) => plan.temperature = Some(temperature),
            Rule::Noise(noise) => plan.noise = (noise.std_dev > 0.0).then_some(noise),
            _ => {}
        }
    }
    plan.check_numbers(shape)?;
    Ok(plan)
}

impl LayerPlan {
    /// Takes over what is said of one expert; a later word counts where two contradict.
    fn take(&mut self, expert: usize, effect: ExpertEffect, num_local_experts: usize) {
        self.forget(expert);
        let bias = &mut self.bias;
        let mut add = |amount: f32| {
            bias.get_or_insert_with(|| vec![0.0; num_local_experts])[expert] = amount;
        };
        match effect {
            ExpertEffect::Mask => add(f32::NEG_INFINITY),
            ExpertEffect::Bias(amount) => add(amount),
            ExpertEffect::Force => self.forced.push(expert),
            ExpertEffect::Zero => self.zeroed.push(expert),
            ExpertEffect::Swap(other) => self.swapped.push((expert, other)),
        }
    }

    fn forget(&mut self, expert: usize) {
        if let Some(bias) = &mut self.bias {
            bias[expert] = 0.0;
        }
        self.forced.retain(|other| *other != expert);
        self.zeroed.retain(|other| *other != expert);
        self.swapped.retain(|(from, _)| *from != expert);
    }

    fn check_numbers(&self, shape: &RouterShape) -> Result<(), InterventionError> {
        let masked = |bias: &Vec<f32>| bias.iter().filter(|b| **b == f32::NEG_INFINITY).count();
        let left = shape.num_local_experts - self.bias.as_ref().map_or(0, masked);
        let (layer, wanted) = (self.layer, self.num_experts_per_tok);
        if left < wanted {
            return Err(InterventionError::TooFewLeft {
                layer,
                left,
                wanted,
            });
        }
        if self.forced.len() > wanted {
            return Err(InterventionError::TooManyForced {
                layer,
                forced: self.forced.len(),
                wanted,
            });
        }
        Ok(())
    }
}
