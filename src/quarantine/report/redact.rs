//! A copy of a message that may leave the house: without passwords, recipients and attachments.
//!
//! The copy is made of the texts that a reader would see, not of the message's own parts: what is split by tags, encoded or hidden there
//! cannot be masked where it stands.

use crate::classify::find_passwords;
use crate::message::{self, Address, MASK, Origin, Piece, Place, ReadLimits, Reading};
use crate::quarantine::Entry;
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::ops::Range;

/// Fields that are copied, in lower case; any other may hold the recipient in some coded form.
const KEPT: [&str; 13] = [
    "authentication-results",
    "date",
    "dkim-signature",
    "from",
    "in-reply-to",
    "message-id",
    "received",
    "received-spf",
    "references",
    "reply-to",
    "sender",
    "user-agent",
    "x-mailer",
];
/// The most fields that are copied.
const MAX_FIELDS: usize = 100;
/// The longest value that is copied, in characters.
const MAX_VALUE: usize = 4000;
/// The most words that are masked.
const MAX_SECRETS: usize = 1000;
/// Local parts that name an office and nobody.
const OFFICES: [&str; 14] = [
    "abuse",
    "admin",
    "contact",
    "hello",
    "help",
    "info",
    "mail",
    "office",
    "postmaster",
    "root",
    "sales",
    "support",
    "team",
    "webmaster",
];

/// What is left of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The subject.
    pub subject: String,
    /// The fields that are kept, decoded and masked.
    pub fields: Vec<(String, String)>,
    /// The texts, masked, with the place where each stood.
    pub texts: Vec<(Place, String)>,
    /// Files that were left out.
    pub attachments: usize,
}

/// What is masked and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Are passwords and recipients shown?
    pub unmasked: bool,
    /// Are the texts of attachments left out, too? For blackmail by a chat partner.
    pub no_attachments: bool,
}

impl Redacted {
    /// Reads a message and leaves out what must not be seen.
    pub fn of(raw: &[u8], recipients: &[Address], how: Redaction) -> Self {
        let reading = message::read(raw, &ReadLimits::default());
        let secrets = Secrets::of(&reading, recipients, how.unmasked);
        let mut ranges: Vec<Vec<Range<usize>>> = vec![Vec::new(); reading.pieces.len()];
        if !how.unmasked {
            for quoted in find_passwords(&reading.pieces) {
                if let Some(list) = ranges.get_mut(quoted.piece) {
                    list.push(quoted.range);
                }
            }
        }
        let is_attached = |origin| {
            matches!(
                origin,
                Origin::Attachment | Origin::Pdf | Origin::Qr | Origin::Ocr | Origin::FileName
            )
        };
        let mut subject = String::new();
        let mut texts: Vec<(Place, String)> = Vec::new();
        for (piece, ranges) in reading.pieces.iter().zip(ranges) {
            let text = secrets.mask(&piece.text, ranges);
            match piece.place.origin {
                Origin::Subject if piece.place.nested == 0 && subject.is_empty() => subject = text,
                // It stands in the fields.
                Origin::DisplayName => {}
                origin if how.no_attachments && is_attached(origin) => {}
                _ if texts.iter().any(|(_, old)| *old == text) => {}
                _ => texts.push((piece.place, text)),
            }
        }
        let fields = reading
            .header
            .fields()
            .filter(|(name, _)| KEPT.contains(&name.to_ascii_lowercase().as_str()))
            .take(MAX_FIELDS)
            .map(|(name, value)| {
                let value: String = value.chars().take(MAX_VALUE).collect();
                let mut ranges = Vec::new();
                if !how.unmasked && name.eq_ignore_ascii_case("received") {
                    ranges.extend(recipient_of_trace(&value));
                }
                (name.to_owned(), secrets.mask(&value, ranges))
            })
            .collect();
        let names = (reading.pieces.iter())
            .filter(|piece| piece.place.origin == Origin::FileName)
            .count();
        Self {
            subject,
            fields,
            texts,
            attachments: names.max(reading.media.len()),
        }
    }

    /// The copy as a message of plain text.
    pub fn eml(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.fields {
            out += &field(name, value);
        }
        out += &field("Subject", &self.subject);
        out += "To: undisclosed-recipients:;\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Transfer-Encoding: base64\r\n\r\n";
        let mut body = String::new();
        for (place, text) in &self.texts {
            if !place.hidden && place.reading == 0 && place.origin != Origin::FileName {
                body += text.trim_end();
                body += "\n\n";
            }
        }
        if self.attachments > 0 {
            body += &format!("[attachments left out: {}]\n", self.attachments);
        }
        let encoded = BASE64.encode(body.replace('\n', "\r\n"));
        for line in encoded.as_bytes().chunks(76) {
            out += &String::from_utf8_lossy(line);
            out += "\r\n";
        }
        out.into_bytes()
    }
}

