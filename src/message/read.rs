//! From the bytes of a message to every text that a reader could see, in every reading.

mod boundary;
mod fields;
mod limits;
mod line_ends;
mod multipart;

pub use limits::ReadLimits;

use crate::message::collect::Collector;
use crate::message::content::{Content, second};
use crate::message::headers::{self, Block};
use crate::message::mime::{self, Kind, Part};
use crate::message::params::file_names;
use crate::message::read::fields::{MimeFields, STRUCTURAL, structural};
use crate::message::read::line_ends::LineEnds;
use crate::message::transfer::{self, Encoding};
use crate::message::{Header, Origin, Place, Reading, findings, sniff};

/// Reads a message: every text, its header, its media, and what is odd about its structure.
///
/// Never fails: damaged mail is read as far as it goes. Line ends may be LF, CRLF or bare CR;
/// the texts have LF. Where mail programs differ about the structure, each way is read; what
/// only some of them show is a piece with `place.reading` over 0. The same bytes always give
/// the same reading.
pub fn read(raw: &[u8], limits: &ReadLimits) -> Reading {
    let raw = without_envelope_line(raw);
    let mut reader = Reader {
        out: Collector::new(limits, raw.len()),
        again: Vec::new(),
        again_left: (raw.len() * TIMES_AGAIN).max(LEAST_AGAIN_BYTES),
        part: 0,
        messages: 0,
    };
    let block = headers::split(raw, limits.header_bytes);
    if raw.len() > limits.header_bytes && block.body > limits.header_bytes {
        reader
            .out
            .find(findings::LIMIT_HEADER, Place::of(Origin::Subject));
    }
    let fields = block.fields.iter();
    reader.out.reading.header = Header::new(
        fields
            .map(|field| (field.name.to_owned(), field.text()))
            .collect(),
    );
    let top = Context {
        part: None,
        nested: 0,
        reading: 0,
        level: 0,
    };
    reader.newlines(raw, &block, top);
    reader.message(raw, top);
    // Further readings of a part may be ambiguous themselves, but not without end.
    while let Some(again) = reader.again.pop() {
        if reader.out.may_read(again.raw.len()) {
            reader.message(&again.raw, again.context);
        } else {
            let place = Place::of(Origin::Plain);
            reader.out.find(findings::LIMIT_READINGS, place);
        }
    }
    reader.out.finish()
}

/// Takes off what is no part of the message: the `From ` line of an mbox, empty lines in
/// front of the header.
fn without_envelope_line(raw: &[u8]) -> &[u8] {
    let blank = raw
        .iter()
        .take(64)
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let trimmed = &raw[blank..];
    let line = &trimmed[..memchr::memchr(b'\n', trimmed).unwrap_or(trimmed.len())];
    if line.starts_with(b"From ") || line.starts_with(b">From ") {
        return trimmed.get(line.len() + 1..).unwrap_or_default();
    }
    if headers::is_field(line) {
        trimmed
    } else {
        raw
    }
}

/// Where a message that is read lies.
#[derive(Clone, Copy, Debug)]
struct Context {
    /// The number that all its parts get; `None` counts on.
    part: Option<u16>,
    nested: u8,
    reading: u8,
    /// How many messages in files, and readings of readings, lie around it.
    level: u8,
}

/// A part or message to read in another way.
struct Again {
    raw: Vec<u8>,
    context: Context,
}

/// Bounds of reading again: so many ways, and so many times the bytes of the message, are
/// enough for one ambiguity in each of a few parts.
const MOST_READINGS: usize = 12;
const MOST_LEVELS: u8 = 4;
const TIMES_AGAIN: usize = 4;
/// A message longer than this many bytes is taken apart to a lesser depth.
const LONG_MESSAGE: usize = 1024 * 1024;
const DEPTH_OF_LONG: usize = 64;
/// What may be read again of however short a message.
const LEAST_AGAIN_BYTES: usize = 64 * 1024;

struct Reader<'l> {
    out: Collector<'l>,
    again: Vec<Again>,
    /// Bytes that may still be read again.
    again_left: usize,
    part: u16,
    /// Readings and messages in files so far.
    messages: usize,
}

