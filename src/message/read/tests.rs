use super::*;
use base64::Engine;

/// Reads a message and checks that its line ends do not matter.
fn reading(raw: &str) -> Reading {
    let crlf = read(raw.replace('\n', "\r\n").as_bytes(), &ReadLimits::default());
    let lf = read(raw.as_bytes(), &ReadLimits::default());
    assert_eq!(lf.pieces, crlf.pieces, "{raw:?}");
    assert_eq!(lf.findings, crlf.findings, "{raw:?}");
    lf
}

/// The pieces as `place: text`.
fn pieces(reading: &Reading) -> Vec<String> {
    reading
        .pieces
        .iter()
        .map(|piece| format!("{}: {}", piece.place, piece.text.trim_end()))
        .collect()
}

fn ids(reading: &Reading) -> Vec<&'static str> {
    reading.findings.iter().map(|finding| finding.id).collect()
}

fn b64(text: impl AsRef<[u8]>) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

const NOTE: &str = "I know your secret and you will send the coins to my wallet today";

#[test]
fn ordinary_messages() {
    for (raw, expected) in [
        ("Subject: =?utf-8?B?SGk=?=\nFrom: \"Ann\" <a@example.org>\n\nthe body\n".to_owned(),
         vec!["subject: Hi", "display-name: Ann", "plain: the body"]),
        (format!("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}\n", b64("Grüße")),
         vec!["plain: Grüße"]),
        ("Content-Transfer-Encoding: quoted-printable\n\nsoft=\nbreak =3D\n".to_owned(),
         vec!["plain: softbreak ="]),
        ("Content-Type: text/html\n\n<p>see<b hidden>n</b>n</p>".to_owned(),
         vec!["html: seen", "html.hidden: n"]),
        ("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nfirst\n--b\nContent-Type: text/html\n\n<p>second</p>\n--b--\n".to_owned(),
         vec!["plain: first", "html: second"]),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name=\"a.txt\"\nContent-Disposition: attachment; filename=a.txt\n\nfile\n--b--\n".to_owned(),
         vec!["file-name: a.txt", "attachment: file"]),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninside\n--b--\n".to_owned(),
         vec!["nested.subject: inner", "nested.plain: inside"]),
        (format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}\n", b64("Subject: inner\n\ninside\n")),
         vec!["nested.subject: inner", "nested.plain: inside"]),
        (format!("Content-Type: application/octet-stream; name=a.eml\nContent-Transfer-Encoding: base64\n\n{}\n", b64("Subject: inner\nFrom: x@example.org\n\ninside\n")),
         vec!["file-name: a.eml", "nested.subject: inner", "nested.plain: inside"]),
        ("just a text\nwithout a header".to_owned(), vec!["plain: just a text\nwithout a header"]),
        ("From ann@example.org Mon Jan  1 00:00:00 2024\nSubject: s\n\nbody".to_owned(),
         vec!["subject: s", "plain: body"]),
        ("".to_owned(), vec![]),
    ] {
        assert_eq!(pieces(&reading(&raw)), expected, "{raw:?}");
    }
}

