//! The embedded file and the structures agree; files, good and bad, are read as their first lines
//! say; layers win in their order.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

#[test]
fn the_embedded_file_equals_the_defaults() {
    let embedded: Settings = toml::from_str(EMBEDDED).unwrap();
    assert_eq!(embedded, Settings::default());
    assert_eq!(
        load(&Layers::default()).unwrap().settings,
        Settings::default()
    );
}

#[test]
fn the_embedded_file_names_every_field() {
    let named: toml::Table = toml::from_str(EMBEDDED).unwrap();
    let all = toml::Table::try_from(Settings::default()).unwrap();
    let (mut names, mut fields) = (Vec::new(), Vec::new());
    collect("", &named, &mut names);
    collect("", &all, &mut fields);
    names.sort();
    fields.sort();
    assert!(fields.len() > 60, "{fields:?}");
    assert_eq!(names, fields);
}

fn collect(prefix: &str, table: &toml::Table, paths: &mut Vec<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        if let toml::Value::Table(inner) = value {
            collect(&format!("{path}."), inner, paths);
        }
        paths.push(path);
    }
}

#[test]
fn bad_files_are_refused_as_their_first_line_says() {
    let mut wrong = Vec::new();
    for (path, text) in fixtures("invalid") {
        let expected = text.lines().next().unwrap().trim_start_matches("# ");
        let layers = Layers {
            config_file: Some(path.clone()),
            ..Layers::default()
        };
        let message = match load(&layers) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        };
        if message != format!("{}:{expected}", path.display()) {
            wrong.push(message);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_files_give_what_their_first_lines_say() {
    for (path, text) in fixtures("valid") {
        let layers = Layers {
            user_file: Some(path.clone()),
            ..Layers::default()
        };
        let loaded = load(&layers).unwrap_or_else(|error| panic!("{error}"));
        for line in text.lines().map_while(|line| line.strip_prefix("# ")) {
            let (key, value) = line.split_once(" = ").unwrap();
            let entry = entry(&loaded, key);
            assert_eq!(entry.value.to_string(), value, "{line}");
            assert!(
                matches!(&entry.origin, Origin::File { path: from, .. } if *from == path)
                    || entry.origin == Origin::Default,
                "{entry:?}"
            );
        }
    }
}

fn fixtures(kind: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/settings");
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{kind}: {}", files.len());
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn entry<'a>(loaded: &'a LoadedSettings, key: &str) -> &'a SettingEntry {
    loaded
        .entries
        .iter()
        .find(|entry| entry.key == key)
        .unwrap_or_else(|| panic!("no {key}"))
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(left, right)| ((*left).to_owned(), (*right).to_owned()))
        .collect()
}

#[test]
fn later_layers_win_and_say_so() {
    let root = tempfile::tempdir().unwrap();
    let (user, config) = (root.path().join("user.toml"), root.path().join("c.toml"));
    fs::write(
        &user,
        "[ui]\ntheme = \"light\"\nramp = \"magma\"\nmax_fps = 20\nmap_fps = 5\n\
         [chat]\nstop = [\"A\", \"B\"]\n",
    )
    .unwrap();
    fs::write(
        &config,
        "[ui]\nramp = \"cividis\"\nmax_fps = 25\nmap_fps = 6\n[chat]\nstop = [\"C\"]\n",
    )
    .unwrap();
    let layers = Layers {
        user_file: Some(user.clone()),
        config_file: Some(config),
        variables: pairs(&[("GPTOSS__UI__MAX_FPS", "40"), ("GPTOSS__UI__MAP_FPS", "7")]),
        flags: pairs(&[
            ("--set ui.map_fps=8", "ui.map_fps=8"),
            ("--set x", "ui.map_fps = 9"),
        ]),
    };
    let loaded = load(&layers).unwrap();
    let ui = &loaded.settings.ui;
    assert_eq!((ui.max_fps, ui.map_fps), (40, 9));
    assert_eq!((&ui.theme, ui.ramp), (&ThemeChoice::Light, Ramp::Cividis));
    assert_eq!(loaded.settings.chat.stop, ["C"], "lists are replaced");
    let user_file = user.display();
    for (key, origin) in [
        ("ui.color", "default".to_owned()),
        ("ui.theme", format!("{user_file}:2:1")),
        ("ui.max_fps", "GPTOSS__UI__MAX_FPS".to_owned()),
        ("ui.map_fps", "--set x".to_owned()),
    ] {
        assert_eq!(entry(&loaded, key).origin.to_string(), origin, "{key}");
    }
}

