//! The sampling panel: defaults and presets, what is recorded of changes, what would be kept.

use gptoss::app::sampling::{Fate, Knob, Preset, SamplingDefaults, SamplingPanel, preview};
use gptoss::app::state::Level;
use gptoss::app::{Focus, Input};
use gptoss::generate::SamplingParams;
use gptoss::generate::sampler::reference::SamplerKind;
use gptoss::generate::sampler::{ChainRecord, StageRecord};
use gptoss::ui::theme::Theme;

use crate::panes::{draw_pane, rig_of, text_of, words};
use crate::rig::Rig;

fn preset(name: &str, change: impl Fn(&mut SamplingParams)) -> Preset {
    let mut sampling = SamplingParams::default();
    change(&mut sampling);
    Preset {
        name: name.to_owned(),
        sampling,
    }
}

/// A panel as the program makes it: presets by name, the first of them not the default.
fn with_presets(rig: &mut Rig) {
    let params = SamplingParams {
        temperature: 0.8,
        seed: 5,
        ..SamplingParams::default()
    };
    rig.state.sampling = SamplingPanel {
        presets: vec![
            preset("focused", |params| {
                (params.temperature, params.top_p) = (0.6, 0.95);
            }),
            preset("own", |params| params.temperature = 0.8),
        ],
        ..SamplingPanel::new(SamplingDefaults {
            params,
            max_tokens: 512,
            stop: vec!["END".to_owned()],
        })
    };
}

#[test]
fn reset_goes_back_to_the_settings_that_the_program_began_with() {
    let mut rig = Rig::new();
    with_presets(&mut rig);
    let began = rig.state.sampling.clone();
    rig.press("esc p right right 0");
    assert_eq!(rig.state.sampling.params, began.params);
    for knob in Knob::ALL {
        rig.state.sampling.selected = knob;
        rig.press("right");
    }
    rig.state.sampling.stop.clear();
    rig.state.sampling.params.seed = 99;
    rig.press("R");
    let panel = &rig.state.sampling;
    let expected = SamplingParams {
        seed: 99,
        ..began.params
    };
    assert_eq!(panel.params, expected, "the seed alone stays");
    assert_eq!((panel.max_tokens, &panel.stop), (512, &began.stop));
    let text = words(&rig.state, Focus::Sampler);
    assert!(!text.contains('*'), "nothing is marked as changed\n{text}");
}

#[test]
fn the_panel_names_the_preset_that_its_settings_are() {
    let mut rig = Rig::new();
    with_presets(&mut rig);
    let named = |rig: &Rig| words(&rig.state, Focus::Sampler);
    assert!(named(&rig).contains(" own | new seeds"), "{}", named(&rig));
    rig.press("esc p right");
    assert!(named(&rig).contains("own values"), "{}", named(&rig));
    rig.press("left");
    assert!(named(&rig).contains(" own | new seeds"), "{}", named(&rig));
    rig.press("o enter");
    assert!(named(&rig).contains(" focused |"), "{}", named(&rig));
    let text = named(&rig);
    assert!(text.contains("0.60*") && text.contains("0.95*"), "{text}");
}

#[test]
fn every_setting_changed_while_tokens_stream_is_named_under_the_answer() {
    let mut rig = Rig::slow();
    rig.input(Input::Resize {
        columns: 90,
        rows: 60,
    });
    rig.type_text("long");
    rig.press("enter");
    rig.tokens(3);
    rig.press("esc p");
    let samplers = Knob::ALL.into_iter().filter(|knob| {
        let is_end = matches!(knob, Knob::MaxTokens | Knob::Stop);
        !is_end && *knob != Knob::LogitBias
    });
    let samplers: Vec<Knob> = samplers.collect();
    for knob in &samplers {
        rig.state.sampling.selected = *knob;
        // Away from the end of the track that it is at.
        let is_at_end = *knob == Knob::TopP;
        rig.press(if is_at_end { "left" } else { "right" });
    }
    rig.state.sampling.selected = Knob::LogitBias;
    rig.press("enter");
    rig.type_text("17=-5");
    rig.press("enter");
    rig.press("esc");
    rig.settle();
    rig.draw();
    let text = rig.text();
    let rows = text
        .lines()
        .skip_while(|row| !row.contains("changed at token"));
    let record: Vec<&str> = rows.take_while(|row| !row.contains("tok/s")).collect();
    let joined: Vec<&str> = record
        .iter()
        .flat_map(|row| row.split_whitespace())
        .collect();
    let joined = joined.join(" ");
    let turn = rig.turn(rig.last());
    let in_force = turn.sampling_changes.last().map(|change| &change.sampling);
    assert_eq!(
        in_force,
        Some(&rig.state.sampling.params),
        "nothing is lost"
    );
    assert!(joined.contains("bias 17=-5"), "{text}");
    for knob in samplers {
        let word = match knob {
            // Beside its other parameters the whole is called by its name alone.
            Knob::DryMultiplier => "dry 0.1",
            knob => knob.label(),
        };
        assert!(joined.contains(&format!("{word} ")), "no {word} in\n{text}");
    }
    rig.check();
}

