//! Broken MIME, in which two mail programs read two things.

use crate::fixture::{Fixture, Want};
use crate::mail::{TOP, b64, b64_lines};
use crate::parts::long_base64;
use crate::words::{english, harmless, sentence};

fn fixture(name: impl Into<String>, raw: String, text: &str, fact: &'static str) -> Fixture {
    let wants = vec![Want::Seen(text.to_owned()), Want::Fact(fact)];
    Fixture::new(name, raw, wants)
}

/// A part with the text in one of several dresses.
fn part(number: usize, text: &str) -> String {
    match number % 4 {
        0 => format!("Content-Type: text/plain; charset=utf-8\n\n{text}\n"),
        1 => format!("Content-Type: text/html; charset=utf-8\n\n<p>{text}</p>\n"),
        2 => format!(
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}",
            b64_lines(text)
        ),
        _ => format!(
            "Content-Type: text/plain; charset=utf-8; name=a.txt\nContent-Disposition: attachment\n\n{text}\n"
        ),
    }
}

pub(crate) fn no_end() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = sentence(number);
        let (before, inner) = (part(0, harmless(number)), part(number, text));
        let raw = match number % 3 {
            0 => format!("{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\n{inner}"),
            1 => format!(
                "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\n{before}--b\n{inner}"
            ),
            _ => format!(
                "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n{before}--c\n{inner}\n--b--\n"
            ),
        };
        fixtures.push(fixture(number.to_string(), raw, text, "structure.no-end"));
    }
    fixtures
}

pub(crate) fn two_boundaries() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = sentence(number);
        let (decoy, inner) = (part(0, harmless(number)), part(number, text));
        let (first, second) = if number.is_multiple_of(2) {
            ("one", "two")
        } else {
            ("two", "one")
        };
        let parameters = match number % 3 {
            0 => format!("boundary={first}; boundary={second}"),
            1 => format!("boundary=\"{first}\";\n\tBOUNDARY=\"{second}\""),
            _ => format!("boundary={first}; charset=x; boundary*={second}"),
        };
        let parameters = if number % 3 == 2 {
            parameters.replace("boundary*=", "boundary=")
        } else {
            parameters
        };
        let raw = format!(
            "{TOP}Content-Type: multipart/mixed; {parameters}\n\n--one\n{decoy}--one--\n--two\n{inner}--two--\n"
        );
        fixtures.push(fixture(
            number.to_string(),
            raw,
            text,
            "structure.boundary-twice",
        ));
    }
    fixtures
}

pub(crate) fn duplicate_fields() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..4 {
        let text = sentence(number);
        let encoded = b64_lines(text);
        let inner = part(0, text);
        for (name, raw) in [
            (
                "html first",
                format!(
                    "Content-Type: text/html; charset=utf-8\nContent-Type: text/plain; charset=utf-8\n\n<p>{text}</p>\n"
                ),
            ),
            (
                "html last",
                format!(
                    "Content-Type: text/plain; charset=utf-8\nContent-Type: text/html; charset=utf-8\n\n<p>{text}</p>\n"
                ),
            ),
            (
                "base64 first",
                format!(
                    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit\n\n{encoded}"
                ),
            ),
            (
                "base64 last",
                format!(
                    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n{encoded}"
                ),
            ),
            (
                "multipart first",
                format!(
                    "Content-Type: multipart/mixed; boundary=b\nContent-Type: text/plain\n\n--b\n{inner}--b--\n"
                ),
            ),
            (
                "multipart last",
                format!(
                    "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{inner}--b--\n"
                ),
            ),
            (
                "picture first",
                format!(
                    "Content-Type: image/png\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
                ),
            ),
        ] {
            fixtures.push(fixture(
                format!("{name} {number}"),
                format!("{TOP}{raw}"),
                text,
                "structure.header-twice",
            ));
        }
    }
    fixtures
}

/// A name, and how base64 is spoilt.
type Way<'a> = (&'a str, &'a dyn Fn(&str) -> String);

pub(crate) fn base64_junk() -> Vec<Fixture> {
    let ways: [Way<'_>; 12] = [
        ("exclamation marks", &|code| code.replace('0', "!0")),
        ("stars", &|code| every(code, 5, "*")),
        ("dots", &|code| every(code, 7, ".")),
        ("spaces and stars", &|code| every(code, 3, " * ")),
        ("angle brackets", &|code| every(code, 9, "<>")),
        ("commas", &|code| every(code, 1, ",")),
        ("high bytes", &|code| every(code, 6, "é")),
        ("NUL", &|code| every(code, 8, "\0")),
        ("no padding, junk at the end", &|code| {
            format!("{}!!", code.trim_end().trim_end_matches('='))
        }),
        ("junk lines", &|code| code.replace('\n', "\n#\n") + "~\n"),
        ("backquotes", &|code| every(code, 11, "`")),
        ("tildes at the front", &|code| format!("~~{code}")),
    ];
    let fixtures = ways.iter().enumerate().map(|(number, (name, spoil))| {
        let text = sentence(number);
        let code = spoil(&long_base64(&format!("{text}.\n{}.\n", harmless(number))));
        let raw = format!("{TOP}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{code}");
        fixture(*name, raw, text, "structure.base64-junk")
    });
    fixtures.collect()
}

