//! Notices and copies through both MTAs: what the recipient gets in the end.

use crate::mail::sextortion;
use crate::rig::{Peer, Plan, Rig, apart, on_both};
use crate::sink::Mail;

on_both!(
    a_notice_takes_the_place_of_a_threat,
    a_banner_stands_before_the_message,
    a_banner_leaves_signed_mail_as_it_is,
    a_notice_in_the_header_changes_no_byte_of_the_message,
    the_mail_of_another_recipient_is_untouched,
    quarantined_mail_gives_way_to_a_notice,
    who_is_not_alone_is_told_by_a_message_of_its_own,
    a_copy_goes_to_its_mailbox,
    a_discarded_message_reaches_only_the_copy,
);

const CONFIG: &str = r#"
[[rule]]
name = "replace"
recipient = "replace@"
action = "tag"
notice = "replace"
[[rule]]
name = "banner"
recipient = "banner@"
action = "tag"
notice = "banner"
[[rule]]
name = "header"
recipient = "header@"
action = "tag"
notice = "header"
[[rule]]
name = "untouched"
recipient = "untouched@"
action = "accept"
[[rule]]
name = "stored"
recipient = "stored@"
action = "quarantine"
notice = "replace"
[[rule]]
name = "copy"
recipient = "copy@"
action = "tag"
copy = "team@example.com"
[[rule]]
name = "bin"
recipient = "bin@"
action = "discard"
copy = "evidence@example.com"
[notice]
sender = "Mail team <help@example.org>"
contact = "Help desk, telephone 1234"
send = true
[release]
next_hop = "127.0.0.1:{sink}"
"#;

fn start(peer: Peer) -> Option<Rig> {
    let mut plan = Plan::new(peer);
    plan.config = CONFIG.to_owned();
    plan.start()
}

fn send(rig: &Rig, to: &[&str], message: &[u8]) {
    let reply = rig.session().deliver("stranger@example.net", to, message);
    assert_eq!(reply.code, 250, "{}", reply.text());
}

/// The threat with fields that a notice must not keep.
fn threat(fields: &str) -> Vec<u8> {
    [fields.as_bytes(), &sextortion("threat")].concat()
}

/// Every address that any of the mails went to.
fn recipients(mails: &[Mail]) -> Vec<String> {
    let mut all: Vec<String> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    all.sort();
    all
}

fn text(mail: &Mail) -> String {
    String::from_utf8_lossy(&mail.message).into_owned()
}

/// The text of the first Base64 part.
fn first_text(mail: &Mail) -> String {
    use base64::Engine as _;
    let whole = text(mail);
    let part = whole.split("Content-Transfer-Encoding: base64").nth(1);
    let part = part.unwrap().split("\r\n\r\n").nth(1).unwrap();
    let lines: String = part
        .lines()
        .take_while(|line| !line.starts_with("--"))
        .collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(lines)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn a_notice_takes_the_place_of_a_threat(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat(
        "DKIM-Signature: v=1; d=example.net\r\nReply-To: stranger@example.net\r\nList-Unsubscribe: <https://example.net>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain;\r\n charset=us-ascii\r\nContent-Disposition: inline\r\n",
    );
    send(&rig, &["replace@example.org"], &message);
    let mail = &rig.sink.mails(1)[0];
    assert!(mail.from.starts_with("<>"), "{}", mail.from);
    for (name, expected) in [
        ("Subject", "We stopped a threatening message to you"),
        ("From", "Mail team <help@example.org>"),
        ("To", "<bob@example.org>"),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Callbluff-Verdict", "sextortion"),
        ("Content-Transfer-Encoding", "7bit"),
    ] {
        assert_eq!(mail.values(name), [expected], "{name}\n{}", text(mail));
    }
    for name in [
        "DKIM-Signature",
        "Reply-To",
        "List-Unsubscribe",
        "Content-Disposition",
    ] {
        assert_eq!(mail.values(name), [""; 0], "{name}");
    }
    assert_eq!(mail.values("Content-Type").len(), 1);
    assert!(mail.values("Content-Type")[0].starts_with("multipart/mixed;"));
    let notice = first_text(mail);
    assert!(notice.contains("almost certainly a bluff"), "{notice}");
    assert!(notice.contains("Help desk, telephone 1234"), "{notice}");
    assert!(
        notice.contains("The original message is attached."),
        "{notice}"
    );
    // The original, byte for byte, and no word of it outside.
    let whole = text(mail);
    let (before, rest) = whole
        .split_once("Content-Type: message/rfc822\r\n")
        .unwrap();
    assert!(rest.contains(&*String::from_utf8_lossy(&message)), "{rest}");
    assert!(
        !before.contains("your webcam") && !before.contains("has been hacked"),
        "{before}"
    );
    rig.filter.wait_line(&["disposition=tag", "notice=replace"]);
}

fn a_banner_stands_before_the_message(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n");
    send(&rig, &["banner@example.org"], &message);
    let mail = &rig.sink.mails(1)[0];
    assert!(
        mail.from.starts_with("<stranger@example.net>"),
        "{}",
        mail.from
    );
    assert_eq!(mail.values("Subject"), ["Your account has been hacked"]);
    assert_eq!(mail.values("Content-Type").len(), 1);
    assert!(first_text(mail).contains("Do not pay, do not answer, keep it."));
    let body = String::from_utf8_lossy(&message).into_owned();
    let body = body.split_once("\r\n\r\n").unwrap().1;
    let part = format!("Content-Type: text/plain; charset=us-ascii\r\n\r\n{body}");
    assert!(text(mail).contains(&part), "{}", text(mail));
    rig.filter.wait_line(&["disposition=tag", "notice=banner"]);
}

fn a_banner_leaves_signed_mail_as_it_is(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("DKIM-Signature: v=1; d=example.net\r\n");
    send(&rig, &["banner@example.org"], &message);
    is_only_marked(&rig, &rig.sink.mails(1)[0], &message);
}

fn a_notice_in_the_header_changes_no_byte_of_the_message(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("");
    send(&rig, &["header@example.org"], &message);
    is_only_marked(&rig, &rig.sink.mails(1)[0], &message);
}

fn the_mail_of_another_recipient_is_untouched(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("");
    send(
        &rig,
        &["replace@example.org", "untouched@example.org"],
        &message,
    );
    let mails = rig
        .sink
        .wait("both recipients", |mails| recipients(mails).len() == 2);
    for mail in &mails {
        is_only_marked(&rig, mail, &message);
    }
}

/// Our own fields stand above it, and not a byte of it is changed.
fn is_only_marked(rig: &Rig, mail: &Mail, message: &[u8]) {
    let (ours, rest) = apart(mail);
    assert!(
        ours.iter()
            .any(|field| field.starts_with("X-Callbluff-Notice: bluff; en; ")),
        "{ours:?}"
    );
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(message)
    );
    rig.filter.wait_line(&["notice=header"]);
}

