//! The texts of the system and developer messages.
//!
//! *Source:* `OpenAI`'s harmony format document, "System message format", "Developer message
//! format" and "Function calling".

use super::message::{Channel, DeveloperContent, SystemContent, ToolDescription};
use super::schema;

impl SystemContent {
    /// The message's text; `has_tools` adds where calls must go.
    pub fn text(&self, has_tools: bool) -> String {
        let mut facts = vec![self.identity.clone()];
        facts.extend(
            self.knowledge_cutoff
                .as_ref()
                .map(|month| format!("Knowledge cutoff: {month}")),
        );
        facts.extend(
            self.current_date
                .as_ref()
                .map(|date| format!("Current date: {date}")),
        );
        let mut sections = vec![facts.join("\n")];
        sections.extend(self.effort.map(|effort| format!("Reasoning: {effort}")));
        if !self.channels.is_empty() {
            let names: Vec<&str> = self.channels.iter().map(Channel::as_str).collect();
            let mut line = format!(
                "# Valid channels: {}. Channel must be included for every message.",
                names.join(", ")
            );
            if has_tools {
                line += "\nCalls to these tools must go to the commentary channel: 'functions'.";
            }
            sections.push(line);
        }
        sections.join("\n\n")
    }
}

impl DeveloperContent {
    /// The message's text; empty if there are neither instructions nor tools.
    pub fn text(&self) -> String {
        let mut sections = Vec::new();
        if let Some(instructions) = &self.instructions {
            sections.push(format!("# Instructions\n\n{instructions}"));
        }
        if !self.tools.is_empty() {
            let functions: String = self.tools.iter().map(signature).collect();
            sections.push(format!(
                "# Tools\n\n## functions\n\nnamespace functions {{\n\n{functions}}} // namespace functions"
            ));
        }
        sections.join("\n\n")
    }
}

/// A function's comment and type, with the empty line that follows.
fn signature(tool: &ToolDescription) -> String {
    let mut lines: Vec<String> = tool
        .description
        .lines()
        .map(|line| format!("// {line}"))
        .collect();
    let argument = match &tool.parameters {
        Some(parameters) => format!("_: {}", schema::type_of(parameters)),
        None => String::new(),
    };
    lines.push(format!("type {} = ({argument}) => any;\n\n", tool.name));
    lines.join("\n")
}
