//! Continues token ids with a model in a folder, or with the demo model.
//!
//! `cargo run --release --example generate -- [MODEL_FOLDER]`

use gptoss::generate::SamplingParams;
use gptoss::{GenerateOptions, GptOss};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = match std::env::args().nth(1) {
        Some(dir) => GptOss::from_pretrained(dir)?,
        None => GptOss::demo()?,
    };
    let options = GenerateOptions {
        max_tokens: Some(16),
        sampling: SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        },
        ..GenerateOptions::default()
    };
    let mut generator = model.generate(&[1, 2, 3, 4, 5], options)?;
    for token in generator.by_ref() {
        println!("{}", token?.id);
    }
    println!("{:?}", generator.stats());
    Ok(())
}
