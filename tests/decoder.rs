//! Files read in helper processes: what comes back, and what happens to hostile ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use callbluff::decoder::{Decoder, Settings, Trouble};
use callbluff::message::{Media, MediaKind, Origin, Place};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn settings() -> Settings {
    Settings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_callbluff")),
        // Far longer than needed: only the tests of the deadline come near it.
        deadline: Duration::from_secs(60),
        ..Settings::default()
    }
}

fn picture(pixels: GrayImage) -> Media {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(pixels)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    Media {
        place: Place {
            part: 2,
            ..Place::of(Origin::Attachment)
        },
        kind: MediaKind::Picture,
        bytes: bytes.into_inner(),
    }
}

fn code(text: &str) -> Media {
    let code = qrcode::QrCode::new(text).unwrap();
    let squares = code.width() as u32;
    picture(GrayImage::from_fn(
        squares * 4,
        squares * 4,
        |x, y| match code[((x / 4) as usize, (y / 4) as usize)] {
            qrcode::Color::Dark => Luma([0]),
            qrcode::Color::Light => Luma([255]),
        },
    ))
}

/// Thousands of the corner marks of a QR code: every three of them could be one.
fn flood() -> Media {
    picture(GrayImage::from_fn(900, 900, |x, y| {
        let ring = (x % 9).abs_diff(3).max((y % 9).abs_diff(3));
        Luma([if matches!(ring, 0 | 1 | 3) { 0 } else { 255 }])
    }))
}

fn ids(decoded: &callbluff::decoder::Decoded) -> Vec<&str> {
    decoded.findings.iter().map(|finding| finding.id).collect()
}

