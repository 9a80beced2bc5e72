//! The frames of the milter protocol as they pass, put right where indymilter needs it.

use std::net::IpAddr;

/// Argument of the command that goes before QUIT_NC. No SMTP command line holds a line break.
pub(super) const BEFORE_QUIT_NC: &[u8] = b"\r\n";
/// The name given to a header field that has none: no field name holds a colon.
pub(super) const NO_NAME: &[u8] = b":";

const CONNECT: u8 = b'C';
const MACROS: u8 = b'D';
const HEADER: u8 = b'L';
const MAIL: u8 = b'M';
const END_OF_BODY: u8 = b'E';
const ABORT: u8 = b'A';
const QUIT_NC: u8 = b'K';
const UNKNOWN: u8 = b'U';
/// Bytes of a frame's length.
const LENGTH: usize = 4;
/// The length and the command.
const HEAD: usize = LENGTH + 1;
/// The longest frame that indymilter takes, in bytes, command included.
const MAX_FRAME: usize = 1 << 20;
/// The longest CONNECT that is looked into; a host name has at most 255 bytes.
const MAX_CONNECT: usize = 2048;

/// Where in the sequence of frames the stream stands.
///
/// What it puts right, since indymilter would hang up on it or lose what follows:
///
/// - Sendmail writes `IPv6:` before the client's address: that is cut off. Any other address that
///   indymilter cannot read becomes "unknown".
/// - Before QUIT_NC it puts a command that indymilter can always go on from: out of most states
///   indymilter ignores QUIT_NC and then the CONNECT of the next client.
/// - Macros without any payload are left out; they have no answer.
/// - A header field without a name is given one that no field has; the session takes it off again.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of the current frame's payload that are still to come.
    rest: usize,
    /// The part of a head that has come; it is held back until it is whole. For some commands the
    /// first byte of the payload belongs to it.
    head: [u8; HEAD + 1],
    head_len: usize,
    /// The payload of a CONNECT, held back until it is whole.
    connect: Option<Vec<u8>>,
    in_message: bool,
    /// Why no frame can follow any more.
    fault: Option<&'static str>,
}

impl Frames {
    /// Follows new bytes. `None` where all of them can go on as they are; otherwise the count of
    /// those that can, and what must follow them is in `pending`.
    pub(super) fn pass(&mut self, bytes: &[u8], pending: &mut Vec<u8>) -> Option<usize> {
        let mut kept = None;
        let mut at = 0;
        while at < bytes.len() {
            if self.rest > 0 {
                let payload = &bytes[at..at + self.rest.min(bytes.len() - at)];
                self.payload(payload, at, &mut kept, pending);
                at += payload.len();
                continue;
            }
            let from = at;
            let was_split = self.head_len > 0;
            while at < bytes.len() && !self.has_head() {
                self.head[self.head_len] = bytes[at];
                self.head_len += 1;
                at += 1;
                if self.head_len == LENGTH {
                    self.check_length();
                }
                if self.fault.is_some() {
                    return Some(kept.unwrap_or(from));
                }
            }
            let is_whole = self.has_head();
            if was_split || !is_whole || self.is_put_right() {
                kept.get_or_insert(from);
            }
            if is_whole {
                self.begin(kept.is_some(), pending);
            }
        }
        kept
    }

