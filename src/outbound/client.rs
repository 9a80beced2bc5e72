//! One SMTP transaction with the next hop.

use crate::message::Address;
use crate::outbound::data::{self, Stuffer};
use crate::outbound::reply::MAX_LINE;
use crate::outbound::{Fate, Mail, NextHop, Outcome, Reply, ReplyError, Settings};
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Bytes of the message that are written at once.
const PIECE: usize = 64 << 10;
/// The longest address, in bytes; RFC 5321, section 4.5.3.1.3 asks for 256, and others write more.
const MAX_ADDRESS: usize = 1000;
/// How long the reply to QUIT is waited for: nothing depends on it.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends one message in one transaction.
///
/// It never fails as a whole: what goes wrong is told for each recipient. Where the connection breaks
/// after the last byte of the message, the recipients are deferred although the next hop may have
/// taken the message: twice is better than never.
pub async fn send(settings: &Settings, mail: &Mail<'_>) -> Outcome {
    let mut outcome = Outcome {
        fates: vec![Fate::Deferred(String::new()); mail.recipients.len()],
        reply: None,
        is_exact: true,
    };
    let mut accepted = Vec::new();
    let ended = transaction(settings, mail, &mut outcome, &mut accepted).await;
    if let Err(trouble) = ended {
        let fate = if trouble.is_permanent() {
            Fate::Refused(trouble.to_string())
        } else {
            Fate::Deferred(trouble.to_string())
        };
        for old in &mut outcome.fates {
            if *old == Fate::Deferred(String::new()) {
                old.clone_from(&fate);
            }
        }
    }
    outcome
}

