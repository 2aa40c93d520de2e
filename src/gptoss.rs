//! The library's front door: a model that is ready to generate.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mlx_rs::Dtype;

use crate::checkpoint::{Checkpoint, CheckpointError, Layout};
use crate::generate::{GenerateError, GenerateOptions, PromptCache, TokenGenerator};
use crate::mlx::device::{self, DeviceKind};
use crate::model::ModelConfig;
use crate::model::gpt_oss::{KvPrecision, Transformer};
use crate::model::params::{LoadError, LoadOptions, Progress, QuantizeOptions};
use crate::tokenizer::{SpecialText, SpecialToken, Tokenizer, TokenizerError};

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ModelSource {
    /// Pip, the demo model inside the program.
    #[default]
    Demo,
    /// A folder in any of the four layouts.
    Directory(PathBuf),
}

/// How a model is loaded; the defaults suit the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PretrainedOptions {
    /// The activations' dtype; by default f32 on the CPU and bf16 on GPUs.
    pub dtype: Option<Dtype>,
    /// What is packed at load.
    pub quantize: QuantizeOptions,
}

impl PretrainedOptions {
    fn resolve(self, device: DeviceKind) -> LoadOptions {
        let defaults = LoadOptions::for_device(device);
        LoadOptions {
            dtype: self.dtype.unwrap_or(defaults.dtype),
            quantize: self.quantize,
            ..defaults
        }
    }
}

/// What is known about a loaded model.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedModel {
    /// The folder's name, or that of the built-in or synthetic model.
    pub name: String,
    /// The layout of its files; `None` for random weights.
    pub layout: Option<Layout>,
    /// A digest of the weights as stored; empty for random weights.
    pub weights_digest: String,
    /// Where it runs.
    pub device: DeviceKind,
    /// The activations' dtype.
    pub dtype: Dtype,
    /// Bytes of the weights in memory.
    pub weights_bytes: u64,
    /// How long loading took.
    pub load_seconds: f64,
}

impl LoadedModel {
    /// The dtype's usual short name.
    pub fn dtype_name(&self) -> &'static str {
        match self.dtype {
            Dtype::Float32 => "f32",
            Dtype::Float16 => "f16",
            Dtype::Bfloat16 => "bf16",
            _ => "other",
        }
    }
}

/// A gpt-oss model with everything that belongs to it.
///
/// It belongs to the thread that made it: MLX's streams do. [`crate::engine`] runs one on a thread
/// of its own and talks to it by messages.
#[derive(Debug)]
pub struct GptOss {
    model: Transformer,
    tokenizer: TokenizerSlot,
    loaded: LoadedModel,
    default_memory_limit_bytes: Option<u64>,
}

/// A tokenizer is read when text is needed first: token ids alone need none, and the o200k
/// vocabulary takes a part of a second.
#[derive(Debug)]
struct TokenizerSlot {
    source: Option<ModelSource>,
    loaded: OnceCell<Tokenizer>,
}

impl TokenizerSlot {
    fn new(source: Option<ModelSource>) -> Self {
        Self {
            source,
            loaded: OnceCell::new(),
        }
    }

    fn get(&self, vocab_size: usize) -> Result<&Tokenizer, TokenizerError> {
        if let Some(tokenizer) = self.loaded.get() {
            return Ok(tokenizer);
        }
        let tokenizer = match &self.source {
            Some(source) => open_tokenizer(source)?,
            None => Tokenizer::o200k_harmony()?,
        };
        if tokenizer.vocab_size() > vocab_size {
            return Err(TokenizerError::Inconsistent {
                what: format!(
                    "it has {} ids, and the model's vocabulary only {vocab_size}; give token ids \
                     instead of text, or the tokenizer that belongs to the model",
                    tokenizer.vocab_size()
                ),
            });
        }
        Ok(self.loaded.get_or_init(|| tokenizer))
    }
}

/// The tokenizer of `source`: the file beside the model, else the embedded o200k vocabulary.
///
/// # Errors
/// When the file is there and cannot be used.
pub fn open_tokenizer(source: &ModelSource) -> Result<Tokenizer, TokenizerError> {
    match source {
        ModelSource::Demo => {
            Tokenizer::from_tokenizer_json(include_bytes!("../assets/demo-model/tokenizer.json"))
        }
        ModelSource::Directory(dir) => Tokenizer::from_dir(dir),
    }
}

impl GptOss {
    /// Loads the model in `dir`, whatever the layout of its files.
    ///
    /// # Errors
    /// See [`LoadError`]: each names the file and what is wrong with it.
    pub fn from_pretrained(dir: impl AsRef<Path>) -> Result<Self, LoadError> {
        let source = ModelSource::Directory(dir.as_ref().to_path_buf());
        Self::load(&source, PretrainedOptions::default(), &mut |_, _| true)
    }

    /// The built-in demo model.
    pub fn demo() -> Result<Self, LoadError> {
        Self::load(
            &ModelSource::Demo,
            PretrainedOptions::default(),
            &mut |_, _| true,
        )
    }