#[test]
fn entries_come_in_the_order_of_the_embedded_file() {
    let loaded = load(&Layers::default()).unwrap();
    let first: Vec<&str> = loaded.entries[..3]
        .iter()
        .map(|entry| entry.key.as_str())
        .collect();
    assert_eq!(first, ["model.default", "model.folders", "model.dtype"]);
}

fn check_flag(argument: &str, key: &str, value: &str) {
    let layers = Layers {
        flags: pairs(&[(&format!("--set {argument}"), argument)]),
        ..Layers::default()
    };
    let loaded = load(&layers).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(entry(&loaded, key).value.to_string(), value, "{argument}");
}

#[test]
fn flags_need_no_quotation_marks() {
    check_flag("ui.theme=dark", "ui.theme", "\"dark\"");
    check_flag("ui.color=256", "ui.color", "\"256\"");
    check_flag("model.kv_bits=8", "model.kv_bits", "8");
    check_flag("chat.developer=Be brief", "chat.developer", "\"Be brief\"");
    check_flag("chat.developer=2026", "chat.developer", "\"2026\"");
    check_flag("chat.developer=", "chat.developer", "\"\"");
    check_flag("chat.developer=\"quoted\"", "chat.developer", "\"quoted\"");
    check_flag("chat.stop=[\"A\", \"B\"]", "chat.stop", "[\"A\", \"B\"]");
    check_flag(
        "keys.chat.\"ctrl-=\"=none",
        "keys.chat.\"ctrl-=\"",
        "\"none\"",
    );
    check_flag("keys.chat.G=none", "keys.chat.G", "\"none\"");
}

#[test]
fn variables_keep_the_case_of_chords_only() {
    let layers = Layers {
        variables: pairs(&[
            ("GPTOSS__KEYS__CHAT__G", "none"),
            ("GPTOSS__Ui__Theme", "dark"),
            ("GPTOSS_LOG", "ignored"),
        ]),
        ..Layers::default()
    };
    let settings = load(&layers).unwrap().settings;
    assert_eq!(settings.keys["chat"]["G"], "none");
    assert_eq!(settings.ui.theme, ThemeChoice::Dark);
}

fn check_refused(layers: &Layers, message: &str) {
    assert_eq!(load(layers).unwrap_err().to_string(), message);
}

#[test]
fn bad_flags_and_variables_are_named() {
    for (argument, message) in [
        (
            "theme",
            "--set theme: expected KEY=VALUE such as ui.theme=dark",
        ),
        ("=x", "--set =x: expected KEY=VALUE such as ui.theme=dark"),
        (
            "ui.thme=dark",
            "--set ui.thme=dark: there is no setting `ui.thme`, did you mean `theme`",
        ),
        (
            "ui.max_fps=fast",
            "--set ui.max_fps=fast: `ui.max_fps` is \"fast\", \
             expected a whole number from 0 to 65535",
        ),
        (
            "ui.max_fps=0",
            "--set ui.max_fps=0: `ui.max_fps` is 0, expected from 1 to 120",
        ),
    ] {
        let layers = Layers {
            flags: pairs(&[(&format!("--set {argument}"), argument)]),
            ..Layers::default()
        };
        check_refused(&layers, message);
    }
    let layers = Layers {
        variables: pairs(&[("GPTOSS__UI__MOUSE", "perhaps")]),
        ..Layers::default()
    };
    check_refused(
        &layers,
        "GPTOSS__UI__MOUSE: `ui.mouse` is \"perhaps\", expected true or false",
    );
}

#[test]
fn only_the_file_that_was_asked_for_must_exist() {
    let missing = PathBuf::from("no/such/gptoss.toml");
    let mut layers = Layers {
        user_file: Some(missing.clone()),
        ..Layers::default()
    };
    assert!(load(&layers).is_ok());
    layers.config_file = Some(missing);
    let message = load(&layers).unwrap_err().to_string();
    assert!(
        message.starts_with("no/such/gptoss.toml: cannot be read: "),
        "{message}"
    );
}
