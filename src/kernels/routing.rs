//! Which tokens go to which expert: the pairs of token and expert, sorted by expert.

use super::KernelError;
use super::tile::Group;

/// Pairs are numbered `t * K + k`, as they lie in the router's result.
#[derive(Debug)]
pub(super) struct Routing {
    pairs: Vec<usize>,
    groups: Vec<Group>,
    /// Of each pair: its group, and its position in `pairs`.
    places: Vec<(usize, usize)>,
}

impl Routing {
    /// Sorts pairs by expert, those of one expert in their own order.
    pub(super) fn new(expert_ids: &[u32], num_local_experts: usize) -> Result<Self, KernelError> {
        if let Some(&expert) = expert_ids
            .iter()
            .find(|&&id| id as usize >= num_local_experts)
        {
            return Err(KernelError::Expert {
                expert,
                num_local_experts,
            });
        }
        let mut pairs: Vec<usize> = (0..expert_ids.len()).collect();
        pairs.sort_by_key(|&pair| expert_ids[pair]);
        let mut groups: Vec<Group> = Vec::new();
        let mut places = vec![(0, 0); pairs.len()];
        for (position, &pair) in pairs.iter().enumerate() {
            let expert = expert_ids[pair] as usize;
            match groups.last_mut() {
                Some(group) if group.expert == expert => group.tokens.end = position + 1,
                _ => groups.push(Group {
                    expert,
                    tokens: position..position + 1,
                }),
            }
            places[pair] = (groups.len() - 1, position);
        }
        Ok(Self {
            pairs,
            groups,
            places,
        })
    }

    /// The pairs, sorted.
    pub(super) fn pairs(&self) -> &[usize] {
        &self.pairs
    }

    /// One group for every expert that has tokens; ranges count in [`Routing::pairs`].
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Pairs of the largest group.
    pub(super) fn max_tokens(&self) -> usize {
        let sizes = self.groups.iter().map(|group| group.tokens.len());
        sizes.max().unwrap_or(0)
    }

    /// The group of a pair, and its position in [`Routing::pairs`].
    pub(super) fn place(&self, pair: usize) -> (&Group, usize) {
        let (group, position) = self.places[pair];
        (&self.groups[group], position)
    }
}
