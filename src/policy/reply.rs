//! SMTP replies that every MTA accepts.

use std::fmt;

/// The longest text of a reply, in bytes: with code and enhanced code it stays under the 512 of RFC 5321, section 4.5.3.1.5.
pub(crate) const MAX_TEXT_BYTES: usize = 400;

/// What the client hears: `550 5.7.1 Message rejected`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    code: u16,
    enhanced: String,
    text: String,
}

/// Why a reply cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// The basic code is not 4xx or 5xx.
    Code(String),
    /// The enhanced code is not `4.x.y` or `5.x.y` (RFC 3463, section 2).
    Enhanced(String),
    /// Basic and enhanced code speak of different classes.
    Class(u16, String),
    /// The text is empty.
    Empty,
    /// The text has a character that SMTP cannot carry.
    Character(char),
    /// The text has this many bytes.
    Length(usize),
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "\"{code}\" is no SMTP code of class 4 or 5"),
            Self::Enhanced(code) => write!(f, "\"{code}\" is no enhanced status code"),
            Self::Class(code, enhanced) => {
                write!(
                    f,
                    "the codes {code} and {enhanced} are of different classes"
                )
            }
            Self::Empty => f.write_str("the reply has no text"),
            Self::Character(c) => write!(f, "the reply has the character {}", c.escape_unicode()),
            Self::Length(bytes) => {
                write!(
                    f,
                    "the reply has {bytes} bytes, the limit is {MAX_TEXT_BYTES}"
                )
            }
        }
    }
}

impl Reply {
    /// A reply of three parts.
    ///
    /// # Errors
    /// When an MTA would refuse it or replace it by its own.
    pub fn new(code: u16, enhanced: &str, text: &str) -> Result<Self, ReplyError> {
        if !(400..600).contains(&code) {
            return Err(ReplyError::Code(code.to_string()));
        }
        if !is_enhanced(enhanced) {
            return Err(ReplyError::Enhanced(enhanced.to_owned()));
        }
        if enhanced.as_bytes()[0] - b'0' != (code / 100) as u8 {
            return Err(ReplyError::Class(code, enhanced.to_owned()));
        }
        if text.trim().is_empty() {
            return Err(ReplyError::Empty);
        }
        if let Some(c) = text.chars().find(|&c| !(' '..='~').contains(&c)) {
            return Err(ReplyError::Character(c));
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(ReplyError::Length(text.len()));
        }
        Ok(Self {
            code,
            enhanced: enhanced.to_owned(),
            text: text.to_owned(),
        })
    }

    /// What a sender hears where the rule does not say.
    pub fn rejected() -> Self {
        Self {
            code: 550,
            enhanced: "5.7.1".to_owned(),
            text: "Message rejected".to_owned(),
        }
    }

    /// What a client hears that shall try again.
    pub fn deferred() -> Self {
        Self {
            code: 451,
            enhanced: "4.7.1".to_owned(),
            text: "Message cannot be accepted now, try again later".to_owned(),
        }
    }

    /// The basic code, such as 550.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, such as `5.7.1`.
    pub fn enhanced(&self) -> &str {
        &self.enhanced
    }

    /// The text, one line of printable ASCII; the milter must double every `%` in it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.enhanced, self.text)
    }
}

/// Is it `class.subject.detail` of class 4 or 5 (RFC 3463, section 2)?
pub(crate) fn is_enhanced(code: &str) -> bool {
    let parts: Vec<&str> = code.split('.').collect();
    let number = |part: &str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    matches!(parts[..], [class, subject, detail]
        if (class == "4" || class == "5") && number(subject) && number(detail))
}
