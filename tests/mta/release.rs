//! What is released arrives through an MTA that asks callbluff again.

use crate::filter::Filter;
use crate::mail;
use crate::rig::{Peer, Plan, Rig, apart, on_both};
use callbluff::message::{Address, Client, Envelope};
use callbluff::quarantine::{self, Entry, NewEntry, Settings, StoredVerdict};
use callbluff::spool::{Spool, SpoolSettings};
use jiff::Timestamp;
use std::fs;
use std::process::Command;

on_both! {
    a_released_message_arrives_exactly_and_is_not_caught_again,
    without_a_good_pass_it_is_caught_again,
}

/// Puts a message into the quarantine of the filter, as if it had been caught.
fn put(filter: &Filter, sender: &str, recipients: &[&str], raw: &[u8]) -> Entry {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let state = filter.folder().join("var");
        let store = quarantine::open(&Settings::default(), &state).unwrap();
        let new = NewEntry {
            received_at: Timestamp::now(),
            envelope: Envelope {
                client: Client::default(),
                queue_id: Some("4bQk2x3T".to_owned()),
                sender: Some(Address::new(sender.as_bytes())),
                recipients: recipients
                    .iter()
                    .map(|to| Address::new(to.as_bytes()))
                    .collect(),
                ..Envelope::default()
            },
            host: "mx.example.org".to_owned(),
            message_id: None,
            subject: None,
            verdict: StoredVerdict::default(),
            rule: None,
            wave: None,
            trace: "Received: from client.example.net ([192.0.2.7])\r\n\tby mx.example.org\r\n"
                .to_owned(),
        };
        let mut spool = Spool::new(SpoolSettings::default());
        for chunk in raw.chunks(60_000) {
            if !spool.push(chunk) {
                spool.flush().await.unwrap();
            }
        }
        let stored = store.put(&new, &mut spool).await.unwrap();
        let entry = store.get(&stored.id).await.unwrap();
        store.close().await;
        entry
    })
}

/// Runs `quarantine release` with the MTA of the rig as the next hop.
fn release(rig: &Rig, entry: &Entry, config: &str) -> serde_json::Value {
    let dir = rig.filter.folder();
    let file = dir.join("release.toml");
    let text = format!("[release]\nnext_hop = \"{}\"\n{config}", rig.mta.address());
    fs::write(&file, text).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .args(["quarantine", "release", "--json", &entry.id, "--config"])
        .arg(&file)
        .current_dir(dir)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let first = text.lines().next();
    let first = first.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    serde_json::from_str(first).unwrap()
}

fn a_released_message_arrives_exactly_and_is_not_caught_again(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    // This sender's mail is held, and the message is the crime itself.
    let sender = mail::sender("hold");
    let recipients = ["bob@example.org", "kim@example.org"];
    let long = [mail::plain("long"), b"x".repeat(5000), b"\r\n".to_vec()].concat();
    let eight_bit = [
        mail::plain("eight"),
        "gr\u{fc}\u{df}e\r\n".as_bytes().to_vec(),
    ]
    .concat();
    for (number, raw) in [
        mail::sextortion("caught"),
        mail::plain("plain"),
        eight_bit,
        long,
        mail::big("big", 700_000),
    ]
    .into_iter()
    .enumerate()
    {
        let entry = put(&rig.filter, &sender, &recipients, &raw);
        let row = release(&rig, &entry, "");
        assert_eq!(row["progress"], "sent", "{row}");
        let id = row["queue_id"]
            .as_str()
            .expect("the MTA tells its queue ID");
        let mail = rig.sink.mails(number + 1).pop().unwrap();
        assert!(
            mail.from.starts_with(&format!("<{sender}>")),
            "{}",
            mail.from
        );
        assert_eq!(mail.to.len(), 2, "{:?}", mail.to);
        let (ours, rest) = apart(&mail);
        assert_eq!(ours.len(), 2, "{ours:?}");
        assert!(ours[0].starts_with("X-Callbluff-Released: "), "{ours:?}");
        assert_eq!(ours[1], format!("X-Callbluff-Entry: {}", entry.id));
        let sent = [entry.trace.as_bytes(), &raw].concat();
        // The MTA itself breaks lines of over 998 bytes for the next server.
        if raw
            .split(|&byte| byte == b'\n')
            .all(|line| line.len() < 990)
        {
            assert_eq!(
                String::from_utf8_lossy(&rest),
                String::from_utf8_lossy(&sent),
                "message {number}"
            );
        }
        rig.filter
            .wait_line(&[id, &format!("reason=release:{}", entry.id)]);
        assert_eq!(rig.mta.held(), [""; 0]);
    }
}

