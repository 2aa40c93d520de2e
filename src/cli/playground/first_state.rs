//! Settings as the state to begin with.

use gptoss::app::action::REGISTRY;
use gptoss::app::arrivals::Arrivals;
use gptoss::app::map::MapCells;
use gptoss::app::sampling::{Preset, SamplingDefaults, SamplingPanel};
use gptoss::app::state::{Preferences, State};
use gptoss::app::{Focus, Keymap};
use gptoss::engine::protocol::{
    ActivationDtype, DenseQuantization, ExpertQuantization, KvBits, LoadOptions,
};
use gptoss::session::Framing;
use gptoss::settings::dirs::Dirs;
use gptoss::settings::{
    self, DateSetting, DenseWeights, Dtype, ExpertWeights, HeatCell, LoadedSettings, Seed,
    Settings, ThemeChoice,
};
use gptoss::tui::{self, Clock};

use crate::cli::args::parse_date;
use crate::cli::exit::CliError;

/// The state that the settings describe.
///
/// *Errors:* a key or an action that does not exist.
pub(super) fn of(
    settings: &Settings,
    dirs: Option<&Dirs>,
    clock: Clock,
) -> Result<State, CliError> {
    let started_wall_ms = clock.start_wall_ms();
    let mut state = State {
        preferences: preferences(settings),
        keymap: keymap(settings)?,
        is_mouse_on: settings.ui.mouse,
        focus: Focus::Composer,
        started_wall_ms,
        // The clock and the process are enough: seeds need to differ, not to be secret.
        seed_state: started_wall_ms.wrapping_mul(0x2545_f491_4f6c_dd1d)
            ^ u64::from(std::process::id()),
        arrivals: Arrivals::every(1000 / u64::from(settings.ui.map_fps)),
        ..State::default()
    };
    state.chat.is_unfolded = settings.chat.show_analysis;
    state.sampling = sampling(settings, dirs, &mut state);
    state.session.tree.set_initial_framing(framing(settings)?);
    if let Some(dirs) = dirs {
        let history = tui::load_history(&dirs.data.join("history.jsonl"));
        state.history.entries = history.into();
    }
    Ok(state)
}

fn preferences(settings: &Settings) -> Preferences {
    let model = &settings.model;
    let mut themes: Vec<String> = ["auto", "dark", "light", "contrast", "mono"]
        .map(str::to_owned)
        .to_vec();
    let theme = match &settings.ui.theme {
        ThemeChoice::Auto => "auto".to_owned(),
        ThemeChoice::Dark => "dark".to_owned(),
        ThemeChoice::Light => "light".to_owned(),
        ThemeChoice::Contrast => "contrast".to_owned(),
        ThemeChoice::Mono => "mono".to_owned(),
        ThemeChoice::Path(path) => path.display().to_string(),
    };
    if !themes.contains(&theme) {
        themes.push(theme.clone());
    }
    Preferences {
        load: LoadOptions {
            dtype: match model.dtype {
                Dtype::Auto => ActivationDtype::Auto,
                Dtype::F32 => ActivationDtype::F32,
                Dtype::Bf16 => ActivationDtype::Bf16,
                Dtype::F16 => ActivationDtype::F16,
            },
            quantize_experts: match model.quantize_experts {
                ExpertWeights::Keep => ExpertQuantization::Keep,
                ExpertWeights::Mxfp4 => ExpertQuantization::Mxfp4,
                ExpertWeights::Affine8 => ExpertQuantization::Affine8,
                ExpertWeights::Affine4 => ExpertQuantization::Affine4,
            },
            quantize_dense: match model.quantize_rest {
                DenseWeights::Keep => DenseQuantization::Keep,
                DenseWeights::Affine8 => DenseQuantization::Affine8,
                DenseWeights::Affine4 => DenseQuantization::Affine4,
            },
            kv_bits: match model.kv_bits {
                settings::KvBits::Activation => KvBits::Activation,
                settings::KvBits::Eight => KvBits::Eight,
            },
            memory_limit_bytes: model.memory_limit.bytes(),
        },
        effort: settings.chat.effort,
        record_routing: settings.record.routing,
        top_logprobs: settings.record.top_logprobs,
        theme,
        themes,
        map_cells: match settings.ui.heat_cell {
            HeatCell::Auto => MapCells::Auto,
            HeatCell::Half => MapCells::Half,
            HeatCell::Full => MapCells::Full,
            HeatCell::Ascii => MapCells::Glyph,
        },
        wheel_lines: settings.ui.scroll_lines,
    }
}

