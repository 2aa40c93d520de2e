//! What a piece of the screen is for; the theme decides how that looks.

use ratatui::style::Modifier;
use serde::Deserialize;

/// Defines [`ThemeRole`] and the list of all roles from one list.
macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a piece of the screen is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum ThemeRole {
            $($(#[$doc])* $name,)+
        }

        impl ThemeRole {
            /// All roles, in order of declaration.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];
        }
    };
}

roles! {
    /// Running text.
    Text,
    /// Text that matters more.
    Strong,
    /// Text with emphasis.
    Emphasis,
    /// What matters less: hints, units, axes.
    Faint,
    /// What the eye should find first.
    Accent,
    /// A pane's title.
    Title,
    /// The title of the pane that has the keys.
    TitleFocused,
    /// Rules between panes.
    Border,
    /// Rules of the pane that has the keys.
    BorderFocused,
    /// The person's messages.
    User,
    /// The model's final messages.
    Assistant,
    /// System and developer messages.
    System,
    /// The analysis channel.
    Analysis,
    /// The commentary channel.
    Commentary,
    /// Tool calls and their results.
    Tool,
    /// Control tokens and what was inserted.
    Control,
    /// What went well.
    Success,
    /// What may need attention.
    Warning,
    /// What needs action.
    Danger,
    /// The selected row or tab.
    Selection,
    /// The cursor in text and lists.
    Cursor,
    /// A place that a search found.
    Match,
    /// The found place that is current.
    MatchCurrent,
    /// A key's name in hints.
    Key,
    /// What a key does.
    KeyLabel,
    /// Code in running text.
    InlineCode,
    /// Code.
    Code,
    /// `if`, `fn`, `return`, …
    CodeKeyword,
    /// Names of types.
    CodeType,
    /// Names of functions.
    CodeFunction,
    /// String and character literals.
    CodeString,
    /// Numbers.
    CodeNumber,
    /// Comments.
    CodeComment,
    /// `+`, `->`, …
    CodeOperator,
    /// `true`, `None`, escapes in strings, …
    CodeConstant,
    /// Brackets, commas, …
    CodePunctuation,
    /// What surrounds a code block.
    CodeFrame,
    /// Headings in text.
    Heading,
    /// A link's text.
    Link,
    /// Quoted text and its bar.
    Quote,
    /// Bullets, numbers and check boxes.
    ListMark,
    /// The filled part of a meter.
    MeterFill,
    /// The rest of a meter.
    MeterRest,
    /// The first curve or bar.
    Series1,
    /// The second curve or bar.
    Series2,
    /// The third curve or bar.
    Series3,
    /// The fourth curve or bar.
    Series4,
    /// The cursor's marks on the axes of a map.
    AxisMark,
}

impl ThemeRole {
    /// The place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the role is read as text, so that its contrast has to suffice.
    pub const fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Border | Self::BorderFocused | Self::MeterRest | Self::CodeFrame
        )
    }

    /// Bold, underlined and so on; without color more roles need it to differ.
    #[expect(
        clippy::match_same_arms,
        reason = "roles are grouped by what they are for"
    )]
    pub(super) fn modifiers(self, colored: bool) -> Modifier {
        let always = match self {
            Self::Strong | Self::Title | Self::Heading | Self::Key => Modifier::BOLD,
            Self::Emphasis | Self::Quote | Self::CodeComment => Modifier::ITALIC,
            Self::TitleFocused => Modifier::BOLD | Modifier::UNDERLINED,
            Self::User | Self::Assistant | Self::Danger => Modifier::BOLD,
            Self::Link => Modifier::UNDERLINED,
            Self::Cursor => Modifier::REVERSED,
            _ => Modifier::empty(),
        };
        if colored {
            return always;
        }
        always
            | match self {
                Self::Faint | Self::Border | Self::MeterRest | Self::Analysis => Modifier::DIM,
                Self::CodeComment | Self::CodeFrame => Modifier::DIM,
                Self::Selection | Self::AxisMark => Modifier::REVERSED,
                Self::Match | Self::Control => Modifier::UNDERLINED,
                Self::MatchCurrent => Modifier::REVERSED | Modifier::UNDERLINED,
                Self::Warning | Self::CodeKeyword | Self::Accent => Modifier::BOLD,
                Self::Danger => Modifier::UNDERLINED,
                _ => Modifier::empty(),
            }
    }
}
