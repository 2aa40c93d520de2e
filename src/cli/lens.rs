//! `lens`: what the model would say if it ended after each layer.

use gptoss::GptOss;
use gptoss::generate::{InspectOptions, Inspection, LensRow};
use serde_json::{Value, json};

use super::args::LensArgs;
use super::exit::CliError;
use super::inside::{Sequence, heading};
use super::output;

/// Prints the lens.
pub(crate) fn run(args: &LensArgs) -> Result<(), CliError> {
    let sequence = Sequence::read(&args.look)?;
    let options = InspectOptions {
        layers: args.layers.0.clone(),
        top: args.top,
        target: args.token.or(sequence.next),
        head: None,
        interventions: args.look.experts.interventions(),
    };
    let Some((model, found)) = sequence.look(&args.look, &options)? else {
        return Ok(());
    };
    if args.look.json {
        return output::line(&describe(&model, &found).to_string());
    }
    print(&model, &found, options.target)
}

fn describe(model: &GptOss, found: &Inspection) -> Value {
    let rows: Vec<Value> = found
        .lens
        .iter()
        .map(|row| describe_row(model, row))
        .collect();
    json!({
        "model": model.loaded().name,
        "position": found.position,
        "token": found.token,
        "text": model.token_text(found.token),
        "layers": rows,
        "norms": found.norms,
        "interventions": found.interventions,
    })
}

fn describe_row(model: &GptOss, row: &LensRow) -> Value {
    let top = row.top.iter().map(|token| {
        json!({
            "id": token.id,
            "text": model.token_text(token.id),
            "probability": token.probability,
        })
    });
    let target = row.target.map(|target| {
        json!({
            "id": target.id,
            "text": model.token_text(target.id),
            "probability": target.probability,
            "rank": target.rank,
        })
    });
    json!({
        "layer": row.layer,
        "entropy": row.entropy,
        "top": top.collect::<Vec<_>>(),
        "target": target,
    })
}

fn print(model: &GptOss, found: &Inspection, target: Option<u32>) -> Result<(), CliError> {
    output::line(&heading(model, found))?;
    let target = target.map(|id| format!("{:?}", model.token_text(id)));
    let wanted = target.map_or_else(String::new, |text| format!("  {:>16}", cut(&text)));
    output::line(&format!(
        "layer     norm  entropy{wanted}  most probable next tokens"
    ))?;
    found
        .lens
        .iter()
        .try_for_each(|row| output::line(&line(model, found, row)))
}

/// A row: the stream's length and the entropy in nats, the target, the alternatives.
fn line(model: &GptOss, found: &Inspection, row: &LensRow) -> String {
    let norms = &found.norms.after_experts;
    let norm = norms.get(row.layer).copied().unwrap_or_default();
    let mut cells = vec![format!(
        "{:>5}  {norm:>7.1}  {:>7.3}",
        row.layer, row.entropy
    )];
    cells.extend(row.target.map(|target| {
        let place = format!("{} #{}", percent(target.probability), target.rank);
        format!("{place:>16}")
    }));
    cells.extend(row.top.iter().map(|token| {
        let text = format!("{:?}", model.token_text(token.id));
        format!("{} {:<14}", percent(token.probability), cut(&text))
    }));
    cells.join("  ").trim_end().to_owned()
}

fn percent(share: f32) -> String {
    format!("{:>5.1}%", share * 100.0)
}

/// The beginning of a text that is too long for its column.
fn cut(text: &str) -> String {
    const WIDTH: usize = 14;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}
