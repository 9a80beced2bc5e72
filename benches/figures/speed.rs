//! Judging against the least that any such filter must do: a search for the same phrases in the same
//! texts, a MIME parser and one pass of a tokeniser over the HTML parts.

use crate::{cpu_time, mail, median};
use aho_corasick::AhoCorasick;
use callbluff::classify::Judge;
use callbluff::message::{Envelope, Origin, ReadLimits, Reading, read};
use html5gum::Tokenizer;
use mail_parser::MessageParser;
use std::hint::black_box;
use std::path::Path;

/// Every word and phrase of the shipped packs.
fn phrases() -> Vec<String> {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/packs");
    let mut phrases = Vec::new();
    for entry in packs.read_dir().unwrap() {
        let pack: toml::Table =
            toml::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let classes = pack.get("words").and_then(toml::Value::as_table);
        for list in classes.into_iter().flat_map(toml::Table::values) {
            let words = list.as_array().into_iter().flatten();
            phrases.extend(
                words.filter_map(|word| Some(word.as_str()?.replace('*', "").to_lowercase())),
            );
        }
    }
    phrases.sort();
    phrases.dedup();
    phrases.retain(|phrase| !phrase.is_empty());
    phrases
}

pub(crate) fn compare(runs: usize) {
    let phrases = phrases();
    let search = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(&phrases)
        .unwrap();
    let mails = mail::typical(500);
    let (judge, limits, envelope) = (Judge::builtin(), ReadLimits::default(), Envelope::default());
    let readings: Vec<Reading> = mails.iter().map(|mail| read(mail, &limits)).collect();
    let mut times = [Vec::new(), Vec::new()];
    // The first round only warms up.
    for round in 0..=runs {
        let start = cpu_time();
        for (mail, reading) in mails.iter().zip(&readings) {
            let parsed = MessageParser::default().parse(mail).unwrap();
            // A plain text would be made HTML for us.
            let is_html = reading
                .pieces
                .iter()
                .any(|it| it.place.origin == Origin::Html);
            if let Some(html) = parsed.body_html(0).filter(|_| is_html) {
                black_box(Tokenizer::new(html.as_ref()).count());
            }
            for piece in &reading.pieces {
                black_box(search.find_overlapping_iter(&piece.text).count());
            }
        }
        let middle = cpu_time();
        for mail in &mails {
            black_box(judge.judge_briefly(&envelope, &read(mail, &limits)));
        }
        let end = cpu_time();
        if round > 0 {
            for (times, spent) in times.iter_mut().zip([middle - start, end - middle]) {
                times.push(spent.as_secs_f64() * 1000.0 / mails.len() as f64);
            }
        }
    }
    let [bare, own] = times.map(median);
    println!(
        "Against a bare search for {} phrases, a MIME parser and an HTML tokeniser, median of {runs} runs",
        phrases.len()
    );
    println!(
        "bare {bare:.4} ms/message, reading and judging {own:.4} ms/message, ratio {:.2}\n",
        own / bare
    );
}