    /// Why the connection must end, where it must.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn length(&self) -> usize {
        u32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]) as usize
    }

    fn check_length(&mut self) {
        // indymilter would wait for the command that such a frame does not have.
        self.fault = match self.length() {
            0 => Some("a frame of length 0"),
            1..=MAX_FRAME => None,
            _ => Some("a frame that is too long"),
        };
    }

    fn has_head(&self) -> bool {
        let begins_payload = matches!(self.head[LENGTH], MACROS | HEADER) && self.length() > 1;
        self.head_len >= HEAD && self.head_len == HEAD + usize::from(begins_payload)
    }

    /// The first byte of the payload, where it belongs to the head.
    fn first(&self) -> Option<u8> {
        (self.head_len > HEAD).then(|| self.head[HEAD])
    }

    /// Does a whole head not go on as it is?
    fn is_put_right(&self) -> bool {
        match self.head[LENGTH] {
            QUIT_NC | CONNECT => true,
            MACROS => self.first().is_none(),
            HEADER => self.first() == Some(0),
            _ => false,
        }
    }

    /// Follows a part of a payload that stands at `at`.
    fn payload(&mut self, part: &[u8], at: usize, kept: &mut Option<usize>, pending: &mut Vec<u8>) {
        self.rest -= part.len();
        let Some(connect) = &mut self.connect else {
            if kept.is_some() {
                pending.extend_from_slice(part);
            }
            return;
        };
        kept.get_or_insert(at);
        connect.extend_from_slice(part);
        if self.rest == 0 {
            let payload = readable_connect(connect);
            put_frame(pending, CONNECT, &payload);
            self.connect = None;
        }
    }

    /// Goes on after the head of a frame.
    fn begin(&mut self, is_held: bool, pending: &mut Vec<u8>) {
        let head_len = std::mem::take(&mut self.head_len);
        let first = (head_len > HEAD).then(|| self.head[HEAD]);
        let length = self.length();
        self.rest = length + LENGTH - head_len;
        match (self.head[LENGTH], first) {
            // The macros of MAIL come right before it: between them is no end of the connection.
            (MAIL, _) | (MACROS, Some(MAIL)) => self.in_message = true,
            (END_OF_BODY | ABORT, _) => self.in_message = false,
            (CONNECT, _) if (1..=MAX_CONNECT).contains(&self.rest) => {
                self.connect = Some(Vec::with_capacity(self.rest));
                return;
            }
            (QUIT_NC, _) => {
                self.in_message = false;
                put_frame(pending, UNKNOWN, &[BEFORE_QUIT_NC, &[0]].concat());
            }
            (MACROS, None) => return,
            (HEADER, Some(0)) => {
                pending.extend_from_slice(&((length + NO_NAME.len()) as u32).to_be_bytes());
                pending.push(HEADER);
                pending.extend_from_slice(NO_NAME);
                pending.push(0);
                return;
            }
            _ => {}
        }
        if is_held {
            pending.extend_from_slice(&self.head[..head_len]);
        }
    }

    pub(super) fn is_between_messages(&self) -> bool {
        !self.in_message && self.rest == 0 && self.head_len == 0
    }
}

fn put_frame(out: &mut Vec<u8>, command: u8, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32 + 1).to_be_bytes());
    out.push(command);
    out.extend_from_slice(payload);
}

