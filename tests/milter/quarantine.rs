//! What the MTA is told about messages for the quarantine: nothing before they are stored.

use crate::peer::{ALL, Mta, RULES, judge, log_lines, shown, start, start_with};
use callbluff::daemon::Daemon;
use callbluff::quarantine::{self, Filter, Page, Settings, Store, read_all};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const DELETE_RCPT: u32 = 0x08;

/// A state folder of its own, and a service that uses it.
async fn ground(text: &str) -> (TempDir, Daemon) {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&format!("{}{text}", state(folder.path()))).await;
    (folder, daemon)
}

fn state(folder: &Path) -> String {
    format!("state_dir = \"{}\"\n", folder.display())
}

fn open(folder: &Path) -> Arc<dyn Store> {
    quarantine::open(&Settings::default(), folder).unwrap()
}

async fn ready(daemon: &Daemon) -> String {
    let address = daemon.web_address().unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn until_ready(daemon: &Daemon, text: &str) {
    let waiting = async {
        while !ready(daemon).await.contains(text) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    let waited = tokio::time::timeout(patience, waiting).await;
    assert!(waited.is_ok(), "{}", ready(daemon).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_recipients_are_stored_and_the_message_discarded() {
    let (folder, daemon) = ground("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.macros(b'C', &[("j", "mx.example.org")]).await;
    mta.connect("192.0.2.7").await;
    mta.begin(
        "all1",
        b"bad@example.net",
        &[b"ann@example.org", b"Bob+x@example.com"],
    )
    .await;
    mta.header(b"Message-ID", b"<1@example.net>").await;
    mta.header(b"X-Long", b"folded\n\tvalue").await;
    mta.body(b"Hello\r\n").await;
    mta.body(b"\xff\0.\r\n").await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!((told.len(), command), (0, 'd'));
    let line = &log_lines("INFO all1")[0];
    let (_, id) = line.split_once("disposition=quarantine, entry=").unwrap();
    let id = id.split(',').next().unwrap();

    let store = open(folder.path());
    let entry = store.get(id).await.unwrap();
    let recipients: Vec<_> = entry.recipients.iter().map(|one| one.text()).collect();
    assert_eq!(recipients, ["ann@example.org", "Bob+x@example.com"]);
    assert_eq!(entry.queue_id, "all1");
    assert_eq!(entry.host, "mx.example.org");
    assert_eq!(entry.helo, "helo.example.net");
    assert_eq!(entry.subject.as_deref(), Some("hello"));
    assert_eq!(entry.message_id.as_deref(), Some("<1@example.net>"));
    assert_eq!(entry.verdict.score, 11.5);
    assert_eq!(entry.verdict.signals.len(), 2);
    let trace = "Received: from helo.example.net (client.example.net [192.0.2.7])";
    assert!(entry.trace.starts_with(trace), "{}", entry.trace);
    assert!(entry.trace.ends_with("\r\n") && !entry.trace.contains("\r\n\r\n"));
    let bytes = read_all(&*store, &entry, 1000).await.unwrap();
    assert_eq!(
        bytes,
        b"Subject: hello\r\nMessage-ID: <1@example.net>\r\nX-Long: folded\r\n\tvalue\r\n\r\nHello\r\n\xff\0.\r\n"
    );

    // The client comes again, since it did not hear the answer: nothing is stored twice.
    mta.begin(
        "all2",
        b"bad@example.net",
        &[b"Bob+x@example.com", b"ann@example.org"],
    )
    .await;
    mta.header(b"Message-ID", b"<1@example.net>").await;
    mta.header(b"X-Long", b"folded\n\tvalue").await;
    mta.body(b"Hello\r\n\xff\0.\r\n").await;
    let (_, (command, _)) = mta.end().await;
    assert_eq!(command, 'd');
    assert!(log_lines("INFO all2")[0].contains(&format!("entry={id},")));
    assert_eq!(store.count(&Filter::default()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_are_stored_and_the_others_get_it() {
    let (folder, daemon) = ground(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    let split: [&[u8]; 3] = [b"a@example.org", b"Strict@example.org", b"b@example.org"];
    mta.begin("split1", b"split@example.net", &split).await;
    mta.body(b"Hello\r\n").await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!(command, 'c');
    let told = shown(&told);
    // As the MTA said it, letter for letter.
    assert!(
        told.contains(&"- <Strict@example.org>".to_owned()),
        "{told:?}"
    );
    assert_eq!(
        told.iter().filter(|change| change.starts_with('-')).count(),
        1
    );
    assert!(
        !told.iter().any(|change| change.starts_with("q ")),
        "{told:?}"
    );
    let line = &log_lines("INFO split1")[0];
    assert!(
        line.contains("disposition=quarantine:1,tag:2, entry="),
        "{line}"
    );
    let store = open(folder.path());
    let listing = store
        .list(&Filter::default(), &Page::default())
        .await
        .unwrap();
    let [entry] = &listing.entries[..] else {
        panic!("{listing:?}")
    };
    assert_eq!(entry.recipients.len(), 1);
    assert_eq!(entry.recipients[0].text(), "Strict@example.org");
    let header = format!("i1 X-Callbluff-Entry: {}", entry.id);
    assert!(told.contains(&header), "{told:?}");

    // All agree: then the client is told, and nothing is stored.
    mta.begin(
        "split2",
        b"split@example.net",
        &[b"strict@example.org", b"strict@example.com"],
    )
    .await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!((told.len(), command), (0, 'y'));
    assert_eq!(store.count(&Filter::default()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_taken_off_is_not_stored() {
    let (folder, daemon) = ground(RULES).await;
    let mut mta = Mta::offering(&daemon, 6, (ALL.0 & !DELETE_RCPT, ALL.1)).await;
    mta.connect("192.0.2.7").await;
    let split: [&[u8]; 2] = [b"a@example.org", b"strict@example.org"];
    mta.begin("nodel1", b"split@example.net", &split).await;
    let (told, (command, text)) = mta.end().await;
    assert_eq!((told.len(), command), (0, 'y'));
    assert!(text.starts_with(b"451 4.3.0 "), "{text:?}");
    assert!(
        log_lines("nodel1")
            .iter()
            .any(|line| line.starts_with("WARN"))
    );
    let store = open(folder.path());
    assert_eq!(store.count(&Filter::default()).await.unwrap(), 0);
    // Where it is all of them, nobody need be taken off.
    let (_, (command, _)) = mta.message("nodel2", "bad").await;
    assert_eq!(command, 'd');
    assert_eq!(store.count(&Filter::default()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_store_the_whole_message_is_held() {
    let (folder, daemon) = ground(&format!("{RULES}\n[quarantine]\nenabled = false\n")).await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    let split: [&[u8]; 3] = [b"strict@example.org", b"a@example.org", b"b@example.org"];
    mta.begin("off1", b"split@example.net", &split).await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!(command, 'c');
    let told = shown(&told);
    assert!(
        told.iter().any(|change| change.starts_with("q ")),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|change| change.starts_with('-')),
        "{told:?}"
    );
    let line = &log_lines("off1")[0];
    assert!(
        line.contains("disposition=quarantine:1,tag:2, reason="),
        "{line}"
    );
    assert!(!folder.path().join("quarantine.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_trouble_defers_and_recovers() {
    for (answer, told) in [("", 'y'), ("[on_error]\nstore = \"accept\"\n", 'c')] {
        let (folder, daemon) = ground(answer).await;
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        let (_, (command, _)) = mta.message("well1", "bad").await;
        assert_eq!(command, 'd');
        until_ready(&daemon, "ready\n").await;
        // A folder in the place of the file: neither root nor anybody else can write to it.
        for suffix in ["-wal", "-shm", ""] {
            let _ = std::fs::remove_file(folder.path().join(format!("quarantine.db{suffix}")));
        }
        std::fs::create_dir(folder.path().join("quarantine.db")).unwrap();
        let id = format!("ill{told}");
        mta.begin(&id, b"bad@example.net", &[b"a@example.org"])
            .await;
        mta.body(b"another\r\n").await;
        let (changes, (command, text)) = mta.end().await;
        assert_eq!(command, told);
        if told == 'y' {
            assert_eq!(changes.len(), 0);
            assert!(text.starts_with(b"451 4.3.0 "), "{text:?}");
        } else {
            assert!(
                shown(&changes)
                    .iter()
                    .any(|change| change.contains("sextortion"))
            );
        }
        let lines = log_lines(&id);
        assert!(
            lines[0].starts_with(&format!("ERROR {id}: could not store")),
            "{lines:?}"
        );
        assert!(lines[1].contains("reason=not"), "{lines:?}");
        assert!(!lines[1].contains("entry="), "{lines:?}");
        until_ready(&daemon, "quarantine: ").await;
        // While it is known to be away messages are answered at once; it is found again without one.
        std::fs::remove_dir(folder.path().join("quarantine.db")).unwrap();
        until_ready(&daemon, "ready\n").await;
        let (_, (command, _)) = mta.message("well2", "bad").await;
        assert_eq!(command, 'd');
        assert_eq!(daemon.metrics().failures("store"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_lost_bytes_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let rules = "[[rule]]\nverdict = \"error\"\naction = \"quarantine\"\n";
    let text = format!(
        "{}{rules}[limits]\nmemory = \"16K\"\n",
        state(folder.path())
    );
    let daemon = start_with(crate::peer::config(&text), judge).await;
    std::fs::remove_dir(folder.path().join("spool")).unwrap();
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("lost1", b"bad@example.net", &[b"a@example.org"])
        .await;
    mta.body(&vec![b'x'; 60_000]).await;
    let (_, (command, _)) = mta.end().await;
    assert_eq!(command, 'y');
    let store = open(folder.path());
    assert_eq!(store.count(&Filter::default()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_message_is_stored_from_its_spool_file() {
    let (folder, daemon) = ground("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("big1", b"bad@example.net", &[b"a@example.org"])
        .await;
    let mut expected = b"Subject: hello\r\n\r\n".to_vec();
    for number in 0..60_u32 {
        let chunk: Vec<u8> = (0..65_000_u32)
            .map(|at| (at * number % 251) as u8)
            .collect();
        mta.body(&chunk).await;
        expected.extend_from_slice(&chunk);
    }
    let (_, (command, _)) = mta.end().await;
    assert_eq!(command, 'd');
    let store = open(folder.path());
    let listing = store
        .list(&Filter::default(), &Page::default())
        .await
        .unwrap();
    let bytes = read_all(&*store, &listing.entries[0], 1 << 30)
        .await
        .unwrap();
    assert!(bytes == expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_subject_is_masked() {
    let folder = tempfile::tempdir().unwrap();
    let judge = callbluff::classify::Judge::builtin();
    let config = crate::peer::config(&state(folder.path()));
    let daemon = start_with(config, move |envelope, reading| {
        judge.judge(envelope, reading)
    })
    .await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.mail(b"ann@example.net").await;
    mta.rcpt(b"kim@example.org").await;
    mta.header(b"Subject", b"kim - Zq7canaryMilter").await;
    mta.macros(b'E', &[("i", "mask1")]).await;
    mta.body(
        b"I hacked your device. Your password is Zq7canaryMilter. I recorded you through your webcam while you watched \
          porn.\r\nPay me 900 USD in Bitcoin within 48 hours or I send the video to all your contacts.\r\n",
    )
    .await;
    let (_, (command, _)) = mta.end().await;
    assert_eq!(command, 'd');
    let store = open(folder.path());
    let listing = store
        .list(&Filter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(
        listing.entries[0].subject.as_deref(),
        Some("kim - ********")
    );
    let shown = format!("{:?}", listing.entries);
    assert!(!shown.contains("canary"), "{shown}");
}
