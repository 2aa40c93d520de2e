//! Drives an engine without a model and prints what it tells.
//!
//! ```text
//! cargo run --no-default-features --example engine_events
//! ```
//!
//! The answer is synthetic: made up from a seed, in the form of gpt-oss-20b's layers and experts.

use std::error::Error;
use std::time::Duration;

use gptoss::engine::protocol::{
    Command, Event, GenerateRequest, LoadOptions, LoadRequest, ModelSource, Prompt, RecordOptions,
    RequestId, Telemetry,
};
use gptoss::engine::start;
use gptoss::engine::synthetic::{SyntheticBackend, SyntheticModel};

fn main() -> Result<(), Box<dyn Error>> {
    let model = SyntheticModel {
        time_per_token: Duration::from_millis(20),
        ..SyntheticModel::gpt_oss_20b()
    };
    let mut engine = start(move || SyntheticBackend::new(model))?;
    let mut events = engine.take_events().ok_or("the events were taken before")?;
    let telemetry = engine.telemetry();

    let load = RequestId::default().next();
    engine.try_send(Command::Load(LoadRequest {
        id: load,
        source: ModelSource::Demo,
        options: LoadOptions::default(),
    }))?;
    let mut request = GenerateRequest::new(load.next(), Prompt::Tokens((0..1200).collect()));
    request.max_tokens = Some(24);
    request.record = RecordOptions {
        top_logprobs: Some(2),
        routing: true,
    };
    engine.try_send(Command::Generate(request))?;
    engine.try_send(Command::UpdateSampling {
        request: load.next(),
        sampling: gptoss::generate::SamplingParams {
            temperature: 0.5,
            ..Default::default()
        },
    })?;

    while let Some(event) = events.blocking_recv() {
        print_event(&event);
        match event {
            Event::Finished { .. } => engine.try_send(Command::Shutdown)?,
            Event::Failed { report, .. } | Event::Crashed { report, .. } => {
                return Err(report.into());
            }
            _ => {}
        }
    }
    print_telemetry(&telemetry.borrow());
    Ok(engine.shutdown()?)
}

/// One line for each event, without the long arrays.
fn print_event(event: &Event) {
    match event {
        Event::Ready { request, model } => {
            let (layers, experts) = (model.layers.len(), model.num_local_experts);
            println!(
                "{request} ready: {} ({layers} layers, {experts} experts)",
                model.name
            );
        }
        Event::Prefill {
            request,
            done_tokens,
            total_tokens,
            routing,
            ..
        } => {
            let routed = routing.len();
            println!("{request} prefill: {done_tokens} of {total_tokens} tokens, {routed} routed");
        }
        Event::Token { request, token } => {
            let top: Vec<&str> = token
                .top_logprobs
                .iter()
                .map(|top| top.text.as_str())
                .collect();
            let first_layer = token
                .routing
                .as_ref()
                .and_then(|routing| routing.layers().next());
            let experts = first_layer.map(|(experts, _)| experts);
            println!(
                "{request} token {}: {:?}, most likely {top:?}, experts of layer 0 {experts:?}",
                token.index, token.text
            );
        }
        other => println!("{other:?}"),
    }
}

fn print_telemetry(telemetry: &Telemetry) {
    let totals = &telemetry.routing.cumulative;
    let first_layer = totals.counts.get(..totals.num_experts).unwrap_or_default();
    println!("snapshot {} of {} tokens", telemetry.seq, totals.tokens);
    println!("  layer 0: {first_layer:?}");
    println!("  full-attention layers: {:?}", telemetry.cache.full);
    println!("  sliding-window layers: {:?}", telemetry.cache.sliding);
}
