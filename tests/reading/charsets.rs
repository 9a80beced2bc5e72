//! Charsets, rightly labelled and not.

use crate::fixture::{Fixture, Want};
use crate::mail::{b64, b64_lines, multipart, note, part, quoted, single};
use encoding_rs::Encoding;

const LATIN: &str = "Zahlen Sie für das Gerät, Ihre Wünsche und Grüße zählen 1000 Euro";
const POLISH: &str = "Zapłać dziś, bo jutro wszyscy zobaczą twoją twarz i żonę";
const RUSSIAN: &str = "Переведите деньги на этот кошелёк до пятницы, и всё забудется";
const UKRAINIAN: &str = "Перекажіть гроші до п’ятниці, і ніхто нічого не дізнається";
const GREEK: &str = "Πληρώστε μέχρι την Παρασκευή και κανείς δεν θα μάθει τίποτα";
const TURKISH: &str = "Cuma gününe kadar ödeyin, kimse hiçbir şey öğrenmesin diye ısrar";
const HEBREW: &str = "שלמו עד יום שישי ואף אחד לא ידע על הסרטון הזה";
const ARABIC: &str = "ادفع قبل يوم الجمعة ولن يعرف أحد شيئا عن هذا التسجيل";
const VIETNAMESE: &str = "Hãy tra tien truoc thu sáu và không ai biêt chuyên này";
const THAI: &str = "จ่ายเงินภายในวันศุกร์แล้วจะไม่มีใครรู้เรื่องนี้";
const JAPANESE: &str = "ビットコインを送ってください。あなたの動画を公開します";
const CHINESE: &str = "请在星期五之前付款否则所有人都会看到你的视频";
const TAIWANESE: &str = "請在星期五之前付款否則所有人都會看到你的影片";
const KOREAN: &str = "금요일까지 돈을 보내지 않으면 영상을 공개합니다";

fn encoded(label: &str, text: &str) -> Vec<u8> {
    match label.to_ascii_lowercase().as_str() {
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "utf-16" => [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect(),
        "utf-32le" => text
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect(),
        "utf-32be" => text
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect(),
        "utf-32" => ['\u{feff}']
            .into_iter()
            .chain(text.chars())
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect(),
        "utf-7" => utf7(text),
        other => {
            let encoding = Encoding::for_label(other.as_bytes()).expect(other);
            let (bytes, _, has_errors) = encoding.encode(text);
            assert!(!has_errors, "{label} cannot write {text}");
            bytes.into_owned()
        }
    }
}

/// UTF-7 (RFC 2152).
fn utf7(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut run = String::new();
    let end = |run: &mut String, out: &mut String| {
        if !run.is_empty() {
            let wide: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            *out += &format!("+{}-", b64(wide).trim_end_matches('='));
            run.clear();
        }
    };
    for c in text.chars() {
        if c.is_ascii() {
            end(&mut run, &mut out);
            out.push(c);
        } else {
            run.push(c);
        }
    }
    end(&mut run, &mut out);
    out.into_bytes()
}

/// The text under a label, in plain text, HTML, a file and the subject, in each transfer encoding.
fn dressed(label: &str, bytes: &[u8], page: &[u8], text: &str) -> Vec<Fixture> {
    let wants = || vec![Want::Seen(text.to_owned())];
    let charset = match label {
        "" => String::new(),
        label => format!("; charset=\"{label}\""),
    };
    let mut fixtures = Vec::new();
    for encoding in ["base64", "quoted-printable", "8bit"] {
        let body = |bytes: &[u8]| match encoding {
            "base64" => b64_lines(bytes).into_bytes(),
            "quoted-printable" => quoted(bytes).into_bytes(),
            _ => bytes.to_vec(),
        };
        let plain = single(&format!("text/plain{charset}"), encoding, &body(bytes));
        fixtures.push(Fixture::new(
            format!("{label} plain {encoding}"),
            plain,
            wants(),
        ));
        let html = single(&format!("text/html{charset}"), encoding, &body(page));
        fixtures.push(Fixture::new(
            format!("{label} html {encoding}"),
            html,
            wants(),
        ));
        let file = part(
            &format!(
                "Content-Type: text/plain{charset}; name=a.txt\nContent-Disposition: attachment"
            ),
            encoding,
            bytes,
        );
        let file = crate::mail::mail(&multipart("mixed", &[note(), file]));
        fixtures.push(Fixture::new(
            format!("{label} file {encoding}"),
            file,
            wants(),
        ));
        let inner = single(&format!("text/plain{charset}"), encoding, &body(bytes));
        let around = part("Content-Type: message/rfc822", "base64", &inner);
        let around = crate::mail::mail(&around);
        fixtures.push(Fixture::new(
            format!("{label} nested {encoding}"),
            around,
            wants(),
        ));
    }
    fixtures
}

/// Twelve mails for each text under its label, and an encoded word where the label is one.
fn labelled(rows: &[(&str, &str)]) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for (label, text) in rows {
        let bytes = encoded(label, text);
        let page = encoded(label, &format!("<p>{text}</p>"));
        fixtures.extend(dressed(label, &bytes, &page, text));
        let raw = format!("Subject: =?{label}?B?{}?=\n\nx\n", b64(&bytes));
        fixtures.push(Fixture::new(
            format!("{label} subject"),
            raw,
            vec![Want::Seen((*text).to_owned())],
        ));
    }
    fixtures
}

