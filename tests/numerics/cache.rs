//! The cache against no cache, in all the ways a conversation can take.

use gptoss::model::gpt_oss::{KvPrecision, LogitRows, Transformer};

use crate::golden::{Golden, ids, load, values};
use crate::tolerance::{F32_LOGITS, F32_REORDERED, assert_close};

fn logits_in_chunks(model: &Transformer, tokens: &[u32], chunk: usize) -> Vec<f32> {
    let mut caches = model.new_caches(KvPrecision::Activations);
    let mut all = Vec::new();
    for part in tokens.chunks(chunk) {
        let logits = model.forward(&ids(part), &mut caches, LogitRows::All, None);
        all.extend(values(&logits.unwrap().unwrap()));
    }
    all
}

#[test]
fn chunked_and_token_by_token_equal_one_shot_past_the_wrap() {
    for name in ["pub-a/hf", "pub-b/mlx"] {
        let model = load(name);
        let golden = Golden::open(name.split('/').next().unwrap());
        // 100 tokens against windows of 8 and 16: the rings wrap many times.
        let tokens = &golden.prompts["len100"].0;
        let whole = logits_in_chunks(&model, tokens, tokens.len());
        for chunk in [1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 99] {
            let parts = logits_in_chunks(&model, tokens, chunk);
            assert_close(
                &format!("{name} chunk {chunk}"),
                &parts,
                &whole,
                F32_REORDERED,
            );
        }
    }
}

#[test]
fn cached_decoding_gives_the_references_logits() {
    for (name, expected) in [("pub-a/hf", "pub-a"), ("pub-b/hf", "pub-b")] {
        let (model, golden) = (load(name), Golden::open(expected));
        let (prompt, greedy) = &golden.prompts["len40"];
        let mut caches = model.new_caches(KvPrecision::Activations);
        let mut rows = Vec::new();
        let first = model.forward(&ids(prompt), &mut caches, LogitRows::Last, None);
        rows.extend(values(&first.unwrap().unwrap()));
        for token in greedy {
            let row = model.forward(&ids(&[*token]), &mut caches, LogitRows::Last, None);
            rows.extend(values(&row.unwrap().unwrap()));
        }
        let expected = golden.f32("len40.continued_logits");
        assert_close(name, &rows, &expected, F32_LOGITS);
    }
}
