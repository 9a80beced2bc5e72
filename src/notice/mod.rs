//! The calm message for the recipient of a threat: what it says, in which language, in which form.
//!
//! Who gets one is the policy's; how it gets there is the milter's. The words are data:
//! `config/notices/*.toml` and `config/reporting.toml`.

mod compose;
mod limit;
mod mime;
mod reporting;
mod texts;

pub use compose::{Content, Original, advice, compose, warning};
pub use limit::Limit;
pub use mime::{Body, encoded, mailbox, replacement, wrapped};
pub use reporting::{Country, Point, PointKind, countries, countries_for};
pub use texts::{Family, LANGUAGES, language};

/// How the recipient is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The notice stands in place of the message.
    Replace,
    /// A few lines stand before the message.
    Banner,
    /// A header field says it; the body stays as it is.
    Header,
}

impl Form {
    /// Every form, strongest first.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Banner, Self::Header];

    /// The word for it in policies and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Banner => "banner",
            Self::Header => "header",
        }
    }
}

/// What can differ from domain to domain; `None` follows the main file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The language of notices. Default: that of the threat, English where there is no text in it.
    pub language: Option<&'static str>,
    /// The country whose reporting points are named, as in ISO 3166 in lower case. Default: that of the
    /// recipient's domain, else those where the language is spoken.
    pub country: Option<&'static str>,
    /// Who helps at the recipient's own place, a line for people. Default: none.
    pub contact: Option<String>,
}

/// The settings of notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What stands in the From field of a notice that replaces a message; `None` keeps that of the
    /// message. Default: none.
    pub sender: Option<String>,
    /// For recipients whose domain wants nothing else.
    pub wishes: Wishes,
    /// How often in a day a recipient is told about messages in the quarantine. Default: 3.
    pub per_day: u32,
    /// Are recipients told by a message of our own where others get the message as it is? Default: no.
    pub send: bool,
    /// Do banners go into mail that is signed, too, whose signature they break? Default: no.
    pub break_signatures: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sender: None,
            wishes: Wishes::default(),
            per_day: 3,
            send: false,
            break_signatures: false,
        }
    }
}

/// What one recipient is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How.
    pub form: Form,
    /// Which words.
    pub family: Family,
    /// In which language, one of [`LANGUAGES`].
    pub language: &'static str,
    /// Whose reporting points; `None` names those of every country of the language.
    pub country: Option<&'static str>,
    /// Who helps at the recipient's own place.
    pub contact: Option<String>,
    /// Does the threat quote a password, which must be changed?
    pub quotes_password: bool,
}

impl Choice {
    /// A choice by what is wished, what the threat is written in, and whom it was for.
    ///
    /// `threat` is the language of the threat, `domain` that of the recipient in lower case.
    pub fn new(
        form: Form,
        family: Family,
        wishes: [&Wishes; 2],
        threat: Option<&str>,
        domain: &str,
    ) -> Self {
        let [own, general] = wishes;
        let end = domain.rsplit('.').next().unwrap_or_default();
        Self {
            form,
            family,
            language: own
                .language
                .or(general.language)
                .or_else(|| language(threat?))
                .unwrap_or("en"),
            // The domain's own wish, its name, then what holds for all: a server for several
            // countries must not send Austrians to the police of Germany.
            country: own
                .country
                .or_else(|| reporting::country_of_domain(end))
                .or(general.country),
            contact: own.contact.clone().or_else(|| general.contact.clone()),
            quotes_password: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_and_country_follow_wish_threat_and_domain() {
        let wish = |language, country| Wishes {
            language,
            country,
            contact: None,
        };
        let none = Wishes::default();
        for (own, general, threat, domain, expected) in [
            (&none, &none, None, "example.org", ("en", None)),
            (&none, &none, Some("xx"), "example.org", ("en", None)),
            (&none, &none, Some("nb"), "example.org", ("no", None)),
            (
                &none,
                &none,
                Some("de"),
                "mail.example.at",
                ("de", Some("at")),
            ),
            (
                &wish(Some("nl"), Some("nl")),
                &wish(Some("fr"), Some("be")),
                Some("de"),
                "example.at",
                ("nl", Some("nl")),
            ),
            (
                &none,
                &wish(Some("fr"), Some("be")),
                Some("de"),
                "example.at",
                ("fr", Some("at")),
            ),
            (
                &none,
                &none,
                Some("en"),
                "example.co.uk",
                ("en", Some("gb")),
            ),
            (
                &none,
                &wish(None, Some("gb")),
                None,
                "example.org",
                ("en", Some("gb")),
            ),
        ] {
            let choice = Choice::new(Form::Replace, Family::Bluff, [own, general], threat, domain);
            assert_eq!(
                (choice.language, choice.country),
                expected,
                "{threat:?} {domain}"
            );
        }
    }
}