/// Words that nobody may see.
#[derive(Debug)]
pub(crate) struct Secrets {
    finder: Option<AhoCorasick>,
    /// Those that are only masked where they stand alone, by their number.
    whole_words: Vec<bool>,
}

impl Secrets {
    fn of(reading: &Reading, recipients: &[Address], unmasked: bool) -> Self {
        let mut words: Vec<(String, bool)> = Vec::new();
        if !unmasked {
            for quoted in find_passwords(&reading.pieces) {
                let piece: Option<&Piece> = reading.pieces.get(quoted.piece);
                let word = piece.and_then(|piece| piece.text.get(quoted.range));
                words.extend(word.map(|word| (word.to_owned(), false)));
            }
            let to = reading.header.all("To").chain(reading.header.all("Cc"));
            for value in to.take(20) {
                words.extend(people(value));
            }
            words.extend(addresses(recipients));
        }
        Self::new(words)
    }

    /// Only the recipients: for texts in which passwords are masked already.
    pub(crate) fn recipients(recipients: &[Address]) -> Self {
        Self::new(addresses(recipients))
    }

    fn new(mut words: Vec<(String, bool)>) -> Self {
        words.retain(|(word, _)| word.chars().count() >= 4);
        words.sort();
        words.dedup();
        words.truncate(MAX_SECRETS);
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words.iter().map(|(word, _)| word))
            .ok()
            .filter(|_| !words.is_empty());
        Self {
            finder,
            whole_words: words.into_iter().map(|(_, is_whole)| is_whole).collect(),
        }
    }

    /// The text with all of them masked, and these ranges too.
    pub(crate) fn mask(&self, text: &str, ranges: Vec<Range<usize>>) -> String {
        let mut ranges = ranges;
        if let Some(finder) = &self.finder {
            for found in finder.find_overlapping_iter(text) {
                let is_whole = self.whole_words[found.pattern().as_usize()];
                if !is_whole || stands_alone(text, &found.range()) {
                    ranges.push(found.range());
                }
            }
        }
        message::mask(text, &ranges)
    }
}

fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    ![before, after]
        .into_iter()
        .flatten()
        .any(char::is_alphanumeric)
}

/// Addresses, and the names in them where they name a person.
fn addresses(recipients: &[Address]) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    for recipient in recipients.iter().take(MAX_SECRETS) {
        words.push((recipient.text(), false));
        let local = recipient.local_part();
        // The form in which return addresses hold another address.
        words.push((format!("{local}={}", recipient.domain()), false));
        if !OFFICES.contains(&local.to_lowercase().as_str()) {
            words.push((local, true));
        }
    }
    words
}

/// Addresses and names of a field such as `To`.
fn people(value: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    for one in value.split(',').take(100) {
        let (name, address) = match one.rsplit_once('<') {
            Some((name, address)) => (name, address.trim_end_matches(['>', ' '])),
            None => ("", one.trim()),
        };
        words.extend(addresses(&[Address::new(address.as_bytes())]));
        words.push((name.trim().trim_matches('"').to_owned(), true));
    }
    words
}

/// The address behind `for` of a Received field: it may be another one than that of RCPT.
fn recipient_of_trace(value: &str) -> Option<Range<usize>> {
    let start = [" for ", "\tfor "]
        .iter()
        .find_map(|word| value.find(word))?
        + 5;
    let rest = &value[start..];
    let length = rest.find([';', ' ', '\t']).unwrap_or(rest.len());
    Some(start..start + length)
}

/// A field in ASCII, folded.
fn field(name: &str, value: &str) -> String {
    let value: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if value.is_ascii() {
        let mut out = format!("{name}:");
        let mut column = out.len();
        for word in value.split_whitespace() {
            // Even one word may not be longer than a line may be (RFC 5322, section 2.1.1).
            for piece in word.as_bytes().chunks(900) {
                if column + piece.len() > 76 && column > 1 {
                    out += "\r\n";
                    column = 0;
                }
                out.push(' ');
                out += &String::from_utf8_lossy(piece);
                column += piece.len() + 1;
            }
        }
        return out + "\r\n";
    }
    // RFC 2047, section 2: an encoded word has at most 75 characters, 45 bytes of text in Base64.
    let mut out = format!("{name}:");
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(45);
        out += &format!(" =?UTF-8?B?{}?=\r\n", BASE64.encode(&rest[..end]));
        rest = &rest[end..];
    }
    out
}

