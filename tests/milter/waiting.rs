//! Judging that takes longer: the MTA hears that it goes on, and the admin why.

use crate::life::get;
use crate::peer::{Mta, config, frame, judge, log_lines, start_with, until};
use callbluff::daemon::Daemon;
use callbluff::message::{Envelope, Reading};
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

/// A service that is slow to judge: each message waits for a word. It tells the MTA every 10 ms.
async fn slow(limits: &str) -> (Daemon, Sender<()>) {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let mut config = config(&format!("[limits]\nmemory = \"16K\"\n{limits}"));
    config.milter.progress = Duration::from_millis(10);
    let judge = move |envelope: &Envelope, reading: &Reading| {
        wait.lock().unwrap().recv().unwrap();
        judge(envelope, reading)
    };
    (start_with(config, judge).await, go)
}

/// Sends a message with so many bytes of body, and that it has ended.
async fn sent(daemon: &Daemon, id: &str, size: usize) -> Mta {
    let mut mta = Mta::new(daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin(id, b"suspect@example.net", &[b"a@example.org"])
        .await;
    for chunk in vec![b'x'; size].chunks(60_000) {
        mta.body(chunk).await;
    }
    mta.send(&frame(b'E', b"")).await;
    mta
}

async fn hears_of_progress(mta: &mut Mta) {
    for _ in 0..3 {
        assert_eq!(mta.reply().await, Some(('p', Vec::new())));
    }
}

/// The answer, without what is said about progress.
async fn answer(mta: &mut Mta) -> String {
    let mut answer = String::new();
    while !answer.ends_with('c') {
        let (command, _) = mta.reply().await.expect("a verdict");
        if command != 'p' {
            answer.push(command);
        }
    }
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_big_message_that_is_judged_slowly_makes_progress() {
    let (daemon, go) = slow("").await;
    let mut mta = sent(&daemon, "slow", 100_000).await;
    hears_of_progress(&mut mta).await;
    go.send(()).unwrap();
    assert_eq!(answer(&mut mta).await, "iiic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_waits_for_memory_makes_progress() {
    let (daemon, go) = slow("inspect = \"1M\"\ninspect_total = \"1M\"").await;
    let mut first = sent(&daemon, "first", 1 << 20).await;
    hears_of_progress(&mut first).await;
    let mut second = sent(&daemon, "second", 1 << 20).await;
    hears_of_progress(&mut second).await;
    // The one word is for the first: the second is not judged yet.
    go.send(()).unwrap();
    assert_eq!(answer(&mut first).await, "iiic");
    hears_of_progress(&mut second).await;
    go.send(()).unwrap();
    assert_eq!(answer(&mut second).await, "iiic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_hangs_is_told_to_the_mta_the_log_and_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("helper");
    // Written by another process: a file that is open for writing here cannot be run.
    let script = r##"printf '#!/bin/sh\nexec /bin/sleep 60\n' >"$0" && chmod 755 "$0""##;
    let mut shell = std::process::Command::new("/bin/sh");
    assert!(
        shell
            .args(["-c", script])
            .arg(&program)
            .status()
            .unwrap()
            .success()
    );
    let mut config = config("");
    config.milter.progress = Duration::from_millis(10);
    config.decoder.program = program;
    config.decoder.deadline = Duration::from_millis(300);
    let daemon = start_with(config, judge).await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("hung", b"suspect@example.net", &[b"a@example.org"])
        .await;
    mta.header(b"MIME-Version", b"1.0").await;
    mta.header(b"Content-Type", b"application/pdf").await;
    mta.body(b"%PDF-1.7\r\nSecretText\r\n").await;
    mta.send(&frame(b'E', b"")).await;
    hears_of_progress(&mut mta).await;
    assert_eq!(answer(&mut mta).await, "iiic");
    until("it is logged", || log_lines("hung: verdict").len() == 1).await;
    let lines = log_lines("hung: ");
    assert!(
        lines[0].contains("not read to its end (decode helper killed at its deadline)"),
        "{lines:?}"
    );
    assert!(lines[1].contains(", decoder=late, client="), "{lines:?}");
    assert!(log_lines("SecretText").is_empty());
    let metrics = get(&daemon, "/metrics").await.1;
    for event in ["files", "started", "late"] {
        let line = format!("callbluff_decoder_events_total{{event=\"{event}\"}} 1\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}
