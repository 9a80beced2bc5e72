//! The words of notices in each language, from `config/notices/`.

use serde::Deserialize;
use std::sync::LazyLock;

/// Which words fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Nothing was recorded: the recipient is told that it is almost certainly a bluff.
    Bluff,
    /// A real recording may exist: nothing that the recipient is told denies it.
    Chat,
}

impl Family {
    /// The word for it in headers and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bluff => "bluff",
            Self::Chat => "chat",
        }
    }
}

/// The words of one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    /// `ltr` or `rtl`.
    pub(crate) direction: String,
    pub(crate) bluff: Words,
    pub(crate) chat: Words,
    pub(crate) parts: Parts,
}

/// What the families say differently.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) subject: String,
    pub(crate) line: String,
    pub(crate) what: String,
    pub(crate) comfort: String,
    pub(crate) pay: String,
    pub(crate) answer: String,
    pub(crate) keep: String,
}

/// What all notices say alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    pub(crate) steps: String,
    pub(crate) password: String,
    pub(crate) report: String,
    pub(crate) talk: String,
    pub(crate) young: String,
    pub(crate) talk_text: String,
    pub(crate) young_text: String,
    pub(crate) stored: String,
    pub(crate) attached: String,
    pub(crate) contact: String,
}

impl Texts {
    /// The words of a family.
    pub(crate) fn of(&self, family: Family) -> &Words {
        match family {
            Family::Bluff => &self.bluff,
            Family::Chat => &self.chat,
        }
    }
}

macro_rules! languages {
    ($($code:literal)*) => {
        /// The languages that notices are written in, as in ISO 639-1.
        pub const LANGUAGES: &[&str] = &[$($code),*];
        const SOURCES: &[&str] =
            &[$(include_str!(concat!("../../config/notices/", $code, ".toml"))),*];
    };
}

languages! { "en" }

static TEXTS: LazyLock<Vec<Texts>> = LazyLock::new(|| {
    let parse = |source: &&str| toml::from_str(source).expect("a test reads every built-in notice");
    SOURCES.iter().map(parse).collect()
});

/// The language with this code, where there are notices in it; Norwegian has two codes more.
pub fn language(code: &str) -> Option<&'static str> {
    let code = match code {
        "nb" | "nn" => "no",
        code => code,
    };
    LANGUAGES.iter().find(|known| **known == code).copied()
}

/// The words of a language, English where there are none.
pub(crate) fn texts(code: &str) -> &'static Texts {
    let at = LANGUAGES.iter().position(|known| *known == code);
    &TEXTS[at.unwrap_or(0)]
}
