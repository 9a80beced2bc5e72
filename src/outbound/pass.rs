//! The pass that our own mail carries, so that our own filter lets it through.

use crate::message::Address;
use crate::outbound::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use std::fmt;

/// The field that holds the pass. The milter takes it off every message, whatever it thinks of it.
pub const PASS_FIELD: &str = "X-Callbluff-Release";

/// The most recipients of one pass; for more the message goes several times.
pub const MAX_RECIPIENTS: usize = 50;

/// The longest value that is looked at, in bytes.
pub const MAX_PASS: usize = 4096;

/// Bytes of a recipient's mark: enough that nobody finds a second address with the same one.
const MARK: usize = 9;
const RECIPIENT: &[u8] = b"callbluff recipient";
const PASS: &[u8] = b"callbluff pass";

/// What a pass is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The entry of the quarantine, or what else the message is about: letters, digits, `-` and `_`.
    pub entry: String,
    /// Until when it is valid, in seconds of UNIX time. It must outlast the next hop's attempts.
    pub expires: i64,
    /// The fingerprint of the message, by [`MessageDigest`](crate::outbound::MessageDigest).
    pub digest: [u8; 32],
}

/// Why a pass is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It has not the form of a pass.
    Malformed,
    /// None of our keys has signed it.
    Forged,
    /// Its time is over.
    Expired,
    /// The message goes to somebody whom it does not name.
    Recipient,
    /// It belongs to another message, or this one was changed on its way.
    Message,
}

impl Invalid {
    /// One word for log and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Recipient => "recipient",
            Self::Message => "message",
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Pass {
    /// The field, with its line end, for a message to these recipients; `None` without a key.
    ///
    /// More than [`MAX_RECIPIENTS`] are too many: only the first are in it.
    pub fn field(&self, keys: &Keys, recipients: &[Address]) -> Option<String> {
        let mut marks = Vec::new();
        for recipient in recipients.iter().take(MAX_RECIPIENTS) {
            marks.push(mark(keys, &self.entry, recipient)?);
        }
        let marks = marks.join(",");
        let expires = self.expires.to_string();
        let parts: [&[u8]; 5] = [
            PASS,
            self.entry.as_bytes(),
            expires.as_bytes(),
            marks.as_bytes(),
            &self.digest,
        ];
        let signature = keys.sign(&parts)?;
        // Each list of marks is folded: a line has 78 characters (RFC 5322, section 2.1.1).
        let marks: Vec<&str> = marks.split(',').collect();
        let marks: Vec<String> = marks.chunks(5).map(|five| five.join(",")).collect();
        Some(format!(
            "{PASS_FIELD}: v=1; e={};\r\n\tx={expires};\r\n\tr={};\r\n\th={};\r\n\ts={}\r\n",
            self.entry,
            marks.join(",\r\n\t"),
            BASE64.encode(self.digest),
            BASE64.encode(signature),
        ))
    }

    /// Reads the value of a field and tells what it is for, if it was signed by us and is valid at
    /// `now`, in seconds of UNIX time, for all of these recipients.
    ///
    /// Note: the caller must compare the digest with that of the message.
    ///
    /// # Errors
    ///
    /// When the pass is worth nothing.
    pub fn read(
        value: &[u8],
        keys: &Keys,
        recipients: &[Address],
        now: i64,
    ) -> Result<Self, Invalid> {
        let fields = Fields::parse(value).ok_or(Invalid::Malformed)?;
        let expires = fields.expires.to_string();
        let parts: [&[u8]; 5] = [
            PASS,
            fields.entry.as_bytes(),
            expires.as_bytes(),
            fields.marks.as_bytes(),
            &fields.digest,
        ];
        let key = keys
            .signers()
            .find(|key| key.has_signed(&parts, &fields.signature))
            .ok_or(Invalid::Forged)?;
        if fields.expires < now {
            return Err(Invalid::Expired);
        }
        let is_named = |recipient: &Address| {
            let mark = mark(&key, &fields.entry, recipient);
            mark.is_some_and(|mark| fields.marks.split(',').any(|known| known == mark))
        };
        if recipients.is_empty() || !recipients.iter().all(is_named) {
            return Err(Invalid::Recipient);
        }
        Ok(Self {
            entry: fields.entry,
            expires: fields.expires,
            digest: fields.digest,
        })
    }
}

struct Fields {
    entry: String,
    expires: i64,
    marks: String,
    digest: [u8; 32],
    signature: Vec<u8>,
}

impl Fields {
    fn parse(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_PASS {
            return None;
        }
        let text: String = std::str::from_utf8(value)
            .ok()?
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .collect();
        let mut tags = text.split(';').map(|tag| tag.split_once('='));
        let mut next = |name: &str| {
            let (key, value) = tags.next()??;
            (key == name).then_some(value)
        };
        (next("v")? == "1").then_some(())?;
        let entry = next("e")?.to_owned();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!entry.is_empty() && entry.len() <= 100 && entry.bytes().all(is_plain)).then_some(())?;
        let expires = next("x")?.parse().ok()?;
        let marks = next("r")?.to_owned();
        let digest = BASE64.decode(next("h")?).ok()?.try_into().ok()?;
        let signature = BASE64.decode(next("s")?).ok()?;
        tags.next().is_none().then_some(Self {
            entry,
            expires,
            marks,
            digest,
            signature,
        })
    }
}

