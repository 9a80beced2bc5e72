//! Who speaks in a text: its sender, somebody quoted, or somebody passed on.

use memchr::{memchr2, memchr3, memchr3_iter};
use std::borrow::Cow;
use std::ops::Range;

/// The texts of one piece, by who speaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Voices<'t> {
    /// What the sender wrote, without the lines that introduce a quotation.
    pub own: Cow<'t, str>,
    /// Passages in quotation marks, taken out of what the sender wrote.
    pub cited: String,
    /// Lines that are quoted with `>`, without the marks.
    pub quoted: String,
    /// Everything behind the line or header block that begins a forwarded message.
    pub forwarded: String,
}

/// How many header-like lines in a row begin a forwarded message.
const HEADER_BLOCK: usize = 3;

/// Quotation marks: the opening one and those that close it.
const MARKS: [(char, &[char]); 9] = [
    ('"', &['"']),
    ('\'', &['\'', '\u{2019}']),
    ('\u{2018}', &['\u{2019}', '\'']),
    ('\u{201c}', &['\u{201d}', '"']),
    ('\u{201e}', &['\u{201c}', '\u{201d}', '"']),
    ('\u{ab}', &['\u{bb}']),
    ('\u{bb}', &['\u{ab}']),
    ('\u{300c}', &['\u{300d}']),
    ('\u{300e}', &['\u{300f}']),
];
/// The byte with which `：` begins.
const WIDE_COLON: u8 = 0xef;
/// The bytes with which quotation marks begin: those of one byte, and those of several.
const PLAIN: [u8; 2] = [b'"', b'\''];
const WIDE: [u8; 3] = [0xc2, 0xe2, 0xe3];
/// A shorter passage in quotation marks is a name or a single word, in characters.
const SHORT_PASSAGE: usize = 10;
/// A longer one is a mark that was never closed, in bytes.
const LONG_PASSAGE: usize = 4_000;

/// Tells apart who speaks in a text.
pub(crate) fn split(text: &str) -> Voices<'_> {
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    let forward = (0..lines.len()).find(|&index| begins_forward(&lines[index..]));
    let has_quote = lines.iter().any(|line| is_quoted(line));
    if forward.is_none() && !has_quote {
        let (own, cited) = cite(Cow::Borrowed(text));
        return Voices {
            own,
            cited,
            quoted: String::new(),
            forwarded: String::new(),
        };
    }
    let mut own = String::new();
    let mut quoted = String::new();
    let end = forward.unwrap_or(lines.len());
    for (index, line) in lines[..end].iter().enumerate() {
        if is_quoted(line) {
            push(&mut quoted, unquote(line));
        } else if !introduces(line, lines[index + 1..].iter().copied()) {
            push(&mut own, line);
        }
    }
    let mut forwarded = String::new();
    for line in lines[end..]
        .iter()
        .skip_while(|line| is_mark(line) || is_header_like(line))
    {
        push(&mut forwarded, unquote(line));
    }
    let (own, cited) = cite(Cow::Owned(own));
    Voices {
        own,
        cited,
        quoted,
        forwarded,
    }
}

/// Takes passages in quotation marks out of a text.
fn cite(text: Cow<'_, str>) -> (Cow<'_, str>, String) {
    let whole = &text[..];
    let mut openings = Openings::new(whole);
    let mut closings = Closings::default();
    let mut cited = String::new();
    let mut own = String::new();
    // So much of the text is in `own`.
    let mut copied = 0;
    let mut at = 0;
    while let Some((open, mark)) = openings.after(at) {
        let first = open + MARKS[mark].0.len_utf8();
        let limit = floor_char(whole, open + LONG_PASSAGE);
        at = first;
        let Some(end) = closings.after(whole, mark, first, limit) else {
            continue;
        };
        let passage = &whole[first..end.start];
        if passage.chars().nth(SHORT_PASSAGE).is_some() {
            own.push_str(&whole[copied..open]);
            own.push_str(" … ");
            push(&mut cited, passage);
            at = end.end;
            copied = at;
        }
    }
    if cited.is_empty() {
        return (text, cited);
    }
    own.push_str(&whole[copied..]);
    (Cow::Owned(own), cited)
}

/// The opening marks ahead. Most bytes begin none: they are looked for by what they begin with.
struct Openings<'t> {
    text: &'t str,
    /// Where the next byte of [`PLAIN`] stands, and of [`WIDE`]; behind the text where there is none.
    plain: usize,
    wide: usize,
}

