//! Takes one expert of a layer after another out of the choice, and prints what its loss does to an
//! answer: how far the distributions are apart, and where the answers part.
//!
//! `cargo run --release --example ablation_sweep -- [MODEL_FOLDER]`

use gptoss::GptOss;
use gptoss::generate::{GenerateOptions, SamplingParams};
use gptoss::harmony::{Conversation, Message};
use gptoss::intervention::Interventions;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = match std::env::args().nth(1) {
        Some(dir) => GptOss::from_pretrained(dir)?,
        None => GptOss::demo()?,
    };
    let mut conversation = Conversation::default();
    conversation.system.get_or_insert_default();
    conversation
        .messages
        .push(Message::user("What is 48 + 75?"));
    let prompt = model.prompt(&conversation)?;
    let options = GenerateOptions {
        max_tokens: Some(64),
        sampling: SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        stop_tokens: model.stop_tokens(),
        ..GenerateOptions::default()
    };
    let layer = model.config().num_hidden_layers / 2;
    println!("expert  mean KL in nats  first different token");
    for expert in 0..model.config().num_local_experts {
        let rules: Interventions = format!("mask {layer}:{expert}").parse()?;
        let compared = model.ablate(&prompt, &options, &rules, &mut |_, _, _| true)?;
        let Some(compared) = compared else { break };
        let kl_nats = compared.mean_kl_nats().unwrap_or_default();
        let first = compared.first_difference();
        let first = first.map_or_else(|| "none".to_owned(), |index| index.to_string());
        println!("L{layer}:E{expert:<3} {kl_nats:>15.4}  {first}");
    }
    Ok(())
}
