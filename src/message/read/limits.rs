//! How much of a message is read.

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
    /// The most multiparts and attached messages around a part. Default: 250, in messages of
    /// over 1 MiB at most 64; beyond it the finding is `limit.depth`.
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
            depth: 250,
            header_bytes: 256 * 1024,
            media_items: 16,
            media_bytes: 8 * 1024 * 1024,
        }
    }
}
