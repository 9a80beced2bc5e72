//! Any text, whole and in chunks: the same spelling comes out, and folding it again changes nothing.
#![no_main]

use callbluff::message::{Folded, Normaliser, fold};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (step, text) = input;
    let whole = fold(text);
    let mut chunked = Folded::default();
    let mut normaliser = Normaliser::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.ceil_char_boundary(usize::from(step) + 1));
        normaliser.feed(chunk, &mut chunked);
        rest = after;
    }
    normaliser.finish(&mut chunked);
    assert_eq!(chunked.text, whole.text, "chunk borders change nothing");
    assert_eq!(fold(&whole.text).text, whole.text, "folded once is folded");
});
