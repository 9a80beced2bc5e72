//! Waves, follow-ups and what reviewers say.

use crate::{Ground, after};
use callbluff::classify::{Class, Verdict};
use callbluff::message::{self, ReadLimits};
use callbluff::quarantine::{self, CampaignSettings, Entry, Lookout, Mark, StoredWallet};
use jiff::Timestamp;
use std::time::Duration;

const TEXT: &str = "some weeks ago I got into your computer and since then I have read all that you write and seen all that you watch \
    and with the little eye above your screen I made a film that your friends and your family will get unless you pay me";
const OTHER: &str = "the choir meets on monday in the small hall behind the library and everybody who would like to sing with us is \
    welcome whether they can read notes or not since we practise each voice by itself before we try all of it together";

fn mail(text: &str, number: u32) -> Vec<u8> {
    format!("Subject: hello {number}\r\n\r\n{text}\r\nnumber {number}\r\n").into_bytes()
}

async fn again(ground: &Ground, entry: &Entry) -> Entry {
    ground.store.get(&entry.id).await.unwrap()
}

fn settings() -> CampaignSettings {
    CampaignSettings {
        alarm_entries: 3,
        alarm_within: Duration::from_secs(3600),
        alarm_to: Vec::new(),
    }
}

#[tokio::test]
async fn near_copies_of_an_unknown_text_are_one_wave_that_sounds_once() {
    let ground = Ground::new();
    let mut copies = Vec::new();
    for number in 0..3 {
        let to = format!("user{number}@example.org");
        copies.push(ground.put(&mail(TEXT, number), &[&to]).await);
    }
    let other = ground.put(&mail(OTHER, 9), &["user0@example.org"]).await;
    let now = after(Timestamp::now(), 1);
    let mut lookout = Lookout::new(now);
    let store = ground.store.as_ref();
    let alarms = lookout.round(store, &settings(), now).await.unwrap();
    let names: Vec<&str> = alarms.iter().map(|wave| wave.name.as_str()).collect();
    let wave = again(&ground, &copies[0]).await.wave.unwrap();
    assert!(wave.starts_with("text:"), "{wave}");
    assert_eq!(names, [wave.as_str()]);
    for copy in &copies {
        assert_eq!(again(&ground, copy).await.wave.as_ref(), Some(&wave));
    }
    assert_ne!(again(&ground, &other).await.wave, Some(wave));
    for mut host in [lookout, Lookout::new(now)] {
        assert_eq!(
            host.round(store, &settings(), now).await.unwrap(),
            [],
            "it was told already"
        );
    }
}

#[tokio::test]
async fn a_follow_up_leads_to_the_first_mail() {
    let ground = Ground::new();
    let wallet = StoredWallet {
        coin: "btc".to_owned(),
        address: "1Wallet".to_owned(),
        place: "plain".to_owned(),
    };
    let mut ids = Vec::new();
    for (number, to) in [
        (1, "kim@example.org"),
        (2, "kim@example.org"),
        (3, "lou@example.org"),
        (4, "kim@example.org"),
    ] {
        let raw = mail(
            if number == 1 {
                TEXT
            } else {
                "You did not pay."
            },
            number,
        );
        ids.push(
            ground
                .put_with(&raw, &[to], |new| {
                    new.verdict.wallets = vec![wallet.clone()];
                    new.wave = quarantine::wave_of(&new.verdict);
                    new.received_at = after(Timestamp::now(), i64::from(number) - 10);
                })
                .await,
        );
    }
    let now = after(Timestamp::now(), 1);
    // The newest are looked at first, and the chain still ends at the first one after a second look.
    for _ in 0..3 {
        Lookout::new(now)
            .round(ground.store.as_ref(), &settings(), now)
            .await
            .unwrap();
    }
    let mut follows = Vec::new();
    for entry in &ids {
        follows.push(again(&ground, entry).await.follows);
    }
    assert_eq!(
        follows,
        [None, Some(ids[0].id.clone()), None, Some(ids[0].id.clone())]
    );
}

