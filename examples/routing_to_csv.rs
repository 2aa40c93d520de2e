//! Prints which experts every token of an answer went to, as CSV.
//!
//! `cargo run --release --example routing_to_csv -- "What is 48 + 75?" > routing.csv`

use gptoss::generate::{PositionRecord, RecordOptions};
use gptoss::{GenerateOptions, GptOss};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1);
    let text = text.unwrap_or_else(|| "Once upon a time".to_owned());

    let model = GptOss::demo()?;
    let prompt = model.tokenizer()?.encode_ordinary(&text);
    let options = GenerateOptions {
        max_tokens: Some(32),
        record: RecordOptions {
            routing: true,
            ..RecordOptions::default()
        },
        ..GenerateOptions::default()
    };
    let mut generator = model.generate(&prompt, options)?;
    while !generator.prefill_step()?.is_done() {}
    let mut records = generator.prompt_records().to_vec();
    let mut is_first = true;
    while let Some(token) = generator.next().transpose()? {
        // A token carries the record of the position before it; the prompt's are there already.
        if !std::mem::take(&mut is_first) {
            records.extend(token.predicted_from);
        }
    }
    records.extend(generator.record_of_last_token()?);

    println!("position,token,layer,rank,expert,weight");
    for (position, (id, record)) in generator.tokens().iter().zip(&records).enumerate() {
        print_rows(position, *id, record);
    }
    Ok(())
}

fn print_rows(position: usize, id: u32, record: &PositionRecord) {
    let layers = record
        .routing
        .iter()
        .flat_map(gptoss::generate::TokenRouting::layers);
    for (layer, (experts, weights)) in layers.enumerate() {
        for (rank, (expert, weight)) in experts.iter().zip(weights).enumerate() {
            println!("{position},{id},{layer},{rank},{expert},{weight}");
        }
    }
}
