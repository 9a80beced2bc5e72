//! The stream of one milter connection, with the corrections that indymilter needs.

use crate::metrics::Metrics;
use crate::milter::Phase;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, watch};

/// Argument of the command that goes before QUIT_NC. No SMTP command line holds a line break.
pub(super) const BEFORE_QUIT_NC: &[u8] = b"\r\n";

const CONNECT: u8 = b'C';
const MAIL: u8 = b'M';
const END_OF_BODY: u8 = b'E';
const ABORT: u8 = b'A';
const QUIT_NC: u8 = b'K';
const UNKNOWN: u8 = b'U';
/// Four bytes of length and the command.
const HEAD: usize = 5;
/// The longest CONNECT that is looked into; a host name has at most 255 bytes.
const MAX_CONNECT: usize = 2048;

/// The connection to an MTA.
#[derive(Debug)]
pub(super) enum Peer {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a UNIX-domain socket.
    Unix(UnixStream),
}

impl Peer {
    /// Sets what every TCP connection needs.
    pub(super) fn tcp(stream: TcpStream) -> Self {
        // A change and the verdict are two packets: with Nagle's algorithm the second waits for
        // the MTA's delayed ACK, 44 ms. Where it cannot be set, we are slow but right.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_quickack(true);
        Self::Tcp(stream)
    }
}

/// A stream that follows the frames it passes on.
///
/// - Sendmail writes `IPv6:` before the client's address; indymilter hangs up on that and on any other
///   address it cannot read, so the first is cut off and the second becomes "unknown".
/// - Before QUIT_NC it puts a command that indymilter can always go on from: out of most states
///   indymilter ignores QUIT_NC and then the CONNECT of the next client.
/// - It ends between two messages while the service is draining, and at once when that is over, as
///   if the MTA had hung up.
/// - It asks for an ACK at once after each read: Postfix writes many small packets, and without
///   TCP_NODELAY on its side it waits 44 ms for our delayed ACK.
pub(super) struct MilterStream {
    peer: Peer,
    frames: Frames,
    /// Bytes that indymilter gets before any new ones.
    pending: Vec<u8>,
    pending_from: usize,
    drain: Signal,
    end: Signal,
    has_ended: bool,
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

/// Completes when the service gets to a phase.
type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

fn reaches(mut phases: watch::Receiver<Phase>, wanted: Phase) -> Signal {
    Box::pin(async move {
        // A sender that is gone will never ask for it.
        if phases.wait_for(|phase| *phase >= wanted).await.is_err() {
            std::future::pending().await
        }
    })
}

impl MilterStream {
    pub(super) fn new(
        peer: Peer,
        phase: watch::Receiver<Phase>,
        permit: OwnedSemaphorePermit,
        metrics: &Arc<Metrics>,
    ) -> Self {
        metrics.opened();
        Self {
            peer,
            frames: Frames::default(),
            pending: Vec::new(),
            pending_from: 0,
            drain: reaches(phase.clone(), Phase::Draining),
            end: reaches(phase, Phase::Ending),
            has_ended: false,
            metrics: metrics.clone(),
            _permit: permit,
        }
    }

