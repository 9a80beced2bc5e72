//! The socket that `callbluff reload` talks to.
//!
//! The command sends a line, `reload`; the answer is a line `ok` or `failed`, and behind it what the
//! admin is to read. Only the service's own user (and root) can connect.

use crate::config::{MilterSettings, SocketAddress};
use crate::milter::Socket;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The name of the socket, in the state folder.
const NAME: &str = "control.sock";
/// What the command sends.
const RELOAD: &[u8] = b"reload\n";
/// A client that says nothing, or does not read, is left after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the command waits: a reload of a million addresses takes seconds.
const LONGEST_RELOAD: Duration = Duration::from_secs(120);
/// The longest answer that is read: 200 problems with their lines.
const MOST_BYTES: u64 = 1 << 20;
/// The most clients at once.
const CLIENTS: usize = 8;

/// What became of a reload, for the admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Is the new config in use?
    pub is_done: bool,
    /// What to read: what needs a restart, or all that is wrong.
    pub text: String,
}

/// Somebody who waits for a reload.
pub(super) type Asking = oneshot::Sender<Outcome>;

/// The socket, and the tasks of its clients.
pub(super) struct Control {
    socket: Socket,
    clients: JoinSet<()>,
    sender: mpsc::Sender<Asking>,
    asking: mpsc::Receiver<Asking>,
}

impl Control {
    /// Opens the socket in the state folder.
    pub(super) fn open(state_dir: &Path) -> Result<Self, String> {
        let settings = MilterSettings {
            socket_mode: 0o600,
            ..MilterSettings::default()
        };
        let socket = Socket::open(&SocketAddress::Unix(state_dir.join(NAME)), &settings)?;
        let (sender, asking) = mpsc::channel(CLIENTS);
        Ok(Self {
            socket,
            clients: JoinSet::new(),
            sender,
            asking,
        })
    }

    /// Waits for the next one who asks for a reload.
    pub(super) async fn next(&mut self) -> Asking {
        loop {
            tokio::select! {
                Some(asking) = self.asking.recv() => return asking,
                Some(_) = self.clients.join_next() => {}
                accepted = self.socket.accept_unix(), if self.clients.len() < CLIENTS => match accepted {
                    Ok(stream) => {
                        self.clients.spawn(serve(stream, self.sender.clone()));
                    }
                    // Too many open files, and that may pass.
                    Err(_) => sleep(PATIENCE).await,
                },
            }
        }
    }
}

/// Serves one client; whatever goes wrong is the client's loss.
async fn serve(mut stream: UnixStream, sender: mpsc::Sender<Asking>) {
    let mut line = [0; RELOAD.len()];
    let read = timeout(PATIENCE, stream.read_exact(&mut line)).await;
    if !matches!(read, Ok(Ok(_))) || line != RELOAD {
        return;
    }
    let (asking, outcome) = oneshot::channel();
    if sender.send(asking).await.is_err() {
        return;
    }
    if let Ok(Outcome { is_done, text }) = outcome.await {
        let word = if is_done { "ok" } else { "failed" };
        let answer = format!("{word}\n{text}");
        let _ = timeout(PATIENCE, stream.write_all(answer.as_bytes())).await;
    }
}

/// Asks the running service to reload, and waits for the outcome.
///
/// # Errors
///
/// When no service answers on the socket in the state folder.
pub fn ask_reload(state_dir: &Path) -> Result<Outcome, String> {
    let path = state_dir.join(NAME);
    let ask = || -> io::Result<String> {
        let mut stream = std::os::unix::net::UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(LONGEST_RELOAD))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(RELOAD)?;
        let mut answer = String::new();
        stream.take(MOST_BYTES).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                "no service runs there; is --config or --state-dir that of the service?"
            }
            io::ErrorKind::PermissionDenied => "run it as the user of the service, or as root",
            _ => "the service did not answer; its log may say more",
        };
        format!(
            "cannot reach the service at \"{}\" ({error}); {what}",
            path.display()
        )
    })?;
    let (word, text) = answer.split_once('\n').unwrap_or((&answer, ""));
    let is_done = match word {
        "ok" => true,
        "failed" => false,
        _ => return Err("the service ended before the reload was done".to_owned()),
    };
    Ok(Outcome {
        is_done,
        text: text.to_owned(),
    })
}
