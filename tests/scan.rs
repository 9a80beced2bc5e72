//! `callbluff scan` as scripts use it: what it prints and its exit status.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Everything that the crime needs, in invented words.
const THREAT: &str = "From: x@example.org\nTo: you@example.org\nSubject: your account\n\n\
    I hacked your computer and installed malware on your device. I recorded you through your \
    webcam while you watched porn. If you do not pay me 900 USD in bitcoin within 48 hours, I \
    will send the video to all your contacts. My bitcoin address: \
    16tNb4kGBqydCP5uscvFMpgF9UpZrcqjRP\n";

const LETTER: &str = "From: x@example.org\nTo: you@example.org\nSubject: lunch\n\nAt noon?\n";

fn scan(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .arg("scan")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn objects(output: &Output) -> Vec<serde_json::Value> {
    let lines = stdout(output).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn the_exit_status_says_what_was_found() {
    let folder = folder(&[("bad.eml", THREAT), ("good.eml", LETTER)]);
    for (args, status) in [
        (&["good.eml"][..], 0),
        (&["good.eml", "bad.eml"], 1),
        (&["good.eml", "missing.eml"], 2),
        (&["bad.eml", "missing.eml"], 2),
        (&["--config", "missing.toml", "good.eml"], 2),
        (&["--nonsense"], 2),
    ] {
        assert_eq!(
            scan(folder.path(), args, "").status.code(),
            Some(status),
            "{args:?}"
        );
    }
}

#[test]
fn json_is_one_object_a_message_with_every_key() {
    let folder = folder(&[
        ("a/1.eml", THREAT),
        ("a/b/2.eml", LETTER),
        ("a/list.tsv", "x\ty\n"),
    ]);
    let output = scan(folder.path(), &["--json", "a", "missing", "a/b/2.eml"], "");
    let objects = objects(&output);
    let files: Vec<&str> = objects
        .iter()
        .map(|o| o["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["a/1.eml", "a/b/2.eml", "missing", "a/b/2.eml"]);
    let keys = |index: usize| -> Vec<&str> {
        let object: &serde_json::Map<_, _> = objects[index].as_object().unwrap();
        object.keys().map(String::as_str).collect()
    };
    let mut all = vec![
        "v",
        "file",
        "verdict",
        "score",
        "context",
        "kind",
        "signals",
        "wallets",
        "template",
        "language",
        "truncated",
    ];
    all.sort_unstable();
    assert_eq!((keys(0), keys(1)), (all.clone(), all));
    assert_eq!(keys(2), ["error", "file", "v"]);
    assert_eq!(objects[0]["verdict"], "sextortion");
    assert_eq!(objects[0]["kind"], "bluff");
    assert_eq!(objects[1]["verdict"], "clean");
    assert!(objects[1]["kind"].is_null() && objects[1]["context"].is_null());
}

#[test]
fn mboxes_and_standard_input_are_read() {
    let mark = "From x@example.org Thu Jan  2 03:04:05 2025\n";
    let mbox = format!("{mark}{LETTER}\n{mark}{THREAT}\n{mark}{LETTER}");
    let folder = folder(&[("in.mbox", &mbox), ("cut.mbox", &mbox[..mbox.len() - 4])]);
    let whole = scan(folder.path(), &["--json", "in.mbox"], "");
    let verdicts: Vec<_> = objects(&whole)
        .iter()
        .map(|o| o["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["clean", "sextortion", "clean"]);
    assert!(whole.stderr.is_empty());
    let cut = scan(folder.path(), &["--json", "cut.mbox"], "");
    assert_eq!(objects(&cut)[2]["truncated"], true);
    let notes = String::from_utf8(cut.stderr).unwrap();
    assert!(
        notes.contains("cut.mbox#3: the mbox ends in the middle"),
        "{notes}"
    );
    for args in [&["--json"][..], &["--json", "-"]] {
        let piped = scan(folder.path(), args, THREAT);
        assert_eq!(objects(&piped)[0]["file"], "-");
        assert_eq!(piped.status.code(), Some(1));
    }
}

#[test]
fn people_get_a_line_a_message_and_the_reasons_but_no_text() {
    let folder = folder(&[("bad.eml", THREAT)]);
    let plain = scan(folder.path(), &["bad.eml"], "");
    assert_eq!(stdout(&plain).lines().count(), 1);
    assert!(stdout(&plain).starts_with("bad.eml: sextortion "));
    let explained = scan(folder.path(), &["--explain", "bad.eml"], "");
    for word in ["demand", "recording"] {
        assert!(stdout(&explained).contains(word), "{word}");
    }
    assert!(!stdout(&explained).contains("48 hours"));
}

#[test]
fn pieces_show_what_was_read() {
    let folder = folder(&[("good.eml", LETTER)]);
    let output = scan(folder.path(), &["--pieces", "--json", "good.eml"], "");
    let object = &objects(&output)[0];
    let texts: Vec<&str> = object["pieces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| piece["text"].as_str().unwrap().trim())
        .collect();
    assert!(
        texts.contains(&"lunch") && texts.contains(&"At noon?"),
        "{texts:?}"
    );
    let folded = object["pieces"][0]["normalised"].as_str().unwrap();
    assert!(folded.contains("lunch"), "{folded}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_has_enough_is_no_trouble() {
    let folder = folder(&[("good.eml", LETTER)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .args(["scan", "--json", "good.eml"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
