//! Who speaks in a text: its sender, somebody quoted, or somebody passed on.

use std::borrow::Cow;

/// The texts of one piece, by who speaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Voices<'t> {
    /// What the sender wrote, without the lines that introduce a quotation.
    pub own: Cow<'t, str>,
    /// Lines that are quoted with `>`, without the marks.
    pub quoted: String,
    /// Everything behind the line or header block that begins a forwarded message.
    pub forwarded: String,
}

/// How many header-like lines in a row begin a forwarded message.
const HEADER_BLOCK: usize = 3;

/// Tells apart who speaks in a text.
pub(crate) fn split(text: &str) -> Voices<'_> {
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    let forward = (0..lines.len()).find(|&index| begins_forward(&lines[index..]));
    let has_quote = lines.iter().any(|line| is_quoted(line));
    if forward.is_none() && !has_quote {
        return Voices {
            own: Cow::Borrowed(text),
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
    Voices {
        own: Cow::Owned(own),
        quoted,
        forwarded,
    }
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
    let dashes = line.chars().count() - inner.chars().count();
    let bare = inner.trim_end_matches(['-', '_', '=', ' ', ':']);
    let is_dashed = dashes >= 4 && !bare.is_empty() && inner.len() > bare.len() + 1;
    // Apple Mail and others draw no dashes.
    is_dashed || (line.ends_with(':') && line.to_lowercase().starts_with("begin forwarded message"))
}

/// `Name: value`, with a short name of letters.
fn is_header_like(line: &str) -> bool {
    let line = unquote(line).trim_matches(['*', ' ']);
    let Some((name, value)) = line.split_once([':', '：']) else {
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
