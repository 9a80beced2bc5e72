//! Content-Transfer-Encoding, decoded as leniently as the most lenient mail program.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memchr;

/// How a body is encoded for transport (RFC 2045, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// 7bit, 8bit, binary, or a word that nobody knows.
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Encoding {
    /// Reads the field's value; comments, quotes, parameters and misspellings are forgiven,
    /// because some mail program forgives each of them.
    pub(crate) fn parse(value: &str) -> Self {
        let word = value
            .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match word.as_str() {
            "base64" | "base-64" | "b" | "x-base64" => Self::Base64,
            "q" => Self::QuotedPrintable,
            word if word.starts_with("quoted") => Self::QuotedPrintable,
            word if word.trim_start_matches("x-").starts_with("uu") => Self::Uuencode,
            _ => Self::Identity,
        }
    }
}

/// Decoded bytes, and what was wrong with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// Bytes that do not belong into the encoding.
    pub(crate) junk: usize,
    /// Was the limit hit before the end of the input?
    pub(crate) is_cut: bool,
}

/// Base64 that skips what is not of its alphabet and goes on after padding, at most `limit` bytes.
///
/// Going on after padding reads concatenated base64, which most mail programs do.
pub(crate) fn base64(input: &[u8], limit: usize) -> Decoded {
    let mut out = Decoded::default();
    out.bytes.reserve((input.len() / 4 * 3 + 3).min(limit));
    let (mut bits, mut count) = (0_u32, 0_u8);
    let mut rest = input;
    while !rest.is_empty() {
        if out.bytes.len() >= limit {
            out.bytes.truncate(limit);
            out.is_cut = !rest.trim_ascii().is_empty();
            return out;
        }
        // Four symbols at once, where nothing is pending and nothing is odd.
        if count == 0 {
            let most = (limit - out.bytes.len()).div_ceil(3);
            let taken = quads(rest, most, &mut out.bytes);
            if taken > 0 {
                rest = &rest[4 * taken..];
                rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
                continue;
            }
        }
        let byte = rest[0];
        rest = &rest[1..];
        match SYMBOLS[usize::from(byte)] {
            SPACE => {}
            JUNK => out.junk += 1,
            PAD => (bits, count) = (0, 0),
            value => {
                bits = bits << 6 | u32::from(value);
                count += 1;
                match count {
                    2 => out.bytes.push((bits >> 4) as u8),
                    3 => out.bytes.push((bits >> 2) as u8),
                    4 => {
                        out.bytes.push(bits as u8);
                        (bits, count) = (0, 0);
                    }
                    _ => {}
                }
            }
        }
    }
    out.bytes.truncate(limit);
    out
}

const JUNK: u8 = 0x80;
const SPACE: u8 = 0x81;
const PAD: u8 = 0x82;
/// The value of each base64 symbol, or what else a byte is.
static SYMBOLS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [JUNK; 256];
    let mut i = 0;
    while i < 64 {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table[b'\r' as usize] = SPACE;
    table[b'\n' as usize] = SPACE;
    table[b' ' as usize] = SPACE;
    table[b'\t' as usize] = SPACE;
    table[b'=' as usize] = PAD;
    table
};

/// Decodes groups of four symbols until one has something else in it, at most so many; says how
/// many.
fn quads(input: &[u8], most: usize, out: &mut Vec<u8>) -> usize {
    let (all, _) = input.as_chunks::<4>();
    let mut decoded = [[0; 3]; 19];
    let mut taken = 0;
    // A line has 76 symbols at most (RFC 2045, section 6.8).
    for line in all[..all.len().min(most)].chunks(decoded.len()) {
        if line.len() == decoded.len()
            && let Ok(count) =
                STANDARD_NO_PAD.decode_slice(line.as_flattened(), decoded.as_flattened_mut())
        {
            out.extend_from_slice(&decoded.as_flattened()[..count]);
            taken += line.len();
            // Mostly the line ends here: no need to try whether another one follows without.
            match input.get(4 * taken) {
                Some(b'\r' | b'\n') => break,
                _ => continue,
            }
        }
        let mut good = 0;
        for (quad, to) in line.iter().zip(&mut decoded) {
            let [a, b, c, d] = quad.map(|byte| SYMBOLS[usize::from(byte)]);
            if (a | b | c | d) >= 64 {
                break;
            }
            *to = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            good += 1;
        }
        out.extend_from_slice(decoded[..good].as_flattened());
        taken += good;
        if good < line.len() {
            break;
        }
    }
    taken
}

