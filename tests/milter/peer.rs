//! A service to talk to, and an MTA that says what it likes.

use callbluff::classify::{Category, Class, Kind, Signal, Verdict};
use callbluff::config::{Config, SocketAddress};
use callbluff::daemon::Daemon;
use callbluff::engine::Engine;
use callbluff::message::{Envelope, Origin, Place, Reading};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// A test that waits longer than this for an answer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// All flags of a Postfix of today: actions and steps.
pub(crate) const ALL: (u32, u32) = (0x1ff, 0x1f_ffff);
/// Nothing but what version 2 knows: every command is answered.
pub(crate) const VERSION_2: (u32, u32) = (0x3f, 0x7f);

/// A verdict by the local part of the sender, so that a test says what it wants.
pub(crate) fn judge(envelope: &Envelope, reading: &Reading) -> Verdict {
    let sender = envelope.sender.as_ref().map(|sender| sender.local_part());
    let (class, score) = match sender.as_deref() {
        Some("panic") => panic!("a bug that the mail has found"),
        Some("suspect") => (Class::Suspect, 6.5),
        Some("clean" | "") | None => (Class::Clean, 0.0),
        Some(_) => (Class::Sextortion, 11.5),
    };
    let signals = ["recording.claimed", "wallet.btc"].map(|id| Signal {
        id: id.to_owned(),
        category: Category::Wallet,
        weight: 1.0,
        place: Place::of(Origin::Plain),
    });
    let is_clean = class == Class::Clean;
    Verdict {
        class,
        score,
        context: None,
        kind: (!is_clean).then_some(Kind::Bluff),
        signals: if is_clean { Vec::new() } else { signals.into() },
        is_truncated: reading.is_truncated,
        ..Verdict::error()
    }
}

/// The rules of most tests: the sender's local part is the action.
pub(crate) const RULES: &str = r#"
    [[rule]]
    sender = "hold@"
    action = "hold"
    [[rule]]
    sender = "reject@"
    action = "reject"
    text = "550 5.7.1 100% extortion (%s)"
    [[rule]]
    sender = "defer@"
    action = "defer"
    text = "451 4.7.1 Not now"
    [[rule]]
    sender = "discard@"
    action = "discard"
    [[rule]]
    sender = "prefix@"
    action = "tag"
    subject_prefix = "[extortion]"
    [[rule]]
    sender = "split@"
    recipient = "strict@"
    action = "reject"
    text = "550 5.7.1 No"
    [[rule]]
    sender = "split@"
    action = "tag"
"#;

/// Reads a config as an admin writes it, with ports of the system's choice.
pub(crate) fn config(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("callbluff.toml");
    let milter = if text.contains("[milter]") {
        ""
    } else {
        "[milter]\nlisten = \"inet:0@127.0.0.1\"\n"
    };
    // For every test of this process the same, and not in the source tree.
    let state = concat!(env!("CARGO_TARGET_TMPDIR"), "/milter");
    let state = if text.contains("state_dir") {
        String::new()
    } else {
        format!("state_dir = \"{state}\"\n")
    };
    let text = format!("{state}{text}\n[http]\nlisten = \"127.0.0.1:0\"\n{milter}");
    std::fs::write(&path, text).unwrap();
    match Config::load(&path) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{problems}"),
    }
}

/// Starts a service with the verdicts of [`judge`].
pub(crate) async fn start(text: &str) -> Daemon {
    start_with(config(text), judge).await
}

pub(crate) async fn start_with(
    config: Config,
    judge: impl Fn(&Envelope, &Reading) -> Verdict + Send + Sync + 'static,
) -> Daemon {
    keep_log();
    let engine = Engine::with_judge(config, judge);
    let load = Box::new(|| Err("no reload in this test".to_owned()));
    Daemon::start(engine, load).await.unwrap()
}

/// Where the service's first TCP socket is.
pub(crate) fn address(daemon: &Daemon) -> (String, u16) {
    match &daemon.sockets()[0] {
        SocketAddress::Inet { host, port, .. } => (host.clone(), *port),
        SocketAddress::Unix(path) => panic!("{path:?} is no TCP socket"),
    }
}

