//! Rich Text Format, also as Outlook compresses it into TNEF.

use crate::message::charset;

/// The text of an RTF file and the text in it that is hidden.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) visible: String,
    pub(crate) hidden: String,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    /// Is the group a destination that shows no text, such as the font table?
    is_skipped: bool,
    is_hidden: bool,
    /// How many bytes stand in for a character behind `\u` (RTF 1.9.1, "Unicode RTF").
    fallback: usize,
}

/// Deeper groups are taken as part of the deepest.
const MOST_DEPTH: usize = 256;

/// Reads RTF, at most `limit` bytes of text.
pub(crate) fn read(source: &[u8], limit: usize) -> Text {
    let mut out = Text::default();
    let mut group = Group {
        is_skipped: false,
        is_hidden: false,
        fallback: 1,
    };
    let mut stack: Vec<Group> = Vec::new();
    let mut beyond = 0_usize;
    let mut code_page = String::from("windows-1252");
    let mut bytes: Vec<u8> = Vec::new();
    let mut skip = 0_usize;
    let mut may_skip = false;
    let mut rest = source;
    while let Some((&byte, tail)) = rest.split_first() {
        if out.visible.len() + out.hidden.len() > limit {
            break;
        }
        rest = tail;
        let is_markup = matches!(byte, b'{' | b'}') || (byte == b'\\' && !tail.starts_with(b"'"));
        if is_markup {
            out.add(&mut bytes, &code_page, group);
        }
        match byte {
            b'{' => {
                if stack.len() < MOST_DEPTH {
                    stack.push(group);
                } else {
                    beyond += 1;
                }
                skip = 0;
                may_skip = true;
            }
            b'}' => {
                if beyond > 0 {
                    beyond -= 1;
                } else {
                    group = stack.pop().unwrap_or(group);
                }
                skip = 0;
            }
            b'\\' => {
                let word = ControlWord::parse(rest);
                rest = &rest[word.length..];
                if word.name == b"*" {
                    // `\*` marks a destination that a reader may skip; what we do not know has no text.
                    group.is_skipped = true;
                } else if word.name == b"'" {
                    if skip > 0 {
                        skip -= 1;
                    } else if !group.is_skipped {
                        bytes.push(word.value.unwrap_or(0) as u8);
                    }
                    continue;
                } else if word.name == b"u" {
                    if !group.is_skipped {
                        let unit = word.value.unwrap_or(0).rem_euclid(0x1_0000) as u16;
                        out.unit(unit, group);
                    }
                    skip = group.fallback;
                } else if word.name == b"bin" {
                    let length = usize::try_from(word.value.unwrap_or(0)).unwrap_or(0);
                    rest = rest.get(length..).unwrap_or_default();
                } else if let Some(text) = word.text() {
                    if skip > 0 && text.len() == 1 {
                        skip -= 1;
                    } else if !group.is_skipped {
                        out.push(text, group);
                    }
                } else {
                    word.apply(&mut group, &mut code_page, may_skip);
                }
                may_skip = false;
            }
            b'\r' | b'\n' | 0 => {}
            _ if skip > 0 => skip -= 1,
            byte => {
                if !group.is_skipped {
                    bytes.push(byte);
                }
                may_skip = false;
            }
        }
    }
    out.add(&mut bytes, &code_page, group);
    out
}

impl Text {
    fn sink(&mut self, group: Group) -> &mut String {
        if group.is_hidden {
            &mut self.hidden
        } else {
            &mut self.visible
        }
    }

    fn push(&mut self, text: &str, group: Group) {
        self.sink(group).push_str(text);
    }

    fn add(&mut self, bytes: &mut Vec<u8>, code_page: &str, group: Group) {
        if bytes.is_ascii() {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            self.sink(group).push_str(text);
        } else {
            let text = charset::decode(&bytes[..], Some(code_page));
            self.sink(group).push_str(&text);
        }
        bytes.clear();
    }

    /// Adds a UTF-16 unit. Of a surrogate pair, that is an emoji or the like, both halves
    /// become U+FFFD: nothing is judged by them.
    fn unit(&mut self, unit: u16, group: Group) {
        let c = char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}');
        self.sink(group).push(c);
    }
}

struct ControlWord<'a> {
    name: &'a [u8],
    value: Option<i32>,
    length: usize,
}

impl<'a> ControlWord<'a> {
    fn parse(rest: &'a [u8]) -> Self {
        let letters = rest
            .iter()
            .take(32)
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        if letters == 0 {
            let name = &rest[..rest.len().min(1)];
            if name == b"'" {
                let digits = &rest[1..rest.len().min(3)];
                let value = std::str::from_utf8(digits)
                    .ok()
                    .and_then(|digits| i32::from_str_radix(digits, 16).ok());
                return Self {
                    name,
                    value,
                    length: 1 + digits.len(),
                };
            }
            return Self {
                name,
                value: None,
                length: name.len(),
            };
        }
        let digits = rest[letters..]
            .iter()
            .take(11)
            .enumerate()
            .take_while(|(at, b)| b.is_ascii_digit() || (*at == 0 && **b == b'-'))
            .count();
        let value = std::str::from_utf8(&rest[letters..letters + digits])
            .ok()
            .and_then(|digits| digits.parse().ok());
        let mut length = letters + digits;
        length += usize::from(rest.get(length) == Some(&b' '));
        Self {
            name: &rest[..letters],
            value,
            length,
        }
    }

