//! `profile`: which experts the domains of a labelled prompt set prefer.

mod report;
mod set;

use std::path::Path;

use gptoss::analytics::{
    Grid, LabelledRouting, Measure, Profile, ProfileOptions, RoutedToken, RoutingLog, Selection,
    Span,
};
use gptoss::generate::{CachedPositions, RecordOptions, SamplingParams};
use gptoss::share::Format;
use gptoss::tokenizer::Tokenizer;
use gptoss::whole_file;
use gptoss::{GenerateOptions, GptOss};

use self::report::{Report, Source};
use self::set::{BrokenLine, Labelled};
use super::args::ProfileArgs;
use super::exit::CliError;
use super::{conversation, interrupt, model, output, progress, text, trace, writable};

/// Profiles the set, prints and writes what was found; broken lines make it end with code 2.
pub(crate) fn run(args: &ProfileArgs) -> Result<(), CliError> {
    for path in args.files() {
        writable::check_file(path)?;
    }
    let tokenizer = text::tokenizer(&args.model.source())?;
    let set = set::read(&args.file, &args.framing, &tokenizer)?;
    let mut broken = set.broken;
    if set.prompts.is_empty() {
        tell(&broken);
        return Err(CliError::usage(format!(
            "{} holds no prompt that can be read",
            args.file.display()
        )));
    }
    let compared = compared(args, &tokenizer)?;
    let model = model::load(&args.model, &args.limits)?;
    let runner = Runner {
        model: &model,
        args,
        stop_tokens: stop_tokens(&model, &tokenizer),
        prefix: shared_prefix(&set.prompts),
    };
    let routings = runner.all(&set.prompts, &mut broken)?;
    tell(&broken);
    let options = ProfileOptions {
        seed: args.seed,
        min_lift: args.min_lift,
        ..ProfileOptions::default()
    };
    let profile = Profile::of(&routings, options).map_err(CliError::usage)?;
    let similarities = compared
        .map(|ids| {
            profile
                .compare(&runner.counts(&ids)?)
                .map_err(CliError::failed)
        })
        .transpose()?;
    let source = runner.source(&broken)?;
    interrupt::check()?;
    write(
        args,
        &Report::new(&profile, similarities.as_deref(), &source),
    )?;
    if broken.is_empty() {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "left out {} of {} lines of {}",
        broken.len(),
        set.lines,
        args.file.display()
    )))
}

fn tell(broken: &[BrokenLine]) {
    for line in broken {
        output::note(&format!("line {}: {}", line.number, line.reason));
    }
}

fn compared(args: &ProfileArgs, tokenizer: &Tokenizer) -> Result<Option<Vec<u32>>, CliError> {
    let Some(given) = &args.compare else {
        return Ok(None);
    };
    let chat = conversation::of_text(text::prompt(given)?, &args.framing);
    Ok(Some(conversation::render(&chat, tokenizer)?))
}

