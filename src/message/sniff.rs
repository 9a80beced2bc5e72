//! What a file is: by its first bytes, then by its declared type, then by its name.

use crate::message::{MediaKind, headers, tnef};

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Html,
    Text,
    Calendar,
    /// A message, as text.
    Message,
    Rtf,
    /// A zip file: an office document or an archive.
    Zip,
    /// The old container of office documents: a new document within it is encrypted.
    Ole,
    Tnef,
    /// XML that shows text, such as a drawing.
    Xml,
    Media(MediaKind),
    Archive,
    /// Encrypted by S/MIME or PGP.
    Sealed,
    /// Nothing with a text in it.
    Binary,
}

/// Bytes that are enough to say what a file is.
pub(crate) const HEAD: usize = 2048;

/// Says what a file is by its first [`HEAD`] bytes, its Content-Type and its name, both in lower case.
pub(crate) fn sniff(head: &[u8], declared: &str, name: &str) -> FileKind {
    if let Some(kind) = by_magic(head, declared) {
        return kind;
    }
    let extension = name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension.trim());
    if declared.contains("pkcs7-mime") || extension == "p7m" {
        return FileKind::Sealed;
    }
    // Armoured signatures and keys are text that nobody reads.
    if declared.contains("signature") || declared == "application/pgp-keys" || extension == "asc" {
        return FileKind::Binary;
    }
    if matches!(
        extension,
        "iso" | "img" | "vhd" | "vhdx" | "zipx" | "arj" | "lzh" | "ace"
    ) {
        return FileKind::Archive;
    }
    match (declared, extension) {
        ("text/html" | "application/xhtml+xml", _) => return FileKind::Html,
        ("text/calendar" | "text/vcard" | "text/x-vcard" | "text/directory", _)
        | (_, "ics" | "vcf" | "vcs" | "ical") => return FileKind::Calendar,
        (_, "htm" | "html" | "shtml" | "xhtml" | "mht" | "mhtml") if declared != "text/plain" => {
            return if looks_like_message(head) {
                FileKind::Message
            } else {
                FileKind::Html
            };
        }
        ("image/svg+xml", _) | (_, "svg" | "xml") if is_text(head) => return FileKind::Xml,
        ("text/enriched" | "text/richtext", _) => return FileKind::Html,
        (_, "eml") | ("message/rfc822" | "message/global", _) if looks_like_message(head) => {
            return FileKind::Message;
        }
        ("", _) => {
            return if looks_like_html(head) {
                FileKind::Html
            } else {
                FileKind::Text
            };
        }
        _ if declared.starts_with("text/") || declared == "text" => return FileKind::Text,
        _ => {}
    }
    if !is_text(head) {
        return FileKind::Binary;
    }
    if looks_like_html(head) {
        FileKind::Html
    } else if looks_like_message(head) {
        FileKind::Message
    } else {
        FileKind::Text
    }
}

fn by_magic(head: &[u8], declared: &str) -> Option<FileKind> {
    let picture = Some(FileKind::Media(MediaKind::Picture));
    let start = head.trim_ascii_start();
    // A tar file begins with the name of its first file.
    if head.get(257..262) == Some(b"ustar") {
        return Some(FileKind::Archive);
    }
    match head {
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => return picture,
        [b'G', b'I', b'F', b'8', ..] => return picture,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => return picture,
        // Two letters prove little: the reserved bytes behind the size must be 0 too.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => return picture,
        [b'P', b'K', 3 | 5 | 7, 4 | 6 | 8, ..] => return Some(FileKind::Zip),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => return Some(FileKind::Ole),
        [b'R', b'a', b'r', b'!', ..]
        | [b'7', b'z', 0xbc, 0xaf, ..]
        | [0x1f, 0x8b, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', ..]
        | [0xfd, b'7', b'z', b'X', b'Z', ..]
        | [b'M', b'S', b'C', b'F', ..]
        | [b'x', b'a', b'r', b'!', ..]
        | [b'L', b'Z', b'I', b'P', ..]
        | [0x28, 0xb5, 0x2f, 0xfd, ..]
        | [_, _, _, _, _, _, _, b'*', b'*', b'A', b'C', b'E', ..] => {
            return Some(FileKind::Archive);
        }
        _ => {}
    }
    if tnef::is_tnef(head) {
        return Some(FileKind::Tnef);
    }
    if start.starts_with(b"{\\rtf") {
        return Some(FileKind::Rtf);
    }
    if start.starts_with(b"-----BEGIN PGP MESSAGE") {
        return Some(FileKind::Sealed);
    }
    // A PDF may have other bytes in front; a text that names the mark is no PDF.
    let reach = if declared.starts_with("text/") || declared.is_empty() {
        8
    } else {
        1024
    };
    let pdf = memchr::memmem::find(&head[..head.len().min(reach)], b"%PDF-");
    pdf.map(|_| FileKind::Media(MediaKind::Pdf))
}

/// Is it text: few control characters, or UTF-16?
pub(crate) fn is_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let sample = &head[..head.len().min(1024)];
    let count = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (count(0), count(1));
    if even.max(odd) * 5 > sample.len() * 2 && even.min(odd) * 20 < sample.len() {
        return true;
    }
    let control = sample
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
        .count();
    !sample.is_empty() && control * 50 <= sample.len() && memchr::memchr(0, sample).is_none()
}

