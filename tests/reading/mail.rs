//! Mails around a text or a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Base64 without line breaks.
pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Base64 in lines, as bodies have it.
pub(crate) fn b64_lines(bytes: impl AsRef<[u8]>) -> String {
    let encoded = b64(bytes);
    let lines = encoded.as_bytes().chunks(76);
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
        .collect()
}

/// Every byte as `=XX`, in lines.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let lines = bytes.chunks(24).map(|line| {
        line.iter()
            .map(|byte| format!("={byte:02X}"))
            .collect::<String>()
    });
    lines.collect::<Vec<_>>().join("=\n") + "\n"
}

/// The fields that every mail has.
pub(crate) const TOP: &str =
    "From: Ann <ann@example.org>\nTo: bob@example.net\nSubject: hello\nMIME-Version: 1.0\n";

/// A mail of one part.
pub(crate) fn single(kind: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{TOP}Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n");
    [head.as_bytes(), body].concat()
}

/// An HTML mail.
pub(crate) fn html(page: &str) -> Vec<u8> {
    single("text/html; charset=utf-8", "8bit", page.as_bytes())
}

/// A plain text mail.
pub(crate) fn plain(text: &str) -> Vec<u8> {
    single("text/plain; charset=utf-8", "8bit", text.as_bytes())
}

/// A part with its own fields; the body is written in this transfer encoding.
pub(crate) fn part(fields: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let body = match encoding {
        "base64" => b64_lines(body).into_bytes(),
        "quoted-printable" => quoted(body).into_bytes(),
        _ => body.to_vec(),
    };
    let head = format!("{fields}\nContent-Transfer-Encoding: {encoding}\n\n");
    [head.as_bytes(), &body, b"\n"].concat()
}

/// A multipart of these parts.
pub(crate) fn multipart(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let boundary = format!("=_{}_{}", kind.replace('/', "_"), parts.len());
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\n").as_bytes());
        body.extend_from_slice(part);
    }
    body.extend_from_slice(format!("--{boundary}--\n").as_bytes());
    let head = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\n\n");
    [head.as_bytes(), &body].concat()
}

/// A whole mail from a part or multipart with its fields.
pub(crate) fn mail(part: &[u8]) -> Vec<u8> {
    [TOP.as_bytes(), part].concat()
}

/// A short first part, so that the other is an attachment.
pub(crate) fn note() -> Vec<u8> {
    part("Content-Type: text/plain", "7bit", b"Please see the file.")
}

/// Twelve ways to attach a file: its right type and others, by each transfer encoding that takes
/// it, attached, inline or said nothing, named by the type, the disposition or both.
pub(crate) fn attached(kind: &str, extension: &str, file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let name = format!("letter.{extension}");
    let fields = [
        format!(
            "Content-Type: {kind}; name={name}\nContent-Disposition: attachment; filename={name}"
        ),
        format!("Content-Type: {kind}\nContent-Disposition: attachment; filename=\"{name}\""),
        format!(
            "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename={name}"
        ),
        format!("Content-Type: application/octet-stream; name=\"{name}\""),
        format!("Content-Type: {kind}; name={name}\nContent-Disposition: inline; filename={name}"),
        format!("Content-Disposition: attachment; filename*=utf-8''{name}\nContent-Type: {kind}"),
    ];
    let mut mails = Vec::new();
    for (number, fields) in fields.iter().enumerate() {
        for encoding in ["base64", "quoted-printable"] {
            let attachment = part(fields, encoding, file);
            let whole = match number % 3 {
                0 => multipart("mixed", &[note(), attachment]),
                1 => multipart("related", &[note(), attachment]),
                _ => multipart("mixed", &[multipart("alternative", &[note()]), attachment]),
            };
            mails.push((format!("{extension} {number} {encoding}"), mail(&whole)));
        }
    }
    mails
}
