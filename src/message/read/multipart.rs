//! Multiparts: other boundaries than the one that was used, and text outside of the parts.

use crate::message::mime::{Kind, Part};
use crate::message::read::boundary::{
    after_line, guess_boundary, has_line, strip_delimiter, with_boundary,
};
use crate::message::read::fields::MimeFields;
use crate::message::read::{Context, Reader};
use crate::message::{Place, findings};

impl Reader<'_> {
    pub(super) fn multipart(
        &mut self,
        part: &Part<'_>,
        fields: &MimeFields,
        place: Place,
        context: Context,
    ) {
        let Kind::Multipart {
            boundary,
            preamble,
            epilogue,
            has_children,
            is_open,
        } = part.kind
        else {
            return;
        };
        if fields.kind.main == "multipart/encrypted" {
            self.out.find(findings::ENCRYPTED_MAIL, place);
        }
        if is_open {
            self.out.find(findings::NO_END, place);
        }
        let mut others: Vec<&str> = Vec::new();
        for other in fields.kind.all("boundary") {
            if other.trim_end() != boundary.trim_end() && !others.contains(&other) {
                others.push(other);
            }
        }
        if !others.is_empty() {
            self.out.find(findings::BOUNDARY_TWICE, place);
        }
        for other in others.into_iter().take(2) {
            self.again(with_boundary(other, part.body), place, context);
        }
        let delimiter = [b"--", boundary.as_bytes()].concat();
        if !has_children {
            self.without_parts(part.body, boundary, place, context);
            return;
        }
        self.outside(strip_delimiter(preamble, &delimiter), place, context);
        if is_open {
            return;
        }
        // Behind the last part stands its end, then what no mail program should show.
        let after = after_line(epilogue.trim_ascii_start());
        if has_line(after, &delimiter) {
            self.out.find(findings::BOUNDARY_AFTER_END, place);
            self.again(with_boundary(boundary, after), place, context);
        } else {
            self.outside(after, place, context);
        }
    }

    /// A multipart in which its boundary does not occur.
    pub(super) fn without_parts(
        &mut self,
        body: &[u8],
        boundary: &str,
        place: Place,
        context: Context,
    ) {
        if let Some(guess) = guess_boundary(body, boundary.as_bytes()) {
            self.out.find(findings::BOUNDARY_WRONG, place);
            self.again(with_boundary(&guess, body), place, context);
        } else {
            self.outside(body, place, context);
        }
    }

    /// Text in front of or behind the parts.
    pub(super) fn outside(&mut self, text: &[u8], place: Place, context: Context) {
        let letters = text
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic())
            .count();
        let high = text.iter().filter(|byte| **byte >= 0x80).count();
        // Old mail programs are told here that this is MIME.
        let head = text[..text.len().min(200)].to_ascii_lowercase();
        let is_notice = letters < 200
            && (memchr::memmem::find(&head, b"mime").is_some()
                || memchr::memmem::find(&head, b"multi").is_some());
        if letters + high < 30 || is_notice {
            return;
        }
        // Mailing lists put their footers here.
        if letters + high >= 250 {
            self.out.find(findings::OUTSIDE_TEXT, place);
        }
        let mut raw = b"\n".to_vec();
        raw.extend_from_slice(text);
        self.again(raw, place, context);
    }
}