#[test]
fn what_ends_an_answer_counts_from_the_next_one_and_says_so() {
    let mut rig = Rig::slow();
    rig.type_text("long");
    rig.press("enter");
    rig.tokens(2);
    rig.press("esc p");
    rig.state.sampling.selected = Knob::MaxTokens;
    rig.press("right");
    let notice = rig.state.notice.clone().expect("told");
    assert_eq!(notice.level, Level::Info);
    assert!(notice.text.contains("next answer"), "{}", notice.text);
    rig.settle();
    assert_eq!(rig.turn(rig.last()).settings.max_tokens, None);
    rig.check();
}

#[test]
fn penalties_that_the_token_was_drawn_under_count_and_others_are_named() {
    let mut rig = Rig::slow();
    rig.state.sampling.params.presence_penalty = 1.5;
    rig.ask("why");
    rig.drain();
    let token = rig
        .state
        .runs
        .latest_mut()
        .expect("a run")
        .tokens
        .last_mut();
    let token = token.expect("a token");
    let count = token.top_logprobs.len();
    // After the penalty the second is the most likely one; the last place is the token's own.
    let mut after = vec![Some(0.01); count + 1];
    (after[0], after[1]) = (Some(0.2), Some(0.6));
    token.chain = Some(ChainRecord {
        stages: vec![StageRecord {
            sampler: SamplerKind::PresenceFrequencyPenalty,
            kept_tokens: 147,
            kept_mass: 1.0,
            probabilities: after,
        }],
    });
    rig.state.sampling.params.top_p = 0.5;
    let found = rig.state.sampling_preview().expect("a preview");
    assert!(!found.leaves_out_penalties);
    assert_eq!(found.preview.fates[..2], [Fate::Cut("top-p"), Fate::Kept]);
    assert!((found.preview.kept_mass - 0.6).abs() < 1e-6, "{found:?}");
    rig.state.sampling.params.presence_penalty = 0.5;
    assert!(
        rig.state
            .sampling_preview()
            .is_some_and(|found| found.leaves_out_penalties)
    );
    let text = words(&rig.state, Focus::Sampler);
    assert!(text.contains("penalties not counted"), "{text}");
    rig.state.sampling.params.presence_penalty = 0.0;
    assert!(
        rig.state
            .sampling_preview()
            .is_some_and(|found| !found.leaves_out_penalties)
    );
}

#[test]
fn the_panel_says_what_xtc_would_exclude() {
    let mut rig = rig_of(6, 32);
    let xtc = &mut rig.state.sampling.params.xtc;
    (xtc.probability, xtc.threshold) = (0.5, 0.001);
    let run = rig.state.shown_run().expect("a run");
    let record = run.tokens.last().expect("a token");
    let own = record
        .top_logprobs
        .iter()
        .map(|one| f64::from(one.logprob).exp());
    let own: Vec<f64> = own.collect();
    let excluded = preview(&rig.state.sampling.params, &own).xtc_excludes;
    assert!(excluded > 0, "{own:?}");
    let text = words(&rig.state, Focus::Sampler);
    let expected = format!("XTC excludes the first {excluded} in 50% of draws");
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn the_help_explains_every_setting() {
    let mut rig = Rig::new();
    rig.input(Input::Resize {
        columns: 100,
        rows: 400,
    });
    rig.press("esc p ?");
    rig.draw();
    let text = rig.text();
    for knob in Knob::ALL {
        assert!(
            text.contains(&format!("  {}", knob.label())),
            "{knob:?}\n{text}"
        );
    }
    assert!(text.contains("highest p"), "{text}");
}

#[test]
fn a_tall_chat_shows_all_settings_at_once() {
    let mut rig = rig_of(6, 32);
    rig.input(Input::Resize {
        columns: 200,
        rows: 60,
    });
    rig.press("esc p");
    rig.draw();
    let text = rig.text();
    for knob in Knob::ALL {
        assert!(text.contains(knob.label()), "{knob:?}\n{text}");
    }
    let (buf, _) = draw_pane(&rig.state, Focus::Sampler, &Theme::default(), (80, 7));
    assert!(text_of(&buf).contains("temperature"));
}
