//! Sockets that MTAs connect to.

use crate::config::{MilterSettings, SocketAddress};
use crate::maillog::Alarm;
use crate::metrics::Metrics;
use crate::milter::Phase;
use crate::milter::wire::{MilterStream, Peer};
use nix::sys::socket::{setsockopt, sockopt};
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

/// Connections that the system lets wait until we take them.
const BACKLOG: u32 = 1024;
/// The first and the longest pause after an error of `accept`.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A socket that is open for MTAs.
#[derive(Debug)]
pub struct Socket {
    listener: Accept,
    address: SocketAddress,
    /// The socket file to remove in the end.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Accept {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// With the address, what went wrong, and what the admin can do.
    pub fn open(address: &SocketAddress, settings: &MilterSettings) -> Result<Self, String> {
        match address {
            SocketAddress::Inet { v6, host, port } => open_inet(*v6, host, *port),
            SocketAddress::Unix(path) => open_unix(path, settings),
        }
        .map_err(|why| format!("could not listen on {address}: {why}"))
    }

    /// Takes the sockets that systemd has opened for us; empty where there are none.
    ///
    /// # Errors
    ///
    /// When one of them is not a listening stream socket.
    pub fn inherited() -> Result<Vec<Self>, String> {
        let mut given = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            let bad = |err: io::Error| {
                format!(
                    "socket {index} given by systemd cannot be used ({err}); check ListenStream= in callbluff.socket"
                )
            };
            if let Ok(Some(listener)) = given.take_tcp_listener(index) {
                listener.set_nonblocking(true).map_err(bad)?;
                sockets
                    .push(Self::tcp(TcpListener::from_std(listener).map_err(bad)?).map_err(bad)?);
            } else if let Some(listener) = given.take_unix_listener(index).map_err(bad)? {
                listener.set_nonblocking(true).map_err(bad)?;
                let listener = UnixListener::from_std(listener).map_err(bad)?;
                let path = listener.local_addr().map_err(bad)?;
                sockets.push(Self {
                    address: SocketAddress::Unix(
                        path.as_pathname().unwrap_or(Path::new("")).into(),
                    ),
                    listener: Accept::Unix(listener),
                    _file: None,
                });
            }
        }
        Ok(sockets)
    }

    fn tcp(listener: TcpListener) -> io::Result<Self> {
        let local = listener.local_addr()?;
        Ok(Self {
            address: SocketAddress::inet(&local.ip().to_string(), local.port()),
            listener: Accept::Tcp(listener),
            _file: None,
        })
    }

    /// The next connection of a UNIX socket that speaks another protocol than milter.
    ///
    /// # Errors
    ///
    /// When the system cannot give one, or it is no UNIX socket.
    pub async fn accept_unix(&self) -> io::Result<tokio::net::UnixStream> {
        match &self.listener {
            Accept::Unix(listener) => Ok(listener.accept().await?.0),
            Accept::Tcp(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }
}

fn open_inet(v6: bool, host: &str, port: u16) -> Result<Socket, String> {
    let resolved: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|err| format!("cannot find host \"{host}\" ({err})"))?
        .collect();
    let address = resolved
        .iter()
        .find(|address| address.is_ipv6() == v6)
        .ok_or_else(|| {
            let family = if v6 { "IPv6" } else { "IPv4" };
            format!("host \"{host}\" has no {family} address")
        })?;
    listen_inet(*address).map_err(|err| match err.kind() {
        io::ErrorKind::AddrInUse => format!(
            "the port is in use; stop the program that has it (`ss -ltnp 'sport = :{port}'` shows it) or choose another port"
        ),
        io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}", address.ip()),
        io::ErrorKind::PermissionDenied => format!("not allowed to use port {port}; choose one above 1023"),
        _ => err.to_string(),
    })
}

fn listen_inet(address: SocketAddr) -> io::Result<Socket> {
    let socket = if address.is_ipv6() {
        let socket = TcpSocket::new_v6()?;
        // So that inet6:[::] and inet:0.0.0.0 can be open at the same time.
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
        socket
    } else {
        TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Socket::tcp(socket.listen(BACKLOG)?)
}

fn open_unix(path: &Path, settings: &MilterSettings) -> Result<Socket, String> {
    remove_stale(path)?;
    let show = |what: &str, err: io::Error| match err.kind() {
        io::ErrorKind::NotFound => "its folder does not exist; make it first".to_owned(),
        io::ErrorKind::PermissionDenied => {
            format!(
                "not allowed to {what}; give the user of callbluff the right to write in its folder"
            )
        }
        _ => format!("could not {what} ({err})"),
    };
    let socket = UnixSocket::new_stream().map_err(|err| show("make the socket", err))?;
    socket
        .bind(path)
        .map_err(|err| show("make the socket", err))?;
    let file = SocketFile::at(path).map_err(|err| show("look at the socket", err))?;
    if let Some(group) = &settings.socket_group {
        let gid = group_id(group)?;
        chown(path, None, Some(gid)).map_err(|err| show("give the socket to its group", err))?;
    }
    // Before listening: nobody can connect with the rights of the umask.
    fs::set_permissions(path, fs::Permissions::from_mode(settings.socket_mode))
        .map_err(|err| show("set the mode of the socket", err))?;
    let listener = socket.listen(BACKLOG).map_err(|err| show("listen", err))?;
    Ok(Socket {
        listener: Accept::Unix(listener),
        address: SocketAddress::Unix(path.to_owned()),
        _file: Some(file),
    })
}

/// Removes a socket file that nobody answers on.
fn remove_stale(path: &Path) -> Result<(), String> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(
            "there is a file of that name which is no socket; choose another path".to_owned(),
        );
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|err| format!("could not remove the socket of a dead process ({err})")),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(err) => Err(format!(
            "cannot tell whether another program uses the socket ({err})"
        )),
        Ok(_) => {
            Err("another program answers on the socket; stop it or choose another path".to_owned())
        }
    }
}

