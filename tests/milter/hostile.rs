//! Frames that no MTA sends. Whatever comes, the next connection is served.

use crate::peer::{ALL, Mta, config, frame, judge, log_lines, start, start_with, until};
use std::sync::{Arc, Mutex};

async fn is_served(daemon: &callbluff::daemon::Daemon, what: &str) {
    let mut mta = Mta::new(daemon).await;
    mta.connect("192.0.2.7").await;
    let (told, (command, _)) = mta.message("served", "suspect").await;
    assert_eq!((told.len(), command), (3, 'c'), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_end_their_connection_only() {
    let daemon = start("").await;
    let negotiation = frame(b'O', &[6, ALL.0, ALL.1].map(u32::to_be_bytes).concat());
    let huge = 0xffff_ffff_u32.to_be_bytes();
    let rows: [(&str, Vec<u8>); 12] = [
        ("length 0 at the start", vec![0; 64]),
        ("length 0 later", [&negotiation[..], &[0; 5]].concat()),
        (
            "a huge length at the start",
            [&huge[..], b"O", &[0; 64]].concat(),
        ),
        (
            "a huge length later",
            [&negotiation[..], &huge, b"C"].concat(),
        ),
        (
            "just over the limit",
            [&negotiation[..], &(1_u32 << 20).to_be_bytes()[..], b"\x01B"].concat(),
        ),
        (
            "an unknown command",
            [&negotiation[..], &frame(b'?', b"x")].concat(),
        ),
        (
            "an empty MAIL",
            [&negotiation[..], &frame(b'M', b"")].concat(),
        ),
        (
            "MAIL without NUL",
            [&negotiation[..], &frame(b'M', b"<a@example.net>")].concat(),
        ),
        (
            "a header of one string",
            [
                &negotiation[..],
                &frame(b'M', b"<>\0"),
                &frame(b'R', b"<a>\0"),
                &frame(b'L', b"x\0"),
            ]
            .concat(),
        ),
        (
            "a negotiation that is too short",
            frame(b'O', b"\0\0\0\x06"),
        ),
        (
            "version 1",
            frame(b'O', &[1, 0, 0].map(u32::to_be_bytes).concat()),
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: mx.example.org\r\n\r\n".to_vec(),
        ),
    ];
    for (what, bytes) in rows {
        let mut mta = Mta::silent(&daemon).await;
        mta.send(&bytes).await;
        mta.say_no_more().await;
        while mta.reply().await.is_some() {}
        is_served(&daemon, what).await;
    }
    until("every connection is closed", || {
        daemon.metrics().connections.get() == 0
    })
    .await;
    assert_eq!(daemon.metrics().failures("panic"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_one_byte_at_a_time_is_a_message() {
    let daemon = start("").await;
    let mut mta = Mta::silent(&daemon).await;
    let bytes = [
        frame(b'O', &[6, ALL.0, ALL.1].map(u32::to_be_bytes).concat()),
        frame(b'C', b"mx.example.net\x006\x12\x34IPv6:2001:db8::1\0"),
        frame(b'M', b"<suspect@example.net>\0"),
        frame(b'R', b"<a@example.org>\0"),
        frame(b'L', b"Subject\0 hello\0"),
        frame(b'B', b"Hello\r\n"),
        frame(b'E', b""),
    ]
    .concat();
    for byte in bytes {
        mta.send(&[byte]).await;
    }
    let mut answers = String::new();
    for _ in 0..5 {
        answers.push(mta.reply().await.unwrap().0);
    }
    assert_eq!(answers, "Oiiic");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_commands_at_once_are_taken_in_order() {
    let daemon = start("").await;
    let mut mta = Mta::silent(&daemon).await;
    let message = [
        frame(b'M', b"<suspect@example.net>\0"),
        frame(b'R', b"<a@example.org>\0"),
        frame(b'E', b""),
        frame(b'K', b""),
        frame(b'C', b"mx\0U"),
    ]
    .concat();
    let start = frame(b'O', &[6, ALL.0, ALL.1].map(u32::to_be_bytes).concat());
    mta.send(&[start, frame(b'C', b"mx\0U"), message.repeat(50)].concat())
        .await;
    mta.say_no_more().await;
    let mut answers = String::new();
    while let Some((answer, _)) = mta.reply().await {
        answers.push(answer);
    }
    assert_eq!(answers, format!("O{}", "iiic".repeat(50)));
}

#[tokio::test(flavor = "multi_thread")]
async fn macro_storms_and_odd_macros_change_nothing() {
    let daemon = start("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    let many: Vec<u8> = (0..10_000)
        .flat_map(|n| format!("{{m{n}}}\0v\0").into_bytes())
        .collect();
    for payload in [
        &b"E"[..],
        b"Ei\0",
        b"E\0\0",
        b"?i\0x\0",
        b"Ei",
        &[b"E", &many[..]].concat(),
    ] {
        for _ in 0..20 {
            mta.send(&frame(b'D', payload)).await;
        }
    }
    let (_, (command, _)) = mta.message("storm", "suspect").await;
    assert_eq!(command, 'c');
}

#[tokio::test(flavor = "multi_thread")]
async fn macros_without_payload_and_nameless_fields_end_nothing() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seer = seen.clone();
    let daemon = start_with(config(""), move |envelope, reading| {
        let names = reading.header.fields().map(|(name, _)| name.to_owned());
        seer.lock().unwrap().extend(names);
        judge(envelope, reading)
    })
    .await;
    let mut mta = Mta::new(&daemon).await;
    let nothing = frame(b'D', b"");
    mta.send(&nothing).await;
    mta.connect("192.0.2.7").await;
    mta.send(&nothing).await;
    mta.begin("nameless", b"suspect@example.net", &[b"a@example.org"])
        .await;
    mta.send(&[&nothing[..], &frame(b'D', b"Ei")].concat())
        .await;
    mta.header(b"", b"a value without a name").await;
    mta.header(b"X-Later", b"field").await;
    mta.send(&nothing).await;
    mta.body(b"Hello\r\n").await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!((told.len(), command), (3, 'c'));
    assert_eq!(seen.lock().unwrap()[..], ["Subject", "X-Later"]);
    let line = &log_lines("nameless: ")[0];
    // "Subject: hello", ": a value without a name", "X-Later: field", "", "Hello"
    assert!(line.contains(", size=67, "), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_length_0_ends_its_connection_at_once() {
    let daemon = start("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("zero", b"suspect@example.net", &[b"a@example.org"])
        .await;
    // Nothing follows, and the MTA does not hang up.
    mta.send(&[0; 4]).await;
    assert!(mta.reply().await.is_none());
    until("the message is given up", || {
        daemon.metrics().aborted.get() == 1
    })
    .await;
    assert_eq!(daemon.metrics().failures("frame"), 1);
    let lines = log_lines("the MTA sent a frame of length 0, ");
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_out_of_order_are_survived() {
    let daemon = start("").await;
    for command in b"ABCDEHKLMNOQRTU" {
        for payload in [&b""[..], b"x\0", b"x\0y\0", &[0; 30]] {
            let mut mta = Mta::silent(&daemon).await;
            mta.send(&frame(*command, payload)).await;
            mta.say_no_more().await;
            while mta.reply().await.is_some() {}
        }
    }
    is_served(&daemon, "commands out of order").await;
    until("every connection is closed", || {
        daemon.metrics().connections.get() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_leaves_nothing_behind() {
    let daemon = start("[limits]\nmemory = \"16K\"").await;
    for steps in 0..5 {
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        if steps > 0 {
            mta.mail(b"clean@example.net").await;
            mta.rcpt(b"a@example.org").await;
        }
        for _ in 1..steps {
            mta.body(&[b'x'; 60_000]).await;
        }
    }
    until("every connection is closed", || {
        daemon.metrics().connections.get() == 0
    })
    .await;
    assert_eq!(daemon.metrics().aborted.get(), 4);
    is_served(&daemon, "connections that hung up").await;
}