/// Waits until a number of the service has a value.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();

struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn keep_log() {
    LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || Kept(writer.clone()))
            .init();
        log
    });
}

/// The log lines with a text, in order.
pub(crate) fn log_lines(text: &str) -> Vec<String> {
    let log = LOG.get().expect("a service was started").lock().unwrap();
    String::from_utf8_lossy(&log)
        .lines()
        .filter(|line| line.contains(text))
        .map(|line| line.trim_start().to_owned())
        .collect()
}

/// One frame of the milter protocol.
pub(crate) fn frame(command: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32 + 1).to_be_bytes().to_vec();
    bytes.push(command);
    bytes.extend_from_slice(payload);
    bytes
}

/// Strings, each with its NUL.
pub(crate) fn strings(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| [part, &b"\0"[..]].concat())
        .collect()
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What the service answers: command byte and payload.
pub(crate) type Reply = (char, Vec<u8>);

/// An MTA's connection.
pub(crate) struct Mta {
    stream: Box<dyn Stream>,
    /// What was agreed: actions and steps.
    pub(crate) agreed: (u32, u32),
    /// The macro lists that were asked for.
    pub(crate) macros: String,
}

const NR_CONNECT: u32 = 0x1000;
const NR_HELO: u32 = 0x2000;
const NR_MAIL: u32 = 0x4000;
const NR_RCPT: u32 = 0x8000;
const NR_HEADER: u32 = 0x80;
const NR_BODY: u32 = 0x80000;
const NO_EOH: u32 = 0x40;
const NO_DATA: u32 = 0x200;
pub(crate) const LEADING_SPACE: u32 = 0x10_0000;

impl Mta {
    /// Connects and offers everything.
    pub(crate) async fn new(daemon: &Daemon) -> Self {
        Self::offering(daemon, 6, ALL).await
    }

    pub(crate) async fn offering(daemon: &Daemon, version: u32, offer: (u32, u32)) -> Self {
        let mut mta = Self::silent(daemon).await;
        mta.negotiate(version, offer).await;
        mta
    }

    /// Connects and says nothing.
    pub(crate) async fn silent(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(address(daemon)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(Box::new(stream))
    }

    pub(crate) async fn unix(path: &Path) -> Self {
        let mut mta = Self::on(Box::new(UnixStream::connect(path).await.unwrap()));
        mta.negotiate(6, ALL).await;
        mta
    }

    fn on(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            agreed: (0, 0),
            macros: String::new(),
        }
    }

    pub(crate) async fn negotiate(&mut self, version: u32, offer: (u32, u32)) {
        let payload = [version, offer.0, offer.1].map(u32::to_be_bytes).concat();
        self.send(&frame(b'O', &payload)).await;
        let (command, answer) = self.reply().await.expect("an answer");
        assert_eq!(command, 'O');
        let number = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().unwrap());
        assert_eq!(number(0), version);
        self.agreed = (number(4), number(8));
        assert_eq!(self.agreed.0 & !offer.0, 0, "actions that were not offered");
        assert_eq!(self.agreed.1 & !offer.1, 0, "steps that were not offered");
        self.macros = String::from_utf8_lossy(&answer[12..]).into_owned();
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer; `None` where the service has hung up.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let reading = async {
            let length = self.stream.read_u32().await.ok()?;
            let mut bytes = vec![0; length as usize];
            self.stream.read_exact(&mut bytes).await.ok()?;
            Some((char::from(bytes[0]), bytes[1..].to_vec()))
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("no answer")
    }