/// Puts junk behind every so many characters.
fn every(code: &str, count: usize, junk: &str) -> String {
    let mut out = String::new();
    for (at, c) in code.chars().enumerate() {
        out.push(c);
        if at % count == count - 1 && c != '\n' {
            out.push_str(junk);
        }
    }
    out
}

pub(crate) fn bare_line_ends() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..4 {
        let text = sentence(number);
        let inner = part(number, text);
        for (name, raw) in [
            ("CR for all", format!("{TOP}{inner}").replace('\n', "\r")),
            (
                "CR in the header",
                format!("{}{inner}", TOP.replace('\n', "\r"))
                    .replace('\n', "\r\n")
                    .replacen("\r\n\r\n", "\r\r", 1),
            ),
            (
                "CR between parts",
                format!(
                    "{TOP}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r{}\r--b--\r\n",
                    inner.replace('\n', "\r")
                ),
            ),
            (
                "both kinds in the body",
                format!("{TOP}Content-Type: text/plain; charset=utf-8\r\n\r\none\ntwo\r\n{text}\n")
                    .replacen(TOP, &TOP.replace('\n', "\r\n"), 1),
            ),
        ] {
            fixtures.push(fixture(
                format!("{name} {number}"),
                raw,
                text,
                "structure.bare-newline",
            ));
        }
    }
    fixtures
}

pub(crate) fn no_blank_line() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = format!("{} {}", english(number), harmless(number));
        let raw = match number % 4 {
            0 => format!("{TOP}{text}\nmore of it\n"),
            1 => format!("{TOP}{text}\n\nmore of it\n"),
            2 => format!(
                "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n{text}\n--b--\n"
            ),
            _ => format!("{TOP}Content-Type: text/plain\n{text}\nX-More: field\n\nmore\n"),
        };
        fixtures.push(fixture(
            number.to_string(),
            raw,
            &text,
            "structure.no-blank-line",
        ));
    }
    fixtures
}

pub(crate) fn deep_multiparts() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = sentence(number);
        let depth = 200 + number;
        let mut raw = TOP.to_owned();
        for level in 0..depth {
            let kind = ["mixed", "alternative", "related"][(level + number) % 3];
            raw +=
                &format!("Content-Type: multipart/{kind}; boundary=\"b{level}x\"\n\n--b{level}x\n");
        }
        raw += &part(number, text);
        if number.is_multiple_of(2) {
            for level in (0..depth).rev() {
                raw += &format!("--b{level}x--\n");
            }
        }
        fixtures.push(fixture(depth.to_string(), raw, text, "structure.deep"));
    }
    fixtures
}

pub(crate) fn outside_and_after() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = english(number);
        let long = format!("{text}. ").repeat(8);
        let decoy = part(0, harmless(number));
        let (raw, fact) = match number % 4 {
            0 => (
                format!(
                    "{TOP}Content-Type: multipart/mixed; boundary=b\n\n{long}\n--b\n{decoy}--b--\n"
                ),
                "structure.outside-text",
            ),
            1 => (
                format!(
                    "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\n{decoy}--b--\n{long}\n"
                ),
                "structure.outside-text",
            ),
            2 => (
                format!(
                    "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--b\n{decoy}--b--\n--b\n{}--b--\n",
                    part(number, text)
                ),
                "structure.boundary-after-end",
            ),
            _ => (
                format!(
                    "{TOP}Content-Type: multipart/mixed; boundary=b\n\n--c\n{}--c--\n",
                    part(number, text)
                ),
                "structure.boundary-wrong",
            ),
        };
        fixtures.push(fixture(number.to_string(), raw, text, fact));
    }
    fixtures
}

pub(crate) fn lying_encodings() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = format!("{}, {}", english(number), harmless(number));
        let (raw, fact) = match number % 4 {
            0 => (
                format!("{TOP}Content-Type: text/plain\n\n{}\n", b64_lines(&text)),
                "structure.encoding-lie",
            ),
            1 => (
                format!(
                    "{TOP}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{text}\n"
                ),
                "structure.encoding-lie",
            ),
            2 => (
                format!(
                    "{TOP}Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\n{}\n",
                    text.replace(' ', "=20")
                ),
                "structure.encoding-lie",
            ),
            _ => (
                format!(
                    "{TOP}Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\n{}\n",
                    b64(&text)
                ),
                "structure.type-lie",
            ),
        };
        fixtures.push(fixture(number.to_string(), raw, &text, fact));
    }
    fixtures
}
