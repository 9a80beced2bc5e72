//! HTTP connections: few, and not for long.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// The most connections at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may last. A client that sends its header byte by byte ends here too.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The HTTP socket.
#[derive(Debug)]
pub struct WebListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl WebListener {
    /// Opens the socket.
    ///
    /// # Errors
    ///
    /// With the address, what went wrong, and what the admin can do.
    pub async fn open(address: SocketAddr) -> Result<Self, String> {
        let listener = TcpListener::bind(address).await.map_err(|err| {
            let why = match err.kind() {
                io::ErrorKind::AddrInUse => format!(
                    "the port is in use; stop the program that has it (`ss -ltnp 'sport = :{}'` shows it) or set http.listen",
                    address.port()
                ),
                _ => err.to_string(),
            };
            format!("could not listen for HTTP on {address}: {why}")
        })?;
        Ok(Self {
            listener,
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        })
    }

    /// Where it listens, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl axum::serve::Listener for WebListener {
    type Io = WebStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (WebStream, SocketAddr) {
        let permit = self.places.clone().acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        let stream = WebStream {
            stream,
            age: Box::pin(sleep(MAX_AGE)),
            _permit: permit,
        };
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address()
    }
}

/// A connection that ends at its time.
#[derive(Debug)]
pub struct WebStream {
    stream: TcpStream,
    age: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl WebStream {
    fn is_too_old(&mut self, cx: &mut Context<'_>) -> bool {
        self.age.is_elapsed() || self.age.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for WebStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_too_old(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WebStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_too_old(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
