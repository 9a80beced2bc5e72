//! Mail leaves the quarantine: exactly, once or twice, never not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod campaigns;
mod hop;

use callbluff::message::{Address, Client, Envelope};
use callbluff::outbound::Keys;
use callbluff::quarantine::{
    self, Courier, Entry, NewEntry, Order, Progress, ReleaseSettings, Report, ReportError,
    ReportForm, ReportSettings, Settings, State, Store, StoredVerdict, request, send_report,
};
use callbluff::spool::{Spool, SpoolSettings};
use hop::{Hop, Says};
use jiff::{SignedDuration, Timestamp};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const MAIL: &[u8] = b"From: <liar@example.net>\r\nTo: kim@example.org\r\nSubject: your password is Zq7canary1\r\n\r\n.I saw you.\r\n\r\n";

struct Ground {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    hop: Hop,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = quarantine::open(&Settings::default(), folder.path()).unwrap();
        Self {
            folder,
            store,
            hop: Hop::start(),
        }
    }

    async fn put(&self, raw: &[u8], recipients: &[&str]) -> Entry {
        self.put_with(raw, recipients, |_| {}).await
    }

    async fn put_with(
        &self,
        raw: &[u8],
        recipients: &[&str],
        change: impl Fn(&mut NewEntry),
    ) -> Entry {
        let mut new = NewEntry {
            received_at: Timestamp::now(),
            envelope: Envelope {
                client: Client {
                    ip: Some("192.0.2.7".parse().unwrap()),
                    ..Client::default()
                },
                queue_id: Some("4bQk2x3T".to_owned()),
                sender: Some(Address::new(b"liar@example.net")),
                recipients: recipients
                    .iter()
                    .map(|to| Address::new(to.as_bytes()))
                    .collect(),
                ..Envelope::default()
            },
            host: "mx.example.org".to_owned(),
            message_id: None,
            subject: None,
            verdict: StoredVerdict {
                class: "sextortion".to_owned(),
                score: 12.0,
                ..StoredVerdict::default()
            },
            rule: None,
            wave: None,
            trace: "Received: from helo (name [192.0.2.7])\r\n\tby mx.example.org\r\n".to_owned(),
        };
        change(&mut new);
        let mut spool = Spool::new(SpoolSettings::default());
        spool.push(raw);
        let stored = self.store.put(&new, &mut spool).await.unwrap();
        self.store.get(&stored.id).await.unwrap()
    }

    fn courier(&self) -> Courier {
        let settings = ReleaseSettings {
            next_hop: self.hop.address().parse().unwrap(),
            timeout: Duration::from_secs(20),
            ..ReleaseSettings::default()
        };
        Courier::new(settings, Keys::parse(&"1".repeat(64)).unwrap())
    }

    async fn ask(&self, entry: &Entry, attached: bool, now: Timestamp) {
        let order = Order {
            by: "ann".to_owned(),
            why: "asked for".to_owned(),
            asked_at: now.as_second(),
            attached,
        };
        request(self.store.as_ref(), entry, &entry.recipients, &order)
            .await
            .unwrap();
    }

    async fn state(&self, entry: &Entry) -> State {
        self.store.get(&entry.id).await.unwrap().state
    }

    /// Runs the command on this quarantine.
    fn command(&self, words: &[&str]) -> Command {
        let config = self.folder.path().join("callbluff.toml");
        let text = format!(
            "state_dir = \"{}\"\n[release]\nnext_hop = \"{}\"\ntimeout = \"2s\"\n[report]\nfrom = \"abuse@example.org\"\n",
            self.folder.path().display(),
            self.hop.address()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_callbluff"));
        command
            .arg("quarantine")
            .args(words)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null());
        command
    }

    fn output(&self, words: &[&str]) -> (Option<i32>, String) {
        let out = self.command(words).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr);
        (out.status.code(), text)
    }
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

