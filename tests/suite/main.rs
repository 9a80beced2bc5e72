//! The public evasion suite: own texts in 25 languages, dressed up in every known way.
//!
//! `cargo test --test suite -- --nocapture` prints the table of docs/classification.md.

mod random;
mod texts;
mod transforms;

use callbluff::classify::{Class, Judge, Verdict};
use callbluff::message::{Envelope, ReadLimits, read};
use random::Random;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::builtin);

fn judge(raw: &[u8]) -> Verdict {
    let (envelope, reading) = (Envelope::default(), read(raw, &ReadLimits::default()));
    let verdict = JUDGE.judge(&envelope, &reading);
    let brief = JUDGE.judge_briefly(&envelope, &reading);
    // Of a clean message it may know less.
    match verdict.class {
        Class::Clean => assert_eq!(brief.class, Class::Clean),
        _ => assert_eq!(brief, verdict, "{}", String::from_utf8_lossy(raw)),
    }
    verdict
}

/// Hits and all, by some key.
#[derive(Default)]
struct Table(BTreeMap<String, (usize, usize)>);

impl Table {
    fn count(&mut self, key: &str, is_hit: bool) {
        let row = self.0.entry(key.to_owned()).or_default();
        row.0 += usize::from(is_hit);
        row.1 += 1;
    }

    fn print(&self, title: &str) {
        println!("\n| {title} | found | of | share |\n|---|---|---|---|");
        for (key, (hits, all)) in &self.0 {
            println!("| {key} | {hits} | {all} | {:.1} % |", share(*hits, *all));
        }
    }

    fn lowest(&self) -> f64 {
        self.0
            .values()
            .map(|(hits, all)| share(*hits, *all))
            .fold(100.0, f64::min)
    }

    fn total(&self) -> f64 {
        let (hits, all) = self
            .0
            .values()
            .fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        share(hits, all)
    }
}

fn share(hits: usize, all: usize) -> f64 {
    100.0 * hits as f64 / all.max(1) as f64
}

/// A threat counts as found when it is `sextortion`; extortion without a sexual claim is at most `suspect`.
fn is_found(verdict: &Verdict, kind: &str) -> bool {
    match kind {
        "other" => verdict.class == Class::Suspect,
        _ => verdict.class == Class::Sextortion,
    }
}

/// What was found in a mail, told by signals and never by words.
fn tell(id: &str, transform: &str, verdict: &Verdict) -> String {
    let ids: Vec<_> = verdict
        .signals
        .iter()
        .map(|s| format!("{}{:+}", s.id, s.weight))
        .collect();
    let kind = verdict.kind.map_or("-".to_owned(), |kind| kind.to_string());
    format!(
        "{id} {transform}: {} {kind} {:.1} {}",
        verdict.class,
        verdict.score,
        ids.join(" ")
    )
}

/// Appends a line to the file that `CALLBLUFF_SUITE_SIGNALS` names, if it does.
fn note(told: &str, is_right: bool) {
    let Some(file) = std::env::var_os("CALLBLUFF_SUITE_SIGNALS") else {
        return;
    };
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .expect("the file of signals");
    let mark = if is_right { "right" } else { "wrong" };
    // One write, since the tests run side by side.
    let line = format!("{mark} {told}\n");
    file.write_all(line.as_bytes())
        .expect("the file of signals");
}

fn run(
    part: &str,
    languages: &mut Table,
    transforms: &mut Table,
    families: &mut Table,
) -> Vec<String> {
    let mut misses = Vec::new();
    for (language, text) in texts::load(part) {
        let filled = texts::fill(&text);
        for (name, make) in transforms::ALL {
            let mut random = Random::of(&format!("{}/{name}", text.id));
            let verdict = judge(&make(&filled, &mut random));
            let is_hit = is_found(&verdict, &text.kind);
            languages.count(&language, is_hit);
            transforms.count(name, is_hit);
            families.count(&text.family, is_hit);
            let told = format!("{part} {}", tell(&text.id, name, &verdict));
            note(&told, is_hit);
            if !is_hit {
                misses.push(told);
            }
        }
    }
    misses
}

