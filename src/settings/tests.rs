//! The embedded file and the structures agree.

use super::*;

#[test]
fn the_embedded_file_equals_the_defaults() {
    let embedded: Settings = toml::from_str(EMBEDDED).unwrap();
    assert_eq!(embedded, Settings::default());
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
