//! Boundaries that a body has in truth.

use crate::message::headers;

/// A message with this boundary around a body.
pub(super) fn with_boundary(boundary: &str, body: &[u8]) -> Vec<u8> {
    let boundary: String = boundary
        .chars()
        .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
        .collect();
    let mut raw =
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n").into_bytes();
    raw.extend_from_slice(body);
    raw
}

/// A boundary that a body has in truth: a line with two dashes before a field.
pub(super) fn guess_boundary(body: &[u8], declared: &[u8]) -> Option<String> {
    let sample = &body[..body.len().min(64 * 1024)];
    let mut lines = sample
        .split(|byte| *byte == b'\n')
        .map(headers::trim_line)
        .peekable();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix(b"--") else {
            continue;
        };
        let is_parts = lines.peek().is_some_and(|next| headers::is_field(next));
        if is_parts && name.trim_ascii_end() != declared && (1..=200).contains(&name.len()) {
            return String::from_utf8(name.trim_ascii_end().to_vec()).ok();
        }
    }
    None
}

/// A preamble without the delimiter line at its end.
pub(super) fn strip_delimiter<'a>(preamble: &'a [u8], delimiter: &[u8]) -> &'a [u8] {
    match memchr::memmem::rfind(preamble, delimiter) {
        Some(at) => &preamble[..at],
        None => preamble,
    }
}

/// Does a line begin with this delimiter and end behind it?
pub(super) fn has_line(text: &[u8], delimiter: &[u8]) -> bool {
    memchr::memmem::find_iter(text, delimiter).any(|at| {
        (at == 0 || text[at - 1] == b'\n')
            && text[at + delimiter.len()..]
                .first()
                .is_none_or(u8::is_ascii_whitespace)
    })
}

/// What stands behind the first line.
pub(super) fn after_line(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).map_or(&[], |at| &text[at + 1..])
}
