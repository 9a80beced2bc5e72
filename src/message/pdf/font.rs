//! Fonts of a PDF: what its character codes mean and how wide they are.

use crate::message::pdf::cmap::CMap;
use encoding_rs::Encoding;
use lopdf::{Dictionary, Document, Object};
use std::collections::HashMap;

/// The most bytes of one ToUnicode map.
const CMAP_BYTES: usize = 1024 * 1024;

/// The most widths that are kept of one font.
const WIDTHS: usize = 70_000;

/// The widths of Helvetica from space to tilde, in thousandths of the size: a standard font
/// need not carry its widths (ISO 32000-1, section 9.6.2.2), and the others are near enough.
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// One character as shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glyph {
    /// What copying it gives.
    pub(super) text: String,
    /// What the name of its shape says, where that is known too: the map for copying can lie.
    pub(super) shape: Option<String>,
    /// Its width in thousandths of the font size.
    pub(super) width: f64,
    /// Is it the one-byte code 32, which word spacing applies to (section 9.3.3)?
    pub(super) is_space: bool,
}

/// What the codes of a font mean.
#[derive(Debug)]
pub(super) struct Font {
    to_unicode: Option<CMap>,
    codes: Codes,
    widths: HashMap<u32, f64>,
    default_width: f64,
}

#[derive(Debug)]
enum Codes {
    /// One byte each, with the meaning of each byte where known.
    Bytes(Box<[Option<char>; 256]>),
    /// Two bytes each, whose meaning is in the ToUnicode map alone.
    Pairs,
    /// A character set of multi-byte text.
    Charset(&'static Encoding),
}

impl Font {
    /// Reads a font dictionary as far as it goes.
    pub(super) fn read(document: &Document, dict: &Dictionary) -> Self {
        let to_unicode = dict
            .get_deref(b"ToUnicode", document)
            .and_then(Object::as_stream)
            .and_then(|stream| stream.get_plain_content_with_limit(CMAP_BYTES))
            .ok()
            .map(|source| CMap::parse(&source));
        let is_composite = dict
            .get(b"Subtype")
            .and_then(Object::as_name)
            .is_ok_and(|kind| kind == b"Type0");
        let mut font = Self {
            to_unicode,
            codes: Codes::Pairs,
            widths: HashMap::new(),
            default_width: 1000.0,
        };
        if is_composite {
            if let Ok(name) = dict
                .get_deref(b"Encoding", document)
                .and_then(Object::as_name)
                && let Some(charset) = charset(name)
            {
                font.codes = Codes::Charset(charset);
            }
            font.read_composite_widths(document, dict);
        } else {
            font.codes = Codes::Bytes(Box::new(byte_codes(document, dict)));
            font.read_simple_widths(document, dict);
        }
        font
    }

    fn read_simple_widths(&mut self, document: &Document, dict: &Dictionary) {
        self.default_width = 500.0;
        let widths = dict
            .get_deref(b"Widths", document)
            .and_then(Object::as_array);
        let Ok(widths) = widths else {
            let is_fixed = dict
                .get(b"BaseFont")
                .and_then(Object::as_name)
                .is_ok_and(|name| name.starts_with(b"Courier"));
            if is_fixed {
                self.default_width = 600.0;
            } else {
                self.widths = (32..)
                    .zip(HELVETICA.iter().map(|&w| f64::from(w)))
                    .collect();
            }
            return;
        };
        let first = dict.get(b"FirstChar").and_then(Object::as_i64).unwrap_or(0);
        // A Type 3 font has its own scale; 1 for 1 where it is not given.
        let scale = dict
            .get_deref(b"FontMatrix", document)
            .and_then(Object::as_array)
            .ok()
            .and_then(|matrix| number(document, matrix.first()?))
            .map_or(1.0, |scale| scale * 1000.0);
        for (width, code) in widths.iter().zip(first.clamp(0, 255) as u32..256) {
            if let Some(width) = number(document, width) {
                self.widths.insert(code, width * scale);
            }
        }
    }

