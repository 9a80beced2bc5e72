//! A fingerprint of a message that survives its way through MTAs.

use sha2::{Digest as _, Sha256};

/// The longest header that is looked at, in bytes.
const MAX_HEADER: usize = 1 << 20;

/// SHA-256 over the parts of a message that decide what a reader sees: the fields `Subject`,
/// `MIME-Version` and `Content-*`, and the body.
///
/// MTAs add fields, complete addresses, fold and unfold, break long lines and trim the end; so other
/// fields and all white space are left out. Changed by them and therefore not the same message to
/// us is one whose transfer encoding is converted on its way (8BITMIME not offered by some hop).
#[derive(Clone, Debug)]
pub struct MessageDigest {
    hash: Sha256,
    /// The header so far, until it has ended.
    header: Option<Vec<u8>>,
    is_too_long: bool,
}

impl Default for MessageDigest {
    fn default() -> Self {
        Self {
            hash: Sha256::new(),
            header: Some(Vec::new()),
            is_too_long: false,
        }
    }
}

impl MessageDigest {
    /// The fingerprint of a whole message.
    pub fn of(pieces: &[&[u8]]) -> [u8; 32] {
        let mut digest = Self::default();
        for piece in pieces {
            digest.update(piece);
        }
        digest.finish()
    }

    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        let Some(header) = &mut self.header else {
            body(&mut self.hash, bytes);
            return;
        };
        // The blank line may lie across the border of two pieces.
        let from = header.len().saturating_sub(3);
        header.extend_from_slice(bytes);
        if let Some(end) = blank_line(header, from) {
            let header = self.header.take().unwrap_or_default();
            fields(&mut self.hash, &header[..end]);
            body(&mut self.hash, &header[end..]);
        } else if header.len() > MAX_HEADER {
            self.is_too_long = true;
            self.header = None;
        }
    }

    /// The fingerprint of all that came.
    pub fn finish(mut self) -> [u8; 32] {
        if let Some(header) = self.header.take() {
            fields(&mut self.hash, &header);
        }
        if self.is_too_long {
            // Like no message that we ever sent.
            self.hash.update(b"\0too long");
        }
        self.hash.finalize().into()
    }
}

/// Where the first blank line begins; `from` is where to look.
fn blank_line(header: &[u8], from: usize) -> Option<usize> {
    if header.starts_with(b"\r\n") || header.starts_with(b"\n") {
        return Some(0);
    }
    memchr::memchr_iter(b'\n', &header[from..])
        .map(|at| from + at + 1)
        .find(|&next| header[next..].starts_with(b"\n") || header[next..].starts_with(b"\r\n"))
}

fn fields(hash: &mut Sha256, header: &[u8]) {
    let mut is_taken = false;
    for line in header.split_inclusive(|&byte| byte == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line
                .split(|&byte| byte == b':')
                .next()
                .unwrap_or_default()
                .trim_ascii()
                .to_ascii_lowercase();
            is_taken =
                name == b"subject" || name == b"mime-version" || name.starts_with(b"content-");
            if is_taken {
                hash.update(b"\n");
                hash.update(&name);
                body(
                    hash,
                    &line[line.iter().position(|&byte| byte == b':').unwrap_or(0)..],
                );
            }
        } else if is_taken {
            body(hash, line);
        }
    }
    hash.update(b"\n\n");
}

/// Takes everything but white space.
fn body(hash: &mut Sha256, bytes: &[u8]) {
    for word in bytes.split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        hash.update(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAIL: &str = "From: Ann <ann@example.net>\r\nSubject: your\r\n secret\r\nContent-Type: text/plain\r\n\r\nOne line.\r\n.Two lines \r\n";

    #[test]
    fn what_mtas_change_does_not_count() {
        let expected = MessageDigest::of(&[MAIL.as_bytes()]);
        for same in [
            format!("Received: from a by b\r\n\tfor c\r\nX-Callbluff-Release: v=1\r\n{MAIL}"),
            MAIL.replace("\r\n", "\n"),
            MAIL.replace("your\r\n secret", "your secret"),
            MAIL.replace("Subject: ", "subject:"),
            MAIL.replace("Ann <ann@", "Ann <ann2@"),
            MAIL.replace(
                "\r\n\r\n",
                "\r\nDate: today\r\nMessage-ID: <x@example.org>\r\n\r\n",
            ),
            MAIL.replace("One line", "One\r\n line"),
            format!("{MAIL}\r\n\r\n"),
        ] {
            assert_eq!(MessageDigest::of(&[same.as_bytes()]), expected, "{same}");
        }
    }

    #[test]
    fn what_a_reader_sees_counts() {
        let expected = MessageDigest::of(&[MAIL.as_bytes()]);
        for other in [
            MAIL.replace("secret", "secrets"),
            MAIL.replace("text/plain", "text/html"),
            MAIL.replace("Two", "Ten"),
            MAIL.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
            MAIL.replace("Content-Type: text/plain\r\n", ""),
            MAIL.replace("\r\n\r\n", "\r\nSubject: another\r\n\r\n"),
            MAIL.replace("\r\n\r\n", "\r\n"),
            format!("\r\n{MAIL}"),
            format!("{MAIL}More."),
        ] {
            assert_ne!(MessageDigest::of(&[other.as_bytes()]), expected, "{other}");
        }
    }

    #[test]
    fn an_endless_header_is_bounded() {
        let line = b"X: y\r\n".repeat(10_000);
        let mut digest = MessageDigest::default();
        for _ in 0..100 {
            digest.update(&line);
            assert!(
                digest
                    .header
                    .as_ref()
                    .is_none_or(|header| header.len() < 2 * MAX_HEADER)
            );
        }
        assert!(digest.header.is_none());
        assert_ne!(digest.finish(), MessageDigest::of(&[MAIL.as_bytes()]));
    }

    proptest! {
        #[test]
        fn the_borders_of_pieces_change_nothing(size in 1..40_usize, has_lf: bool) {
            let mail = if has_lf { MAIL.replace("\r\n", "\n") } else { MAIL.to_owned() };
            let pieces: Vec<&[u8]> = mail.as_bytes().chunks(size).collect();
            prop_assert_eq!(MessageDigest::of(&pieces), MessageDigest::of(&[MAIL.as_bytes()]));
        }
    }
}