/// What stands where something was masked, for readers.
pub(crate) const NOTE: &str =
    "Passwords and recipients are masked; of attached files only the text is kept.";

/// An entry as it may be shown: senders pretend to be the recipient, or name them in coded addresses.
pub(crate) fn entry(entry: &Entry, unmasked: bool) -> Entry {
    if unmasked {
        return entry.clone();
    }
    let secrets = Secrets::recipients(&entry.recipients);
    let mask = |text: &str| secrets.mask(text, Vec::new());
    Entry {
        sender: Address::new(mask(&entry.sender.text()).as_bytes()),
        message_id: entry.message_id.as_deref().map(mask),
        client_name: mask(&entry.client_name),
        helo: mask(&entry.helo),
        auth_user: None,
        ..entry.clone()
    }
}

/// The recipients as they may be shown.
pub(crate) fn shown(recipients: &[Address], unmasked: bool) -> Vec<String> {
    recipients
        .iter()
        .map(|one| {
            if unmasked {
                one.text()
            } else {
                MASK.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Received: from a by b with ESMTP id c\r\n\tfor <other.kim@example.org>; Fri, 20 Nov 2026 09:00:00 +0000\r\n\
        From: Kim Example <kim.example@example.org>\r\nTo: \"Kim Example\" <kim.example@example.org>\r\n\
        Subject: your password is hunter2x\r\nMessage-ID: <c@example.net>\r\nX-Track: a2ltLmV4YW1wbGU=\r\n\
        List-Unsubscribe: <mailto:x-kim.example=example.org@example.net>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        {HTML}\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"kim.example.txt\"\r\n\r\n\
        Written to kim.example@example.org\r\n--b--\r\n";

    fn mail() -> Vec<u8> {
        let html = "<p>Dear Kim Example (kim.example), your password is hun<b>ter2x</b>. I know hunter2x well, and lou.hidden. \u{fc}ber</p>";
        MAIL.replace("{HTML}", &BASE64.encode(html)).into_bytes()
    }

    fn recipients() -> Vec<Address> {
        vec![
            Address::new(b"kim.example@example.org"),
            // No field names this one.
            Address::new(b"lou.hidden@example.org"),
        ]
    }

    #[test]
    fn no_password_and_no_recipient_is_left() {
        let how = Redaction {
            unmasked: false,
            no_attachments: false,
        };
        let redacted = Redacted::of(&mail(), &recipients(), how);
        let eml = redacted.eml();
        let again = message::read(&eml, &ReadLimits::default());
        let texts: String = again
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        let header: String = again
            .header
            .fields()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let all = format!(
            "{texts}\n{header}\n{redacted:?}\n{}",
            String::from_utf8_lossy(&eml)
        );
        for secret in [
            "hunter2x",
            "kim.example",
            "Kim Example",
            "lou.hidden",
            "other.kim",
            "a2lt",
        ] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        assert!(texts.contains("your password is ********"), "{all}");
        assert!(texts.contains("\u{fc}ber"), "{all}");
        assert!(texts.contains("[attachments left out: 1]"), "{all}");
        assert!(header.contains("Message-ID: <c@example.net>"), "{all}");
    }

    #[test]
    fn what_is_left_out_follows_the_choice() {
        let open = Redacted::of(
            &mail(),
            &recipients(),
            Redaction {
                unmasked: true,
                no_attachments: true,
            },
        );
        let text = format!("{open:?}");
        assert!(
            text.contains("hunter2x") && text.contains("Kim Example"),
            "{text}"
        );
        assert!(!text.contains("Written to"), "{text}");
        let masked = Redacted::of(
            &mail(),
            &recipients(),
            Redaction {
                unmasked: false,
                no_attachments: false,
            },
        );
        assert!(format!("{masked:?}").contains("Written to ********"));
    }

    #[test]
    fn a_field_stays_one_field() {
        for value in [
            "a\r\nBcc: x",
            "\u{fc}\r\nBcc: x",
            &"x".repeat(5000),
            &"\u{fc}".repeat(500),
        ] {
            let out = field("X", value);
            let lines: Vec<&str> = out.split_terminator("\r\n").collect();
            assert!(lines[1..].iter().all(|line| line.starts_with(' ')), "{out}");
            assert!(
                lines.iter().all(|line| line.len() < 998 && line.is_ascii()),
                "{out}"
            );
        }
    }
}