impl<'t> Openings<'t> {
    fn new(text: &'t str) -> Self {
        let mut openings = Self {
            text,
            plain: 0,
            wide: if text.is_ascii() { text.len() } else { 0 },
        };
        openings.look(0);
        openings
    }

    /// Goes on from `at`; what lies ahead already is not looked for again.
    fn look(&mut self, at: usize) {
        let bytes = self.text.as_bytes();
        let rest = || &bytes[at..];
        if self.plain <= at {
            let found = memchr2(PLAIN[0], PLAIN[1], rest());
            self.plain = found.map_or(bytes.len(), |found| at + found);
        }
        if self.wide <= at {
            let found = memchr3(WIDE[0], WIDE[1], WIDE[2], rest());
            self.wide = found.map_or(bytes.len(), |found| at + found);
        }
    }

    /// Where the first mark from `at` on stands, and which of [`MARKS`] it is. Must be asked from front to back.
    fn after(&mut self, mut at: usize) -> Option<(usize, usize)> {
        loop {
            self.look(at);
            at = self.plain.min(self.wide);
            let letter = self.text[at..].chars().next()?;
            if let Some(mark) = MARKS.iter().position(|(mark, _)| *mark == letter) {
                return Some((at, mark));
            }
            at += letter.len_utf8();
        }
    }
}

/// The closing marks ahead: each is looked for once, however many marks are never closed.
#[derive(Debug, Default)]
struct Closings {
    ahead: [Ahead; MARKS.len()],
}

/// What is known of the text ahead: nothing closes before `clear`, then `next` does, where it was found.
#[derive(Clone, Debug, Default)]
struct Ahead {
    clear: usize,
    next: Option<Range<usize>>,
}

impl Closings {
    /// The first mark that closes this opening one and stands whole in `from..limit`.
    ///
    /// Must be asked from front to back.
    fn after(
        &mut self,
        text: &str,
        mark: usize,
        from: usize,
        limit: usize,
    ) -> Option<Range<usize>> {
        let ahead = &mut self.ahead[mark];
        if ahead.next.as_ref().is_none_or(|next| next.start < from) {
            let start = ahead.clear.max(from);
            ahead.next = closing(text, mark, start, limit);
            ahead.clear = match &ahead.next {
                Some(next) => next.end,
                None => start.max(limit),
            };
        }
        ahead.next.clone().filter(|next| next.end <= limit)
    }
}

/// The first mark in `from..limit` that closes one of these.
fn closing(text: &str, mark: usize, from: usize, limit: usize) -> Option<Range<usize>> {
    let passage = text.get(from..limit)?.as_bytes();
    let ends = MARKS[mark].1;
    // The bytes they begin with: no more than three.
    let [first, second, third] = std::array::from_fn(|index| {
        let end = ends.get(index).unwrap_or(&ends[0]);
        end.encode_utf8(&mut [0; 4]).as_bytes()[0]
    });
    memchr3_iter(first, second, third, passage).find_map(|at| {
        let letter = text[from + at..limit].chars().next()?;
        let after = from + at + letter.len_utf8();
        // An apostrophe is no mark: a letter follows it.
        let is_apostrophe =
            matches!(letter, '\'' | '\u{2019}') && text[after..].starts_with(char::is_alphanumeric);
        (ends.contains(&letter) && !is_apostrophe).then_some(from + at..after)
    })
}

fn floor_char(text: &str, limit: usize) -> usize {
    let mut at = limit.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn unquote(line: &str) -> &str {
    line.trim_start_matches(['>', ' '])
}

/// Is it the line "… wrote:" directly before a quotation?
fn introduces<'l>(line: &str, mut next: impl Iterator<Item = &'l str>) -> bool {
    let line = line.trim_end();
    (line.ends_with(':') || line.ends_with('：'))
        && next
            .find(|line| !line.trim().is_empty())
            .is_some_and(is_quoted)
}

/// `-----Original Message-----` in any language.
fn is_mark(line: &str) -> bool {
    let line = line.trim();
    let inner = line.trim_start_matches(['-', '_', '=', '>', ' ']);
    let dashes = line.len() - inner.len();
    let bare = inner.trim_end_matches(['-', '_', '=', ' ', ':']);
    let is_dashed = dashes >= 4 && !bare.is_empty() && inner.len() > bare.len() + 1;
    // Apple Mail and others draw no dashes.
    is_dashed || (line.ends_with(':') && line.to_lowercase().starts_with("begin forwarded message"))
}