/// Why a transaction ended early.
#[derive(Debug)]
enum Trouble {
    /// No connection.
    Connect(NextHop, io::Error),
    /// The connection broke at this step.
    Broken(&'static str, io::Error),
    /// Nothing happened at this step for so long.
    Silent(&'static str, Duration),
    /// The answer to this step was no reply.
    Odd(&'static str, ReplyError),
    /// The server said no to this step.
    Said(&'static str, Reply),
    /// It cannot be sent to this server.
    Unfit(String),
}

impl Trouble {
    fn is_permanent(&self) -> bool {
        match self {
            // A greeting or EHLO that is refused is about us, and can be mended; so is the wrong server.
            Self::Said("connect" | "EHLO", _) => false,
            Self::Said(_, reply) => reply.is_permanent(),
            Self::Unfit(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(hop, err) => write!(f, "could not connect to {hop} ({err})"),
            Self::Broken(step, err) => write!(f, "the connection broke at {step} ({err})"),
            Self::Silent(step, limit) => {
                write!(f, "no answer to {step} in {} s", limit.as_secs())
            }
            Self::Odd(step, why) => write!(f, "{step}: {why}"),
            Self::Said(step, reply) => write!(f, "{reply} (in reply to {step})"),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

async fn transaction(
    settings: &Settings,
    mail: &Mail<'_>,
    outcome: &mut Outcome,
    accepted: &mut Vec<usize>,
) -> Result<(), Trouble> {
    if !is_sendable(mail.sender) {
        return Err(Trouble::Unfit(
            "the sender's address cannot be sent".to_owned(),
        ));
    }
    let mut session = Session::open(settings).await?;
    let offers = session.hello(&settings.hello).await?;
    let size = mail.head.len() + mail.message.len();
    if offers.size.is_some_and(|limit| limit > 0 && size > limit) {
        let limit = offers.size.unwrap_or_default();
        return Err(Trouble::Unfit(format!(
            "the message has {size} bytes, the next hop takes {limit}"
        )));
    }
    let is_ascii = |address: &Address| address.as_bytes().is_ascii();
    if !offers.smtputf8 && !is_ascii(mail.sender) {
        return Err(Trouble::Unfit(
            "the next hop does not offer SMTPUTF8, which the sender's address needs".to_owned(),
        ));
    }
    session
        .command("MAIL", &mail_command(mail, &offers))
        .await?;
    for (index, recipient) in mail.recipients.iter().enumerate() {
        if !is_sendable(recipient) || recipient.is_null() {
            outcome.fates[index] = Fate::Refused("the address cannot be sent".to_owned());
            continue;
        }
        if !offers.smtputf8 && !is_ascii(recipient) {
            outcome.fates[index] = Fate::Refused(
                "the next hop does not offer SMTPUTF8, which the address needs".to_owned(),
            );
            continue;
        }
        let mut line = b"RCPT TO:<".to_vec();
        line.extend_from_slice(recipient.as_bytes());
        line.push(b'>');
        match session.command("RCPT", &line).await {
            Ok(_) => accepted.push(index),
            Err(Trouble::Said(step, reply)) => {
                let told = Trouble::Said(step, reply);
                outcome.fates[index] = if told.is_permanent() {
                    Fate::Refused(told.to_string())
                } else {
                    Fate::Deferred(told.to_string())
                };
                // RFC 5321, section 3.8: after 421 the server hangs up.
                if matches!(told, Trouble::Said(_, Reply { code: 421, .. })) {
                    return Err(told);
                }
            }
            Err(other) => return Err(other),
        }
    }
    if accepted.is_empty() {
        session.quit().await;
        return Ok(());
    }
    let is_plain = data::fits(mail.message);
    let reply = if is_plain || !offers.chunking {
        outcome.is_exact = is_plain;
        session.data(mail).await
    } else {
        session.bdat(mail).await
    };
    match reply {
        Ok(reply) => {
            for &index in accepted.iter() {
                outcome.fates[index] = Fate::Taken;
            }
            outcome.reply = Some(reply);
            session.quit().await;
            Ok(())
        }
        Err(trouble) => {
            if let Trouble::Said(_, reply) = &trouble {
                outcome.reply = Some(reply.clone());
            }
            Err(trouble)
        }
    }
}

/// Can this address stand in a command without being taken for something else?
fn is_sendable(address: &Address) -> bool {
    let bytes = address.as_bytes();
    if bytes.len() > MAX_ADDRESS || std::str::from_utf8(bytes).is_err() {
        return false;
    }
    let mut in_quotes = false;
    let mut is_escaped = false;
    for &byte in bytes {
        match byte {
            0..=31 | 127 => return false,
            _ if is_escaped => is_escaped = false,
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            b'<' | b'>' | b' ' if !in_quotes => return false,
            _ => {}
        }
    }
    !in_quotes
}

fn mail_command(mail: &Mail<'_>, offers: &Offers) -> Vec<u8> {
    let mut line = b"MAIL FROM:<".to_vec();
    line.extend_from_slice(mail.sender.as_bytes());
    line.push(b'>');
    if offers.size.is_some() {
        let size = mail.head.len() + mail.message.len();
        line.extend_from_slice(format!(" SIZE={size}").as_bytes());
    }
    // Without the offer it goes as it is: what passes 8 bits nowadays is all there is, and nothing
    // else would leave the bytes as they are.
    if offers.eightbit && !(mail.head.is_ascii() && mail.message.is_ascii()) {
        line.extend_from_slice(b" BODY=8BITMIME");
    }
    let header = &mail.message[..header_len(mail.message)];
    let needs_utf8 = !mail.sender.as_bytes().is_ascii()
        || mail.recipients.iter().any(|to| !to.as_bytes().is_ascii())
        || !header.is_ascii();
    if offers.smtputf8 && needs_utf8 {
        line.extend_from_slice(b" SMTPUTF8");
    }
    line
}

/// Bytes before the blank line.
fn header_len(message: &[u8]) -> usize {
    let end = |mark: &[u8]| memchr::memmem::find(message, mark);
    match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(one), Some(other)) => one.min(other),
        (one, other) => one.or(other).unwrap_or(message.len()),
    }
}

/// What the server said that it can do.
#[derive(Debug, Default)]
struct Offers {
    /// The largest message in bytes; 0 where no limit is told (RFC 1870).
    size: Option<usize>,
    eightbit: bool,
    smtputf8: bool,
    chunking: bool,
}

impl Offers {
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        // The first line is a greeting (RFC 5321, section 4.1.1.1).
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_whitespace();
            let word = words.next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "SIZE" => {
                    let limit = words.next().and_then(|limit| limit.parse().ok());
                    offers.size = Some(limit.unwrap_or(0));
                }
                "8BITMIME" => offers.eightbit = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "CHUNKING" => offers.chunking = true,
                _ => {}
            }
        }
        offers
    }
}

type Reading = Box<dyn AsyncRead + Send + Unpin>;
type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// One connection to the server.
struct Session {
    reader: BufReader<Reading>,
    writer: Writing,
    command_timeout: Duration,
    end_timeout: Duration,
}

impl Session {
    /// Connects and reads the greeting.
    async fn open(settings: &Settings) -> Result<Self, Trouble> {
        let hop = &settings.next_hop;
        let connecting = async {
            let halves: (Reading, Writing) = match hop {
                NextHop::Inet { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    let (reader, writer) = stream.into_split();
                    (Box::new(reader), Box::new(writer))
                }
                NextHop::Unix(path) => {
                    let (reader, writer) = UnixStream::connect(path).await?.into_split();
                    (Box::new(reader), Box::new(writer))
                }
            };
            Ok::<_, io::Error>(halves)
        };
        let (reader, writer) = timeout(settings.connect_timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|err| Trouble::Connect(hop.clone(), err))?;
        let mut session = Self {
            reader: BufReader::new(reader),
            writer,
            command_timeout: settings.command_timeout,
            end_timeout: settings.end_timeout,
        };
        session.reply("connect", settings.command_timeout).await?;
        Ok(session)
    }

    async fn hello(&mut self, name: &str) -> Result<Offers, Trouble> {
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(255)
            .collect();
        let line = format!("EHLO {name}");
        let reply = self.command("EHLO", line.as_bytes()).await?;
        Ok(Offers::of(&reply))
    }

    /// Sends a command; anything but a positive reply is trouble.
    async fn command(&mut self, step: &'static str, line: &[u8]) -> Result<Reply, Trouble> {
        let mut bytes = line.to_vec();
        bytes.extend_from_slice(b"\r\n");
        self.write(step, &bytes).await?;
        self.reply(step, self.command_timeout).await
    }

    async fn data(&mut self, mail: &Mail<'_>) -> Result<Reply, Trouble> {
        let go = self.command_reply("DATA", b"DATA").await?;
        if go.code != 354 {
            return Err(Trouble::Said("DATA", go));
        }
        let mut stuffer = Stuffer::new();
        let mut out = Vec::with_capacity(2 * PIECE);
        for piece in mail.head.chunks(PIECE).chain(mail.message.chunks(PIECE)) {
            out.clear();
            stuffer.push(piece, &mut out);
            self.write("the message", &out).await?;
        }
        out.clear();
        stuffer.end(&mut out);
        self.write("the end of the message", &out).await?;
        self.reply("the end of the message", self.end_timeout).await
    }

    async fn bdat(&mut self, mail: &Mail<'_>) -> Result<Reply, Trouble> {
        let size = mail.head.len() + mail.message.len();
        let line = format!("BDAT {size} LAST\r\n");
        self.write("BDAT", line.as_bytes()).await?;
        for piece in mail.head.chunks(PIECE).chain(mail.message.chunks(PIECE)) {
            self.write("the message", piece).await?;
        }
        self.reply("the end of the message", self.end_timeout).await
    }

    /// Ends the session politely; what comes of it matters to nobody.
    async fn quit(mut self) {
        let _ = timeout(QUIT_TIMEOUT, self.command("QUIT", b"QUIT")).await;
    }

    async fn write(&mut self, step: &'static str, bytes: &[u8]) -> Result<(), Trouble> {
        let writing = async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        };
        match timeout(self.command_timeout, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) => Err(Trouble::Broken(step, err)),
            Err(_) => Err(Trouble::Silent(step, self.command_timeout)),
        }
    }

    /// Reads a reply, which must be positive.
    async fn reply(&mut self, step: &'static str, limit: Duration) -> Result<Reply, Trouble> {
        let reply = self.read(step, limit).await?;
        if reply.is_positive() {
            Ok(reply)
        } else {
            Err(Trouble::Said(step, reply))
        }
    }

    async fn command_reply(&mut self, step: &'static str, line: &[u8]) -> Result<Reply, Trouble> {
        let mut bytes = line.to_vec();
        bytes.extend_from_slice(b"\r\n");
        self.write(step, &bytes).await?;
        self.read(step, self.command_timeout).await
    }

    async fn read(&mut self, step: &'static str, limit: Duration) -> Result<Reply, Trouble> {
        match timeout(limit, self.read_lines(step)).await {
            Ok(read) => read,
            Err(_) => Err(Trouble::Silent(step, limit)),
        }
    }

    async fn read_lines(&mut self, step: &'static str) -> Result<Reply, Trouble> {
        let mut reply = Reply::empty();
        loop {
            let mut line = Vec::new();
            (&mut self.reader)
                .take(MAX_LINE as u64)
                .read_until(b'\n', &mut line)
                .await
                .map_err(|err| Trouble::Broken(step, err))?;
            let Some(text) = line.strip_suffix(b"\n") else {
                return Err(if line.len() >= MAX_LINE {
                    Trouble::Odd(step, ReplyError::TooLong)
                } else {
                    Trouble::Broken(step, io::ErrorKind::UnexpectedEof.into())
                });
            };
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            match reply.take(text) {
                Ok(true) => return Ok(reply),
                Ok(false) => {}
                Err(why) => return Err(Trouble::Odd(step, why)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
