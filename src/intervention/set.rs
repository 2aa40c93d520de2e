//! The rules in force together.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rule::{Rule, RuleError};

/// The rules in force together, in the order they were given; none is the model as it is.
///
/// No two of them are about the same thing: the later one has replaced the earlier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Rule>", into = "Vec<Rule>")]
pub struct Interventions {
    rules: Vec<Rule>,
}

impl Interventions {
    /// No rule.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether the model runs as it is.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Adds a rule, in place of one about the same thing.
    pub fn set(&mut self, rule: Rule) {
        self.rules.retain(|other| !other.is_about_the_same(&rule));
        self.rules.push(rule);
    }

    /// Adds a rule, or takes away the same one; tells whether it is in force now.
    pub fn toggle(&mut self, rule: Rule) -> bool {
        if let Some(at) = self.rules.iter().position(|other| *other == rule) {
            self.rules.remove(at);
            return false;
        }
        self.set(rule);
        true
    }

    /// Takes away the rule at `index`, if there is one.
    pub fn remove(&mut self, index: usize) -> Option<Rule> {
        (index < self.rules.len()).then(|| self.rules.remove(index))
    }

    /// What is said about one expert, the last word first.
    pub fn about(&self, layer: usize, expert: usize) -> Option<&Rule> {
        self.rules.iter().rev().find(|rule| match rule {
            Rule::Expert {
                layers,
                expert: named,
                ..
            } => layers.contains(layer) && *named == expert,
            _ => false,
        })
    }
}

impl From<Vec<Rule>> for Interventions {
    fn from(rules: Vec<Rule>) -> Self {
        rules.into_iter().collect()
    }
}

impl From<Interventions> for Vec<Rule> {
    fn from(interventions: Interventions) -> Self {
        interventions.rules
    }
}

impl FromIterator<Rule> for Interventions {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut set = Self::none();
        for rule in rules {
            set.set(rule);
        }
        set
    }
}

impl fmt::Display for Interventions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.rules.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{rule}")?;
        }
        Ok(())
    }
}

/// Rules separated by commas, as [`Display`](fmt::Display) writes them.
impl FromStr for Interventions {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let rules = text
            .split(',')
            .map(str::trim)
            .filter(|rule| !rule.is_empty());
        rules.map(Rule::from_str).collect()
    }
}