    /// Half-closes the connection.
    pub(crate) async fn say_no_more(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// A command; where a reply was agreed it must be `c`.
    pub(crate) async fn command(&mut self, command: u8, payload: &[u8], noreply: u32) {
        self.send(&frame(command, payload)).await;
        if noreply == 0 || self.agreed.1 & noreply == 0 {
            let (answer, _) = self.reply().await.expect("an answer");
            assert_eq!(answer, 'c', "to {}", char::from(command));
        }
    }

    pub(crate) async fn macros(&mut self, stage: u8, values: &[(&str, &str)]) {
        let mut payload = vec![stage];
        for (name, value) in values {
            payload.extend(strings(&[name.as_bytes(), value.as_bytes()]));
        }
        self.send(&frame(b'D', &payload)).await;
    }

    pub(crate) async fn connect(&mut self, ip: &str) {
        let family = if ip.contains(':') { b'6' } else { b'4' };
        let mut payload = b"client.example.net\0".to_vec();
        payload.extend_from_slice(&[family, 0x12, 0x34]);
        payload.extend(strings(&[ip.as_bytes()]));
        self.command(b'C', &payload, NR_CONNECT).await;
        self.command(b'H', b"helo.example.net\0", NR_HELO).await;
    }

    pub(crate) async fn mail(&mut self, sender: &[u8]) {
        let sender = strings(&[&[b"<", sender, b">"].concat()]);
        self.command(b'M', &sender, NR_MAIL).await;
    }

    pub(crate) async fn rcpt(&mut self, recipient: &[u8]) {
        let recipient = strings(&[&[b"<", recipient, b">"].concat()]);
        self.command(b'R', &recipient, NR_RCPT).await;
    }

    /// A header field; the value without the space after the colon.
    pub(crate) async fn header(&mut self, name: &[u8], value: &[u8]) {
        let space: &[u8] = if self.agreed.1 & LEADING_SPACE != 0 {
            b" "
        } else {
            b""
        };
        let payload = strings(&[name, &[space, value].concat()]);
        self.command(b'L', &payload, NR_HEADER).await;
    }

    pub(crate) async fn body(&mut self, bytes: &[u8]) {
        self.command(b'B', bytes, NR_BODY).await;
    }

    /// Ends the message: the changes, and the verdict.
    pub(crate) async fn end(&mut self) -> (Vec<Reply>, Reply) {
        self.send(&frame(b'E', b"")).await;
        let mut changes = Vec::new();
        loop {
            let reply = self.reply().await.expect("a verdict");
            if "hmqpb+-e".contains(reply.0) || reply.0 == 'i' {
                changes.push(reply);
            } else {
                return (changes, reply);
            }
        }
    }

    /// All of a message up to its end.
    pub(crate) async fn begin(&mut self, id: &str, sender: &[u8], recipients: &[&[u8]]) {
        self.mail(sender).await;
        for recipient in recipients {
            self.rcpt(recipient).await;
        }
        if self.agreed.1 & NO_DATA == 0 && self.agreed.1 & 0x1000 != 0 {
            self.command(b'T', b"", 0).await;
        }
        self.header(b"Subject", b"hello").await;
        self.macros(b'E', &[("i", id)]).await;
        if self.agreed.1 & NO_EOH == 0 {
            self.command(b'N', b"", 0).await;
        }
    }

    /// A whole message of a sender: the changes, and the verdict.
    pub(crate) async fn message(&mut self, id: &str, sender: &str) -> (Vec<Reply>, Reply) {
        let sender = match sender {
            "" => Vec::new(),
            name => format!("{name}@example.net").into_bytes(),
        };
        self.begin(id, &sender, &[b"a@example.org"]).await;
        self.body(b"Hello\r\n").await;
        self.end().await
    }
}

/// Shows changes as text: `i1 X-Name: value`, `m2 x-name:`, `q reason`.
pub(crate) fn shown(changes: &[Reply]) -> Vec<String> {
    changes
        .iter()
        .map(|(command, payload)| {
            let text = |bytes: &[u8]| {
                let parts: Vec<_> = bytes
                    .split(|&byte| byte == 0)
                    .map(|part| String::from_utf8_lossy(part).into_owned())
                    .collect();
                parts.join(":").trim_end_matches(':').to_owned()
            };
            match command {
                'i' | 'm' => {
                    let index = u32::from_be_bytes(payload[..4].try_into().unwrap());
                    format!("{command}{index} {}", text(&payload[4..]))
                }
                _ => format!("{command} {}", text(payload)),
            }
        })
        .collect()
}