#[test]
fn attached_files_are_read() {
    let office = crate::message::office::tests::zipped(&[(
        "word/document.xml",
        "<w:p><w:t>in word</w:t></w:p>",
    )]);
    for (kind, name, bytes, expected) in [
        (
            "text/csv",
            "a.csv",
            b"one;two".to_vec(),
            vec!["attachment: one;two"],
        ),
        (
            "application/octet-stream",
            "a.txt",
            b"some words of text".to_vec(),
            vec!["attachment: some words of text"],
        ),
        (
            "application/octet-stream",
            "a.html",
            b"<p>page</p>".to_vec(),
            vec!["attachment: page"],
        ),
        (
            "application/rtf",
            "a.rtf",
            b"{\\rtf1 rich}".to_vec(),
            vec!["attachment: rich"],
        ),
        (
            "application/zip",
            "a.docx",
            office,
            vec!["attachment: in word"],
        ),
        (
            "text/calendar",
            "a.ics",
            b"BEGIN:VCALENDAR\nSUMMARY:meet\n".to_vec(),
            vec!["attachment: meet"],
        ),
        (
            "application/ms-tnef",
            "winmail.dat",
            crate::message::tnef::tests::sample(),
            vec![
                "subject: inner subject",
                "attachment: plain body",
                "attachment: html body",
                "file-name: note.txt",
                "attachment: attached text of the file",
            ],
        ),
        (
            "image/svg+xml",
            "a.svg",
            b"<svg><text>drawn</text></svg>".to_vec(),
            vec!["attachment: drawn"],
        ),
        ("image/png", "a.png", b"\x00\x01\x02\x03".to_vec(), vec![]),
    ] {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\nContent-Type: {kind}\nContent-Disposition: attachment; filename={name}\nContent-Transfer-Encoding: base64\n\n{}\n--b--\n",
            b64(&bytes)
        );
        let file_name = format!("file-name: {name}");
        let mut whole = vec!["plain: body", file_name.as_str()];
        whole.extend(expected);
        assert_eq!(pieces(&reading(&raw)), whole, "{name}");
    }
}

#[test]
fn uuencoded_files_are_read() {
    let reading = reading("Subject: s\n\nbefore\nbegin 644 n.txt\n#0V%T\n`\nend\nafter\n");
    assert_eq!(
        pieces(&reading),
        [
            "subject: s",
            "file-name: n.txt",
            "attachment: Cat",
            "plain: before\nafter"
        ]
    );
    assert_eq!(ids(&reading), ["structure.uuencode"]);
}

#[test]
fn ambiguous_structure_is_read_each_way() {
    let part = |text: &str| format!("Content-Type: text/plain\n\n{text}\n");
    for (raw, finding, expected) in [
        (
            format!(
                "Content-Type: multipart/mixed; boundary=one; boundary=two\n\n--one\n{}--one--\n--two\n{}--two--\n",
                part("first"),
                part(NOTE)
            ),
            "structure.boundary-twice",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=two; boundary=one\n\n--one\n{}--one--\n--two\n{}--two--\n",
                part("first"),
                part(NOTE)
            ),
            "structure.boundary-twice",
            NOTE,
        ),
        (
            format!("Content-Type: text/html\nContent-Type: text/plain\n\n<p>{NOTE}</p>"),
            "structure.header-twice",
            NOTE,
        ),
        (
            format!("Content-Type: text/plain\nContent-Type: text/html\n\n<p>{NOTE}</p>"),
            "structure.header-twice",
            NOTE,
        ),
        (
            format!(
                "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 7bit\n\n{}",
                b64(NOTE)
            ),
            "structure.header-twice",
            NOTE,
        ),
        (
            format!(
                "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n{}",
                b64(NOTE)
            ),
            "structure.header-twice",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n{}",
                part(NOTE)
            ),
            "structure.no-end",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--c\n{}--c--\n",
                part(NOTE)
            ),
            "structure.boundary-wrong",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n{}--b--\n--b\n{}--b--\n",
                part("first"),
                part(NOTE)
            ),
            "structure.boundary-after-end",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n{}\n--b\n{}--b--\n",
                NOTE.repeat(5),
                part("first")
            ),
            "structure.outside-text",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n{}--b--\n{}\n",
                part("first"),
                NOTE.repeat(5)
            ),
            "structure.outside-text",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n{}\n",
                NOTE.repeat(5)
            ),
            "structure.outside-text",
            NOTE,
        ),
        (
            format!("Subject: s\n{NOTE}\nmore of it\n"),
            "structure.no-blank-line",
            NOTE,
        ),
        (
            format!("Subject: s\n{NOTE}\n\nmore of it\n"),
            "structure.no-blank-line",
            NOTE,
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n{NOTE}\n--b--\n"
            ),
            "structure.no-blank-line",
            NOTE,
        ),
        (
            format!("Content-Type: text/plain\n\n{}\n", b64(NOTE)),
            "structure.encoding-lie",
            NOTE,
        ),
        (
            format!("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{NOTE}\n"),
            "structure.encoding-lie",
            NOTE,
        ),
        (
            format!("Content-Type: text/plain\n\n{}\n", NOTE.replace(' ', "=20")),
            "structure.encoding-lie",
            NOTE,
        ),
        (
            format!(
                "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{}\n",
                b64(NOTE).replace('0', "!0")
            ),
            "structure.base64-junk",
            NOTE,
        ),
        (
            format!("Content-Type: image/png\n\n{NOTE}\n"),
            "structure.type-lie",
            NOTE,
        ),
    ] {
        let reading = reading(&raw);
        assert!(
            ids(&reading).contains(&finding),
            "{finding} in {:?} of {raw}",
            ids(&reading)
        );
        let found = reading
            .pieces
            .iter()
            .any(|piece| piece.text.contains(expected));
        assert!(found, "{:?} of {raw}", pieces(&reading));
    }
}

