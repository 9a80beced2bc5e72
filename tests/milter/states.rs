//! Every order of commands that an MTA can come up with.

use crate::peer::{ALL, LEADING_SPACE, Mta, RULES, VERSION_2, frame, log_lines, shown, start};

const SENDERS: [&str; 8] = [
    "clean", "suspect", "prefix", "hold", "bad", "reject", "defer", "discard",
];

async fn is_served(mta: &mut Mta, what: &str) {
    let (told, (command, _)) = mta.message("after", "suspect").await;
    let space = if mta.agreed.1 & LEADING_SPACE != 0 {
        " "
    } else {
        ""
    };
    let verdict = format!("i1 X-Callbluff-Verdict:{space}suspect");
    assert_eq!(shown(&told).last(), Some(&verdict), "{what}");
    assert_eq!(command, 'c', "{what}");
    let (told, (command, _)) = mta.message("after", "").await;
    assert_eq!((told.len(), command), (0, 'c'), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_verdict_comes_a_further_message() {
    let daemon = start(RULES).await;
    for offer in [ALL, VERSION_2] {
        let mut mta = Mta::offering(&daemon, if offer == ALL { 6 } else { 2 }, offer).await;
        mta.connect("192.0.2.7").await;
        for sender in SENDERS.into_iter().chain(["panic"]) {
            mta.message("first", sender).await;
            is_served(&mut mta, sender).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_verdict_another_client_can_come() {
    let daemon = start(RULES).await;
    for offer in [ALL, (ALL.0, 0x7f)] {
        let mut mta = Mta::offering(&daemon, 6, offer).await;
        for (number, sender) in SENDERS.into_iter().chain(["panic"]).enumerate() {
            let ip = format!("192.0.2.{number}");
            let id = format!("client{number}of{}", offer.1);
            mta.connect(&ip).await;
            mta.message(&id, sender).await;
            let log = log_lines(&id);
            assert!(
                log.last().unwrap().contains(&format!("client={ip},")),
                "{log:?}"
            );
            mta.send(&frame(b'K', b"")).await;
        }
        // Neither does it matter how far the client before has come.
        for step in 0..7 {
            let ip = format!("198.51.100.{step}");
            let id = format!("step{step}of{}", offer.1);
            interrupted(&mut mta, step).await;
            mta.send(&frame(b'K', b"")).await;
            mta.connect(&ip).await;
            mta.message(&id, "suspect").await;
            assert!(
                log_lines(&id)[0].contains(&format!("client={ip},")),
                "step {step}"
            );
            mta.send(&frame(b'A', b"")).await;
            mta.send(&frame(b'K', b"")).await;
        }
    }
}

/// A transaction that stops after some step.
async fn interrupted(mta: &mut Mta, step: usize) {
    mta.connect("203.0.113.1").await;
    if step > 0 {
        mta.mail(b"bad@example.net").await;
    }
    if step > 1 {
        mta.rcpt(b"a@example.org").await;
    }
    if step > 2 {
        mta.header(b"Subject", b"x").await;
    }
    if step > 3 {
        mta.header(b"X-Callbluff-Score", b"1").await;
    }
    if step > 4 {
        mta.body(b"one").await;
    }
    if step > 5 {
        mta.body(b"two").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rset_anywhere_forgets_the_message_and_not_the_connection() {
    let daemon = start(RULES).await;
    for (version, offer) in [(6, ALL), (2, VERSION_2)] {
        let mut mta = Mta::offering(&daemon, version, offer).await;
        for step in 0..7 {
            let before = daemon.metrics().aborted.get();
            interrupted(&mut mta, step).await;
            mta.send(&frame(b'A', b"")).await;
            let id = format!("rset{step}v{version}");
            let (told, (command, _)) = mta.message(&id, "clean").await;
            assert_eq!((told.len(), command), (0, 'c'), "step {step}");
            let line = &log_lines(&id)[0];
            assert!(
                line.contains("client=203.0.113.1, from=<clean@example.net>, nrcpt=1, size=25,"),
                "{line}"
            );
            assert_eq!(
                daemon.metrics().aborted.get() - before,
                u64::from(step > 0),
                "step {step}"
            );
            mta.send(&frame(b'K', b"")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_in_the_middle_of_a_message_begins_anew() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    interrupted(&mut mta, 6).await;
    let (told, _) = mta.message("anew", "clean").await;
    assert_eq!(told.len(), 0);
    assert!(log_lines("anew")[0].contains("nrcpt=1, size=25,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_is_spoken() {
    let daemon = start(RULES).await;
    for (version, steps) in [(2, 0x7f), (3, 0x1ff), (4, 0x3ff), (6, 0x7f), (6, ALL.1)] {
        let mut mta = Mta::offering(&daemon, version, (0x3f, steps)).await;
        mta.connect("192.0.2.7").await;
        is_served(&mut mta, "some version").await;
        assert!(mta.macros.is_empty(), "macros were not offered");
    }
    let mta = Mta::new(&daemon).await;
    for name in ["{daemon_name}", "{auth_authen}", "{client_addr}", "i"] {
        assert!(mta.macros.contains(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_null_sender_and_no_queue_id_are_logged() {
    let daemon = start("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.77").await;
    mta.mail(b"").await;
    mta.rcpt(b"a@example.org").await;
    mta.end().await;
    let line = &log_lines("client=192.0.2.77")[0];
    assert!(line.starts_with("INFO connection-1: verdict="), "{line}");
    assert!(line.contains("from=<>, nrcpt=1, size=2,"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_recipients_and_long_headers_are_taken() {
    let daemon = start("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.mail(b"clean@example.net").await;
    for number in 0..200 {
        mta.rcpt(format!("r{number}@example.org").as_bytes()).await;
    }
    mta.header(b"X-Long", &[b'x'; 500_000]).await;
    mta.header(b"X-Long", &[0xff; 500_000]).await;
    mta.macros(b'E', &[("i", "long")]).await;
    mta.end().await;
    assert!(
        log_lines("long: ")[0].contains("nrcpt=200, size=1000022,"),
        "{:?}",
        log_lines("long: ")
    );
    is_served(&mut mta, "long headers").await;
}
