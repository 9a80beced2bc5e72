//! The quarantine behind real mail servers: who gets a message, and what was stored.

use crate::mail::{plain, sender};
use crate::rig::{Peer, Plan, Rig, on_both};
use callbluff::quarantine::{self, Entry, Filter, Page, Settings, read_all};

on_both!(
    a_quarantined_message_is_stored_and_delivered_to_nobody,
    some_recipients_are_stored_and_the_others_get_it,
);

/// What the quarantine of a rig has, with the bytes of each entry.
pub(crate) fn stored(rig: &Rig, settings: &Settings) -> Vec<(Entry, Vec<u8>)> {
    let folder = rig.filter.folder().join("var");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = quarantine::open(settings, &folder).unwrap();
        let mut all = Vec::new();
        let mut page = Page::first(Page::MAX);
        loop {
            let listing = store.list(&Filter::default(), &page).await.unwrap();
            for entry in listing.entries {
                let bytes = read_all(&*store, &entry, 1 << 30).await.unwrap();
                all.push((entry, bytes));
            }
            match listing.next {
                Some(next) => page.after = Some(next),
                None => return all,
            }
        }
    })
}

fn a_quarantined_message_is_stored_and_delivered_to_nobody(peer: Peer) {
    let Some(rig) = Plan::new(peer).start() else {
        return;
    };
    let message = plain("quarantine");
    let to = ["bob@example.org", "Ann.X@example.com"];
    let reply = rig.session().deliver(&sender("quarantine"), &to, &message);
    assert_eq!(reply.code, 250, "{}", reply.text());
    assert!(rig.arrived_before_marker().is_empty());
    assert!(rig.mta.held().is_empty());
    let stored = stored(&rig, &Settings::default());
    let [(entry, bytes)] = &stored[..] else {
        panic!("{stored:?}")
    };
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&message)
    );
    let recipients: Vec<_> = entry.recipients.iter().map(|one| one.text()).collect();
    assert_eq!(recipients, to);
    assert_eq!(entry.sender.text(), sender("quarantine"));
    assert!(entry.host.ends_with(".example.org"), "{}", entry.host);
    assert_eq!(entry.client, "127.0.0.1".parse().ok());
    assert_eq!(entry.helo, "client.example.net");
    assert!(!entry.queue_id.is_empty());
    rig.filter
        .wait_line(&[&entry.queue_id, "disposition=quarantine, entry=", &entry.id]);
}

/// Rules by which one recipient of a sender is quarantined and the others get it.
const SPLIT: &str = "[[rule]]\nverdict = \"any\"\nsender = \"split@example.net\"\nrecipient = \"strict@\"\naction = \"quarantine\"\n";

fn split(peer: Peer) -> Plan {
    Plan {
        config: SPLIT.to_owned(),
        ..Plan::new(peer)
    }
}

fn some_recipients_are_stored_and_the_others_get_it(peer: Peer) {
    let Some(rig) = split(peer).start() else {
        return;
    };
    let message = plain("split");
    let to = ["bob@example.org", "Strict@Example.org", "ann@example.com"];
    let reply = rig.session().deliver("split@example.net", &to, &message);
    assert_eq!(reply.code, 250, "{}", reply.text());
    // A mail server may send it in one transaction or in two.
    let mails = rig.sink.wait("two recipients", |mails| {
        mails.iter().map(|mail| mail.to.len()).sum::<usize>() == 2
    });
    let mut got: Vec<String> = mails.into_iter().flat_map(|mail| mail.to).collect();
    got.sort();
    assert_eq!(got, ["<ann@example.com>", "<bob@example.org>"]);
    let stored = stored(&rig, &Settings::default());
    let [(entry, bytes)] = &stored[..] else {
        panic!("{stored:?}")
    };
    assert_eq!(entry.recipients.len(), 1);
    assert!(
        entry.recipients[0]
            .text()
            .eq_ignore_ascii_case("strict@example.org")
    );
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&message)
    );
}

/// An alias is expanded behind the milter: taking its name off takes all off that it stands for.
#[test]
fn a_virtual_alias_is_stored_by_its_own_name() {
    let mut plan = split(Peer::Postfix);
    plan.lines = vec![
        "virtual_alias_maps = inline:{ {strict@example.org = one@example.com, two@example.com}, {list@example.org = three@example.com, bob@example.com} }".to_owned(),
    ];
    let Some(rig) = plan.start() else { return };
    let message = plain("alias");
    let to = ["list@example.org", "strict@example.org"];
    let reply = rig.session().deliver("split@example.net", &to, &message);
    assert_eq!(reply.code, 250, "{}", reply.text());
    let mut got: Vec<String> = rig
        .arrived_before_marker()
        .into_iter()
        .flat_map(|mail| mail.to)
        .collect();
    got.sort();
    assert_eq!(got, ["<bob@example.com>", "<three@example.com>"]);
    let stored = stored(&rig, &Settings::default());
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].0.recipients[0].text(), "strict@example.org");
}
