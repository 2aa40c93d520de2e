//! Meters, graphs and legends: nothing is cut in the middle, and nothing goes away while nothing
//! happens.

use gptoss::app::{Focus, State};
use gptoss::engine::protocol::EnginePhase;
use gptoss::ui::theme::Theme;

use crate::panes::{draw_pane, rig_of, text_of};

/// What panes have on the usual screens: alone, and beside a chat.
const SIZES: [(u16, u16); 4] = [(80, 20), (67, 35), (49, 11), (132, 55)];

fn text(state: &State, pane: Focus, size: (u16, u16)) -> String {
    text_of(&draw_pane(state, pane, &Theme::default(), size).0)
}

#[test]
fn large_figures_are_shown_whole() {
    let mut rig = rig_of(36, 128);
    let telemetry = &mut rig.state.telemetry;
    for usage in [&mut telemetry.cache.full, &mut telemetry.cache.sliding] {
        usage.num_layers = 18;
        usage.tokens = 131_072;
        usage.bytes = 6_290_000_000;
    }
    telemetry.memory.active_bytes = 63_900_000_000;
    telemetry.memory.peak_bytes = 64_100_000_000;
    telemetry.memory.cache_bytes = 6_290_000_000;
    telemetry.memory.limit_bytes = 68_700_000_000;
    for size in SIZES {
        let text = text(&rig.state, Focus::Memory, size);
        assert!(!text.contains('\u{2026}'), "{size:?}\n{text}");
        assert!(text.contains("63.9 GB of 68.7 GB"), "{size:?}\n{text}");
        if size.0 >= 60 {
            assert!(text.contains("6.29 GB, 18 layers"), "{size:?}\n{text}");
            assert!(text.contains("64.1 GB, cached 6.29 GB"), "{size:?}\n{text}");
        }
    }
}

#[test]
fn the_samplers_words_and_the_maps_legend_are_whole_or_not_there() {
    let mut rig = rig_of(6, 32);
    for size in [(80, 7), (49, 12), (67, 35), (132, 20)] {
        for top_k in [0, 5] {
            rig.state.sampling.params.top_k = top_k;
            let text = text(&rig.state, Focus::Sampler, size);
            assert!(!text.contains('\u{2026}'), "{size:?}\n{text}");
            let last = text.lines().last().unwrap_or_default().trim_end();
            assert!(last.ends_with("mass"), "{size:?}: {last}");
        }
    }
    for size in SIZES.into_iter().filter(|size| size.1 >= 20) {
        let text = text(&rig.state, Focus::Experts, size);
        assert!(text.contains("weight sum, 1 token: 0 "), "{size:?}\n{text}");
    }
}

#[test]
fn graphs_stay_after_the_last_answer_and_say_so() {
    let mut rig = rig_of(6, 32);
    let end_ms = rig.now_ms;
    let deadline = rig.state.next_deadline_ms();
    for (before_ms, rate) in [(2000, 20.0), (1000, 40.0), (0, 30.0)] {
        let at_ms = end_ms.saturating_sub(before_ms);
        rig.state.meters.decode_tps.push(at_ms, rate);
    }
    rig.state.telemetry.speed.phase = EnginePhase::Decode;
    let live = text(&rig.state, Focus::Memory, (80, 20));
    assert!(
        live.contains("now") && !live.contains("last answer"),
        "{live}"
    );
    rig.state.telemetry.speed.phase = EnginePhase::Idle;
    let idle = text(&rig.state, Focus::Memory, (80, 20));
    assert!(idle.contains("speeds of the last answer"), "{idle}");
    assert!(idle.contains("30.0 tok/s"), "{idle}");
    // Hours later a key is pressed: what is shown is still the last answer's.
    rig.state.now_ms += 7_200_000;
    assert_eq!(text(&rig.state, Focus::Memory, (80, 20)), idle);
    assert_eq!(rig.state.next_deadline_ms(), deadline, "graphs wake nobody");
}

#[test]
fn a_growing_cache_says_what_it_takes_when_full_where_its_bar_keeps_half_of_the_row() {
    let mut rig = rig_of(36, 128);
    let max_context = rig.state.model.ready().expect("a model").max_context_tokens;
    let cache = &mut rig.state.telemetry.cache;
    (cache.full.tokens, cache.sliding.tokens) = (2000, 128);
    // 18 layers, keys and values of 8 heads of 64 numbers in bf16: 36,864 bytes a token.
    cache.full.bytes = 2000 * 18 * 2 * 8 * 64 * 2;
    assert_eq!(max_context, 131_072);
    let wide = text(&rig.state, Focus::Memory, (132, 20));
    let row = wide
        .lines()
        .find(|row| row.contains("KV full"))
        .unwrap_or_default();
    assert!(row.contains("4.83 GB when full"), "{wide}");
    let full = wide
        .lines()
        .find(|row| row.contains("KV window"))
        .unwrap_or_default();
    assert!(!full.contains("when full"), "it is full\n{wide}");
    for size in SIZES {
        let text = text(&rig.state, Focus::Memory, size);
        let row = text
            .lines()
            .find(|row| row.contains("KV full"))
            .unwrap_or_default();
        let figures = row
            .trim_end()
            .chars()
            .skip(13)
            .skip_while(|one| !one.is_ascii_digit())
            .count();
        assert!(
            figures <= 34.max(usize::from(size.0) / 2 + 4),
            "{size:?} {row}"
        );
    }
}

#[test]
fn a_tall_pane_is_used_by_the_graphs() {
    let mut rig = rig_of(6, 32);
    let end_ms = rig.now_ms;
    rig.state.meters.decode_tps.push(end_ms, 20.0);
    let text = text(&rig.state, Focus::Memory, (132, 55));
    let rows: Vec<&str> = text.lines().collect();
    let axis = rows.iter().position(|row| row.contains("60 s before"));
    assert!(axis.is_some_and(|axis| axis > 20), "{text}");
}