/// `Name: value`, with a short name of letters.
fn is_header_like(line: &str) -> bool {
    let line = unquote(line).trim_matches(['*', ' ']);
    // Most lines have neither colon: that costs no look at each letter.
    let has_colon = memchr2(b':', WIDE_COLON, line.as_bytes()).is_some();
    let colon = || line.split_once([':', '：']);
    let Some((name, value)) = has_colon.then(colon).flatten() else {
        return line.is_empty();
    };
    let name = name.trim_matches(['*', ' ']);
    !value.trim().is_empty()
        && (1..=24).contains(&name.chars().count())
        && name
            .chars()
            .all(|letter| letter.is_alphabetic() || matches!(letter, ' ' | '-' | '*'))
}

fn begins_forward(lines: &[&str]) -> bool {
    let block = || {
        let block: Vec<&str> = lines
            .iter()
            .skip(usize::from(is_mark(lines[0])))
            .copied()
            .skip_while(|line| line.trim().is_empty())
            .take_while(|line| !line.trim().is_empty() && is_header_like(line))
            .take(6)
            .collect();
        (block.len(), block.iter().any(|line| line.contains('@')))
    };
    if is_mark(lines[0]) {
        return block().0 >= 2 || lines[0].trim_start().starts_with("--");
    }
    // Without a mark only a whole block of header lines with an address says it.
    is_header_like(lines[0])
        && !lines[0].trim().is_empty()
        && matches!(block(), (length, true) if length >= HEADER_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_looked_for() {
        for (mark, _) in MARKS {
            let first = mark.encode_utf8(&mut [0; 4]).as_bytes()[0];
            assert!(PLAIN.contains(&first) || WIDE.contains(&first), "{mark}");
            let text = format!("é {mark} \u{2013} {mark}");
            let mut openings = Openings::new(&text);
            let (at, _) = openings.after(0).expect("there are two");
            assert_eq!(at, 3, "{mark}");
            let second = openings.after(at + mark.len_utf8());
            assert_eq!(second.map(|it| it.0), text.rfind(mark), "{mark}");
            assert_eq!(openings.after(text.len()), None, "{mark}");
        }
    }

    #[test]
    fn quotations_are_taken_apart() {
        let text = "Is this real?\n\nOn Monday Mr X wrote:\n> I filmed you.\n>> Pay.\nThanks\n";
        let voices = split(text);
        assert_eq!(voices.own.trim(), "Is this real?\n\nThanks");
        assert_eq!(voices.quoted, "I filmed you.\nPay.\n");
        assert_eq!(voices.forwarded, "");
    }

    #[test]
    fn a_forwarded_message_begins_at_its_mark_or_header() {
        let rows = [
            "Look\n-----Original Message-----\nFrom: X <x@example.net>\nSubject: hi\n\nI filmed you.\n",
            "Look\n-----Ursprüngliche Nachricht-----\nVon: X\nBetreff: hi\n\nI filmed you.\n",
            "Look\n---------- Forwarded message ---------\nVon: X <x@example.net>\n\nI filmed you.\n",
            "Look\nVon: X <x@example.net>\nGesendet: Montag\nAn: Y\nBetreff: hi\n\nI filmed you.\n",
            "Look\nBegin forwarded message:\n\n> From: X <x@example.net>\n> Subject: hi\n>\n> I filmed you.\n",
        ];
        for text in rows {
            let voices = split(text);
            assert_eq!(voices.own.trim(), "Look", "{text}");
            assert_eq!(voices.forwarded.trim(), "I filmed you.", "{text}");
        }
    }

    #[test]
    fn passages_in_quotation_marks_are_cited() {
        let rows = [
            (
                "They write \"I have filmed you\" and more.",
                "They write  …  and more.",
                "I have filmed you\n",
            ),
            (
                "Sie schreiben: „Ich habe dich gefilmt“.",
                "Sie schreiben:  … .",
                "Ich habe dich gefilmt\n",
            ),
            (
                "メールには「あなたを録画しました。支払え」とある",
                "メールには … とある",
                "あなたを録画しました。支払え\n",
            ),
            ("the \"cloud\" is down", "the \"cloud\" is down", ""),
            ("an open \" mark", "an open \" mark", ""),
        ];
        for (text, own, cited) in rows {
            let voices = split(text);
            assert_eq!(
                (voices.own.as_ref(), voices.cited.as_str()),
                (own, cited),
                "{text}"
            );
        }
    }

    #[test]
    fn ordinary_text_is_its_senders() {
        let rows = [
            "Dear all,\n\nthe list:\n- one\n- two\n\n-- \nAnna\n",
            "Amount: 1200 USD\nAddress: 1abc\nPay now",
            "----\nheading\n----\ntext",
            "",
        ];
        for text in rows {
            assert_eq!(split(text).own, text);
        }
    }
}