    /// `W` is a list of `first [w w w]` and `first last w` (section 9.7.4.3).
    fn read_composite_widths(&mut self, document: &Document, dict: &Dictionary) {
        let descendant = dict
            .get_deref(b"DescendantFonts", document)
            .and_then(Object::as_array)
            .ok()
            .and_then(|fonts| document.dereference(fonts.first()?).ok())
            .and_then(|(_, font)| font.as_dict().ok());
        let Some(descendant) = descendant else { return };
        if let Some(width) = descendant
            .get(b"DW")
            .ok()
            .and_then(|width| number(document, width))
        {
            self.default_width = width;
        }
        let Ok(list) = descendant
            .get_deref(b"W", document)
            .and_then(Object::as_array)
        else {
            return;
        };
        let mut rest = &list[..];
        while let [first, second, after @ ..] = rest {
            let Some(first) = number(document, first).map(|first| first as u32) else {
                return;
            };
            let second = document.dereference(second).map(|(_, object)| object);
            if let Ok(Object::Array(widths)) = second {
                for (width, code) in widths.iter().zip(first..) {
                    self.insert_width(code, number(document, width));
                }
                rest = after;
                continue;
            }
            let (Some(last), [width, after @ ..]) =
                (second.ok().and_then(|last| number(document, last)), after)
            else {
                return;
            };
            let width = number(document, width);
            for code in (first..=last as u32).take(0x1_0000) {
                if self.widths.len() >= WIDTHS {
                    return;
                }
                self.insert_width(code, width);
            }
            rest = after;
        }
    }

    fn insert_width(&mut self, code: u32, width: Option<f64>) {
        if let Some(width) = width
            && self.widths.len() < WIDTHS
        {
            self.widths.insert(code, width);
        }
    }

    /// The characters of a shown string.
    pub(super) fn glyphs(&self, bytes: &[u8]) -> Vec<Glyph> {
        if let (Codes::Charset(charset), None) = (&self.codes, &self.to_unicode) {
            let (text, _) = charset.decode_without_bom_handling(bytes);
            let glyph = |c: char| Glyph {
                text: c.to_string(),
                shape: None,
                width: if c.is_ascii() { 500.0 } else { 1000.0 },
                is_space: false,
            };
            return text.chars().map(glyph).collect();
        }
        let usual = match self.codes {
            Codes::Bytes(_) => 1,
            _ => 2,
        };
        let mut glyphs = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = match (&self.codes, &self.to_unicode) {
                (Codes::Bytes(_), _) | (_, None) => usual,
                (_, Some(map)) => map.length(rest, usual),
            };
            let (code, after) = rest.split_at(length.min(rest.len()));
            glyphs.push(self.glyph(code));
            rest = after;
        }
        glyphs
    }

    fn glyph(&self, bytes: &[u8]) -> Glyph {
        let code = bytes
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        let mapped = self.to_unicode.as_ref().and_then(|map| {
            // Some writers give the codes of a one-byte font two bytes in its map.
            map.get(bytes.len(), code).or_else(|| map.get(2, code))
        });
        let shape = match &self.codes {
            Codes::Bytes(table) => table.get(code as usize).copied().flatten(),
            _ => None,
        }
        .map(String::from);
        let text = mapped.or_else(|| shape.clone()).unwrap_or_default();
        let text = text.replace(|c: char| c.is_control(), " ");
        Glyph {
            text,
            shape,
            width: self
                .widths
                .get(&code)
                .copied()
                .unwrap_or(self.default_width),
            is_space: bytes == b" ",
        }
    }
}

fn number(document: &Document, object: &Object) -> Option<f64> {
    let (_, object) = document.dereference(object).ok()?;
    let value = f64::from(object.as_float().ok()?);
    value.is_finite().then_some(value)
}

/// The character set of a predefined map for composite fonts (section 9.7.5.2, table 118).
fn charset(name: &[u8]) -> Option<&'static Encoding> {
    let name = std::str::from_utf8(name).ok()?;
    if name.starts_with("Identity") {
        None
    } else if name.contains("UCS2") || name.contains("UTF16") {
        Some(encoding_rs::UTF_16BE)
    } else if name.contains("RKSJ") {
        Some(encoding_rs::SHIFT_JIS)
    } else if name.starts_with("GB") {
        Some(encoding_rs::GB18030)
    } else if name.contains("B5") || name.starts_with("HK") {
        Some(encoding_rs::BIG5)
    } else if name.starts_with("KSC") {
        Some(encoding_rs::EUC_KR)
    } else if name == "EUC-H" || name == "EUC-V" {
        Some(encoding_rs::EUC_JP)
    } else {
        None
    }
}

