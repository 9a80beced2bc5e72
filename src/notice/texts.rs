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

languages! {
    "en" "fr" "de" "es" "it" "nl" "pt" "pl" "cs" "sv" "da" "no" "fi" "hu" "ro" "tr" "ru" "uk" "el" "ja"
    "ko" "zh" "ar" "he" "id"
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// What only the family `bluff` may say, in each language, in lower case: words for a bluff.
    const BLUFF: [(&str, &[&str]); 25] = [
        ("en", &["bluff"]),
        ("fr", &["bluff"]),
        ("de", &["bluff"]),
        ("es", &["farol"]),
        ("it", &["bluff"]),
        ("nl", &["bluf"]),
        ("pt", &["bluff"]),
        ("pl", &["blef"]),
        ("cs", &["bluf"]),
        ("sv", &["bluff"]),
        ("da", &["bluff"]),
        ("no", &["bløff"]),
        ("fi", &["bluffi"]),
        ("hu", &["blöff"]),
        ("ro", &["cacealma"]),
        ("tr", &["blöf"]),
        ("ru", &["блеф"]),
        ("uk", &["блеф"]),
        ("el", &["μπλόφα"]),
        ("ja", &["はったり"]),
        ("ko", &["거짓 협박"]),
        ("zh", &["虚张声势"]),
        ("ar", &["خدعة"]),
        ("he", &["בלוף"]),
        ("id", &["gertakan"]),
    ];

    fn all(words: &Words) -> [&str; 7] {
        [
            &words.subject,
            &words.line,
            &words.what,
            &words.comfort,
            &words.pay,
            &words.answer,
            &words.keep,
        ]
    }

    fn parts(parts: &Parts) -> [&str; 10] {
        [
            &parts.steps,
            &parts.password,
            &parts.report,
            &parts.talk,
            &parts.young,
            &parts.talk_text,
            &parts.young_text,
            &parts.stored,
            &parts.attached,
            &parts.contact,
        ]
    }

    #[test]
    fn every_file_is_a_language_and_has_all_words() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/notices");
        let files = std::fs::read_dir(folder).expect("part of the repository");
        assert_eq!(files.count(), LANGUAGES.len());
        assert_eq!(LANGUAGES.len(), 25);
        for &code in LANGUAGES {
            let texts = texts(code);
            let every = [
                &all(&texts.bluff)[..],
                &all(&texts.chat),
                &parts(&texts.parts),
            ]
            .concat();
            for text in every {
                assert!(
                    text.chars().count() >= 2 && text.trim() == text,
                    "{code}: {text:?}"
                );
                assert!(!text.contains(char::is_control), "{code}: {text}");
                // The only placeholder there is, and only where it is filled in.
                let is_stored = text == texts.parts.stored;
                assert_eq!(
                    text.matches("{entry}").count(),
                    usize::from(is_stored),
                    "{code}: {text}"
                );
                let rest = text.replace("{entry}", "");
                assert!(!rest.contains(['{', '}', '<', '>']), "{code}: {text}");
            }
            let is_rtl = ["ar", "he"].contains(&code);
            assert_eq!(
                texts.direction,
                if is_rtl { "rtl" } else { "ltr" },
                "{code}"
            );
        }
    }

    #[test]
    fn only_the_bluff_is_called_one() {
        for (code, words) in BLUFF {
            let texts = texts(code);
            assert!(LANGUAGES.contains(&code), "{code}");
            let says_so = |text: &&str| words.iter().any(|word| text.to_lowercase().contains(word));
            for text in [&texts.bluff.line, &texts.bluff.comfort] {
                assert!(says_so(&text.as_str()), "{code}: {text}");
            }
            for text in [&all(&texts.chat)[..], &parts(&texts.parts)].concat() {
                assert!(!says_so(&text), "{code}: {text}");
                // Nor that it went to millions, which says the same.
                let million = [
                    "milli",
                    "mili",
                    "milj",
                    "μιλιό",
                    "εκατομμ",
                    "милли",
                    "мільйо",
                    "100만",
                    "수백만",
                    "百万",
                    "ملايين",
                    "מיליו",
                    "juta",
                ];
                let text = text.to_lowercase();
                assert!(
                    !million.iter().any(|word| text.contains(word)),
                    "{code}: {text}"
                );
            }
        }
    }

    #[test]
    fn no_two_languages_are_the_same() {
        for (at, &code) in LANGUAGES.iter().enumerate() {
            for &other in &LANGUAGES[..at] {
                for (a, b) in all(&texts(code).chat).iter().zip(all(&texts(other).chat)) {
                    assert_ne!(*a, b, "{code} {other}");
                }
            }
        }
    }
}