fn group_id(group: &str) -> Result<u32, String> {
    if let Ok(gid) = group.parse() {
        return Ok(gid);
    }
    match nix::unistd::Group::from_name(group) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("there is no group \"{group}\"")),
        Err(err) => Err(format!("could not look up group \"{group}\" ({err})")),
    }
}

/// A socket file of ours, removed in the end unless somebody else has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            inode: inode(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|now| now == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and number of a file.
fn inode(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// All sockets as the one listener that indymilter asks for.
pub(super) struct Listener {
    streams: mpsc::Receiver<MilterStream>,
}

/// The tasks that accept on the sockets.
pub(super) type Acceptors = JoinSet<()>;

impl Listener {
    /// Begins to accept on all sockets, until the end begins; then they are closed.
    pub(super) fn start(
        sockets: Vec<Socket>,
        settings: &MilterSettings,
        metrics: &Arc<Metrics>,
        phase: &watch::Receiver<Phase>,
    ) -> (Self, Acceptors) {
        let (sender, streams) = mpsc::channel(1);
        let mut acceptors = JoinSet::new();
        let gate = Arc::new(Gate {
            places: Arc::new(Semaphore::new(settings.max_connections)),
            limit: settings.max_connections,
            full: Alarm::default(),
            failing: Alarm::default(),
            broken: Arc::default(),
            metrics: metrics.clone(),
        });
        for socket in sockets {
            let gate = gate.clone();
            let sender = sender.clone();
            let mut phases = phase.clone();
            let phase = phase.clone();
            acceptors.spawn(async move {
                tokio::select! {
                    () = gate.accept_all(&socket, &phase, &sender) => {}
                    _ = phases.wait_for(|phase| *phase != Phase::Serving) => {}
                }
            });
        }
        (Self { streams }, acceptors)
    }
}

impl indymilter::Listener for Listener {
    type Io = MilterStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<MilterStream>> {
        match self.streams.poll_recv(cx) {
            Poll::Ready(Some(stream)) => Poll::Ready(Ok(stream)),
            // All sockets are closed, but the sessions go on: an error would end them.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Lets connections in while there is a place.
struct Gate {
    places: Arc<Semaphore>,
    limit: usize,
    full: Alarm,
    failing: Alarm,
    broken: Arc<Alarm>,
    metrics: Arc<Metrics>,
}

impl Gate {
    async fn accept_all(
        &self,
        socket: &Socket,
        phase: &watch::Receiver<Phase>,
        sender: &mpsc::Sender<MilterStream>,
    ) {
        let mut pause = PAUSES.0;
        loop {
            let accepted = match &socket.listener {
                Accept::Tcp(listener) => {
                    listener.accept().await.map(|(stream, _)| Peer::tcp(stream))
                }
                Accept::Unix(listener) => listener
                    .accept()
                    .await
                    .map(|(stream, _)| Peer::Unix(stream)),
            };
            let peer = match accepted {
                Ok(peer) => peer,
                // Note: out of files or memory, or a client that hung up. indymilter would end all
                // sessions on it, but it passes.
                Err(err) => {
                    self.metrics.accept_errors.inc();
                    if let Some(more) = self.failing.sounds() {
                        error!(
                            "could not accept a connection on {} ({err}); still trying, {more} more errors since the last report",
                            socket.address
                        );
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                    continue;
                }
            };
            pause = PAUSES.0;
            if self.places.available_permits() == 0 {
                self.metrics.connection_limit.inc();
                if let Some(more) = self.full.sounds() {
                    warn!(
                        "all {} milter connections are in use; further ones wait, {more} more since the last report; raise milter.max_connections or lower the MTA's process limit",
                        self.limit
                    );
                }
            }
            let permit = self.places.clone().acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            let stream =
                MilterStream::new(peer, phase.clone(), permit, &self.metrics, &self.broken);
            if sender.send(stream).await.is_err() {
                return;
            }
        }
    }
}
