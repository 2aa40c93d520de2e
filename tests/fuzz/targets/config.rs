//! `config.json`, and after a NUL a `generation_config.json`: what is taken is a model that can be
//! reckoned with.

use gptoss::ModelConfig;

/// The longest error: what it quotes of a file is cut.
const MAX_ERROR_BYTES: usize = 4 << 10;

pub fn config(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let [config, generation] =
        [parts.next(), parts.next()].map(|part| std::str::from_utf8(part.unwrap_or_default()));
    let Ok(config) = config else { return };
    let config = match ModelConfig::from_json(config, "config.json") {
        Ok(config) => config,
        Err(error) => return check_error(&error.to_string(), "config.json"),
    };
    check_config(&config);
    match generation.map(|json| config.with_generation_config(json, "generation_config.json")) {
        Ok(Ok(config)) => check_config(&config),
        Ok(Err(error)) => check_error(&error.to_string(), "generation_config.json"),
        Err(_) => {}
    }
}

fn check_config(config: &ModelConfig) {
    config.validate().expect("what was read is valid");
    assert_eq!(config.layer_types.len(), config.num_hidden_layers);
    for dim in [
        config.q_dim(),
        config.kv_dim(),
        config.vocab_size,
        config.hidden_size,
    ] {
        assert!(i32::try_from(dim).is_ok(), "{dim} is no dimension of MLX's");
    }
    assert!(config.parameter_count() < u64::MAX && config.active_parameter_count() < u64::MAX);
    assert!(config.kv_bytes(config.max_position_embeddings, 4) < u64::MAX);
    assert!(
        config
            .eos_token_ids
            .iter()
            .all(|&id| (id as usize) < config.vocab_size)
    );
}

fn check_error(message: &str, file: &str) {
    assert!(message.starts_with(file), "{message:?}");
    // What it quotes of the file is made harmless where it is shown.
    assert!(message.len() < MAX_ERROR_BYTES, "{message:?}");
}
