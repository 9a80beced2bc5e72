//! The fields of a header, unfolded and decoded.

use crate::message::{charset, transfer};

/// The header of one message.
///
/// Values are unfolded and their encoded words decoded (RFC 2047), so they can be matched as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    fields: Vec<(String, String)>,
}

impl Header {
    /// Takes fields in the order of the message: name as written, value decoded.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self { fields }
    }

    /// Every field as name and value, in the order of the message.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of every field with this name, first first; names ignore case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first field with this name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}

/// One field of a header as it stands in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawField<'a> {
    /// Its name as written, without the colon.
    pub(crate) name: &'a str,
    /// What is after the colon, folded as it came.
    pub(crate) value: &'a [u8],
    /// Where the field starts and ends in the block.
    pub(crate) range: (usize, usize),
}

impl RawField<'_> {
    /// Has it this name? Case does not matter.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its value unfolded, with encoded words and raw 8-bit bytes decoded.
    pub(crate) fn text(&self) -> String {
        text(self.value)
    }
}

/// A header block taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The fields in order.
    pub(crate) fields: Vec<RawField<'a>>,
    /// Where the first line stands that is no field: some programs let the body begin there.
    pub(crate) stray_line: Option<usize>,
    /// Where the body begins, behind the blank line; the length of the input without one.
    pub(crate) body: usize,
    /// Did a blank line end the block?
    pub(crate) has_blank_line: bool,
}

/// Takes a header block apart, at most `limit` bytes of it; lines end with LF or CRLF.
pub(crate) fn split(raw: &[u8], limit: usize) -> Block<'_> {
    let mut block = Block {
        body: raw.len(),
        ..Block::default()
    };
    let mut at = 0;
    while at < raw.len() {
        let next = memchr::memchr(b'\n', &raw[at..]).map_or(raw.len(), |length| at + length + 1);
        let line = trim_line(&raw[at..next]);
        if line.is_empty() {
            block.body = next;
            block.has_blank_line = true;
            break;
        }
        if at > limit {
            at = next;
            continue;
        }
        if matches!(line[0], b' ' | b'\t') {
            // A folded line in front of every field is a stray line too.
            match block.fields.last_mut() {
                Some(field) if field.range.1 == at => {
                    let start = field.range.0 + field.name.len();
                    let colon = memchr::memchr(b':', &raw[start..next]).unwrap_or(0);
                    field.value = &raw[start + colon + 1..next];
                    field.range.1 = next;
                }
                _ => block.stray_line = block.stray_line.or(Some(at)),
            }
        } else if let Some((name, value)) = field_of(line) {
            block.fields.push(RawField {
                name,
                value,
                range: (at, next),
            });
        } else {
            block.stray_line = block.stray_line.or(Some(at));
        }
        at = next;
    }
    block
}

/// Is this line a field, `name: value`?
pub(crate) fn is_field(line: &[u8]) -> bool {
    field_of(line).is_some()
}

fn field_of(line: &[u8]) -> Option<(&str, &[u8])> {
    // RFC 5322, section 2.2 sets no length; nobody uses names of over 76 characters.
    let colon = memchr::memchr(b':', &line[..line.len().min(100)])?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    Some((std::str::from_utf8(name).ok()?, &line[colon + 1..]))
}

/// A line without its line end.
pub(crate) fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A field's value as text: unfolded, encoded words and 8-bit bytes decoded, ends trimmed.
pub(crate) fn text(value: &[u8]) -> String {
    let text = decode_words(&unfold(value));
    let trimmed = text.trim();
    if trimmed.len() == text.len() {
        return text;
    }
    trimmed.to_owned()
}

/// Takes out line ends; the white space behind them stays (RFC 5322, section 2.2.3).
fn unfold(value: &[u8]) -> Vec<u8> {
    value
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect()
}

/// Decodes encoded words (RFC 2047) wherever they stand: in quotes, glued to other text, without
/// an end, with spaces inside. Words of one charset are joined before decoding, because senders
/// split them in the middle of a character.
pub(crate) fn decode_words(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    let mut pending: Option<(String, Vec<u8>)> = None;
    // Where the next end mark is: looked for once, or many words without an end would be slow.
    let mut end_mark = 0;
    let (mut plain, mut at) = (0, 0);
    while let Some(found) = memchr::memmem::find(&value[at..], b"=?") {
        let start = at + found;
        let Some(word) = EncodedWord::parse(&value[start + 2..]) else {
            at = start + 2;
            continue;
        };
        let text_at = start + 2 + word.text;
        if end_mark < text_at {
            end_mark = memchr::memmem::find(&value[text_at..], b"?=")
                .map_or(value.len(), |length| text_at + length);
        }
        let between = &value[plain..start];
        if pending.is_none() || !between.trim_ascii().is_empty() {
            flush(&mut out, &mut pending);
            out.push_str(&charset::decode(between, None));
        }
        let bytes = word.decode(&value[text_at..end_mark]);
        match &mut pending {
            Some((charset, joined)) if charset.eq_ignore_ascii_case(word.charset) => {
                joined.extend_from_slice(&bytes);
            }
            _ => {
                flush(&mut out, &mut pending);
                pending = Some((word.charset.to_owned(), bytes));
            }
        }
        at = (end_mark + 2).min(value.len());
        plain = at;
    }
    flush(&mut out, &mut pending);
    out.push_str(&charset::decode(&value[plain..], None));
    out
}

