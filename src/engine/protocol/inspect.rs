//! A look inside the model for one token: the question, and the answer with its tokens' texts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ModelOrigin, RequestId};
use crate::generate::{InspectOptions, Inspection};

/// A look inside at the last token of a sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InspectRequest {
    /// The look's name in events and for cancelling.
    pub id: RequestId,
    /// The sequence from position 0 up to the token looked at.
    pub ids: Vec<u32>,
    /// What to look at.
    #[serde(default)]
    pub options: InspectOptions,
}

/// What was found, ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InspectReport {
    /// Whether a model computed the numbers; to be shown wherever none did.
    pub origin: ModelOrigin,
    /// The numbers.
    pub inspection: Inspection,
    /// The text of every token that is named in them: control tokens spelled out, bytes that are
    /// no whole character as U+FFFD. Empty where there is no tokenizer.
    pub texts: BTreeMap<u32, String>,
}

impl InspectReport {
    /// A report with the text of each token named in `inspection`.
    pub fn new(
        origin: ModelOrigin,
        inspection: Inspection,
        text_of: impl Fn(u32) -> String,
    ) -> Self {
        let texts = named_ids(&inspection)
            .map(|id| (id, text_of(id)))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        Self {
            origin,
            inspection,
            texts,
        }
    }

    /// The text of a token that is named in the report; none where it has none.
    pub fn text(&self, id: u32) -> Option<&str> {
        self.texts.get(&id).map(String::as_str)
    }
}

/// Every id in an inspection, some of them several times.
fn named_ids(inspection: &Inspection) -> impl Iterator<Item = u32> {
    let rows = inspection.lens.iter();
    let of_lens = rows.flat_map(|row| {
        let alternatives = row.top.iter().map(|token| token.id);
        alternatives.chain(row.target.map(|target| target.id))
    });
    let seen = inspection.head.iter().flat_map(|head| &head.tokens);
    let named = std::iter::once(inspection.token).chain(of_lens);
    named.chain(seen.copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{HeadIndex, HeadWeights, LensRow};

    #[test]
    fn every_token_named_has_its_text_once() {
        let inspection = Inspection {
            token: 3,
            lens: vec![LensRow::of_logits(0, &[0.0, 2.0, 1.0], 2, Some(0))],
            head: Some(HeadWeights {
                index: HeadIndex { layer: 0, head: 0 },
                first_position: 0,
                tokens: vec![7, 3],
                weights: vec![0.5, 0.25],
                sink: 0.25,
            }),
            ..Inspection::default()
        };
        let text = |id| {
            if id == 7 {
                String::new()
            } else {
                format!("t{id}")
            }
        };
        let report = InspectReport::new(ModelOrigin::Model, inspection, text);
        let ids: Vec<u32> = report.texts.keys().copied().collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        assert_eq!((report.text(3), report.text(7)), (Some("t3"), None));
    }

    #[test]
    fn a_request_needs_nothing_but_name_and_ids() {
        let request: InspectRequest = serde_json::from_str(r#"{"id":4,"ids":[1,2]}"#).unwrap();
        assert_eq!(request.options, InspectOptions::default());
        let text = r#"{"id":4,"ids":[1],"options":{"layers":{"only":[2]},"target":5}}"#;
        let request: InspectRequest = serde_json::from_str(text).unwrap();
        assert_eq!((request.options.top, request.options.target), (5, Some(5)));
    }
}