#[tokio::test]
async fn marks_teach_every_host_and_come_out_labelled() {
    let ground = Ground::new();
    let honest = ground.put(&mail(OTHER, 1), &["kim@example.org"]).await;
    let crime = ground.put(&mail(TEXT, 2), &["kim@example.org"]).await;
    for words in [
        ["mark", "--error", honest.id.as_str()],
        ["mark", "--confirmed", &crime.id],
    ] {
        let (status, text) = ground.output(&words);
        assert_eq!(status, Some(0), "{text}");
    }
    let learned = quarantine::learned(ground.store.as_ref()).await.unwrap();
    let judged = |score: f64, text: &str| {
        let verdict = Verdict {
            class: Class::Suspect,
            score,
            ..Verdict::error()
        };
        let reading = message::read(&mail(text, 77), &ReadLimits::default());
        learned.apply(verdict, &reading.pieces).class
    };
    assert_eq!(judged(7.0, OTHER), Class::Clean);
    assert_eq!(judged(7.0, TEXT), Class::Sextortion);
    assert_eq!(judged(7.0, "Something else."), Class::Suspect);
    let folder = ground.folder.path().join("labelled");
    let name = folder.display().to_string();
    let (status, text) = ground.output(&["export", "--labelled", &name]);
    assert_eq!((status, text.as_str()), (Some(0), "1 spam, 1 ham\n"));
    for (kind, entry) in [("ham", &honest), ("spam", &crime)] {
        let eml = std::fs::read(folder.join(kind).join(format!("{}.eml", entry.id))).unwrap();
        assert!(
            !message::read(&eml, &ReadLimits::default())
                .pieces
                .is_empty()
        );
    }
    // What was exported is what `eval` reads, and what `train` fits the weights on.
    let model = ground.folder.path().join("model.toml");
    let out = ["--out", model.to_str().unwrap()];
    for (command, more) in [("eval", &[][..]), ("train", &out[..])] {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_callbluff"))
            .args([command, "--spam"])
            .arg(folder.join("spam"))
            .arg("--ham")
            .arg(folder.join("ham"))
            .args(more)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{command}: {errors}");
    }
    assert!(
        std::fs::read_to_string(&model)
            .unwrap()
            .parse::<toml::Table>()
            .is_ok()
    );
    let (status, _) = ground.output(&["mark", "--clear", &honest.id]);
    assert_eq!(status, Some(0));
    let marks = quarantine::marks(ground.store.as_ref()).await.unwrap();
    assert_eq!(marks, [(crime.id.clone(), Mark::Confirmed)]);
}

#[tokio::test]
async fn a_campaign_is_handled_as_one() {
    let ground = Ground::new();
    for number in 0..3 {
        let to = format!("user{number}@example.org");
        ground
            .put_with(&mail(TEXT, number), &[&to], |new| {
                new.wave = Some("template:webcam-1".to_owned())
            })
            .await;
    }
    let (status, text) = ground.output(&["campaign", "list", "--json"]);
    assert_eq!(status, Some(0), "{text}");
    let row: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(
        (row["campaign"].as_str(), row["entries"].as_u64()),
        (Some("template:webcam-1"), Some(3))
    );
    let (status, text) = ground.output(&["campaign", "show", "template:webcam-1"]);
    assert_eq!((status, text.lines().count()), (Some(0), 3), "{text}");
    let (status, text) = ground.output(&["campaign", "release", "template:webcam-1"]);
    assert_eq!(status, Some(2), "{text}");
    let (status, text) = ground.output(&["campaign", "release", "template:webcam-1", "--yes"]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(ground.hop.mails().len(), 3);
    let last = ground
        .put_with(&mail(TEXT, 5), &["kim@example.org"], |new| {
            new.wave = Some("template:webcam-1".to_owned())
        })
        .await;
    let (status, text) = ground.output(&[
        "campaign",
        "report",
        "template:webcam-1",
        "--to",
        "report@police.example",
    ]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(ground.hop.mails().len(), 4, "one report for all");
    let (status, text) = ground.output(&["campaign", "delete", "template:webcam-1", "--dry-run"]);
    assert_eq!((status, text.lines().count()), (Some(0), 1), "{text}");
    let (status, text) = ground.output(&["campaign", "delete", "template:webcam-1"]);
    assert!(
        status == Some(0) && text.starts_with(&format!("deleted: {}", last.id)),
        "{text}"
    );
    let (status, _) = ground.output(&["campaign", "show", "no-such"]);
    assert_eq!(status, Some(1));
}
