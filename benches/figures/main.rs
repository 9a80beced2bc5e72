//! The figures of docs/performance.md: callbluff beside a milter that does nothing.
//!
//!     benches/run                 all of them
//!     benches/run judge           reading and judging alone, without sockets
//!     benches/run speed           the same against a bare search, MIME parser and HTML tokeniser
//!     benches/run stages          MB/s of each stage, and the slowest messages of a megabyte
//!     benches/run milter [COUNT]  CPU per message and messages per second over TCP and UNIX sockets
//!     benches/run postfix         time of a message through a real Postfix (as root)
//!     benches/run quarantine [ENTRIES]  messages stored per second, and searches among 1,000,000 entries
//!     benches/run export          memory while up to 100,000 entries are exported
//!     benches/run memory          memory with large messages on many connections
//!
//! Runs alternate between the two, and medians are shown, so that a busy moment of the machine hits both.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that fails ends by panicking"
)]

#[allow(dead_code, reason = "shared with tests/mta, which uses all of it")]
#[path = "../../tests/mta/ground.rs"]
mod ground;
mod load;
mod mail;
mod noop;
#[allow(dead_code, reason = "shared with tests/mta, which uses all of it")]
#[path = "../../tests/mta/postfix.rs"]
mod postfix;
mod quarantine;
#[allow(
    dead_code,
    reason = "shared with tests/quarantine, which uses all of it"
)]
#[path = "../../tests/quarantine/rig.rs"]
mod rig;
mod server;
#[allow(dead_code, reason = "shared with tests/mta, which uses all of it")]
#[path = "../../tests/mta/sink.rs"]
mod sink;
#[allow(dead_code, reason = "shared with tests/mta, which uses all of it")]
#[path = "../../tests/mta/smtp.rs"]
mod smtp;
mod speed;
#[allow(
    dead_code,
    reason = "shared with tests/quarantine, which uses all of it"
)]
#[path = "../../tests/quarantine/server.rs"]
mod sql_server;
mod stages;
mod through_postfix;

use callbluff::classify::Judge;
use callbluff::message::{Envelope, ReadLimits, Reading, read};
use load::Load;
use server::{Mode, Server};
use std::time::Duration;

/// Runs of each figure; odd, so that there is one in the middle.
const RUNS: usize = 7;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let what = args.next().unwrap_or_else(|| "all".to_owned());
    if what == "noop" {
        let sockets: Vec<String> = args.collect();
        return noop::run(&sockets);
    }
    if matches!(what.as_str(), "all" | "judge") {
        judge();
    }
    if matches!(what.as_str(), "all" | "stages") {
        stages::run();
    }
    if matches!(what.as_str(), "all" | "speed") {
        speed::compare(RUNS);
    }
    if matches!(what.as_str(), "all" | "milter") {
        milter(args.next().map_or(8_000, |count| count.parse().unwrap()));
    }
    if matches!(what.as_str(), "all" | "postfix") {
        through_postfix::compare(RUNS);
    }
    if matches!(what.as_str(), "all" | "quarantine") {
        quarantine::run(
            args.next()
                .map_or(1_000_000, |count| count.parse().unwrap()),
        );
    }
    if matches!(what.as_str(), "all" | "export") {
        quarantine::export();
    }
    if matches!(what.as_str(), "all" | "memory") {
        memory();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of this thread so far (proc(5): the first field of `schedstat`, in ns).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// CPU time of reading and judging, in one thread.
fn judge() {
    const ROUNDS: usize = 4;
    let mails = mail::typical(500);
    let bytes: usize = mails.iter().map(Vec::len).sum();
    let (judge, limits) = (Judge::builtin(), ReadLimits::default());
    let envelope = Envelope::default();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut points = 0.0;
    for _ in 0..=RUNS {
        for _ in 0..ROUNDS {
            let start = cpu_time();
            let readings: Vec<Reading> = mails.iter().map(|mail| read(mail, &limits)).collect();
            let middle = cpu_time();
            for reading in &readings {
                points += judge.judge_briefly(&envelope, reading).score;
            }
            let end = cpu_time();
            for reading in &readings {
                points += judge.judge(&envelope, reading).score;
            }
            let complete = cpu_time() - end;
            let spent = [middle - start, end - middle, complete];
            for (times, spent) in times.iter_mut().zip(spent) {
                times.push(spent.as_secs_f64() * 1000.0 / mails.len() as f64);
            }
        }
    }
    std::hint::black_box(points);
    let [reading, judging, complete] = times.map(median);
    println!(
        "Reading and judging alone, median of {RUNS} runs: {:.1} kB on average",
        bytes as f64 / mails.len() as f64 / 1000.0
    );
    println!(
        "reading {reading:.4} ms/message, judging {judging:.4} ms/message, judging completely {complete:.4}\n"
    );
}

/// CPU per message and messages per second, each server asked by its own load client in turn.
fn milter(messages: usize) {
    let mails = mail::typical(500);
    let bytes: usize = mails.iter().map(Vec::len).sum();
    println!(
        "Milter alone: {} kinds of mail, {:.1} kB on average, {messages} messages a run, median of {RUNS} runs\n",
        mails.len(),
        bytes as f64 / mails.len() as f64 / 1000.0
    );
    let load = Load::new(&mails);
    let noop = Server::start(Mode::Noop);
    let callbluff = Server::start(Mode::Callbluff);
    println!(
        "| socket | connections | messages per connection | CPU ms/message, no-op | callbluff | ratio | messages/s, no-op | callbluff | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (connections, per_connection) in [(8, 1), (1, 1), (8, 100), (1, 100)] {
        for is_unix in [false, true] {
            let mut cpu = [Vec::new(), Vec::new()];
            let mut rate = [Vec::new(), Vec::new()];
            // The first round only warms up.
            for round in 0..=RUNS {
                for (index, server) in [&noop, &callbluff].into_iter().enumerate() {
                    let before = server.cpu();
                    let time = load.run(
                        server.address(is_unix),
                        connections,
                        messages,
                        per_connection,
                    );
                    if round > 0 {
                        cpu[index]
                            .push((server.cpu() - before).as_secs_f64() * 1000.0 / messages as f64);
                        rate[index].push(messages as f64 / time.as_secs_f64());
                    }
                }
            }
            let [noop_cpu, own_cpu] = cpu.map(median);
            let [noop_rate, own_rate] = rate.map(median);
            println!(
                "| {} | {connections} | {per_connection} | {noop_cpu:.3} | {own_cpu:.3} | {:.2} | {noop_rate:.0} | {own_rate:.0} | {:.2} |",
                if is_unix { "UNIX" } else { "TCP" },
                own_cpu / noop_cpu,
                own_rate / noop_rate
            );
        }
    }
    println!();
}

/// The peak of resident memory after each round of large messages on many connections.
fn memory() {
    const CONNECTIONS: usize = 64;
    const MEGABYTES: usize = 30;
    let callbluff = Server::start(Mode::Callbluff);
    println!("Memory: {CONNECTIONS} connections at once, each with a message of {MEGABYTES} MB\n");
    println!("| round | peak so far, MiB | time, s |");
    println!("|---|---|---|");
    println!("| at rest | {:.1} | |", callbluff.peak_memory());
    let load = Load::new(&[mail::large(MEGABYTES << 20)]);
    for round in 1..=5 {
        let time: Duration = load.run(
            callbluff.address(round % 2 == 0),
            CONNECTIONS,
            CONNECTIONS,
            1,
        );
        println!(
            "| {round} | {:.1} | {:.1} |",
            callbluff.peak_memory(),
            time.as_secs_f64()
        );
    }
    println!();
}
