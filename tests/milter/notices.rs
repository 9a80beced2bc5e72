//! What the MTA is told where recipients get a notice, or somebody a copy.

use crate::peer::{ALL, Mta, Reply, log_lines, start};

const RULES: &str = r#"
    [notice]
    sender = "Mail team <help@example.org>"
    language = "en"
    [[rule]]
    sender = "replace@"
    action = "tag"
    subject_prefix = "[extortion]"
    notice = "replace"
    [[rule]]
    sender = "banner@"
    action = "tag"
    notice = "banner"
    [[rule]]
    sender = "header@"
    action = "tag"
    notice = "header"
    [[rule]]
    sender = "stored@"
    recipient = "!free@example.org"
    action = "quarantine"
    notice = "replace"
    [[rule]]
    sender = "stored@"
    action = "tag"
    [[rule]]
    sender = "keepcopy@"
    action = "quarantine"
    copy = "evidence@example.org"
    [[rule]]
    sender = "both@"
    recipient = "a@example.org"
    action = "tag"
    notice = "replace"
    [[rule]]
    sender = "copy@"
    action = "tag"
    copy = "team@example.net"
    [[rule]]
    sender = "bin@"
    action = "discard"
    copy = "evidence@example.org"
    [[rule]]
    sender = "watch@"
    action = "discard"
    copy = "evidence@example.org"
    mode = "monitor"
"#;

const OWN: [&str; 4] = [
    "i1 X-Callbluff-Notice: bluff; en; This message is almost certainly a bluff that was sent to millions of people. Do not pay, do not answer, keep it.",
    "i1 X-Callbluff-Signals: recording.claimed, wallet.btc",
    "i1 X-Callbluff-Score: 11.5",
    "i1 X-Callbluff-Verdict: sextortion",
];

/// The changes as text, without folds.
fn shown(changes: &[Reply]) -> Vec<String> {
    let changes = crate::peer::shown(changes);
    changes
        .iter()
        .map(|line| line.replace("\n\t", " "))
        .collect()
}

/// The changes but for the body, and the body.
fn apart(changes: Vec<Reply>) -> (Vec<String>, String) {
    // Postfix takes a body only in one run of pieces.
    let first = changes.iter().position(|(command, _)| *command == 'b');
    let pieces = changes
        .iter()
        .filter(|(command, _)| *command == 'b')
        .count();
    if let Some(first) = first {
        assert!(
            changes[first..first + pieces]
                .iter()
                .all(|(c, _)| *c == 'b')
        );
    }
    let (body, rest): (Vec<Reply>, Vec<Reply>) = changes
        .into_iter()
        .partition(|(command, _)| *command == 'b');
    let body: Vec<u8> = body.into_iter().flat_map(|(_, bytes)| bytes).collect();
    (shown(&rest), String::from_utf8(body).unwrap())
}

