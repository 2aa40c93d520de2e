//! Prompts to ids, and where in harmony the answer begins.

use crate::engine::protocol::{
    AnswerOpening, ConversationPrompt, ErrorKind, ErrorReport, Prompt, PromptToken,
};
use crate::gptoss::GptOss;
use crate::harmony::{
    Channel, HarmonyEvent, HarmonyTokens, ParsePlace, ParseStart, Prefill, RenderError, Renderer,
    Role, StreamParser,
};

/// A prompt as the model reads it.
#[derive(Debug)]
pub(super) struct RenderedPrompt {
    /// All ids: the prompt, the resumed tokens, the inserted ones.
    pub(super) ids: Vec<u32>,
    /// How many of them come before the answer.
    pub(super) answer_start: usize,
    pub(super) inserted: Vec<u32>,
    /// What the inserted ids, or an edited message's header, mean.
    pub(super) opened: Vec<HarmonyEvent>,
    /// Where the answer goes on, if it is harmony.
    pub(super) answer: Option<Answer>,
}

impl RenderedPrompt {
    /// Whether the forced tokens end the answer.
    pub(super) fn ends_with(&self, stop_tokens: &[u32]) -> bool {
        let last = self.inserted.last();
        last.is_some_and(|last| stop_tokens.contains(last))
    }
}

/// The answer's parser, and whether the final message's text is open.
#[derive(Debug)]
pub(super) struct Answer {
    parser: StreamParser,
    is_in_final: bool,
}

impl Answer {
    /// An answer that begins there, with what is clear already.
    fn new(
        renderer: &Rendering<'_>,
        start: ParseStart,
    ) -> Result<(Self, Vec<HarmonyEvent>), RenderError> {
        let mut parser = StreamParser::new(renderer.model_tokenizer, start)?;
        let opened = parser.opened();
        let mut answer = Self {
            parser,
            is_in_final: false,
        };
        for event in &opened {
            answer.follow(event);
        }
        Ok((answer, opened))
    }

    /// Takes the next id.
    pub(super) fn push(&mut self, id: u32) -> Vec<HarmonyEvent> {
        let events = self.parser.push(id);
        for event in &events {
            self.follow(event);
        }
        events
    }

    /// Ends the answer.
    pub(super) fn finish(&mut self) -> Vec<HarmonyEvent> {
        self.parser.finish()
    }

    /// Whether text that comes now belongs to the final message.
    pub(super) fn is_in_final(&self) -> bool {
        self.is_in_final
    }

    fn push_all(&mut self, ids: &[u32]) -> Vec<HarmonyEvent> {
        ids.iter().flat_map(|&id| self.push(id)).collect()
    }

    fn follow(&mut self, event: &HarmonyEvent) {
        match event {
            HarmonyEvent::MessageStarted { header, .. } => {
                self.is_in_final = header.channel == Some(Channel::Final);
            }
            HarmonyEvent::MessageEnded { .. } => self.is_in_final = false,
            HarmonyEvent::Text { .. } | HarmonyEvent::Fault { .. } => {}
        }
    }
}

/// The ids of a prompt and the state of its answer.
pub(super) fn render(model: &GptOss, prompt: &Prompt) -> Result<RenderedPrompt, ErrorReport> {
    match prompt {
        Prompt::Tokens(ids) => Ok(RenderedPrompt {
            ids: ids.clone(),
            answer_start: ids.len(),
            inserted: Vec::new(),
            opened: Vec::new(),
            answer: None,
        }),
        Prompt::Conversation(prompt) => {
            let tokenizer = model.tokenizer().map_err(|error| {
                ErrorReport::from_error(ErrorKind::InvalidRequest, &error)
                    .with_hint("put the model's tokenizer.json beside its config.json")
            })?;
            let rendered = Renderer::new(tokenizer).and_then(|renderer| {
                let rendering = Rendering {
                    renderer,
                    model_tokenizer: tokenizer,
                };
                rendering.conversation(prompt)
            });
            rendered.map_err(|error| ErrorReport::from_error(ErrorKind::InvalidRequest, &error))
        }
    }
}

/// The prompt's tokens with their texts; empty where no tokenizer tells them.
pub(super) fn prompt_tokens(model: &GptOss, ids: &[u32]) -> Vec<PromptToken> {
    if model.tokenizer().is_err() {
        return Vec::new();
    }
    let token = |&id: &u32| PromptToken {
        id,
        text: model.token_text(id),
    };
    ids.iter().map(token).collect()
}

struct Rendering<'a> {
    renderer: Renderer<'a>,
    model_tokenizer: &'a crate::tokenizer::Tokenizer,
}

impl Rendering<'_> {
    fn conversation(&self, prompt: &ConversationPrompt) -> Result<RenderedPrompt, RenderError> {
        let conversation = &prompt.conversation;
        if let AnswerOpening::Edited { message } = &prompt.opening {
            let prefill = Prefill::Continue(message.clone());
            let ids = self.renderer.prefill(conversation, &prefill)?;
            let start = ParseStart::InBody(message.header.clone());
            let (answer, opened) = Answer::new(self, start)?;
            return Ok(RenderedPrompt {
                answer_start: ids.len(),
                ids,
                inserted: Vec::new(),
                opened,
                answer: Some(answer),
            });
        }
        let mut ids = self.renderer.completion(conversation)?;
        let answer_start = ids.len();
        let (mut answer, _) = Answer::new(self, ParseStart::AfterRole(Role::Assistant))?;
        let mut inserted = Vec::new();
        let mut opened = Vec::new();
        if let AnswerOpening::Resume { ids: resumed } | AnswerOpening::AnswerNow { ids: resumed } =
            &prompt.opening
        {
            // Told before.
            answer.push_all(resumed);
            ids.extend(resumed);
        }
        if let AnswerOpening::Forced { ids: forced } = &prompt.opening {
            inserted.clone_from(forced);
            opened = answer.push_all(forced);
            ids.extend(forced);
        }
        if let AnswerOpening::AnswerNow { .. } = &prompt.opening {
            inserted = self.ids_to_final(&answer)?;
            opened = answer.push_all(&inserted);
            ids.extend(&inserted);
        }
        Ok(RenderedPrompt {
            ids,
            answer_start,
            inserted,
            opened,
            answer: Some(answer),
        })
    }

    /// What leads to the final message's text; nothing where it is open already.
    fn ids_to_final(&self, answer: &Answer) -> Result<Vec<u32>, RenderError> {
        let place = answer.parser.place();
        if answer.is_in_final {
            return Ok(Vec::new());
        }
        if place == ParsePlace::Header {
            // A header that was about to be complete is completed.
            let message = HarmonyTokens::new(self.model_tokenizer)?.message;
            let mut parser = answer.parser.clone();
            if let [HarmonyEvent::MessageStarted { header, .. }] = &parser.push(message)[..] {
                let mut ids = vec![message];
                if header.channel != Some(Channel::Final) {
                    ids.extend(self.renderer.final_opening_ids(ParsePlace::Body));
                }
                return Ok(ids);
            }
        }
        Ok(self.renderer.final_opening_ids(place))
    }
}
