//! Deciding for 10,000 recipients in 1,000 domain files, loading them, and a whole reload of the service.
//!
//! `cargo bench --ignore-rust-version --bench policy`
//!
//! Times are those on a processor, so that they mean the same on a busy machine.

use callbluff::classify::{Class, Verdict};
use callbluff::config::Config;
use callbluff::daemon::Daemon;
use callbluff::engine::{Engine, KeptJudge};
use callbluff::message::{Address, Client, Envelope};
use callbluff::policy::Facts;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

const DOMAINS: usize = 1000;
const RECIPIENTS: usize = 10_000;
const RUNS: usize = 7;

/// A provider: a folder of customers' files and a map of all mailboxes.
fn write_config(folder: &Path) {
    let write = |name: &str, text: String| {
        fs::write(folder.join(name), text).expect("the folder is ours");
    };
    write(
        "callbluff.toml",
        format!(
            "domains_dir = \"domains.d\"\npacks_dir = \"packs.d\"\nstate_dir = \"{}\"\n\
         [milter]\nlisten = \"inet:0@127.0.0.1\"\n[http]\nlisten = \"off\"\n[maps]\nmailboxes = \"mailboxes.txt\"\n\
         [[rule]]\nname = \"known\"\nrecipient = \"@mailboxes\"\nmin_score = 30\naction = \"hold\"\n",
            folder.join("state").display()
        ),
    );
    write(
        "mailboxes.txt",
        (0..RECIPIENTS).map(|n| address(n) + "\n").collect(),
    );
    fs::create_dir(folder.join("packs.d")).expect("the folder is ours");
    fs::create_dir(folder.join("domains.d")).expect("the folder is ours");
    for n in 0..DOMAINS {
        let rules = format!(
            "subject_prefix = \"[{n}] \"\n[[rule]]\nname = \"boss\"\nrecipient = \"boss@\"\naction = \"tag\"\n\
             [[rule]]\nsender = [\"example.net\", \"*@example.com\"]\nclient = \"192.0.2.0/24\"\naction = \"accept\"\n\
             [[rule]]\nmin_score = 25\naction = \"reject\"\ntext = \"5.7.1 Rejected by domain {n}\"\n"
        );
        write(&format!("domains.d/d{n}.example.org.toml"), rules);
    }
}

fn address(n: usize) -> String {
    format!("user{n}@d{}.example.org", n % DOMAINS)
}

/// How long this thread has been on a processor (proc(5), schedstat: the first number, in ns).
fn cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split(' ').next().expect("three numbers");
    Duration::from_nanos(first.parse().expect("a number"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Reloads as the service does them: files, checks, judge, keys, and the swap.
fn reloads(folder: &Path) {
    let path = folder.join("callbluff.toml");
    let kept = KeptJudge::default();
    let load = move || match Engine::load_keeping(Some(&path), &kept) {
        Ok((engine, _)) => Ok(engine),
        Err(problems) => Err(problems.to_string()),
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let engine = load().expect("it is right");
        let daemon = Daemon::start(engine, Box::new(load))
            .await
            .expect("any port will do");
        let reload = || {
            let start = cpu();
            daemon.reload().expect("it is right");
            cpu() - start
        };
        let same = (0..RUNS).map(|_| reload());
        println!("reload, same packs: {:?}", median(same.collect()));
        let changed = (0..RUNS).map(|run| {
            let pack = format!("language = \"en\"\n[words]\ncamera = [\"lens{run}\"]\n");
            fs::write(folder.join("packs.d/en.toml"), pack).expect("the folder is ours");
            reload()
        });
        println!("reload, another pack: {:?}", median(changed.collect()));
        daemon.stop(std::future::ready(())).await;
    });
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    write_config(folder.path());
    let path = folder.path().join("callbluff.toml");
    let loads = (0..RUNS).map(|_| {
        let start = cpu();
        black_box(Config::load(&path).expect("it is right"));
        cpu() - start
    });
    println!(
        "load of {DOMAINS} domain files: {:?}",
        median(loads.collect())
    );
    reloads(folder.path());
    let loaded = Config::load(&path).expect("it is right");
    let policy = &loaded.config.policy;
    let mut verdict = Verdict::error();
    verdict.class = Class::Sextortion;
    verdict.score = 12.0;
    let envelope = Envelope {
        sender: Some(Address::new(b"a@example.edu")),
        client: Client {
            ip: Some([203, 0, 113, 7].into()),
            ..Client::default()
        },
        ..Envelope::default()
    };
    let recipients: Vec<Address> = (0..RECIPIENTS)
        .map(|n| Address::new(address(n).as_bytes()))
        .collect();
    let facts = Facts::new(&verdict, &envelope);
    let runs = (0..RUNS).map(|_| {
        let start = cpu();
        for recipient in &recipients {
            black_box(policy.decide(&facts, recipient));
        }
        (cpu() - start) / RECIPIENTS as u32
    });
    println!("decision for a recipient: {:?}", median(runs.collect()));
}
