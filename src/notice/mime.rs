//! A notice as a MIME body: in place of a message, or before it.

use crate::notice::{Content, Family};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The most bytes of text in one encoded word: with its frame it stays under the 75 of RFC 2047, section 2.
const WORD: usize = 42;
/// A line of Base64 has 76 characters (RFC 2045, section 6.8): 57 bytes.
const LINE: usize = 57;

/// A body with the fields that describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type, on one line.
    pub content_type: String,
    /// The value of Content-Transfer-Encoding: `7bit` or `8bit`.
    pub transfer_encoding: &'static str,
    /// The body, lines ended by CRLF.
    pub bytes: Vec<u8>,
}

/// The body of a notice that stands in place of a message; `original` is attached.
///
/// A message in which a real recording may be is attached as plain bytes: mail programs show the
/// pictures of an attached `message/rfc822`, but not those of a file.
pub fn replacement(content: &Content, family: Family, original: Option<&[u8]>) -> Body {
    let inner = boundary(content.text.as_bytes());
    let mut alternative = Vec::new();
    for (kind, text) in [("plain", &content.text), ("html", &content.html)] {
        let head = format!(
            "--{inner}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        );
        alternative.extend_from_slice(head.as_bytes());
        push_base64(&mut alternative, text.as_bytes());
    }
    alternative.extend_from_slice(format!("--{inner}--\r\n").as_bytes());
    let content_type = format!("multipart/alternative; boundary=\"{inner}\"");
    let Some(original) = original else {
        return Body {
            content_type,
            transfer_encoding: "7bit",
            bytes: alternative,
        };
    };
    let outer = boundary(original);
    let mut bytes = format!("--{outer}\r\nContent-Type: {content_type}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(&alternative);
    bytes.extend_from_slice(format!("--{outer}\r\n").as_bytes());
    let transfer_encoding = match family {
        Family::Bluff => {
            let encoding = encoding_of(original);
            let head = format!(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\
                 Content-Disposition: attachment; filename=\"original.eml\"\r\n\r\n"
            );
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(original);
            end_line(&mut bytes);
            encoding
        }
        Family::Chat => {
            bytes.extend_from_slice(
                b"Content-Type: application/octet-stream; name=\"original.eml\"\r\nContent-Transfer-Encoding: base64\r\n\
                  Content-Disposition: attachment; filename=\"original.eml\"\r\n\r\n",
            );
            push_base64(&mut bytes, original);
            "7bit"
        }
    };
    bytes.extend_from_slice(format!("--{outer}--\r\n").as_bytes());
    Body {
        content_type: format!("multipart/mixed; boundary=\"{outer}\""),
        transfer_encoding,
        bytes,
    }
}

/// The body of a message with a text before it.
///
/// The message is put into a part of its own, with the fields that describe its content, and not a
/// byte of it is read or recoded: what it says and how it is built stays as it was.
pub fn wrapped(text: &str, message: &[u8]) -> Body {
    let outer = boundary(message);
    let (header, body) = split(message);
    let mut bytes = format!(
        "--{outer}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\n"
    )
    .into_bytes();
    push_base64(&mut bytes, text.as_bytes());
    bytes.extend_from_slice(format!("--{outer}\r\n").as_bytes());
    for field in fields(header) {
        if describes_content(field) {
            bytes.extend_from_slice(field);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    end_line(&mut bytes);
    bytes.extend_from_slice(format!("--{outer}--\r\n").as_bytes());
    Body {
        content_type: format!("multipart/mixed; boundary=\"{outer}\""),
        transfer_encoding: encoding_of(message),
        bytes,
    }
}

/// A field's value in ASCII: as encoded words (RFC 2047) where it has other letters.
pub fn encoded(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(WORD);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, after) = rest.split_at(end);
        if !out.is_empty() {
            out.push(' ');
        }
        let _ = write!(out, "=?UTF-8?B?{}?=", STANDARD.encode(word));
        rest = after;
    }
    out
}

/// `Name <mailbox@example.org>` with the name in ASCII.
pub fn mailbox(sender: &str) -> String {
    match sender.split_once('<') {
        Some((name, rest)) => {
            let name = name.trim().trim_matches('"');
            let is_atoms =
                |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
            // RFC 5322, section 3.2.4: anything but atoms is quoted.
            let name = match encoded(name) {
                same if same == name && !name.chars().all(is_atoms) => {
                    format!("\"{}\"", name.replace(['"', '\\'], ""))
                }
                name => name,
            };
            format!("{name} <{rest}").trim().to_owned()
        }
        None => sender.to_owned(),
    }
}

/// A line that ends no part of `message`: nobody can write a text that has its own hash in it.
fn boundary(message: &[u8]) -> String {
    let mut name = "=_callbluff_".to_owned();
    for byte in &Sha256::digest(message)[..12] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn encoding_of(bytes: &[u8]) -> &'static str {
    if bytes.is_ascii() { "7bit" } else { "8bit" }
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for line in bytes.chunks(LINE) {
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

fn end_line(bytes: &mut Vec<u8>) {
    if !bytes.ends_with(b"\n") {
        bytes.extend_from_slice(b"\r\n");
    }
}

/// Header, with the line end of its last field, and body.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = message.strip_prefix(b"\r\n") {
        return (b"", body);
    }
    match memchr::memmem::find(message, b"\r\n\r\n") {
        Some(at) => (&message[..at + 2], &message[at + 4..]),
        None => (message, b""),
    }
}

/// The fields of a header, each with its folds and line ends.
fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        for at in memchr::memchr_iter(b'\n', rest) {
            if !matches!(rest.get(at + 1), Some(b' ' | b'\t')) {
                end = at + 1;
                break;
            }
        }
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(field)
    })
}

