//! What Sendmail does in its own way: virtual users, and a client on IPv6.
//!
//! Debian's Sendmail has no SMTPUTF8, and its AUTH needs plug-ins and accounts of the whole machine: neither is tried.

use crate::ground::{Folder, free_port, wait_for};
use crate::mail::{plain, sender};
use crate::rig::{Peer, Plan, Rig};
use crate::smtp::Smtp;
use std::fs;
use std::net::TcpStream;

fn start(lines: Vec<String>, config: &str) -> Option<Rig> {
    let mut plan = Plan::new(Peer::Sendmail);
    plan.lines = lines;
    plan.config = config.to_owned();
    plan.start()
}

/// The `.mc` lines for addresses that stand for others.
fn virtual_users(folder: &Folder) -> Vec<String> {
    let file = folder.sub("virtual").join("users");
    fs::write(&file, "team@virtual.example\tann@example.org\n").unwrap();
    vec![
        format!(
            "FEATURE(`virtusertable', `text -k 0 -v 1 {}')dnl",
            file.display()
        ),
        "VIRTUSER_DOMAIN(`virtual.example')dnl".to_owned(),
    ]
}

#[test]
fn a_virtual_user_is_seen_as_the_client_named_it() {
    let folder = Folder::new();
    let rules =
        "[[rule]]\nverdict = \"any\"\nrecipient = \"team@virtual.example\"\naction = \"tag\"\n";
    let Some(rig) = start(virtual_users(&folder), rules) else {
        return;
    };
    let reply = rig.session().deliver(
        "x@load.example.net",
        &["team@virtual.example"],
        &plain("virtual"),
    );
    assert_eq!(reply.code, 250, "{}", reply.text());
    let mails = rig.sink.mails(1);
    assert_eq!(
        mails[0].to,
        ["<ann@example.org>"],
        "the MTA rewrites it afterwards"
    );
    assert!(
        !mails[0].values("X-Callbluff-Verdict").is_empty(),
        "the rule has seen it"
    );
}

#[test]
fn a_virtual_user_can_be_taken_off_and_leaves_the_others() {
    let folder = Folder::new();
    let rules = "[[rule]]\nverdict = \"any\"\nsender = \"x@load.example.net\"\n\
                 recipient = \"team@virtual.example\"\naction = \"discard\"\n";
    let Some(rig) = start(virtual_users(&folder), rules) else {
        return;
    };
    let to = ["bob@example.org", "team@virtual.example"];
    let reply = rig
        .session()
        .deliver("x@load.example.net", &to, &plain("apart"));
    assert_eq!(reply.code, 250, "{}", reply.text());
    rig.filter.wait_line(&["disposition=discard:1,accept:1"]);
    let mails = rig.arrived_before_marker();
    let to: Vec<&String> = mails.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!(to, ["<bob@example.org>"]);
}

#[test]
fn a_client_on_ipv6_is_named_in_the_log() {
    let port = free_port();
    let line = format!("DAEMON_OPTIONS(`Family=inet6, Port={port}, Addr=::1, Name=MTA6')");
    let Some(rig) = start(vec![line], "") else {
        return;
    };
    let stream = wait_for("Sendmail to listen on IPv6", || {
        TcpStream::connect(("::1", port)).ok()
    });
    let reply = Smtp::over(stream).deliver(&sender("tag"), &["bob@example.org"], &plain("six"));
    assert_eq!(reply.code, 250, "{}", reply.text());
    rig.filter.wait_line(&["disposition=tag", "client=::1,"]);
    assert_eq!(rig.sink.mails(1).len(), 1);
}
