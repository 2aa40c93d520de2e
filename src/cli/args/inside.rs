//! Looking inside: `lens` and `attention`.

use std::str::FromStr;

use clap::Args;
use gptoss::generate::LensLayers;

use super::{InterventionArgs, LimitArgs, ModelArgs, PromptArgs};

/// What both have: a model, a prompt, and the token to look at.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) prompt: PromptArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) experts: InterventionArgs,
    /// The position of the prompt's token to look at, from 0 [default: the last one].
    #[arg(long, value_name = "N")]
    pub(crate) position: Option<usize>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Only tell what this would take; exit code 3 if that is more than the memory limit.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `lens`.
#[derive(Debug, Args)]
pub(crate) struct LensArgs {
    #[command(flatten)]
    pub(crate) look: LookArgs,
    /// The layers to look after: `all`, or numbers from 0 separated by commas.
    #[arg(long, value_name = "LAYERS", default_value = "all")]
    pub(crate) layers: LayersArg,
    /// How many of the most probable tokens to name.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// A token id to tell probability and rank of [default: the one after --position].
    #[arg(long, value_name = "ID")]
    pub(crate) token: Option<u32>,
}

/// `attention`.
#[derive(Debug, Args)]
pub(crate) struct AttentionArgs {
    #[command(flatten)]
    pub(crate) look: LookArgs,
    /// Show the weights of a head of this layer.
    #[arg(long, value_name = "L", requires = "head")]
    pub(crate) layer: Option<usize>,
    /// The head, from 0.
    #[arg(long, value_name = "H", requires = "layer")]
    pub(crate) head: Option<usize>,
}

/// Layers as the command line writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayersArg(pub(crate) LensLayers);

impl FromStr for LayersArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(LensLayers::All));
        }
        let layer = |part: &str| {
            let number = part.trim().parse::<usize>();
            number
                .map_err(|_| format!("{part:?} is no layer; write all, or numbers such as 0,5,11"))
        };
        let layers: Result<Vec<usize>, String> = text.split(',').map(layer).collect();
        Ok(Self(LensLayers::Only(layers?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_all_or_numbers() {
        let parse = |text: &str| text.parse::<LayersArg>().map(|layers| layers.0);
        assert_eq!(parse("all"), Ok(LensLayers::All));
        assert_eq!(parse("3, 0"), Ok(LensLayers::Only(vec![3, 0])));
        for text in ["", "1,", "-1", "every"] {
            assert!(parse(text).unwrap_err().contains("is no layer"), "{text}");
        }
    }
}
