//! From start to end: reload, big messages, the drain.

use crate::peer::{ALL, Mta, config, frame, judge, log_lines, shown, start, start_with, until};
use callbluff::daemon::Daemon;
use callbluff::engine::Engine;
use callbluff::message::Origin;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_counts_from_the_next_mail_on() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = loads.clone();
    let engine = Engine::with_judge(
        config("[[rule]]\nverdict = \"any\"\naction = \"discard\""),
        judge,
    );
    let load = move || match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Err("callbluff.toml:1:1: it is broken\n  | more".to_owned()),
        _ => Ok(Engine::with_judge(
            config("[[rule]]\nverdict = \"any\"\naction = \"hold\""),
            judge,
        )),
    };
    let daemon = Daemon::start(engine, Box::new(load)).await.unwrap();
    // Every command is answered, so that MAIL has surely been seen before the reload.
    let mut mta = Mta::offering(&daemon, 6, (ALL.0, 0x7f)).await;
    mta.connect("192.0.2.7").await;
    assert_eq!(mta.message("reload", "bad").await.1.0, 'd');

    daemon.reload().unwrap_err();
    assert_eq!(mta.message("reload", "bad").await.1.0, 'd');
    assert_eq!(get(&daemon, "/readyz").await.0, 503);
    assert!(
        get(&daemon, "/readyz")
            .await
            .1
            .contains("reload: failed, the old config goes on: callbluff.toml:1:1: it is broken\n")
    );

    mta.begin("reload", b"bad@example.net", &[b"a@example.org"])
        .await;
    daemon.reload().unwrap();
    assert_eq!(
        mta.end().await.1.0,
        'd',
        "a message keeps the engine it began with"
    );
    assert!(
        shown(&mta.message("reload", "bad").await.0)
            .iter()
            .any(|change| change.starts_with("q "))
    );
    assert_eq!(get(&daemon, "/readyz").await, (200, "ready\n".to_owned()));
    let metrics = get(&daemon, "/metrics").await.1;
    assert!(
        metrics.contains("\ncallbluff_reloads_total 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("\ncallbluff_reload_failures_total 1\n"),
        "{metrics}"
    );
}

