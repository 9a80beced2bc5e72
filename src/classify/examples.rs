//! The examples of the packs: sentences that must and must not give a signal.

use crate::classify::matcher::{Desk, Matcher};
use crate::classify::pack::{Pack, Text};
use crate::diagnose::Diagnostics;
use crate::message::fold;
use std::collections::BTreeSet;

/// Runs the examples of every pack; one that does not hold is an error at its place.
pub(crate) fn run(matcher: &Matcher, packs: &[Pack], problems: &mut Diagnostics) {
    for pack in packs {
        for example in &pack.examples {
            let id = &example.id;
            if !matcher.signal_ids().contains(&id.value) {
                let what = format!("no pattern gives the signal \"{}\"", id.value);
                problems.error(&pack.source, id.span.clone(), what);
                continue;
            }
            for text in &example.matching {
                let said = said(matcher, text, &pack.language);
                if !said.contains(id.value.as_str()) {
                    let found: Vec<&str> = said.into_iter().collect();
                    let found = if found.is_empty() {
                        "nothing".to_owned()
                    } else {
                        found.join(", ")
                    };
                    let what = format!("this must give \"{}\", but gives {found}", id.value);
                    problems.error(&pack.source, text.span.clone(), what);
                }
            }
            for text in &example.clean {
                if said(matcher, text, &pack.language).contains(id.value.as_str()) {
                    let what = format!("this must not give \"{}\", but does", id.value);
                    problems.error(&pack.source, text.span.clone(), what);
                }
            }
        }
    }
}

fn said<'m>(matcher: &'m Matcher, text: &Text, language: &str) -> BTreeSet<&'m str> {
    let scan = matcher.scan(&fold(&text.value).text, &mut Desk::default());
    scan.said
        .iter()
        .filter(|said| language == "*" || matcher.language(said.language) == language)
        .map(|said| matcher.signal_id(said.signal))
        .collect()
}