/// Quoted-printable in which a wrong escape stays as written, at most `limit` bytes.
///
/// With `in_header`, an underscore is a space (RFC 2047, section 4.2).
pub(crate) fn quoted_printable(input: &[u8], limit: usize, in_header: bool) -> Decoded {
    let mut out = Decoded::default();
    let mut rest = input;
    while !rest.is_empty() {
        if out.bytes.len() >= limit {
            out.is_cut = true;
            break;
        }
        let plain = memchr(b'=', rest).unwrap_or(rest.len());
        let start = out.bytes.len();
        out.bytes.extend_from_slice(&rest[..plain]);
        if in_header {
            for byte in &mut out.bytes[start..] {
                if *byte == b'_' {
                    *byte = b' ';
                }
            }
        }
        rest = &rest[plain..];
        if rest.is_empty() {
            break;
        }
        rest = &rest[1..];
        if let [high, low, ..] = *rest
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            out.bytes.push(high << 4 | low);
            rest = &rest[2..];
            continue;
        }
        let blanks = rest
            .iter()
            .take(64)
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        match &rest[blanks..] {
            [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] | [b'\r', tail @ ..] => rest = tail,
            [] => rest = &[],
            _ => {
                out.bytes.push(b'=');
                out.junk += 1;
            }
        }
    }
    if out.bytes.len() > limit {
        out.bytes.truncate(limit);
        out.is_cut = true;
    }
    out
}

/// The value of a hexadecimal digit in either case.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Does a text that is declared as it is look like base64 in truth? Then its decoded form
/// is a second reading.
pub(crate) fn looks_like_base64(body: &[u8]) -> bool {
    let sample = &body[..body.len().min(2048)];
    let sample = sample.trim_ascii();
    if sample.len() < 40 {
        return false;
    }
    let (mut symbols, mut spaces, mut lower, mut other, mut padding) = (0, 0, 0, 0, 0);
    for &byte in sample {
        match byte {
            b'a'..=b'z' => {
                lower += 1;
                symbols += 1;
            }
            b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'/' => symbols += 1,
            b'=' => padding += 1,
            b'\r' | b'\n' => {}
            b' ' | b'\t' => spaces += 1,
            _ => other += 1,
        }
    }
    // Words have spaces and are mostly lower case; base64 has neither.
    padding <= 4 && other * 50 <= symbols && spaces * 30 <= symbols && lower * 10 < symbols * 8
}

/// Does a body that is declared as base64 look like text as it stands?
pub(crate) fn looks_like_text(body: &[u8]) -> bool {
    let sample = &body[..body.len().min(2048)];
    let letters = sample.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let spaces = sample.iter().filter(|b| **b == b' ').count();
    spaces >= 3 && spaces * 15 >= letters
}