/// The default bindings with the person's over them.
///
/// *Errors:* [`BadKey`].
pub(in crate::cli) fn keymap(settings: &Settings) -> Result<Keymap, BadKey> {
    let mut keymap = Keymap::default();
    for (context, bindings) in &settings.keys {
        for (chord, action) in bindings {
            let refused = |reason: String| BadKey {
                path: ["keys".to_owned(), context.clone(), chord.clone()],
                action: action.clone(),
                reason,
            };
            let key = tui::canonical(context, chord).map_err(|error| refused(error.to_string()))?;
            keymap
                .bind(context, key, action)
                .map_err(|error| refused(error.to_string()))?;
        }
    }
    Ok(keymap)
}

/// A binding of the settings that cannot be used.
#[derive(Debug)]
pub(in crate::cli) struct BadKey {
    /// The setting, with its tables.
    path: [String; 3],
    /// The action as it was written.
    action: String,
    reason: String,
}

impl BadKey {
    /// The error with the place of the setting.
    pub(in crate::cli) fn placed(&self, loaded: &LoadedSettings) -> CliError {
        let path = self.path.each_ref().map(String::as_str);
        let place = loaded.origin(&path).map(|origin| format!("{origin}: "));
        let place = place.unwrap_or_default();
        let names: Vec<String> = REGISTRY.iter().map(|info| info.name.to_owned()).collect();
        let error = CliError::usage(format!("{place}{}", self.reason));
        match settings::nearest(&self.action, &names) {
            Some(name) if name != self.action => error.hint(format!("an action is called {name}")),
            _ => error,
        }
    }
}

impl From<BadKey> for CliError {
    fn from(bad: BadKey) -> Self {
        Self::usage(bad.reason)
    }
}

fn sampling(settings: &Settings, dirs: Option<&Dirs>, state: &mut State) -> SamplingPanel {
    let seed = state.draw_seed();
    let names = settings.sampling.presets.keys();
    let mut presets: Vec<Preset> = names
        .filter_map(|name| {
            let sampling = settings.sampling.preset(name, seed)?;
            Some(Preset {
                name: name.clone(),
                sampling,
            })
        })
        .collect();
    if let Some(dirs) = dirs {
        presets.extend(tui::load_presets(&dirs.data.join("presets.json")));
    }
    SamplingPanel {
        is_seed_locked: matches!(settings.sampling.seed, Seed::Fixed(_)),
        presets,
        ..SamplingPanel::new(SamplingDefaults {
            params: settings.sampling.params(seed),
            max_tokens: settings.chat.max_tokens,
            stop: settings.chat.stop.clone(),
        })
    }
}

fn framing(settings: &Settings) -> Result<Framing, CliError> {
    let mut framing = Framing::default();
    let chat = &settings.chat;
    if !chat.identity.trim().is_empty() {
        framing.system.identity.clone_from(&chat.identity);
    }
    framing.system.current_date = match &chat.date {
        DateSetting::Off => None,
        DateSetting::Today => Some(parse_date("today").map_err(CliError::usage)?),
        DateSetting::On(date) => Some(date.clone()),
    };
    framing.developer.instructions =
        Some(chat.developer.clone()).filter(|text| !text.trim().is_empty());
    Ok(framing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_and_the_maps_cells_are_as_set() {
        let mut settings = Settings::default();
        settings.ui.scroll_lines = 7;
        for (set, expected) in [
            (HeatCell::Auto, MapCells::Auto),
            (HeatCell::Half, MapCells::Half),
            (HeatCell::Full, MapCells::Full),
            (HeatCell::Ascii, MapCells::Glyph),
        ] {
            settings.ui.heat_cell = set;
            let preferences = preferences(&settings);
            assert_eq!(preferences.map_cells, expected);
            assert_eq!(preferences.wheel_lines, 7);
        }
    }

    #[test]
    fn an_empty_identity_is_the_line_that_the_model_was_trained_with() {
        let mut settings = Settings::default();
        let trained = Framing::default().system.identity;
        assert!(settings.chat.identity.is_empty() && !trained.is_empty());
        let identity =
            |settings: &Settings| framing(settings).map(|framing| framing.system.identity);
        assert_eq!(identity(&settings).unwrap(), trained);
        settings.chat.identity = "You are a bird.".to_owned();
        assert_eq!(identity(&settings).unwrap(), "You are a bird.");
    }
}