/// The payload of a CONNECT with an address that indymilter can read.
///
/// It is the client's name, NUL, the family, two bytes of port, the address, NUL.
fn readable_connect(payload: &[u8]) -> Vec<u8> {
    let name_end = payload.iter().position(|&byte| byte == 0);
    let (name, rest) = payload.split_at(name_end.unwrap_or(payload.len()));
    let mut out = name.to_vec();
    out.push(0);
    match rest {
        [0, b'4' | b'6', high, low, address @ ..] => {
            let address = address.strip_suffix(&[0]).unwrap_or(address);
            let bare = match address.get(..5) {
                Some(prefix) if prefix.eq_ignore_ascii_case(b"IPv6:") => &address[5..],
                _ => address,
            };
            let ip = std::str::from_utf8(bare).ok();
            match ip.and_then(|ip| ip.parse::<IpAddr>().ok()) {
                Some(ip) => {
                    out.push(if ip.is_ipv4() { b'4' } else { b'6' });
                    out.extend_from_slice(&[*high, *low]);
                    out.extend_from_slice(ip.to_string().as_bytes());
                    out.push(0);
                }
                None => out.push(b'U'),
            }
        }
        [0, b'L', _, _, ..] if rest.ends_with(&[0]) => out.extend_from_slice(&rest[1..]),
        _ => out.push(b'U'),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(command: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, command, payload);
        bytes
    }

    fn passed(input: &[u8], chunk: usize) -> Vec<u8> {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        for bytes in input.chunks(chunk) {
            let mut pending = Vec::new();
            let kept = frames.pass(bytes, &mut pending).unwrap_or(bytes.len());
            out.extend_from_slice(&bytes[..kept]);
            out.extend_from_slice(&pending);
        }
        out
    }

    #[test]
    fn quit_nc_gets_a_command_before_it_however_it_is_split() {
        let first = [
            frame(b'O', b"0123456789ab"),
            frame(b'D', b"M"),
            frame(b'E', b""),
        ]
        .concat();
        let quit = frame(QUIT_NC, b"");
        let last = [
            frame(b'C', b"mx\x004\0\x19192.0.2.7\0"),
            frame(b'H', b"K\0"),
            frame(b'B', &[b'K'; 300]),
        ]
        .concat();
        let input = [&first[..], &quit, &quit, &last].concat();
        let before = frame(UNKNOWN, b"\r\n\0");
        let expected = [&first[..], &before, &quit, &before, &quit, &last].concat();
        for chunk in 1..=input.len() {
            assert_eq!(passed(&input, chunk), expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn an_address_that_indymilter_cannot_read_is_put_right() {
        for (payload, expected) in [
            (
                &b"mx\x006\0\x19IPv6:2001:db8::1\0"[..],
                &b"mx\x006\0\x192001:db8::1\0"[..],
            ),
            (b"mx\x006\0\x192001:db8::1\0", b"mx\x006\0\x192001:db8::1\0"),
            (b"mx\x006\0\x19192.0.2.1\0", b"mx\x004\0\x19192.0.2.1\0"),
            (b"mx\x004\0\x19unknown\0", b"mx\0U"),
            (b"mx\x004", b"mx\0U"),
            (b"mx\0U", b"mx\0U"),
            (b"mx\0L\0\0/run/x\0", b"mx\0L\0\0/run/x\0"),
            (b"mx\0X123", b"mx\0U"),
            (b"mx", b"mx\0U"),
        ] {
            let input = [
                frame(b'D', b"C"),
                frame(CONNECT, payload),
                frame(b'H', b"a\0"),
            ]
            .concat();
            let expected = [
                frame(b'D', b"C"),
                frame(CONNECT, expected),
                frame(b'H', b"a\0"),
            ]
            .concat();
            for chunk in 1..=input.len() {
                assert_eq!(
                    passed(&input, chunk),
                    expected,
                    "{payload:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn other_bytes_pass_unchanged_and_uncopied() {
        let input = [frame(b'M', b"<a@example.org>\0"), frame(b'B', &[7; 5000])].concat();
        let mut pending = Vec::new();
        assert_eq!(Frames::default().pass(&input, &mut pending), None);
        assert!(pending.is_empty());
    }

    #[test]
    fn nothing_follows_an_empty_or_huge_frame() {
        let first = [frame(MAIL, b"<>\0"), frame(b'B', b"text")].concat();
        for (bad, expected) in [
            (&[0; 10][..], "a frame of length 0"),
            (&[0; 4], "a frame of length 0"),
            (&[0xff; 40], "a frame that is too long"),
            (b"\0\x10\0\x01B", "a frame that is too long"),
        ] {
            let input = [&first[..], bad].concat();
            for chunk in 1..=input.len() {
                let mut frames = Frames::default();
                let mut out = Vec::new();
                for bytes in input.chunks(chunk) {
                    assert_eq!(frames.fault(), None);
                    let mut pending = Vec::new();
                    let kept = frames.pass(bytes, &mut pending).unwrap_or(bytes.len());
                    out.extend_from_slice(&bytes[..kept]);
                    out.extend_from_slice(&pending);
                    if frames.fault().is_some() {
                        break;
                    }
                }
                assert_eq!(frames.fault(), Some(expected), "chunks of {chunk}");
                assert_eq!(out, first, "chunks of {chunk}");
            }
        }
    }

    #[test]
    fn what_indymilter_would_hang_up_on_is_put_right() {
        for (payload, command, expected) in [
            (&b""[..], MACROS, None),
            (b"M", MACROS, Some(&b"M"[..])),
            (b"Mi\0x", MACROS, Some(b"Mi\0x")),
            (b"\0 value\0", HEADER, Some(b":\0 value\0")),
            (b"\0", HEADER, Some(b":\0")),
            (b"Name\0value\0", HEADER, Some(b"Name\0value\0")),
            // No string at all is no header field, and ends the connection.
            (b"", HEADER, Some(b"")),
        ] {
            let around = frame(b'B', b"DL\0");
            let input = [&around[..], &frame(command, payload), &around].concat();
            let middle = expected.map_or(Vec::new(), |payload| frame(command, payload));
            let expected = [&around[..], &middle, &around].concat();
            for chunk in 1..=input.len() {
                assert_eq!(
                    passed(&input, chunk),
                    expected,
                    "{payload:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_message_lasts_from_mail_to_its_end() {
        let mut frames = Frames::default();
        let mut step = |command, payload: &[u8]| {
            frames.pass(&frame(command, payload), &mut Vec::new());
            frames.is_between_messages()
        };
        assert!(step(b'H', b"mx\0"));
        assert!(step(MACROS, b"Hj\0mx\0"));
        assert!(!step(MACROS, b"Mi\0x\0"));
        assert!(!step(MAIL, b"<>\0"));
        assert!(!step(b'B', b"text"));
        assert!(step(END_OF_BODY, b""));
        assert!(!step(MAIL, b"<>\0"));
        assert!(step(ABORT, b""));
    }
}
