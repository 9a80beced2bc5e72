//! The commands, as an admin types them.

use crate::rig::{entry, entry_for, put};
use callbluff::quarantine::{self, Filter, Page, Settings};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

struct Shell {
    folder: tempfile::TempDir,
}

impl Shell {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!("state_dir = \"{}\"\n", folder.path().display());
        std::fs::write(folder.path().join("callbluff.toml"), config).expect("ours");
        let store = quarantine::open(&Settings::default(), folder.path()).expect("right");
        for number in 0..120 {
            let mut new = entry(number);
            if number == 7 {
                new = entry_for(number, &["<bob@example.com>", "<ann@example.org>"]);
                new.subject = Some("Rechnung \u{202e}gpj".to_owned());
            }
            let text = format!("Subject: x\r\n\r\nsecret body {number}\r\n");
            put(&*store, &new, text.as_bytes()).await;
        }
        store.close().await;
        Self { folder }
    }

    /// Exit status, standard output and standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let config = self.folder.path().join("callbluff.toml");
        let done = Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args(["quarantine", "--config"])
            .arg(config)
            .args(args)
            .env("SUDO_USER", "kim")
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        // Nobody's words, whatever is asked for.
        assert!(!out.contains("secret body") && !err.contains("secret body"));
        (done.status.code().expect("it ended"), out, err)
    }

    fn rows(&self, args: &[&str]) -> Vec<Value> {
        let (_, out, err) = self.run(&[args, &["--json"]].concat());
        assert_eq!(err, "");
        out.lines()
            .map(|line| serde_json::from_str(line).expect("an object per line"))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_find_show_and_remove_entries() {
    let shell = Shell::new().await;
    let rows = shell.rows(&["list"]);
    assert_eq!(rows.len(), 50);
    for key in [
        "id",
        "state",
        "received_at",
        "queue_id",
        "message_id",
        "sender",
        "recipients",
        "verdict",
        "score",
        "kind",
        "context",
        "wallets",
        "template",
        "size",
        "sha256",
    ] {
        assert!(rows[0].get(key).is_some(), "{key}");
    }
    assert_eq!(rows[0]["received_at"], "2027-01-15T08:01:59Z");
    assert_eq!(rows[0]["wallets"][0]["address"], "1Wallet");

    // Page by page each entry once, and all at once the same.
    let mut ids: Vec<String> = Vec::new();
    let id = |row: &Value| row["id"].as_str().expect("text").to_owned();
    loop {
        let after = ids.last().cloned();
        let mut args = vec!["list", "--limit", "50"];
        if let Some(after) = &after {
            args.extend(["--after", after]);
        }
        let rows = shell.rows(&args);
        if rows.is_empty() {
            break;
        }
        ids.extend(rows.iter().map(id));
    }
    assert_eq!(ids.len(), 120);
    let all: Vec<_> = shell
        .rows(&["list", "--limit", "0"])
        .iter()
        .map(id)
        .collect();
    assert_eq!(all, ids);

    let bob = &ids[119 - 7];
    for search in [
        &["search", "rechnung"][..],
        &["search", "bob@*"],
        &["search", "example.com"],
        &["search", "4bqk7"],
        &["search", "<7@example.net>"],
        &["list", "--recipient", "bob@example.com"],
        &["list", "--subject", "rech*"],
        &["list", bob],
    ] {
        let found: Vec<_> = shell.rows(search).iter().map(id).collect();
        assert_eq!(found, [bob.as_str()], "{search:?}");
    }
    assert_eq!(shell.run(&["search", "nothing-like-it"]).0, 1);
    assert_eq!(
        shell.run(&["list", "--count", "--domain", "example.org"]).1,
        "120\n"
    );

    let (status, out, _) = shell.run(&["show", bob]);
    assert_eq!(status, 0);
    for text in [
        "bob@example.com",
        r"Rechnung \u{202e}gpj",
        "btc 1Wallet",
        "stored by callbluff",
    ] {
        assert!(out.contains(text), "{text}\n{out}");
    }
    assert_eq!(shell.rows(&["show", bob])[0]["trail"][0]["what"], "stored");
    let (_, table, err) = shell.run(&["list", "--limit", "3"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(err.contains("--after"), "{err}");

    // Many at once only on purpose.
    let sender = ["--sender", "liar@example.net"];
    let delete = |more: &[&'static str]| shell.run(&[&["delete"][..], &sender, more].concat());
    assert_eq!(delete(&[]).0, 2);
    let (status, out, _) = delete(&["--dry-run"]);
    assert_eq!((status, out.lines().count()), (0, 120));
    assert_eq!(shell.run(&["delete", bob, "--reason", "spam"]).0, 0);
    let shown = shell.rows(&["show", bob]);
    assert_eq!(shown[0]["state"], "deleted");
    assert_eq!(shown[0]["trail"][1]["who"], "kim");
    assert_eq!(shown[0]["trail"][1]["why"], "spam");
    assert_eq!(delete(&["--yes"]).1.lines().count(), 119);
    let stats = shell.rows(&["stats"]);
    assert_eq!(stats[0]["states"]["deleted"], 120);
    assert_eq!(stats[0]["bytes"], 0);
    assert_eq!(shell.run(&["expire", "--dry-run"]).0, 0);
    let erased = shell.rows(&["erase", "ann@example.org", "--yes"]);
    assert_eq!(
        (&erased[0]["entries"], &erased[0]["shared"]),
        (&119.into(), &1.into())
    );
    assert_eq!(shell.rows(&["list"]).len(), 1);
    assert_eq!(shell.run(&["erase", "ann@example.org"]).0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_noted_once_for_each_entry() {
    let shell = Shell::new().await;
    let file = shell.folder.path().join("all.zip");
    let file = file.to_str().expect("UTF-8");
    let sender = ["--sender", "liar@example.net"];
    let args = [&["export", "--output", file][..], &sender].concat();
    let (status, out, err) = shell.run(&args);
    assert_eq!(status, 0, "{out}{err}");
    let store = quarantine::open(&Settings::default(), shell.folder.path()).expect("right");
    let page = Page::first(Page::MAX);
    let listing = store.list(&Filter::default(), &page).await.expect("listed");
    assert_eq!(listing.entries.len(), 120);
    for entry in &listing.entries {
        let trail = store.trail(&entry.id).await.expect("a trail");
        let told: Vec<_> = trail.iter().map(|one| one.deed.what.as_str()).collect();
        assert_eq!(told, ["stored", "exported"]);
        assert_eq!(trail[1].deed.who, "kim");
    }
}

#[test]
fn a_quarantine_that_cannot_be_opened_is_trouble() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("callbluff.toml");
    std::fs::write(folder.path().join("file"), "").expect("ours");
    let state = Path::new(folder.path()).join("file");
    std::fs::write(&config, format!("state_dir = \"{}\"\n", state.display())).expect("ours");
    let done = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .args(["quarantine", "list", "--config"])
        .arg(&config)
        .output()
        .expect("it runs");
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("quarantine.db"));
}