/// Is it one of the fields that describe the content (RFC 2045, section 3)?
fn describes_content(field: &[u8]) -> bool {
    field
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{self, ReadLimits};

    const ORIGINAL: &[u8] =
        b"From: x@example.net\r\nContent-Type: text/plain;\r\n charset=iso-8859-1\r\n\
        Subject: a\r\ncontent-transfer-encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n";

    fn content() -> Content {
        Content {
            subject: "S".to_owned(),
            text: "Ruhe, Grüße\n".repeat(20),
            html: "<p>Ruhe</p>\n".to_owned(),
        }
    }

    fn as_message(body: &Body) -> Vec<u8> {
        let mut bytes = format!(
            "MIME-Version: 1.0\r\nContent-Type: {}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            body.content_type, body.transfer_encoding
        )
        .into_bytes();
        bytes.extend_from_slice(&body.bytes);
        bytes
    }

    /// What a reader of a message sees.
    fn texts(message: &[u8]) -> String {
        let reading = message::read(message, &ReadLimits::default());
        let texts: Vec<String> = reading.pieces.iter().map(|p| p.text.to_string()).collect();
        texts.join("|")
    }

    #[test]
    fn a_replacement_is_text_and_html() {
        let body = replacement(&content(), Family::Bluff, None);
        assert!(body.bytes.is_ascii());
        assert!(
            body.bytes
                .split(|b| *b == b'\n')
                .all(|line| line.len() < 80)
        );
        let seen = texts(&as_message(&body));
        assert!(seen.contains("Ruhe, Grüße"), "{seen}");
    }

    #[test]
    fn the_original_is_attached_byte_for_byte() {
        let body = replacement(&content(), Family::Bluff, Some(ORIGINAL));
        assert!(memchr::memmem::find(&body.bytes, ORIGINAL).is_some());
        assert_eq!(body.transfer_encoding, "8bit");
        let seen = texts(&as_message(&body));
        assert!(seen.contains("Grüße") && seen.contains("Ruhe"), "{seen}");
    }

    #[test]
    fn what_may_hold_a_recording_is_attached_as_a_file() {
        let body = replacement(&content(), Family::Chat, Some(ORIGINAL));
        let text = String::from_utf8(body.bytes).unwrap();
        assert!(!text.contains("message/rfc822"), "{text}");
        assert!(text.contains("application/octet-stream"), "{text}");
        let encoded = text.rsplit("\r\n\r\n").next().unwrap();
        let encoded: String = encoded
            .lines()
            .take_while(|line| !line.starts_with("--"))
            .collect();
        assert_eq!(STANDARD.decode(encoded).unwrap(), ORIGINAL);
    }

    #[test]
    fn a_banner_leaves_the_message_as_it_was() {
        for original in [
            ORIGINAL,
            b"Subject: a\r\n\r\nplain\r\n",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b--\r\n",
            b"Subject: no body",
            b"\r\nplain",
        ] {
            let body = wrapped("Ruhe\n", original);
            let (_, old) = split(original);
            assert!(memchr::memmem::find(&body.bytes, old).is_some());
            let seen = texts(&as_message(&body));
            assert!(seen.contains("Ruhe"), "{seen}");
            assert_eq!(
                seen.contains("plain"),
                original.ends_with(b"plain\r\n")
                    || original.ends_with(b"plain")
                    || original.starts_with(b"Content"),
                "{seen}"
            );
        }
        let body = wrapped("Ruhe\n", ORIGINAL);
        let text = String::from_utf8_lossy(&body.bytes);
        assert!(text.contains("Content-Type: text/plain;\r\n charset=iso-8859-1\r\ncontent-transfer-encoding: 8bit\r\n\r\n"), "{text}");
        assert!(!text.contains("Subject"), "{text}");
        assert!(texts(&as_message(&body)).contains("Grüße"));
    }

    #[test]
    fn a_sender_has_a_name_that_every_program_reads() {
        for (sender, expected) in [
            ("help@example.org", "help@example.org"),
            (
                "Mail team <help@example.org>",
                "Mail team <help@example.org>",
            ),
            (
                "Team, mail. <help@example.org>",
                "\"Team, mail.\" <help@example.org>",
            ),
            (
                "Grüße <help@example.org>",
                "=?UTF-8?B?R3LDvMOfZQ==?= <help@example.org>",
            ),
            ("<help@example.org>", "<help@example.org>"),
        ] {
            assert_eq!(mailbox(sender), expected);
        }
    }

    #[test]
    fn encoded_words_are_short_and_whole() {
        assert_eq!(encoded("Stop"), "Stop");
        assert_eq!(encoded("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?=");
        let long = encoded(&"脅迫".repeat(40));
        for word in long.split(' ') {
            assert!(word.len() <= 75, "{word}");
            let inner = word
                .strip_prefix("=?UTF-8?B?")
                .unwrap()
                .strip_suffix("?=")
                .unwrap();
            assert!(String::from_utf8(STANDARD.decode(inner).unwrap()).is_ok());
        }
    }
}
