//! Quoted passwords planted in a mail come out of no command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use callbluff::message::{self, Address, Client, Envelope, ReadLimits};
use callbluff::quarantine::{self, NewEntry, Settings, StoredVerdict};
use callbluff::spool::{Spool, SpoolSettings};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// In subject, body, file name and PDF.
const CANARIES: [&str; 4] = [
    "Zq7canarySubj1",
    "Zq7canaryBody2",
    "Zq7canaryFile3",
    "Zq7canaryPdf4",
];

/// A PDF of one line of text, without compression.
fn pdf(text: &str) -> String {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n\
         4 0 obj<</Length {}>>stream\n{stream}\nendstream endobj\n\
         5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        stream.len()
    )
}

fn mail() -> String {
    let [subject, body, file, inside] = CANARIES;
    let pdf = pdf(&format!(
        "I know your password: {inside} and I recorded you through your webcam. Pay me."
    ));
    format!(
        "From: Ann <ann@example.net>\r\nTo: kim@example.org\r\nSubject: your password is {subject}\r\n\
         Date: Fri, 20 Nov 2026 09:00:00 +0000\r\nMessage-ID: <c@example.net>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
         I hacked your device. Your password is {body}. I recorded you through your webcam while you watched porn.\r\n\
         Pay me 900 USD in Bitcoin within 48 hours or I send the video to all your contacts.\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"your password is {file}.pdf\"\r\n\r\n\
         {pdf}\r\n--b--\r\n"
    )
}

fn output(folder: &Path, arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .args(arguments)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

#[test]
fn no_command_prints_a_quoted_password() {
    let folder = tempfile::tempdir().unwrap();
    let spam = folder.path().join("spam");
    std::fs::create_dir(&spam).unwrap();
    std::fs::create_dir(folder.path().join("ham")).unwrap();
    std::fs::write(spam.join("mail.eml"), mail()).unwrap();
    std::fs::write(
        folder.path().join("ham/mail.eml"),
        "Subject: minutes\r\n\r\nSee you.\r\n",
    )
    .unwrap();
    for arguments in [
        &["scan", "spam"][..],
        &["scan", "--json", "spam"],
        &["scan", "--explain", "spam"],
        &["scan", "--json", "--explain", "spam"],
        &["scan", "--pieces", "spam"],
        &["eval", "--spam", "spam", "--ham", "ham"],
        &["train", "--spam", "spam", "--ham", "ham"],
        &[
            "policy",
            "test",
            "--rcpt",
            "kim@example.org",
            "spam/mail.eml",
        ],
        &[
            "template",
            "learn",
            "--file",
            "templates.toml",
            "--name",
            "one",
            "spam/mail.eml",
        ],
        &["template", "list", "--file", "templates.toml"],
    ] {
        let printed = output(folder.path(), arguments);
        assert!(!printed.trim().is_empty(), "{arguments:?} printed nothing");
        for canary in CANARIES {
            assert!(
                !printed.contains(canary),
                "{arguments:?} printed {canary}:\n{printed}"
            );
        }
    }
    let seen = output(folder.path(), &["scan", "--pieces", "spam"]);
    assert!(
        seen.matches("********").count() >= 4,
        "the four are read and masked:\n{seen}"
    );
}

/// Puts the mail into the quarantine under `folder/var`; the identifier of its entry.
fn quarantined(folder: &Path) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = quarantine::open(&Settings::default(), &folder.join("var")).unwrap();
        let new = NewEntry {
            received_at: jiff::Timestamp::now(),
            envelope: Envelope {
                client: Client::default(),
                sender: Some(Address::new(b"ann@example.net")),
                recipients: vec![Address::new(b"kim@example.org")],
                ..Envelope::default()
            },
            host: "mx.example.org".to_owned(),
            message_id: None,
            subject: None,
            verdict: StoredVerdict::default(),
            rule: None,
            wave: Some("template:x".to_owned()),
            trace: String::new(),
        };
        let mut spool = Spool::new(SpoolSettings::default());
        spool.push(mail().as_bytes());
        let stored = store.put(&new, &mut spool).await.unwrap();
        store.close().await;
        stored.id
    })
}

/// The text of some bytes as they are, and as a reader of mail would see them.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for piece in message::read(bytes, &ReadLimits::default()).pieces {
        text += &piece.text;
    }
    text
}

#[test]
fn nothing_that_leaves_the_quarantine_tells_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("var")).unwrap();
    std::fs::write(
        folder.join("c.toml"),
        "[report]\nfrom = \"abuse@example.org\"\n",
    )
    .unwrap();
    let id = quarantined(folder);
    let to = ["--to", "report@police.example"];
    let mut all = Vec::new();
    for words in [
        &["report", &id, "--print", to[0], to[1]][..],
        &["report", &id, "--print", "--form", "forward", to[0], to[1]],
        &["report", &id, "--dry-run", to[0], to[1]],
        &["release", &id, "--dry-run"],
        &["mark", "--confirmed", &id],
        &["campaign", "show", "template:x"],
        &["campaign", "show", "template:x", "--json"],
        &["campaign", "list"],
        &["export", &id, "--output", "all.zip"],
        &["export", "--labelled", "labelled"],
    ] {
        let words = [&["quarantine", "--config", "c.toml"], words].concat();
        let printed = output(folder, &words);
        assert!(!printed.trim().is_empty(), "{words:?} printed nothing");
        all.push((format!("{words:?}"), readable(printed.as_bytes())));
    }
    let mut zip =
        zip::ZipArchive::new(std::fs::File::open(folder.join("all.zip")).unwrap()).unwrap();
    assert_eq!(zip.len(), 5);
    for index in 0..zip.len() {
        let mut bytes = Vec::new();
        zip.by_index(index)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        all.push((format!("file {index} of the bundle"), readable(&bytes)));
    }
    let eml = std::fs::read(folder.join(format!("labelled/spam/{id}.eml"))).unwrap();
    all.push(("labelled".to_owned(), readable(&eml)));
    for (what, text) in &all {
        for canary in CANARIES {
            assert!(!text.contains(canary), "{what} tells {canary}:\n{text}");
        }
    }
    assert!(
        all.last().unwrap().1.contains("Your password is ********"),
        "{all:?}"
    );
}