#[test]
fn threats_of_the_suite_are_found() {
    let (mut languages, mut transforms, mut families) =
        (Table::default(), Table::default(), Table::default());
    let mut parts = Table::default();
    let mut misses = Vec::new();
    for part in ["seen", "unseen"] {
        let mut own = Table::default();
        misses.extend(run(part, &mut own, &mut transforms, &mut families));
        for (language, (hits, all)) in own.0 {
            let row = languages.0.entry(language).or_default();
            *row = (row.0 + hits, row.1 + all);
            let row = parts.0.entry(part.to_owned()).or_default();
            *row = (row.0 + hits, row.1 + all);
        }
    }
    languages.print("language");
    transforms.print("transform");
    families.print("family");
    parts.print("part");
    println!("\nall: {:.1} %", languages.total());
    // The unseen texts are named but never shown, so that nobody tunes to them.
    misses
        .iter()
        .filter(|miss| miss.starts_with("seen"))
        .for_each(|miss| println!("{miss}"));
    let unseen = parts
        .0
        .get("unseen")
        .map_or(100.0, |(hits, all)| share(*hits, *all));
    // Aims: all 98 %, each language 90 %, each transform 95 %, the unseen part 95 %. What is reached may
    // not be lost; docs/classification.md tells what is missing.
    for (what, share, least) in [
        ("all", languages.total(), 98.0),
        ("the weakest language", languages.lowest(), 90.5),
        ("the weakest transform", transforms.lowest(), 97.0),
        ("the unseen part", unseen, 95.0),
    ] {
        assert!(
            share >= least,
            "{what}: {share:.1} % found, {least} % were reached before"
        );
    }
}

#[test]
fn honest_mail_of_the_suite_stays_clean() {
    let mut suspects = Table::default();
    let mut sextortion = Vec::new();
    let mut total = 0;
    for (language, text) in texts::load("ham") {
        let filled = texts::fill(&text);
        for name in ["plain", "html"] {
            let (_, make) = transforms::ALL
                .iter()
                .find(|(known, _)| *known == name)
                .expect("a transform");
            let verdict = judge(&make(&filled, &mut Random::of(&text.id)));
            total += 1;
            let is_suspect = verdict.class != Class::Clean;
            suspects.count(&language, is_suspect);
            let told = tell(&text.id, name, &verdict);
            note(&format!("ham {told}"), !is_suspect);
            if is_suspect {
                println!("{told}");
            }
            if verdict.class == Class::Sextortion {
                sextortion.push(text.id.clone());
            }
        }
    }
    suspects.print("honest mail called suspect, by language");
    println!("\n{total} honest mails");
    assert!(
        sextortion.is_empty(),
        "honest mail called sextortion: {sextortion:?}"
    );
    assert!(
        suspects.total() <= 2.0,
        "honest mail called suspect: {:.1} %, at most 2 are allowed",
        suspects.total()
    );
}

/// Writes the mails of one transform into `CALLBLUFF_SUITE_DIR/PART/ID.eml`, for `train`, `eval` and `scan`.
/// The unseen part is left out: nobody shall tune to it.
#[test]
#[ignore = "writes files; run by hand with CALLBLUFF_SUITE_DIR set"]
fn write_mails() {
    let folder = std::env::var("CALLBLUFF_SUITE_DIR").expect("CALLBLUFF_SUITE_DIR names a folder");
    for part in ["seen", "ham"] {
        let folder = std::path::Path::new(&folder).join(part);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (_, text) in texts::load(part) {
            let raw = transforms::ALL[0].1(&texts::fill(&text), &mut Random::of(&text.id));
            std::fs::write(folder.join(format!("{}.eml", text.id)), raw).expect("a file");
        }
    }
}