    fn give_pending(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let rest = &self.pending[self.pending_from..];
        if rest.is_empty() {
            return false;
        }
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.pending_from += count;
        if self.pending_from == self.pending.len() {
            self.pending.clear();
            self.pending_from = 0;
        }
        true
    }
}

impl Drop for MilterStream {
    fn drop(&mut self) {
        self.metrics.closed();
    }
}

impl AsyncRead for MilterStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 || this.give_pending(buf) {
            return Poll::Ready(Ok(()));
        }
        loop {
            let is_idle = this.frames.is_between_messages();
            this.has_ended |= is_idle && !this.has_ended && this.drain.as_mut().poll(cx).is_ready();
            if this.has_ended {
                return Poll::Ready(Ok(()));
            }
            let start = buf.filled().len();
            let read = match &mut this.peer {
                Peer::Tcp(stream) => {
                    let read = Pin::new(&mut *stream).poll_read(cx, buf);
                    if read.is_ready() {
                        let _ = stream.set_quickack(true);
                    }
                    read
                }
                Peer::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            };
            if read.is_pending() {
                this.has_ended = this.end.as_mut().poll(cx).is_ready();
            }
            if this.has_ended {
                return Poll::Ready(Ok(()));
            }
            ready!(read)?;
            if buf.filled().len() == start {
                return Poll::Ready(Ok(()));
            }
            if let Some(kept) = this.frames.pass(&buf.filled()[start..], &mut this.pending) {
                buf.set_filled(start + kept);
            }
            // Nothing but a part of a frame's head, or all of it is pending: zero bytes would
            // mean the end, so give or read more.
            if buf.filled().len() > start || this.give_pending(buf) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for MilterStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().peer {
            Peer::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Peer::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().peer {
            Peer::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Peer::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().peer {
            Peer::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Peer::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Where in the sequence of frames the stream stands.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes of the current frame's payload that are still to come.
    rest: usize,
    /// The part of a head that has come; it is held back until it is whole.
    head: [u8; HEAD],
    head_len: usize,
    /// The payload of a CONNECT, held back until it is whole.
    connect: Option<Vec<u8>>,
    in_message: bool,
}

impl Frames {
    /// Follows new bytes. `None` where all of them can go on as they are; otherwise the count of
    /// those that can, and what must follow them is in `pending`.
    fn pass(&mut self, bytes: &[u8], pending: &mut Vec<u8>) -> Option<usize> {
        let mut kept = None;
        let mut at = 0;
        while at < bytes.len() {
            if self.rest > 0 {
                let payload = &bytes[at..at + self.rest.min(bytes.len() - at)];
                self.payload(payload, at, &mut kept, pending);
                at += payload.len();
                continue;
            }
            let was_split = self.head_len > 0;
            let step = (HEAD - self.head_len).min(bytes.len() - at);
            self.head[self.head_len..self.head_len + step].copy_from_slice(&bytes[at..at + step]);
            self.head_len += step;
            let is_whole = self.head_len == HEAD;
            let changes = is_whole && matches!(self.head[HEAD - 1], QUIT_NC | CONNECT);
            if was_split || !is_whole || changes {
                kept.get_or_insert(at);
            }
            at += step;
            if is_whole {
                self.begin(kept.is_some(), pending);
            }
        }
        kept
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
        let length = u32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]);
        let command = self.head[HEAD - 1];
        // A frame of length 0 has no command; indymilter hangs up on it.
        self.rest = (length as usize).saturating_sub(1);
        self.head_len = 0;
        match command {
            MAIL => self.in_message = true,
            END_OF_BODY | ABORT => self.in_message = false,
            CONNECT if (1..=MAX_CONNECT).contains(&self.rest) => {
                self.connect = Some(Vec::with_capacity(self.rest));
                return;
            }
            QUIT_NC => {
                self.in_message = false;
                put_frame(pending, UNKNOWN, &[BEFORE_QUIT_NC, &[0]].concat());
            }
            _ => {}
        }
        if is_held {
            pending.extend_from_slice(&self.head);
        }
    }

    fn is_between_messages(&self) -> bool {
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
    fn empty_and_huge_frames_pass_for_indymilter_to_refuse() {
        for input in [&[0; 10][..], &[0xff; 40][..]] {
            for chunk in [1, 3, 40] {
                assert_eq!(passed(input, chunk), input, "chunks of {chunk}");
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
        assert!(!step(MAIL, b"<>\0"));
        assert!(!step(b'B', b"text"));
        assert!(step(END_OF_BODY, b""));
        assert!(!step(MAIL, b"<>\0"));
        assert!(step(ABORT, b""));
    }
}