#[tokio::test]
async fn the_stored_bytes_arrive_behind_our_fields() {
    let ground = Ground::new();
    let binary = [
        &b"Subject: x\r\n\r\na\nb\n.\nc\rd \x00\xff"[..],
        &b"no end ".repeat(30_000),
    ]
    .concat();
    for raw in [MAIL, &binary] {
        let entry = ground
            .put(raw, &["kim@example.org", "lou@example.org"])
            .await;
        let now = Timestamp::now();
        ground.ask(&entry, false, now).await;
        let done = ground
            .courier()
            .round(ground.store.as_ref(), now)
            .await
            .unwrap();
        assert_eq!(done.len(), 2);
        let mail = ground.hop.mails().pop().unwrap();
        assert!(mail.from.starts_with("<liar@example.net>"), "{}", mail.from);
        assert_eq!(mail.to, ["<kim@example.org>", "<lou@example.org>"]);
        let head = mail
            .message
            .strip_suffix(raw)
            .expect("the stored bytes are the end");
        let head = String::from_utf8(head.to_vec()).unwrap();
        let names: Vec<&str> = head
            .lines()
            .filter(|line| !line.starts_with('\t'))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "X-Callbluff-Release",
                "X-Callbluff-Released",
                "X-Callbluff-Entry",
                "Received"
            ]
        );
        for attempt in ground.store.attempts(&entry.id).await.unwrap() {
            assert_eq!(attempt.progress, Progress::Sent);
            assert_eq!(attempt.reply, "250 2.0.0 Ok: queued as HOP1");
        }
        assert_eq!(ground.state(&entry).await, State::Released);
        let trail = ground.store.trail(&entry.id).await.unwrap();
        let deed = &trail.last().unwrap().deed;
        assert_eq!((deed.who.as_str(), deed.what.as_str()), ("ann", "released"));
        assert!(deed.why.contains("queued as HOP1"), "{}", deed.why);
    }
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let ground = Ground::new();
    let now = Timestamp::now();
    let entry = ground
        .put(MAIL, &["kim@example.org", "gone@example.org"])
        .await;
    ground.ask(&entry, false, now).await;
    ground.hop.says(Says::Later);
    let progress = |attempts: Vec<quarantine::Attempt>| {
        attempts
            .iter()
            .map(|one| one.progress.name())
            .collect::<Vec<_>>()
    };
    let courier = ground.courier();
    let round = async |seconds: i64| {
        courier
            .round(ground.store.as_ref(), after(now, seconds))
            .await
            .unwrap()
            .len()
    };
    assert_eq!(round(0).await, 2);
    assert_eq!(
        progress(ground.store.attempts(&entry.id).await.unwrap()),
        ["waiting", "failed"]
    );
    assert_eq!(ground.state(&entry).await, State::Held);
    ground.hop.says(Says::Yes);
    assert_eq!(round(10).await, 0, "it is not due yet");
    assert_eq!(round(31).await, 1);
    assert_eq!(
        progress(ground.store.attempts(&entry.id).await.unwrap()),
        ["sent", "failed"]
    );
    assert_eq!(ground.state(&entry).await, State::Released);
    assert_eq!(round(9999).await, 0, "nothing is left");
    assert_eq!(ground.hop.mails().len(), 1);
}

#[tokio::test]
async fn what_nobody_takes_fails_in_the_end() {
    let ground = Ground::new();
    let now = Timestamp::now();
    let entry = ground.put(MAIL, &["kim@example.org"]).await;
    ground.ask(&entry, false, now).await;
    ground.hop.says(Says::Later);
    let courier = ground.courier();
    let mut tries = 0;
    let mut at = now;
    while tries < 500 {
        let done = courier.round(ground.store.as_ref(), at).await.unwrap();
        tries += 1;
        if done[0].outcome.progress == Progress::Failed {
            break;
        }
        assert!(done[0].outcome.next_try > at);
        at = done[0].outcome.next_try;
    }
    let days = (at.as_second() - now.as_second()) / 86_400;
    assert_eq!(days, 5);
    assert!((100..200).contains(&tries), "{tries}");
    assert_eq!(ground.state(&entry).await, State::Held);
}

#[tokio::test]
async fn an_attached_release_names_its_recipient() {
    let ground = Ground::new();
    let now = Timestamp::now();
    let entry = ground
        .put(MAIL, &["kim@example.org", "lou@example.org"])
        .await;
    ground.ask(&entry, true, now).await;
    assert_eq!(
        ground
            .courier()
            .round(ground.store.as_ref(), now)
            .await
            .unwrap()
            .len(),
        2
    );
    let mails = ground.hop.mails();
    assert_eq!(mails.len(), 2);
    for (mail, to) in mails.iter().zip(["kim@example.org", "lou@example.org"]) {
        assert!(mail.from.starts_with("<>"), "{}", mail.from);
        let text = String::from_utf8_lossy(&mail.message);
        assert!(text.contains(&format!("\r\nTo: <{to}>\r\n")), "{text}");
        let whole = [b"\r\n\r\n", MAIL, b"\r\n--"].concat();
        assert!(
            mail.message
                .windows(whole.len())
                .any(|window| window == whole),
            "{text}"
        );
    }
}

