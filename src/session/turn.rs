//! An answer in the making.

use super::node::{
    BeforeEnd, InterventionChange, Part, SamplingChange, Turn, TurnOutcome, TurnSettings,
};
use crate::harmony::{Channel, FaultKind, FaultSpan, HarmonyEvent, Header, Message, MessageEnding};
use crate::intervention::Interventions;

impl Turn {
    /// An answer without tokens.
    pub fn new(settings: TurnSettings) -> Self {
        Self {
            parts: Vec::new(),
            ids: Vec::new(),
            raw_text: String::new(),
            token_ends: Vec::new(),
            inserted: Vec::new(),
            faults: Vec::new(),
            settings,
            sampling_changes: Vec::new(),
            intervention_changes: Vec::new(),
            fork: None,
            outcome: None,
            before_end: None,
        }
    }

    /// An answer that a person wrote.
    pub fn edited(settings: TurnSettings, parts: Vec<(Header, String)>, at_ms: u64) -> Self {
        let part = |(header, text)| Part {
            header,
            text,
            ending: Some(MessageEnding::End),
            tokens: 0..0,
            started_ms: at_ms,
            ended_ms: Some(at_ms),
        };
        Self {
            parts: parts.into_iter().map(part).collect(),
            outcome: Some(TurnOutcome::Written),
            ..Self::new(settings)
        }
    }

    /// The messages so far, those without a text left out.
    pub fn messages(&self) -> Vec<Message> {
        let parts = self.parts.iter().filter(|part| !part.text.is_empty());
        parts
            .map(|part| Message::new(part.header.clone(), part.text.clone()))
            .collect()
    }

    /// Whether the final message has begun.
    pub fn has_final(&self) -> bool {
        self.parts.iter().any(Part::is_final)
    }

    /// The final message's text; where there are several, all of them.
    pub fn final_text(&self) -> String {
        let texts: Vec<&str> = self
            .parts
            .iter()
            .filter(|part| part.is_final())
            .map(|part| part.text.as_str())
            .collect();
        texts.join("\n\n")
    }

    /// All texts under their channels' names.
    pub fn all_text(&self) -> String {
        let texts: Vec<String> = self
            .parts
            .iter()
            .map(|part| format!("[{}]\n{}", part.channel_name(), part.text))
            .collect();
        texts.join("\n\n")
    }

    /// Whether its last token closed its last message.
    pub fn is_closed(&self) -> bool {
        self.parts.last().is_some_and(|part| {
            matches!(
                part.ending,
                Some(MessageEnding::End | MessageEnding::Return | MessageEnding::Call)
            ) && part.tokens.end == self.ids.len()
        })
    }