fn without_a_good_pass_it_is_caught_again(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let other_keys = rig.filter.folder().join("other.key");
    fs::write(&other_keys, "1".repeat(64) + "\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&other_keys, mode).unwrap();
    let sender = mail::sender("hold");
    for (number, config) in ["pass = false\n", "key_file = \"other.key\"\n"]
        .into_iter()
        .enumerate()
    {
        let raw = mail::sextortion(&format!("again{number}"));
        let entry = put(&rig.filter, &sender, &["bob@example.org"], &raw);
        let row = release(&rig, &entry, config);
        assert_eq!(row["progress"], "sent", "{row}");
        rig.wait_held(number + 1);
    }
    assert_eq!(rig.arrived_before_marker().len(), 0);
}

#[test]
fn what_was_caught_is_released_by_the_service() {
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    // The next hop is known only now.
    let next_hop = format!("[release]\nnext_hop = \"{}\"\n", rig.mta.address());
    rig.filter.reload_with(&next_hop);
    let raw = mail::sextortion("service");
    let to = ["bob@example.org", "kim@example.org"];
    let reply = rig
        .session()
        .deliver(&mail::sender("quarantine"), &to, &raw);
    assert_eq!(reply.code, 250, "{}", reply.text());
    let stored = rig.filter.wait_line(&["disposition=quarantine"]);
    let run = |words: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .arg("quarantine")
            .args(words)
            .args(["--config", "callbluff.toml"])
            .current_dir(rig.filter.folder())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{stored}\n{}",
            String::from_utf8_lossy(&out.stderr)
        );
    };
    assert_eq!(rig.arrived_before_marker().len(), 0);
    run(&["release", "--no-wait", "--domain", "example.org", "--yes"]);
    let is_it = |mail: &crate::sink::Mail| mail.message.ends_with(&raw);
    let mails = rig
        .sink
        .wait("the released mail", |mails| mails.iter().any(is_it));
    let mail = mails.iter().find(|mail| is_it(mail)).unwrap();
    assert_eq!(mail.to.len(), 2, "{:?}", mail.to);
    let (ours, _) = apart(mail);
    assert_eq!(ours.len(), 2, "{ours:?}");
    rig.filter
        .wait_line(&["released to <kim@example.org>: 250 2.0.0 Ok: queued as "]);
    rig.filter.wait_line(&["reason=release:"]);
}

/// Runs `quarantine` with the config of the filter.
fn quarantine(rig: &Rig, words: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .arg("quarantine")
        .args(words)
        .args(["--config", "callbluff.toml"])
        .current_dir(rig.filter.folder())
        .output()
        .unwrap();
    let text = [out.stdout, out.stderr].concat();
    (
        out.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Releases one message that the mail server holds, first only for show.
fn release_held(held: &impl Fn(&[&str]) -> (Option<i32>, String), id: &str) {
    let (status, text) = held(&["--release", id, "--dry-run"]);
    assert_eq!((status, text), (Some(0), format!("would release {id}\n")));
    let (status, text) = held(&["--release", id]);
    assert_eq!((status, text), (Some(0), format!("{id} released\n")));
}

#[test]
fn what_postfix_holds_is_listed_and_released() {
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    let etc = rig.postfix().etc();
    let postfix = ["--postfix", etc.to_str().unwrap()];
    let held = |words: &[&str]| quarantine(&rig, &[&["held"], &postfix[..], words].concat());
    assert_eq!(held(&["--json"]), (Some(1), String::new()));
    let raw = mail::plain("held");
    let to = ["bob@example.org", "kim@example.org"];
    for action in ["hold", "quarantine"] {
        let reply = rig.session().deliver(&mail::sender(action), &to, &raw);
        assert_eq!(reply.code, 250, "{}", reply.text());
    }
    let id = rig.wait_held(1).pop().unwrap();
    let (status, text) = held(&["--json"]);
    assert_eq!(status, Some(0), "{text}");
    let row: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(row["queue_id"], id.as_str());
    assert_eq!(row["state"], "mta-hold");
    assert_eq!(row["sender"], mail::sender("hold"));
    assert_eq!(row["recipients"], serde_json::json!(to));
    // The other is in the store, and only there.
    let (status, text) = quarantine(&rig, &["list", "--json"]);
    assert_eq!((status, text.lines().count()), (Some(0), 1), "{text}");
    assert!(text.contains(&mail::sender("quarantine")), "{text}");

    let (status, _) = held(&["--release", &id, "--dry-run"]);
    assert_eq!(status, Some(0));
    assert_eq!(rig.mta.held(), [id.as_str()]);
    release_held(&held, &id);
    let mail = rig.sink.mails(1).pop().unwrap();
    assert_eq!(mail.to, ["<bob@example.org>", "<kim@example.org>"]);
    let (ours, rest) = apart(&mail);
    assert!(
        ours.iter().all(|field| field.starts_with("X-Callbluff-")),
        "{ours:?}"
    );
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(&raw)
    );
    rig.wait_held(0);
    let (status, text) = held(&["--release", "0"]);
    assert_eq!(status, Some(2), "{text}");
}

#[test]
fn what_sendmail_holds_is_listed_and_released() {
    let Some(rig) = Plan::new(Peer::Sendmail).start() else {
        return;
    };
    let program = rig.sendmail().program();
    let sendmail = ["--sendmail", program.to_str().unwrap()];
    let held = |words: &[&str]| quarantine(&rig, &[&["held"], &sendmail[..], words].concat());
    assert_eq!(held(&["--json"]), (Some(1), String::new()));
    let raw = mail::plain("held");
    // Longer than what Sendmail prints of it.
    let long = format!("{}@example.org", "kim-".repeat(15) + "kim");
    let to = ["bob@example.org", &long];
    for _ in 0..2 {
        let reply = rig.session().deliver(&mail::sender("hold"), &to, &raw);
        assert_eq!(reply.code, 250, "{}", reply.text());
    }
    let ids = rig.wait_held(2);
    let (status, text) = held(&["--json"]);
    assert_eq!((status, text.lines().count()), (Some(0), 2), "{text}");
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(ids.iter().any(|id| row["queue_id"] == id.as_str()), "{row}");
        assert_eq!(row["state"], "mta-hold");
        assert_eq!(row["sender"], mail::sender("hold"));
        assert_eq!(row["recipients"], serde_json::json!(to));
        assert_eq!(row["reason"], "callbluff: clean, rule #3");
    }
    let id = &ids[0];
    release_held(&held, id);
    let mail = rig.sink.mails(1).pop().unwrap();
    assert_eq!(mail.to.len(), 2, "{:?}", mail.to);
    // The other is still held, and what is not held is told.
    assert_eq!(rig.wait_held(1), ids[1..]);
    let (status, text) = held(&["--release", id]);
    assert_eq!(status, Some(2), "{text}");
}

