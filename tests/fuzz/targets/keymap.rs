//! Changed keys, as a settings file says them: a chord has one name, and a bound key does what it was
//! bound to.

use std::collections::BTreeMap;

use gptoss::app::keymap::Keymap;
use gptoss::app::{Action, Context};
use gptoss::settings::{Layers, Settings, load};
use gptoss::tui::canonical;

use super::files::empty_folder;
use super::text::lossy;

pub fn keymap(data: &[u8]) {
    let text = lossy(data, 4 << 10);
    // Bare chords, too: a whole file is seldom one.
    for chord in text.split(['\n', '"']) {
        check_chord(chord);
    }
    let Ok(settings) = toml::from_str::<Settings>(&text) else {
        return;
    };
    check_bindings(&settings.keys);
    let path = empty_folder().join("gptoss.toml");
    std::fs::write(&path, &text).unwrap();
    let layers = Layers {
        config_file: Some(path),
        ..Layers::default()
    };
    if let Ok(loaded) = load(&layers) {
        assert_eq!(loaded.settings.keys, settings.keys);
        for entry in &loaded.entries {
            assert!(!entry.key.is_empty());
        }
    }
}

fn check_chord(chord: &str) {
    let Ok(key) = canonical("chat", chord) else {
        return;
    };
    assert!(!key.name().is_empty());
    assert_eq!(
        canonical("chat", key.name()).as_ref(),
        Ok(&key),
        "{chord:?} has one name"
    );
    let shown = key.to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
}

fn check_bindings(keys: &BTreeMap<String, BTreeMap<String, String>>) {
    for (context, bindings) in keys {
        let Some(known) = Context::ALL
            .into_iter()
            .find(|known| known.name() == context)
        else {
            let mut keymap = Keymap::default();
            let key = canonical("chat", "x").unwrap();
            assert!(keymap.bind(context, key, "quit").is_err());
            continue;
        };
        for (chord, action) in bindings {
            check_binding(known, chord, action);
        }
    }
}

fn check_binding(context: Context, chord: &str, action: &str) {
    let Ok(key) = canonical(context.name(), chord) else {
        return;
    };
    let mut keymap = Keymap::default();
    let bound = keymap.bind(context.name(), key.clone(), action);
    if action == "none" {
        assert!(keymap.of_context(context).all(|(other, _)| *other != key));
        return;
    }
    let Some(action) = Action::from_name(action) else {
        assert!(bound.is_err());
        return;
    };
    assert_eq!(bound, Ok(()));
    let is_text = context.takes_text() && key.character().is_some();
    assert_eq!(keymap.resolve(context, &key), (!is_text).then_some(action));
    assert!(keymap.keys(context, action).contains(&&key));
}
