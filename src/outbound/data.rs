//! A message as the DATA command carries it.
//!
//! DATA carries lines that end with CRLF, and the last one has its CRLF too (RFC 5321, section 4.1.1.4).
//! A bare CR or LF may not go (section 2.3.8): servers differ in what they take for a line end, and a
//! message with `<LF>.<CR><LF>` could end where its writer wants and smuggle in a second one. So
//! such messages go by BDAT (RFC 3030), which counts bytes; where that is not offered, every bare
//! CR or LF goes as CRLF, and the caller is told.

/// Can DATA carry these bytes exactly?
pub(super) fn fits(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n")
        && memchr::memchr2_iter(b'\r', b'\n', bytes).all(|at| match bytes[at] {
            b'\r' => bytes.get(at + 1) == Some(&b'\n'),
            _ => at > 0 && bytes[at - 1] == b'\r',
        })
}

/// Writes a message for DATA, piece by piece.
#[derive(Debug)]
pub(super) struct Stuffer {
    /// The last line end was written: a dot now begins a line.
    at_line_start: bool,
    /// A CR has come whose LF, if any, is in the next piece.
    has_cr: bool,
}

impl Stuffer {
    /// For the beginning of a message.
    pub(super) fn new() -> Self {
        Self {
            at_line_start: true,
            has_cr: false,
        }
    }

    /// Appends a piece of the message to `out`.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&first, tail)) = rest.split_first() {
            match first {
                b'\n' if self.has_cr => self.has_cr = false,
                b'\n' => self.line_end(out),
                b'\r' => {
                    self.line_end(out);
                    self.has_cr = true;
                }
                _ => {
                    self.has_cr = false;
                    if first == b'.' && self.at_line_start {
                        out.push(b'.');
                    }
                    self.at_line_start = false;
                    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    out.extend_from_slice(&rest[..end]);
                    rest = &rest[end..];
                    continue;
                }
            }
            rest = tail;
        }
    }

    /// Appends the end of the message.
    pub(super) fn end(mut self, out: &mut Vec<u8>) {
        if !self.at_line_start {
            self.line_end(out);
        }
        out.extend_from_slice(b".\r\n");
    }

    fn line_end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.at_line_start = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut stuffer = Stuffer::new();
        for piece in pieces {
            stuffer.push(piece, &mut out);
        }
        stuffer.end(&mut out);
        out
    }

    /// What a server that knows only CRLF takes, and what it would take for the next command.
    fn strict(sent: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut taken = Vec::new();
        let mut at = 0;
        loop {
            let length = memchr::memmem::find(&sent[at..], b"\r\n").expect("it ends") + 2;
            let line = &sent[at..at + length];
            at += length;
            if line == b".\r\n" {
                return (taken, sent[at..].to_vec());
            }
            taken.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }

    /// What a server that takes each CR and LF for a line end would take for the next command.
    fn lenient(sent: &[u8]) -> &[u8] {
        let is_end = |at: usize| {
            let starts = at == 0 || matches!(sent[at - 1], b'\r' | b'\n');
            starts && sent[at] == b'.' && matches!(sent.get(at + 1), Some(b'\r' | b'\n'))
        };
        let at = (0..sent.len()).find(|&at| is_end(at)).expect("it ends");
        let end = &sent[at + 1..];
        end.strip_prefix(b"\r\n").unwrap_or(&end[1..])
    }

    #[test]
    fn messages_are_stuffed() {
        for (message, sent) in [
            (&b"a\r\n"[..], &b"a\r\n.\r\n"[..]),
            (b"", b".\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n.\r\n"),
            (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\n\r\n", b"a\r\n\r\n.\r\n"),
            (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"a\r\r\n", b"a\r\n\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(&[message]), sent, "{message:?}");
        }
    }

    #[test]
    fn what_fits_is_known() {
        for (message, expected) in [
            (&b"a\r\n"[..], true),
            (b"\r\n", true),
            (b"", false),
            (b"a", false),
            (b"a\n", false),
            (b"a\r", false),
            (b"a\nb\r\n", false),
            (b"a\rb\r\n", false),
            (b"a\r\r\n", false),
            (b"a\r\n\nb\r\n", false),
        ] {
            assert_eq!(fits(message), expected, "{message:?}");
        }
    }

    /// Bytes of which line breaks and dots are made.
    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            prop::sample::select(b"\r\n..\r\na \x00\xff".to_vec()),
            0..60,
        )
    }

    proptest! {
        #[test]
        fn what_fits_arrives_exactly(message in nasty()) {
            let (taken, rest) = strict(&stuffed(&[&message]));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(taken == message, fits(&message) || message.is_empty());
        }

        #[test]
        fn no_message_ends_early_for_any_server(message in nasty()) {
            let sent = stuffed(&[&message]);
            prop_assert!(lenient(&sent).is_empty());
            prop_assert!(fits(&sent));
        }

        #[test]
        fn the_borders_of_pieces_change_nothing(message in nasty(), size in 1..9_usize) {
            let pieces: Vec<&[u8]> = message.chunks(size).collect();
            prop_assert_eq!(stuffed(&pieces), stuffed(&[&message]));
        }
    }
}
