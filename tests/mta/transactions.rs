//! Sessions as clients hold them: many messages, resets, many recipients, odd addresses and bytes.

use crate::mail::{big, plain, sender, with_fields};
use crate::rig::{Peer, Plan, apart, on_both};
use crate::smtp::{Smtp, stuffed};
use tokio::net::TcpSocket;

on_both!(
    each_message_of_a_session_gets_its_own_answer,
    rset_forgets_the_message_and_keeps_the_session,
    a_pipelined_session_is_answered_in_order,
    a_message_of_30_mb_arrives_byte_for_byte,
    all_of_200_recipients_get_the_message,
    the_null_sender_is_a_sender,
    bytes_beyond_ascii_arrive_byte_for_byte,
    a_client_from_another_address_is_named_in_the_log,
);

const BOB: &[&str] = &["bob@example.org"];

fn each_message_of_a_session_gets_its_own_answer(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let mut session = rig.session();
    // After every answer that can end a message another message follows.
    for action in [
        "tag", "reject", "accept", "defer", "tag", "discard", "accept", "hold", "tag",
    ] {
        let expected = match action {
            "reject" => 550,
            "defer" => 451,
            _ => 250,
        };
        let reply = session.deliver(&sender(action), BOB, &plain(action));
        assert_eq!(reply.code, expected, "{action}: {}", reply.text());
    }
    let mails = rig.sink.mails(5);
    let mut from: Vec<&str> = mails
        .iter()
        .map(|mail| mail.from.split(['<', '@']).nth(1).unwrap())
        .collect();
    from.sort_unstable();
    assert_eq!(from, ["accept", "accept", "tag", "tag", "tag"]);
    for mail in &mails {
        assert_eq!(
            apart(mail).0.is_empty(),
            mail.from.contains("accept"),
            "{}",
            mail.from
        );
    }
    assert_eq!(rig.wait_held(1).len(), 1);
}

fn rset_forgets_the_message_and_keeps_the_session(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let mut session = rig.session();
    session.ok(&format!("MAIL FROM:<{}>", sender("reject")));
    session.ok("RSET");
    session.ok(&format!("MAIL FROM:<{}>", sender("discard")));
    session.ok("RCPT TO:<first@example.org>");
    session.ok("RSET");
    let reply = session.deliver(&sender("tag"), BOB, &plain("after"));
    assert_eq!(reply.code, 250, "{}", reply.text());
    session.ok("RSET");
    let mails = rig.sink.mails(1);
    assert_eq!(mails[0].to, ["<bob@example.org>"]);
    assert!(!apart(&mails[0]).0.is_empty());
    rig.filter.wait_line(&["disposition=tag", "nrcpt=1"]);
}

fn a_pipelined_session_is_answered_in_order(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let mut session = rig.session();
    for action in ["tag", "reject", "accept"] {
        session.send(
            format!(
                "MAIL FROM:<{}>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
                sender(action)
            )
            .as_bytes(),
        );
        assert_eq!(
            [
                session.reply().code,
                session.reply().code,
                session.reply().code
            ],
            [250, 250, 354]
        );
        // The next command rides in the same packet as the end of the message.
        session.send(&[&stuffed(&plain(action)), b".\r\nNOOP\r\n".as_slice()].concat());
        assert_eq!(
            session.reply().code,
            if action == "reject" { 550 } else { 250 }
        );
        assert_eq!(session.reply().code, 250);
    }
    assert_eq!(rig.sink.mails(2).len(), 2);
}

fn a_message_of_30_mb_arrives_byte_for_byte(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let message = big("big", 30 << 20);
    assert_eq!(
        rig.session().deliver(&sender("tag"), BOB, &message).code,
        250
    );
    let mails = rig.sink.mails(1);
    let (ours, rest) = apart(&mails[0]);
    assert_eq!(ours[0], "X-Callbluff-Verdict: clean");
    assert!(
        rest == message,
        "{} bytes became {}",
        message.len(),
        rest.len()
    );
    rig.filter
        .wait_line(&["disposition=tag", &format!("size={}", message.len())]);
}

fn all_of_200_recipients_get_the_message(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let recipients: Vec<String> = (0..200)
        .map(|number| format!("user{number:03}@example.org"))
        .collect();
    let to: Vec<&str> = recipients.iter().map(String::as_str).collect();
    assert_eq!(
        rig.session()
            .deliver(&sender("tag"), &to, &plain("many"))
            .code,
        250
    );
    let reached =
        |mails: &[crate::sink::Mail]| mails.iter().map(|mail| mail.to.len()).sum::<usize>();
    let mails = rig
        .sink
        .wait("200 recipients", |mails| reached(mails) >= 200);
    let mut got: Vec<&str> = mails
        .iter()
        .flat_map(|mail| &mail.to)
        .map(|to| to.trim_matches(['<', '>']))
        .collect();
    got.sort_unstable();
    assert_eq!(got, to);
    rig.filter.wait_line(&["disposition=tag", "nrcpt=200"]);
}

fn the_null_sender_is_a_sender(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    assert_eq!(rig.session().deliver("", BOB, &plain("null")).code, 250);
    assert!(rig.sink.mails(1)[0].from.starts_with("<>"));
    rig.filter.wait_line(&["from=<>"]);
}

