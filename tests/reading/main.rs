//! What is hidden in a mail, by hiding place, and how much of it is read: the table of docs/reading.md.
//!
//! `cargo test --ignore-rust-version --test reading -- --nocapture` prints it. Every text is invented.

#![allow(
    clippy::unwrap_used,
    reason = "a fixture that cannot be made has failed"
)]

mod broken;
mod charsets;
mod fixture;
mod folding;
mod hostile;
mod html;
mod mail;
mod media;
mod parts;
mod wallets;
mod words;

use callbluff::message::{ReadLimits, read};
use fixture::Fixture;
use std::fmt::Write;
use std::thread;

/// A hiding place and its fixtures.
type Place = (&'static str, fn() -> Vec<Fixture>);

/// So many fixtures each place has at least.
const LEAST: usize = 12;

/// So large is each message that is made to be slow.
const HOSTILE_BYTES: usize = 300_000;

/// Every place, in the order of the table.
const PLACES: &[Place] = &[
    ("text parts, wherever they hang", parts::text_parts),
    ("attached .txt", parts::txt),
    ("attached .html, .htm", parts::pages),
    ("attached .eml", parts::eml),
    ("attached .rtf", parts::rtf),
    ("attached .docx", parts::docx),
    ("attached .odt", parts::odt),
    ("attached .ics", parts::ics),
    ("attached .csv", parts::csv),
    ("nested and base64 message/rfc822", parts::nested),
    ("TNEF (winmail.dat)", parts::tnef),
    ("uuencode", parts::uuencoded),
    ("file names: RFC 2231, RFC 2047, raw", parts::file_names),
    ("subject: RFC 2047, raw 8-bit", parts::subjects),
    ("display names: RFC 2047, raw 8-bit", parts::display_names),
    ("UTF-7", charsets::utf_7),
    ("UTF-16", charsets::utf_16),
    ("UTF-32", charsets::utf_32),
    ("windows-125x, windows-874", charsets::windows),
    ("ISO 8859", charsets::iso_8859),
    ("KOI8", charsets::koi8),
    ("ISO-2022-JP, Shift_JIS, EUC-JP", charsets::japanese),
    ("EUC-KR", charsets::korean),
    ("GB18030, GBK, Big5", charsets::chinese),
    ("wrong charset label", charsets::wrong),
    ("no charset label", charsets::missing),
    ("invented charset label", charsets::invented),
    ("no end boundary", broken::no_end),
    ("two `boundary` parameters", broken::two_boundaries),
    ("duplicate header fields", broken::duplicate_fields),
    ("junk in base64", broken::base64_junk),
    ("bare CR or LF", broken::bare_line_ends),
    ("no blank line", broken::no_blank_line),
    ("200 nested multiparts", broken::deep_multiparts),
    (
        "text outside of the parts, behind their end, wrong boundary",
        broken::outside_and_after,
    ),
    (
        "transfer encoding or type that lies",
        broken::lying_encodings,
    ),
    ("archives: that they are there", parts::archives),
    (
        "encrypted files and mail: that they are there",
        parts::sealed,
    ),
    ("HTML: `display`", html::display),
    ("HTML: `visibility`", html::visibility),
    ("HTML: size", html::size),
    (
        "HTML: colour on background, inherited",
        html::color_inherited,
    ),
    ("HTML: colour by `<style>`", html::color_by_class),
    ("HTML: colour by attributes", html::color_by_attribute),
    ("HTML: opacity", html::opacity),
    ("HTML: clipping", html::clipping),
    ("HTML: off the screen", html::off_screen),
    ("HTML: `hidden`", html::hidden_attribute),
    ("HTML: comments inside words", html::comments_in_words),
    ("HTML: tags inside words", html::tags_in_words),
    ("HTML: a cell for each letter", html::cells_of_letters),
    ("HTML and text: direction turned", html::directions),
    ("HTML: entities", html::entities),
    ("HTML: `alt` and `title`", html::alt_and_title),
    ("PDF: compressed", media::compressed),
    ("PDF: ToUnicode", media::mapped),
    (
        "PDF: encrypted with the empty password",
        media::locked_without_password,
    ),
    (
        "PDF: encrypted with a password that the mail quotes",
        media::locked_with_a_quoted_password,
    ),
    ("QR code, inline", media::codes_inline),
    ("QR code, attached", media::codes_attached),
    ("QR code, `data:`", media::codes_in_data_uris),
    ("QR code in a PDF", media::codes_in_pdfs),
    (
        "picture instead of text: that it is there",
        media::pictures_instead_of_text,
    ),
    ("words: case", folding::case),
    ("words: compatibility forms", folding::compatibility),
    ("words: confusables", folding::confusables),
    ("words: diacritics", folding::diacritics),
    ("words: combining marks", folding::combining),
    ("words: zero-width characters", folding::zero_width),
    ("words: bidi controls", folding::bidi_controls),
    ("words: soft hyphens", folding::soft_hyphens),
    ("words: s p a c e d", folding::spaced),
    ("words: d.o.t.t.e.d", folding::dotted),
    ("words: leetspeak", folding::leet),
    ("words: entities in text/plain", folding::references),
    ("words: foreign letters as noise", folding::foreign_letters),
    ("wallets of 12 coins, random", wallets::plain_addresses),
    ("wallets: spaced", wallets::spaced),
    ("wallets: starred", wallets::starred),
    ("wallets: hyphenated", wallets::hyphenated),
    ("wallets: zero-width characters", wallets::zero_width),
    ("wallets: homoglyphs", wallets::lookalikes),
    ("wallets: TON, spaced", wallets::spaced_ton),
    ("wallets: split over lines", wallets::over_lines),
    ("wallets: named halves", wallets::halves),
    ("wallets: glued to other words", wallets::glued),
    ("wallets: upper case", wallets::upper_case),
    ("wallets: payment links", wallets::links),
    (
        "wallets: one character wrong, none is found",
        wallets::damaged,
    ),
    (
        "wallets: links, Message-IDs, hashes, none is found",
        wallets::innocent,
    ),
];

/// What was found in the fixtures of one place.
struct Row {
    place: &'static str,
    fixtures: usize,
    misses: Vec<String>,
}

fn rows() -> Vec<Row> {
    let threads: Vec<_> = PLACES
        .chunks(PLACES.len().div_ceil(4))
        .map(|places| thread::spawn(|| places.iter().map(row).collect::<Vec<_>>()))
        .collect();
    threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect()
}

fn row((place, make): &Place) -> Row {
    let fixtures = make();
    let mut misses = Vec::new();
    for fixture in &fixtures {
        let missed = fixture.misses();
        if !missed.is_empty() {
            misses.push(format!("{place}: {}: {}", fixture.name, missed.join("; ")));
        }
    }
    Row {
        place,
        fixtures: fixtures.len(),
        misses,
    }
}

fn table(rows: &[Row]) -> String {
    let mut out = String::from("| hiding place | fixtures | found complete |\n|---|---|---|\n");
    for row in rows {
        let found = row.fixtures - row.misses.len();
        let share = 100.0 * found as f64 / row.fixtures as f64;
        let _ = writeln!(out, "| {} | {} | {share:.0} % |", row.place, row.fixtures);
    }
    out
}

#[test]
fn every_hiding_place_is_read() {
    let rows = rows();
    let table = table(&rows);
    println!("{table}");
    let misses: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.misses.iter().map(String::as_str))
        .collect();
    assert!(
        misses.is_empty(),
        "{} not found:\n{}",
        misses.len(),
        misses.join("\n")
    );
    for row in &rows {
        assert!(
            row.fixtures >= LEAST,
            "{}: {} fixtures",
            row.place,
            row.fixtures
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reading.md");
    let page = std::fs::read_to_string(path).expect("docs/reading.md can be read");
    let within = page
        .split_once("<!-- fixtures -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- /fixtures -->"))
        .map(|(within, _)| within);
    assert_eq!(within, Some(table.as_str()), "the table of docs/reading.md");
}

/// Bytes examined of a message, and how many times its own that is.
fn examined(raw: &[u8]) -> (usize, f64) {
    let examined = read(raw, &ReadLimits::default()).examined;
    (examined, examined as f64 / raw.len() as f64)
}

#[test]
fn at_most_eight_times_the_bytes_are_examined() {
    let mut worst = ("", 0.0);
    for (name, raw) in hostile::all(HOSTILE_BYTES) {
        let (examined, times) = examined(&raw);
        assert!(
            raw.len() >= HOSTILE_BYTES * 9 / 10,
            "{name}: {} bytes",
            raw.len()
        );
        assert!(
            examined <= 8 * raw.len() + (64 << 10),
            "{name}: {times:.1} times"
        );
        if times > worst.1 {
            worst = (name, times);
        }
    }
    println!(
        "hostile megabytes: at most {:.2} times, {}",
        worst.1, worst.0
    );
    let mut sum = (0, 0);
    for (place, make) in PLACES {
        for fixture in make() {
            let (examined, times) = examined(&fixture.raw);
            let most = 8 * fixture.raw.len() + (64 << 10);
            assert!(
                examined <= most,
                "{place}, {}: {times:.1} times",
                fixture.name
            );
            sum = (sum.0 + examined, sum.1 + fixture.raw.len());
        }
    }
    println!("fixtures: {:.2} times", sum.0 as f64 / sum.1 as f64);
}