#[test]
fn the_same_text_is_not_read_twice() {
    for raw in [
        "Content-Type: text/plain\nContent-Type: text/plain; charset=utf-8\n\nbody".to_owned(),
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{NOTE}\n--b--\n--b\nContent-Type: text/plain\n\n{NOTE}\n--b--\n"
        ),
    ] {
        assert_eq!(reading(&raw).pieces.len(), 1, "{raw}");
    }
}

#[test]
fn comments_and_quotes_in_the_encoding_are_forgiven() {
    for value in ["base64 (c)", "\"base64\"", "BASE64;", "base64 "] {
        let raw = format!("Content-Transfer-Encoding: {value}\n\n{}\n", b64(NOTE));
        assert_eq!(
            pieces(&reading(&raw)),
            [format!("plain: {NOTE}")],
            "{value}"
        );
    }
}

#[test]
fn bare_carriage_returns_are_line_ends_for_some() {
    let raw = format!("Subject: s\rContent-Type: text/html\r\r<p>{NOTE}</p>");
    let found = read(raw.as_bytes(), &ReadLimits::default());
    assert!(ids(&found).contains(&"structure.bare-newline"));
    assert!(
        pieces(&found).contains(&format!("html~2: {NOTE}")),
        "{:?}",
        pieces(&found)
    );
    let found = read(
        b"Subject: s\r\n\r\none\rtwo\r\nthree",
        &ReadLimits::default(),
    );
    assert_eq!(pieces(&found), ["subject: s", "plain: one\ntwo\nthree"]);
}

/// A CR may be written in other ways than by its byte.
#[test]
fn line_ends_of_a_piece_are_lf_however_written() {
    let office = crate::message::office::tests::zipped(&[(
        "word/document.xml",
        "<w:p><w:t>a&#13;b&#xD;c</w:t></w:p>",
    )]);
    for (name, raw) in [
        ("title", "Content-Type: text/html\n\n<p title='a<b>c&#xd>c'>x".to_owned()),
        ("alt", "Content-Type: text/html\n\n<img alt='a&#13;b&#x0D;'>".to_owned()),
        ("text", "Content-Type: text/html\n\n<pre>a&#13;b</pre><p>a&#xd;b".to_owned()),
        ("hidden", "Content-Type: text/html\n\n<pre hidden>a&#13;b</pre>x<title>a&#13;b</title>".to_owned()),
        ("comment", "Content-Type: text/html\n\nx<!--a&#13;b-->".to_owned()),
        ("content", "Content-Type: text/html\n\n<style>p::before{content:'a\\d b\\00000D c'}</style><p>x".to_owned()),
        ("link", "Content-Type: text/html\n\n<a href='mailto:a%0Db'>x</a>".to_owned()),
        ("quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\na=0Db=0D=0Ac\n".to_owned()),
        ("base64", format!("Content-Transfer-Encoding: base64\n\n{}\n", b64("a\rb\r\nc"))),
        ("utf-7", "Content-Type: text/plain; charset=utf-7\n\na+AA0-b\n".to_owned()),
        ("utf-16", format!("Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\n{}\n", b64("a\0\r\0b\0"))),
        ("subject", "Subject: =?utf-8?q?a=0Db?= =?utf-7?q?a+AA0-b?=\nFrom: =?utf-8?q?a=0Db?= <a@example.org>\n\nx\n".to_owned()),
        ("file name", "Content-Disposition: attachment; filename*=utf-8''a%0Db.txt\n\nsome text\n".to_owned()),
        ("rich text", "Content-Type: text/rtf\n\n{\\rtf1 a\\'0db\\u13?c{\\v d\\'0de}}".to_owned()),
        ("office", format!("Content-Type: application/zip; name=a.docx\nContent-Transfer-Encoding: base64\n\n{}\n", b64(office))),
        ("calendar", "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nDESCRIPTION:<p title='a&#13;b'>c</p>\n".to_owned()),
        ("picture", "Content-Type: image/svg+xml; name=a.svg\n\n<svg><text>a&#13;b</text></svg>".to_owned()),
    ] {
        let found = reading(&raw);
        assert!(!found.pieces.is_empty(), "{name}");
        for piece in &found.pieces {
            assert!(!piece.text.contains('\r'), "{name}: {:?}", piece.text);
        }
    }
}

