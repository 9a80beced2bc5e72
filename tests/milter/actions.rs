//! What the MTA is told for each disposition.

use crate::peer::{
    ALL, LEADING_SPACE, Mta, RULES, config, judge, log_lines, shown, start, start_with,
};
use callbluff::message::Envelope;

const VERDICT: [&str; 3] = [
    "i1 X-Callbluff-Signals: recording.claimed, wallet.btc",
    "i1 X-Callbluff-Score: 11.5",
    "i1 X-Callbluff-Verdict: sextortion",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_disposition_is_carried_out_and_logged() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    let with = |last: &str| {
        [&VERDICT[..], &[last]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let tagged = || VERDICT.map(str::to_owned).to_vec();
    let rows: [(&str, Vec<String>, char, &str, &str); 8] = [
        (
            "clean",
            vec![],
            'c',
            "",
            "verdict=clean, score=0.0, disposition=accept,",
        ),
        (
            "suspect",
            vec![
                "i1 X-Callbluff-Signals: recording.claimed, wallet.btc".to_owned(),
                "i1 X-Callbluff-Score: 6.5".to_owned(),
                "i1 X-Callbluff-Verdict: suspect".to_owned(),
            ],
            'c',
            "",
            "verdict=suspect, score=6.5, signals=recording.claimed+wallet.btc, disposition=tag,",
        ),
        (
            "prefix",
            [&["m1 Subject: [extortion] hello".to_owned()][..], &tagged()].concat(),
            'c',
            "",
            "disposition=tag,",
        ),
        (
            "hold",
            with("q callbluff: sextortion, 11.5 points, rule #1"),
            'c',
            "",
            "disposition=hold,",
        ),
        ("other", vec![], 'd', "", "disposition=quarantine, entry="),
        (
            "reject",
            vec![],
            'y',
            "550 5.7.1 100%% extortion (%%s)",
            "disposition=reject,",
        ),
        (
            "defer",
            vec![],
            'y',
            "451 4.7.1 Not now",
            "disposition=defer,",
        ),
        ("discard", vec![], 'd', "", "disposition=discard,"),
    ];
    for (sender, changes, answer, text, log) in rows {
        let id = format!("each{sender}");
        let (told, (command, payload)) = mta.message(&id, sender).await;
        assert_eq!(shown(&told), changes, "{sender}");
        assert_eq!(command, answer, "{sender}");
        assert_eq!(
            String::from_utf8_lossy(&payload).trim_end_matches('\0'),
            text,
            "{sender}"
        );
        let lines = log_lines(&id);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("INFO {id}: ")), "{lines:?}");
        assert!(lines[0].contains(log), "{lines:?}");
        let rest =
            format!("client=192.0.2.7, from=<{sender}@example.net>, nrcpt=1, size=25, delay_ms=");
        assert!(lines[0].contains(&rest), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_go_whatever_the_verdict() {
    let daemon = start("[defaults]\nsextortion = \"hold\"").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    let deletions = [
        "m1 x-callbluff-score",
        "m2 x-callbluff-verdict",
        "m1 x-callbluff-verdict",
    ];
    for sender in [
        &b"clean@example.net"[..],
        b"suspect@example.net",
        b"panic@example.net",
        b"bad@example.net",
    ] {
        mta.begin("forged", sender, &[b"a@example.org"]).await;
        mta.header(b"X-Callbluff-Verdict", b"clean").await;
        mta.header(b"x-CALLBLUFF-verdict", b"clean").await;
        mta.header(b"X-Callbluff-Score", b"0").await;
        let (told, (command, _)) = mta.end().await;
        assert_eq!(command, 'c');
        let told = shown(&told);
        assert_eq!(told[..3], deletions, "{}", String::from_utf8_lossy(sender));
        assert!(
            told[3..].iter().all(|change| !change.starts_with('m')),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leading_space_values_have_none() {
    let daemon = start(RULES).await;
    let mut mta = Mta::offering(&daemon, 6, (ALL.0, ALL.1 & !LEADING_SPACE)).await;
    mta.connect("192.0.2.7").await;
    let (told, _) = mta.message("nospace", "prefix").await;
    assert_eq!(
        shown(&told),
        [
            "m1 Subject:[extortion] hello",
            "i1 X-Callbluff-Signals:recording.claimed, wallet.btc",
            "i1 X-Callbluff-Score:11.5",
            "i1 X-Callbluff-Verdict:sextortion",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_not_offered_falls_back() {
    const QUARANTINE: u32 = 0x20;
    let daemon = start(RULES).await;
    let mut mta = Mta::offering(&daemon, 6, (ALL.0 & !QUARANTINE, ALL.1)).await;
    mta.connect("192.0.2.7").await;
    let (told, (command, text)) = mta.message("nohold1", "hold").await;
    assert_eq!((told.len(), command), (0, 'y'));
    assert!(text.starts_with(b"451 4.3.0 "), "{text:?}");
    assert!(
        log_lines("nohold1")
            .iter()
            .any(|line| line.contains("disposition=defer, reason="))
    );
    assert!(
        log_lines("nohold1")
            .iter()
            .any(|line| line.starts_with("WARN"))
    );

    let daemon = start(&format!("[on_error]\nstore = \"accept\"\n{RULES}")).await;
    let mut mta = Mta::offering(&daemon, 6, (ALL.0 & !QUARANTINE, ALL.1)).await;
    mta.connect("192.0.2.7").await;
    let (told, (command, _)) = mta.message("nohold2", "hold").await;
    assert_eq!(shown(&told), VERDICT);
    assert_eq!(command, 'c');
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_mode_only_marks() {
    for (text, marks) in [
        ("mode = \"monitor\"", true),
        ("mode = \"monitor\"\nmonitor_headers = false", false),
    ] {
        let daemon = start(&format!("{text}\n{RULES}")).await;
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        for (sender, would) in [
            ("bad", "quarantine"),
            ("reject", "reject"),
            ("discard", "discard"),
            ("hold", "hold"),
        ] {
            let id = format!("monitor{marks}{sender}");
            let (told, (command, _)) = mta.message(&id, sender).await;
            assert_eq!(command, 'c', "{sender}");
            assert_eq!(
                shown(&told),
                if marks { &VERDICT[..] } else { &[] },
                "{sender}"
            );
            let line = &log_lines(&id)[0];
            assert!(
                line.contains(&format!("disposition=accept would={would},")),
                "{line}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_clients_and_users_are_let_through_unread() {
    let text = "[trust]\nnetworks = [\"198.51.100.0/24\"]\nauthenticated = true";
    let daemon = start(text).await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("198.51.100.9").await;
    let (told, (command, _)) = mta.message("trust1", "bad").await;
    assert_eq!((told.len(), command), (0, 'c'));
    let line = &log_lines("trust1")[0];
    assert!(
        line.contains("trust1: disposition=accept, reason=") && line.contains("trusted"),
        "{line}"
    );

    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.macros(b'M', &[("{auth_authen}", "max mustermann")])
        .await;
    let (told, (command, _)) = mta.message("trust2", "bad").await;
    assert_eq!((told.len(), command), (0, 'c'));
    let line = &log_lines("trust2")[0];
    assert!(line.contains(r"user=max\u{20}mustermann,"), "{line}");
    // The next message on the connection is of nobody.
    mta.macros(b'M', &[("{mail_addr}", "x")]).await;
    let (_, (command, _)) = mta.message("trust3", "bad").await;
    assert_eq!(command, 'd');
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_nobody_a_message() {
    for (text, answer, disposition) in [
        ("", 'c', "accept"),
        ("[on_error]\ninternal = \"defer\"", 'y', "defer"),
    ] {
        let daemon = start(text).await;
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        for round in 1..=3 {
            let id = format!("panic{disposition}{round}");
            let (told, (command, _)) = mta.message(&id, "panic").await;
            assert_eq!(command, answer);
            if answer == 'c' {
                assert_eq!(shown(&told), ["i1 X-Callbluff-Verdict: error"]);
            }
            let lines = log_lines(&id);
            let line = lines.last().unwrap();
            assert!(
                line.contains(&format!(
                    "verdict=error, score=0.0, disposition={disposition}, reason=panic"
                )),
                "{line}"
            );
            assert_eq!(daemon.metrics().failures("panic"), round);
            // The alarm does not flood the log, and says nothing of the message.
            assert_eq!(
                lines
                    .iter()
                    .filter(|line| line.starts_with("ERROR"))
                    .count(),
                usize::from(round == 1)
            );
        }
        let (told, (command, _)) = mta.message("afterpanic", "clean").await;
        assert_eq!((told.len(), command), (0, 'c'));
    }
    assert!(log_lines("a bug that the mail has found").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_sees_the_message_as_it_was_sent() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let daemon = start_with(config(""), move |envelope: &Envelope, reading: &_| {
        sender
            .send((envelope.clone(), format!("{reading:?}")))
            .unwrap();
        judge(envelope, reading)
    })
    .await;
    let mut mta = Mta::new(&daemon).await;
    mta.macros(
        b'C',
        &[("{daemon_name}", "ORIGINATING"), ("j", "mx.example.org")],
    )
    .await;
    mta.connect("IPv6:2001:db8::1").await;
    mta.mail("gr\u{fc}n@example.net".as_bytes()).await;
    mta.rcpt(b"\xff@example.org").await;
    mta.rcpt("\u{4f8b}@example.org".as_bytes()).await;
    mta.header(b"Subject", b"one\n\ttwo").await;
    mta.header(b"Content-Type", b"text/plain; charset=windows-1252")
        .await;
    mta.macros(b'E', &[("i", "seen")]).await;
    mta.body(b"caf\xe9 \0 split in the mid").await;
    mta.body(b"dle\r\n").await;
    mta.end().await;
    let (envelope, reading) = receiver.recv().unwrap();
    assert_eq!(envelope.client.ip, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(envelope.client.port, 0x1234);
    assert_eq!(envelope.client.name, "client.example.net");
    assert_eq!(envelope.client.helo, "helo.example.net");
    assert_eq!(envelope.daemon_name.as_deref(), Some("ORIGINATING"));
    assert_eq!(envelope.queue_id.as_deref(), Some("seen"));
    assert_eq!(envelope.sender.unwrap().text(), "gr\u{fc}n@example.net");
    assert_eq!(envelope.recipients[0].as_bytes(), b"\xff@example.org");
    assert_eq!(envelope.recipients[1].text(), "\u{4f8b}@example.org");
    assert!(reading.contains("caf\u{e9}"), "{reading}");
    assert!(reading.contains("split in the middle"), "{reading}");
    assert!(
        reading.contains("one") && reading.contains("two"),
        "{reading}"
    );
}
