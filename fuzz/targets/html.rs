//! Any bytes as the HTML of a message.
#![no_main]

use callbluff::message::{ReadLimits, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|html: &[u8]| {
    let mut raw = b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n".to_vec();
    raw.extend_from_slice(html);
    let reading = read(&raw, &ReadLimits::default());
    for piece in &reading.pieces {
        assert!(!piece.text.contains('\r'), "line ends are LF");
    }
});
