//! A message as it leaves the quarantine.

use crate::message::Address;
use crate::outbound::{Keys, MessageDigest, Pass};
use crate::quarantine::Entry;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;

/// A message that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The envelope sender.
    pub(crate) sender: Address,
    /// Fields before the message.
    pub(crate) head: Vec<u8>,
    /// The message.
    pub(crate) message: Vec<u8>,
}

impl Letter {
    /// Puts a pass before the message, valid for these recipients; without keys there is none.
    pub(crate) fn with_pass(
        mut self,
        keys: &Keys,
        entry: &str,
        recipients: &[Address],
        expires: Timestamp,
    ) -> Self {
        let pass = Pass {
            entry: entry.to_owned(),
            expires: expires.as_second(),
            digest: MessageDigest::of(&[&self.head, &self.message]),
        };
        if let Some(field) = pass.field(keys, recipients) {
            self.head.splice(..0, field.into_bytes());
        }
        self
    }
}

/// The message itself: the original envelope sender, our fields, the trace, then exactly the stored bytes.
pub(crate) fn as_is(entry: &Entry, raw: Vec<u8>, now: Timestamp) -> Letter {
    let head = format!(
        "X-Callbluff-Released: {}\r\nX-Callbluff-Entry: {}\r\n{}",
        date(now),
        entry.id,
        trace(entry)
    );
    Letter {
        sender: entry.sender.clone(),
        head: head.into_bytes(),
        message: raw,
    }
}

/// A message of our own with the stored one attached.
///
/// Its envelope sender is null: nobody but the admin could do anything with a bounce.
pub(crate) fn attached(entry: &Entry, raw: &[u8], recipient: &Address, now: Timestamp) -> Letter {
    let domain = recipient.domain();
    let domain = if is_domain(&domain) {
        domain.as_str()
    } else {
        "localhost"
    };
    let text = format!(
        "The attached message was kept back by the mail filter and has now been released.\r\n\
         It was judged \"{}\". Do not do what it asks for without asking somebody.\r\n\r\nEntry: {}\r\n",
        plain(&entry.verdict.class),
        entry.id
    );
    let head = format!(
        "X-Callbluff-Released: {}\r\nX-Callbluff-Entry: {}\r\nDate: {}\r\nFrom: Mail quarantine <postmaster@{domain}>\r\n\
         {}Message-ID: <{}.{}@{domain}>\r\nAuto-Submitted: auto-generated\r\n",
        date(now),
        entry.id,
        date(now),
        to_field(recipient),
        entry.id,
        now.as_millisecond(),
    );
    let subject = format!("Released from quarantine ({})", entry.id);
    let message = with_attachment(&subject, &text, raw, &entry.sha256);
    Letter {
        sender: Address::default(),
        head: head.into_bytes(),
        message,
    }
}

/// A short text of our own.
pub(crate) fn note(recipient: &Address, subject: &str, text: &str, now: Timestamp) -> Letter {
    let domain = recipient.domain();
    let domain = if is_domain(&domain) {
        domain.as_str()
    } else {
        "localhost"
    };
    let head = format!(
        "Date: {}\r\nFrom: Mail quarantine <postmaster@{domain}>\r\n{}Message-ID: <{}.note@{domain}>\r\nAuto-Submitted: auto-generated\r\n",
        date(now),
        to_field(recipient),
        now.as_millisecond(),
    );
    let subject: String = subject
        .chars()
        .filter(|c| (' '..='~').contains(c))
        .collect();
    let message = format!(
        "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
        text.replace('\n', "\r\n")
    );
    Letter {
        sender: Address::default(),
        head: head.into_bytes(),
        message: message.into_bytes(),
    }
}

/// Subject and MIME fields, a text, and a whole message as an attachment.
pub(crate) fn with_attachment(subject: &str, text: &str, raw: &[u8], seed: &str) -> Vec<u8> {
    let boundary = boundary(raw, seed);
    let encoding = if raw.is_ascii() { "7bit" } else { "8bit" };
    let mut message = format!(
        "Subject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n\
         --{boundary}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"message.eml\"\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    .into_bytes();
    message.extend_from_slice(raw);
    message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    message
}

/// A boundary that does not occur in a message.
pub(crate) fn boundary(raw: &[u8], seed: &str) -> String {
    (0..)
        .map(|number| format!("callbluff-{}-{number}", seed.get(..16).unwrap_or(seed)))
        .find(|boundary| memchr::memmem::find(raw, boundary.as_bytes()).is_none())
        .expect("there are more numbers than bytes")
}

/// A date as in a header field (RFC 5322, section 3.3).
pub(crate) fn date(at: Timestamp) -> String {
    let printer = DateTimePrinter::new();
    let zoned = at.to_zoned(TimeZone::UTC);
    printer.zoned_to_string(&zoned).unwrap_or_default()
}

/// The field `To`, where the address can stand in one.
pub(crate) fn to_field(recipient: &Address) -> String {
    let text = recipient.text();
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>(),;\"\\".contains(c);
    if text.contains('@') && text.chars().all(is_plain) && text.len() < 300 {
        format!("To: <{text}>\r\n")
    } else {
        "To: undisclosed-recipients:;\r\n".to_owned()
    }
}

/// The made-up `Received` field, if it is a field and nothing else.
fn trace(entry: &Entry) -> &str {
    let is_field = entry.trace.starts_with("Received:")
        && entry.trace.ends_with("\r\n")
        && entry
            .trace
            .split_inclusive("\r\n")
            .skip(1)
            .all(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
    if is_field { &entry.trace } else { "" }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 254
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn plain(word: &str) -> &str {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        word
    } else {
        "unknown"
    }
}
