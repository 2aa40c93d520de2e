//! The framing messages and tools as JSON spells them.

use serde_json::Value;

use super::json_fields::{
    Result, array, line, missing, optional, string, unknown_field, word, wrong,
};
use super::message::{Channel, DeveloperContent, ReasoningEffort, SystemContent, ToolDescription};

/// The harmony crate's spelling of the system message.
pub(super) fn system_content(part: &Value, path: &str) -> Result<SystemContent> {
    let fields = part
        .as_object()
        .ok_or_else(|| wrong(path, "an object", part))?;
    let mut system = SystemContent {
        knowledge_cutoff: None,
        effort: None,
        channels: Vec::new(),
        ..SystemContent::default()
    };
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{key}");
        match key.as_str() {
            "type" => {}
            "model_identity" => system.identity = string(value, &path)?,
            "reasoning_effort" => system.effort = Some(effort(value, &path)?),
            "conversation_start_date" => system.current_date = Some(line(value, &path)?),
            "knowledge_cutoff" => system.knowledge_cutoff = Some(line(value, &path)?),
            "channel_config" => {
                let path = format!("{path}.valid_channels");
                let names = value
                    .get("valid_channels")
                    .ok_or_else(|| missing(&path, "a list of names"))?;
                for name in array(names, &path)? {
                    system.channels.push(Channel::from(word(name, &path)?));
                }
            }
            _ => return Err(unknown_field(&path)),
        }
    }
    Ok(system)
}

/// The harmony crate's spelling of the developer message.
pub(super) fn developer_content(part: &Value, path: &str) -> Result<DeveloperContent> {
    let fields = part
        .as_object()
        .ok_or_else(|| wrong(path, "an object", part))?;
    let mut developer = DeveloperContent::default();
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{key}");
        match key.as_str() {
            "type" => {}
            "instructions" => developer.instructions = Some(string(value, &path)?),
            "tools" => {
                let path = format!("{path}.functions.tools");
                let list = value
                    .pointer("/functions/tools")
                    .ok_or_else(|| missing(&path, "a list of tools"))?;
                developer.tools = tools(list, &path)?;
            }
            _ => return Err(unknown_field(&path)),
        }
    }
    Ok(developer)
}

/// `{name, description, parameters}`, bare or inside `{"type": "function", "function": …}`.
pub(super) fn tools(value: &Value, path: &str) -> Result<Vec<ToolDescription>> {
    let read = |(index, tool): (usize, &Value)| {
        let path = format!("{path}[{index}]");
        let tool = tool.get("function").unwrap_or(tool);
        let fields = tool
            .as_object()
            .ok_or_else(|| wrong(&path, "an object", tool))?;
        let name = optional(fields, "name", &path, word)?;
        let parameters = fields.get("parameters").filter(|schema| !schema.is_null());
        if let Some(schema) = parameters.filter(|schema| !schema.is_object()) {
            return Err(wrong(
                &format!("{path}.parameters"),
                "a JSON Schema",
                schema,
            ));
        }
        Ok(ToolDescription {
            name: name.ok_or_else(|| missing(&format!("{path}.name"), "the function's name"))?,
            description: optional(fields, "description", &path, string)?.unwrap_or_default(),
            parameters: parameters.cloned(),
        })
    };
    array(value, path)?.iter().enumerate().map(read).collect()
}

pub(super) fn effort(value: &Value, path: &str) -> Result<ReasoningEffort> {
    let effort = value.as_str().and_then(ReasoningEffort::from_word);
    effort.ok_or_else(|| wrong(path, "low, medium or high", value))
}
