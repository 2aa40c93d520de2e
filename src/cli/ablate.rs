//! `ablate`: the model as it is and with experts changed, side by side.

use gptoss::generate::Ablation;
use gptoss::intervention::Interventions;
use gptoss::ui::widgets::format::divergence;
use gptoss::{GenerateOptions, GptOss};
use serde_json::json;

use super::args::AblateArgs;
use super::exit::CliError;
use super::prompt::Prompt;
use super::{interrupt, model, output};

/// Columns of the longest bar.
const BAR: usize = 24;

/// Answers twice, compares, prints.
pub(crate) fn run(args: &AblateArgs) -> Result<(), CliError> {
    let mut sampling = args.sampling.params()?;
    let (base, changed) = rules(args)?;
    let prompt = Prompt::read(&args.model.source(), &args.prompt)?;
    prompt.complete(&mut sampling);
    let model = model::load(&args.model, &args.limits)?;
    let options = GenerateOptions {
        max_tokens: Some(args.max_tokens),
        sampling,
        interventions: base,
        stop_tokens: prompt.stop_tokens(model.config(), None),
        prefill_chunk_tokens: args.limits.prefill_chunk_tokens(),
        kv_precision: args.limits.kv_precision(),
        memory_limit_bytes: args.limits.memory_limit_bytes(),
        ..GenerateOptions::default()
    };
    let mut go_on = |_, _, _| !interrupt::requested();
    let found = model.ablate(&prompt.ids, &options, &changed, &mut go_on)?;
    let ablation = found.ok_or_else(interrupt::error)?;
    if args.json {
        return json(&model, &options, &changed, &ablation);
    }
    table(&model, &options, &changed, &ablation)
}

/// The rules of both runs, and those of the second.
fn rules(args: &AblateArgs) -> Result<(Interventions, Interventions), CliError> {
    let base: Interventions = args.base.iter().copied().collect();
    let mut changed = base.clone();
    for rule in args.experts.interventions().rules() {
        changed.set(*rule);
    }
    if changed == base {
        return Err(CliError::usage("--rule has to change something")
            .hint("such as --rule \"mask 3:5\", or --rule \"zero *:2\""));
    }
    Ok((base, changed))
}

fn json(
    model: &GptOss,
    options: &GenerateOptions,
    changed: &Interventions,
    ablation: &Ablation,
) -> Result<(), CliError> {
    let value = json!({
        "model": model.loaded().name,
        "program_version": env!("CARGO_PKG_VERSION"),
        "sampling": options.sampling,
        "baseline_rules": options.interventions,
        "ablated_rules": changed,
        "baseline_text": text(model, &ablation.baseline),
        "ablated_text": text(model, &ablation.ablated),
        "first_difference": ablation.first_difference(),
        "mean_kl_nats": ablation.mean_kl_nats(),
        "ablation": ablation,
    });
    output::line(&value.to_string())
}

fn table(
    model: &GptOss,
    options: &GenerateOptions,
    changed: &Interventions,
    ablation: &Ablation,
) -> Result<(), CliError> {
    let base = match &options.interventions {
        rules if rules.is_empty() => "the model as it is".to_owned(),
        rules => rules.to_string(),
    };
    output::line(&format!(
        "{}, seed {}",
        model.loaded().name,
        options.sampling.seed
    ))?;
    output::line(&format!(
        "baseline  {base}: {}",
        text(model, &ablation.baseline)
    ))?;
    output::line(&format!(
        "ablated   {changed}: {}",
        text(model, &ablation.ablated)
    ))?;
    let positions = &ablation.positions;
    let at = ablation.first_difference();
    output::line(&match at {
        None => format!(
            "the answers are the same, token by token{}",
            cut_off(options, &ablation.baseline)
        ),
        Some(index) => format!(
            "first different token: {index}, {} became {}",
            token(model, ablation.baseline.get(index)),
            token(model, ablation.ablated.get(index))
        ),
    })?;
    if let Some(mean) = ablation.mean_kl_nats() {
        output::line(&format!(
            "KL divergence: {} nats a token; the same most likely token in {} of {} positions",
            divergence(mean),
            ablation.agreeing_positions(),
            positions.len()
        ))?;
    }
    output::line("\ntoken   KL nats  p before   p after  text             most likely after")?;
    let highest = positions.iter().map(|at| at.kl_nats).fold(0.0, f32::max);
    for (index, (position, id)) in positions.iter().zip(&ablation.baseline).enumerate() {
        let share = position.kl_nats / highest.max(f32::MIN_POSITIVE);
        let row = format!(
            "{index:>5}  {:>8}  {:>8.4}  {:>8.4}  {:<16} {:<12} {}",
            divergence(position.kl_nats),
            position.logprob_before.exp(),
            position.logprob_after.exp(),
            token(model, Some(id)),
            token(model, Some(&position.best_after)),
            "#".repeat((share * BAR as f32).round() as usize),
        );
        output::line(row.trim_end())?;
    }
    Ok(())
}

/// That more could follow, where the limit ended the answer.
fn cut_off(options: &GenerateOptions, ids: &[u32]) -> String {
    let is_ended = ids
        .last()
        .is_some_and(|id| options.stop_tokens.contains(id));
    if is_ended || options.max_tokens != Some(ids.len()) {
        return String::new();
    }
    format!(
        ", as far as they were made: --max-tokens ended them after {}",
        ids.len()
    )
}

fn text(model: &GptOss, ids: &[u32]) -> String {
    let texts = ids.iter().map(|id| model.token_text(*id));
    texts.collect::<String>().replace('\n', "\\n")
}

fn token(model: &GptOss, id: Option<&u32>) -> String {
    match id {
        Some(id) => format!("{:?}", model.token_text(*id)),
        None => "the end".to_owned(),
    }
}
