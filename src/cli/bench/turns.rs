//! What a conversation's second turn waits for, beside what the first one waited for.
//!
//! A round is a conversation in harmony with an empty cache: a question, an answer, and another
//! question. The second prompt leaves out the answer's analysis, as harmony does, so all that it can
//! take over is the first prompt; the final message and the question have to be read.

use gptoss::generate::RecordOptions;
use gptoss::harmony::{Channel, Conversation, Message, Renderer, SystemContent};
use gptoss::tokenizer::Tokenizer;
use serde_json::json;

use super::measure::{Bench, Case, Sample};
use super::report::Spread;
use crate::cli::exit::CliError;

/// Tokens of the second question.
const QUESTION_TOKENS: usize = 32;

/// What texts are made of: most vocabularies have them as single tokens.
const WORDS: [&str; 16] = [
    " the", " of", " water", " and", " in", " that", " house", " light", " with", " from", " time",
    " over", " small", " year", " about", " work",
];

/// One conversation's two prompts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    prompt_tokens: [usize; 2],
    reused_tokens: usize,
    first_token_ms: [f64; 2],
}

impl Round {
    fn ratio(&self) -> f64 {
        let [first, second] = self.first_token_ms;
        second / first
    }
}

/// Measures one case; `done` is called after each conversation.
pub(super) fn measure(
    bench: &mut Bench<'_>,
    case: Case,
    rounds: usize,
    done: &mut dyn FnMut(),
) -> Result<Vec<Round>, CliError> {
    let mut measured = Vec::new();
    // The first one only warms up.
    for _ in 0..=rounds {
        measured.push(round(bench, case)?);
        done();
    }
    measured.remove(0);
    Ok(measured)
}

fn round(bench: &mut Bench<'_>, case: Case) -> Result<Round, CliError> {
    let tokenizer = bench.model().tokenizer()?;
    let mut conversation = Conversation {
        system: Some(SystemContent::default()),
        ..Conversation::default()
    };
    let empty = Renderer::new(tokenizer)?.completion(&conversation)?.len();
    let question = bench.words(tokenizer, case.prompt_tokens.saturating_sub(empty));
    let answer = bench.words(tokenizer, case.generated_tokens);
    let next_question = bench.words(tokenizer, QUESTION_TOKENS);

    conversation.messages.push(Message::user(question));
    let first = Renderer::new(tokenizer)?.completion(&conversation)?;
    conversation.messages.extend([
        Message::assistant(Channel::Analysis, answer.clone()),
        Message::assistant(Channel::Final, answer),
        Message::user(next_question),
    ]);
    let second = Renderer::new(tokenizer)?.completion(&conversation)?;

    let mut cache = bench.new_cache();
    let plain = RecordOptions::default();
    // Whatever the model says in the first turn: the conversation goes on as written above.
    let before = bench.round(&mut cache, &first, case.generated_tokens.max(1), plain)?;
    let after = bench.round(&mut cache, &second, 1, plain)?;
    let waited = |sample: &Sample| sample.time_to_first_token_ms.unwrap_or(f64::NAN);
    Ok(Round {
        prompt_tokens: [first.len(), second.len()],
        reused_tokens: after.reused_tokens,
        first_token_ms: [waited(&before), waited(&after)],
    })
}

impl Bench<'_> {
    /// Random words of about so many tokens.
    fn words(&mut self, tokenizer: &Tokenizer, tokens: usize) -> String {
        let mut text = String::new();
        let mut left = tokens;
        while left > 0 {
            let word = WORDS[(self.next_random() % WORDS.len() as u64) as usize];
            text += word;
            left = left.saturating_sub(tokenizer.encode_ordinary(word).len().max(1));
        }
        text
    }
}

/// A line about one case.
pub(super) fn report(rounds: &[Round], as_json: bool) -> Result<String, CliError> {
    let spread = |value: &dyn Fn(&Round) -> f64| {
        Spread::of(rounds.iter().map(value))
            .ok_or_else(|| CliError::usage("--repetitions must be at least 1"))
    };
    let [first, second] = [
        spread(&|round| round.first_token_ms[0])?,
        spread(&|round| round.first_token_ms[1])?,
    ];
    let ratio = spread(&Round::ratio)?;
    let tokens = |value: &dyn Fn(&Round) -> usize| spread(&|round| value(round) as f64);
    let (before, after) = (
        tokens(&|round| round.prompt_tokens[0])?.median,
        tokens(&|round| round.prompt_tokens[1])?.median,
    );
    let reused = tokens(&|round| round.reused_tokens)?;
    if as_json {
        let line = json!({
            "first_prompt_tokens": before,
            "second_prompt_tokens": after,
            "reused_tokens": reused.median,
            "rounds": rounds.len(),
            "first_turn_ms": first.median,
            "second_turn_ms": second.median,
            "second_to_first": ratio.median,
            "second_to_first_min": ratio.min,
            "second_to_first_max": ratio.max,
        });
        return Ok(line.to_string());
    }
    Ok(format!(
        "the first token comes after {:.1} ms in the first turn ({before} tokens) and {:.1} ms in the \
         second ({after} tokens, {} of them taken over): {:.3} ({:.3}–{:.3}); {} rounds",
        first.median,
        second.median,
        reused.median,
        ratio.median,
        ratio.min,
        ratio.max,
        rounds.len()
    ))
}
