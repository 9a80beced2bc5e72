//! Any bytes as text under some label, transfer encoding and header word.
#![no_main]

use callbluff::message::{ReadLimits, read};
use libfuzzer_sys::fuzz_target;

const LABELS: [&str; 20] = [
    "utf-8",
    "utf-7",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "utf-32",
    "iso-2022-jp",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "gb2312",
    "big5",
    "koi8-r",
    "windows-1251",
    "windows-1256",
    "iso-8859-8-i",
    "ibm866",
    "us-ascii",
    "x-nobody-knows",
];

const ENCODINGS: [&str; 4] = ["8bit", "base64", "quoted-printable", "x-uuencode"];

fuzz_target!(|input: &[u8]| {
    let [label, encoding, text @ ..] = input else {
        return;
    };
    let label = LABELS[usize::from(*label) % LABELS.len()];
    let encoding = ENCODINGS[usize::from(*encoding) % ENCODINGS.len()];
    let word: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| byte.is_ascii_graphic() && *byte != b'?')
        .take(60)
        .collect();
    let mut raw = format!("Subject: =?{label}?q?").into_bytes();
    raw.extend_from_slice(&word);
    raw.extend_from_slice(
        format!(
            "?=\nContent-Type: text/plain; charset=\"{label}\"\n\
             Content-Transfer-Encoding: {encoding}\n\n"
        )
        .as_bytes(),
    );
    raw.extend_from_slice(text);
    read(&raw, &ReadLimits::default());
});
