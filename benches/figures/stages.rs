//! How fast each stage of reading and judging is, and how long the slowest message takes.

use crate::{RUNS, cpu_time, mail, median};
use callbluff::classify::{Judge, find_passwords, find_wallets};
use callbluff::message::{Envelope, Origin, Piece, Place, ReadLimits, Reading, fold, read};
use std::fmt::Write as _;
use std::hint::black_box;
use unicode_normalization::UnicodeNormalization;

#[path = "../../tests/reading/hostile.rs"]
mod hostile;

/// About so many bytes go through each stage.
const BYTES: usize = 1_000_000;
/// No message of a megabyte may take longer, in milliseconds.
const MOST_MS: f64 = 50.0;

/// Prints both tables of docs/performance.md.
pub(crate) fn run() {
    rates();
    worst();
}

/// Milliseconds of CPU, the median of the runs.
fn time(mut work: impl FnMut()) -> f64 {
    work();
    let times = (0..RUNS).map(|_| {
        let start = cpu_time();
        work();
        (cpu_time() - start).as_secs_f64() * 1000.0
    });
    median(times.collect())
}

/// The texts of honest mail, as long as a stage needs it.
fn text() -> String {
    let mut text = String::new();
    for mail in mail::typical(500) {
        for piece in read(&mail, &ReadLimits::default()).pieces {
            if !piece.place.hidden && piece.place.origin == Origin::Plain {
                let _ = writeln!(text, "{}", piece.text);
            }
        }
        if text.len() >= BYTES {
            break;
        }
    }
    text
}

fn rates() {
    // The limits of text are for messages, not for what a stage can do.
    let limits = ReadLimits {
        text_bytes: 64 << 20,
        source_bytes: 64 << 20,
        ..ReadLimits::default()
    };
    let text = text();
    let russian =
        "Мы встретились в понедельник и говорили о саде, о поезде и о погоде. ".repeat(BYTES / 70);
    let piece = |text: &str| Piece {
        place: Place::of(Origin::Plain),
        text: text.to_owned(),
    };
    let reading = |text: &str| Reading {
        pieces: text
            .as_bytes()
            .chunks(14_000)
            .map(|chunk| piece(&String::from_utf8_lossy(chunk)))
            .collect(),
        ..Reading::default()
    };
    let judge = Judge::builtin();
    println!("Stages, median of {RUNS} runs, CPU of one thread:\n");
    println!("| stage | MB/s | the bare crate here |\n|---|---|---|");
    let row = |stage: &str, bytes: usize, ms: f64, bare: Option<(&str, usize, f64)>| {
        let rate = |bytes: usize, ms: f64| bytes as f64 / ms / 1000.0;
        let bare = bare.map_or_else(String::new, |(name, bytes, ms)| {
            format!("{name}: {:.0}", rate(bytes, ms))
        });
        println!("| {stage} | {:.0} | {bare} |", rate(bytes, ms));
    };

    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ".repeat(800);
    let part =
        format!("--b\r\nContent-Type: application/octet-stream; name=a.bin\r\n\r\n{picture}\r\n");
    let parts = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
        part.repeat(BYTES / part.len())
    );
    let bare = time(|| {
        black_box(mail_parser::MessageParser::new().parse(parts.as_bytes()));
    });
    let ms = time(|| {
        black_box(read(parts.as_bytes(), &limits));
    });
    row(
        "MIME, parts of 36 kB",
        parts.len(),
        ms,
        Some(("mail-parser", parts.len(), bare)),
    );

    let (koi8, _, _) = encoding_rs::KOI8_R.encode(&russian);
    let raw = [
        b"Content-Type: text/plain; charset=koi8-r\r\n\r\n".as_slice(),
        &koi8,
    ]
    .concat();
    let bare = time(|| {
        black_box(encoding_rs::KOI8_R.decode(&koi8));
    });
    let ms = time(|| {
        black_box(read(&raw, &limits));
    });
    row(
        "charset, KOI8-R",
        raw.len(),
        ms,
        Some(("encoding_rs", koi8.len(), bare)),
    );

    let mut page = String::from("Content-Type: text/html; charset=utf-8\r\n\r\n");
    let head = page.len();
    for line in text.lines() {
        let _ = write!(
            page,
            "<tr><td style=\"padding:4px\" class=m><p>{line}</p></td></tr>\r\n"
        );
    }
    let bare = time(|| {
        let mut letters = 0;
        for Ok(token) in html5gum::Tokenizer::new(&page[head..]) {
            letters += usize::from(matches!(token, html5gum::Token::String(_)));
        }
        black_box(letters);
    });
    let ms = time(|| {
        black_box(read(page.as_bytes(), &limits));
    });
    row(
        "HTML",
        page.len(),
        ms,
        Some(("html5gum", page.len() - head, bare)),
    );

    for (name, text) in [("English", &text), ("Russian", &russian)] {
        let bare = time(|| {
            black_box(text.nfkc().count());
        });
        let ms = time(|| {
            black_box(fold(text));
        });
        row(
            &format!("normaliser, {name}"),
            text.len(),
            ms,
            Some(("unicode-normalization, NFKC", text.len(), bare)),
        );
        let reading = reading(text);
        let folding = time(|| {
            for piece in &reading.pieces {
                black_box(fold(&piece.text));
            }
        });
        let ms = time(|| {
            black_box(judge.rules(&reading));
        });
        row(
            &format!("words and patterns of 25 languages, {name}"),
            text.len(),
            ms - folding,
            None,
        );
        let ms = time(|| {
            black_box(find_wallets(&reading.pieces));
        });
        row(&format!("wallets, {name}"), text.len(), ms, None);
        let ms = time(|| {
            black_box(find_passwords(&reading.pieces));
        });
        row(&format!("quoted passwords, {name}"), text.len(), ms, None);
    }

    let mails = mail::typical(200);
    let bytes = mails.iter().map(Vec::len).sum();
    let envelope = Envelope::default();
    let ms = time(|| {
        for mail in &mails {
            black_box(judge.judge(&envelope, &read(mail, &ReadLimits::default())));
        }
    });
    row("the whole way, honest mail", bytes, ms, None);
    println!();
}

fn worst() {
    let (judge, envelope, limits) = (Judge::builtin(), Envelope::default(), ReadLimits::default());
    let mut times: Vec<(f64, f64, &str)> = Vec::new();
    for (name, raw) in hostile::all(BYTES) {
        let reading = read(&raw, &limits);
        let reads = time(|| {
            black_box(read(&raw, &limits));
        });
        let judges = time(|| {
            black_box(judge.judge(&envelope, &reading));
        });
        times.push((reads, judges, name));
    }
    times.sort_by(|a, b| (b.0 + b.1).total_cmp(&(a.0 + a.1)));
    let over = times
        .iter()
        .filter(|(reads, judges, _)| reads + judges > MOST_MS)
        .count();
    println!(
        "{} hostile messages of {} MB: {over} over {MOST_MS} ms. The slowest, in ms:\n",
        times.len(),
        BYTES / 1_000_000
    );
    println!("| message | reading | judging | both |\n|---|---|---|---|");
    for (reads, judges, name) in times.iter().take(12) {
        println!(
            "| {name} | {reads:.1} | {judges:.1} | {:.1} |",
            reads + judges
        );
    }
    println!();
}
