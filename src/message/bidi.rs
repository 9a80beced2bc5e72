//! Text turned around by direction overrides, as the reader sees it.

use std::borrow::Cow;

/// Right-to-left override: what follows is shown from right to left.
pub(crate) const OVERRIDE: char = '\u{202e}';
/// The end of the innermost override or embedding.
pub(crate) const POP: char = '\u{202c}';

/// Turns what stands behind U+202E, up to its end or the end of the line, and counts the
/// Latin letters turned: a script that is never written so.
///
/// A simple form of the Unicode Bidirectional Algorithm (UAX #9): overrides within overrides
/// and digits in them are turned with the rest, which is what an override does.
pub(crate) fn as_seen(text: &str) -> (Cow<'_, str>, usize) {
    let mut mark = [0; 4];
    let mark = OVERRIDE.encode_utf8(&mut mark);
    if memchr::memmem::find(text.as_bytes(), mark.as_bytes()).is_none() {
        return (Cow::Borrowed(text), 0);
    }
    let mut out = String::with_capacity(text.len());
    let mut turned = 0;
    let mut run: Vec<char> = Vec::new();
    // Embeddings, overrides and their ends nest; 0 is outside of the first override.
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '\n' => {
                out.extend(run.drain(..).rev());
                out.push('\n');
                // An override ends with its paragraph; one by markup goes on, so it is kept.
            }
            OVERRIDE => depth += 1,
            '\u{202a}' | '\u{202b}' | '\u{202d}' if depth > 0 => depth += 1,
            POP if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    out.extend(run.drain(..).rev());
                }
            }
            c if depth > 0 => {
                turned += usize::from(c.is_ascii_alphabetic());
                run.push(c);
            }
            c => out.push(c),
        }
    }
    out.extend(run.drain(..).rev());
    (Cow::Owned(out), turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_turned() {
        for (text, expected, turned) in [
            ("plain", "plain", 0),
            ("a \u{202e}nioctib\u{202c} b", "a bitcoin b", 7),
            ("a \u{202e}nioctib", "a bitcoin", 7),
            ("\u{202e}owt\neno", "two\none", 6),
            ("\u{202e}a\u{202d}b\u{202c}c\u{202c}d", "cbad", 3),
            ("x\u{202c}y", "x\u{202c}y", 0),
        ] {
            let (seen, count) = as_seen(text);
            assert_eq!((seen.as_ref(), count), (expected, turned), "{text:?}");
        }
    }
}