/// What each byte means in a simple font.
fn byte_codes(document: &Document, dict: &Dictionary) -> [Option<char>; 256] {
    let mut table = [None; 256];
    let encoding = dict.get_deref(b"Encoding", document).ok();
    let details = encoding.and_then(|encoding| encoding.as_dict().ok());
    let base = match (encoding, details) {
        (_, Some(details)) => details.get(b"BaseEncoding").and_then(Object::as_name).ok(),
        (Some(name), None) => name.as_name().ok(),
        (None, None) => None,
    };
    // Design note: without an encoding the font program's own one counts. For TrueType that is
    // mostly Windows, for Type 1 the standard one, which agrees in ASCII but for two quotes.
    let base = base.unwrap_or(b"WinAnsiEncoding");
    for (byte, meaning) in (0..=255).zip(&mut table) {
        *meaning = decode(Object::Name(base.to_vec()), byte);
    }
    let differences = details
        .and_then(|details| details.get_deref(b"Differences", document).ok())
        .and_then(|list| list.as_array().ok());
    let mut code = 0;
    for object in differences.into_iter().flatten().take(1024) {
        match object {
            Object::Integer(start) => code = usize::try_from(*start).unwrap_or(256),
            Object::Name(name) => {
                if let Some(meaning) = table.get_mut(code) {
                    *meaning = glyph_name(name);
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    table
}

/// One byte in an encoding, by the tables of the PDF library.
fn decode(encoding: Object, byte: u8) -> Option<char> {
    let mut font = Dictionary::new();
    font.set("Type", Object::Name(b"Font".to_vec()));
    font.set("Encoding", encoding);
    let empty = Document::new();
    let encoding = font.get_font_encoding_with_limit(&empty, CMAP_BYTES).ok()?;
    let text = encoding.bytes_to_string(&[byte]).ok()?;
    text.chars().next()
}

/// The character of a glyph name: `eacute`, `uni0041`, `u1F600` (Adobe Glyph List, section 2).
fn glyph_name(name: &[u8]) -> Option<char> {
    let stem = name.split(|&byte| byte == b'.').next().unwrap_or(name);
    let text = std::str::from_utf8(stem).ok()?;
    for prefix in ["uni", "u"] {
        if let Some(hex) = text.strip_prefix(prefix)
            && (4..=6).contains(&hex.len())
            && let Ok(code) = u32::from_str_radix(hex, 16)
        {
            return char::from_u32(code);
        }
    }
    let mut details = Dictionary::new();
    let list = vec![Object::Integer(0), Object::Name(stem.to_vec())];
    details.set("Differences", Object::Array(list));
    // An unknown name makes the library fall back to an encoding in which 0 is nothing.
    decode(Object::Dictionary(details), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn font(entries: &[(&str, Object)]) -> Font {
        let mut dict = Dictionary::new();
        for (key, value) in entries {
            dict.set(*key, value.clone());
        }
        Font::read(&Document::new(), &dict)
    }

    fn text(font: &Font, bytes: &[u8]) -> String {
        font.glyphs(bytes).into_iter().map(|g| g.text).collect()
    }

    #[test]
    fn bytes_mean_what_the_encoding_says() {
        for (encoding, bytes, expected) in [
            ("WinAnsiEncoding", &b"caf\xe9 \x80"[..], "café €"),
            ("MacRomanEncoding", b"caf\x8e", "café"),
            ("StandardEncoding", b"it", "it"),
        ] {
            let font = font(&[("Encoding", encoding.into())]);
            assert_eq!(text(&font, bytes), expected, "{encoding}");
        }
    }

    #[test]
    fn differences_name_their_glyphs() {
        let mut details = Dictionary::new();
        let list: Vec<Object> = vec![
            1.into(),
            "B".into(),
            "uni0069".into(),
            "t.alt".into(),
            "nonsense99".into(),
            "Cyrillic".into(),
        ];
        details.set("Differences", Object::Array(list));
        let font = font(&[("Encoding", Object::Dictionary(details))]);
        assert_eq!(text(&font, b"\x01\x02\x03\x04A"), "BitA");
    }

    #[test]
    fn predefined_maps_are_character_sets() {
        let font = font(&[
            ("Subtype", "Type0".into()),
            ("Encoding", "UniJIS-UTF16-H".into()),
        ]);
        assert_eq!(text(&font, b"\x00B\x30\x42"), "Bあ");
    }
}
