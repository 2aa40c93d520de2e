//! `attention`: what the heads give to their sinks, and where one of them looks.

use gptoss::GptOss;
use gptoss::generate::{HeadIndex, HeadWeights, InspectOptions, Inspection, LensLayers};
use serde_json::{Value, json};

use super::args::AttentionArgs;
use super::exit::CliError;
use super::inside::{Sequence, heading};
use super::output;

/// Weights shown without `--json`: the largest so many.
const WEIGHTS_SHOWN: usize = 24;

/// Prints the table of sinks, or one head's weights too.
pub(crate) fn run(args: &AttentionArgs) -> Result<(), CliError> {
    let sequence = Sequence::read(&args.look)?;
    let head = args.layer.zip(args.head);
    let options = InspectOptions {
        layers: LensLayers::Only(Vec::new()),
        head: head.map(|(layer, head)| HeadIndex { layer, head }),
        interventions: args.look.experts.interventions(),
        ..InspectOptions::default()
    };
    let Some((model, found)) = sequence.look(&args.look, &options)? else {
        return Ok(());
    };
    if args.look.json {
        return output::line(&describe(&model, &found).to_string());
    }
    output::line(&heading(&model, &found))?;
    print_sinks(&model, &found)?;
    match &found.head {
        Some(head) => print_head(&model, head),
        None => Ok(()),
    }
}

fn describe(model: &GptOss, found: &Inspection) -> Value {
    let head = found.head.as_ref().map(|head| {
        let texts: Vec<String> = head.tokens.iter().map(|&id| model.token_text(id)).collect();
        json!({
            "layer": head.index.layer,
            "head": head.index.head,
            "first_position": head.first_position,
            "tokens": head.tokens,
            "texts": texts,
            "weights": head.weights,
            "sink": head.sink,
        })
    });
    json!({
        "model": model.loaded().name,
        "position": found.position,
        "token": found.token,
        "text": model.token_text(found.token),
        "sliding_window_tokens": model.config().sliding_window,
        "sinks": found.sinks,
        "head": head,
        "interventions": found.interventions,
    })
}

fn print_sinks(model: &GptOss, found: &Inspection) -> Result<(), CliError> {
    output::line(&format!(
        "percent of attention given to the sink; w: layers with a window of {} tokens",
        model.config().sliding_window
    ))?;
    let heads = 0..model.config().num_attention_heads;
    let heads: Vec<String> = heads.map(|head| format!("{head:>3}")).collect();
    output::line(&format!("layer    {}", heads.join(" ")))?;
    for (layer, sinks) in found.sinks.iter().enumerate() {
        let mark = if sinks.is_windowed { 'w' } else { ' ' };
        let shares = sinks.shares.iter();
        let shares: Vec<String> = shares.map(|s| format!("{:>3.0}", s * 100.0)).collect();
        output::line(&format!("{layer:>5} {mark}  {}", shares.join(" ")))?;
    }
    Ok(())
}

fn print_head(model: &GptOss, head: &HeadWeights) -> Result<(), CliError> {
    let HeadIndex {
        layer,
        head: number,
    } = head.index;
    output::line(&format!("\nlayer {layer}, head {number}"))?;
    output::line(&format!("{:>9} {:>6.1}%", "sink", head.sink * 100.0))?;
    let mut largest: Vec<usize> = (0..head.weights.len()).collect();
    largest.sort_by(|&a, &b| head.weights[b].total_cmp(&head.weights[a]));
    let rest = largest.split_off(WEIGHTS_SHOWN.min(largest.len()));
    largest.sort_unstable();
    for place in largest {
        let text = head.tokens.get(place).map(|&id| model.token_text(id));
        output::line(&format!(
            "{:>9} {:>6.1}%  {:?}",
            head.first_position + place,
            head.weights[place] * 100.0,
            text.unwrap_or_default()
        ))?;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let sum: f32 = rest.iter().map(|&place| head.weights[place]).sum();
    output::line(&format!(
        "{:>9} {:>6.1}%",
        format!("{} more", rest.len()),
        sum * 100.0
    ))
}
