//! What a PDF or a picture says.
//!
//! Every library for these formats can be driven to take gigabytes and minutes by a small file.
//! So this runs in the helper process alone, and hands out each find as soon as it is made:
//! what was found before the process is killed is not lost.

use crate::message::collect::newlines;
use crate::message::{Finding, Media, MediaKind, Origin, Piece, Place, image, pdf};
use ::image::GrayImage;

/// How much of PDFs and pictures is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// The most pages of a PDF to read. Default: 10; beyond it the finding is `limit.pdf`.
    pub pages: usize,
    /// The most bytes that the streams of a PDF may inflate to, in sum. Default: 16 MiB; beyond
    /// it the finding is `limit.pdf`.
    pub stream_bytes: usize,
    /// The most words of content streams to look at. Default: 1,000,000; beyond it the finding
    /// is `limit.pdf`.
    pub tokens: usize,
    /// The most text of a PDF to keep, in bytes of UTF-8. Default: 256 KiB; beyond it the
    /// finding is `limit.pdf`.
    pub text_bytes: usize,
    /// The most pictures in a PDF to look at. Default: 8; beyond it the finding is `limit.pdf`.
    pub pictures: usize,
    /// The most memory for the pixels of one picture, in bytes. Default: 64 MiB; beyond it the
    /// finding is `limit.picture`.
    pub pixel_bytes: usize,
    /// The most QR codes to read in one picture. Default: 8.
    pub codes: usize,
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self {
            pages: 10,
            stream_bytes: 16 * 1024 * 1024,
            tokens: 1_000_000,
            text_bytes: 256 * 1024,
            pictures: 8,
            pixel_bytes: 64 * 1024 * 1024,
            codes: 8,
        }
    }
}

/// Every fact that a PDF or a picture can give, and what it says.
pub const MEDIA_FINDINGS: &[(&str, &str)] = &[
    ("limit.pdf", "a PDF with more than is read of one"),
    (
        "limit.picture",
        "a picture that takes more memory than allowed",
    ),
    (
        "obfuscation.pdf-font",
        "a PDF whose letters are copied as others than they show",
    ),
    ("structure.pdf-broken", "a PDF that cannot be opened"),
    (
        "structure.pdf-encrypted",
        "a PDF that no password quoted in the mail opens",
    ),
    (
        "structure.picture-broken",
        "a picture that cannot be decoded",
    ),
    ("structure.qr", "a picture or PDF with a QR code"),
];

/// One thing that was found in a PDF or a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A text, with its place.
    Text(Piece),
    /// A fact about the file.
    Fact(Finding),
}

/// Reads the letters of a picture, given as grey pixels; `None` where that is switched off.
pub type Ocr<'a> = &'a mut dyn FnMut(&GrayImage) -> Option<String>;

/// Reads a PDF or a picture as far as it goes and gives each find to `sink`.
///
/// `passwords` are tried on an encrypted PDF, after the empty one. Only for the helper process:
/// memory and time are bounded for well-meant files alone.
pub fn decode(
    media: &Media,
    passwords: &[String],
    limits: &MediaLimits,
    ocr: Ocr<'_>,
    sink: &mut dyn FnMut(Found),
) {
    let mut finds = Finds {
        place: media.place,
        limits,
        ocr,
        sink,
    };
    match media.kind {
        MediaKind::Pdf => pdf::read(&media.bytes, passwords, &mut finds),
        MediaKind::Picture => match image::decode(&media.bytes, limits.pixel_bytes) {
            Ok(picture) => finds.picture(&picture),
            Err(image::Trouble::TooLarge) => finds.fact("limit.picture"),
            Err(image::Trouble::Broken) => finds.fact("structure.picture-broken"),
        },
    }
}

/// Where finds go, and what they share.
pub(super) struct Finds<'a> {
    place: Place,
    pub(super) limits: &'a MediaLimits,
    ocr: Ocr<'a>,
    sink: &'a mut dyn FnMut(Found),
}

impl Finds<'_> {
    /// Hands out a text; an empty one is none.
    pub(super) fn text(&mut self, origin: Origin, hidden: bool, reading: u8, text: String) {
        if text.trim().is_empty() {
            return;
        }
        let place = Place {
            origin,
            hidden: hidden || self.place.hidden,
            reading: self.place.reading.max(reading),
            ..self.place
        };
        let text = newlines(text);
        (self.sink)(Found::Text(Piece { place, text }));
    }

    /// Hands out a fact about the file.
    pub(super) fn fact(&mut self, id: &'static str) {
        let place = self.place;
        (self.sink)(Found::Fact(Finding { id, place }));
    }

    /// Reads the QR codes and, where that is switched on, the letters of a picture.
    pub(super) fn picture(&mut self, picture: &GrayImage) {
        self.codes(picture);
        if let Some(text) = (self.ocr)(picture) {
            self.text(Origin::Ocr, false, 0, text);
        }
    }

    /// Reads the QR codes of a picture.
    pub(super) fn codes(&mut self, picture: &GrayImage) {
        let codes = image::codes(picture, self.limits.codes);
        if !codes.is_empty() {
            self.fact("structure.qr");
        }
        for code in codes {
            self.text(Origin::Qr, false, 0, code);
        }
    }
}