pub(crate) fn utf_7() -> Vec<Fixture> {
    labelled(&[("utf-7", LATIN), ("UTF-7", RUSSIAN), ("utf-7", JAPANESE)])
}

pub(crate) fn utf_16() -> Vec<Fixture> {
    labelled(&[
        ("utf-16le", LATIN),
        ("utf-16be", RUSSIAN),
        ("utf-16", JAPANESE),
        ("UTF-16", POLISH),
    ])
}

pub(crate) fn utf_32() -> Vec<Fixture> {
    labelled(&[
        ("utf-32le", LATIN),
        ("utf-32be", RUSSIAN),
        ("utf-32", GREEK),
    ])
}

pub(crate) fn windows() -> Vec<Fixture> {
    labelled(
        &[
            ("windows-1250", POLISH),
            ("windows-1251", RUSSIAN),
            ("windows-1252", LATIN),
            ("windows-1253", GREEK),
            ("windows-1254", TURKISH),
            ("windows-1255", HEBREW),
            ("windows-1256", ARABIC),
            (
                "windows-1257",
                "Maksāt līdz piektdienai, citādi visi uzzinās",
            ),
            ("windows-1258", VIETNAMESE.trim_end_matches('x')),
            ("windows-874", THAI),
        ]
        .map(|(label, text)| match label {
            // Its marks stand apart, which the encoder does not write.
            "windows-1258" => (label, "Tra tien truoc thu sau, không ai biêt"),
            _ => (label, text),
        }),
    )
}

pub(crate) fn iso_8859() -> Vec<Fixture> {
    labelled(&[
        ("iso-8859-1", LATIN),
        ("iso-8859-2", POLISH),
        ("iso-8859-5", RUSSIAN),
        ("iso-8859-7", GREEK),
        ("iso-8859-8-i", HEBREW),
        ("iso-8859-9", TURKISH),
        ("iso-8859-15", LATIN),
    ])
}

pub(crate) fn koi8() -> Vec<Fixture> {
    labelled(&[
        ("koi8-r", RUSSIAN),
        (
            "koi8-u",
            "Перекажіть гроші до середи, і ніхто не дізнається",
        ),
        ("KOI8-R", RUSSIAN),
    ])
}

pub(crate) fn japanese() -> Vec<Fixture> {
    labelled(
        &[
            ("iso-2022-jp", JAPANESE),
            ("shift_jis", JAPANESE),
            ("euc-jp", JAPANESE),
            ("cp932", JAPANESE),
        ]
        .map(|(label, text)| {
            if label == "cp932" {
                ("x-sjis", text)
            } else {
                (label, text)
            }
        }),
    )
}

pub(crate) fn korean() -> Vec<Fixture> {
    labelled(&[("euc-kr", KOREAN), ("ks_c_5601-1987", KOREAN)])
}

pub(crate) fn chinese() -> Vec<Fixture> {
    labelled(&[
        ("gb18030", CHINESE),
        ("gb2312", CHINESE),
        ("gbk", CHINESE),
        ("big5", TAIWANESE),
    ])
}

/// Texts in a charset that tells itself, under labels that do not fit.
fn mislabelled(labels: &[&str], real: &[(&str, &str)]) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for (number, (charset, text)) in real.iter().enumerate() {
        let label = labels[number % labels.len()];
        let text = &format!("{text}. {text}");
        let bytes = encoded(charset, text);
        let page = encoded(charset, &format!("<p>{text}</p>"));
        for mut fixture in dressed(label, &bytes, &page, text) {
            fixture.name = format!("{charset} as {}", fixture.name);
            fixtures.push(fixture);
        }
    }
    fixtures
}

/// What tells itself: UTF-8, UTF-16 with its mark, escapes, and Cyrillic by its letters.
const REAL: [(&str, &str); 8] = [
    ("utf-8", LATIN),
    ("utf-8", UKRAINIAN),
    ("utf-8", CHINESE),
    ("utf-8", ARABIC),
    ("utf-16", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("windows-1251", RUSSIAN),
    ("utf-8", THAI),
];

pub(crate) fn wrong() -> Vec<Fixture> {
    // Where the label can be true a client believes it, so these labels cannot.
    mislabelled(&["us-ascii", "utf-8"], &REAL)
}

pub(crate) fn missing() -> Vec<Fixture> {
    mislabelled(&[""], &REAL)
}

pub(crate) fn invented() -> Vec<Fixture> {
    mislabelled(
        &["x-nobody-knows", "unknown-8bit", "utf-99", "%charset%"],
        &REAL,
    )
}
