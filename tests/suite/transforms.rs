//! How senders dress a text up: each transform makes a whole message of one text.

use crate::random::Random;
use crate::texts::Text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

type Make = fn(&Text, &mut Random) -> Vec<u8>;

/// Every transform by name.
pub(crate) const ALL: &[(&str, Make)] = &[
    ("plain", plain),
    ("base64", |text, _| {
        mail(
            text,
            &part("text/plain; charset=utf-8", Coding::Base64, &text.body),
        )
    }),
    ("quoted-printable", |text, _| {
        mail(
            text,
            &part("text/plain; charset=utf-8", Coding::Quoted, &text.body),
        )
    }),
    ("utf-16", utf16),
    ("html", |text, _| html_mail(text, &html(&text.body))),
    ("html-entities", |text, _| {
        html_mail(text, &format!("<p>{}</p>", entities(&text.body)))
    }),
    ("html-comments", |text, random| {
        html_mail(text, &inside_words(&text.body, random, "<!-- x -->"))
    }),
    ("html-hidden-junk", hidden_junk),
    ("html-letter-cells", letter_cells),
    ("zero-width", |text, random| {
        plain(
            &with_body(text, &inside_words(&text.body, random, "\u{200b}")),
            random,
        )
    }),
    ("soft-hyphen", |text, random| {
        plain(
            &with_body(text, &inside_words(&text.body, random, "\u{ad}")),
            random,
        )
    }),
    ("homoglyphs", |text, random| {
        plain(&with_body(text, &homoglyphs(&text.body, random)), random)
    }),
    ("accents", |text, random| {
        plain(&with_body(text, &accents(&text.body, random)), random)
    }),
    ("full-width", |text, random| {
        plain(&with_body(text, &full_width(&text.body)), random)
    }),
    ("upper-case", |text, random| {
        plain(&with_body(text, &shout(&text.body)), random)
    }),
    ("spaced-keywords", |text, random| {
        plain(&with_body(text, &spaced(&text.body)), random)
    }),
    ("leet", |text, random| {
        plain(&with_body(text, &leet(&text.body, random)), random)
    }),
    ("wallet-starred", |text, random| {
        plain(
            &with_body(text, &wallets(&text.body, |w| join(w, "*"))),
            random,
        )
    }),
    ("wallet-spaced", |text, random| {
        plain(
            &with_body(text, &wallets(&text.body, |w| join(w, " "))),
            random,
        )
    }),
    ("wallet-split", |text, random| {
        plain(&with_body(text, &wallets(&text.body, halves)), random)
    }),
    ("alternative-decoy", decoy),
    ("txt-attachment", |text, _| {
        attached(text, "text/plain; charset=utf-8", "message.txt", &text.body)
    }),
    ("html-attachment", |text, _| {
        attached(
            text,
            "text/html; charset=utf-8",
            "message.html",
            &html(&text.body),
        )
    }),
    ("nested-rfc822", nested),
    ("quoted-only", |text, random| {
        plain(&with_body(text, &quoted(&text.body)), random)
    }),
    ("two-boundaries", two_boundaries),
    ("no-end-boundary", no_end),
];

fn with_body(text: &Text, body: &str) -> Text {
    Text {
        body: body.to_owned(),
        ..text.clone()
    }
}

enum Coding {
    Base64,
    Quoted,
    EightBit,
}

/// A message of header and body parts.
pub(crate) fn mail(text: &Text, rest: &str) -> Vec<u8> {
    let name = text.from.as_deref().unwrap_or("Notice");
    let mut out = String::new();
    let _ = write!(
        out,
        "Received: from mail.example.net (mail.example.net [192.0.2.44])\r\n\tby mx.example.org (Postfix) with ESMTP id 4bQk2x3Tz\r\n\tfor <kim.doe@example.org>; Fri, 20 Nov 2026 09:12:44 +0000\r\nFrom: {} <notice@example.net>\r\nTo: <kim.doe@example.org>\r\nSubject: {}\r\nDate: Fri, 20 Nov 2026 09:12:40 +0000\r\nMessage-ID: <{}@example.net>\r\nMIME-Version: 1.0\r\n{rest}",
        encoded_word(name),
        encoded_word(&text.subject),
        text.id,
    );
    out.into_bytes()
}

