//! Reads a trace and shows what is in it; no model is needed.
//!
//! `gptoss-tui trace -p "What is 48 + 75?" -o t.safetensors`, then
//! `cargo run --release --no-default-features --example read_trace -- t.safetensors`

use std::path::Path;

use gptoss::analytics::{Measure, Selection};
use gptoss::trace_file::TraceFile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which trace?")?;
    let trace = TraceFile::open(Path::new(&path))?;
    let (header, shape) = (trace.header(), trace.shape());
    println!(
        "{}: {} tokens, {} of the prompt, {} layers of {} experts",
        header.model_name,
        trace.len(),
        trace.prompt_tokens(),
        shape.num_layers,
        shape.num_local_experts
    );
    for (position, token) in trace
        .tokens()
        .iter()
        .enumerate()
        .skip(trace.prompt_tokens())
    {
        let routing = token.routing.as_ref();
        let last = routing.map(|routing| routing.layer(shape.num_layers - 1));
        println!(
            "{position:>5} {:<16} last layer: {last:?}",
            format!("{:?}", token.text)
        );
    }
    // The same numbers as on the playground's map.
    let counts = trace.routing_log().grid(Selection::All, Measure::Count);
    for (layer, row) in counts.layers().enumerate() {
        let busiest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((expert, count)) = busiest {
            println!("layer {layer}: expert {expert} was chosen most often, {count} times");
        }
    }
    Ok(())
}
