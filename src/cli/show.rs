//! A verdict as a line of JSON and as text for people.

use crate::classify::{Judge, Verdict, WalletHit};
use serde::Serialize;
use std::fmt::Write;

/// The version of the JSON objects; it grows when a key changes its meaning.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Judged<'a> {
    v: u32,
    file: &'a str,
    verdict: &'static str,
    score: f64,
    context: Option<&'static str>,
    kind: Option<&'static str>,
    signals: Vec<Signal<'a>>,
    wallets: Vec<Wallet<'a>>,
    template: Option<&'a str>,
    language: Option<&'a str>,
    truncated: bool,
}

#[derive(Serialize)]
struct Signal<'a> {
    id: &'a str,
    category: &'static str,
    weight: f64,
    #[serde(rename = "where")]
    place: String,
}

#[derive(Serialize)]
struct Wallet<'a> {
    coin: &'static str,
    address: &'a str,
    #[serde(rename = "where")]
    place: String,
}

#[derive(Serialize)]
struct Failed<'a> {
    v: u32,
    file: &'a str,
    error: &'a str,
}

/// The JSON object of a judged message, without a line end.
pub(crate) fn json(file: &str, verdict: &Verdict) -> String {
    let signals = verdict.signals.iter().map(|signal| Signal {
        id: &signal.id,
        category: signal.category.name(),
        weight: rounded(signal.weight),
        place: signal.place.to_string(),
    });
    let wallets = verdict.wallets.iter().map(|wallet| Wallet {
        coin: wallet.coin,
        address: &wallet.address,
        place: wallet.place.to_string(),
    });
    line(&Judged {
        v: VERSION,
        file,
        verdict: verdict.class.name(),
        score: rounded(verdict.score),
        context: verdict.context.map(|context| context.name()),
        kind: verdict.kind.map(|kind| kind.name()),
        signals: signals.collect(),
        wallets: wallets.collect(),
        template: verdict.template.as_deref(),
        language: verdict.language.as_deref(),
        truncated: verdict.is_truncated,
    })
}

/// The JSON object of a message that could not be judged, without a line end.
pub(crate) fn json_error(file: &str, error: &str) -> String {
    line(&Failed {
        v: VERSION,
        file,
        error,
    })
}

/// An object as a line.
pub(crate) fn line(object: &impl Serialize) -> String {
    serde_json::to_string(object).expect("strings and finite numbers always serialise")
}

/// One line for people; with a `judge` lines for each reason behind it.
pub(crate) fn text(file: &str, verdict: &Verdict, judge: Option<&Judge>) -> String {
    let mut out = format!(
        "{}: {} {:.1}",
        printable(file),
        verdict.class,
        verdict.score
    );
    if let Some(kind) = verdict.kind {
        let _ = write!(out, " {kind}");
    }
    if let Some(context) = verdict.context {
        let _ = write!(out, " {context}");
    }
    if verdict.is_truncated {
        out.push_str(" (not read whole)");
    }
    let Some(judge) = judge else { return out };
    for signal in &verdict.signals {
        let _ = write!(
            out,
            "\n  {:+6.2}  {:<12} {:<32} {}",
            signal.weight,
            signal.category.name(),
            signal.id,
            signal.place
        );
        if let Some(reason) = judge.reason(&signal.id) {
            let _ = write!(out, "\n          {}", printable(reason));
        }
    }
    for WalletHit {
        coin,
        address,
        place,
    } in &verdict.wallets
    {
        let _ = write!(
            out,
            "\n  wallet  {coin:<12} {:<32} {place}",
            printable(address)
        );
    }
    if let Some(template) = &verdict.template {
        let _ = write!(out, "\n  template {}", printable(template));
    }
    if let Some(language) = &verdict.language {
        let _ = write!(out, "\n  language {}", printable(language));
    }
    out
}

/// A text that cannot steer a terminal: control characters and those that change the writing
/// direction are spelt out; line breaks and tabs too.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}');
        if c.is_control() || is_direction {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Two decimals are all that a weight is worth; adding floats leaves dirt behind them.
fn rounded(points: f64) -> f64 {
    // `+ 0.0` turns -0.0 into 0.0.
    (points * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{self, Category, Class, Context, Kind};
    use crate::message::{Origin, Place};

    fn verdict() -> Verdict {
        Verdict {
            class: Class::Sextortion,
            score: 3.1 + 8.2 + 1e-12,
            context: Some(Context::Direct),
            kind: Some(Kind::Bluff),
            signals: vec![classify::Signal {
                id: "recording.claimed".to_owned(),
                category: Category::Recording,
                weight: 3.5,
                place: Place {
                    hidden: true,
                    ..Place::of(Origin::Html)
                },
            }],
            wallets: vec![WalletHit {
                coin: "btc",
                address: "1Example".to_owned(),
                place: Place::of(Origin::Plain),
            }],
            template: None,
            language: Some("en".to_owned()),
            is_truncated: false,
        }
    }

    #[test]
    fn json_has_the_keys_of_the_contract() {
        assert_eq!(
            json("a.eml", &verdict()),
            r#"{"v":1,"file":"a.eml","verdict":"sextortion","score":11.3,"context":"direct","kind":"bluff","signals":[{"id":"recording.claimed","category":"recording","weight":3.5,"where":"html.hidden"}],"wallets":[{"coin":"btc","address":"1Example","where":"plain"}],"template":null,"language":"en","truncated":false}"#
        );
        assert_eq!(
            json_error("b.eml", "no such file"),
            r#"{"v":1,"file":"b.eml","error":"no such file"}"#
        );
    }

    #[test]
    fn every_reason_is_explained() {
        assert_eq!(
            text("a.eml", &verdict(), None),
            "a.eml: sextortion 11.3 bluff direct"
        );
        let judge = Judge::builtin();
        let explained = text("a.eml", &verdict(), Some(&judge));
        let reason = judge
            .reason("recording.claimed")
            .expect("a signal of the packs");
        assert!(explained.contains(reason), "{explained}");
        for word in [
            "+3.50",
            "recording.claimed",
            "html.hidden",
            "btc",
            "1Example",
        ] {
            assert!(explained.contains(word), "{word}: {explained}");
        }
    }

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(
            printable("a\x1b[2J\nb\u{202e}c\u{9b}é"),
            "a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{9b}é"
        );
    }
}