#[test]
fn charsets_and_their_lies() {
    let (cyrillic, _, _) = encoding_rs::KOI8_R.encode("Переведите деньги на этот кошелек");
    for label in ["koi8-r", "x-unknown", "utf-8", "us-ascii"] {
        let mut raw = format!("Content-Type: text/plain; charset={label}\n\n").into_bytes();
        raw.extend_from_slice(&cyrillic);
        let found = read(&raw, &ReadLimits::default());
        assert_eq!(
            pieces(&found),
            ["plain: Переведите деньги на этот кошелек"],
            "{label}"
        );
    }
}

/// Every charset in every transfer encoding, in plain text, HTML and as an attached file.
#[test]
fn every_wrapping_gives_the_same_text() {
    let (latin, cyrillic, japanese) = (
        "Zahlen Sie für Ihr Gerät 1000 Euro",
        "Переведите деньги на этот кошелек",
        "ビットコインを送ってください。あなたの動画",
    );
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let mut encoded: Vec<(&str, Vec<u8>, &str)> = vec![
        ("utf-8", latin.as_bytes().to_vec(), latin),
        ("utf-16le", utf16(latin), latin),
        ("utf-16", utf16(cyrillic), cyrillic),
        (
            "utf-7",
            b"Zahlen Sie f+APw-r Ihr Ger+AOQ-t 1000 Euro".to_vec(),
            latin,
        ),
    ];
    for (label, text) in [
        ("iso-8859-1", latin),
        ("windows-1252", latin),
        ("iso-8859-15", latin),
        ("windows-1250", latin),
        ("windows-1251", cyrillic),
        ("koi8-r", cyrillic),
        ("koi8-u", cyrillic),
        ("iso-8859-5", cyrillic),
        ("ibm866", cyrillic),
        ("iso-2022-jp", japanese),
        ("shift_jis", japanese),
        ("euc-jp", japanese),
        ("gb18030", japanese),
        ("gb18030", cyrillic),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        encoded.push((label, encoding.encode(text).0.into_owned(), text));
    }
    for (label, bytes, text) in encoded {
        let quoted: String = bytes.iter().map(|byte| format!("={byte:02X}")).collect();
        let page = |bytes: &[u8]| {
            let mark = |text: &str| {
                if label.starts_with("utf-16") {
                    utf16(text)
                } else {
                    text.as_bytes().to_vec()
                }
            };
            [mark("<p>"), bytes.to_vec(), mark("</p>")].concat()
        };
        for (kind, transfer, body) in [
            ("text/plain", "8bit", bytes.clone()),
            ("text/plain", "base64", b64(&bytes).into_bytes()),
            ("text/plain", "quoted-printable", quoted.into_bytes()),
            ("text/html", "8bit", page(&bytes)),
            ("text/html", "base64", b64(page(&bytes)).into_bytes()),
            ("text/csv", "base64", b64(&bytes).into_bytes()),
        ] {
            let head = format!(
                "Content-Type: {kind}; charset={label}\nContent-Transfer-Encoding: {transfer}\n\n"
            );
            let found = read(&[head.as_bytes(), &body].concat(), &ReadLimits::default());
            let texts: Vec<&str> = found.pieces.iter().map(|piece| piece.text.trim()).collect();
            assert_eq!(texts, [text], "{label} {kind} {transfer}");
        }
    }
}

