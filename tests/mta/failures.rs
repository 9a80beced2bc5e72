//! callbluff dies or is away: the MTA does what its admin told it for that case, and no mail is lost.

use crate::mail::{plain, sender};
use crate::rig::{Mta, OnFailure, Peer, Plan, Rig};
use crate::smtp::{Reply, Smtp, stuffed};
use nix::sys::signal::Signal;
use std::net::TcpStream;

/// How callbluff goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// It does not run when the client comes.
    Away,
    /// Killed between RCPT and DATA.
    KilledInEnvelope,
    /// Killed when half of the message has been sent.
    KilledInMessage,
    /// Killed while the MTA waits for the answer to the end of the message.
    KilledAtEnd,
}

const LOSSES: [Loss; 4] = [
    Loss::Away,
    Loss::KilledInEnvelope,
    Loss::KilledInMessage,
    Loss::KilledAtEnd,
];

/// Sends a message while callbluff is lost; the last reply that the client got.
fn send_during(rig: &mut Rig, loss: Loss) -> Reply {
    let from = format!("{loss:?}@example.net");
    if loss == Loss::Away {
        rig.filter.end(Signal::SIGKILL);
        // What fails first differs: the greeting, EHLO, MAIL.
        let stream = TcpStream::connect(rig.mta.address()).unwrap();
        return match Smtp::greet(stream) {
            Ok(mut session) => session.deliver(&from, &["bob@example.org"], &plain("away")),
            Err(reply) => reply,
        };
    }
    let mut session = rig.session();
    session.ok(&format!("MAIL FROM:<{from}>"));
    session.ok("RCPT TO:<bob@example.org>");
    if loss == Loss::KilledInEnvelope {
        rig.filter.end(Signal::SIGKILL);
    }
    let reply = session.command("DATA");
    if reply.code != 354 {
        return reply;
    }
    let message = stuffed(&plain("killed"));
    let (half, rest) = message.split_at(message.len() / 2);
    session.send(half);
    match loss {
        Loss::KilledInMessage => {
            rig.filter.end(Signal::SIGKILL);
        }
        // A stopped process answers nothing: the MTA is sure to be waiting when it is killed.
        Loss::KilledAtEnd => rig.filter.signal(Signal::SIGSTOP),
        Loss::Away | Loss::KilledInEnvelope => {}
    }
    session.send(rest);
    session.send(b".\r\n");
    if loss == Loss::KilledAtEnd {
        rig.filter.end(Signal::SIGKILL);
    }
    session.reply()
}

/// All losses with one setting of the MTA; `expected` says what the client is told, by the first digits.
fn survives(peer: Peer, on_failure: OnFailure, expected: impl Fn(Loss) -> u16) {
    let mut plan = Plan::new(peer);
    plan.on_failure = on_failure;
    let Some(mut rig) = plan.start() else { return };
    for (round, loss) in LOSSES.into_iter().enumerate() {
        let reply = send_during(&mut rig, loss);
        assert_eq!(reply.code, expected(loss), "{loss:?}: {}", reply.text());
        let is_it = |mail: &crate::sink::Mail| mail.from.contains(&format!("{loss:?}"));
        match (on_failure, reply.code) {
            (OnFailure::Accept, 250) => {
                rig.sink
                    .wait("the accepted message", |mails| mails.iter().any(is_it));
            }
            (OnFailure::Quarantine, 250) => {
                rig.wait_held(round + 1);
            }
            _ => {}
        }
        rig.filter.start_again();
        // It serves again, and what was refused did not arrive.
        let reply = rig
            .session()
            .deliver(&sender("reject"), &["bob@example.org"], &plain("again"));
        assert_eq!(reply.code, 550, "{}", reply.text());
        if on_failure != OnFailure::Accept {
            assert!(rig.arrived_before_marker().is_empty());
        }
    }
}

#[test]
fn postfix_accepts() {
    survives(Peer::Postfix, OnFailure::Accept, |_| 250);
}

#[test]
fn postfix_defers() {
    survives(Peer::Postfix, OnFailure::Tempfail, |_| 451);
}

#[test]
fn postfix_rejects() {
    survives(Peer::Postfix, OnFailure::Reject, |loss| {
        if loss == Loss::Away { 554 } else { 550 }
    });
}

#[test]
fn postfix_holds() {
    survives(Peer::Postfix, OnFailure::Quarantine, |_| 250);
}

#[test]
fn sendmail_accepts() {
    survives(Peer::Sendmail, OnFailure::Accept, |_| 250);
}

#[test]
fn sendmail_defers() {
    survives(Peer::Sendmail, OnFailure::Tempfail, |_| 451);
}

#[test]
fn sendmail_rejects() {
    survives(Peer::Sendmail, OnFailure::Reject, |_| 554);
}

#[test]
fn sendmail_closes() {
    survives(Peer::Sendmail, OnFailure::Close, |_| 421);
}

fn restarts(peer: Peer) {
    let Some(mut rig) = Plan::new(peer).start() else {
        return;
    };
    let mut session = rig.session();
    session.open(&sender("tag"), &["bob@example.org"]);
    let message = plain("drained");
    let (half, rest) = message.split_at(message.len() / 2);
    session.send(&stuffed(half));
    // Note: the split is inside a line, so the second half needs no stuffing of its own.
    rig.filter.wait_all_read();
    rig.filter.signal(Signal::SIGTERM);
    rig.filter.wait_line(&["stopping:"]);
    session.send(&stuffed(rest));
    session.send(b".\r\n");
    let reply = session.reply();
    assert_eq!(
        reply.code,
        250,
        "a message in transit is finished: {}",
        reply.text()
    );
    assert_eq!(
        rig.sink.mails(1)[0].values("X-Callbluff-Verdict"),
        ["clean"]
    );
    drop(session);
    let status = crate::ground::wait_for("callbluff to end", || rig.filter.ended());
    assert_eq!(status.code(), Some(0));
    rig.filter.start_again();
    assert_eq!(
        rig.session()
            .deliver(&sender("tag"), &["bob@example.org"], &message)
            .code,
        250
    );
    assert_eq!(
        rig.sink.mails(2)[1].values("X-Callbluff-Verdict"),
        ["clean"]
    );
    assert!(matches!(&rig.mta, Mta::Sendmail(_)) || rig.postfix().queue("deferred").is_empty());
}

#[test]
fn a_restart_under_postfix_finishes_the_message_in_transit() {
    restarts(Peer::Postfix);
}

#[test]
fn a_restart_under_sendmail_finishes_the_message_in_transit() {
    restarts(Peer::Sendmail);
}
