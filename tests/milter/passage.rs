//! What a message with a pass of ours is told.

use crate::peer::{Mta, log_lines, shown, start};
use callbluff::message::Address;
use callbluff::outbound::{Keys, MessageDigest, PASS_FIELD, Pass};
use jiff::Timestamp;

const MAIL: &[u8] = b"Subject: hello\r\n\r\nHello\r\n";

/// The value of a pass for one recipient, valid for so many seconds from now.
fn value(keys: &Keys, recipient: &str, seconds: i64, mail: &[u8]) -> String {
    let pass = Pass {
        entry: "entry1".to_owned(),
        expires: Timestamp::now().as_second() + seconds,
        digest: MessageDigest::of(&[mail]),
    };
    let field = pass
        .field(keys, &[Address::new(recipient.as_bytes())])
        .unwrap();
    // As an MTA gives it: without name and space, folded with LF alone.
    let value = field.strip_prefix(&format!("{PASS_FIELD}: ")).unwrap();
    value.trim_end().replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_holds_lets_through_and_others_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let state = format!(
        "state_dir = \"{}\"\n[limits]\nmemory = \"16K\"\n[defaults]\nsextortion = \"tag\"\n",
        folder.path().display()
    );
    let daemon = start(&state).await;
    let keys = Keys::load(&folder.path().join("release.key")).unwrap();
    let others = Keys::parse(&"1".repeat(64)).unwrap();
    let to = "a@example.org";
    let good = value(&keys, to, 60, MAIL);
    let big = [
        b"Subject: hello\r\n\r\n".to_vec(),
        b"Hello you\r\n".repeat(20_000),
    ]
    .concat();
    type Row<'a> = (&'a str, Vec<String>, &'a [u8], bool, &'a str);
    let rows: [Row<'_>; 9] = [
        (
            "good",
            vec![good.clone()],
            b"Hello\r\n",
            true,
            "reason=release:entry1",
        ),
        (
            "again",
            vec![good.clone()],
            b"Hello\r\n",
            true,
            "reason=release:entry1",
        ),
        (
            "lines",
            vec![good.clone()],
            b"Hel\r\n lo\r\n\r\n",
            true,
            "reason=release:entry1",
        ),
        (
            "second",
            vec!["v=1; e=x".to_owned(), good.clone()],
            b"Hello\r\n",
            true,
            "reason=release:entry1",
        ),
        (
            "big",
            vec![value(&keys, to, 60, &big)],
            &big[18..],
            true,
            "reason=release:entry1",
        ),
        (
            "other",
            vec![good.clone()],
            b"Hallo\r\n",
            false,
            "is for another message",
        ),
        (
            "late",
            vec![value(&keys, to, -1, MAIL)],
            b"Hello\r\n",
            false,
            "has expired",
        ),
        (
            "whom",
            vec![value(&keys, "b@example.org", 60, MAIL)],
            b"Hello\r\n",
            false,
            "does not hold for all its recipients",
        ),
        (
            "forged",
            vec![value(&others, to, 60, MAIL)],
            b"Hello\r\n",
            false,
            "verdict=sextortion",
        ),
    ];
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    for (name, values, body, is_let_through, log) in rows {
        let id = format!("pass{name}");
        mta.begin(&id, b"bad@example.net", &[to.as_bytes()]).await;
        for value in &values {
            mta.header(PASS_FIELD.as_bytes(), value.as_bytes()).await;
        }
        for chunk in body.chunks(60_000) {
            mta.body(chunk).await;
        }
        let (told, (command, _)) = mta.end().await;
        assert_eq!(command, 'c', "{name}");
        let told = shown(&told);
        let field = PASS_FIELD.to_lowercase();
        let stripped: Vec<String> = (1..=values.len())
            .rev()
            .map(|index| format!("m{index} {field}"))
            .collect();
        let lower: Vec<String> = told.iter().map(|change| change.to_lowercase()).collect();
        assert_eq!(lower[..values.len()], stripped, "{name}");
        assert_eq!(
            told.len() == values.len(),
            is_let_through,
            "{name}: {told:?}"
        );
        let lines = log_lines(&id).join("\n");
        assert!(lines.contains(log), "{name}: {lines}");
        assert_eq!(
            lines.contains("verdict="),
            !is_let_through,
            "{name}: {lines}"
        );
    }
    let text = daemon.metrics().text();
    for line in [
        "{worth=\"valid\"} 5",
        "{worth=\"expired\"} 1",
        "{worth=\"forged\"} 1",
    ] {
        assert!(
            text.contains(&format!("callbluff_passes_total{line}")),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_client_does_not_pass_one_on() {
    let daemon = start("[trust]\nnetworks = [\"192.0.2.0/24\"]\n").await;
    let mut mta = Mta::new(&daemon).await;
    mta.connect("192.0.2.7").await;
    mta.begin("trustedpass", b"bad@example.net", &[b"a@example.org"])
        .await;
    mta.header(PASS_FIELD.as_bytes(), b"v=1; e=x").await;
    mta.header(b"X-Callbluff-Verdict", b"clean").await;
    let (told, (command, _)) = mta.end().await;
    assert_eq!(
        (command, shown(&told)),
        ('c', vec![format!("m1 {PASS_FIELD}")])
    );
}
