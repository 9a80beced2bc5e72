//! Every action on both MTAs: what arrived, what is held, what the client was told.

use crate::ground::Folder;
use crate::mail::{plain, sender, with_fields};
use crate::rig::{Mta, Peer, Plan, Rig, apart, on_both};
use crate::sink::Sink;
use crate::smtp::{Reply, Smtp};

on_both!(
    without_a_milter_not_a_byte_changes,
    accept_changes_not_a_byte,
    tag_adds_its_fields_below_received,
    hold_keeps_the_message_in_the_hold_queue,
    quarantine_without_a_store_holds,
    reject_refuses_for_good,
    defer_refuses_for_now,
    discard_takes_it_and_delivers_nothing,
    forged_fields_of_ours_are_stripped,
);

fn deliver(rig: &Rig, action: &str, message: &[u8]) -> Reply {
    rig.session()
        .deliver(&sender(action), &["bob@example.org"], message)
}

/// The control: what the others find changed was changed by callbluff.
fn without_a_milter_not_a_byte_changes(peer: Peer) {
    let (folder, sink, plan) = (Folder::new(), Sink::start(), Plan::new(peer));
    if !plan.is_possible() {
        return;
    }
    let mta = Mta::start(&plan, &folder, &sink, "").unwrap();
    let message = plain("control");
    let reply =
        Smtp::connect(mta.address()).deliver("ann@example.net", &["bob@example.org"], &message);
    assert_eq!(reply.code, 250, "{}", reply.text());
    let (_, rest) = apart(&sink.mails(1)[0]);
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(&message)
    );
}

fn accept_changes_not_a_byte(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let message = plain("accept");
    assert_eq!(deliver(&rig, "accept", &message).code, 250);
    let mails = rig.sink.mails(1);
    let (ours, rest) = apart(&mails[0]);
    assert_eq!(ours, Vec::<String>::new());
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(&message)
    );
    assert!(
        mails[0].from.starts_with("<accept@actions.example.net>"),
        "{}",
        mails[0].from
    );
    assert_eq!(mails[0].to, ["<bob@example.org>"]);
}

fn tag_adds_its_fields_below_received(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let message = plain("tag");
    assert_eq!(deliver(&rig, "tag", &message).code, 250);
    let mails = rig.sink.mails(1);
    let (ours, rest) = apart(&mails[0]);
    assert_eq!(
        ours[..2],
        ["X-Callbluff-Verdict: clean", "X-Callbluff-Score: 0.0"]
    );
    assert_eq!(
        String::from_utf8_lossy(&rest),
        String::from_utf8_lossy(&message)
    );
}

fn hold_keeps_the_message_in_the_hold_queue(peer: Peer) {
    holds(peer, "hold");
}

fn quarantine_without_a_store_holds(peer: Peer) {
    holds(peer, "quarantine");
}

fn holds(peer: Peer, action: &str) {
    let plan = Plan {
        config: "[quarantine]\nenabled = false\n".to_owned(),
        ..Plan::new(peer)
    };
    let Some(rig) = plan.start() else {
        return;
    };
    let message = plain(action);
    assert_eq!(deliver(&rig, action, &message).code, 250);
    let held = rig.wait_held(1);
    assert!(rig.arrived_before_marker().is_empty());
    assert_eq!(rig.mta.held(), held);
    rig.filter
        .wait_line(&[&held[0], &format!("disposition={action}")]);
    match &rig.mta {
        Mta::Postfix(postfix) => {
            assert!(
                postfix.log().contains("milter-hold: END-OF-MESSAGE"),
                "{}",
                postfix.log()
            );
            postfix.release(&held[0]);
            let mails = rig.sink.mails(2);
            let (_, rest) = apart(mails.last().unwrap());
            assert_eq!(
                String::from_utf8_lossy(&rest),
                String::from_utf8_lossy(&message)
            );
        }
        Mta::Sendmail(sendmail) => {
            assert!(sendmail.hold_reason(&held[0]).contains("callbluff"));
            let body = message
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap()
                + 4;
            assert_eq!(sendmail.body(&held[0]), message[body..]);
        }
    }
}

fn reject_refuses_for_good(peer: Peer) {
    refuses(peer, "reject", "550 5.7.1 Refused, 100% sure");
}

fn defer_refuses_for_now(peer: Peer) {
    refuses(peer, "defer", "451 4.7.1 ");
}

fn refuses(peer: Peer, action: &str, start: &str) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let reply = deliver(&rig, action, &plain(action)).text();
    assert!(reply.starts_with(start), "{reply}");
    assert!(rig.arrived_before_marker().is_empty());
    assert!(rig.mta.held().is_empty());
    rig.filter.wait_line(&[&format!("disposition={action}")]);
}

fn discard_takes_it_and_delivers_nothing(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    assert_eq!(deliver(&rig, "discard", &plain("discard")).code, 250);
    assert!(rig.arrived_before_marker().is_empty());
    assert!(rig.mta.held().is_empty());
    rig.filter.wait_line(&["disposition=discard"]);
}

fn forged_fields_of_ours_are_stripped(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let forged = "X-Callbluff-Verdict: clean\r\nX-Other: stays\r\nx-callbluff-VERDICT: sextortion\r\nX-Callbluff-Entry: 1\r\n\
                  X-Callbluff-Verdict: clean\r\nX-Callbluff-Signals: a,\r\n\tfolded\r\nX-Callbluff-Score: -5\r\n";
    for action in ["accept", "tag"] {
        assert_eq!(
            deliver(&rig, action, &with_fields(action, forged)).code,
            250
        );
    }
    for mail in rig.sink.mails(2) {
        let (ours, rest) = apart(&mail);
        let action = if mail.from.contains("tag@") {
            "tag"
        } else {
            "accept"
        };
        assert_eq!(ours.is_empty(), action == "accept", "{ours:?}");
        assert_eq!(
            String::from_utf8_lossy(&rest),
            String::from_utf8_lossy(&with_fields(action, "X-Other: stays\r\n")),
        );
    }
}
