//! Texts of the admin with placeholders such as `{score}`.

use crate::policy::Facts;
use std::fmt::Write;

/// What can stand between braces.
pub const PLACEHOLDERS: [&str; 9] = [
    "verdict",
    "score",
    "kind",
    "signals",
    "rule",
    "queue_id",
    "client",
    "sender",
    "recipient",
];

/// A text with placeholders; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(&'static str),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// This placeholder is not known.
    Unknown(String),
    /// A brace opens and does not close, or the other way round.
    Brace,
    /// The text has a character that headers and replies cannot carry.
    Character(char),
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "unknown placeholder \"{{{name}}}\""),
            Self::Brace => f.write_str("a brace without its partner"),
            Self::Character(c) => write!(
                f,
                "the character {} cannot be sent, printable ASCII can",
                c.escape_unicode()
            ),
        }
    }
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// When it could not be sent or has an unknown placeholder.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if let Some(c) = text.chars().find(|c| !(' '..='~').contains(c)) {
            return Err(TemplateError::Character(c));
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..];
            if brace.starts_with("{{") || brace.starts_with("}}") {
                plain.push_str(&brace[..1]);
                rest = &brace[2..];
                continue;
            }
            let end = brace.find('}').ok_or(TemplateError::Brace)?;
            if end == 0 {
                return Err(TemplateError::Brace);
            }
            let name = &brace[1..end];
            let known = PLACEHOLDERS.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Placeholder(known));
            rest = &brace[end + 1..];
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { parts })
    }

    /// The text with every placeholder filled in: one line of printable ASCII of at most
    /// `max_bytes`, whatever the message says.
    pub fn fill(&self, facts: &Facts<'_>, recipient: &str, rule: &str, max_bytes: usize) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let start = text.len();
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Placeholder(name) => {
                    value(&mut text, name, facts, recipient, rule);
                    // What comes from the message must not end the line or the header.
                    let safe: String = text[start..]
                        .chars()
                        .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
                        .collect();
                    text.truncate(start);
                    text.push_str(&safe);
                }
            }
        }
        text.truncate(max_bytes);
        text
    }
}

fn value(text: &mut String, name: &str, facts: &Facts<'_>, recipient: &str, rule: &str) {
    let (verdict, envelope) = (facts.verdict, facts.envelope);
    match name {
        "verdict" => text.push_str(verdict.class.name()),
        "score" => write!(text, "{:.1}", verdict.score).expect("a string takes everything"),
        "kind" => text.push_str(verdict.kind.map_or("none", |kind| kind.name())),
        "signals" => {
            let ids: Vec<&str> = verdict
                .signals
                .iter()
                .map(|signal| signal.id.as_str())
                .collect();
            text.push_str(&ids.join("+"));
        }
        "rule" => text.push_str(rule),
        "queue_id" => text.push_str(envelope.queue_id.as_deref().unwrap_or("none")),
        "client" => match envelope.client.ip {
            Some(ip) => write!(text, "{ip}").expect("a string takes everything"),
            None => text.push_str("unknown"),
        },
        "sender" => {
            if let Some(sender) = &envelope.sender {
                text.push_str(&sender.text());
            }
        }
        _ => text.push_str(recipient),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Verdict;
    use crate::message::{Address, Envelope};

    #[test]
    fn hostile_values_stay_in_their_line() {
        let template = Template::parse("{{{sender}}} scored {score} %").expect("a template");
        let verdict = Verdict::error();
        let envelope = Envelope {
            sender: Some(Address::new(b"<a\r\nBcc: x@\xffexample.org>")),
            ..Envelope::default()
        };
        let facts = Facts::new(&verdict, &envelope);
        let text = template.fill(&facts, "r", "1", 400);
        assert_eq!(text, "{a??Bcc: x@?example.org} scored 0.0 %");
        assert_eq!(template.fill(&facts, "r", "1", 5), "{a??B");
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_message_says_stays_one_short_line(from in "(?s).{0,80}", max in 0_usize..60) {
            let template = Template::parse("from {sender}, {recipient}").expect("a template");
            let verdict = Verdict::error();
            let envelope = Envelope {
                sender: Some(Address::new(from.as_bytes())),
                ..Envelope::default()
            };
            let text = template.fill(&Facts::new(&verdict, &envelope), &from, "1", max);
            proptest::prop_assert!(text.len() <= max);
            proptest::prop_assert!(text.chars().all(|c| (' '..='~').contains(&c)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, error) in [
            ("{scoer}", TemplateError::Unknown("scoer".to_owned())),
            ("{score", TemplateError::Brace),
            ("score}", TemplateError::Brace),
            ("a\nb", TemplateError::Character('\n')),
            ("grüße", TemplateError::Character('ü')),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }
}
