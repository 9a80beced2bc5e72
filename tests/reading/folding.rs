//! Disguises of words, which the normaliser takes off.

use crate::fixture::{Fixture, Want};
use crate::mail::{html, plain};
use crate::words::{between, each, english, sentence};

/// Twenty-eight mails for each way to write: the sentences as plain text and in a page.
fn written(texts: fn(usize) -> &'static str, ways: &[&dyn Fn(&str) -> String]) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..14 {
        let text = texts(number);
        let disguised = ways[number % ways.len()](text);
        let wants = || vec![Want::Folded(text.to_owned())];
        fixtures.push(Fixture::new(
            format!("{number} plain"),
            plain(&format!("{disguised}.\n")),
            wants(),
        ));
        // Several spaces are one in HTML.
        let page = disguised
            .replace('&', "&amp;")
            .replace("  ", "&nbsp; &nbsp;");
        let page = format!("<p>{page}.</p>");
        fixtures.push(Fixture::new(format!("{number} html"), html(&page), wants()));
    }
    fixtures
}

/// Replaces letters by a table of pairs.
fn replaced(text: &str, pairs: &str) -> String {
    let pairs: Vec<char> = pairs.chars().filter(|c| *c != ' ').collect();
    each(text, |_, c| {
        let found = pairs.chunks(2).find(|pair| pair[0] == c);
        found.map_or(c, |pair| pair[1]).to_string()
    })
}

pub(crate) fn case() -> Vec<Fixture> {
    written(
        sentence,
        &[
            &|text| text.to_uppercase(),
            &|text| text.to_lowercase(),
            &|text| {
                each(text, |at, c| {
                    if at.is_multiple_of(2) {
                        c.to_uppercase().to_string()
                    } else {
                        c.to_lowercase().to_string()
                    }
                })
            },
        ],
    )
}

/// Moves ASCII letters to a block of styled ones.
fn styled(text: &str, upper: u32, lower: u32) -> String {
    each(text, |_, c| {
        let code = match c {
            'A'..='Z' => u32::from(c) - 65 + upper,
            'a'..='z' => u32::from(c) - 97 + lower,
            c => u32::from(c),
        };
        char::from_u32(code).unwrap_or(c).to_string()
    })
}

pub(crate) fn compatibility() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| styled(text, 0xff21, 0xff41),
            &|text| styled(text, 0x1d400, 0x1d41a),
            &|text| styled(text, 0x1d468, 0x1d482),
            &|text| styled(text, 0x1d5d4, 0x1d5ee),
            &|text| styled(text, 0x1d670, 0x1d68a),
            &|text| styled(text, 0x24b6, 0x24d0),
            &|text| styled(text, 0x1d63c, 0x1d656),
        ],
    )
}

pub(crate) fn confusables() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| replaced(text, "aа eе oо"),
            &|text| replaced(text, "cс pр xх yу"),
            &|text| replaced(text, "oο iі"),
            &|text| replaced(text, "eе iі sѕ"),
            &|text| replaced(text, "aа eе oо cс pр"),
            &|text| replaced(text, "oο vν"),
            &|text| {
                each(text, |at, c| {
                    if at % 3 == 0 {
                        replaced(&c.to_string(), "aа eе oо cс pр iі sѕ")
                    } else {
                        c.to_string()
                    }
                })
            },
        ],
    )
}

pub(crate) fn diacritics() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| replaced(text, "aá eé ií oó uú"),
            &|text| replaced(text, "aä eë iï oö uü"),
            &|text| replaced(text, "aā eē iī oō uū"),
            &|text| replaced(text, "cč sš rř nň yý"),
            &|text| replaced(text, "aạ eẹ iị oọ uụ"),
            &|text| replaced(text, "aå oø cç nñ"),
            &|text| replaced(text, "tţ sş rŕ lĺ"),
        ],
    )
}

pub(crate) fn combining() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| between(text, "\u{301}"),
            &|text| between(text, "\u{308}"),
            &|text| between(text, "\u{336}"),
            &|text| between(text, "\u{20e3}"),
            &|text| between(text, "\u{323}\u{302}"),
            &|text| between(text, "\u{334}\u{335}\u{338}\u{300}\u{316}"),
            &|text| between(text, "\u{fe0e}"),
        ],
    )
}

