//! JSON Schema as the TypeScript-like types that the models were trained on.
//!
//! Only what the format document and the released chat template show is spelled out; anything
//! else becomes `any`, which is always true.

use serde_json::{Map, Value};

/// Deeper schemas end in `any`; it bounds the recursion.
const MAX_DEPTH: usize = 64;
/// What nested properties are indented by.
const INDENT: &str = "    ";

/// The type that a schema describes, such as `string[]` or `{\nname: string,\n}`.
pub(super) fn type_of(schema: &Value) -> String {
    let mut out = String::new();
    write_type(&mut out, schema, 0);
    out
}

fn write_type(out: &mut String, schema: &Value, depth: usize) {
    if depth > MAX_DEPTH {
        out.push_str("any");
        return;
    }
    if let Some(variants) = variants(schema) {
        let types = variants.iter().map(|variant| {
            let mut one = String::new();
            write_type(&mut one, variant, depth + 1);
            one
        });
        out.push_str(&types.collect::<Vec<_>>().join(" | "));
    } else if let Some(types) = schema.get("type").and_then(Value::as_array) {
        let names = types.iter().filter_map(Value::as_str).map(primitive);
        out.push_str(&non_empty(names.collect::<Vec<_>>().join(" | ")));
    } else {
        write_named_type(out, schema, depth);
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        out.push_str(" | null");
    }
}

fn write_named_type(out: &mut String, schema: &Value, depth: usize) {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => write_object(out, schema, depth),
        Some("array") => match schema.get("items") {
            Some(items) => write_array(out, items, depth),
            None => out.push_str("Array<any>"),
        },
        Some("string") => match literals(schema) {
            Some(literals) => out.push_str(&literals),
            None => out.push_str("string"),
        },
        Some(name) => out.push_str(primitive(name)),
        None => out.push_str(literals(schema).as_deref().unwrap_or("any")),
    }
}

fn write_array(out: &mut String, items: &Value, depth: usize) {
    let mut item = String::new();
    write_type(&mut item, items, depth + 1);
    // `"a" | "b"[]` would make only the last an array.
    let is_union = item.contains(" | ") && !item.starts_with('{');
    if is_union {
        out.push_str(&format!("({item})[]"));
    } else {
        out.push_str(&format!("{item}[]"));
    }
}

fn write_object(out: &mut String, schema: &Value, depth: usize) {
    let indent = INDENT.repeat(depth);
    out.push_str("{\n");
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties {
        write_comments(out, property, &indent);
        let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
        let optional = if is_required { "" } else { "?" };
        out.push_str(&format!("{indent}{name}{optional}: "));
        write_type(out, property, depth + 1);
        out.push(',');
        if let Some(default) = property.get("default") {
            out.push_str(&format!(" // default: {}", default_text(property, default)));
        }
        out.push('\n');
    }
    out.push_str(&indent);
    out.push('}');
}

/// Title, description and examples, above the property.
fn write_comments(out: &mut String, property: &Value, indent: &str) {
    if let Some(title) = property.get("title").and_then(Value::as_str) {
        out.push_str(&format!("{indent}// {title}\n{indent}//\n"));
    }
    if let Some(description) = property.get("description").and_then(Value::as_str) {
        for line in description.lines() {
            out.push_str(&format!("{indent}// {line}\n"));
        }
    }
    if let Some(examples) = property.get("examples").and_then(Value::as_array)
        && !examples.is_empty()
    {
        out.push_str(&format!("{indent}// Examples:\n"));
        for example in examples {
            out.push_str(&format!("{indent}// - {example}\n"));
        }
    }
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

fn non_empty(types: String) -> String {
    if types.is_empty() {
        "any".to_owned()
    } else {
        types
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
