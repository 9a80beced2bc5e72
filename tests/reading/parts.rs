//! Text parts, attached files, messages and containers.

use crate::fixture::{Fixture, Want};
use crate::mail::{self, attached, b64_lines, mail as whole, multipart, note, part, plain};
use crate::words::{each, halves, harmless, sentence};
use callbluff::message::Origin;
use std::io::{Cursor, Write};

fn seen(text: &str) -> Vec<Want> {
    vec![Want::Seen(text.to_owned())]
}

/// A plain part, an HTML part of the same text, and one of something else.
fn texts(number: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let kind = |kind: &str| format!("Content-Type: {kind}; charset=utf-8");
    let encoding = ["8bit", "base64", "quoted-printable"][number % 3];
    (
        part(&kind("text/plain"), encoding, sentence(number).as_bytes()),
        part(
            &kind("text/html"),
            encoding,
            format!("<p>{}</p>", sentence(number)).as_bytes(),
        ),
        part(&kind("text/plain"), "7bit", harmless(number).as_bytes()),
    )
}

/// A name, and the parts around the sentence with this number.
type Way<'a> = (&'a str, &'a dyn Fn(usize) -> Vec<u8>);

pub(crate) fn text_parts() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    let ways: [Way<'_>; 16] = [
        ("plain alone", &|n| texts(n).0),
        ("html alone", &|n| texts(n).1),
        ("alternative, plain last", &|n| {
            multipart("alternative", &[texts(n).2, texts(n).0])
        }),
        ("alternative, html last", &|n| {
            multipart("alternative", &[texts(n).2, texts(n).1])
        }),
        ("alternative, plain first", &|n| {
            multipart("alternative", &[texts(n).0, texts(n).2])
        }),
        ("mixed, second", &|n| {
            multipart("mixed", &[texts(n).2, texts(n).0])
        }),
        ("mixed, last of many", &|n| {
            let mut parts = vec![texts(n).2; 40];
            parts.push(texts(n).1);
            multipart("mixed", &parts)
        }),
        ("related in alternative", &|n| {
            multipart(
                "alternative",
                &[texts(n).2, multipart("related", &[texts(n).1])],
            )
        }),
        ("alternative in mixed", &|n| {
            multipart(
                "mixed",
                &[multipart("alternative", &[texts(n).2, texts(n).0]), note()],
            )
        }),
        ("signed", &|n| {
            let signature = part("Content-Type: application/pgp-signature", "7bit", b"x");
            multipart("signed", &[texts(n).0, signature])
        }),
        ("report", &|n| {
            multipart("report", &[texts(n).2, texts(n).0])
        }),
        ("digest", &|n| {
            let inner = [b"\nSubject: s\n".as_slice(), &texts(n).0].concat();
            multipart("digest", &[inner])
        }),
        ("invented multipart", &|n| {
            multipart("x-whatever", &[texts(n).2, texts(n).1])
        }),
        ("invented text type", &|n| {
            part("Content-Type: text/x-note", "8bit", sentence(n).as_bytes())
        }),
        ("no type", &|n| {
            part("X-Other: y", "base64", sentence(n).as_bytes())
        }),
        ("richtext", &|n| {
            part(
                "Content-Type: text/enriched; charset=utf-8",
                "base64",
                sentence(n).as_bytes(),
            )
        }),
    ];
    for (number, (name, make)) in ways.iter().enumerate() {
        fixtures.push(Fixture::new(
            *name,
            whole(&make(number)),
            seen(sentence(number)),
        ));
    }
    fixtures
}

/// A file in every way of attaching it.
fn file(kind: &str, extension: &str, make: impl Fn(&str) -> Vec<u8>) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = sentence(number);
        let (name, raw) = attached(kind, extension, &make(text)).swap_remove(number);
        fixtures.push(Fixture::new(name, raw, seen(text)));
    }
    fixtures
}

pub(crate) fn txt() -> Vec<Fixture> {
    file("text/plain", "txt", |text| format!("{text}\n").into_bytes())
}

pub(crate) fn pages() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for extension in ["html", "htm"] {
        fixtures.extend(file("text/html", extension, |text| {
            let (first, second) = halves(text);
            format!("<html><head><meta charset=utf-8></head><body><p>{first}<!-- x -->{second}</body></html>").into_bytes()
        }));
    }
    fixtures
}

