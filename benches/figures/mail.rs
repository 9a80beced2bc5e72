//! Made-up honest mail, always the same: notes, newsletters and the odd attachment, about 14 kB on average.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

const WORDS: &[&str] = &[
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "we",
    "you",
    "it",
    "is",
    "on",
    "for",
    "with",
    "that",
    "this",
    "at",
    "by",
    "not",
    "are",
    "meeting",
    "report",
    "garden",
    "invoice",
    "weekend",
    "train",
    "photo",
    "camera",
    "account",
    "password",
    "update",
    "contact",
    "project",
    "schedule",
    "delivery",
    "address",
    "payment",
    "customer",
    "video",
    "recipe",
    "holiday",
    "server",
    "window",
    "review",
    "question",
    "answer",
    "school",
    "music",
    "budget",
    "number",
    "friend",
    "family",
    "morning",
    "evening",
    "river",
    "bridge",
    "please",
    "could",
    "would",
    "should",
    "have",
    "will",
    "send",
    "bring",
    "read",
    "write",
    "begin",
    "finish",
    "arrive",
    "leave",
    "Stra\u{df}e",
    "caf\u{e9}",
    "ma\u{f1}ana",
    "\u{fc}ber",
    "gar\u{e7}on",
    "\u{4f60}\u{597d}",
    "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}",
];

/// Numbers that are the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn sentence(&mut self) -> String {
        let mut sentence = String::new();
        for _ in 0..6 + self.roll(14) {
            sentence.push_str(WORDS[self.roll(WORDS.len())]);
            sentence.push(if self.roll(12) == 0 { ',' } else { ' ' });
        }
        sentence.trim_end_matches([' ', ',']).to_owned() + "."
    }

    fn paragraphs(&mut self, bytes: usize) -> Vec<String> {
        let mut paragraphs = Vec::new();
        let mut length = 0;
        while length < bytes {
            let paragraph: Vec<String> = (0..2 + self.roll(5)).map(|_| self.sentence()).collect();
            let paragraph = paragraph.join(" ");
            length += paragraph.len();
            paragraphs.push(paragraph);
        }
        paragraphs
    }
}

/// So many different mails.
pub(crate) fn typical(count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(0x8826);
    (0..count).map(|number| one(&mut dice, number)).collect()
}

fn one(dice: &mut Dice, number: usize) -> Vec<u8> {
    let mut mail = header(dice, number);
    // Most mail is short and some is long: 1.5 to 40 kB of text.
    let bytes = (1_500 * 100 / (4 + dice.roll(96))).max(1_500);
    let paragraphs = dice.paragraphs(bytes);
    let plain = paragraphs.join("\r\n\r\n") + "\r\n";
    match dice.roll(10) {
        0..4 => mail += &part("text/plain; charset=utf-8", &plain, dice.roll(3)),
        4..6 => {
            mail += &part(
                "text/html; charset=utf-8",
                &html(dice, &paragraphs),
                dice.roll(2),
            )
        }
        6..9 => {
            let (text, markup) = (
                part("text/plain; charset=utf-8", &plain, 0),
                part(
                    "text/html; charset=utf-8",
                    &html(dice, &paragraphs),
                    dice.roll(2),
                ),
            );
            write!(mail, "Content-Type: multipart/alternative; boundary=\"b{number}\"\r\n\r\n--b{number}\r\n{text}\r\n--b{number}\r\n{markup}\r\n--b{number}--\r\n").unwrap();
        }
        _ => {
            let text = part("text/plain; charset=utf-8", &plain, 0);
            let bytes: Vec<u8> = (0..6_000 + dice.roll(24_000))
                .map(|_| dice.roll(256) as u8)
                .collect();
            let file = lines(&STANDARD.encode(bytes));
            write!(
                mail,
                "Content-Type: multipart/mixed; boundary=\"b{number}\"\r\n\r\n--b{number}\r\n{text}\r\n--b{number}\r\n\
                 Content-Type: application/octet-stream; name=\"data.bin\"\r\nContent-Disposition: attachment; filename=\"data.bin\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{file}\r\n--b{number}--\r\n"
            )
            .unwrap();
        }
    }
    mail.into_bytes()
}