/// What stands for a recipient: it tells nobody who that is.
fn mark(keys: &Keys, entry: &str, recipient: &Address) -> Option<String> {
    // The domain in any case of letters is the same one (RFC 5321, section 2.4).
    let (local, domain) = (recipient.local_part(), recipient.domain());
    let signature = keys.sign(&[
        RECIPIENT,
        entry.as_bytes(),
        local.as_bytes(),
        domain.as_bytes(),
    ])?;
    Some(BASE64.encode(&signature[..MARK]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(digits: &[&str]) -> Keys {
        let lines: Vec<String> = digits.iter().map(|digit| digit.repeat(64)).collect();
        Keys::parse(&lines.join("\n")).unwrap()
    }

    fn to(names: &[&str]) -> Vec<Address> {
        names
            .iter()
            .map(|name| Address::new(name.as_bytes()))
            .collect()
    }

    fn pass() -> Pass {
        Pass {
            entry: "7f3a-1".to_owned(),
            expires: 1000,
            digest: [7; 32],
        }
    }

    fn value(keys: &Keys, names: &[&str]) -> String {
        let field = pass().field(keys, &to(names)).unwrap();
        field
            .strip_prefix("X-Callbluff-Release:")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_pass_holds_for_its_recipients_until_it_expires() {
        let key = keys(&["1"]);
        let value = value(&key, &["kim@example.org", "lou@example.org"]);
        for (names, now, expected) in [
            (&["kim@example.org"][..], 0, Ok(pass())),
            (&["kim@EXAMPLE.org", "lou@example.org"], 1000, Ok(pass())),
            (&["kim@example.org"], 1001, Err(Invalid::Expired)),
            (&["max@example.org"], 0, Err(Invalid::Recipient)),
            (
                &["kim@example.org", "max@example.org"],
                0,
                Err(Invalid::Recipient),
            ),
            (&[], 0, Err(Invalid::Recipient)),
        ] {
            let read = Pass::read(value.as_bytes(), &key, &to(names), now);
            assert_eq!(read, expected, "{names:?} {now}");
        }
    }

    #[test]
    fn keys_can_be_rotated() {
        let value = value(&keys(&["1"]), &["kim@example.org"]);
        let read = |digits: &[&str]| {
            Pass::read(
                value.as_bytes(),
                &keys(digits),
                &to(&["kim@example.org"]),
                0,
            )
        };
        assert_eq!(read(&["1"]), Ok(pass()));
        assert_eq!(read(&["2", "1"]), Ok(pass()));
        assert_eq!(read(&["2"]), Err(Invalid::Forged));
        let none = Pass::read(
            value.as_bytes(),
            &Keys::default(),
            &to(&["kim@example.org"]),
            0,
        );
        assert_eq!(none, Err(Invalid::Forged));
    }

    #[test]
    fn no_part_can_be_changed() {
        let key = keys(&["1"]);
        let whole = value(&key, &["kim@example.org"]);
        for (from, to_) in [
            ("7f3a-1", "7f3a-2"),
            ("x=1000", "x=9000"),
            ("h=B", "h=C"),
            ("r=", "r=AAAAAAAAAAAA,"),
            ("v=1", "v=2"),
        ] {
            let forged = whole.replacen(from, to_, 1);
            assert_ne!(forged, whole);
            assert!(
                Pass::read(forged.as_bytes(), &key, &to(&["kim@example.org"]), 0).is_err(),
                "{forged}"
            );
        }
    }

    #[test]
    fn lines_are_short_and_refolding_changes_nothing() {
        let key = keys(&["1"]);
        let names: Vec<String> = (0..60).map(|n| format!("user{n}@example.org")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let field = pass().field(&key, &to(&names)).unwrap();
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        assert!(field.len() < MAX_PASS);
        let value = field.strip_prefix("X-Callbluff-Release:").unwrap();
        for folded in [
            value.to_owned(),
            value.replace("\r\n\t", " "),
            value.replace("\r\n", "\n"),
        ] {
            assert_eq!(
                Pass::read(folded.as_bytes(), &key, &to(&names[..50]), 0),
                Ok(pass())
            );
        }
    }

    proptest! {
        #[test]
        fn any_value_can_be_read(value in any::<Vec<u8>>()) {
            let read = Pass::read(&value, &keys(&["1"]), &to(&["kim@example.org"]), 0);
            prop_assert!(read.is_err());
        }
    }
}
