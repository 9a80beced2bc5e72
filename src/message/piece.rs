//! A text that a reader could see, and where it stands in the message.

use crate::message::Header;
use std::fmt;

/// What a text was in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The Subject field.
    Subject,
    /// A display name of From, Sender or Reply-To.
    DisplayName,
    /// A text/plain part.
    Plain,
    /// The visible text of a text/html part.
    Html,
    /// An `alt` or `title` text of HTML.
    Attribute,
    /// The name of an attached file.
    FileName,
    /// A text in an attached file (plain text, RTF, office document, calendar …).
    Attachment,
    /// The text of a PDF.
    Pdf,
    /// What a QR code says.
    Qr,
    /// What optical character recognition read in a picture.
    Ocr,
}

impl Origin {
    /// The word for it in `where` of the JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::DisplayName => "display-name",
            Self::Plain => "plain",
            Self::Html => "html",
            Self::Attribute => "attribute",
            Self::FileName => "file-name",
            Self::Attachment => "attachment",
            Self::Pdf => "pdf",
            Self::Qr => "qr",
            Self::Ocr => "ocr",
        }
    }
}

/// Where a text or a finding stands.
///
/// Printed as `html`, `html.hidden`, `nested.plain` (inside an attached message), with `~2`
/// behind it for the second reading of an ambiguous structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What it was.
    pub origin: Origin,
    /// Number of the part in the order of the message; 0 for the header.
    pub part: u16,
    /// How many attached messages (message/rfc822) lie around it.
    pub nested: u8,
    /// Taken out of what the reader sees: white on white, size 0, behind `display: none` …
    pub hidden: bool,
    /// 0 for the reading that most mail programs show; others where the structure is ambiguous.
    pub reading: u8,
}

impl Place {
    /// A visible place outside attached messages, in the first reading.
    pub fn of(origin: Origin) -> Self {
        Self {
            origin,
            part: 0,
            nested: 0,
            hidden: false,
            reading: 0,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nested > 0 {
            f.write_str("nested.")?;
        }
        f.write_str(self.origin.name())?;
        if self.hidden {
            f.write_str(".hidden")?;
        }
        if self.reading > 0 {
            write!(f, "~{}", u16::from(self.reading) + 1)?;
        }
        Ok(())
    }
}

/// One text of a message, decoded to UTF-8, with its line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands.
    pub place: Place,
    /// The text as a reader sees it, in the sender's spelling.
    pub text: String,
}

/// A fact about the structure of a message that is a signal by itself,
/// such as `structure.boundary` or `limit.text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Identifier of the signal, `category.what`.
    pub id: &'static str,
    /// Where it was found.
    pub place: Place,
}

/// What kind of file a [`Media`] is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A PDF document.
    Pdf,
    /// A PNG, JPEG, GIF, WebP or BMP picture.
    Picture,
}

impl MediaKind {
    /// The word for it in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Picture => "picture",
        }
    }
}

/// A PDF or picture, decoded from its transfer encoding: too dangerous to read in this process,
/// so it goes to the helper process, whose texts come back as further pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where it was attached.
    pub place: Place,
    /// What its first bytes say it is.
    pub kind: MediaKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All that was read from a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Every text, in the order of the message.
    pub pieces: Vec<Piece>,
    /// The fields of the message's own header.
    pub header: Header,
    /// PDFs and pictures for the helper process.
    pub media: Vec<Media>,
    /// Facts about structure, obfuscation and limits.
    pub findings: Vec<Finding>,
    /// Was a limit hit, so that something was not read?
    pub is_truncated: bool,
    /// Bytes taken apart, decoded, rendered and handed on as text, over all readings: at most
    /// 8 times those of the message, and 64 KiB.
    pub examined: usize,
}