#[test]
fn plain_text_that_is_a_page_is_read_as_one_too() {
    let reading = reading("Content-Type: text/plain\n\n<html><p>bit<!-- -->coin</p></html>");
    assert_eq!(
        pieces(&reading),
        [
            "plain: <html><p>bit<!-- -->coin</p></html>",
            "html~2: bitcoin",
            "html.hidden~2: "
        ][..2]
    );
}

#[test]
fn text_that_only_some_programs_hide_is_read_as_shown_too() {
    let text = format!("{NOTE}. ").repeat(6);
    let raw = format!(
        "Content-Type: text/html\n\n<style>.h{{display:none}}</style><p>Hello</p><p class=h>{text}</p>"
    );
    let found = reading(&raw);
    let shown = found
        .pieces
        .iter()
        .find(|piece| piece.place.reading == 1 && !piece.place.hidden);
    assert_eq!(
        shown.map(|piece| piece.text.as_str()),
        Some(format!("Hello\n{}", text.trim()).as_str())
    );
}

#[test]
fn media_are_handed_on() {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.resize(2000, 7);
    let encoded = b64(&picture);
    let raw = format!("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n{encoded}\n");
    let found = reading(&raw);
    assert_eq!(found.media.len(), 1);
    assert_eq!(found.media[0].bytes, picture);
    assert_eq!(ids(&found), ["structure.picture-only"]);
    let raw = format!(
        "Content-Type: text/html\n\n<img src=\"data:image/png;base64,{}\">",
        encoded.replace('\n', "")
    );
    let found = reading(&raw);
    assert_eq!(found.media[0].bytes, picture);
    let limits = ReadLimits {
        media_bytes: 100,
        ..ReadLimits::default()
    };
    let found = read(raw.as_bytes(), &limits);
    assert!(found.media.is_empty() && found.is_truncated);
    let raw = format!(
        "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n{}\n",
        b64("%PDF-1.4 /Encrypt 1 0 R")
    );
    assert!(ids(&reading(&raw)).contains(&"structure.encrypted"));
}

#[test]
fn sealed_things_are_facts() {
    let archive = crate::message::office::tests::zipped(&[("a.js", "x")]);
    for (kind, bytes, expected) in [
        ("application/zip", archive, "structure.archive"),
        (
            "application/octet-stream",
            b"Rar!\x1a\x07\x01\0".to_vec(),
            "structure.archive",
        ),
        (
            "application/pkcs7-mime",
            b"0\x82\x01\x02".to_vec(),
            "structure.encrypted-mail",
        ),
        (
            "text/plain",
            b"-----BEGIN PGP MESSAGE-----\n\nabc".to_vec(),
            "structure.encrypted-mail",
        ),
    ] {
        let raw = format!(
            "Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n{}\n",
            b64(bytes)
        );
        assert!(ids(&reading(&raw)).contains(&expected), "{kind}");
    }
}

#[test]
fn an_empty_body_is_a_fact() {
    assert_eq!(
        ids(&reading("Subject: only this\n\n\n")),
        ["structure.no-body"]
    );
}

#[test]
fn deep_nesting_is_read_to_the_bottom() {
    let mut raw = String::new();
    for level in 0..200 {
        raw += &format!("Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n");
    }
    raw += &format!("Content-Type: text/plain\n\n{NOTE}\n");
    let found = reading(&raw);
    assert!(
        found.pieces.iter().any(|piece| piece.text.contains(NOTE)),
        "{:?}",
        pieces(&found)
    );
    assert!(ids(&found).contains(&"structure.deep"));
    let messages = "Content-Type: message/rfc822\n\n".repeat(100) + "Subject: s\n\n" + NOTE;
    let found = reading(&messages);
    assert!(found.pieces.iter().any(|piece| piece.text.contains(NOTE)));
}