/// A message with further fields before its subject.
async fn send(
    mta: &mut Mta,
    id: &str,
    sender: &str,
    fields: &[(&str, &str)],
) -> (Vec<Reply>, char) {
    mta.connect("192.0.2.7").await;
    mta.mail(format!("{sender}@example.net").as_bytes()).await;
    mta.rcpt(b"a@example.org").await;
    for (name, value) in fields {
        mta.header(name.as_bytes(), value.as_bytes()).await;
    }
    mta.header(b"Subject", b"hello").await;
    mta.macros(b'E', &[("i", id)]).await;
    mta.body(b"Hello\r\n").await;
    let (changes, (answer, _)) = mta.end().await;
    (changes, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_changes_body_fields_and_sender() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    let fields = [
        ("From", "stranger <x@example.net>"),
        ("Reply-To", "x@example.net"),
        ("List-Unsubscribe", "<https://example.net>"),
        ("DKIM-Signature", "v=1"),
        ("DKIM-Signature", "v=2"),
        ("Content-Type", "text/html"),
        ("content-type", "text/plain"),
        ("X-Other", "stays"),
    ];
    let (changes, answer) = send(&mut mta, "replaced", "replace", &fields).await;
    assert_eq!(answer, 'c');
    let (changes, body) = apart(changes);
    let ends: Vec<String> = changes
        .iter()
        .filter(|change| {
            !change.starts_with("h Message-ID:<notice.")
                && !change.starts_with("h Message-ID: <notice.")
        })
        .map(|change| change.split("; boundary").next().unwrap().to_owned())
        .collect();
    let mut expected = vec![
        "m2 content-type",
        "m2 dkim-signature",
        "m1 dkim-signature",
        "m1 list-unsubscribe",
        "m1 reply-to",
        "m1 Subject: We stopped a threatening message to you",
        "m1 From: Mail team <help@example.org>",
        "h Auto-Submitted: auto-generated",
        "h MIME-Version: 1.0",
        "m1 Content-Type: multipart/mixed",
        "h Content-Transfer-Encoding: 7bit",
        "e <>",
    ];
    expected.extend(OWN);
    assert_eq!(ends, expected);
    assert_eq!(changes.len(), ends.len() + 1, "{changes:#?}");
    assert!(
        body.contains("Content-Type: text/html; charset=utf-8"),
        "{body}"
    );
    assert!(
        body.contains("Content-Type: message/rfc822")
            && body.contains("From: stranger <x@example.net>\r\n"),
        "{body}"
    );
    assert!(body.contains("Subject: hello\r\n\r\nHello\r\n--"), "{body}");
    let line = &log_lines("replaced")[0];
    assert!(
        line.contains("disposition=tag, notice=replace, client="),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banner_leaves_signed_mail_alone() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    let plain = [("Content-Type", "text/html")];
    let (changes, _) = send(&mut mta, "before", "banner", &plain).await;
    let (changes, body) = apart(changes);
    assert!(
        changes[1].starts_with("m1 Content-Type: multipart/mixed; boundary="),
        "{changes:?}"
    );
    assert_eq!(changes[3..], OWN);
    assert!(
        body.contains("\r\nContent-Type: text/html\r\n\r\nHello\r\n--"),
        "{body}"
    );

    let signed = [("Content-Type", "text/html"), ("DKIM-Signature", "v=1")];
    let (changes, _) = send(&mut mta, "signed", "banner", &signed).await;
    let (changes, body) = apart(changes);
    assert_eq!(changes, OWN);
    assert_eq!(body, "");
    let line = &log_lines("signed:")[0];
    assert!(
        line.contains(r"reason=no\u{20}banner\u{20}in\u{20}signed\u{20}mail, notice=header"),
        "{line}"
    );

    // Unless told.
    let daemon = start(&RULES.replace("[notice]", "[notice]\nbreak_signatures = true")).await;
    let mut mta = Mta::new(&daemon).await;
    let (changes, _) = send(&mut mta, "broken", "banner", &signed).await;
    assert!(apart(changes).1.contains("Hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_all_that_some_get() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    let (changes, _) = send(&mut mta, "field", "header", &[]).await;
    assert_eq!(shown(&changes), OWN);
    // An MTA that lets nobody change bodies.
    let mut mta = Mta::offering(&daemon, 6, (ALL.0 & !2, ALL.1)).await;
    let (changes, _) = send(&mut mta, "bodiless", "replace", &[]).await;
    let mut expected = vec!["m1 Subject: [extortion] hello"];
    expected.extend(OWN);
    assert_eq!(shown(&changes), expected);
    // More fields than can be changed: one of them might say how to read the old body.
    let mut mta = Mta::new(&daemon).await;
    let flood = vec![("Content-Type", "text/plain"); 501];
    let (changes, _) = send(&mut mta, "flood", "replace", &flood).await;
    assert_eq!(shown(&changes), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_where_nobody_else_gets_the_message() {
    let daemon = start(RULES).await;
    let mut mta = Mta::new(&daemon).await;
    let marks = &OWN[1..];
    let (changes, answer) = send(&mut mta, "copied", "copy", &[]).await;
    assert_eq!(answer, 'c');
    assert_eq!(shown(&changes), [marks, &["+ <team@example.net>"]].concat());
    let (changes, answer) = send(&mut mta, "binned", "bin", &[]).await;
    assert_eq!(answer, 'c');
    let both = ["- <a@example.org>", "+ <evidence@example.org>"];
    assert_eq!(shown(&changes), [marks, &both].concat());
    let line = &log_lines("binned")[0];
    assert!(
        line.contains("disposition=discard, copies=1, client="),
        "{line}"
    );
    // In monitor mode nothing.
    let (changes, _) = send(&mut mta, "watched", "watch", &[]).await;
    assert_eq!(shown(&changes), marks);
    // Without the right to change recipients nothing is lost.
    let mut mta = Mta::offering(&daemon, 6, (ALL.0 & !4, ALL.1)).await;
    let (changes, answer) = send(&mut mta, "uncopied", "bin", &[]).await;
    assert_eq!((shown(&changes).len(), answer), (0, 'y'));
    assert!(
        log_lines("uncopied: ")[1].contains("disposition=defer"),
        "{:?}",
        log_lines("uncopied")
    );
}

/// As `RULES`, with a state folder of its own.
fn stored_rules(folder: &tempfile::TempDir, more: &str) -> String {
    let rules = RULES.replace("[notice]", &format!("[notice]\n{more}"));
    format!("state_dir = \"{}\"\n{rules}", folder.path().display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_takes_the_place_of_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&stored_rules(&folder, "per_day = 2")).await;
    let mut mta = Mta::new(&daemon).await;
    let (changes, answer) = send(&mut mta, "kept1", "stored", &[]).await;
    assert_eq!(answer, 'c');
    let (changes, body) = apart(changes);
    let line = &log_lines("INFO kept1")[0];
    let entry = line.split("disposition=quarantine, entry=").nth(1).unwrap();
    let entry = entry.split(',').next().unwrap();
    assert!(line.contains("notice=replace"), "{line}");
    let has = |change: &str| changes.iter().any(|told| told == change);
    assert!(
        has("m1 Subject: We stopped a threatening message to you"),
        "{changes:?}"
    );
    assert!(
        has(&format!("i1 X-Callbluff-Entry: {entry}")),
        "{changes:?}"
    );
    assert!(has("e <>"), "{changes:?}");
    assert!(
        !changes.iter().any(|told| told.starts_with('-')),
        "{changes:?}"
    );
    assert!(!body.contains("rfc822"), "{body}");

    // Where the body cannot be changed, what is stored does not arrive as it is.
    let mut poor = Mta::offering(&daemon, 6, (ALL.0 & !2, ALL.1)).await;
    let (changes, answer) = send(&mut poor, "kept2", "stored", &[("X-Other", "2")]).await;
    assert_eq!((changes.len(), answer), (0, 'd'));
    assert!(log_lines("INFO kept2")[0].contains(r"reason=the\u{20}body\u{20}of"));

    // Twice a day is enough; the third is only stored.
    let (changes, answer) = send(&mut mta, "kept3", "stored", &[("X-Other", "3")]).await;
    assert_eq!((changes.len(), answer), (0, 'd'));
    let line = &log_lines("INFO kept3")[0];
    assert!(
        line.contains(r"reason=told\u{20}often\u{20}enough\u{20}today, "),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_told_often_enough_is_taken_off() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&stored_rules(&folder, "per_day = 1")).await;
    let mut mta = Mta::new(&daemon).await;
    let (_, answer) = send(&mut mta, "often1", "stored", &[]).await;
    assert_eq!(answer, 'c');
    let two: [&[u8]; 2] = [b"A@example.org", b"b@example.org"];
    mta.begin("often2", b"stored@example.net", &two).await;
    mta.body(b"Hello\r\n").await;
    let (changes, (answer, _)) = mta.end().await;
    let (changes, body) = apart(changes);
    assert_eq!(answer, 'c');
    assert!(
        changes.contains(&"- <A@example.org>".to_owned()),
        "{changes:?}"
    );
    assert!(
        !changes.contains(&"- <b@example.org>".to_owned()),
        "{changes:?}"
    );
    assert!(body.contains("text/html"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_the_message_gets_it_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&stored_rules(&folder, "")).await;
    let mut mta = Mta::new(&daemon).await;
    let two: [&[u8]; 2] = [b"a@example.org", b"free@example.org"];
    mta.begin("free1", b"stored@example.net", &two).await;
    mta.body(b"Hello\r\n").await;
    let (changes, (answer, _)) = mta.end().await;
    let (changes, body) = apart(changes);
    assert_eq!((body.as_str(), answer), ("", 'c'));
    assert!(
        changes.contains(&"- <a@example.org>".to_owned()),
        "{changes:?}"
    );
    assert!(
        !changes.iter().any(|told| told.starts_with("m1 Subject")),
        "{changes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_somebody_else_is_not_named() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&stored_rules(&folder, "")).await;
    let mut mta = Mta::new(&daemon).await;
    // One gets the notice with the message attached, the other has it in the quarantine.
    let two: [&[u8]; 2] = [b"a@example.org", b"b@example.org"];
    mta.begin("both1", b"both@example.net", &two).await;
    mta.body(b"Hello\r\n").await;
    let (changes, _) = mta.end().await;
    let (changes, body) = apart(changes);
    assert!(
        changes.contains(&"- <b@example.org>".to_owned()),
        "{changes:?}"
    );
    assert!(body.contains("Subject: hello\r\n\r\nHello\r\n"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_where_everybody_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = start(&stored_rules(&folder, "")).await;
    let mut mta = Mta::new(&daemon).await;
    let (changes, answer) = send(&mut mta, "keepcopy1", "keepcopy", &[]).await;
    assert_eq!(answer, 'c');
    let changes = shown(&changes);
    assert_eq!(
        changes[changes.len() - 2..],
        ["- <a@example.org>", "+ <evidence@example.org>"]
    );
    let line = &log_lines("INFO keepcopy1")[0];
    assert!(
        line.contains("disposition=quarantine, entry=") && line.contains("copies=1"),
        "{line}"
    );
}