    /// The text of the token at `index`, control tokens spelled.
    pub fn token_text(&self, index: usize) -> Option<&str> {
        let end = *self.token_ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *self.token_ends.get(before)?,
            None => 0,
        };
        self.raw_text.get(start..end)
    }

    /// How the experts' choice was changed for its newest token.
    pub fn interventions(&self) -> &Interventions {
        self.intervention_changes
            .last()
            .map_or(&self.settings.interventions, |change| &change.interventions)
    }

    pub(super) fn append(&mut self, ids: &[u32], texts: &[String]) {
        for (index, id) in ids.iter().enumerate() {
            self.ids.push(*id);
            self.raw_text
                .push_str(texts.get(index).map_or("", String::as_str));
            self.token_ends.push(self.raw_text.len());
        }
    }

    pub(super) fn follow(&mut self, events: &[HarmonyEvent], at_ms: u64) {
        for event in events {
            self.take(event, at_ms);
        }
    }

    fn take(&mut self, event: &HarmonyEvent, at_ms: u64) {
        match event {
            HarmonyEvent::MessageStarted { header, tokens } => self.parts.push(Part {
                header: header.clone(),
                text: String::new(),
                ending: None,
                tokens: tokens.clone(),
                started_ms: at_ms,
                ended_ms: None,
            }),
            HarmonyEvent::Text { delta, tokens } => {
                if let Some(part) = self.parts.last_mut() {
                    part.text.push_str(delta);
                    part.tokens.end = part.tokens.end.max(tokens.end);
                }
            }
            HarmonyEvent::MessageEnded { ending, tokens } => {
                if let Some(part) = self.parts.last_mut() {
                    part.ending = Some(*ending);
                    part.ended_ms = Some(at_ms);
                    part.tokens.end = part.tokens.end.max(tokens.end);
                }
            }
            HarmonyEvent::Fault { kind, text, tokens } => self.fault(*kind, text, tokens.clone()),
        }
    }

    fn fault(&mut self, kind: FaultKind, text: &str, tokens: std::ops::Range<usize>) {
        match self.faults.last_mut() {
            Some(last) if last.kind == kind && last.tokens.end == tokens.start => {
                last.text.push_str(text);
                last.tokens.end = tokens.end;
            }
            _ => self.faults.push(FaultSpan {
                kind,
                text: text.to_owned(),
                tokens,
            }),
        }
    }

    pub(super) fn finish(&mut self, outcome: TurnOutcome, events: &[HarmonyEvent], at_ms: u64) {
        self.before_end = Some(BeforeEnd {
            parts: self.parts.len(),
            faults: self.faults.len(),
            last: self
                .parts
                .last()
                .map(|part| (part.text.len(), part.tokens.end, part.ending)),
        });
        self.follow(events, at_ms);
        if let Some(part) = self.parts.last_mut().filter(|part| part.ended_ms.is_none()) {
            part.ended_ms = Some(at_ms);
        }
        self.outcome = Some(outcome);
    }

    /// Goes on: takes back what the end added, and the tokens after the first `keep_tokens`.
    pub(super) fn reopen(&mut self, settings: &TurnSettings, keep_tokens: usize) {
        if let Some(before) = self.before_end.take() {
            self.parts.truncate(before.parts);
            self.faults.truncate(before.faults);
            if let (Some(part), Some((bytes, end, ending))) = (self.parts.last_mut(), before.last) {
                part.text.truncate(bytes);
                part.tokens.end = end;
                part.ending = ending;
            }
        }
        self.ids.truncate(keep_tokens);
        self.token_ends.truncate(keep_tokens);
        self.raw_text
            .truncate(self.token_ends.last().copied().unwrap_or(0));
        let is_written = self.outcome == Some(TurnOutcome::Written);
        if let Some(part) = self.parts.last_mut()
            && (part.tokens.end > keep_tokens || is_written)
        {
            part.tokens.end = keep_tokens;
            part.ending = None;
        }
        if let Some(part) = self.parts.last_mut().filter(|part| part.ending.is_none()) {
            part.ended_ms = None;
        }
        self.outcome = None;
        let in_force = self
            .sampling_changes
            .last()
            .map_or(&self.settings.sampling, |change| &change.sampling);
        if *in_force != settings.sampling {
            self.sampling_changes.push(SamplingChange {
                token_index: keep_tokens,
                sampling: settings.sampling.clone(),
            });
        }
        if let Some(followed) = self
            .settings
            .followed
            .as_mut()
            .filter(|_| settings.followed.is_none())
        {
            followed.end_at(keep_tokens);
        }
        if *self.interventions() != settings.interventions {
            self.intervention_changes.push(InterventionChange {
                token_index: keep_tokens,
                interventions: settings.interventions.clone(),
            });
        }
    }
}

impl Part {
    /// Whether it is the answer proper, not reasoning or a call.
    pub fn is_final(&self) -> bool {
        matches!(
            (&self.header.channel, &self.header.recipient),
            (Some(Channel::Final), _) | (None, None)
        )
    }

    /// The channel's name for people; a call names its tool.
    pub fn channel_name(&self) -> &str {
        match (&self.header.recipient, &self.header.channel) {
            (Some(tool), _) => tool,
            (None, Some(channel)) => channel.as_str(),
            (None, None) => "final",
        }
    }

    /// How many tokens it has.
    pub fn num_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// How long it took, or has taken until `now_ms` on the wall clock.
    pub fn duration_ms(&self, now_ms: u64) -> u64 {
        self.ended_ms
            .unwrap_or(now_ms)
            .saturating_sub(self.started_ms)
    }
}