#[test]
fn limits_become_findings() {
    let limits = ReadLimits {
        text_bytes: 100,
        parts: 10,
        header_bytes: 200,
        ..ReadLimits::default()
    };
    for (raw, finding) in [
        (
            format!("Subject: s\n\n{}", "word ".repeat(100)),
            "limit.text",
        ),
        (
            format!("Content-Type: text/html\n\n{}", "<p>word ".repeat(100)),
            "limit.text",
        ),
        (
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n{}",
                "--b\n\nx\n".repeat(100)
            ),
            "limit.parts",
        ),
        (
            format!("{}\n\nbody", "X-A: b\n".repeat(100)),
            "limit.header",
        ),
    ] {
        let found = read(raw.as_bytes(), &limits);
        assert!(
            ids(&found).contains(&finding),
            "{finding}: {:?}",
            ids(&found)
        );
        assert!(found.is_truncated, "{finding}");
        let size: usize = found.pieces.iter().map(|piece| piece.text.len()).sum();
        assert!(size <= 200, "{finding}");
    }
}

#[test]
fn hostile_messages_stay_within_their_limits() {
    let html = |body: String| format!("Content-Type: text/html\n\n{body}").into_bytes();
    let attributes = (0..50_000).fold(String::new(), |all, n| all + &format!(" a{n}=b"));
    let boundaries = (0..3000).fold(String::new(), |all, n| {
        all + &format!("--b\nContent-Type: multipart/mixed; boundary=never{n}\n\n")
    });
    let limits = ReadLimits::default();
    for (name, raw) in [
        ("elements", html("<div>".repeat(200_000))),
        ("attributes", html(format!("<p{attributes}>x"))),
        ("cells", html("<td>x".repeat(200_000))),
        (
            "open formatting",
            html("<p><font color=red>x</p>".repeat(40_000)),
        ),
        ("end tags", html("</p></b>".repeat(100_000))),
        ("entities", html("&".repeat(1_000_000))),
        ("comments", html("<!--".repeat(200_000))),
        (
            "rules",
            html(format!("<style>{}", "a b,.c .d{color:red}".repeat(40_000))),
        ),
        ("sheets", html("<style>@media x{".repeat(60_000))),
        ("data", html("<img src='data:,x'>".repeat(50_000))),
        (
            "multiparts",
            format!("Content-Type: multipart/mixed; boundary=b\n\n{boundaries}").into_bytes(),
        ),
        (
            "parts",
            format!(
                "Content-Type: multipart/mixed; boundary=b\n\n{}",
                "--b\n\nx\n".repeat(300_000)
            )
            .into_bytes(),
        ),
        (
            "messages",
            "Content-Type: message/rfc822\n\n"
                .repeat(50_000)
                .into_bytes(),
        ),
        (
            "fields",
            "Content-Type: text/html\n".repeat(150_000).into_bytes(),
        ),
        (
            "words",
            format!("Subject: {}", "=?a?q?".repeat(150_000)).into_bytes(),
        ),
        (
            "parameters",
            format!("Content-Type: a/b; {}", "a*0=b;".repeat(40_000)).into_bytes(),
        ),
        (
            "base64",
            format!(
                "Content-Transfer-Encoding: base64\n\n{}",
                "QUFB".repeat(700_000)
            )
            .into_bytes(),
        ),
        ("returns", vec![b'\r'; 2_000_000]),
        ("NULs", vec![0; 2_000_000]),
        ("high", vec![0xff; 2_000_000]),
        (
            "rich text",
            format!(
                "Content-Type: text/rtf\n\n{{\\rtf1{}",
                "{\\b x".repeat(100_000)
            )
            .into_bytes(),
        ),
        (
            "uuencode",
            format!("a: b\n\n{}", "begin 644 x\n".repeat(100_000)).into_bytes(),
        ),
    ] {
        let found = read(&raw, &limits);
        let visible: usize = found
            .pieces
            .iter()
            .filter(|p| !p.place.hidden)
            .map(|p| p.text.len())
            .sum();
        let hidden: usize = found
            .pieces
            .iter()
            .filter(|p| p.place.hidden)
            .map(|p| p.text.len())
            .sum();
        assert!(
            visible <= limits.text_bytes && hidden <= limits.text_bytes,
            "{name}"
        );
        assert!(found.media.len() <= limits.media_items, "{name}");
        assert!(found.examined <= 8 * raw.len() + (64 << 10), "{name}");
        assert!(found.pieces.len() <= 2 * limits.parts + 100, "{name}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// What messages are made of, in any order.
    fn token() -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<&'static [u8]> = vec![
            b"Content-Type: ",
            b"multipart/mixed; ",
            b"boundary=b",
            b"; boundary=c",
            b"text/html",
            b"text/plain",
            b"message/rfc822",
            b"application/octet-stream",
            b"; charset=utf-16",
            b"; charset=koi8-r",
            b"; name*0*=utf-8''a",
            b"Content-Transfer-Encoding: ",
            b"base64",
            b"quoted-printable",
            b"Subject: ",
            b"From: ",
            b"=?utf-8?B?",
            b"=?utf-8?Q?",
            b"?=",
            b"\n",
            b"\n\n",
            b"--b\n",
            b"--b--\n",
            b"--c\n",
            b"<p>",
            b"</p>",
            b"<td>",
            b"<style>.a{display:none}</style>",
            b"<b class=a>",
            b"<b style='font-size:0'>",
            b"</b>",
            b"<!--",
            b"-->",
            b"<bdo dir=rtl>",
            b"&amp",
            b"<img alt=x src='data:,y'>",
            b"QUJD",
            b"=41",
            b"=\n",
            b"begin 644 x\n",
            b"#0V%T\n",
            b"end\n",
            b"{\\rtf1 ",
            b"\\'e4",
            b"}",
            b"x",
            b" ",
            b"\t",
            b"\0",
            b"\xff",
            b"\xc3",
            b"\xa9",
            b"+AG4-",
        ];
        prop_oneof![
            20 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ]
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(token(), 0..60).prop_map(|tokens| tokens.concat())
    }

    fn with_crlf(raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in raw {
            if *byte == b'\n' {
                out.push(b'\r');
            }
            out.push(*byte);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..600)) {
            read(&raw, &ReadLimits::default());
        }

        #[test]
        fn the_same_bytes_give_the_same_reading(raw in message()) {
            let limits = ReadLimits::default();
            prop_assert_eq!(read(&raw, &limits), read(&raw, &limits));
        }

        #[test]
        fn limits_hold_for_any_message(raw in message()) {
            let limits = ReadLimits { text_bytes: 40, parts: 3, depth: 2, header_bytes: 60, media_items: 1, ..ReadLimits::default() };
            let found = read(&raw, &limits);
            let visible: usize = found.pieces.iter().filter(|p| !p.place.hidden).map(|p| p.text.len()).sum();
            prop_assert!(visible <= 40);
            prop_assert!(found.media.len() <= 1);
            for finding in &found.findings {
                prop_assert!(findings::FINDINGS.iter().any(|(id, _)| *id == finding.id));
            }
        }

        #[test]
        fn line_ends_do_not_matter(raw in message()) {
            // Without bytes in which a line feed is no line end: bare CR, UTF-16, binary files.
            let raw: Vec<u8> = raw.into_iter().filter(|b| *b != b'\r' && *b != 0 && *b < 0x80).collect();
            let raw = String::from_utf8(raw).expect("ASCII").replace("utf-16", "utf-8");
            let limits = ReadLimits::default();
            let (lf, crlf) = (read(raw.as_bytes(), &limits), read(&with_crlf(raw.as_bytes()), &limits));
            prop_assert_eq!(lf.pieces, crlf.pieces);
            prop_assert_eq!(lf.header, crlf.header);
        }
    }
}