    /// Loads `source` as `options` say and reports progress, which can also stop it.
    pub fn load(
        source: &ModelSource,
        options: PretrainedOptions,
        progress: Progress<'_>,
    ) -> Result<Self, LoadError> {
        let started = Instant::now();
        let device = DeviceKind::current()?;
        let checkpoint = open(source)?;
        let options = options.resolve(device);
        let model = Transformer::from_checkpoint(&checkpoint, options, progress)?;
        let name = match source {
            ModelSource::Demo => DEMO_NAME.to_owned(),
            ModelSource::Directory(_) => checkpoint.model_name().to_owned(),
        };
        let loaded = LoadedModel {
            name,
            layout: Some(checkpoint.layout()),
            weights_digest: checkpoint.weights_digest(),
            device,
            dtype: options.dtype,
            weights_bytes: model.weights_bytes(),
            load_seconds: started.elapsed().as_secs_f64(),
        };
        Self::assemble(model, TokenizerSlot::new(Some(source.clone())), loaded)
    }

    /// Random weights of `config`'s shape, for measuring; what it writes means nothing.
    pub fn random(
        config: &ModelConfig,
        options: PretrainedOptions,
        seed: u64,
    ) -> Result<Self, LoadError> {
        let started = Instant::now();
        let device = DeviceKind::current()?;
        let options = options.resolve(device);
        let model = Transformer::random(config, options, seed)?;
        let loaded = LoadedModel {
            name: "synthetic (random weights)".to_owned(),
            layout: None,
            weights_digest: String::new(),
            device,
            dtype: options.dtype,
            weights_bytes: model.weights_bytes(),
            load_seconds: started.elapsed().as_secs_f64(),
        };
        Self::assemble(model, TokenizerSlot::new(None), loaded)
    }

    fn assemble(
        model: Transformer,
        tokenizer: TokenizerSlot,
        loaded: LoadedModel,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            model,
            tokenizer,
            loaded,
            default_memory_limit_bytes: memory_limit_bytes(&device::info()?),
        })
    }

    /// Continues `prompt` with a cache of its own.
    ///
    /// # Errors
    /// As [`crate::generate::Generation::start`].
    pub fn generate(
        &self,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<TokenGenerator<'_>, GenerateError> {
        TokenGenerator::new(&self.model, prompt, self.with_limit(options))
    }

    /// Continues `prompt`, reusing what `cache` shares with it.
    pub fn generate_with<'a>(
        &'a self,
        cache: &'a mut PromptCache,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<TokenGenerator<'a>, GenerateError> {
        TokenGenerator::with_cache(&self.model, cache, prompt, self.with_limit(options))
    }

    /// An empty cache for conversations with this model.
    pub fn new_cache(&self, precision: KvPrecision) -> PromptCache {
        PromptCache::new(&self.model, precision)
    }

    /// `options` with the device's memory limit where none is set.
    pub fn with_limit(&self, options: GenerateOptions) -> GenerateOptions {
        GenerateOptions {
            memory_limit_bytes: options
                .memory_limit_bytes
                .or(self.default_memory_limit_bytes),
            ..options
        }
    }

    /// The tokenizer, read at the first call.
    ///
    /// # Errors
    /// When its file cannot be used or does not fit the model's vocabulary.
    pub fn tokenizer(&self) -> Result<&Tokenizer, TokenizerError> {
        self.tokenizer.get(self.config().vocab_size)
    }

    /// The bytes of a token; none where there is no tokenizer or it does not know the id.
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        let bytes = |tokenizer: &Tokenizer| tokenizer.decode_bytes(&[id], SpecialText::Omit);
        self.tokenizer().map_or_else(|_| Vec::new(), bytes)
    }

    /// A token as text for display, special ones by name.
    pub fn token_text(&self, id: u32) -> String {
        let bytes = |tokenizer: &Tokenizer| tokenizer.decode_bytes(&[id], SpecialText::Spell);
        let bytes = self.tokenizer().map_or_else(|_| Vec::new(), bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The ids that end an answer: the configuration's, and harmony's `<|return|>` and `<|call|>`.
    pub fn stop_tokens(&self) -> Vec<u32> {
        let mut ids = self.config().eos_token_ids.clone();
        if let Ok(tokenizer) = self.tokenizer() {
            let harmony = [
                SpecialToken::Return,
                SpecialToken::Call,
                SpecialToken::EndOfText,
            ];
            ids.extend(harmony.iter().filter_map(|&token| tokenizer.special(token)));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The transformer.
    pub fn model(&self) -> &Transformer {
        &self.model
    }

    /// The configuration.
    pub fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// What is known about the model.
    pub fn loaded(&self) -> &LoadedModel {
        &self.loaded
    }

    /// What requests may need at most unless they say otherwise, in bytes, where it is known.
    pub fn default_memory_limit_bytes(&self) -> Option<u64> {
        self.default_memory_limit_bytes
    }
}

/// The demo model's name.
pub const DEMO_NAME: &str = "pip (built-in demo)";

/// Opens the checkpoint that `source` names.
pub fn open(source: &ModelSource) -> Result<Checkpoint, CheckpointError> {
    match source {
        ModelSource::Demo => Checkpoint::from_static(
            include_str!("../assets/demo-model/config.json"),
            Some(include_str!("../assets/demo-model/generation_config.json")),
            DEMO_WEIGHTS,
        ),
        ModelSource::Directory(dir) => Checkpoint::open(dir),
    }
}

static DEMO_WEIGHTS: &[u8] = include_bytes!("../assets/demo-model/model.safetensors");

/// How much a request may need by default: what the device recommends; else nine tenths of the memory it has, or of the machine's.
pub fn memory_limit_bytes(info: &device::DeviceInfo) -> Option<u64> {
    info.working_set_bytes
        .or_else(|| info.memory_bytes.map(|bytes| bytes / 10 * 9))
        .or_else(|| device::system_memory_bytes().map(|bytes| bytes / 10 * 9))
}
