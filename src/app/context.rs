//! Where a key counts, and where it is looked up.

/// Where a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Wherever nothing more special takes the key.
    Global,
    /// While a message is being written.
    Composer,
    /// In every pane.
    Panes,
    /// In the chat.
    Chat,
    /// On the map of experts.
    Experts,
    /// In the pane of the token under the cursor.
    Tokens,
    /// In the memory pane.
    Memory,
    /// In the log.
    Log,
    /// In the sampling panel.
    Sampler,
    /// In the figures of a look inside.
    Inside,
    /// In a profile of a prompt set.
    Profile,
    /// In lists over the screen: sessions, models, palette, tree.
    List,
    /// In a line that asks for a text.
    Field,
}

impl Context {
    /// All contexts, as the help lists them.
    pub const ALL: [Self; 13] = [
        Self::Global,
        Self::Composer,
        Self::Panes,
        Self::Chat,
        Self::Experts,
        Self::Tokens,
        Self::Memory,
        Self::Log,
        Self::Sampler,
        Self::Inside,
        Self::Profile,
        Self::List,
        Self::Field,
    ];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Composer => "composer",
            Self::Panes => "panes",
            Self::Chat => "chat",
            Self::Experts => "experts",
            Self::Tokens => "tokens",
            Self::Memory => "memory",
            Self::Log => "log",
            Self::Sampler => "sampler",
            Self::Inside => "inside",
            Self::Profile => "profile",
            Self::List => "list",
            Self::Field => "field",
        }
    }

    /// The heading in help.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Composer => "Writing",
            Self::Panes => "All panes",
            Self::Chat => "Chat",
            Self::Experts => "Experts",
            Self::Tokens => "Tokens",
            Self::Memory => "Memory",
            Self::Log => "Log",
            Self::Sampler => "Sampler",
            Self::Inside => "Inside",
            Self::Profile => "Profile",
            Self::List => "Lists",
            Self::Field => "Text fields",
        }
    }

    /// The contexts that a key is looked up in, the most special first.
    pub const fn chain(self) -> &'static [Self] {
        match self {
            Self::Global => &[Self::Global],
            Self::Composer => &[Self::Composer, Self::Global],
            Self::Panes => &[Self::Panes, Self::Global],
            Self::Chat => &[Self::Chat, Self::Panes, Self::Global],
            Self::Experts => &[Self::Experts, Self::Panes, Self::Global],
            Self::Tokens => &[Self::Tokens, Self::Panes, Self::Global],
            Self::Memory => &[Self::Memory, Self::Panes, Self::Global],
            Self::Log => &[Self::Log, Self::Panes, Self::Global],
            Self::Sampler => &[Self::Sampler, Self::Panes, Self::Global],
            Self::Inside => &[Self::Inside, Self::Global],
            Self::Profile => &[Self::Profile, Self::Global],
            Self::List => &[Self::List, Self::Global],
            Self::Field => &[Self::Field, Self::Global],
        }
    }

    /// Whether plain characters are text here.
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Composer | Self::List | Self::Field)
    }
}