/// Does a text that is declared as it is carry quoted-printable escapes?
///
/// Only those that such text is full of count (soft line breaks, `=3D`, `=20`, line ends, 8-bit
/// letters): URLs have `=1F` and the like by chance.
pub(crate) fn looks_like_quoted_printable(body: &[u8]) -> bool {
    let sample = &body[..body.len().min(16 * 1024)];
    let mut escapes = 0;
    let mut others = 0;
    for at in memchr::memchr_iter(b'=', sample) {
        let is_escape = matches!(
            sample[at + 1..],
            [b'\n', ..]
                | [b'\r', b'\n', ..]
                | [b'3', b'D', ..]
                | [b'2', b'0', ..]
                | [b'0', b'A' | b'D', ..]
                | [b'C'..=b'F', b'0'..=b'9' | b'A'..=b'F', b'=', ..]
        );
        if is_escape {
            escapes += 1;
        } else {
            others += 1;
        }
    }
    escapes >= 3 && escapes > others
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::engine::general_purpose::STANDARD;

    #[test]
    fn encodings_by_their_word() {
        for (value, expected) in [
            ("base64", Encoding::Base64),
            (" BASE64 (c)", Encoding::Base64),
            ("\"base64\"", Encoding::Base64),
            ("base64;", Encoding::Base64),
            ("Quoted-Printable", Encoding::QuotedPrintable),
            ("quoted printable", Encoding::QuotedPrintable),
            ("x-uuencode", Encoding::Uuencode),
            ("7-bit", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            assert_eq!(Encoding::parse(value), expected, "{value:?}");
        }
    }

    #[test]
    fn base64_forgives() {
        for (input, expected, junk) in [
            ("SGVsbG8=", "Hello", 0),
            ("SGVs\r\nbG8=", "Hello", 0),
            ("SGVs!bG8=", "Hello", 1),
            ("SGVsbG8", "Hello", 0),
            ("SGVsbG8=SGVsbG8=", "HelloHello", 0),
            ("S G V s b G 8", "Hello", 0),
            ("", "", 0),
        ] {
            let decoded = base64(input.as_bytes(), 100);
            assert_eq!(decoded.bytes, expected.as_bytes(), "{input:?}");
            assert_eq!(decoded.junk, junk, "{input:?}");
        }
        let cut = base64(b"SGVsbG8gSGVsbG8=", 4);
        assert_eq!(cut.bytes, b"Hell");
        assert!(cut.is_cut);
    }

    #[test]
    fn lines_of_base64_are_read_whole_or_in_parts() {
        let bytes: Vec<u8> = (0..=255).rev().cycle().take(57 * 3 + 10).collect();
        let symbols = STANDARD.encode(&bytes);
        let lines: Vec<&[u8]> = symbols.as_bytes().chunks(76).collect();
        let text = lines.join(&b"\r\n"[..]);
        for at in 0..=text.len() {
            let mut odd = text.clone();
            odd.insert(at, b'!');
            let decoded = base64(&odd, 1_000);
            assert_eq!((decoded.bytes, decoded.junk), (bytes.clone(), 1), "at {at}");
            let cut = base64(&text, at.min(bytes.len()));
            assert_eq!(cut.bytes, bytes[..at.min(bytes.len())], "cut at {at}");
        }
    }

    #[test]
    fn quoted_printable_forgives() {
        for (input, expected, junk) in [
            ("a=3Db", "a=b", 0),
            ("a=3db", "a=b", 0),
            ("soft=\r\nbreak", "softbreak", 0),
            ("soft= \t\nbreak", "softbreak", 0),
            ("1=x", "1=x", 1),
            ("end=", "end", 0),
            ("end=4", "end=4", 1),
        ] {
            let decoded = quoted_printable(input.as_bytes(), 100, false);
            assert_eq!(decoded.bytes, expected.as_bytes(), "{input:?}");
            assert_eq!(decoded.junk, junk, "{input:?}");
        }
        assert_eq!(quoted_printable(b"a_b", 9, true).bytes, b"a b");
    }

    #[test]
    fn encodings_that_lie_are_seen() {
        assert!(looks_like_base64(
            b"SSBoYXZlIGhhY2tlZCB5b3VyIGRldmljZSBhbmQgSSBrbm93IGFsbCBvZiB5b3Vy\nIGNvbnRhY3Rz"
        ));
        assert!(!looks_like_base64(
            b"I have seen this and want to tell you that all of it is well known"
        ));
        assert!(looks_like_text(
            b"this is a text with words and spaces in it"
        ));
        assert!(!looks_like_text(
            b"SSBoYXZlIGhhY2tlZCB5b3VyIGRldmljZSBhbmQgSSBrb"
        ));
        assert!(looks_like_quoted_printable(b"a=20b=3Dc=\nd"));
        assert!(!looks_like_quoted_printable(b"x=1, y=2, z=33"));
        assert!(!looks_like_quoted_printable(
            b"?x=3AEEF4E https://example.org/?x=13FA1F ?y=5F119B3"
        ));
    }
}
