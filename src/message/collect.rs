//! What reading has found so far, within its limits.

use crate::message::{
    Finding, Media, MediaKind, Origin, Piece, Place, ReadLimits, Reading, bidi, findings,
};
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The smallest picture that is handed on: smaller ones are lines, dots and tracking pixels.
const SMALLEST_PICTURE: usize = 1024;

/// With so many letters a mail has a text, and they are no longer counted.
const ENOUGH_LETTERS: usize = 40;

/// At most so many times the bytes of a message are examined, over all readings and views of it,
/// and so many of however short a message.
const TIMES_EXAMINED: usize = 8;
const LEAST_EXAMINED: usize = 64 * 1024;
/// A part that is read is taken apart or decoded, rendered, and handed on as text.
const LOOKS: usize = 3;

/// Collects pieces, media and findings.
#[derive(Debug)]
pub(crate) struct Collector<'l> {
    pub(crate) limits: &'l ReadLimits,
    pub(crate) reading: Reading,
    visible_left: usize,
    hidden_left: usize,
    source_left: usize,
    media_left: usize,
    /// Bytes that may be examined in all.
    most_examined: usize,
    /// Letters that the reader sees in bodies, up to about [`ENOUGH_LETTERS`].
    pub(crate) letters: usize,
    /// Pictures shown or attached.
    pub(crate) pictures: usize,
    /// Files of other kinds.
    pub(crate) files: usize,
    /// The texts so far, as hashes: kept from the first second reading on.
    seen: Option<HashSet<u64>>,
}

impl<'l> Collector<'l> {
    /// For a message of so many bytes.
    pub(crate) fn new(limits: &'l ReadLimits, bytes: usize) -> Self {
        Self {
            limits,
            reading: Reading::default(),
            most_examined: bytes * TIMES_EXAMINED + LEAST_EXAMINED,
            visible_left: limits.text_bytes,
            hidden_left: limits.text_bytes,
            source_left: limits.source_bytes,
            media_left: limits.media_bytes,
            letters: 0,
            pictures: 0,
            files: 0,
            seen: None,
        }
    }

    /// Room for visible text, in bytes.
    pub(crate) fn visible_left(&self) -> usize {
        self.visible_left
    }

    /// Room for hidden text, in bytes.
    pub(crate) fn hidden_left(&self) -> usize {
        self.hidden_left
    }

    /// Room for decoded source, in bytes.
    pub(crate) fn source_left(&self) -> usize {
        self.source_left.min(self.examine_left() / LOOKS)
    }

    /// Notes that so many bytes were taken apart, decoded, rendered or handed on.
    pub(crate) fn examine(&mut self, bytes: usize) {
        self.reading.examined += bytes;
    }

    /// May so many bytes be read once more?
    pub(crate) fn may_read(&self, bytes: usize) -> bool {
        bytes * LOOKS <= self.examine_left()
    }

    fn examine_left(&self) -> usize {
        self.most_examined.saturating_sub(self.reading.examined)
    }

    /// Room for media, in bytes.
    pub(crate) fn media_left(&self) -> usize {
        self.media_left
    }

    /// Takes decoded source off its room.
    pub(crate) fn spend_source(&mut self, bytes: usize) {
        self.examine(bytes);
        self.source_left = self.source_left.saturating_sub(bytes);
    }

    /// Notes a finding once, at its first place.
    pub(crate) fn find(&mut self, id: &'static str, place: Place) {
        if id.starts_with("limit.") {
            self.reading.is_truncated = true;
        }
        if !self.reading.findings.iter().any(|finding| finding.id == id) {
            self.reading.findings.push(Finding { id, place });
        }
    }

    /// Adds a text, cut at the room there is. White space alone is no text, and a further
    /// reading that says what was read already is none.
    ///
    /// Here every text ends up, so here its line ends become LF: a `&#13;`, an encoded word or an
    /// escape in RTF writes a CR where no line of the message ended. What direction overrides
    /// turn is put as the reader sees it.
    pub(crate) fn add(&mut self, place: Place, text: String) {
        if text.trim().is_empty() {
            return;
        }
        let text = newlines(text);
        let (seen, turned) = bidi::as_seen(&text);
        if turned >= 4 {
            self.find(findings::BIDI, place);
        }
        let mut text = match seen {
            Cow::Owned(seen) => seen,
            Cow::Borrowed(_) => text,
        };
        if place.reading > 0 && self.seen.is_none() {
            let seen = self
                .reading
                .pieces
                .iter()
                .map(|piece| fingerprint(&piece.text))
                .collect();
            self.seen = Some(seen);
        }
        if let Some(seen) = &mut self.seen
            && !seen.insert(fingerprint(&text))
            && place.reading > 0
        {
            return;
        }
        let left = if place.hidden {
            &mut self.hidden_left
        } else {
            &mut self.visible_left
        };
        let kept = text.floor_char_boundary((*left).min(text.len()));
        *left -= kept;
        if kept < text.len() {
            text.truncate(kept);
            self.find(findings::LIMIT_TEXT, place);
        }
        let is_body = matches!(
            place.origin,
            Origin::Plain | Origin::Html | Origin::Attachment
        );
        if is_body && !place.hidden && self.letters < ENOUGH_LETTERS {
            let letters = text.chars().filter(|c| c.is_alphabetic());
            self.letters += letters.take(ENOUGH_LETTERS).count();
        }
        self.examine(text.len());
        if !text.is_empty() {
            self.reading.pieces.push(Piece { place, text });
        }
    }

    /// Adds a PDF or picture for the helper process.
    pub(crate) fn add_media(&mut self, place: Place, kind: MediaKind, bytes: Vec<u8>) {
        match kind {
            MediaKind::Pdf => {
                self.files += 1;
                if memchr::memmem::find(&bytes, b"/Encrypt").is_some() {
                    self.find(findings::ENCRYPTED, place);
                }
            }
            MediaKind::Picture => {
                if bytes.len() < SMALLEST_PICTURE {
                    return;
                }
                self.pictures += 1;
            }
        }
        if self.reading.media.iter().any(|media| media.bytes == bytes) {
            return;
        }
        if self.reading.media.len() >= self.limits.media_items || bytes.len() > self.media_left {
            self.find(findings::LIMIT_MEDIA, place);
            return;
        }
        self.media_left -= bytes.len();
        self.reading.media.push(Media { place, kind, bytes });
    }

    /// Ends the collecting.
    pub(crate) fn finish(mut self) -> Reading {
        let place = Place::of(Origin::Plain);
        if self.letters < ENOUGH_LETTERS && self.pictures > 0 {
            self.find(findings::PICTURE_ONLY, place);
        }
        if self.letters == 0 && self.pictures == 0 && self.files == 0 {
            self.find(findings::NO_BODY, place);
        }
        self.reading
    }
}

/// CRLF and bare CR become LF.
pub(crate) fn newlines(text: String) -> String {
    let bytes = text.as_bytes();
    let Some(first) = memchr::memchr(b'\r', bytes) else {
        return text;
    };
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memchr_iter(b'\r', &bytes[first..]).map(|at| first + at) {
        out.push_str(&text[from..at]);
        from = at + 1;
        if bytes.get(from) != Some(&b'\n') {
            out.push('\n');
        }
    }
    out.push_str(&text[from..]);
    out
}

/// The same for texts that differ in white space only.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in text.split_whitespace() {
        word.hash(&mut hasher);
    }
    hasher.finish()
}
