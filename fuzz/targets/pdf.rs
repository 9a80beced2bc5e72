//! Any bytes as a PDF, and as the content of a page of a whole one.
//!
//! The libraries below can be made slow and hungry, which is why they run in a process that can
//! be killed: here the runner's limits are wide, and what is looked for is a crash.
#![no_main]

use callbluff::message::{Media, MediaKind, MediaLimits, Origin, Place, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&way, data)) = input.split_first() else {
        return;
    };
    let bytes = if way % 2 == 0 {
        data.to_vec()
    } else {
        with_content(data)
    };
    let media = Media {
        place: Place::of(Origin::Pdf),
        kind: MediaKind::Pdf,
        bytes,
    };
    let limits = MediaLimits {
        stream_bytes: 1 << 20,
        tokens: 20_000,
        text_bytes: 4096,
        pictures: 1,
        pixel_bytes: 1 << 14,
        ..MediaLimits::default()
    };
    decode(
        &media,
        &["secret".to_owned()],
        &limits,
        &mut |_| None,
        &mut |_| (),
    );
});

/// A document whose page and ToUnicode map are the data.
fn with_content(data: &[u8]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n\
        1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n\
        2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n\
        3 0 obj << /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << \
        /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> \
        /F2 << /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 4 0 R >> >> >> >> endobj\n"
        .to_vec();
    out.extend_from_slice(format!("4 0 obj << /Length {} >> stream\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\nendstream endobj\ntrailer << /Size 5 /Root 1 0 R >>\n%%EOF\n");
    out
}