#[tokio::test]
async fn who_is_killed_in_the_middle_delivers_twice_but_not_never() {
    let ground = Ground::new();
    let entry = ground.put(MAIL, &["kim@example.org"]).await;
    ground.hop.says(Says::Nothing);
    let mut child = ground.command(&["release", &entry.id]).spawn().unwrap();
    // The hop has the whole message and says nothing: nobody knows whether it was taken.
    ground.hop.wait(1);
    child.kill().unwrap();
    child.wait().unwrap();
    let waiting = ground.store.attempts(&entry.id).await.unwrap();
    assert_eq!(waiting[0].progress, Progress::Waiting);
    assert_eq!(ground.state(&entry).await, State::Held);
    ground.hop.says(Says::Yes);
    let later = after(Timestamp::now(), 10);
    assert_eq!(
        ground
            .courier()
            .round(ground.store.as_ref(), later)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(ground.state(&entry).await, State::Released);
    assert_eq!(ground.hop.mails().len(), 2);
}

#[tokio::test]
async fn the_command_shows_reply_and_queue_id() {
    let ground = Ground::new();
    let entry = ground.put(MAIL, &["kim@example.org"]).await;
    let (status, text) = ground.output(&["release", &entry.id, "--dry-run", "--json"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("\"progress\":\"would\"") && ground.hop.mails().is_empty(),
        "{text}"
    );
    let (status, text) =
        ground.output(&["release", &entry.id, "--json", "--to", "boss@example.org"]);
    assert_eq!(status, Some(0), "{text}");
    let row: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(row["queue_id"], "HOP1", "{text}");
    assert_eq!(row["recipient"], "boss@example.org");
    ground.hop.says(Says::Later);
    let (status, text) = ground.output(&["release", &entry.id]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("waiting") && text.contains("451 4.3.0 later"),
        "{text}"
    );
    for _ in 0..2 {
        ground
            .put(
                format!("{}x\r\n", Timestamp::now()).as_bytes(),
                &["kim@example.org"],
            )
            .await;
    }
    let (status, text) = ground.output(&["release", "--domain", "example.org"]);
    assert_eq!(status, Some(2), "many need a yes: {text}");
    assert!(text.contains("release 3 entries needs --yes"), "{text}");
}

#[tokio::test]
async fn evidence_and_reports_leave_masked_and_in_bounds() {
    let ground = Ground::new();
    let entry = ground.put(MAIL, &["kim@example.org"]).await;
    let zip = ground.folder.path().join("evidence.zip");
    let name = zip.display().to_string();
    let (status, text) = ground.output(&["export", "--domain", "example.org", "--output", &name]);
    assert_eq!(status, Some(0), "{text}");
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&zip).unwrap()).unwrap();
    assert!(
        archive
            .by_name(&format!("{}/manifest.json", entry.id))
            .is_ok()
    );
    let (status, printed) = ground.output(&[
        "report",
        &entry.id,
        "--to",
        "report@police.example",
        "--print",
    ]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("Feedback-Type: fraud"), "{printed}");
    assert!(ground.hop.mails().is_empty(), "printing sends nothing");
    let (status, told) = ground.output(&["report", &entry.id, "--to", "liar@example.net"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains("never goes to an address of the message's sender"),
        "{told}"
    );
    let settings = ReportSettings {
        from: Some("abuse@example.org".to_owned()),
        per_hour: 1,
        ..ReportSettings::default()
    };
    let report = Report {
        to: &Address::new(b"report@police.example"),
        form: ReportForm::Forward,
        unmasked: false,
        by: "ann",
    };
    // In an hour of its own, so that the attempt above does not count.
    let now = after(Timestamp::now(), 7200);
    let courier = ground.courier();
    let send = async || {
        send_report(
            ground.store.as_ref(),
            &courier,
            &settings,
            &entry,
            &report,
            now,
        )
        .await
    };
    assert_eq!(send().await.unwrap(), "250 2.0.0 Ok: queued as HOP1");
    assert_eq!(send().await, Err(ReportError::TooMany(1)));
    assert_eq!(ground.state(&entry).await, State::Reported);
    let mail = ground.hop.mails().pop().unwrap();
    let sent = String::from_utf8_lossy(&mail.message).into_owned();
    for canary in ["Zq7canary1", "kim@example.org"] {
        assert!(
            !sent.contains(canary) && !printed.contains(canary),
            "{canary}: {sent}\n{printed}"
        );
    }
}

#[tokio::test]
async fn memory_stays_flat_while_many_are_exported() {
    use nix::sys::resource::{UsageWho, getrusage};
    let ground = Ground::new();
    let mut seed = 1_u64;
    let mut mail = |number: u32| {
        let mut raw =
            format!("Subject: {number}\r\nContent-Type: application/x-noise\r\n\r\n").into_bytes();
        while raw.len() < 64 << 10 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            raw.extend_from_slice(format!("{seed:016x}\r\n").as_bytes());
        }
        raw
    };
    // The most of any command that was waited for, in KiB (getrusage(2)).
    let peak = || getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    let mut peaks = Vec::new();
    // Entries are read in pages of 200: with the first export one is full, and so are the caches.
    for count in [200_u32, 201] {
        for number in 0..count {
            ground.put(&mail(number), &["kim@example.org"]).await;
        }
        let name = ground
            .folder
            .path()
            .join(format!("{count}.zip"))
            .display()
            .to_string();
        let words = [
            "export",
            "--domain",
            "example.org",
            "--unmasked",
            "--output",
            &name,
        ];
        let (status, text) = ground.output(&words);
        assert_eq!(status, Some(0), "{text}");
        peaks.push(peak());
    }
    assert!(
        peaks[1] < peaks[0] + (4 << 10),
        "{peaks:?} KiB for 13 and 26 MB of mail"
    );
}
