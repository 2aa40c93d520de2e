//! A backend that counts: each of its tokens shows the settings that it was drawn with.

use std::ops::ControlFlow;

use crate::engine::backend::{Backend, PrefillChunk, PromptPrediction, PromptStart, Step, Usage};
use crate::engine::protocol::{
    AblateRequest, AblationReport, ErrorKind, ErrorReport, GenerateRequest, LoadProgress,
    LoadRequest, LoadStage, ModelOrigin, ModelSummary, Prompt, RecordOptions, TokenEvent,
};
use gptoss::generate::{AblationStage, FinishReason, SamplingParams};
use gptoss::harmony::HarmonyEvent;
use gptoss::intervention::Interventions;

/// Tokens of the prompt; each is a chunk of its own.
pub(crate) const PROMPT_TOKENS: usize = 2;

/// Reports of a load.
pub(crate) const LOAD_REPORTS: u64 = 3;

/// Where the backend panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panics {
    Never,
    InLoad,
    InPrefill,
    AtToken(usize),
    AtEnd,
}

#[derive(Debug)]
pub(crate) struct Fake {
    panics: Panics,
    sampling: SamplingParams,
    rules: usize,
    done_tokens: usize,
    tokens: usize,
    max_tokens: usize,
}

impl Fake {
    pub(crate) fn new(panics: Panics) -> Self {
        Self {
            panics,
            sampling: SamplingParams::default(),
            rules: 0,
            done_tokens: 0,
            tokens: 0,
            max_tokens: 0,
        }
    }

    fn panic_if(&self, place: Panics) {
        if self.panics == place {
            // As `panic!`, without the hook's output at each schedule.
            std::panic::resume_unwind(Box::new("deliberate"));
        }
    }
}

/// The token that shows these settings.
pub(crate) fn id_of(temperature: f32, rules: usize) -> u32 {
    (temperature * 10.0) as u32 * 100 + rules as u32
}

impl Backend for Fake {
    fn load(
        &mut self,
        _: &LoadRequest,
        progress: &mut dyn FnMut(LoadProgress) -> ControlFlow<()>,
    ) -> Result<ModelSummary, ErrorReport> {
        for done in 1..=LOAD_REPORTS {
            let report = progress(LoadProgress {
                stage: LoadStage::Weights,
                done,
                total: LOAD_REPORTS,
            });
            if report.is_break() {
                return Err(ErrorReport::new(ErrorKind::Cancelled, "given up"));
            }
            self.panic_if(Panics::InLoad);
        }
        Ok(ModelSummary {
            name: "fake".to_owned(),
            origin: ModelOrigin::Scripted,
            layers: Vec::new(),
            num_local_experts: 1,
            num_experts_per_tok: 1,
            vocab_size: 1,
            max_context_tokens: 1,
            sliding_window_tokens: 1,
            weights_bytes: 0,
            dtype: String::new(),
            device: String::new(),
            load_ms: 0.0,
        })
    }

    fn start(&mut self, request: &GenerateRequest) -> Result<PromptStart, ErrorReport> {
        self.sampling = request.sampling.clone();
        self.rules = request.interventions.rules().len();
        self.max_tokens = request.max_tokens.unwrap_or(0);
        (self.done_tokens, self.tokens) = (0, 0);
        Ok(PromptStart {
            prompt_tokens: PROMPT_TOKENS,
            ..PromptStart::default()
        })
    }

    fn prefill(&mut self) -> Result<PrefillChunk, ErrorReport> {
        self.panic_if(Panics::InPrefill);
        self.done_tokens += 1;
        Ok(PrefillChunk {
            done_tokens: self.done_tokens,
            routing: Vec::new(),
        })
    }

    fn step(&mut self) -> Result<Step, ErrorReport> {
        if self.tokens == self.max_tokens {
            return Ok(Step::Finished(FinishReason::Length));
        }
        self.panic_if(Panics::AtToken(self.tokens));
        let index = self.tokens;
        self.tokens += 1;
        Ok(Step::Token(TokenEvent {
            index,
            id: id_of(self.sampling.temperature, self.rules),
            text: String::new(),
            logprob: None,
            top_logprobs: Vec::new(),
            entropy: None,
            chain: None,
            routing: None,
            harmony: Vec::new(),
        }))
    }

    fn update_sampling(&mut self, sampling: &SamplingParams) -> Result<usize, ErrorReport> {
        self.sampling = sampling.clone();
        Ok(self.tokens)
    }

    fn update_interventions(&mut self, rules: &Interventions) -> Result<usize, ErrorReport> {
        self.rules = rules.rules().len();
        Ok(self.tokens)
    }

    fn update_recording(&mut self, _: RecordOptions) -> Result<(), ErrorReport> {
        Ok(())
    }

    fn end(&mut self) -> Vec<HarmonyEvent> {
        self.panic_if(Panics::AtEnd);
        Vec::new()
    }

    fn predict(&self, _: &Prompt) -> Result<PromptPrediction, ErrorReport> {
        Ok(PromptPrediction::default())
    }

    fn ablate(
        &self,
        _: &AblateRequest,
        _: &mut dyn FnMut(AblationStage, usize, usize) -> ControlFlow<()>,
    ) -> Result<AblationReport, ErrorReport> {
        Err(ErrorReport::new(ErrorKind::InvalidRequest, "not here"))
    }

    fn reset(&mut self) {}

    fn usage(&self) -> Usage {
        Usage::default()
    }
}
