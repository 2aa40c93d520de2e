//! Ten thousand random keys and two hundred random sizes: nothing panics, nothing contradicts itself.

use gptoss::app::action::REGISTRY;
use gptoss::app::{Action, Effect, Input, MouseInput, MouseKind};

use crate::rig::Rig;

/// A small generator, so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

fn keys() -> Vec<String> {
    let mut keys: Vec<String> = REGISTRY
        .iter()
        .flat_map(|info| info.keys.iter().flat_map(|(_, keys)| keys.iter()))
        .map(|key| (*key).to_owned())
        .collect();
    keys.extend("abcxyz 0189漢é🙂".chars().map(|character| match character {
        ' ' => "space".to_owned(),
        other => other.to_string(),
    }));
    keys
}

fn check(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let mut rig = Rig::new();
    let keys = keys();
    for step in 0..steps {
        match random.below(60) {
            0 => rig.input(Input::Resize {
                columns: random.below(220) as u16,
                rows: random.below(70) as u16,
            }),
            1 => rig.input(Input::Paste(
                "pasted\n\u{1b}[31m text\r\n".repeat(random.below(20)),
            )),
            2 | 3 => {
                let kinds = [
                    MouseKind::Press,
                    MouseKind::Drag,
                    MouseKind::WheelUp,
                    MouseKind::WheelDown,
                ];
                let kind = kinds[random.below(kinds.len())];
                let (x, y) = (random.below(220) as u16, random.below(70) as u16);
                rig.input(Input::Mouse(MouseInput { kind, x, y }));
            }
            4 => {
                let action: Action = REGISTRY[random.below(REGISTRY.len())].action;
                rig.act(action);
            }
            5 => rig.wait(random.below(5_000) as u64),
            _ => rig.press(&keys[random.below(keys.len())].clone()),
        }
        rig.drain();
        rig.draw();
        if step % 97 == 0 {
            rig.check();
        }
        let unbounded = rig.effects.len() > 64;
        if unbounded {
            rig.effects.retain(|effect| matches!(effect, Effect::Quit));
            rig.effects.truncate(1);
        }
    }
    rig.act(Action::StopOrQuit);
    rig.settle();
    rig.check();
}

#[test]
fn ten_thousand_random_keys_leave_a_consistent_state() {
    for seed in 0..4 {
        check(seed, 2_500);
    }
}
