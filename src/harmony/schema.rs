//! JSON Schema as the TypeScript-like types that the models were trained on.
//!
//! Only what the format document and the released chat template show is spelled out; anything
//! else becomes `any`, which is always true.

use serde_json::{Map, Value};

/// Deeper schemas end in `any`; it bounds the recursion.
const MAX_DEPTH: usize = 64;
/// What nested properties are indented by.
const INDENT: &str = "    ";

/// How deep a schema lies, and how far its properties are indented; arrays do not indent.
#[derive(Clone, Copy, Default)]
struct Level {
    depth: usize,
    indents: usize,
}

impl Level {
    fn item(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    fn property(self) -> Self {
        Self {
            depth: self.depth + 1,
            indents: self.indents + 1,
        }
    }
}

/// The type that a schema describes, such as `string[]` or `{\nname: string,\n}`.
pub(super) fn type_of(schema: &Value) -> String {
    nested_type(schema, Level::default())
}

fn nested_type(schema: &Value, level: Level) -> String {
    if level.depth > MAX_DEPTH {
        return "any".to_owned();
    }
    let name = if let Some(variants) = variants(schema) {
        let types: Vec<String> = variants
            .iter()
            .map(|variant| nested_type(variant, level.item()))
            .collect();
        types.join(" | ")
    } else if let Some(types) = schema.get("type").and_then(Value::as_array) {
        let names: Vec<&str> = types
            .iter()
            .filter_map(Value::as_str)
            .map(primitive)
            .collect();
        if names.is_empty() {
            "any".to_owned()
        } else {
            names.join(" | ")
        }
    } else {
        named_type(schema, level)
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        name + " | null"
    } else {
        name
    }
}

fn named_type(schema: &Value, level: Level) -> String {
    let literals = literals(schema);
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => object_type(schema, level),
        Some("array") => match schema.get("items") {
            Some(items) => array_type(items, level),
            None => "Array<any>".to_owned(),
        },
        Some("string") => literals.unwrap_or_else(|| "string".to_owned()),
        Some(name) => primitive(name).to_owned(),
        None => literals.unwrap_or_else(|| "any".to_owned()),
    }
}

fn array_type(items: &Value, level: Level) -> String {
    let item = nested_type(items, level.item());
    // `"a" | "b"[]` would make only the last an array.
    let is_union = item.contains(" | ") && !item.starts_with('{');
    if is_union {
        format!("({item})[]")
    } else {
        format!("{item}[]")
    }
}

fn object_type(schema: &Value, level: Level) -> String {
    let indent = INDENT.repeat(level.indents);
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array);
    let mut lines = Vec::new();
    for (name, property) in properties {
        lines.extend(comments(property));
        let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
        let optional = if is_required { "" } else { "?" };
        let default = property
            .get("default")
            .map(|default| default_text(property, default));
        let default = default.map_or(String::new(), |text| format!(" // default: {text}"));
        lines.push(format!(
            "{name}{optional}: {},{default}",
            nested_type(property, level.property())
        ));
    }
    let lines = lines.into_iter().map(|line| indent.clone() + &line);
    let parts: Vec<String> = std::iter::once("{".to_owned())
        .chain(lines)
        .chain([indent.clone() + "}"])
        .collect();
    parts.join("\n")
}

/// Title, description and examples, which stand above the property.
fn comments(property: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(title) = property.get("title").and_then(Value::as_str) {
        lines.extend([format!("// {title}"), "//".to_owned()]);
    }
    if let Some(description) = property.get("description").and_then(Value::as_str) {
        lines.extend(description.lines().map(|line| format!("// {line}")));
    }
    let examples = property.get("examples").and_then(Value::as_array);
    if let Some(examples) = examples.filter(|examples| !examples.is_empty()) {
        lines.push("// Examples:".to_owned());
        lines.extend(examples.iter().map(|example| format!("// - {example}")));
    }
    lines
}

/// An enumeration's default is shown bare and another string's quoted, as the format has it.
fn default_text(property: &Value, default: &Value) -> String {
    match default.as_str() {
        Some(text) if property.get("enum").is_some() => text.to_owned(),
        _ => default.to_string(),
    }
}

fn variants(schema: &Value) -> Option<&Vec<Value>> {
    let variants = schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))?
        .as_array()?;
    (!variants.is_empty()).then_some(variants)
}

fn literals(schema: &Value) -> Option<String> {
    let values = schema.get("enum")?.as_array()?;
    let literals: Vec<String> = values.iter().map(Value::to_string).collect();
    (!literals.is_empty()).then(|| literals.join(" | "))
}

fn primitive(name: &str) -> &'static str {
    match name {
        "string" => "string",
        "number" | "integer" => "number",
        "boolean" => "boolean",
        "null" => "null",
        "array" => "Array<any>",
        "object" => "object",
        _ => "any",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_become_types() {
        let mut deep = json!({"type": "string"});
        for _ in 0..200 {
            deep = json!({"type": "array", "items": deep});
        }
        let cases = [
            (json!({"type": "string"}), "string"),
            (json!({"type": "integer"}), "number"),
            (json!({"type": ["string", "null"]}), "string | null"),
            (json!({"type": []}), "any"),
            (json!({"type": "string", "nullable": true}), "string | null"),
            (json!({"enum": ["a", 1]}), "\"a\" | 1"),
            (json!({"type": "array"}), "Array<any>"),
            (
                json!({"type": "array", "items": {"enum": ["a", "b"]}}),
                "(\"a\" | \"b\")[]",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "number"}]}),
                "string | number",
            ),
            (json!({"type": "object"}), "{\n}"),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}}}}}),
                "{\na?: {\n    b?: string,\n    }[],\n}",
            ),
            (json!({"$ref": "#/x"}), "any"),
            (json!(7), "any"),
            (
                json!({"type": "object", "required": ["a"], "properties": {
                    "a": {"type": "string", "default": "x", "title": "T", "description": "one\ntwo"},
                    "b": {"type": "object", "properties": {"c": {"type": "number", "default": 3, "examples": [1]}}},
                }}),
                "{\n// T\n//\n// one\n// two\na: string, // default: \"x\"\nb?: {\n    // Examples:\n    // - 1\n    c?: number, // default: 3\n    },\n}",
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(type_of(&schema), expected, "{schema}");
        }
        assert!(type_of(&deep).starts_with("any[]"));
    }
}