fn quarantined_mail_gives_way_to_a_notice(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    send(
        &rig,
        &["stored@example.org", "stored@example.com"],
        &threat(""),
    );
    let line = rig
        .filter
        .wait_line(&["disposition=quarantine", "notice=replace"]);
    let entry = line
        .split("entry=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    let mails = rig
        .sink
        .wait("both recipients", |mails| recipients(mails).len() == 2);
    for mail in &mails {
        assert!(mail.from.starts_with("<>"), "{}", mail.from);
        assert_eq!(mail.values("From"), ["Mail team <help@example.org>"]);
        assert_eq!(mail.values("X-Callbluff-Entry"), [entry]);
        let notice = first_text(mail);
        assert!(notice.contains(&format!("as entry {entry}.")), "{notice}");
        // It stays where it is.
        let whole = text(mail);
        assert!(
            !whole.contains("rfc822") && !whole.contains("your webcam"),
            "{whole}"
        );
    }
}

fn who_is_not_alone_is_told_by_a_message_of_its_own(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("");
    send(
        &rig,
        &["stored@example.org", "untouched@example.org"],
        &message,
    );
    let mails = rig
        .sink
        .wait("message and notice", |mails| recipients(mails).len() == 2);
    let to = |name: &str| {
        let is_for = |mail: &&Mail| mail.to == [format!("<{name}@example.org>")];
        mails.iter().find(is_for).unwrap()
    };
    let (_, rest) = apart(to("untouched"));
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(&message)
    );
    let own = to("stored");
    assert!(own.from.starts_with("<>"), "{}", own.from);
    assert_eq!(
        own.values("Subject"),
        ["We stopped a threatening message to you"]
    );
    assert_eq!(own.values("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(own.values("X-Callbluff-Release").len(), 1);
    assert!(first_text(own).contains("as entry "), "{}", text(own));
    rig.filter.wait_line(&["notice sent, entry="]);
}

fn a_copy_goes_to_its_mailbox(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("");
    send(&rig, &["copy@example.org"], &message);
    let mails = rig
        .sink
        .wait("recipient and copy", |mails| recipients(mails).len() == 2);
    assert_eq!(
        recipients(&mails),
        ["<copy@example.org>", "<team@example.com>"]
    );
    for mail in &mails {
        let (ours, rest) = apart(mail);
        assert_eq!(ours[0], "X-Callbluff-Verdict: sextortion");
        assert_eq!(
            String::from_utf8_lossy(&rest),
            String::from_utf8_lossy(&message)
        );
    }
    rig.filter.wait_line(&["disposition=tag", "copies=1"]);
}

fn a_discarded_message_reaches_only_the_copy(peer: Peer) {
    let Some(rig) = start(peer) else { return };
    let message = threat("");
    send(&rig, &["bin@example.org", "bin@example.net"], &message);
    rig.filter.wait_line(&["disposition=discard", "copies=1"]);
    let mails = rig.sink.wait("the copy", |mails| !mails.is_empty());
    assert_eq!(recipients(&mails), ["<evidence@example.com>"]);
    assert_eq!(
        recipients(&rig.arrived_before_marker()),
        ["<evidence@example.com>"]
    );
}