fn flush(out: &mut String, pending: &mut Option<(String, Vec<u8>)>) {
    if let Some((label, bytes)) = pending.take() {
        out.push_str(&charset::decode(bytes, Some(&label)));
    }
}

struct EncodedWord<'a> {
    charset: &'a str,
    is_base64: bool,
    /// Where its text begins behind the first `=?`.
    text: usize,
}

impl<'a> EncodedWord<'a> {
    fn parse(rest: &'a [u8]) -> Option<Self> {
        let first = memchr::memchr(b'?', &rest[..rest.len().min(60)])?;
        let charset = std::str::from_utf8(&rest[..first]).ok()?;
        if charset.contains(char::is_whitespace) {
            return None;
        }
        // The language behind `*` (RFC 2231, section 5) tells nothing about the letters.
        let charset = charset.split('*').next().unwrap_or_default();
        let is_base64 = match rest.get(first + 1)?.to_ascii_lowercase() {
            b'b' => true,
            b'q' => false,
            _ => return None,
        };
        (rest.get(first + 2) == Some(&b'?')).then_some(Self {
            charset,
            is_base64,
            text: first + 3,
        })
    }

    fn decode(&self, text: &[u8]) -> Vec<u8> {
        if self.is_base64 {
            transfer::base64(text, usize::MAX).bytes
        } else {
            transfer::quoted_printable(text, usize::MAX, true).bytes
        }
    }
}

/// The display names in a field of addresses; empty where it has only addresses.
pub(crate) fn display_names(decoded: &str) -> String {
    let mut names = String::new();
    let mut has_angle = false;
    let mut rest = decoded;
    while let Some(open) = rest.find('<') {
        let Some(length) = rest[open..].find('>') else {
            break;
        };
        has_angle = true;
        names.push_str(&rest[..open]);
        rest = &rest[open + length + 1..];
    }
    names.push_str(rest);
    let names: String = names.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
    if has_angle {
        return names.trim_matches([' ', ',', ';', '\t']).to_owned();
    }
    // The old form `address (name)`, or nothing but addresses.
    names
        .split([',', ' '])
        .filter(|word| !word.contains('@'))
        .collect::<Vec<_>>()
        .join(" ")
        .trim_matches([' ', '(', ')', ';'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_leniently() {
        for (value, expected) in [
            ("=?utf-8?B?SGVsbG8=?=", "Hello"),
            ("=?UTF-8?q?a_b=C3=BC?=", "a bü"),
            ("=?utf-8?B?SGVs?= =?utf-8?B?bG8=?=", "Hello"),
            ("=?utf-8?B?SGVs?=\t =?UTF-8?B?bG8=?= you", "Hello you"),
            ("x=?utf-8?Q?y?=z", "xyz"),
            ("\"=?utf-8?Q?y?=\"", "\"y\""),
            ("=?utf-8?Q?a b c?=", "a b c"),
            ("=?utf-8?B?SGVsbG8", "Hello"),
            ("=?utf-8*en?Q?lang?=", "lang"),
            (
                "=?invented?Q?=CF=F0=E8=E2=E5=F2=20=EC=E8=F0?=",
                "Привет мир",
            ),
            ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),
            ("=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=", "üü"),
            ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
            ("a =? b", "a =? b"),
        ] {
            assert_eq!(decode_words(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn blocks_are_taken_apart() {
        for (raw, names, stray, body) in [
            ("A: 1\nB: 2\n\nbody", vec!["A", "B"], None, 11),
            ("A: 1\r\n b\r\nC : 2\r\n\r\nbody", vec!["A", "C"], None, 19),
            (
                "A: 1\nnot a field\nB: 2\n\nbody",
                vec!["A", "B"],
                Some(5),
                23,
            ),
            ("no header at all", vec![], Some(0), 16),
            ("A: 1", vec!["A"], None, 4),
            ("", vec![], None, 0),
        ] {
            let block = split(raw.as_bytes(), 1000);
            let found: Vec<&str> = block.fields.iter().map(|field| field.name).collect();
            assert_eq!(
                (found, block.stray_line, block.body),
                (names, stray, body),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn folded_values_are_one() {
        let raw = b"Subject: one\r\n two\r\n\tthree\r\n\r\n";
        assert_eq!(split(raw, 1000).fields[0].text(), "one two\tthree");
    }

    #[test]
    fn names_without_addresses() {
        for (value, expected) in [
            ("\"Ann Example\" <ann@example.org>", "Ann Example"),
            ("Ann <a@example.org>, Bob <b@example.org>", "Ann , Bob"),
            ("ann@example.org", ""),
            ("<ann@example.org>", ""),
            ("ann@example.org (Ann Example)", "Ann Example"),
            ("Hacker who knows", "Hacker who knows"),
            ("<unclosed", "<unclosed"),
        ] {
            assert_eq!(display_names(value), expected, "{value:?}");
        }
    }
}
