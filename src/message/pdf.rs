//! The text and the pictures of a PDF document.
//!
//! The library reads the objects; inflating is budgeted, and the content of pages is walked by
//! our own code, since the library's text extraction takes gigabytes for three million operators.

mod cmap;
mod content;
mod drawing;
mod font;
mod lexer;
mod page;
mod picture;
#[cfg(test)]
mod tests;

use crate::message::Origin;
use crate::message::media::Finds;
use content::{Budget, Matrix, Walker};
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};
use page::Run;
use std::collections::HashSet;

/// The most that one stream of objects may inflate to, in bytes.
const OBJECT_STREAM_BYTES: usize = 16 * 1024 * 1024;

/// The most passwords to try.
const PASSWORDS: usize = 16;

/// The most annotations of one page to look at.
const ANNOTATIONS: usize = 256;

/// The most bytes of one text of the document's properties or annotations.
const PROPERTY_BYTES: usize = 4096;

/// Reads a document as far as it goes.
pub(super) fn read(bytes: &[u8], passwords: &[String], finds: &mut Finds) {
    let document = match open(bytes, passwords) {
        Ok(document) => document,
        Err(Closed::Encrypted) => {
            finds.fact("structure.pdf-encrypted");
            return;
        }
        Err(Closed::Broken) => {
            finds.fact("structure.pdf-broken");
            return;
        }
    };
    let limits = finds.limits;
    let mut budget = Budget {
        stream_bytes: limits.stream_bytes,
        tokens: limits.tokens,
        text_bytes: limits.text_bytes,
        pictures: limits.pictures,
        is_hit: false,
    };
    finds.text(Origin::Pdf, false, 0, properties(&document));
    let mut texts = Texts::default();
    let mut pictures = Vec::new();
    let mut drawings = Vec::new();
    let mut count = 0;
    for page_id in document.page_iter() {
        if count == limits.pages {
            budget.is_hit = true;
            break;
        }
        count += 1;
        let mut walker = Walker::new(&document, &mut budget);
        walk_page(&mut walker, &document, page_id);
        texts.add(&walker.runs, walker.has_background);
        pictures.append(&mut walker.pictures);
        drawings.extend(walker.drawing.picture());
        let notes = annotations(&document, page_id);
        texts.seen.push_str(&notes);
    }
    if count == 0 {
        finds.fact("structure.pdf-broken");
    }
    texts.give(finds);
    if budget.is_hit {
        finds.fact("limit.pdf");
    }
    for drawing in drawings {
        finds.codes(&drawing);
    }
    for stream in pictures {
        if let Some(picture) = picture::decode(&document, &stream, limits.pixel_bytes) {
            finds.picture(&picture);
        }
    }
}

enum Closed {
    Encrypted,
    Broken,
}

fn open(bytes: &[u8], passwords: &[String]) -> Result<Document, Closed> {
    let mut is_encrypted = false;
    let empty = String::new();
    for password in std::iter::once(&empty).chain(passwords.iter().take(PASSWORDS)) {
        let options = LoadOptions {
            password: Some(password.clone()),
            max_decompressed_size: Some(OBJECT_STREAM_BYTES),
            ..LoadOptions::default()
        };
        match Document::load_mem_with_options(bytes, options) {
            Ok(document) if !document.trailer.has(b"Encrypt") => return Ok(document),
            Ok(_) | Err(lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_)) => {
                is_encrypted = true;
            }
            Err(_) => break,
        }
    }
    Err(if is_encrypted {
        Closed::Encrypted
    } else {
        Closed::Broken
    })
}

/// The texts of all pages, by who can see them.
#[derive(Default)]
struct Texts {
    seen: String,
    hidden: String,
    /// By the names of shapes, where the map for copying says something else.
    shapes: String,
    /// By place, where the order of drawing is another.
    placed: String,
    has_lie: bool,
    has_order: bool,
}

impl Texts {
    fn add(&mut self, runs: &[Run], has_background: bool) {
        let (hidden, seen): (Vec<&Run>, Vec<&Run>) = page::once(runs)
            .into_iter()
            .partition(|run| run.is_hidden(has_background));
        let add = |to: &mut String, text: String| {
            to.push_str(&text);
            to.push('\n');
        };
        add(
            &mut self.seen,
            page::join(seen.iter().copied(), |run| &run.text),
        );
        if !hidden.is_empty() {
            let text = page::join(hidden.into_iter(), |run| &run.text);
            add(&mut self.hidden, text);
        }
        add(
            &mut self.shapes,
            page::join(seen.iter().copied(), |run| &run.shape),
        );
        self.has_lie |= seen.iter().any(|run| run.has_lie);
        let order = page::by_place(&seen);
        self.has_order |= order.is_some();
        let order = order.unwrap_or_else(|| (0..seen.len()).collect());
        let placed = order.into_iter().map(|index| seen[index]);
        add(&mut self.placed, page::join(placed, |run| &run.text));
    }

