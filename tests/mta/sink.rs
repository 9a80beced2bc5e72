//! The server behind the MTA: it takes every mail and keeps its exact bytes.

use crate::ground::DEADLINE;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// One mail as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// The argument of MAIL: `<a@example.net> SIZE=12`.
    pub(crate) from: String,
    /// The argument of each RCPT.
    pub(crate) to: Vec<String>,
    /// The message without dot stuffing.
    pub(crate) message: Vec<u8>,
}

impl Mail {
    /// The header, line by line with folds kept, and the body.
    pub(crate) fn split(&self) -> (String, &[u8]) {
        let end = self
            .message
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        (
            String::from_utf8_lossy(&self.message[..end + 2]).into_owned(),
            &self.message[end + 4..],
        )
    }

    /// The fields of the header in order, each with its folds.
    pub(crate) fn fields(&self) -> Vec<String> {
        let (header, _) = self.split();
        let mut fields: Vec<String> = Vec::new();
        for line in header.split_terminator("\r\n") {
            match fields.last_mut() {
                Some(field) if line.starts_with([' ', '\t']) => {
                    field.push_str("\r\n");
                    field.push_str(line);
                }
                _ => fields.push(line.to_owned()),
            }
        }
        fields
    }

    /// The values of every field with this name, without the space after the colon.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let fields = self.fields();
        let values = fields.iter().filter_map(|field| field.split_once(':'));
        values
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.strip_prefix(' ').unwrap_or(value).to_owned())
            .collect()
    }
}

#[derive(Default)]
struct Inbox {
    mails: Mutex<Vec<Mail>>,
    arrived: Condvar,
}

/// A listening sink; it lives as long as the test.
pub(crate) struct Sink {
    port: u16,
    inbox: Arc<Inbox>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inbox = Arc::new(Inbox::default());
        let shared = Arc::clone(&inbox);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inbox = Arc::clone(&shared);
                // An MTA that hangs up is no business of the sink: what had not arrived whole is not kept.
                std::thread::spawn(move || serve(stream, &inbox));
            }
        });
        Self { port, inbox }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until `enough` says so of all that has arrived, and returns it.
    pub(crate) fn wait(&self, what: &str, enough: impl Fn(&[Mail]) -> bool) -> Vec<Mail> {
        let mails = self.inbox.mails.lock().unwrap();
        let (mails, out) = self
            .inbox
            .arrived
            .wait_timeout_while(mails, DEADLINE, |mails| !enough(mails))
            .unwrap();
        assert!(
            !out.timed_out(),
            "waited in vain for {what}; arrived: {}",
            mails.len()
        );
        mails.clone()
    }

    /// Waits for so many mails.
    pub(crate) fn mails(&self, count: usize) -> Vec<Mail> {
        self.wait(&format!("{count} mails"), |mails| mails.len() >= count)
    }
}

fn serve(stream: TcpStream, inbox: &Inbox) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut mail = Mail {
        from: String::new(),
        to: Vec::new(),
        message: Vec::new(),
    };
    writer.write_all(b"220 sink.example.org ESMTP\r\n")?;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let word = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let argument = || {
            line.split_once(':')
                .map_or("", |(_, argument)| argument)
                .to_owned()
        };
        let answer: &[u8] = match word.as_str() {
            "EHLO" => b"250-sink.example.org\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n",
            "MAIL" => {
                mail = Mail {
                    from: argument(),
                    to: Vec::new(),
                    message: Vec::new(),
                };
                b"250 2.1.0 Ok\r\n"
            }
            "RCPT" => {
                mail.to.push(argument());
                b"250 2.1.5 Ok\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 Go ahead\r\n")?;
                mail.message = read_message(&mut reader)?;
                inbox.mails.lock().unwrap().push(mail.clone());
                inbox.arrived.notify_all();
                b"250 2.0.0 Ok\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 2.0.0 Bye\r\n")?;
                return Ok(());
            }
            _ => b"250 2.0.0 Ok\r\n",
        };
        writer.write_all(answer)?;
    }
}

fn read_message(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let start = message.len();
        if reader.read_until(b'\n', &mut message)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if &message[start..] == b".\r\n" {
            message.truncate(start);
            return Ok(message);
        }
        if message[start] == b'.' {
            message.remove(start);
        }
    }
}
