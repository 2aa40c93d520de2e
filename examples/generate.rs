//! Continues a prompt of token ids with the demo model.
fn main() {
    let t0 = std::time::Instant::now();
    let model = gptoss::GptOss::demo().unwrap();
    eprintln!("load {:?} {:?}", t0.elapsed(), model.loaded());
    let mut opts = gptoss::GenerateOptions::default();
    opts.max_tokens = Some(64);
    opts.sampling.temperature = 0.0;
    let prompt: Vec<u32> = (0..std::env::args().nth(1).map_or(16, |s| s.parse().unwrap()))
        .map(|i| 100 + i % 900)
        .collect();
    let mut g = model.generate(&prompt, opts).unwrap();
    let first = g.next();
    eprintln!(
        "first {:?} {:?}",
        t0.elapsed(),
        first.map(|t| t.unwrap().id)
    );
    let ids: Vec<u32> = g.by_ref().map(|t| t.unwrap().id).collect();
    eprintln!("{ids:?}\n{:?}", g.stats());
}
