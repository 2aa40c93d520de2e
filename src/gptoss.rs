//! The library's front door: a model that is ready to generate.

mod inspect;

use std::cell::{Cell, OnceCell};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mlx_rs::Dtype;

use crate::checkpoint::{Checkpoint, CheckpointError, Layout};
use crate::generate::{
    Ablation, AblationProgress, GenerateError, GenerateOptions, PromptCache, TokenGenerator, ablate,
};
use crate::intervention::Interventions;
use crate::mlx::device::{self, DeviceInfo, DeviceKind};
use crate::mlx::metal;
use crate::model::ModelConfig;
use crate::model::gpt_oss::{KvPrecision, Transformer};
use crate::model::params::{LoadError, LoadOptions, Progress, QuantizeOptions};
use crate::tokenizer::{SpecialText, Tokenizer, TokenizerError};

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
    /// Threads of the CPU's kernels; by default one for every core that the process may use.
    pub cpu_threads: Option<NonZeroUsize>,
}

impl PretrainedOptions {
    /// What they mean on `device`.
    pub fn resolve(self, device: DeviceKind) -> LoadOptions {
        let defaults = LoadOptions::for_device(device);
        LoadOptions {
            dtype: self.dtype.unwrap_or(defaults.dtype),
            quantize: self.quantize,
            cpu_threads: self.cpu_threads,
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
    vocab_size: usize,
    loaded: OnceCell<Tokenizer>,
    /// Opening has failed; tokens without text must not pay for another try each.
    has_failed: Cell<bool>,
}

impl TokenizerSlot {
    fn new(source: Option<ModelSource>, vocab_size: usize) -> Self {
        Self {
            source,
            vocab_size,
            loaded: OnceCell::new(),
            has_failed: Cell::new(false),
        }
    }

    /// The tokenizer, or why there is none.
    fn get(&self) -> Result<&Tokenizer, TokenizerError> {
        if let Some(tokenizer) = self.loaded.get() {
            return Ok(tokenizer);
        }
        let opened = self.open();
        self.has_failed.set(opened.is_err());
        opened.map(|tokenizer| self.loaded.get_or_init(|| tokenizer))
    }

    /// The tokenizer if there is one; after a failure this does not try again.
    fn known(&self) -> Option<&Tokenizer> {
        if self.has_failed.get() {
            return None;
        }
        self.get().ok()
    }

    fn open(&self) -> Result<Tokenizer, TokenizerError> {
        match &self.source {
            Some(source) => open_tokenizer(source, self.vocab_size),
            None => fitting(Tokenizer::o200k_harmony()?, EMBEDDED, self.vocab_size),
        }
    }
}

/// What an error calls the vocabulary inside the program.
const EMBEDDED: &str = "there is no tokenizer.json, and the embedded o200k_harmony vocabulary";

/// The tokenizer of `source`: the file beside the model, else the embedded o200k vocabulary.
///
/// # Errors
/// When the file is there and cannot be used, or when there are more ids than `vocab_size`.
pub fn open_tokenizer(
    source: &ModelSource,
    vocab_size: usize,
) -> Result<Tokenizer, TokenizerError> {
    const FILE: &str = "tokenizer.json";
    let (tokenizer, origin) = match source {
        ModelSource::Demo => {
            let json = include_bytes!("../assets/demo-model/tokenizer.json");
            (Tokenizer::from_tokenizer_json(json)?, FILE)
        }
        ModelSource::Directory(dir) => {
            let has_file = dir.join(FILE).exists();
            let origin = if has_file { FILE } else { EMBEDDED };
            (Tokenizer::from_dir(dir)?, origin)
        }
    };
    fitting(tokenizer, origin, vocab_size)
}

/// Refuses a tokenizer with ids that the model does not know.
fn fitting(
    tokenizer: Tokenizer,
    origin: &'static str,
    vocab_size: usize,
) -> Result<Tokenizer, TokenizerError> {
    let num_ids = tokenizer.vocab_size();
    if num_ids <= vocab_size {
        return Ok(tokenizer);
    }
    Err(TokenizerError::TooManyIds {
        origin,
        num_ids,
        vocab_size,
    })
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
            device,
            dtype: options.dtype,
            weights_bytes: model.weights_bytes(),
            load_seconds: started.elapsed().as_secs_f64(),
        };
        let tokenizer = TokenizerSlot::new(Some(source.clone()), model.config().vocab_size);
        Self::assemble(model, tokenizer, loaded)
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
            device,
            dtype: options.dtype,
            weights_bytes: model.weights_bytes(),
            load_seconds: started.elapsed().as_secs_f64(),
        };
        let tokenizer = TokenizerSlot::new(None, config.vocab_size);
        Self::assemble(model, tokenizer, loaded)
    }

    fn assemble(
        model: Transformer,
        tokenizer: TokenizerSlot,
        loaded: LoadedModel,
    ) -> Result<Self, LoadError> {
        let info = device::info()?;
        match loaded.device {
            DeviceKind::Metal => keep_resident(&info),
            DeviceKind::Cpu if is_built_for_cuda() => {
                tracing::warn!("MLX finds no NVIDIA GPU that it can use: computing on the CPU");
            }
            DeviceKind::Cpu | DeviceKind::Cuda => {}
        }
        Ok(Self {
            model,
            tokenizer,
            loaded,
            default_memory_limit_bytes: memory_limit_bytes(&info),
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

    /// Answers `prompt` as `options` say and again with `ablated` in force, and compares; nothing when
    /// `progress` gave up.
    ///
    /// # Errors
    /// As [`crate::generate::Generation::start`].
    pub fn ablate(
        &self,
        prompt: &[u32],
        options: &GenerateOptions,
        ablated: &Interventions,
        progress: AblationProgress<'_>,
    ) -> Result<Option<Ablation>, GenerateError> {
        let options = self.with_limit(options.clone());
        ablate(&self.model, prompt, &options, ablated, progress)
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
        self.tokenizer.get()
    }

    /// The bytes of a token; none where there is no tokenizer or it does not know the id.
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        self.decode(id, SpecialText::Omit)
    }

    /// A token as text for display, special ones by name.
    pub fn token_text(&self, id: u32) -> String {
        String::from_utf8_lossy(&self.decode(id, SpecialText::Spell)).into_owned()
    }

    /// The bytes of a token, those of a special one being its name.
    pub fn spelled_bytes(&self, id: u32) -> Vec<u8> {
        self.decode(id, SpecialText::Spell)
    }

    fn decode(&self, id: u32, specials: SpecialText) -> Vec<u8> {
        let tokenizer = self.tokenizer.known();
        tokenizer.map_or_else(Vec::new, |tokenizer| {
            tokenizer.decode_bytes(&[id], specials)
        })
    }

    /// The ids that end an answer: the configuration's, and harmony's `<|return|>` and `<|call|>`.
    pub fn stop_tokens(&self) -> Vec<u32> {
        let mut ids = self.config().eos_token_ids.clone();
        let tokenizer = self.tokenizer.known();
        ids.extend(tokenizer.into_iter().flat_map(Tokenizer::end_of_answer_ids));
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
pub const DEMO_NAME: &str = "Pip (built-in demo)";

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

/// Which MLX this program was built with; another one can take its place at the start.
fn is_built_for_cuda() -> bool {
    option_env!("GPTOSS_MLX_BACKEND").is_some_and(|backend| backend.starts_with("cuda"))
}

/// Where it cannot be, the model works all the same, only slower when memory is short.
fn keep_resident(info: &DeviceInfo) {
    match metal::keep_resident(info) {
        Ok(bytes) => tracing::info!(?bytes, "memory that may stay resident"),
        Err(error) => tracing::warn!(error = error.what(), "no memory is kept resident"),
    }
}

/// How much a request may need by default: what the device recommends; else nine tenths of the memory
/// that it has, or of the machine's.
pub fn memory_limit_bytes(info: &DeviceInfo) -> Option<u64> {
    info.working_set_bytes
        .or_else(|| info.memory_bytes.map(|bytes| bytes / 10 * 9))
        .or_else(|| device::system_memory_bytes().map(|bytes| bytes / 10 * 9))
}

/// The same for the device that is in use; none where it is not known.
pub(crate) fn device_memory_limit_bytes() -> Option<u64> {
    memory_limit_bytes(&device::info().ok()?)
}
