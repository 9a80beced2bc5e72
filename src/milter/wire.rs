//! The stream of one milter connection, with the corrections that indymilter needs.

use crate::maillog::Alarm;
use crate::metrics::Metrics;
use crate::milter::Phase;
use crate::milter::frames::Frames;
use crate::milter::replies::Replies;
use nix::sys::socket::{MsgFlags, recv};
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tracing::warn;

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
        Self::Tcp(stream)
    }

    /// Has the MTA sent what is not read yet? It asks the system: the runtime may not have heard yet.
    fn has_sent(&self) -> bool {
        let socket = match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        };
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        matches!(recv(socket, &mut [0], flags), Ok(1..))
    }
}

/// A stream that follows the frames it passes on.
///
/// - What indymilter could not take is put right: see [`Frames`].
/// - It ends between two messages while the service is draining, but not before all that the MTA
///   has sent is read, and at once when that is over, as if the MTA had hung up.
/// - It ends at a frame after which no other can be found.
/// - It asks for an ACK at once when it waits for more: Postfix writes many small packets, and
///   without TCP_NODELAY on its side it waits 44 ms for our delayed ACK.
/// - The changes to a message are sent together with the answer: see [`Replies`].
pub(super) struct MilterStream {
    peer: Peer,
    frames: Frames,
    replies: Replies,
    /// Was something read since we wrote or asked for an ACK? A reply carries one with it.
    owes_ack: bool,
    /// Bytes that indymilter gets before any new ones.
    pending: Vec<u8>,
    pending_from: usize,
    drain: Signal,
    is_draining: bool,
    end: Signal,
    has_ended: bool,
    metrics: Arc<Metrics>,
    broken: Arc<Alarm>,
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
        broken: &Arc<Alarm>,
    ) -> Self {
        metrics.opened();
        Self {
            peer,
            frames: Frames::default(),
            replies: Replies::default(),
            owes_ack: false,
            pending: Vec::new(),
            pending_from: 0,
            drain: reaches(phase.clone(), Phase::Draining),
            is_draining: false,
            end: reaches(phase, Phase::Ending),
            has_ended: false,
            metrics: metrics.clone(),
            broken: broken.clone(),
            _permit: permit,
        }
    }

    fn tell_broken(&self, fault: &str) {
        self.metrics.failure("frame");
        if let Some(more) = self.broken.sounds() {
            warn!(
                "the MTA sent {fault}, which the milter protocol does not have; its connection is closed; {more} more since the last report"
            );
        }
    }

    /// Sends all that waits.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replies.unsent().is_empty() {
            let unsent = self.replies.unsent();
            let sent = match &mut self.peer {
                Peer::Tcp(stream) => ready!(Pin::new(stream).poll_write(cx, unsent))?,
                Peer::Unix(stream) => ready!(Pin::new(stream).poll_write(cx, unsent))?,
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.replies.sent(sent);
            self.owes_ack = false;
        }
        Poll::Ready(Ok(()))
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
            if !this.has_ended
                && let Some(fault) = this.frames.fault()
            {
                this.has_ended = true;
                this.tell_broken(fault);
            }
            if this.has_ended {
                return Poll::Ready(Ok(()));
            }
            let is_idle = this.frames.is_between_messages();
            this.is_draining |=
                is_idle && !this.is_draining && this.drain.as_mut().poll(cx).is_ready();
            let start = buf.filled().len();
            let read = match &mut this.peer {
                Peer::Tcp(stream) => {
                    let read = Pin::new(&mut *stream).poll_read(cx, buf);
                    if read.is_pending() && this.owes_ack {
                        let _ = stream.set_quickack(true);
                    }
                    this.owes_ack = read.is_ready();
                    read
                }
                Peer::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            };
            if read.is_pending() {
                this.has_ended = this.end.as_mut().poll(cx).is_ready()
                    || is_idle && this.is_draining && !this.peer.has_sent();
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
        let this = self.get_mut();
        if this.replies.is_full() {
            ready!(this.poll_send(cx))?;
        }
        this.replies.take(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.replies.is_due() {
            ready!(this.poll_send(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Changes without an answer stay behind: they mean nothing, and who does not read must not
        // keep the connection.
        match &mut self.get_mut().peer {
            Peer::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Peer::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