pub(crate) fn zero_width() -> Vec<Fixture> {
    written(
        sentence,
        &[
            &|text| between(text, "\u{200b}"),
            &|text| between(text, "\u{200c}"),
            &|text| between(text, "\u{2060}"),
            &|text| between(text, "\u{feff}"),
            &|text| between(text, "\u{180e}"),
            &|text| between(text, "\u{200b}\u{200d}\u{2063}"),
            &|text| between(text, "\u{200d}"),
        ],
    )
}

pub(crate) fn bidi_controls() -> Vec<Fixture> {
    written(
        sentence,
        &[
            &|text| between(text, "\u{200e}"),
            &|text| between(text, "\u{202a}\u{202c}"),
            &|text| between(text, "\u{2066}\u{2069}"),
            &|text| between(text, "\u{202d}\u{202c}"),
            &|text| format!("\u{202a}{text}\u{202c}"),
            &|text| between(text, "\u{2068}\u{2069}"),
        ],
    )
}

pub(crate) fn soft_hyphens() -> Vec<Fixture> {
    written(
        sentence,
        &[
            &|text| between(text, "\u{ad}"),
            &|text| between(text, "\u{ad}\u{ad}"),
            &|text| {
                text.replace('e', "e\u{ad}")
                    .replace('а', "а\u{ad}")
                    .replace('い', "い\u{ad}")
            },
        ],
    )
}

/// Some words of a text, letter by letter.
fn apart(text: &str, with: &str) -> String {
    let words = text.split(' ').map(|word| match word.chars().count() {
        0..=4 => word.to_owned(),
        _ => between(word, with),
    });
    words.collect::<Vec<_>>().join("  ")
}

pub(crate) fn spaced() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| apart(text, " "),
            &|text| apart(text, "\u{a0}"),
            &|text| apart(text, "\u{2009}"),
            &|text| apart(text, " ").replace("  ", "   "),
            &|text| apart(text, "\u{202f}"),
        ],
    )
}

pub(crate) fn dotted() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| apart(text, "."),
            &|text| apart(text, "-"),
            &|text| apart(text, "*"),
            &|text| apart(text, "_"),
            &|text| apart(text, "·"),
            &|text| apart(text, "|"),
            &|text| apart(text, "•"),
        ],
    )
}

/// Words of five and more letters with digits and signs in them.
fn leet_words(text: &str, pairs: &str) -> String {
    let words = text.split(' ').map(|word| match word.len() {
        0..=4 => word.to_owned(),
        _ => {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", replaced(rest, pairs))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn leet() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| leet_words(text, "o0"),
            &|text| leet_words(text, "e3"),
            &|text| leet_words(text, "a4"),
            &|text| leet_words(text, "i1"),
            &|text| leet_words(text, "o0 e3"),
            &|text| leet_words(text, "a@"),
            &|text| leet_words(text, "s5 o0"),
        ],
    )
}

pub(crate) fn references() -> Vec<Fixture> {
    let decimal = |c: char| format!("&#{};", u32::from(c));
    let hex = |c: char| format!("&#x{:X};", u32::from(c));
    written(
        sentence,
        &[
            &|text| {
                each(
                    text,
                    |_, c| if c == ' ' { " ".to_owned() } else { decimal(c) },
                )
            },
            &|text| each(text, |_, c| hex(c)),
            &|text| {
                each(text, |at, c| {
                    if at.is_multiple_of(2) {
                        decimal(c)
                    } else {
                        c.to_string()
                    }
                })
            },
            &|text| {
                each(
                    text,
                    |at, c| if at % 3 == 0 { hex(c) } else { c.to_string() },
                )
            },
            &|text| text.replace(' ', "&nbsp;"),
        ],
    )
}

pub(crate) fn foreign_letters() -> Vec<Fixture> {
    written(
        english,
        &[
            &|text| noise(text, "あ"),
            &|text| noise(text, "的"),
            &|text| noise(text, "ه"),
            &|text| noise(text, "ก"),
            &|text| noise(text, "ა"),
        ],
    )
}

/// A foreign letter between all letters of the longer words.
fn noise(text: &str, letter: &str) -> String {
    let words = text.split(' ').map(|word| match word.chars().count() {
        0..=3 => word.to_owned(),
        _ => between(word, letter),
    });
    words.collect::<Vec<_>>().join(" ")
}