fn encoded_word(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    // RFC 2047, section 2: an encoded word has at most 75 characters and no half letters.
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8())
            .take_while(|end| *end <= 42)
            .last();
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}

fn part(kind: &str, coding: Coding, body: &str) -> String {
    let (name, body) = match coding {
        Coding::EightBit => ("8bit", body.replace('\n', "\r\n")),
        Coding::Base64 => (
            "base64",
            lines(&STANDARD.encode(body.replace('\n', "\r\n"))),
        ),
        Coding::Quoted => ("quoted-printable", quoted_printable(body)),
    };
    format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {name}\r\n\r\n{body}\r\n")
}

fn lines(text: &str) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(76) {
        out.push_str(std::str::from_utf8(chunk).expect("base64 is ASCII"));
        out.push_str("\r\n");
    }
    out
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for byte in text.bytes() {
        if byte == b'\n' {
            out.push_str("\r\n");
            width = 0;
            continue;
        }
        if width > 70 {
            out.push_str("=\r\n");
            width = 0;
        }
        if byte == b'=' || !(b' '..=b'~').contains(&byte) {
            let _ = write!(out, "={byte:02X}");
            width += 3;
        } else {
            out.push(char::from(byte));
            width += 1;
        }
    }
    out
}

fn plain(text: &Text, _: &mut Random) -> Vec<u8> {
    mail(
        text,
        &part("text/plain; charset=utf-8", Coding::EightBit, &text.body),
    )
}

fn html_mail(text: &Text, html: &str) -> Vec<u8> {
    mail(
        text,
        &part("text/html; charset=utf-8", Coding::Quoted, html),
    )
}

