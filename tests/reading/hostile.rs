//! Messages that are made to be slow, of any size. The benches use them too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A name, what stands in front, what is repeated with a number in place of `#`, and what ends it.
type Row = (&'static str, &'static str, &'static str);

/// Repeated until the message is long enough; `#` becomes the number of the repetition.
const ROWS: &[Row] = &[
    (
        "multiparts within each other",
        "",
        "Content-Type: multipart/mixed; boundary=b#\n\n--b#\n",
    ),
    (
        "multiparts without their boundary",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: multipart/mixed; boundary=never#\n\n",
    ),
    (
        "parts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\n\nx\n",
    ),
    (
        "attached texts",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: text/plain; name=a#.txt\n\nsome words # of text\n",
    ),
    (
        "boundaries that differ",
        "Content-Type: multipart/mixed; boundary=a; boundary=b; boundary=c\n\n",
        "--a\n\nsome words\n--b\n\nother words\n--c\n\nthird words\n",
    ),
    (
        "messages within each other",
        "",
        "Content-Type: message/rfc822\n\n",
    ),
    (
        "duplicate fields",
        "",
        "Content-Type: text/html\nContent-Type: text/plain\n",
    ),
    ("fields", "", "X-Field-#: value\n"),
    ("encoded words", "Subject: ", "=?utf-8?q?=41?= "),
    ("encoded words without an end", "Subject: ", "=?a?q?"),
    ("parameters", "Content-Type: text/plain; ", "a*#*=b;"),
    ("addresses of a From field", "From: ", "a <b@example.org>, "),
    (
        "no blank line",
        "Subject: s\n",
        "this is no field and no blank line\n",
    ),
    ("bare CR", "Subject: s\n\n", "one\rtwo\r\nthree\n"),
    ("HTML elements", "Content-Type: text/html\n\n", "<div>"),
    (
        "HTML elements with text",
        "Content-Type: text/html\n\n",
        "<div>word ",
    ),
    ("HTML attributes", "Content-Type: text/html\n\n<p", " a#=b"),
    (
        "HTML attribute texts",
        "Content-Type: text/html\n\n",
        "<img alt='word # and more'>",
    ),
    ("HTML cells", "Content-Type: text/html\n\n<table>", "<td>x"),
    (
        "HTML cells of letters",
        "Content-Type: text/html\n\n<table>",
        "<td>x</td><td>&nbsp;</td>",
    ),
    (
        "HTML formatting left open",
        "Content-Type: text/html\n\n",
        "<p><font color=red><b>x</p>",
    ),
    (
        "HTML end tags",
        "Content-Type: text/html\n\n",
        "</p></b></td>",
    ),
    (
        "HTML entities",
        "Content-Type: text/html\n\n",
        "&#x62;&amp;&#98",
    ),
    ("HTML ampersands", "Content-Type: text/html\n\n", "&"),
    (
        "HTML comments",
        "Content-Type: text/html\n\n",
        "b<!-- x -->i",
    ),
    (
        "HTML comments without an end",
        "Content-Type: text/html\n\n",
        "<!--",
    ),
    (
        "HTML hidden in words",
        "Content-Type: text/html\n\n",
        "b<i style='display:none'>x</i>i",
    ),
    (
        "HTML styles",
        "Content-Type: text/html\n\n",
        "<b style='color:#fff;font-size:0;display:none;opacity:#'>x</b>",
    ),
    (
        "HTML directions",
        "Content-Type: text/html\n\n",
        "<bdo dir=rtl>niocti</bdo>b ",
    ),
    (
        "HTML `data:` URIs",
        "Content-Type: text/html\n\n",
        "<img src='data:text/html;base64,PGI+eDwvYj4='>",
    ),
    (
        "CSS rules",
        "Content-Type: text/html\n\n<style>",
        ".a# .b#,.c>.d{color:red}",
    ),
    (
        "CSS rules for every element",
        "Content-Type: text/html\n\n<style>.a .a{color:red}.a.a{color:blue}.a{x:y;color:green}</style>",
        "<b class='a a a a a a a a'>x",
    ),
    (
        "CSS media",
        "Content-Type: text/html\n\n<style>",
        "@media x{",
    ),
    (
        "CSS comments",
        "Content-Type: text/html\n\n<style>",
        "/*x*/b/**/{c:d}",
    ),
    (
        "plain text with markup",
        "Content-Type: text/plain\n\n<html></p>",
        "<p>some words</p>",
    ),
    ("NUL", "Content-Type: text/plain\n\n", "\0"),
    (
        "UTF-7",
        "Content-Type: text/plain; charset=utf-7\n\n",
        "+APw-x",
    ),
    (
        "ISO-2022-JP escapes",
        "Content-Type: text/plain; charset=iso-2022-jp\n\n",
        "\u{1b}$B$\"\u{1b}(Bx",
    ),
    (
        "UTF-16",
        "Content-Type: text/plain; charset=utf-16le\n\n",
        "a\0 \0\u{1}\u{4}",
    ),
    (
        "quoted-printable",
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n",
        "=41=\n",
    ),
    (
        "quoted-printable that is none",
        "Content-Type: text/plain\n\n",
        "a=20b=3D ",
    ),
    ("rich text", "Content-Type: text/rtf\n\n{\\rtf1", "{\\b x"),
    (
        "rich text escapes",
        "Content-Type: text/rtf\n\n{\\rtf1",
        "\\u1090?\\'e4",
    ),
    (
        "uuencode",
        "Subject: s\n\n",
        "begin 644 x#\n#0V%T\n`\nend\n",
    ),
    ("uuencode without an end", "Subject: s\n\n", "begin 644 x\n"),
    (
        "calendar",
        "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n",
        "DESCRIPTION:word\n  word\n",
    ),
    (
        "XML",
        "Content-Type: image/svg+xml; name=a.svg\n\n<svg>",
        "<text>w</text>",
    ),
    (
        "zero-width characters",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "b\u{200b}i\u{200b}t\u{ad} ",
    ),
    (
        "zero-width characters alone",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "\u{200b}",
    ),
    (
        "combining marks",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "e\u{301}\u{302}\u{303}\u{323}",
    ),
    (
        "direction overrides",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "\u{202e}niocti\u{202c}b ",
    ),
    (
        "direction overrides left open",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "\u{202e}ab",
    ),
    (
        "spaced letters",
        "Content-Type: text/plain\n\n",
        "b i t c o i n  ",
    ),
    (
        "spaced letters without an end",
        "Content-Type: text/plain\n\n",
        "b i t ",
    ),
    (
        "dotted letters",
        "Content-Type: text/plain\n\n",
        "b.i.t.c.o.i.n ",
    ),
    (
        "letters between foreign letters",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "b的i的t的c的o的i的n ",
    ),
    (
        "digits for letters",
        "Content-Type: text/plain\n\n",
        "b1tc0in c4m3ra p4ssw0rd ",
    ),
    (
        "mixed alphabets",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "bіtсоіn раsswоrd ",
    ),
    (
        "mixed alphabets in one word",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "bіtсоіnраsswоrd",
    ),
    (
        "styled letters",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "𝗯𝗶𝘁𝗰𝗼𝗶𝗻 ｃａｍｅｒａ ",
    ),
    (
        "half-width kana",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "ｶﾞｷﾞｸﾞ",
    ),
    (
        "Hangul letters",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "\u{1100}\u{1161}\u{11a8}",
    ),
    (
        "character references in text",
        "Content-Type: text/plain\n\n",
        "&#98;&#x69;&amp;#116;",
    ),
    (
        "references without an end",
        "Content-Type: text/plain\n\n",
        "&#38;#38",
    ),
    ("one word", "Content-Type: text/plain\n\n", "x"),
    (
        "words",
        "Content-Type: text/plain\n\n",
        "we met on monday and spoke about the garden ",
    ),
    (
        "words of the packs",
        "Content-Type: text/plain\n\n",
        "your camera recorded you, send bitcoin to my wallet in 48 hours or your contacts see the video. ",
    ),
    (
        "words of many languages",
        "Content-Type: text/plain; charset=utf-8\n\n",
        "ваша камера записала видео deine kamera hat dich gefilmt あなたのカメラ la tua webcam ",
    ),
    (
        "amounts",
        "Content-Type: text/plain\n\n",
        "$1000 900 usd 1.5 btc 48 hours ",
    ),
    (
        "quoted lines",
        "Content-Type: text/plain\n\n",
        "> > your camera recorded you\n",
    ),
    (
        "quotation marks",
        "Content-Type: text/plain\n\n",
        "\"your camera\" 'recorded' \"you\" ",
    ),
    (
        "forwarding marks",
        "Content-Type: text/plain\n\n",
        "-----Original Message-----\nFrom: a\nSubject: b\n\n",
    ),
    (
        "passwords",
        "Content-Type: text/plain\n\n",
        "your password is Ab1#x, ",
    ),
    (
        "links",
        "Content-Type: text/plain\n\n",
        "https://example.com/a#?b=c ",
    ),
    (
        "runs like an address",
        "Content-Type: text/plain\n\n",
        "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVgg# ",
    ),
    (
        "runs like a bech32 address",
        "Content-Type: text/plain\n\n",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7k# ",
    ),
    (
        "runs like Monero",
        "Content-Type: text/plain\n\n",
        "4AdUndXHHZ6cfufTMvppY6JwXNouMBzSkbLYfpAV5Usx3skxNgYeYTRj5UzqtReoS44qo9mtmXCqY45DJ852K5Jv2684R# ",
    ),
    (
        "one run like an address",
        "Content-Type: text/plain\n\n",
        "1BpEi6DfDAUFd7Gtit",
    ),
    (
        "groups like an address",
        "Content-Type: text/plain\n\n",
        "1BpE i6Df DAUF d7Gt ",
    ),
    (
        "starred letters like an address",
        "Content-Type: text/plain\n\n",
        "1*B*p*E*i*6*D*f*",
    ),
    (
        "halves of addresses",
        "Content-Type: text/plain\n\n",
        "1BpEi6DfDAUFd7Gti tLSdBeYJvcoaVgg# ",
    ),
    (
        "hexadecimal",
        "Content-Type: text/plain\n\n",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Be# ",
    ),
    ("empty lines", "Content-Type: text/plain\n\n", "\n"),
];

/// Every message of about so many bytes, with its name.
pub(crate) fn all(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&'static str, Vec<u8>)> = ROWS
        .iter()
        .map(|row| (row.0, repeated(row, bytes).into_bytes()))
        .collect();
    let head = |kind: &str| format!("Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n");
    let encoded = |kind: &str, body: &[u8]| {
        [head(kind).as_bytes(), STANDARD.encode(body).as_bytes()].concat()
    };
    let most = bytes * 3 / 4 - 100;
    all.push((
        "base64",
        encoded("text/plain", &b"some words of a text\n".repeat(most / 21)),
    ));
    let junk = "Q!U*F.B~".repeat(bytes / 8);
    all.push((
        "junk in base64",
        [head("text/plain").as_bytes(), junk.as_bytes()].concat(),
    ));
    all.push((
        "high bytes",
        [
            b"Content-Type: text/plain\n\n".as_slice(),
            &vec![0xff; bytes],
        ]
        .concat(),
    ));
    all.push((
        "high bytes, Big5",
        [
            b"Content-Type: text/plain; charset=big5\n\n".as_slice(),
            &vec![0xa4; bytes],
        ]
        .concat(),
    ));
    let mut inner = b"Subject: inner\n\nsome words\n".repeat(bytes * 27 / 64 / 27);
    for _ in 0..3 {
        inner = encoded("message/rfc822", &inner);
    }
    all.push(("base64 in base64", inner));
    let page = format!("<html>{}</html>", "<p>some words</p>".repeat(most / 17));
    all.push((
        "base64 that says to be a picture",
        encoded("image/png", page.as_bytes()),
    ));
    all
}

fn repeated((_, start, unit): &Row, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 200);
    out.push_str(start);
    let mut number = 0;
    while out.len() < bytes {
        match unit.contains('#') {
            true => out.push_str(&unit.replace('#', &number.to_string())),
            false => out.push_str(unit),
        }
        number += 1;
    }
    out
}