#[tokio::test]
async fn finds_come_back_and_the_helper_is_used_again() {
    let decoder = Decoder::new(settings());
    for text in ["first", "second"] {
        let decoded = decoder.decode(&[code(text)], &[]).await;
        assert_eq!(decoded.pieces.len(), 1);
        assert_eq!(decoded.pieces[0].text, text);
        assert_eq!(decoded.pieces[0].place.to_string(), "qr");
        assert_eq!(decoded.pieces[0].place.part, 2);
        assert_eq!(ids(&decoded), ["structure.qr"]);
        assert_eq!(decoded.trouble, None);
    }
    assert_eq!(decoder.counts.started.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn mail_without_media_starts_nothing() {
    let decoder = Decoder::new(settings());
    assert_eq!(decoder.decode(&[], &[]).await, Default::default());
    let off = Decoder::new(Settings {
        enabled: false,
        ..settings()
    });
    assert_eq!(off.decode(&[code("x")], &[]).await, Default::default());
    for decoder in [decoder, off] {
        assert_eq!(decoder.counts.started.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_helper_is_killed_at_the_deadline_and_the_next_one_works() {
    let decoder = Decoder::new(Settings {
        deadline: Duration::from_secs(4),
        ..settings()
    });
    let media = vec![code("before"), flood(), code("after")];
    let decoded = decoder.decode(&media, &[]).await;
    assert_eq!(decoded.trouble, Some(Trouble::Late));
    assert_eq!(decoded.pieces[0].text, "before");
    assert_eq!(
        ids(&decoded),
        ["structure.qr", "limit.decoder", "limit.decoder"]
    );
    let decoded = decoder.decode(&[code("next")], &[]).await;
    assert_eq!(decoded.pieces[0].text, "next");
    assert_eq!(decoder.counts.started.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_file_that_takes_too_much_memory_harms_no_other() {
    let decoder = Decoder::new(Settings {
        memory: 64 << 20,
        ..settings()
    });
    let large = picture(GrayImage::new(7900, 7900));
    let decoded = decoder.decode(&[large, code("after")], &[]).await;
    assert_eq!(decoded.trouble, Some(Trouble::Crashed));
    assert_eq!(decoded.pieces[0].text, "after");
    assert_eq!(ids(&decoded), ["limit.decoder", "structure.qr"]);
}

#[tokio::test]
async fn no_helper_and_no_sense_are_told() {
    for (program, is_started) in [("/nonexistent/callbluff", false), ("/bin/cat", true)] {
        let decoder = Decoder::new(Settings {
            program: PathBuf::from(program),
            ..settings()
        });
        let decoded = decoder.decode(&[code("x")], &[]).await;
        assert_eq!(ids(&decoded), ["limit.decoder"], "{program}");
        match decoded.trouble {
            Some(Trouble::NotStarted(_)) => assert!(!is_started, "{program}"),
            Some(Trouble::Crashed) => assert!(is_started, "{program}"),
            other => panic!("{program}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_finds_the_queue_full_does_not_wait() {
    let decoder = Decoder::new(Settings {
        processes: 1,
        queue: 0,
        deadline: Duration::from_secs(2),
        ..settings()
    });
    let media = [flood(), code("x")];
    let (first, second) = tokio::join!(
        decoder.decode(&media[..1], &[]),
        decoder.decode(&media[1..], &[]),
    );
    assert_eq!(first.trouble, Some(Trouble::Late));
    assert_eq!(second.trouble, Some(Trouble::Busy));
    assert_eq!(ids(&second), ["limit.decoder"]);
}

#[tokio::test]
async fn a_helper_is_replaced_after_its_share_of_files() {
    let decoder = Decoder::new(Settings {
        requests: 1,
        ..settings()
    });
    for text in ["first", "second"] {
        decoder.decode(&[code(text)], &[]).await;
    }
    assert_eq!(decoder.counts.started.load(Ordering::Relaxed), 2);
}

/// Capitals of five squares by seven, a letter a row; `#` is ink.
const LETTERS: &[(char, [&str; 7])] = &[
    (
        'A',
        [
            " ### ", "#   #", "#   #", "#####", "#   #", "#   #", "#   #",
        ],
    ),
    (
        'C',
        [
            " ### ", "#   #", "#    ", "#    ", "#    ", "#   #", " ### ",
        ],
    ),
    (
        'E',
        [
            "#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####",
        ],
    ),
    (
        'L',
        [
            "#    ", "#    ", "#    ", "#    ", "#    ", "#    ", "#####",
        ],
    ),
    (
        'O',
        [
            " ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### ",
        ],
    ),
    (
        'R',
        [
            "#### ", "#   #", "#   #", "#### ", "# #  ", "#  # ", "#   #",
        ],
    ),
    (
        'S',
        [
            " ####", "#    ", "#    ", " ### ", "    #", "    #", "#### ",
        ],
    ),
    (
        'T',
        [
            "#####", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ",
        ],
    ),
    (
        'W',
        [
            "#   #", "#   #", "#   #", "# # #", "# # #", "## ##", "#   #",
        ],
    ),
];

/// A picture with these lines of letters.
fn drawn(lines: &[&str]) -> Media {
    const SCALE: usize = 8;
    let width = lines.iter().map(|line| line.len()).max().unwrap() * 6 + 8;
    let height = lines.len() * 12 + 8;
    picture(GrayImage::from_fn(
        (width * SCALE) as u32,
        (height * SCALE) as u32,
        |x, y| {
            let (x, y) = (x as usize / SCALE, y as usize / SCALE);
            let spot = || {
                let (column, row) = (x.checked_sub(4)?, y.checked_sub(4)?);
                let letter = lines.get(row / 12)?.chars().nth(column / 6)?;
                let (_, shape) = LETTERS.iter().find(|(known, _)| *known == letter)?;
                shape.get(row % 12)?.as_bytes().get(column % 6)
            };
            Luma([if spot() == Some(&b'#') { 0 } else { 255 }])
        },
    ))
}

/// Needs tesseract: tests/run installs it.
#[tokio::test]
async fn letters_of_a_picture_are_read_where_that_is_switched_on() {
    let media = [drawn(&["SECRET WALLET", "TO RELEASE"])];
    let off = Decoder::new(settings()).decode(&media, &[]).await;
    assert_eq!(off, Default::default());
    let settings = Settings {
        ocr: true,
        ..settings()
    };
    let has_tesseract = std::process::Command::new(&settings.ocr_program)
        .arg("--version")
        .output()
        .is_ok();
    if !has_tesseract && std::env::var_os("CALLBLUFF_TEST_DIR").is_none() {
        println!("skipped: tesseract is not installed (tests/run --install)");
        return;
    }
    let on = Decoder::new(settings).decode(&media, &[]).await;
    assert_eq!(on.trouble, None);
    let read: Vec<(String, &str)> = on
        .pieces
        .iter()
        .map(|piece| (piece.place.to_string(), piece.text.as_str()))
        .collect();
    let [(place, text)] = read.as_slice() else {
        panic!("{read:?}");
    };
    assert_eq!(place, "ocr");
    assert!(text.contains("SECRET WALLET"), "{text:?}");
}

/// Is a process with this word in its command line there?
fn runs(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| {
            String::from_utf8_lossy(&line)
                .split('\0')
                .any(|arg| arg == word)
        })
    })
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reader_of_letters_is_killed_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sleeper");
    // So long that it is alive when it is looked for, and a number that nobody else sleeps.
    let seconds = format!("600.{}", std::process::id());
    std::fs::write(&program, format!("#!/bin/sh\nexec sleep {seconds}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let decoder = Decoder::new(Settings {
        ocr: true,
        ocr_program: program,
        deadline: Duration::from_secs(3),
        ..settings()
    });
    let media = [drawn(&["SECRET"])];
    let decoding = decoder.decode(&media, &[]);
    tokio::pin!(decoding);
    // It was started, or the test shows nothing.
    let decoded = loop {
        let tick = tokio::time::timeout(Duration::from_millis(20), &mut decoding).await;
        match tick {
            Ok(decoded) => panic!("over before the program started: {decoded:?}"),
            Err(_) if runs(&seconds) => break decoding.await,
            Err(_) => {}
        }
    };
    assert_eq!(decoded.trouble, Some(Trouble::Late));
    assert_eq!(ids(&decoded), ["limit.decoder"]);
    while runs(&seconds) {
        tokio::task::yield_now().await;
    }
}
