//! Typed access to the fields of a JSON object, with errors that name the field.

use serde_json::{Map, Value};

use super::{ConfigError, LayerType};

pub(super) type Result<T> = std::result::Result<T, ConfigError>;

/// Characters of a value that an error message shows.
const SHOWN_CHARS: usize = 60;

/// A text that must hold a JSON object.
pub(super) fn parse_object(json: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(json).map_err(|error| ConfigError::Json { error })? {
        Value::Object(map) => Ok(map),
        other => Err(ConfigError::NotAnObject {
            found: shown(&other),
        }),
    }
}

/// A JSON object whose fields are read by type; `null` counts as absent.
pub(super) struct Fields<'a> {
    pub(super) map: &'a Map<String, Value>,
    /// What stands before a field's name in messages: empty, or `rope_scaling.`.
    path: String,
}

impl<'a> Fields<'a> {
    pub(super) fn root(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            path: String::new(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// An object within this one.
    pub(super) fn child(&self, key: &str, map: &'a Map<String, Value>) -> Fields<'a> {
        Fields {
            map,
            path: self.name(key) + ".",
        }
    }

    pub(super) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    pub(super) fn missing(&self, key: &str) -> ConfigError {
        ConfigError::MissingField {
            field: self.name(key),
        }
    }

    pub(super) fn wrong_type(
        &self,
        key: &str,
        expected: &'static str,
        found: &Value,
    ) -> ConfigError {
        ConfigError::WrongType {
            field: self.name(key),
            expected,
            found: shown(found),
        }
    }

    pub(super) fn unsupported(
        &self,
        key: &str,
        value: &Value,
        supported: &'static str,
    ) -> ConfigError {
        ConfigError::Unsupported {
            field: self.name(key),
            value: shown(value),
            supported,
        }
    }

    /// Reads a field with `read`, if it is there.
    pub(super) fn read<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        self.get(key)
            .map(|value| read(value).ok_or_else(|| self.wrong_type(key, expected, value)))
            .transpose()
    }

    pub(super) fn count_if_present(&self, key: &str) -> Result<Option<usize>> {
        self.read(key, "a whole number of at least 0", |value| {
            usize::try_from(value.as_u64()?).ok()
        })
    }

    pub(super) fn count(&self, key: &str) -> Result<usize> {
        self.count_if_present(key)?.ok_or_else(|| self.missing(key))
    }

    /// The first of several names of the same field; the first is the one reported missing.
    pub(super) fn count_of(&self, keys: &[&str]) -> Result<usize> {
        for key in keys {
            if let Some(count) = self.count_if_present(key)? {
                return Ok(count);
            }
        }
        Err(self.missing(keys.first().copied().unwrap_or_default()))
    }

    pub(super) fn float_if_present(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a number", Value::as_f64)
    }

    pub(super) fn float(&self, key: &str) -> Result<f64> {
        self.float_if_present(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.read(key, "true or false", Value::as_bool)
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<Fields<'a>>> {
        let map = self.read(key, "an object", Value::as_object)?;
        Ok(map.map(|map| self.child(key, map)))
    }

    pub(super) fn token_id(&self, key: &str) -> Result<Option<u32>> {
        self.read(key, "a token id", as_token_id)
    }

    pub(super) fn token_ids(&self, key: &str) -> Result<Vec<u32>> {
        let ids = self.read(key, "a token id or a list of them", |value| match value {
            Value::Array(ids) => ids.iter().map(as_token_id).collect(),
            id => as_token_id(id).map(|id| vec![id]),
        })?;
        Ok(ids.unwrap_or_default())
    }

    pub(super) fn layer_types(&self, num_hidden_layers: usize) -> Result<Vec<LayerType>> {
        let kind = |value: &Value| match value.as_str()? {
            "sliding_attention" => Some(LayerType::SlidingAttention),
            "full_attention" => Some(LayerType::FullAttention),
            _ => None,
        };
        let stated = self.read(
            "layer_types",
            "a list of \"sliding_attention\" and \"full_attention\"",
            |value| value.as_array()?.iter().map(kind).collect(),
        )?;
        Ok(stated.unwrap_or_else(|| LayerType::alternating(num_hidden_layers)))
    }

    /// Other architectures share most field names; loading one would fail much later.
    pub(super) fn refuse_other_models(&self) -> Result<()> {
        if let Some(kind) = self.get("model_type")
            && kind.as_str() != Some("gpt_oss")
        {
            return Err(self.unsupported("model_type", kind, "\"gpt_oss\""));
        }
        if self.flag("attention_bias")? == Some(false) {
            return Err(self.unsupported("attention_bias", &Value::Bool(false), "true"));
        }
        Ok(())
    }
}

fn as_token_id(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// A value as an error message shows it: compact, escaped and short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