#[test]
fn a_wave_is_told_to_the_admins_once() {
    let plan = Plan {
        config: "[campaign]\nalarm_entries = 3\nalarm_within = \"1d\"\nalarm_to = [\"admin@example.org\"]\n".to_owned(),
        ..Plan::new(Peer::Postfix)
    };
    let Some(mut rig) = plan.start() else { return };
    // The alarm goes to a server that asks the filter again.
    let next_hop = format!("[release]\nnext_hop = \"{}\"\n", rig.mta.address());
    rig.filter.reload_with(&next_hop);
    let secret = "Zq7canary1";
    let send = |rig: &Rig, wallet: &str, number: usize| {
        let text = String::from_utf8(mail::sextortion(&format!("wave{number}"))).unwrap();
        let text = text
            .replace("18FotALxS7rn1omo55BhMd5tJmYiu7KDZ3", wallet)
            .replace("adult website", &format!("site. Your password is {secret}"));
        let to = format!("user{number}@example.org");
        let from = mail::sender("quarantine");
        let reply = rig.session().deliver(&from, &[&to], text.as_bytes());
        assert_eq!(reply.code, 250, "{}", reply.text());
    };
    let alarm = |rig: &Rig, wallet: &str| {
        let is_it = |mail: &crate::sink::Mail| {
            String::from_utf8_lossy(&mail.message).contains(&format!("btc:{wallet}"))
        };
        let mails = rig.sink.wait("the alarm", |mails| mails.iter().any(is_it));
        mails.into_iter().filter(is_it).count()
    };
    let [first, second] = [
        "18FotALxS7rn1omo55BhMd5tJmYiu7KDZ3",
        "16EsX5vMx12pfkHbJSr7xxGnWEmPgwYCqZ",
    ];
    for (number, wallet) in [first; 4].into_iter().chain([second; 2]).enumerate() {
        send(&rig, wallet, number);
    }
    // A service that starts looks at once.
    rig.filter.end(nix::sys::signal::Signal::SIGTERM);
    rig.filter.start_again();
    assert_eq!(alarm(&rig, first), 1);
    let mail = rig.sink.mails(1).remove(0);
    assert_eq!(mail.to, ["<admin@example.org>"]);
    assert!(mail.from.starts_with("<>"), "{}", mail.from);
    let text = String::from_utf8_lossy(&mail.message).into_owned();
    assert!(text.contains(": 4 entries in the last "), "{text}");
    for word in [
        secret,
        "webcam",
        "hacker",
        "user0",
        "Your account",
        "48 hours",
    ] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    // It passed the filter unjudged.
    rig.filter.wait_line(&["reason=release:alarm"]);
    assert_eq!(mail.values("X-Callbluff-Verdict"), [""; 0]);
    assert_eq!(mail.values("X-Callbluff-Release"), [""; 0]);

    // The larger wave is looked at first, so the mail about the other comes after its own would.
    send(&rig, second, 7);
    rig.filter.end(nix::sys::signal::Signal::SIGTERM);
    rig.filter.start_again();
    assert_eq!(alarm(&rig, second), 1);
    assert_eq!(alarm(&rig, first), 1);
    assert_eq!(rig.mta.held(), [""; 0]);
    assert!(!rig.filter.log().contains(secret));
}