pub(crate) async fn get(daemon: &Daemon, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(daemon.web_address().unwrap())
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_numbers_are_served() {
    let daemon = start("").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.message("health", "suspect").await;
    assert_eq!(get(&daemon, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&daemon, "/nothing").await.0, 404);
    let metrics = get(&daemon, "/metrics").await.1;
    for line in [
        "callbluff_messages_total{verdict=\"suspect\"} 1",
        "callbluff_recipients_total{disposition=\"tag\"} 1",
        "callbluff_connections 1",
        "callbluff_message_bytes_total 25",
    ] {
        assert!(
            metrics.lines().any(|shown| shown == line),
            "{line}\n{metrics}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_message_goes_through_a_file_and_comes_back_as_it_was() {
    let text =
        "[limits]\nmemory = \"16K\"\ninspect = \"1M\"\ninspect_total = \"1M\"\ntext = \"1M\"";
    let seen = Arc::new(Mutex::new((0, false, String::new())));
    let seer = seen.clone();
    let daemon = start_with(config(text), move |envelope, reading| {
        let text: String = reading
            .pieces
            .iter()
            .filter(|piece| piece.place.origin == Origin::Plain)
            .map(|piece| piece.text.as_str())
            .collect();
        *seer.lock().unwrap() = (text.len(), reading.is_truncated, text);
        judge(envelope, reading)
    })
    .await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    for lines in [100, 1000, 4000, 30_000] {
        let body: String = (0..lines)
            .map(|n| format!("This is line number {n:07} of the message.\r\n"))
            .collect();
        mta.begin("big", b"suspect@example.net", &[b"a@example.org"])
            .await;
        for chunk in body.as_bytes().chunks(65_535) {
            mta.body(chunk).await;
        }
        let (told, (command, _)) = mta.end().await;
        assert_eq!((told.len(), command), (3, 'c'), "{lines} lines");
        let (_, is_truncated, text) = &*seen.lock().unwrap();
        let whole = body.replace("\r\n", "\n");
        assert_eq!(*is_truncated, body.len() > 1 << 20, "{lines} lines");
        assert!(
            whole.starts_with(text.trim_end()) || text.contains(&whole[..500]),
            "{lines} lines"
        );
        if !is_truncated {
            assert_eq!(text.trim_end(), whole.trim_end(), "{lines} lines");
        }
    }
    assert!(daemon.metrics().spool_bytes.get() > 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_at_once_go_to_files_although_each_is_small() {
    let daemon = start_with(config(""), judge).await;
    let chunk = [b'x'; 60_000];
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        mta.begin("many", b"suspect@example.net", &[b"a@example.org"])
            .await;
        for _ in 0..3 {
            mta.body(&chunk).await;
        }
        open.push(mta);
    }
    // 7 MB in all, of which each message alone could keep its part in memory.
    for mut mta in open {
        let (told, (command, _)) = mta.end().await;
        assert_eq!((told.len(), command), (3, 'c'));
    }
    let spooled = daemon.metrics().spool_bytes.get();
    assert!((1 << 20..6 << 20).contains(&spooled), "{spooled}");
    // They have given the memory back.
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("one", b"suspect@example.net", &[b"a@example.org"])
        .await;
    for _ in 0..3 {
        mta.body(&chunk).await;
    }
    assert_eq!(mta.end().await.1.0, 'c');
    assert_eq!(daemon.metrics().spool_bytes.get(), spooled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_cannot_be_written_has_its_answer() {
    for (fallback, answer) in [("accept", 'c'), ("defer", 'y')] {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().display();
        let text = format!(
            "state_dir = \"{folder}\"\n[on_error]\nspool = \"{fallback}\"\n[limits]\nmemory = \"16K\""
        );
        let daemon = start(&text).await;
        std::fs::remove_dir(state.path().join("spool")).unwrap();
        let mut mta = Mta::new(&daemon).await;
        mta.connect("192.0.2.7").await;
        let id = format!("full{fallback}");
        mta.begin(&id, b"suspect@example.net", &[b"a@example.org"])
            .await;
        mta.header(b"X-Callbluff-Verdict", b"clean").await;
        for _ in 0..3 {
            mta.body(&[b'x'; 60_000]).await;
        }
        let (told, (command, _)) = mta.end().await;
        assert_eq!(command, answer);
        if answer == 'c' {
            let expected = ["m1 x-callbluff-verdict", "i1 X-Callbluff-Verdict: error"];
            assert_eq!(shown(&told), expected);
        }
        let lines = log_lines(&id);
        assert!(
            lines[0].contains("could not write the message to its spool file"),
            "{lines:?}"
        );
        let end = format!("verdict=error, score=0.0, disposition={fallback}, reason=spool, ");
        assert!(lines[1].contains(&end), "{lines:?}");
        // A small message needs no file.
        assert_eq!(mta.message("small", "suspect").await.0.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_waits_for_running_messages_and_for_nothing_else() {
    let daemon = start("").await;
    let mut idle = Mta::new(&daemon).await;
    idle.connect("192.0.2.7").await;
    // Every command is answered, so that the message has surely begun.
    let mut busy = Mta::offering(&daemon, 6, (ALL.0, 0x7f)).await;
    busy.connect("192.0.2.7").await;
    busy.begin("drain", b"suspect@example.net", &[b"a@example.org"])
        .await;
    until("both are connected", || {
        daemon.metrics().connections.get() == 2
    })
    .await;
    let address = crate::peer::address(&daemon);
    let metrics = daemon.metrics().clone();
    let stopping = tokio::spawn(daemon.stop(std::future::pending::<()>()));
    assert!(idle.reply().await.is_none(), "an idle connection is closed");
    until("the socket is closed", || {
        std::net::TcpStream::connect(&address).is_err()
    })
    .await;
    until("only the busy one is left", || {
        metrics.connections.get() == 1
    })
    .await;
    busy.body(b"the rest\r\n").await;
    let (told, (command, _)) = busy.end().await;
    assert_eq!((told.len(), command), (3, 'c'));
    assert!(
        busy.reply().await.is_none(),
        "it is closed after its message"
    );
    stopping.await.unwrap();
    assert_eq!(metrics.aborted.get(), 0);
}

/// One thread: the phase gets to the session before the runtime has looked at its socket again.
#[tokio::test]
async fn a_message_that_was_sent_before_the_drain_is_answered() {
    let daemon = start("").await;
    let address = crate::peer::address(&daemon);
    let metrics = daemon.metrics().clone();
    let mut mta = std::net::TcpStream::connect(&address).unwrap();
    let negotiation = frame(b'O', &[6, ALL.0, ALL.1].map(u32::to_be_bytes).concat());
    mta.write_all(&[negotiation, frame(b'C', b"mx\0U")].concat())
        .unwrap();
    until("it is negotiated", || {
        mta.set_nonblocking(true).unwrap();
        mta.read(&mut [0; 4096]).is_ok()
    })
    .await;
    mta.set_nonblocking(false).unwrap();
    let message = [
        frame(b'M', b"<suspect@example.net>\0"),
        frame(b'R', b"<a@example.org>\0"),
        frame(b'E', b""),
    ];
    mta.write_all(&message.concat()).unwrap();
    daemon.stop(std::future::pending::<()>()).await;
    let mut answers = Vec::new();
    mta.read_to_end(&mut answers).unwrap();
    let mut commands = String::new();
    while let Some((length, rest)) = answers.split_first_chunk() {
        commands.push(char::from(rest[0]));
        answers = rest[u32::from_be_bytes(*length) as usize..].to_vec();
    }
    assert_eq!(commands, "iiic");
    assert_eq!(metrics.aborted.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_ends_at_its_time() {
    let text = "[milter]\nlisten = \"inet:0@127.0.0.1\"\ndrain = \"0s\"";
    let daemon = start_with(config(text), judge).await;
    // Every command is answered, so that the message has surely begun.
    let mut busy = Mta::offering(&daemon, 6, (ALL.0, 0x7f)).await;
    busy.connect("192.0.2.7").await;
    busy.begin("late", b"suspect@example.net", &[b"a@example.org"])
        .await;
    let metrics = daemon.metrics().clone();
    daemon.stop(std::future::pending::<()>()).await;
    assert!(busy.reply().await.is_none());
    until("the message is given up", || metrics.aborted.get() == 1).await;
    assert!(log_lines("did not finish in time")[0].starts_with("WARN"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_is_being_judged_is_answered_before_the_end() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (begun, begins) = mpsc::channel();
    let daemon = start_with(config(""), move |envelope, reading| {
        begun.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        judge(envelope, reading)
    })
    .await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("judged", b"suspect@example.net", &[b"a@example.org"])
        .await;
    mta.send(&frame(b'E', b"")).await;
    tokio::task::spawn_blocking(move || begins.recv().unwrap())
        .await
        .unwrap();
    let stopping = tokio::spawn(daemon.stop(std::future::pending::<()>()));
    go.send(()).unwrap();
    for expected in "iiic".chars() {
        assert_eq!(mta.reply().await.unwrap().0, expected);
    }
    stopping.await.unwrap();
}
