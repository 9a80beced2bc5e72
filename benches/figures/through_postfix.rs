//! What a message costs behind a real Postfix, with one SMTP session that sends one after the other.

use crate::ground::Folder;
use crate::mail;
use crate::median;
use crate::postfix::Postfix;
use crate::server::{Mode, Server};
use crate::sink::Sink;
use crate::smtp::Smtp;
use std::time::Instant;

const MESSAGES: usize = 300;

struct Way {
    name: &'static str,
    postfix: Postfix,
    sink: Sink,
    _folder: Folder,
    times: Vec<f64>,
    arrived: usize,
}

impl Way {
    fn new(name: &'static str, milter: &str) -> Self {
        let folder = Folder::new();
        let sink = Sink::start();
        let postfix = Postfix::start(&folder, sink.port(), milter, &[]);
        Self {
            name,
            postfix,
            sink,
            _folder: folder,
            times: Vec::new(),
            arrived: 0,
        }
    }

    /// Sends all messages and waits until they are at the sink.
    fn round(&mut self, mails: &[Vec<u8>]) {
        let start = Instant::now();
        let mut session = Smtp::connect(self.postfix.smtp());
        for number in 0..MESSAGES {
            let reply = session.deliver(
                "ann@example.net",
                &["bob@example.org"],
                &mails[number % mails.len()],
            );
            assert_eq!(reply.code, 250, "{}", reply.text());
        }
        self.times
            .push(start.elapsed().as_secs_f64() * 1000.0 / MESSAGES as f64);
        self.arrived += MESSAGES;
        // Not timed, but the next run must not pay for the deliveries of this one.
        self.sink.mails(self.arrived);
    }
}

/// Prints the time of a message with no milter, with a no-op one that adds a header, and with callbluff doing so.
pub(crate) fn compare(runs: usize) {
    if !Postfix::is_there() {
        return;
    }
    let mails = mail::typical(100);
    let (noop, callbluff) = (
        Server::start(Mode::NoopTag),
        Server::start(Mode::CallbluffTag),
    );
    let mut ways = [
        Way::new("no milter", ""),
        Way::new("no-op that tags, TCP", &noop.for_postfix(false)),
        Way::new("callbluff that tags, TCP", &callbluff.for_postfix(false)),
        Way::new("no-op that tags, UNIX", &noop.for_postfix(true)),
        Way::new("callbluff that tags, UNIX", &callbluff.for_postfix(true)),
    ];
    for _ in 0..=runs {
        for way in &mut ways {
            way.round(&mails);
        }
    }
    println!(
        "Behind Postfix: one SMTP session, {MESSAGES} messages a run, median of {runs} runs\n"
    );
    println!("| milter | ms/message | against the no-op |");
    println!("|---|---|---|");
    // The first round only warms up.
    let medians: Vec<f64> = ways
        .iter()
        .map(|way| median(way.times[1..].to_vec()))
        .collect();
    for (index, way) in ways.iter().enumerate() {
        let ratio = match index {
            2 | 4 => format!("{:.2}", medians[index] / medians[index - 1]),
            _ => String::new(),
        };
        println!("| {} | {:.2} | {ratio} |", way.name, medians[index]);
    }
    println!();
}
