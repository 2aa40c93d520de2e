//! How to get the released models, told in full.

/// What to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HowToGet {
    /// A line above.
    pub title: &'static str,
    /// One after the other.
    pub steps: &'static [Step],
    /// The place of the step that downloads.
    pub download: usize,
    /// What else is good to know.
    pub notes: &'static [&'static str],
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub text: &'static str,
    /// The command, to be copied as it is.
    pub command: &'static str,
}

/// The way to gpt-oss-20b. This program itself downloads nothing.
pub const HOW_TO_GET: HowToGet = HowToGet {
    title: "Getting gpt-oss-20b",
    steps: &[
        Step {
            text: "Install Hugging Face's tool (needs Python 3)",
            command: "python3 -m pip install --user --upgrade huggingface_hub",
        },
        Step {
            text: "Download the weights, 13.8 GB; the same command continues a download that broke off",
            command: "hf download openai/gpt-oss-20b --local-dir gpt-oss-20b --exclude \"*/*\"",
        },
        Step {
            text: "Open them",
            command: "gptoss-tui gpt-oss-20b",
        },
    ],
    download: 1,
    notes: &[
        "Where pip refuses, `brew install hf` or `pipx install huggingface_hub` give the same tool",
        "The 20b wants 16 GB of memory that the device may use; gptoss-tui convert gpt-oss-20b gpt-oss-20b-small --quantize 4 makes it a little smaller",
        "gpt-oss-120b takes 65.3 GB and 80 GB of memory; put 120b for 20b in the commands above",
        "OpenAI's own files (original/) and mlx-lm's conversions are read as well",
        "Models in Hugging Face's cache and in LM Studio's folder are listed by themselves; name other folders under model.folders in gptoss.toml",
    ],
};
