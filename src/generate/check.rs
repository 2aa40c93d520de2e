//! What is wrong with a request, before anything is computed.

use super::error::GenerateError;
use super::memory::MemoryModel;
use super::options::GenerateOptions;
use crate::model::config::ModelConfig;
use crate::model::gpt_oss::Transformer;

/// Checks a request against model and memory; returns how many tokens it may generate.
pub(super) fn check_request(
    model: &Transformer,
    prompt: &[u32],
    options: &GenerateOptions,
) -> Result<usize, GenerateError> {
    options.sampling.validate()?;
    let room = check_ids(model.config(), prompt)?;
    let max_tokens = options.max_tokens.unwrap_or(room).min(room);
    check_memory(model, prompt.len() + max_tokens, options)?;
    Ok(max_tokens)
}

/// Checks a sequence against the model; returns how many more tokens the context holds.
pub(super) fn check_ids(config: &ModelConfig, ids: &[u32]) -> Result<usize, GenerateError> {
    if ids.is_empty() {
        return Err(GenerateError::EmptyPrompt);
    }
    let unknown = |(_, id): &(usize, &u32)| **id as usize >= config.vocab_size;
    if let Some((position, &id)) = ids.iter().enumerate().find(unknown) {
        return Err(GenerateError::TokenOutOfRange {
            id,
            position,
            vocab_size: config.vocab_size,
        });
    }
    config
        .max_position_embeddings
        .checked_sub(ids.len())
        .ok_or(GenerateError::PromptTooLong {
            prompt_tokens: ids.len(),
            limit_tokens: config.max_position_embeddings,
        })
}

fn check_memory(
    model: &Transformer,
    context_tokens: usize,
    options: &GenerateOptions,
) -> Result<(), GenerateError> {
    let Some(limit_bytes) = options.memory_limit_bytes else {
        return Ok(());
    };
    let memory = MemoryModel::new(
        model,
        options.kv_precision,
        options.prefill_chunk_tokens.max(1),
    );
    let predicted_bytes = memory.demand(context_tokens, 0).total_bytes();
    if predicted_bytes <= limit_bytes {
        return Ok(());
    }
    let largest = memory.largest_context_tokens(limit_bytes);
    Err(over_limit(
        context_tokens,
        predicted_bytes,
        limit_bytes,
        largest,
    ))
}

/// The refusal of what would need too much.
pub(super) fn over_limit(
    context_tokens: usize,
    predicted_bytes: u64,
    limit_bytes: u64,
    largest_context_tokens: usize,
) -> GenerateError {
    GenerateError::Memory {
        context_tokens,
        predicted_bytes,
        limit_bytes,
        largest_context_tokens,
    }
}
