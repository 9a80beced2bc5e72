//! Any bytes as a message: read as far as it goes, within the limits, always alike.
#![no_main]

use callbluff::message::{ReadLimits, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let limits = ReadLimits {
        text_bytes: 4096,
        ..ReadLimits::default()
    };
    let reading = read(raw, &limits);
    let visible = reading.pieces.iter().filter(|piece| !piece.place.hidden);
    let bytes: usize = visible.map(|piece| piece.text.len()).sum();
    assert!(bytes <= limits.text_bytes, "{bytes} bytes of text");
    assert!(reading.media.len() <= limits.media_items);
    assert_eq!(read(raw, &limits), reading);
});
