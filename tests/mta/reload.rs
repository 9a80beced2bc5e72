//! Reloads while mail comes in: nothing is lost, and no message is judged by half a policy.

use crate::filter::Filter;
use crate::mail::with_fields;
use crate::rig::{Peer, Plan, on_both};
use crate::smtp::Smtp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

on_both!(reloads_under_load_lose_nothing_and_mix_nothing,);

/// Clients that send at the same time.
const CLIENTS: usize = 4;
/// Messages of one session.
const OF_SESSION: usize = 25;
/// One recipient of the main file's rules, one of a domain file's.
const TO: [&str; 2] = ["bob@example.org", "eve@two.example"];

/// `MESSAGES:RELOADS`; the default is what fits into every run.
fn amount() -> (usize, usize) {
    let text = std::env::var("CALLBLUFF_RELOAD_LOAD").unwrap_or("1000:5".to_owned());
    let (messages, reloads) = text.split_once(':').unwrap();
    (messages.parse().unwrap(), reloads.parse().unwrap())
}

/// A policy of two files, each of which leaves a mark on every message.
fn write_policy(folder: &Path, plain: &str, mark: &str) {
    let rule = |header: &str| {
        format!(
            "[[rule]]\nverdict = \"any\"\nsender = \"load@load.example.net\"\naction = \"tag\"\nheaders = {{ {header} = \"{mark}\" }}\n"
        )
    };
    fs::create_dir_all(folder.join("domains.d")).unwrap();
    fs::write(folder.join("domains.d/two.example.toml"), rule("X-Domain")).unwrap();
    let main = format!("domains_dir = \"domains.d\"\n{plain}\n{}", rule("X-Main"));
    fs::write(folder.join("callbluff.toml"), main).unwrap();
}

fn reload(filter: &Filter) {
    let folder = filter.folder();
    let done = Command::new(env!("CARGO_BIN_EXE_callbluff"))
        .arg("reload")
        .arg("--config")
        .arg(folder.join("callbluff.toml"))
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(
        done.status.code(),
        Some(0),
        "{text}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(text.starts_with("reloaded the config"), "{text}");
}

fn reloads_under_load_lose_nothing_and_mix_nothing(peer: Peer) {
    let (messages, reloads) = amount();
    let mut plan = Plan::new(peer);
    if peer == Peer::Sendmail {
        // On a busy machine it would queue, and then refuse.
        plan.lines = ["confQUEUE_LA", "confREFUSE_LA"]
            .map(|name| format!("define(`{name}', `1000')"))
            .to_vec();
    }
    let Some(rig) = plan.start() else {
        return;
    };
    let folder = rig.filter.folder();
    let plain = fs::read_to_string(folder.join("callbluff.toml")).unwrap();
    write_policy(folder, &plain, "0");
    reload(&rig.filter);
    let address = rig.mta.address();
    // While a reload is under way so many more are sent, and no more: each policy shall get its share.
    let (sender, sent) = mpsc::sync_channel(messages / (2 * (reloads + 1)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let own: Vec<usize> = (client..messages).step_by(CLIENTS).collect();
                for numbers in own.chunks(OF_SESSION) {
                    let mut session = Smtp::connect(address);
                    for number in numbers {
                        let id = format!("load{number}");
                        let reply =
                            session.deliver("load@load.example.net", &TO, &with_fields(&id, ""));
                        assert_eq!(reply.code, 250, "{id}: {}", reply.text());
                        sender.send(()).unwrap();
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut count = 0;
    let mut done = 0;
    while sent.recv().is_ok() {
        count += 1;
        if done < reloads && count * (reloads + 1) >= messages * (done + 1) {
            done += 1;
            write_policy(folder, &plain, &done.to_string());
            reload(&rig.filter);
        }
    }
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!((count, done), (messages, reloads));
    // As long as more mail comes, it is worth waiting.
    let recipients =
        |mails: &[crate::sink::Mail]| -> usize { mails.iter().map(|mail| mail.to.len()).sum() };
    let all = TO.len() * messages;
    let mut mails = Vec::new();
    for wanted in (100..all).step_by(100).chain([all]) {
        mails = rig
            .sink
            .wait("the next mails", |mails| recipients(mails) >= wanted);
    }
    assert_eq!(
        recipients(&mails),
        all,
        "each recipient gets each message once"
    );
    let mut marks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in &mails {
        let of_message = marks.entry(mail.values("Message-ID").concat()).or_default();
        let (main, domain) = (mail.values("X-Main"), mail.values("X-Domain"));
        assert_eq!((main.len(), domain.len()), (1, 1), "both files marked it");
        of_message.extend(main);
        of_message.extend(domain);
    }
    assert_eq!(marks.len(), messages);
    let mixed: Vec<_> = marks.iter().filter(|(_, marks)| marks.len() != 1).collect();
    assert!(mixed.is_empty(), "judged by half a policy: {mixed:?}");
    let seen: BTreeSet<&String> = marks.values().flatten().collect();
    assert_eq!(seen.len(), reloads + 1, "every policy was in use: {seen:?}");
}