fn bytes_beyond_ascii_arrive_byte_for_byte(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let mut message = with_fields(
        "eight",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n",
    );
    message.extend_from_slice(b"Gr\xfc\xdfe, \xff\xfe\x80 and a very long line: ");
    message.extend(std::iter::repeat_n(b'\xe4', 900));
    message.extend_from_slice(b"\r\n");
    let mut session = rig.session();
    session.ok(&format!("MAIL FROM:<{}> BODY=8BITMIME", sender("tag")));
    session.ok("RCPT TO:<bob@example.org>");
    session.ok("DATA");
    assert_eq!(session.message(&message).code, 250);
    let (ours, rest) = apart(&rig.sink.mails(1)[0]);
    assert!(!ours.is_empty());
    assert_eq!(
        rest.escape_ascii().to_string(),
        message.escape_ascii().to_string()
    );
}

/// A client at another address: the whole of 127.0.0.0/8 is on this machine.
fn a_client_from_another_address_is_named_in_the_log(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 77], 0).into()).unwrap();
        socket
            .connect(rig.mta.address())
            .await
            .unwrap()
            .into_std()
            .unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let mut session = Smtp::over(stream);
    assert_eq!(
        session
            .deliver(&sender("tag"), BOB, &plain("elsewhere"))
            .code,
        250
    );
    rig.filter
        .wait_line(&["disposition=tag", "client=127.0.0.77"]);
}

#[test]
fn virtual_aliases_are_delivered_to_all_they_stand_for() {
    let mut plan = Plan::new(Peer::Postfix);
    plan.lines = vec![
        "virtual_alias_maps = inline:{ { team@example.org = ann@example.org, bob@example.org } }"
            .to_owned(),
    ];
    let Some(rig) = plan.start() else { return };
    assert_eq!(
        rig.session()
            .deliver(&sender("tag"), &["team@example.org"], &plain("alias"))
            .code,
        250
    );
    let mails = rig.sink.wait("both members", |mails| {
        mails.iter().map(|mail| mail.to.len()).sum::<usize>() >= 2
    });
    let mut to: Vec<String> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    to.sort();
    assert_eq!(to, ["<ann@example.org>", "<bob@example.org>"]);
    assert!(mails.iter().all(|mail| !apart(mail).0.is_empty()));
}

#[test]
fn an_authenticated_client_is_let_through() {
    let mut plan = Plan::new(Peer::Postfix);
    plan.lines = vec![
        "smtpd_sasl_auth_enable = yes".to_owned(),
        "smtpd_sasl_security_options = noanonymous".to_owned(),
    ];
    let Some(rig) = plan.start() else { return };
    let mut session = rig.session();
    session.become_client("ADDR=192.0.2.7 LOGIN=ann");
    let reply = session.deliver(&sender("reject"), BOB, &plain("auth"));
    assert_eq!(reply.code, 250, "{}", reply.text());
    rig.sink.mails(1);
    rig.filter
        .wait_line(&["disposition=accept", "client=192.0.2.7"]);
    // The same client without its login is refused.
    let mut stranger = rig.session();
    stranger.become_client("ADDR=192.0.2.7");
    assert_eq!(
        stranger
            .deliver(&sender("reject"), BOB, &plain("no-auth"))
            .code,
        550
    );
}

#[test]
fn a_client_from_another_network_is_named_in_the_log() {
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    for address in ["192.0.2.7", "IPV6:2001:db8::7"] {
        let mut session = rig.session();
        session.become_client(&format!("ADDR={address} NAME=client.example.net"));
        assert_eq!(
            session.deliver(&sender("tag"), BOB, &plain("network")).code,
            250
        );
        let shown = address.trim_start_matches("IPV6:");
        rig.filter
            .wait_line(&["disposition=tag", &format!("client={shown}")]);
    }
}

#[test]
fn a_client_over_ipv6_is_named_in_the_log() {
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    let mut session = Smtp::connect(rig.postfix().smtp6());
    assert_eq!(
        session.deliver(&sender("tag"), BOB, &plain("ipv6")).code,
        250
    );
    rig.filter.wait_line(&["disposition=tag", "client=::1"]);
    rig.sink.mails(1);
}

#[test]
fn addresses_of_smtputf8_reach_the_rules_and_the_sink() {
    let mut plan = Plan::new(Peer::Postfix);
    plan.config =
        "[[rule]]\nverdict = \"any\"\nsender = \"gr\u{fc}n@example.net\"\naction = \"tag\"\n"
            .to_owned();
    let Some(rig) = plan.start() else { return };
    let mut session = rig.session();
    session.ok("MAIL FROM:<gr\u{fc}n@example.net> SMTPUTF8");
    session.ok("RCPT TO:<\u{431}\u{43e}\u{431}@example.org>");
    session.ok("DATA");
    let message = with_fields("utf8", "X-Name: \u{431}\u{43e}\u{431}\r\n");
    assert_eq!(session.message(&message).code, 250);
    let mails = rig.sink.mails(1);
    assert!(
        mails[0].from.contains("gr\u{fc}n@example.net") && mails[0].from.contains("SMTPUTF8"),
        "{}",
        mails[0].from
    );
    assert_eq!(mails[0].to, ["<\u{431}\u{43e}\u{431}@example.org>"]);
    let (ours, rest) = apart(&mails[0]);
    assert!(!ours.is_empty());
    assert_eq!(rest, message);
}

#[test]
fn nul_bytes_arrive_byte_for_byte() {
    let Some(rig) = Plan::new(Peer::Postfix).start() else {
        return;
    };
    let mut message = plain("nul");
    message.extend_from_slice(b"one\0two\r\n");
    assert_eq!(
        rig.session().deliver(&sender("tag"), BOB, &message).code,
        250
    );
    assert_eq!(apart(&rig.sink.mails(1)[0]).1, message);
}
