//! From the bytes of a message to every text that a reader could see.

use crate::message::{Header, Origin, Piece, Place, Reading, mime};

/// How much of a message is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// The most visible text to keep, in bytes of UTF-8; as much hidden text again. Default: 256 KiB.
    ///
    /// Text beyond it is not read and adds the finding `limit.text`. Sextortion mail is seldom over 20 KiB.
    pub text_bytes: usize,
    /// The most decoded HTML, text and document source to look through, over all parts and
    /// readings, in bytes. Default: 4 MiB.
    ///
    /// A mail may carry much more markup than text; beyond this the finding is `limit.text` too.
    pub source_bytes: usize,
    /// The most MIME parts to look at. Default: 1000; beyond it the finding is `limit.parts`.
    pub parts: usize,
    /// The most multiparts and attached messages around a part. Default: 64; beyond it the
    /// finding is `limit.depth`.
    pub depth: usize,
    /// The most bytes of the top header to decode. Default: 256 KiB; beyond it the finding is
    /// `limit.header`.
    pub header_bytes: usize,
    /// The most PDFs and pictures to hand on. Default: 16; beyond it the finding is `limit.media`.
    pub media_items: usize,
    /// The most bytes of PDFs and pictures to hand on, in sum. Default: 8 MiB; beyond it the
    /// finding is `limit.media`.
    pub media_bytes: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            text_bytes: 256 * 1024,
            source_bytes: 4 * 1024 * 1024,
            parts: 1000,
            depth: 64,
            header_bytes: 256 * 1024,
            media_items: 16,
            media_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Reads a message: every text, its header, its media, and what is odd about its structure.
///
/// Never fails: damaged mail is read as far as it goes. Line ends may be LF, CRLF or bare CR;
/// the texts have LF. The same bytes always give the same reading.
pub fn read(raw: &[u8], limits: &ReadLimits) -> Reading {
    let mut reading = Reading::default();
    let mut left = limits.text_bytes;
    let simple = mime::simple(raw);
    reading.header = Header::new(simple.fields);
    for (origin, part, nested, text) in simple.texts {
        let text = text.replace("\r\n", "\n");
        let cut = text.floor_char_boundary(left.min(text.len()));
        left -= cut;
        reading.is_truncated |= cut < text.len();
        reading.pieces.push(Piece {
            place: Place {
                part,
                nested,
                ..Place::of(origin)
            },
            text: text[..cut].to_owned(),
        });
    }
    reading
        .pieces
        .sort_by_key(|piece| piece.place.origin != Origin::Subject);
    reading
}