pub(crate) fn eml() -> Vec<Fixture> {
    file("message/rfc822", "eml", |text| plain(&format!("{text}\n")))
}

pub(crate) fn csv() -> Vec<Fixture> {
    file("text/csv", "csv", |text| {
        format!("who;what\nann;{text}\n").into_bytes()
    })
}

/// RTF with every letter beyond ASCII as an escape.
fn rich_text(text: &str) -> Vec<u8> {
    let escaped = each(text, |_, c| match c {
        c if c.is_ascii() => c.to_string(),
        c => {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{}?", *unit as i16)).collect()
        }
    });
    format!("{{\\rtf1\\ansi{{\\fonttbl{{\\f0 Arial;}}}}\\f0\\fs24 {escaped}\\par}}").into_bytes()
}

pub(crate) fn rtf() -> Vec<Fixture> {
    file("application/rtf", "rtf", rich_text)
}

fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options: zip::write::SimpleFileOptions = zip::write::FileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn docx() -> Vec<Fixture> {
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    file(kind, "docx", |text| {
        let (first, second) = halves(text);
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document><w:body><w:p><w:r><w:rPr><w:b/></w:rPr><w:t>{first}</w:t></w:r>\
             <w:r><w:t>{second}</w:t></w:r></w:p></w:body></w:document>"
        );
        zipped(&[
            ("[Content_Types].xml", "<Types/>"),
            ("word/document.xml", &xml),
        ])
    })
}

pub(crate) fn odt() -> Vec<Fixture> {
    file("application/vnd.oasis.opendocument.text", "odt", |text| {
        let (first, second) = halves(text);
        let xml = format!(
            "<?xml version=\"1.0\"?><office:document-content><office:body><office:text>\
             <text:p>{first}<text:span>{second}</text:span></text:p></office:text></office:body></office:document-content>"
        );
        zipped(&[
            ("mimetype", "application/vnd.oasis.opendocument.text"),
            ("content.xml", &xml),
        ])
    })
}

pub(crate) fn ics() -> Vec<Fixture> {
    file("text/calendar", "ics", |text| {
        // Folded in the middle (RFC 5545, section 3.1).
        let (first, second) = halves(text);
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:meeting\r\nDESCRIPTION:{first}\r\n {second}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n").into_bytes()
    })
}

/// A message around another: its fields, and the inner message.
fn around(encoding: &str, inner: &[u8]) -> Vec<u8> {
    part("Content-Type: message/rfc822", encoding, inner)
}

pub(crate) fn nested() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..7 {
        for encoding in ["7bit", "base64"] {
            let text = sentence(number);
            let inner = match number % 3 {
                0 => plain(text),
                1 => mail::html(&format!("<p>{text}</p>")),
                _ => whole(&multipart("mixed", &[note(), texts(number).0])),
            };
            let raw = match number {
                0 => whole(&around(encoding, &inner)),
                1 => whole(&multipart("mixed", &[note(), around(encoding, &inner)])),
                2 => whole(&multipart("report", &[note(), around(encoding, &inner)])),
                3 => whole(&around(encoding, &whole(&around(encoding, &inner)))),
                4 => {
                    let fields = "Content-Type: application/octet-stream; name=a.eml";
                    whole(&multipart(
                        "mixed",
                        &[note(), part(fields, encoding, &inner)],
                    ))
                }
                5 => {
                    let fields = "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=a.eml";
                    whole(&multipart(
                        "mixed",
                        &[note(), part(fields, encoding, &inner)],
                    ))
                }
                _ => whole(&part("Content-Type: message/global", encoding, &inner)),
            };
            let name = format!("{number} {encoding}");
            fixtures.push(Fixture::new(name, raw, seen(text)));
        }
    }
    fixtures
}