fn stop_tokens(model: &GptOss, tokenizer: &Tokenizer) -> Vec<u32> {
    let mut ids = model.config().eos_token_ids.clone();
    ids.extend(tokenizer.end_of_answer_ids());
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The ids that all prompts begin with, such as one system message. Every prompt routes them alike,
/// so that they would only blur the differences. A prompt's last token is never one of them.
fn shared_prefix(prompts: &[Labelled]) -> Vec<u32> {
    let [first, others @ ..] = prompts else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let shortest = prompts.iter().map(|prompt| prompt.ids.len()).min();
    let most = shortest.unwrap_or_default().saturating_sub(1);
    let shared = others.iter().fold(most, |shared, other| {
        shared.min(common(&first.ids, &other.ids))
    });
    first.ids[..shared].to_vec()
}

fn common(left: &[u32], right: &[u32]) -> usize {
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

/// Runs prompts and counts the experts that they chose.
struct Runner<'a> {
    model: &'a GptOss,
    args: &'a ProfileArgs,
    stop_tokens: Vec<u32>,
    prefix: Vec<u32>,
}

impl Runner<'_> {
    /// All prompts; those that the model refuses join the broken lines.
    fn all(
        &self,
        prompts: &[Labelled],
        broken: &mut Vec<BrokenLine>,
    ) -> Result<Vec<LabelledRouting>, CliError> {
        let total = prompts.len() as u64;
        let bar = progress::bar("profiling", total, progress::Unit::Items);
        let mut routings = Vec::with_capacity(prompts.len());
        for (done, prompt) in prompts.iter().enumerate() {
            match self.counts(&prompt.ids) {
                Ok(counts) => routings.push(LabelledRouting {
                    domain: prompt.domain.clone(),
                    counts,
                }),
                // Too long, or too much memory: the others may fit.
                Err(CliError::Report {
                    status, message, ..
                }) if status.is_of_the_request() => {
                    broken.push(BrokenLine {
                        number: prompt.line,
                        reason: message,
                    });
                }
                Err(error) => return Err(error),
            }
            bar.set(done as u64 + 1, total);
        }
        broken.sort_by_key(|line| line.number);
        Ok(routings)
    }

    /// How many tokens chose each expert, from the end of the shared prefix on.
    fn counts(&self, ids: &[u32]) -> Result<Grid, CliError> {
        let mut generator = self.model.generate(ids, self.options())?;
        let records = trace::record(&mut generator)?;
        let config = self.model.config();
        let mut log = RoutingLog::new(config.num_hidden_layers, config.num_local_experts);
        let records = records.into_iter().enumerate();
        for (position, record) in records.skip(common(ids, &self.prefix)) {
            let span = if position < ids.len() {
                Span::Prompt
            } else {
                Span::Other
            };
            if let Some(routing) = record.routing {
                let routing = routing.into();
                log.push(RoutedToken {
                    position,
                    span,
                    routing,
                })
                .map_err(CliError::failed)?;
            }
        }
        Ok(log.grid(Selection::All, Measure::Count))
    }

    fn options(&self) -> GenerateOptions {
        let limits = &self.args.limits;
        GenerateOptions {
            max_tokens: Some(self.args.max_tokens),
            sampling: SamplingParams {
                temperature: 0.0,
                ..SamplingParams::default()
            },
            interventions: self.args.experts.interventions(),
            stop_tokens: self.stop_tokens.clone(),
            record: RecordOptions {
                routing: true,
                ..RecordOptions::default()
            },
            cached_positions: CachedPositions::Recompute,
            prefill_chunk_tokens: limits.prefill_chunk_tokens(),
            kv_precision: limits.kv_precision(),
            memory_limit_bytes: limits.memory_limit_bytes(),
            ..GenerateOptions::default()
        }
    }

    fn source(&self, broken: &[BrokenLine]) -> Result<Source, CliError> {
        Ok(Source {
            model: self.model.loaded().name.clone(),
            weights_digest: gptoss::open(&self.args.model.source())?.weights_digest(),
            settings: self.settings(),
            skipped_prefix_tokens: self.prefix.len(),
            broken_lines: broken.iter().map(|line| line.number).collect(),
        })
    }

    fn settings(&self) -> serde_json::Value {
        let loaded = self.model.loaded();
        serde_json::json!({
            "max_tokens": self.args.max_tokens,
            "temperature": 0,
            "interventions": self.args.experts.interventions(),
            "device": loaded.device.name(),
            "dtype": loaded.dtype_name(),
            "layout": loaded.layout.map(gptoss::checkpoint::Layout::as_str),
            "kv_bits": self.args.limits.kv_bits.as_ref().map(|_| 8),
        })
    }
}

fn write(args: &ProfileArgs, report: &Report<'_>) -> Result<(), CliError> {
    let json = report.json().to_string();
    if let Some(path) = &args.output {
        write_file(path, &format!("{json}\n"))?;
    }
    for (path, format) in [(&args.svg, Format::Svg), (&args.html, Format::Html)] {
        if let Some(path) = path {
            write_file(path, &report.figure(args.top, true).render(format))?;
        }
    }
    if args.json {
        output::line(&json)
    } else {
        output::text(&report.figure(args.top, false).render(Format::Text))
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    whole_file::replace(path, text.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", path.display())))?;
    output::note(&format!("wrote {}", path.display()));
    Ok(())
}
