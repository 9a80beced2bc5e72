//! The texts in one body or file, by what it is.

use crate::message::collect::{Collector, newlines};
use crate::message::sniff::{self, FileKind};
use crate::message::transfer::{self, Encoding};
use crate::message::{
    MediaKind, Origin, Place, calendar, charset, findings, html, office, ole, rtf, tnef, uuencode,
};
use std::borrow::Cow;

/// A body or file, and what is said about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    /// Its bytes as written.
    pub(crate) body: &'a [u8],
    pub(crate) encoding: Encoding,
    /// Its Content-Type without parameters, in lower case; empty where there is none.
    pub(crate) declared: &'a str,
    pub(crate) charset: Option<&'a str>,
    /// Its file name in lower case; empty where there is none.
    pub(crate) name: &'a str,
    pub(crate) is_attachment: bool,
    /// Where it stands; the origin is set by what it is.
    pub(crate) place: Place,
    /// How many files lie around it: a file in a TNEF file in a zip file …
    pub(crate) within: u8,
}

/// Files within files within files are not followed further.
const MOST_WITHIN: u8 = 4;

/// A message found in a file, to be read by the caller, which knows how to.
pub(crate) type Found = Vec<u8>;

impl Content<'_> {
    /// Reads the texts; gives back messages found in it.
    pub(crate) fn read(&self, out: &mut Collector<'_>) -> Vec<Found> {
        let (head, is_more) = self.decode(sniff::HEAD);
        let kind = sniff::sniff(&head, self.declared, self.name);
        let room = match kind {
            FileKind::Media(MediaKind::Pdf | MediaKind::Picture) => out.media_left(),
            FileKind::Archive | FileKind::Binary => {
                out.files += 1;
                if kind == FileKind::Archive {
                    out.find(findings::ARCHIVE, self.file_place());
                }
                return Vec::new();
            }
            FileKind::Zip | FileKind::Ole | FileKind::Tnef => out.limits.media_bytes,
            _ => out.source_left(),
        };
        // What is short was decoded as a whole.
        let is_whole = !is_more && head.len() < sniff::HEAD && self.body.len() <= room;
        let (bytes, is_cut) = match is_whole {
            true => (head, false),
            false => self.decode(room),
        };
        if !matches!(kind, FileKind::Media(_) | FileKind::Zip | FileKind::Ole) {
            out.spend_source(bytes.len());
            if is_cut {
                out.find(findings::LIMIT_TEXT, self.file_place());
            }
        }
        // `application/octet-stream` says nothing, and so tells no lie.
        let is_other_type = [
            "image/",
            "audio/",
            "video/",
            "application/pdf",
            "application/zip",
        ]
        .iter()
        .any(|start| self.declared.starts_with(start));
        if is_other_type && matches!(kind, FileKind::Html | FileKind::Text | FileKind::Message) {
            out.find(findings::TYPE_LIE, self.file_place());
        }
        match kind {
            FileKind::Media(kind) => {
                if is_cut {
                    out.find(findings::LIMIT_MEDIA, self.file_place());
                } else {
                    out.add_media(self.file_place(), kind, bytes.into_owned());
                }
            }
            FileKind::Html => return self.html(bytes, out),
            FileKind::Text => return self.text(bytes, out),
            FileKind::Message => return vec![bytes.into_owned()],
            FileKind::Calendar => {
                let text = calendar::read(&self.utf8(bytes));
                // A description may be HTML.
                if sniff::looks_like_html(text.as_bytes()) || text.contains("</") {
                    return self.page(&text, out);
                }
                out.add(self.at(Origin::Attachment, false), text);
            }
            FileKind::Xml => {
                let text = office::plain_xml(&self.utf8(bytes));
                out.add(self.at(Origin::Attachment, false), text);
            }
            FileKind::Rtf => self.rtf(&bytes, out),
            FileKind::Zip => return self.zip(&bytes, out),
            FileKind::Ole => {
                out.files += 1;
                let mark: Vec<u8> = "EncryptedPackage"
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect();
                if memchr::memmem::find(&bytes, &mark).is_some() {
                    out.find(findings::ENCRYPTED, self.file_place());
                } else {
                    let text = ole::strings(&bytes, out.visible_left());
                    out.add(self.file_place(), text);
                }
            }
            FileKind::Tnef => return self.tnef(&bytes, out),
            FileKind::Sealed => return self.sealed(&bytes, out),
            FileKind::Archive | FileKind::Binary => {}
        }
        Vec::new()
    }

    /// The body without its transfer encoding, at most `limit` bytes of it, and whether it was cut.
    fn decode(&self, limit: usize) -> (Cow<'_, [u8]>, bool) {
        let decoded = match self.encoding {
            Encoding::Identity => {
                let cut = self.body.len().min(limit);
                return (Cow::Borrowed(&self.body[..cut]), cut < self.body.len());
            }
            Encoding::Base64 => transfer::base64(self.body, limit),
            Encoding::QuotedPrintable => transfer::quoted_printable(self.body, limit, false),
            Encoding::Uuencode => {
                let cut = self.body.len().min(limit);
                let text = String::from_utf8_lossy(&self.body[..cut]);
                let bytes =
                    uuencode::decode_body(&text).unwrap_or_else(|| self.body[..cut].to_vec());
                return (Cow::Owned(bytes), cut < self.body.len());
            }
        };
        (Cow::Owned(decoded.bytes), decoded.is_cut)
    }

    fn utf8(&self, bytes: Cow<'_, [u8]>) -> String {
        charset::decode(bytes, self.charset)
    }

    fn at(&self, origin: Origin, hidden: bool) -> Place {
        let origin = match origin {
            Origin::Plain | Origin::Html if self.is_attachment => Origin::Attachment,
            origin => origin,
        };
        Place {
            origin,
            hidden: hidden || self.place.hidden,
            ..self.place
        }
    }

    fn file_place(&self) -> Place {
        self.at(Origin::Attachment, false)
    }

    fn html(&self, bytes: Cow<'_, [u8]>, out: &mut Collector<'_>) -> Vec<Found> {
        let source = match self.charset {
            Some(_) => self.utf8(bytes),
            None => {
                let label = charset_in_markup(&bytes);
                charset::decode(bytes, label.as_deref())
            }
        };
        self.page(&source, out)
    }

    fn page(&self, source: &str, out: &mut Collector<'_>) -> Vec<Found> {
        out.examine(source.len());
        let page = html::render(source, out.visible_left() + 4, out.hidden_left() + 4);
        let place = self.at(Origin::Html, false);
        out.pictures += page.pictures;
        if page.is_cut {
            out.find(findings::LIMIT_TEXT, place);
        }
        for (id, is_so) in [
            (findings::DEEP, page.is_deep),
            (findings::LIMIT_MEDIA, page.has_more_data),
            (
                findings::HIDDEN_TEXT,
                page.hidden_letters >= 60
                    && page.hidden_letters * 5 >= page.hidden_letters + page.visible_letters,
            ),
            (
                findings::SPLIT_WORDS,
                page.broken_words >= 5
                    || (page.tagged_words >= 20 && page.tagged_words * 6 >= page.words),
            ),
            (findings::LETTER_CELLS, page.letter_cells >= 12),
            (findings::BIDI, page.turned_letters >= 4),
        ] {
            if is_so {
                out.find(id, place);
            }
        }
        let is_shown_elsewhere = page.is_doubtful && page.hidden_letters >= 40;
        out.add(place, page.visible);
        out.add(self.at(Origin::Html, true), page.hidden);
        if is_shown_elsewhere {
            out.examine(source.len());
            let text = html::render_simply(source, out.visible_left() + 4);
            out.add(second(place), text);
        }
        out.add(self.at(Origin::Attribute, false), page.attributes);
        let mut found = Vec::new();
        for data in &page.data {
            found.extend(self.file(data, "", out));
        }
        found
    }

    fn text(&self, bytes: Cow<'_, [u8]>, out: &mut Collector<'_>) -> Vec<Found> {
        let mut text = newlines(self.utf8(bytes));
        let mut found = Vec::new();
        if let Some((left, files)) = uuencode::take_out(&text) {
            out.find(findings::UUENCODE, self.at(Origin::Plain, false));
            text = left;
            for file in &files {
                out.add(self.at(Origin::FileName, false), file.name.clone());
                found.extend(self.file(&file.bytes, &file.name.to_lowercase(), out));
            }
        }
        let is_markup = sniff::looks_like_html(text.as_bytes()) && text.contains("</");
        let source = is_markup.then(|| text.clone());
        out.add(self.at(Origin::Plain, false), text);
        if let Some(source) = source {
            // Declared as plain text: some programs show the markup, some the page.
            let page = Content {
                place: second(self.place),
                ..*self
            };
            found.extend(page.page(&source, out));
        }
        found
    }

    fn rtf(&self, bytes: &[u8], out: &mut Collector<'_>) {
        let text = rtf::read(bytes, out.visible_left().max(1024));
        out.add(self.at(Origin::Attachment, false), text.visible);
        out.add(self.at(Origin::Attachment, true), text.hidden);
    }

    fn zip(&self, bytes: &[u8], out: &mut Collector<'_>) -> Vec<Found> {
        let unpacked = office::unpack(bytes, out.source_left());
        let place = self.file_place();
        out.files += 1;
        if unpacked.is_archive {
            out.find(findings::ARCHIVE, place);
        }
        if unpacked.is_encrypted {
            out.find(findings::ENCRYPTED, place);
        }
        if unpacked.is_cut {
            out.find(findings::LIMIT_TEXT, place);
        }
        out.spend_source(unpacked.inflated);
        out.add(place, unpacked.text);
        out.add(self.at(Origin::Attachment, true), unpacked.hidden);
        for picture in &unpacked.pictures {
            self.file(picture, "", out);
        }
        Vec::new()
    }

    fn tnef(&self, bytes: &[u8], out: &mut Collector<'_>) -> Vec<Found> {
        let unwrapped = tnef::unwrap(bytes, out.source_left());
        let mut found = Vec::new();
        out.add(self.at(Origin::Subject, false), unwrapped.subject);
        out.add(self.at(Origin::Plain, false), unwrapped.body);
        if !unwrapped.rtf.is_empty() {
            self.rtf(&unwrapped.rtf, out);
        }
        if !unwrapped.html.is_empty() {
            found.extend(self.html(unwrapped.html.into(), out));
        }
        for (name, bytes) in &unwrapped.files {
            out.add(self.at(Origin::FileName, false), name.clone());
            found.extend(self.file(bytes, &name.to_lowercase(), out));
        }
        found
    }

    /// Encrypted mail; a mail that is only signed has its text inside in the clear.
    fn sealed(&self, bytes: &[u8], out: &mut Collector<'_>) -> Vec<Found> {
        out.files += 1;
        match memchr::memmem::find(bytes, b"Content-Type:") {
            Some(at) if !bytes.starts_with(b"-----") => vec![bytes[at..].to_vec()],
            _ => {
                out.find(findings::ENCRYPTED_MAIL, self.file_place());
                Vec::new()
            }
        }
    }

    /// Reads a file within this one.
    fn file(&self, bytes: &[u8], name: &str, out: &mut Collector<'_>) -> Vec<Found> {
        if self.within >= MOST_WITHIN || bytes.is_empty() {
            return Vec::new();
        }
        Content {
            body: bytes,
            encoding: Encoding::Identity,
            declared: "application/x-within",
            charset: None,
            name,
            is_attachment: true,
            place: self.place,
            within: self.within + 1,
        }
        .read(out)
    }
}

/// The place of a further reading.
pub(crate) fn second(place: Place) -> Place {
    Place {
        reading: place.reading.saturating_add(1),
        ..place
    }
}

/// The charset that a page declares in its first KiB.
fn charset_in_markup(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(1024)];
    let at = memchr::memmem::find(head, b"charset=")? + 8;
    let label: String = head[at..]
        .iter()
        .map(|byte| char::from(*byte))
        .skip_while(|c| matches!(c, '"' | '\'' | ' '))
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(40)
        .collect();
    (!label.is_empty()).then_some(label)
}