/// An attribute of a TNEF stream.
fn attribute(id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![
        if id & 0xffff >= 0x9000 || id & 0xffff == 0x8010 || id & 0xffff == 0x800f {
            2
        } else {
            1
        },
    ];
    out.extend(id.to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    let sum = data
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    out.extend(sum.to_le_bytes());
    out
}

/// A list of one MAPI property of variable length.
fn property(kind: u16, tag: u16, value: &[u8]) -> Vec<u8> {
    let mut out = 1_u32.to_le_bytes().to_vec();
    out.extend(kind.to_le_bytes());
    out.extend(tag.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend((value.len() as u32).to_le_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

pub(crate) fn tnef() -> Vec<Fixture> {
    let stream =
        |attributes: &[Vec<u8>]| [vec![0x78, 0x9f, 0x3e, 0x22, 1, 0], attributes.concat()].concat();
    let wide = |text: &str| -> Vec<u8> {
        text.encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let ended = |text: &str| [text.as_bytes(), b"\0"].concat();
    let mut fixtures = Vec::new();
    for number in 0..14 {
        let text = sentence(number);
        let page = format!("<p>{text}</p>");
        let bytes = match number % 7 {
            0 => stream(&[attribute(0x0002_800c, &ended(text))]),
            1 => stream(&[attribute(0x0001_8004, &ended(text))]),
            2 => stream(&[attribute(
                0x0006_9003,
                &property(0x0102, 0x1013, page.as_bytes()),
            )]),
            3 => stream(&[attribute(
                0x0006_9003,
                &property(0x001f, 0x1000, &wide(text)),
            )]),
            4 => stream(&[
                attribute(0x0006_9002, b""),
                attribute(0x0001_8010, b"note.txt\0"),
                attribute(0x0006_800f, text.as_bytes()),
            ]),
            5 => stream(&[
                attribute(0x0006_9002, b""),
                attribute(0x0001_8010, b"note.html\0"),
                attribute(0x0006_800f, page.as_bytes()),
            ]),
            _ => stream(&[
                attribute(0x0006_9002, b""),
                attribute(0x0001_8010, b"note.rtf\0"),
                attribute(0x0006_800f, &rich_text(text)),
            ]),
        };
        let fields = match number < 7 {
            true => "Content-Type: application/ms-tnef; name=winmail.dat",
            false => {
                "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=winmail.dat"
            }
        };
        let raw = whole(&multipart(
            "mixed",
            &[note(), part(fields, "base64", &bytes)],
        ));
        fixtures.push(Fixture::new(number.to_string(), raw, seen(text)));
    }
    fixtures
}

/// Lines of uuencode; `blank` stands for zero.
fn uuencode(name: &str, bytes: &[u8], blank: char) -> String {
    let mut out = format!("begin 644 {name}\n");
    let letter = |value: u8| match value & 63 {
        0 => blank,
        value => char::from(value + 32),
    };
    for line in bytes.chunks(45) {
        out.push(letter(line.len() as u8));
        for group in line.chunks(3) {
            let at = |index: usize| group.get(index).copied().unwrap_or(0);
            let (a, b, c) = (at(0), at(1), at(2));
            out.extend([a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, c].map(letter));
        }
        out.push('\n');
    }
    out + &format!("{blank}\nend\n")
}

pub(crate) fn uuencoded() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = sentence(number);
        let blank = if number.is_multiple_of(2) { '`' } else { ' ' };
        let (name, bytes) = match number % 4 {
            0 => ("note.txt", text.as_bytes().to_vec()),
            1 => (
                "note.html",
                format!("<html><p>{text}</p></html>").into_bytes(),
            ),
            2 => ("note.rtf", rich_text(text)),
            _ => ("note.eml", plain(text)),
        };
        let body = uuencode(name, &bytes, blank);
        let raw = match number / 4 {
            0 => plain(&format!("Hello,\n\n{body}\nbye\n")),
            1 => whole(&multipart(
                "mixed",
                &[
                    note(),
                    part("Content-Type: text/plain", "7bit", body.as_bytes()),
                ],
            )),
            _ => {
                let fields = format!("Content-Type: application/octet-stream; name={name}");
                let body = part(&fields, "x-uuencode", body.as_bytes());
                whole(&multipart("mixed", &[note(), body]))
            }
        };
        fixtures.push(Fixture::new(format!("{number} {name}"), raw, seen(text)));
    }
    fixtures
}

pub(crate) fn archives() -> Vec<Fixture> {
    let zip = zipped(&[("letter.txt", "text"), ("run.js", "x")]);
    let tar = {
        let mut bytes = vec![0; 1024];
        bytes[..10].copy_from_slice(b"letter.txt");
        bytes[257..262].copy_from_slice(b"ustar");
        bytes
    };
    let kinds: [(&str, Vec<u8>); 7] = [
        ("zip", zip),
        ("rar", b"Rar!\x1a\x07\x01\0abcdefgh".to_vec()),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\x04abcdefgh".to_vec()),
        ("gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc".to_vec()),
        ("bz2", b"BZh91AY&SYabc".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04abc".to_vec()),
        ("tar", tar),
    ];
    let mut fixtures = Vec::new();
    for (extension, bytes) in kinds {
        for kind in ["application/octet-stream", "application/x-archive"] {
            let fields = format!("Content-Type: {kind}; name=\"a.{extension}\"");
            let raw = whole(&multipart(
                "mixed",
                &[note(), part(&fields, "base64", &bytes)],
            ));
            let wants = vec![Want::Fact("structure.archive")];
            fixtures.push(Fixture::new(format!("{extension} {kind}"), raw, wants));
        }
    }
    fixtures
}

pub(crate) fn sealed() -> Vec<Fixture> {
    let wide: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let ole = [
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(),
        &[0; 504],
        &wide,
        &[0; 64],
    ]
    .concat();
    let mut zip = zipped(&[("letter.txt", "text")]);
    // The flag for encryption, in the local and the central entry.
    zip[6] |= 1;
    let central = zip
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    zip[central + 8] |= 1;
    let mail_fact = "structure.encrypted-mail";
    let file_fact = "structure.encrypted";
    let pgp = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA7\n=abcd\n-----END PGP MESSAGE-----\n".to_vec();
    let cms = b"0\x82\x01\x02\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03".to_vec();
    let pdf = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer << /Encrypt 2 0 R >>\n".to_vec();
    let rows: [(&str, &str, &[u8], &str); 12] = [
        (
            "docx",
            "application/octet-stream; name=a.docx",
            &ole,
            file_fact,
        ),
        (
            "xlsx",
            "application/vnd.ms-excel; name=a.xlsx",
            &ole,
            file_fact,
        ),
        ("zip", "application/zip; name=a.zip", &zip, file_fact),
        (
            "zip as octets",
            "application/octet-stream; name=a.zip",
            &zip,
            file_fact,
        ),
        ("pdf", "application/pdf; name=a.pdf", &pdf, file_fact),
        (
            "pdf as octets",
            "application/octet-stream; name=a.pdf",
            &pdf,
            file_fact,
        ),
        (
            "smime",
            "application/pkcs7-mime; smime-type=enveloped-data",
            &cms,
            mail_fact,
        ),
        (
            "x-smime",
            "application/x-pkcs7-mime; name=smime.p7m",
            &cms,
            mail_fact,
        ),
        (
            "smime by name",
            "application/octet-stream; name=smime.p7m",
            &cms,
            mail_fact,
        ),
        ("pgp in text", "text/plain", &pgp, mail_fact),
        (
            "pgp file",
            "application/octet-stream; name=encrypted.asc",
            &pgp,
            mail_fact,
        ),
        ("pgp type", "application/pgp-encrypted", &pgp, mail_fact),
    ];
    let mut fixtures: Vec<Fixture> = rows
        .iter()
        .map(|(name, kind, bytes, fact)| {
            let sealed = part(&format!("Content-Type: {kind}"), "base64", bytes);
            let raw = whole(&multipart("mixed", &[note(), sealed]));
            Fixture::new(*name, raw, vec![Want::Fact(fact)])
        })
        .collect();
    let control = part(
        "Content-Type: application/pgp-encrypted",
        "7bit",
        b"Version: 1\n",
    );
    let body = part("Content-Type: application/octet-stream", "7bit", &pgp);
    let raw = whole(&multipart("encrypted", &[control, body]));
    fixtures.push(Fixture::new("pgp/mime", raw, vec![Want::Fact(mail_fact)]));
    fixtures
}

/// Ways to write a text in a field: encoded words, RFC 2231, raw.
fn encoded_words(number: usize, text: &str) -> String {
    let word = |label: &str, bytes: &[u8]| format!("=?{label}?B?{}?=", mail::b64(bytes));
    let q = |text: &str| {
        let encoded = each(text, |_, c| match c {
            ' ' => "_".to_owned(),
            c if c.is_ascii_alphanumeric() => c.to_string(),
            c => c
                .to_string()
                .bytes()
                .map(|byte| format!("={byte:02X}"))
                .collect(),
        });
        format!("=?utf-8?q?{encoded}?=")
    };
    let (first, second) = halves(text);
    match number % 7 {
        0 => word("utf-8", text.as_bytes()),
        1 => q(text),
        2 => format!(
            "{}\n {}",
            word("UTF-8", first.as_bytes()),
            word("utf-8*en", second.as_bytes())
        ),
        3 => format!("{} {}", q(first), word("utf-8", second.as_bytes())),
        // Torn inside a character too.
        4 => {
            let at = (1..text.len())
                .rev()
                .find(|at| !text.is_char_boundary(*at))
                .unwrap_or(3);
            let (first, second) = text.as_bytes().split_at(at);
            format!("{} {}", word("utf-8", first), word("utf-8", second))
        }
        5 => text.to_owned(),
        _ => {
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            word("utf-16be", &wide)
        }
    }
}

pub(crate) fn subjects() -> Vec<Fixture> {
    let mut fixtures: Vec<Fixture> = (0..14)
        .map(|number| {
            let text = sentence(number);
            let raw = format!(
                "Subject: {}\nFrom: a@example.org\n\nx\n",
                encoded_words(number, text)
            );
            Fixture::new(
                number.to_string(),
                raw,
                vec![Want::SeenAs(Origin::Subject, text.to_owned())],
            )
        })
        .collect();
    for (label, number) in [
        ("koi8-r", 5),
        ("windows-1251", 5),
        ("iso-8859-7", 6),
        ("windows-1254", 13),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let text = sentence(number);
        let (bytes, _, _) = encoding.encode(text);
        let raw = format!("Subject: =?{label}?b?{}?=\n\nx\n", mail::b64(&bytes));
        let wants = || vec![Want::SeenAs(Origin::Subject, text.to_owned())];
        fixtures.push(Fixture::new(label, raw, wants()));
        // Raw bytes without any label; the body's tells.
        let raw = [
            b"Subject: ".as_slice(),
            &bytes,
            format!("\nContent-Type: text/plain; charset={label}\n\nx\n").as_bytes(),
        ]
        .concat();
        if label != "windows-1254" && label != "iso-8859-7" {
            fixtures.push(Fixture::new(format!("raw {label}"), raw, wants()));
        }
    }
    fixtures
}

pub(crate) fn display_names() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..14 {
        let text = sentence(number);
        let field = ["From", "Sender", "Reply-To"][number % 3];
        let address = match number {
            5 | 12 => format!("\"{text}\" <a@example.org>"),
            _ => format!("{} <a@example.org>", encoded_words(number, text)),
        };
        let raw = format!("{field}: {address}\nSubject: s\n\nx\n");
        let wants = vec![Want::SeenAs(Origin::DisplayName, text.to_owned())];
        fixtures.push(Fixture::new(format!("{number} {field}"), raw, wants));
    }
    fixtures
}

pub(crate) fn file_names() -> Vec<Fixture> {
    let percent =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let mut fixtures = Vec::new();
    for number in 0..14 {
        let text = sentence(number);
        let (first, second) = halves(text);
        let field = match number % 7 {
            0 => format!(
                "Content-Disposition: attachment; filename*=utf-8''{}.bin",
                percent(text)
            ),
            1 => format!(
                "Content-Disposition: attachment;\n filename*0*=utf-8''{};\n filename*1*={}.bin",
                percent(first),
                percent(second)
            ),
            2 => format!(
                "Content-Disposition: attachment; filename=\"{}\"",
                encoded_words(0, text)
            ),
            3 => format!("Content-Type: application/octet-stream; name=\"{text}.bin\""),
            4 => format!(
                "Content-Type: application/octet-stream;\n name*1*={};\n name*0*=utf-8''{}",
                percent(second),
                percent(first)
            ),
            5 => format!(
                "Content-Type: application/octet-stream; name={}",
                encoded_words(3, text).replace(' ', "\n ")
            ),
            _ => format!("Content-Disposition: inline; filename=\"{text}\""),
        };
        let attachment = part(&field, "base64", b"\0\x01\x02\x03");
        let raw = whole(&multipart("mixed", &[note(), attachment]));
        let wants = vec![Want::SeenAs(Origin::FileName, text.to_owned())];
        fixtures.push(Fixture::new(field, raw, wants));
    }
    fixtures
}

pub(crate) fn long_base64(text: &str) -> String {
    b64_lines(text)
}