/// Does a text begin as HTML pages do?
pub(crate) fn looks_like_html(head: &[u8]) -> bool {
    let sample = &head[..head.len().min(512)];
    let start: Vec<u8> = sample
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(sample)
        .trim_ascii_start()
        .to_ascii_lowercase();
    [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<meta ",
        "<div",
        "<table",
        "<style",
        "<p>",
        "<p ",
        "<br",
        "<center",
        "<span",
        "<font",
        "<!--",
    ]
    .iter()
    .any(|tag| start.starts_with(tag.as_bytes()))
}

/// Does a file begin as messages do: with fields, one of them known?
pub(crate) fn looks_like_message(head: &[u8]) -> bool {
    const KNOWN: [&str; 9] = [
        "from",
        "to",
        "subject",
        "date",
        "received",
        "return-path",
        "mime-version",
        "content-type",
        "message-id",
    ];
    let block = headers::split(&head[..head.len().min(HEAD)], HEAD);
    let known = block
        .fields
        .iter()
        .filter(|field| KNOWN.iter().any(|name| field.is(name)))
        .count();
    known >= 2 && block.stray_line.is_none_or(|at| at > 200)
        || known == 1 && block.has_blank_line && block.stray_line.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known() {
        for (head, declared, name, expected) in [
            (
                &b"%PDF-1.4"[..],
                "application/octet-stream",
                "",
                FileKind::Media(MediaKind::Pdf),
            ),
            (
                b"junk\n%PDF-1.4",
                "application/pdf",
                "",
                FileKind::Media(MediaKind::Pdf),
            ),
            (b"see the %PDF-1.4 mark", "text/plain", "", FileKind::Text),
            (
                b"\x89PNG\r\n",
                "text/plain",
                "x.txt",
                FileKind::Media(MediaKind::Picture),
            ),
            (
                b"PK\x03\x04",
                "application/octet-stream",
                "a.docx",
                FileKind::Zip,
            ),
            (b"Rar!\x1a\x07", "", "", FileKind::Archive),
            (b"{\\rtf1 x}", "application/msword", "a.doc", FileKind::Rtf),
            (b"x", "text/html", "", FileKind::Html),
            (
                b"words of a letter",
                "application/octet-stream",
                "a.bin",
                FileKind::Text,
            ),
            (
                b"<html><body>",
                "application/octet-stream",
                "a",
                FileKind::Html,
            ),
            (b"<p>", "application/octet-stream", "a.htm", FileKind::Html),
            (
                b"\x00\x01\x02\x03binary",
                "application/octet-stream",
                "a.bin",
                FileKind::Binary,
            ),
            (
                b"From: a@example.org\nSubject: x\n\nhi",
                "application/octet-stream",
                "a.eml",
                FileKind::Message,
            ),
            (
                b"BEGIN:VCALENDAR",
                "application/octet-stream",
                "a.ics",
                FileKind::Calendar,
            ),
            (
                b"-----BEGIN PGP MESSAGE-----",
                "text/plain",
                "",
                FileKind::Sealed,
            ),
            (
                b"0\x82",
                "application/pkcs7-mime",
                "smime.p7m",
                FileKind::Sealed,
            ),
            (
                b"b\0i\0t\0c\0o\0i\0n\0",
                "application/octet-stream",
                "a.txt",
                FileKind::Text,
            ),
            (b"no type at all", "", "", FileKind::Text),
        ] {
            assert_eq!(sniff(head, declared, name), expected, "{declared} {name}");
        }
    }
}
