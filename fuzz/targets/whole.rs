//! Any bytes from message to verdict.
#![no_main]

use callbluff::classify::{Class, Judge};
use callbluff::message::{Envelope, ReadLimits, read};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::builtin);

fuzz_target!(|raw: &[u8]| {
    let reading = read(raw, &ReadLimits::default());
    let verdict = JUDGE.judge(&Envelope::default(), &reading);
    assert!(verdict.score.is_finite() && verdict.score >= 0.0);
    assert!(verdict.class != Class::Error, "judging never fails");
    let is_clean = verdict.class == Class::Clean;
    assert_eq!(verdict.kind.is_none(), is_clean);
    assert_eq!(JUDGE.judge(&Envelope::default(), &reading), verdict);
});