fn utf16(text: &Text, _: &mut Random) -> Vec<u8> {
    let bytes: Vec<u8> = text
        .body
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let body = lines(&STANDARD.encode(bytes));
    mail(
        text,
        &format!(
            "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"
        ),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn html(body: &str) -> String {
    let paragraphs: Vec<String> = body
        .split("\n\n")
        .map(|p| {
            format!(
                "<p style=\"margin:8px\">{}</p>",
                escape(p).replace('\n', "<br>")
            )
        })
        .collect();
    format!("<html><body>{}</body></html>", paragraphs.join("\n"))
}

fn entities(body: &str) -> String {
    body.chars()
        .map(|letter| {
            if letter == '\n' {
                "<br>\n".to_owned()
            } else {
                format!("&#{};", u32::from(letter))
            }
        })
        .collect()
}

/// Puts something into every word of more than three letters that is no address.
fn inside_words(body: &str, random: &mut Random, what: &str) -> String {
    map_words(body, |word| {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < 4 || is_address(word) {
            return word.to_owned();
        }
        let at = 1 + random.below(letters.len() - 2);
        let (front, back) = letters.split_at(at);
        format!(
            "{}{what}{}",
            front.iter().collect::<String>(),
            back.iter().collect::<String>()
        )
    })
}

fn map_words(body: &str, mut change: impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in body.chars() {
        if letter.is_whitespace() {
            out.push_str(&change(&word));
            word.clear();
            out.push(letter);
        } else {
            word.push(letter);
        }
    }
    out + &change(&word)
}

fn is_address(word: &str) -> bool {
    word.len() >= 26 && word.is_ascii() && word.bytes().any(|byte| byte.is_ascii_digit())
}

fn hidden_junk(text: &Text, random: &mut Random) -> Vec<u8> {
    let junk = [
        "garden", "meeting", "invoice", "river", "paper", "window", "season", "bridge",
    ];
    let styles = [
        "display:none",
        "font-size:0",
        "color:#ffffff;background:#ffffff",
        "visibility:hidden",
        "opacity:0",
    ];
    let mut out = String::from("<html><body style=\"background-color:#ffffff\"><p>");
    for (index, word) in text.body.split(' ').enumerate() {
        out.push_str(&escape(word).replace('\n', "<br>"));
        if index % 2 == 0 {
            let style = styles[random.below(styles.len())];
            let _ = write!(
                out,
                "<span style=\"{style}\"> {} </span>",
                junk[random.below(junk.len())]
            );
        }
        out.push(' ');
    }
    html_mail(text, &(out + "</p></body></html>"))
}

fn letter_cells(text: &Text, _: &mut Random) -> Vec<u8> {
    let mut out = String::from("<html><body>");
    for line in text.body.split('\n') {
        out.push_str("<table cellspacing=\"0\" cellpadding=\"0\"><tr>");
        for letter in line.chars() {
            let cell = if letter == ' ' {
                "&nbsp;".to_owned()
            } else {
                escape(&letter.to_string())
            };
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr></table>\n");
    }
    html_mail(text, &(out + "</body></html>"))
}

fn homoglyphs(body: &str, random: &mut Random) -> String {
    let latin = [
        ('a', 'а'),
        ('c', 'с'),
        ('e', 'е'),
        ('o', 'о'),
        ('p', 'р'),
        ('x', 'х'),
        ('y', 'у'),
        ('i', 'і'),
        ('s', 'ѕ'),
    ];
    map_words(body, |word| {
        if is_address(word)
            || word
                .chars()
                .filter(|letter| letter.is_ascii_alphabetic())
                .count()
                < 3
        {
            // A word of another script gets Latin letters, but never all of it.
            let mut changed = false;
            return word
                .chars()
                .map(
                    |letter| match latin.iter().find(|(_, other)| *other == letter) {
                        Some((ascii, _))
                            if word.chars().count() > 4 && !changed && random.below(2) == 0 =>
                        {
                            changed = true;
                            *ascii
                        }
                        _ => letter,
                    },
                )
                .collect();
        }
        word.chars()
            .map(
                |letter| match latin.iter().find(|(ascii, _)| *ascii == letter) {
                    Some((_, other)) if random.below(2) == 0 => *other,
                    _ => letter,
                },
            )
            .collect()
    })
}

fn accents(body: &str, random: &mut Random) -> String {
    let marks = ['\u{301}', '\u{308}', '\u{323}', '\u{30c}', '\u{327}'];
    map_words(body, |word| {
        if is_address(word) {
            return word.to_owned();
        }
        let mut out = String::new();
        for letter in word.chars() {
            out.push(letter);
            if letter.is_ascii_alphabetic() && random.below(2) == 0 {
                out.push(marks[random.below(marks.len())]);
            }
        }
        out
    })
}

fn full_width(body: &str) -> String {
    map_words(body, |word| {
        if is_address(word) {
            return word.to_owned();
        }
        word.chars()
            .map(|letter| {
                if letter.is_ascii_graphic() {
                    char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter)
                } else {
                    letter
                }
            })
            .collect()
    })
}

fn shout(body: &str) -> String {
    map_words(body, |word| {
        if is_address(word) {
            word.to_owned()
        } else {
            word.to_uppercase()
        }
    })
}

/// Every fourth long word is written with spaces between its letters.
fn spaced(body: &str) -> String {
    let mut count = 0;
    map_words(body, |word| {
        count += 1;
        if count % 4 != 0
            || is_address(word)
            || word.chars().count() < 5
            || !word.chars().all(char::is_alphabetic)
        {
            return word.to_owned();
        }
        format!(" {} ", join(word, " "))
    })
}

fn leet(body: &str, random: &mut Random) -> String {
    let signs = [('o', '0'), ('i', '1'), ('e', '3'), ('a', '@'), ('s', '$')];
    map_words(body, |word| {
        if is_address(word)
            || word.chars().filter(char::is_ascii_alphabetic).count() < 5
            || !word.is_ascii()
        {
            return word.to_owned();
        }
        let mut left = 2;
        word.char_indices()
            .map(
                |(at, letter)| match signs.iter().find(|(plain, _)| *plain == letter) {
                    Some((_, sign))
                        if at > 0 && at + 1 < word.len() && left > 0 && random.below(2) == 0 =>
                    {
                        left -= 1;
                        *sign
                    }
                    _ => letter,
                },
            )
            .collect()
    })
}

fn wallets(body: &str, change: impl Fn(&str) -> String) -> String {
    map_words(body, |word| {
        let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if is_address(bare) {
            word.replace(bare, &change(bare))
        } else {
            word.to_owned()
        }
    })
}

fn join(word: &str, between: &str) -> String {
    word.chars()
        .map(String::from)
        .collect::<Vec<_>>()
        .join(between)
}

fn halves(wallet: &str) -> String {
    let (front, back) = wallet.split_at(wallet.len() / 2);
    format!("\nPart 1: {front}\nPart 2: {back}\n")
}

fn multipart(kind: &str, parts: &[String]) -> String {
    let mut out = format!("Content-Type: multipart/{kind}; boundary=\"b1\"\r\n\r\n");
    for part in parts {
        let _ = write!(out, "--b1\r\n{part}\r\n");
    }
    out + "--b1--\r\n"
}

const HARMLESS: &str = "Hello,\n\nthe minutes of our last meeting are ready. See you on Thursday.\n\nBest regards\nRobin\n";

fn decoy(text: &Text, _: &mut Random) -> Vec<u8> {
    let parts = [
        part("text/plain; charset=utf-8", Coding::EightBit, HARMLESS),
        part(
            "text/html; charset=utf-8",
            Coding::Base64,
            &html(&text.body),
        ),
    ];
    mail(text, &multipart("alternative", &parts))
}

fn attached(text: &Text, kind: &str, name: &str, body: &str) -> Vec<u8> {
    let file = part(kind, Coding::Base64, body).replacen(
        "\r\n\r\n",
        &format!("\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n"),
        1,
    );
    mail(
        text,
        &multipart(
            "mixed",
            &[
                part(
                    "text/plain; charset=utf-8",
                    Coding::EightBit,
                    "See attachment.\n",
                ),
                file,
            ],
        ),
    )
}

fn nested(text: &Text, random: &mut Random) -> Vec<u8> {
    let inner = String::from_utf8(plain(text, random)).expect("the mail is UTF-8");
    let file =
        format!("Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n{inner}");
    mail(
        text,
        &multipart(
            "mixed",
            &[
                part("text/plain; charset=utf-8", Coding::EightBit, "\n"),
                file,
            ],
        ),
    )
}

fn quoted(body: &str) -> String {
    body.lines().map(|line| format!("> {line}\n")).collect()
}

fn two_boundaries(text: &Text, _: &mut Random) -> Vec<u8> {
    let evil = part(
        "text/html; charset=utf-8",
        Coding::Base64,
        &html(&text.body),
    );
    let good = part("text/plain; charset=utf-8", Coding::EightBit, HARMLESS);
    let body = format!(
        "Content-Type: multipart/mixed; boundary=\"b1\"; boundary=\"b2\"\r\n\r\n--b2\r\n{good}\r\n--b2--\r\n--b1\r\n{evil}\r\n--b1--\r\n"
    );
    mail(text, &body)
}

fn no_end(text: &Text, _: &mut Random) -> Vec<u8> {
    let body = multipart(
        "mixed",
        &[part(
            "text/plain; charset=utf-8",
            Coding::Base64,
            &text.body,
        )],
    );
    mail(text, body.trim_end_matches("--b1--\r\n"))
}
