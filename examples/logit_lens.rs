//! What the model would say if it ended after each layer, and how much its heads give to their
//! sinks.
//!
//! `cargo run --release --example logit_lens -- [MODEL_FOLDER]`

use gptoss::GptOss;
use gptoss::generate::{InspectLimits, InspectOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = match std::env::args().nth(1) {
        Some(dir) => GptOss::from_pretrained(dir)?,
        None => GptOss::demo()?,
    };
    let ids = model.tokenizer()?.encode_ordinary("The capital of Fran");
    let options = InspectOptions {
        top: 3,
        ..InspectOptions::default()
    };
    let cost = model.inspect_cost(ids.len(), &options, InspectLimits::default());
    println!("{cost:?}");
    let found = model.inspect(&ids, &options)?;
    for row in &found.lens {
        for token in &row.top {
            let text = model.token_text(token.id);
            print!("{:>6.1}% {text:<12?}", token.probability * 100.0);
        }
        let sinks = &found.sinks[row.layer].shares;
        let mean = sinks.iter().sum::<f32>() / sinks.len() as f32;
        println!("  layer {}, {:.1}% to sinks", row.layer, mean * 100.0);
    }
    Ok(())
}
