//! `bench`: how fast a model reads and writes.
//!
//! A case reads `prompt_tokens` random tokens after `context_tokens` that are in the cache, then
//! writes `generated_tokens`, whatever they are. Every case is warmed up once and then repeated.
//! `capture` and `turns` measure other things with the same lengths.

mod capture;
mod measure;
mod report;
mod turns;

use gptoss::{GptOss, ModelConfig};

use super::args::BenchArgs;
use super::exit::CliError;
use super::predict::Prediction;
use super::{interrupt, model, output, progress};
use measure::{Bench, Case};
use report::Report;

/// Measures all cases.
pub(crate) fn run(args: &BenchArgs) -> Result<(), CliError> {
    let cases = cases(args)?;
    let target = Target::new(args)?;
    let config = target.config()?;
    for case in &cases {
        case.check(&config)?;
    }
    if args.dry_run {
        let largest = cases.iter().map(Case::total_tokens).max().unwrap_or(1);
        return target.prediction(&config)?.dry_run(largest, args.json);
    }
    let model = target.load(&config)?;
    let mut bench = Bench::new(&model, args);
    if args.capture {
        return run_capture(&mut bench, &cases, args);
    }
    if args.second_turn {
        return run_turns(&mut bench, &cases, args);
    }
    if !args.json {
        output::line(&Report::heading(&model, args.random.is_some()))?;
    }
    let rounds = (cases.len() * (args.repetitions + 1)) as u64;
    let bar = progress::bar("measuring", rounds, progress::Unit::Items);
    let mut done = 0;
    for case in &cases {
        let samples = bench.case(*case, args.repetitions, &mut || {
            done += 1;
            bar.set(done, rounds);
        })?;
        let report = Report::new(*case, &samples, &model, args.random.is_some());
        output::line(&if args.json {
            report.json()
        } else {
            report.row()
        })?;
        output::flush()?;
    }
    Ok(())
}

/// Measures what recording costs in all cases.
fn run_capture(bench: &mut Bench<'_>, cases: &[Case], args: &BenchArgs) -> Result<(), CliError> {
    let runs = (cases.len() * capture::runs(args.repetitions)) as u64;
    let bar = progress::bar("measuring", runs, progress::Unit::Items);
    let mut done = 0;
    for case in cases {
        let rounds = capture::measure(bench, *case, args.repetitions, &mut || {
            done += 1;
            bar.set(done, runs);
        })?;
        output::line(&capture::report(*case, &rounds, args.json)?)?;
        output::flush()?;
    }
    Ok(())
}

/// Measures how long a second turn waits in all cases.
fn run_turns(bench: &mut Bench<'_>, cases: &[Case], args: &BenchArgs) -> Result<(), CliError> {
    let runs = (cases.len() * (args.repetitions + 1)) as u64;
    let bar = progress::bar("measuring", runs, progress::Unit::Items);
    let mut done = 0;
    for case in cases {
        let rounds = turns::measure(bench, *case, args.repetitions, &mut || {
            done += 1;
            bar.set(done, runs);
        })?;
        output::line(&turns::report(&rounds, args.json)?)?;
        output::flush()?;
    }
    Ok(())
}

fn cases(args: &BenchArgs) -> Result<Vec<Case>, CliError> {
    if args.repetitions == 0 {
        return Err(CliError::usage("--repetitions must be at least 1"));
    }
    if args.prompt_tokens.contains(&0) {
        return Err(CliError::usage("--prompt-tokens must be at least 1"));
    }
    let mut cases = Vec::new();
    for &context_tokens in &args.context_tokens {
        for &prompt_tokens in &args.prompt_tokens {
            for &generated_tokens in &args.generated_tokens {
                cases.push(Case {
                    context_tokens,
                    prompt_tokens,
                    generated_tokens,
                });
            }
        }
    }
    Ok(cases)
}

/// What is measured.
struct Target<'a> {
    args: &'a BenchArgs,
    random: Option<ModelConfig>,
}

impl<'a> Target<'a> {
    fn new(args: &'a BenchArgs) -> Result<Self, CliError> {
        let random = args.random.as_deref().map(random_config).transpose()?;
        Ok(Self { args, random })
    }

    fn config(&self) -> Result<ModelConfig, CliError> {
        match &self.random {
            Some(config) => Ok(config.clone()),
            None => Ok(gptoss::open(&self.args.model.source())?.config().clone()),
        }
    }

    fn prediction(&self, config: &ModelConfig) -> Result<Prediction, CliError> {
        let (options, limits) = (self.args.model.options(), &self.args.limits);
        if self.random.is_some() {
            return Prediction::of_random(config, options, limits);
        }
        let checkpoint = gptoss::open(&self.args.model.source())?;
        Prediction::of_checkpoint(&checkpoint, options, limits)
    }

    fn load(&self, config: &ModelConfig) -> Result<GptOss, CliError> {
        if self.random.is_none() {
            return model::load(&self.args.model, &self.args.limits);
        }
        self.prediction(config)?.check_weights()?;
        let model = GptOss::random(config, self.args.model.options(), self.args.seed)?;
        interrupt::check()?;
        Ok(model)
    }
}

fn random_config(shape: &str) -> Result<ModelConfig, CliError> {
    match shape {
        "gpt-oss-20b" => return Ok(ModelConfig::gpt_oss_20b()),
        "gpt-oss-120b" => return Ok(ModelConfig::gpt_oss_120b()),
        _ => {}
    }
    let text = std::fs::read_to_string(shape).map_err(|error| {
        CliError::usage(format!("--random: cannot read {shape}: {error}"))
            .hint("name gpt-oss-20b, gpt-oss-120b or a config.json")
    })?;
    Ok(ModelConfig::from_json(&text, shape)?)
}
