//! One PostgreSQL for several hosts, and what they say while it is away.

use crate::ground::wait_for;
use crate::mail::{plain, sender};
use crate::postgres::Server;
use crate::quarantine::stored;
use crate::rig::{Peer, Plan, Rig};
use callbluff::quarantine::Settings;
use nix::sys::signal::Signal;

fn plan(server: &Server) -> Plan {
    Plan {
        config: format!(
            "[quarantine]\nurl = \"{}\"\ntimeout = \"2s\"\n",
            server.url()
        ),
        lines: vec!["in_flow_delay = 0".to_owned()],
        ..Plan::new(Peer::Postfix)
    }
}

fn settings(server: &Server) -> Settings {
    Settings {
        url: Some(server.url()),
        ..Settings::default()
    }
}

fn message(number: usize) -> Vec<u8> {
    plain(&format!("shared {number}"))
}

fn send(rig: &Rig, number: usize) -> u16 {
    let to = ["b@example.org"];
    let mut session = rig.session();
    session
        .deliver(&sender("quarantine"), &to, &message(number))
        .code
}

/// A client that is told to come again by one host may go to the other, and both may have it at the same moment.
#[test]
fn two_daemons_store_each_message_once() {
    const MESSAGES: usize = 60;
    let server = Server::new();
    // Both find a database without tables at the same time.
    let [one, two] = std::thread::scope(|scope| {
        let start = || scope.spawn(|| plan(&server).start());
        [start(), start()].map(|rig| rig.join().unwrap())
    });
    let (Some(one), Some(two)) = (one, two) else {
        return;
    };
    std::thread::scope(|scope| {
        for rig in [&one, &two] {
            for first in 0..2 {
                scope.spawn(move || {
                    for number in (first..MESSAGES).step_by(2) {
                        wait_for("a message to be taken", || {
                            (send(rig, number) == 250).then_some(())
                        });
                    }
                });
            }
        }
    });
    let mut found: Vec<Vec<u8>> = stored(&one, &settings(&server))
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    found.sort();
    let mut right: Vec<Vec<u8>> = (0..MESSAGES).map(message).collect();
    right.sort();
    assert!(found == right, "{} entries", found.len());
    for rig in [&one, &two] {
        rig.filter.wait_line(&["disposition=quarantine, entry="]);
    }
}

fn wait_readyz(rig: &Rig, words: &str) {
    wait_for(&format!("/readyz to say {words}"), || {
        rig.filter
            .get("/readyz")
            .filter(|text| text.contains(words))
    });
}

#[test]
fn readyz_tells_while_postgres_is_away() {
    let server = Server::new();
    let Some(mut rig) = plan(&server).start() else {
        return;
    };
    assert_eq!(send(&rig, 1), 250);
    server.stop();
    // Nobody sends a message meanwhile: it finds out by itself.
    wait_readyz(&rig, " 503 ");
    wait_readyz(&rig, "quarantine: ");
    assert_eq!(send(&rig, 2), 451);
    server.start();
    wait_readyz(&rig, " 200 ");
    assert_eq!(send(&rig, 2), 250);
    // One that starts without it serves as soon as it is there.
    server.stop();
    rig.filter.end(Signal::SIGKILL);
    rig.filter.start_unready();
    wait_readyz(&rig, " 503 ");
    assert_eq!(send(&rig, 3), 451);
    server.start();
    wait_readyz(&rig, " 200 ");
    assert_eq!(send(&rig, 3), 250);
    assert_eq!(stored(&rig, &settings(&server)).len(), 3);
}