    /// The text that it stands for.
    fn text(&self) -> Option<&'static str> {
        Some(match self.name {
            b"par" | b"line" | b"row" | b"sect" | b"page" | b"\n" | b"\r" => "\n",
            b"tab" | b"cell" | b"emspace" | b"enspace" => " ",
            b"~" => "\u{a0}",
            b"_" => "-",
            b"lquote" => "\u{2018}",
            b"rquote" => "\u{2019}",
            b"ldblquote" => "\u{201c}",
            b"rdblquote" => "\u{201d}",
            b"endash" => "\u{2013}",
            b"emdash" => "\u{2014}",
            b"bullet" => "\u{2022}",
            b"{" => "{",
            b"}" => "}",
            b"\\" => "\\",
            _ => return None,
        })
    }

    fn apply(&self, group: &mut Group, code_page: &mut String, is_first: bool) {
        match self.name {
            b"ansicpg" => {
                if let Some(page) = self.value {
                    *code_page = match page {
                        932 => "shift_jis".to_owned(),
                        936 => "gbk".to_owned(),
                        949 => "euc-kr".to_owned(),
                        950 => "big5".to_owned(),
                        65001 => "utf-8".to_owned(),
                        page => format!("windows-{page}"),
                    };
                }
            }
            b"uc" => group.fallback = usize::try_from(self.value.unwrap_or(1)).unwrap_or(1).min(8),
            b"v" => group.is_hidden = self.value != Some(0),
            // Half points: 2 px are 3 of them.
            b"fs" => group.is_hidden = self.value.is_some_and(|size| size <= 3),
            b"plain" => group.is_hidden = false,
            // RTF made from HTML repeats its layout between these (MS-OXRTFEX, section 2.1.3.1).
            b"htmlrtf" => group.is_skipped = self.value != Some(0),
            b"fonttbl" | b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"object"
            | b"themedata" | b"listtable" | b"header" | b"footer" | b"generator"
                if is_first =>
            {
                group.is_skipped = true;
            }
            _ => {}
        }
    }
}

/// Unpacks RTF as Outlook stores it (MS-OXRTFCP); `None` where it is none.
pub(crate) fn decompress(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let size = u32::from_le_bytes(*packed.get(4..8)?.first_chunk()?);
    let kind = packed.get(8..12)?;
    let body = packed.get(16..)?;
    let size = usize::try_from(size).ok()?.min(limit);
    match kind {
        b"MELA" => return Some(body[..body.len().min(size)].to_vec()),
        b"LZFu" => {}
        _ => return None,
    }
    let mut window = [b' '; 4096];
    window[..PRELOADED.len()].copy_from_slice(PRELOADED);
    let mut at = PRELOADED.len();
    let mut out = Vec::with_capacity(size.min(packed.len() * 8));
    let mut bytes = body.iter().copied();
    'all: while let Some(flags) = bytes.next() {
        for bit in 0..8 {
            if out.len() >= size {
                break 'all;
            }
            let Some(first) = bytes.next() else {
                break 'all;
            };
            if flags >> bit & 1 == 0 {
                out.push(first);
                window[at] = first;
                at = (at + 1) % 4096;
                continue;
            }
            let Some(second) = bytes.next() else {
                break 'all;
            };
            let reference = u16::from_be_bytes([first, second]);
            let (offset, length) = (usize::from(reference >> 4), usize::from(reference & 15) + 2);
            if offset == at {
                break 'all;
            }
            for step in 0..length {
                let byte = window[(offset + step) % 4096];
                out.push(byte);
                window[at] = byte;
                at = (at + 1) % 4096;
            }
        }
    }
    out.truncate(size);
    Some(out)
}

/// What the window of the packer holds before the first byte (MS-OXRTFCP, section 2.1.2.1).
const PRELOADED: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_rtf() {
        for (source, visible, hidden) in [
            (r"{\rtf1 one \b two\b0\par three}", "one two\nthree", ""),
            (
                r"{\rtf1{\fonttbl{\f0 Arial;}}{\*\generator x;}text}",
                "text",
                "",
            ),
            (
                r"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}",
                "Привет",
                "",
            ),
            (r"{\rtf1\uc1 \u1055?\u1088?x}", "Прx", ""),
            (r"{\rtf1 see{\v hid}n}", "seen", "hid"),
            (r"{\rtf1 see{\fs2 hid}n}", "seen", "hid"),
            (r"{\rtf1 a\{b\}\\c}", "a{b}\\c", ""),
            (
                r"{\rtf1{\*\htmltag64 <p>}\htmlrtf \par \htmlrtf0 body}",
                "body",
                "",
            ),
            (r"{\rtf1 open {\b end", "open end", ""),
            (r"{\rtf1\bin5 {}}{}x}", "x", ""),
            ("", "", ""),
        ] {
            let text = read(source.as_bytes(), 1000);
            assert_eq!(
                (text.visible.as_str(), text.hidden.as_str()),
                (visible, hidden),
                "{source}"
            );
        }
    }

    #[test]
    fn packed_rtf_is_unpacked() {
        // The example of MS-OXRTFCP, section 3.1.1.
        let packed = [
            0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5,
            0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42,
            0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0,
            0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let rtf = decompress(&packed, 1000).unwrap();
        assert_eq!(rtf, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(read(&rtf, 1000).visible, "hello world");
        assert_eq!(decompress(b"short", 1000), None);
    }
}