impl Reader<'_> {
    fn message(&mut self, raw: &[u8], context: Context) {
        let limits = self.out.limits;
        // The boundaries of all open multiparts are tried on every line with two dashes: in a
        // long message so many of them would be slow.
        let depth = if raw.len() > LONG_MESSAGE {
            limits.depth.min(DEPTH_OF_LONG)
        } else {
            limits.depth
        };
        self.out.examine(raw.len());
        let besides = mime::walk(raw, depth, limits.parts, |part| {
            let number = context.part.unwrap_or_else(|| {
                self.part = self.part.saturating_add(1);
                self.part
            });
            self.part(&part, number, context);
        });
        self.out.examine(besides);
    }

    fn part(&mut self, part: &Part<'_>, number: u16, context: Context) {
        let place = Place {
            part: number,
            nested: context.nested.saturating_add(part.nested),
            reading: context.reading,
            ..Place::of(Origin::Plain)
        };
        if part.depth > 16 {
            self.out.find(findings::DEEP, place);
        }
        if part.is_too_deep {
            self.out.find(findings::LIMIT_DEPTH, place);
        }
        if part.is_too_many {
            self.out.find(findings::LIMIT_PARTS, place);
        }
        let block = headers::split(part.header, self.out.limits.header_bytes);
        let fields = MimeFields::of(&block);
        if part.is_message {
            self.shown_fields(&block, place);
        }
        let names = file_names(&fields.disposition, &fields.kind);
        for name in &names {
            let place = Place {
                origin: Origin::FileName,
                ..place
            };
            self.out.add(place, name.clone());
        }
        self.ambiguous_header(part, &block, &fields, place, context);
        match part.kind {
            Kind::Multipart { .. } => self.multipart(part, &fields, place, context),
            Kind::Message => {}
            Kind::Leaf => self.leaf(part, &fields, &names, place, context),
        }
    }

    /// Subject and display names, as the list of mails shows them.
    fn shown_fields(&mut self, block: &Block<'_>, place: Place) {
        let place = Place { part: 0, ..place };
        for field in &block.fields {
            let (origin, text) = if field.is("subject") {
                (Origin::Subject, field.text())
            } else if ["from", "sender", "reply-to"]
                .iter()
                .any(|name| field.is(name))
            {
                (Origin::DisplayName, headers::display_names(&field.text()))
            } else {
                continue;
            };
            self.out.add(Place { origin, ..place }, text);
        }
    }

    /// Fields that are there twice, and lines between fields that are none.
    fn ambiguous_header(
        &mut self,
        part: &Part<'_>,
        block: &Block<'_>,
        fields: &MimeFields,
        place: Place,
        context: Context,
    ) {
        if fields.is_twice {
            self.out.find(findings::HEADER_TWICE, place);
            // mail-parser takes the last of each; many mail programs take the first.
            let mut raw = Vec::with_capacity(part.header.len() + part.body.len());
            let mut seen = [false; STRUCTURAL.len()];
            for field in &block.fields {
                let number = structural(field);
                if number.is_none_or(|number| !std::mem::replace(&mut seen[number], true)) {
                    raw.extend_from_slice(&part.header[field.range.0..field.range.1]);
                }
            }
            end_line(&mut raw);
            raw.push(b'\n');
            raw.extend_from_slice(part.body);
            self.again(raw, place, context);
        }
        if let Some(at) = block.stray_line
            && (at > 0 || !part.is_message)
        {
            self.out.find(findings::NO_BLANK_LINE, place);
            let mut raw = part.header[..at].to_vec();
            end_line(&mut raw);
            raw.push(b'\n');
            raw.extend_from_slice(&part.header[at..]);
            raw.extend_from_slice(part.body);
            self.again(raw, place, context);
        }
    }

    fn leaf(
        &mut self,
        part: &Part<'_>,
        fields: &MimeFields,
        names: &[String],
        place: Place,
        context: Context,
    ) {
        let name = names
            .first()
            .map(|name| name.to_lowercase())
            .unwrap_or_default();
        // One that is too deep has its parts, only nobody looks.
        if fields.kind.main.starts_with("multipart/") && !part.is_too_deep && !part.is_too_many {
            let boundary = fields.kind.first("boundary").unwrap_or_default();
            self.without_parts(part.body, boundary, place, context);
        }
        let is_body_type = matches!(fields.kind.main.as_str(), "" | "text/plain" | "text/html");
        let content = Content {
            body: part.body,
            encoding: fields.encoding,
            declared: &fields.kind.main,
            charset: fields.kind.first("charset"),
            name: &name,
            is_attachment: fields.disposition.main.starts_with("attach")
                || (!name.is_empty() && !is_body_type),
            place,
            within: context.level,
        };
        let mut found = content.read(&mut self.out);
        let is_text = fields.kind.main.is_empty() || fields.kind.main.starts_with("text");
        if let Some(other) = self.lying_encoding(&content, is_text) {
            let content = Content {
                encoding: other,
                place: second(place),
                ..content
            };
            found.extend(content.read(&mut self.out));
        }
        for message in found {
            self.attached(message, place, context);
        }
    }

    /// Another encoding that the body may have in truth.
    fn lying_encoding(&mut self, content: &Content<'_>, is_text: bool) -> Option<Encoding> {
        match content.encoding {
            Encoding::Identity if is_text => {
                let head = &content.body[..content.body.len().min(2048)];
                let other = if transfer::looks_like_quoted_printable(content.body) {
                    Encoding::QuotedPrintable
                } else if transfer::looks_like_base64(content.body)
                    && sniff::is_text(&transfer::base64(head, head.len()).bytes)
                {
                    Encoding::Base64
                } else {
                    return None;
                };
                self.out.find(findings::ENCODING_LIE, content.place);
                Some(other)
            }
            Encoding::Base64 => {
                let sample = &content.body[..content.body.len().min(64 * 1024)];
                let junk = transfer::base64(sample, usize::MAX).junk;
                if junk > 0 {
                    self.out.find(findings::BASE64_JUNK, content.place);
                }
                let is_plain = is_text && transfer::looks_like_text(content.body);
                if is_plain {
                    self.out.find(findings::ENCODING_LIE, content.place);
                }
                is_plain.then_some(Encoding::Identity)
            }
            _ => None,
        }
    }

    /// Reads a message found in a file, now, so that its texts keep their order.
    fn attached(&mut self, raw: Vec<u8>, place: Place, context: Context) {
        let is_over = context.level >= MOST_LEVELS
            || self.messages >= MOST_READINGS * 4
            || !self.out.may_read(raw.len());
        if is_over {
            self.out.find(findings::LIMIT_DEPTH, place);
            return;
        }
        self.messages += 1;
        let context = Context {
            part: Some(place.part),
            nested: place.nested.saturating_add(1),
            reading: place.reading,
            level: context.level + 1,
        };
        self.message(without_envelope_line(&raw), context);
    }

    /// Reads a part in another way, when all else is read.
    fn again(&mut self, raw: Vec<u8>, place: Place, context: Context) {
        let is_over = context.level >= MOST_LEVELS
            || self.messages >= MOST_READINGS
            || raw.len() > self.again_left;
        if is_over {
            self.out.find(findings::LIMIT_READINGS, place);
            return;
        }
        self.messages += 1;
        self.again_left -= raw.len();
        let context = Context {
            part: Some(place.part),
            nested: place.nested,
            reading: place.reading.saturating_add(1),
            level: context.level + 1,
        };
        self.again.push(Again { raw, context });
    }

    /// Line ends that some programs take as such and others do not.
    fn newlines(&mut self, raw: &[u8], block: &Block<'_>, context: Context) {
        let place = Place::of(Origin::Plain);
        let is_bare = |at: usize| raw.get(at + 1) != Some(&b'\n');
        let (header, body) = raw.split_at(block.body);
        let (header, body) = (LineEnds::of(header), LineEnds::of(body));
        if header.bare_returns + body.bare_returns > 0 {
            self.out.find(findings::BARE_NEWLINE, place);
            let mut other = Vec::with_capacity(raw.len());
            for (at, byte) in raw.iter().enumerate() {
                match byte {
                    b'\r' if is_bare(at) => other.push(b'\n'),
                    b'\r' => {}
                    byte => other.push(*byte),
                }
            }
            self.again(other, place, context);
            return;
        }
        if body.pairs > 0 && body.pairs < body.feeds {
            self.out.find(findings::BARE_NEWLINE, place);
        }
    }
}

fn end_line(raw: &mut Vec<u8>) {
    if raw.last().is_some_and(|byte| *byte != b'\n') {
        raw.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