    fn give(self, finds: &mut Finds) {
        let is_other = |text: &str| letters(text) != letters(&self.seen);
        let has_lie = self.has_lie && is_other(&self.shapes);
        let has_order = self.has_order && is_other(&self.placed);
        if has_lie {
            finds.fact("obfuscation.pdf-font");
        }
        finds.text(Origin::Pdf, false, 0, self.seen);
        finds.text(Origin::Pdf, true, 0, self.hidden);
        if has_lie {
            finds.text(Origin::Pdf, false, 1, self.shapes);
        }
        if has_order {
            finds.text(Origin::Pdf, false, 2, self.placed);
        }
    }
}

/// The letters and digits of a text in compatibility form: ligatures make no difference.
fn letters(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfkc().filter(|c| c.is_alphanumeric()).collect()
}

fn walk_page<'a>(walker: &mut Walker<'a>, document: &'a Document, page_id: ObjectId) {
    let Ok(page) = document.get_dictionary(page_id) else {
        return;
    };
    let mut resources = Vec::new();
    let mut node = page;
    let mut seen = HashSet::new();
    loop {
        let own = node.get_deref(b"Resources", document);
        resources.extend(own.and_then(Object::as_dict).ok());
        let parent = node.get(b"Parent").and_then(Object::as_reference);
        let Ok(parent) = parent else { break };
        if !seen.insert(parent) || seen.len() > 64 {
            break;
        }
        let Ok(above) = document.get_dictionary(parent) else {
            break;
        };
        node = above;
    }
    let mut content = Vec::new();
    for id in document.get_page_contents(page_id).into_iter().take(4096) {
        if let Ok(stream) = document.get_object(id).and_then(Object::as_stream) {
            content.extend(walker.decoded(stream));
            content.push(b'\n');
        }
    }
    walker.walk(&content, &resources, Matrix::IDENTITY, 0);
    // What form fields and notes look like is a form of their own (section 12.5.5).
    for annotation in notes(document, page_id) {
        let look = annotation
            .get_deref(b"AP", document)
            .and_then(Object::as_dict)
            .and_then(|looks| looks.get_deref(b"N", document))
            .and_then(Object::as_stream);
        if let Ok(stream) = look {
            walker.form(stream, &resources, Matrix::IDENTITY, 1);
        }
    }
}

fn notes(document: &Document, page_id: ObjectId) -> Vec<&Dictionary> {
    let list = document
        .get_dictionary(page_id)
        .and_then(|page| page.get_deref(b"Annots", document))
        .and_then(Object::as_array);
    list.into_iter()
        .flatten()
        .take(ANNOTATIONS)
        .filter_map(|object| document.dereference(object).ok()?.1.as_dict().ok())
        .collect()
}

/// What the notes, fields and links of a page say, a line each.
fn annotations(document: &Document, page_id: ObjectId) -> String {
    let mut out = String::new();
    for note in notes(document, page_id) {
        let target = note
            .get_deref(b"A", document)
            .and_then(Object::as_dict)
            .and_then(|action| action.get_deref(b"URI", document));
        let texts = [
            note.get_deref(b"Contents", document),
            note.get_deref(b"V", document),
            target,
        ];
        for text in texts.into_iter().flatten() {
            push_line(&mut out, text);
        }
    }
    out
}

/// Title, subject and the like, a line each.
fn properties(document: &Document) -> String {
    let mut out = String::new();
    let info = document
        .trailer
        .get_deref(b"Info", document)
        .and_then(Object::as_dict);
    if let Ok(info) = info {
        for key in [&b"Title"[..], b"Subject", b"Keywords", b"Author"] {
            if let Ok(text) = info.get_deref(key, document) {
                push_line(&mut out, text);
            }
        }
    }
    out
}

fn push_line(out: &mut String, object: &Object) {
    if let Ok(text) = lopdf::decode_text_string(object)
        && !text.trim().is_empty()
    {
        let end = text.floor_char_boundary(PROPERTY_BYTES.min(text.len()));
        out.push_str(&text[..end]);
        out.push('\n');
    }
}