fn header(dice: &mut Dice, number: usize) -> String {
    let mut header = String::new();
    for hop in 0..1 + dice.roll(4) {
        write!(
            header,
            "Received: from host{}.example.com (host{hop}.example.net [198.51.100.{}])\r\n\tby mx{hop}.example.org (Postfix) with ESMTPS id {:010X}\r\n\t\
             for <user@example.org>; Fri, 20 Nov 2026 10:0{hop}:00 +0000\r\n",
            dice.roll(999),
            1 + dice.roll(250),
            dice.roll(1 << 30)
        )
        .unwrap();
    }
    if dice.roll(10) < 6 {
        let bytes: Vec<u8> = (0..128).map(|_| dice.roll(256) as u8).collect();
        let signature = STANDARD.encode(bytes);
        write!(
            header,
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n\th=from:to:subject:date; bh={};\r\n\tb={}\r\n\t{}\r\n",
            &signature[..44],
            &signature[..64],
            &signature[64..]
        )
        .unwrap();
    }
    write!(
        header,
        "From: Ann Example <ann{number}@example.com>\r\nTo: Bob Example <bob@example.org>\r\nSubject: {}\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}.{}@example.com>\r\nMIME-Version: 1.0\r\n",
        dice.sentence().chars().filter(char::is_ascii).take(50).collect::<String>(),
        dice.roll(1 << 30)
    )
    .unwrap();
    header
}

fn html(dice: &mut Dice, paragraphs: &[String]) -> String {
    let mut html = String::from("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><style>");
    for class in 0..12 {
        write!(
            html,
            ".c{class} {{ margin:{class}px; font-family:Arial,sans-serif; color:#{:06x}; }} ",
            dice.roll(1 << 24)
        )
        .unwrap();
    }
    html += "</style></head><body><table width=\"600\" cellpadding=\"0\" cellspacing=\"0\">\r\n";
    for (row, paragraph) in paragraphs.iter().enumerate() {
        write!(
            html,
            "<tr><td class=\"c{}\" style=\"padding:8px;font-size:14px;line-height:1.5\"><p>{paragraph}</p>\r\n\
             <a href=\"https://www.example.com/t?id={:08x}&amp;u={row}\">Read more</a>\
             <img src=\"https://img.example.com/{:08x}.png\" width=\"1\" height=\"1\" alt=\"\"></td></tr>\r\n",
            row % 12,
            dice.roll(1 << 30),
            dice.roll(1 << 30)
        )
        .unwrap();
    }
    html + "</table></body></html>\r\n"
}

/// A part with its header: 0 quoted-printable, 1 base64, else 8bit.
fn part(kind: &str, text: &str, encoding: usize) -> String {
    let (name, body) = match encoding {
        0 => ("quoted-printable", quoted_printable(text)),
        1 => ("base64", lines(&STANDARD.encode(text))),
        _ => ("8bit", text.to_owned()),
    };
    format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {name}\r\n\r\n{body}")
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut column = 0;
    for byte in text.bytes() {
        if byte == b'\r' || byte == b'\n' {
            out.push(char::from(byte));
            column = 0;
            continue;
        }
        if column > 70 {
            out.push_str("=\r\n");
            column = 0;
        }
        if byte == b'=' || !(b' '..0x7f).contains(&byte) {
            write!(out, "={byte:02X}").unwrap();
            column += 3;
        } else {
            out.push(char::from(byte));
            column += 1;
        }
    }
    out
}

fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 38);
    for line in text.as_bytes().chunks(76) {
        out.extend(line.iter().copied().map(char::from));
        out.push_str("\r\n");
    }
    out
}

/// A mail of so many bytes: text first, then an attachment.
pub(crate) fn large(bytes: usize) -> Vec<u8> {
    let mut dice = Dice(0x8825);
    let mut mail = header(&mut dice, 0);
    let text = part(
        "text/plain; charset=utf-8",
        &dice.paragraphs(200_000).join("\r\n\r\n"),
        0,
    );
    write!(mail, "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n{text}\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n").unwrap();
    let line: String = (0..76)
        .map(|_| char::from(b'A' + dice.roll(26) as u8))
        .collect::<String>()
        + "\r\n";
    while mail.len() < bytes {
        mail += &line;
    }
    (mail + "--b--\r\n").into_bytes()
}
