//! An SMTP client that a test leads by the hand.

use crate::ground::DEADLINE;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// The text of each line, without code and line break.
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// All in one line, as a person would quote it: `550 5.7.1 Message rejected`.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" / "))
    }
}

/// One SMTP session.
pub(crate) struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    /// Connects, reads the greeting and says EHLO.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        Self::over(TcpStream::connect(server).unwrap())
    }

    /// The same over a connection that was made already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self::greet(stream).unwrap_or_else(|reply| panic!("refused: {}", reply.text()))
    }

    /// The same, or the reply to the first step that failed.
    pub(crate) fn greet(stream: TcpStream) -> Result<Self, Reply> {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut smtp = Self {
            stream: BufReader::new(stream),
        };
        for reply in [smtp.reply(), smtp.command("EHLO client.example.net")] {
            if reply.code / 100 != 2 {
                return Err(reply);
            }
        }
        Ok(smtp)
    }

    /// Sends bytes as they are, for pipelining and for half messages.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Reads one reply; code 0 where the server hung up instead.
    pub(crate) fn reply(&mut self) -> Reply {
        let mut reply = Reply {
            code: 0,
            lines: Vec::new(),
        };
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return reply,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return reply,
                read => read.unwrap(),
            };
            let line = line.trim_end();
            reply.code = line[..3].parse().unwrap();
            reply
                .lines
                .push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Sends one command and reads its reply.
    pub(crate) fn command(&mut self, line: &str) -> Reply {
        self.send(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// A command that must succeed.
    pub(crate) fn ok(&mut self, line: &str) -> Reply {
        let reply = self.command(line);
        assert!((200..400).contains(&reply.code), "{line}: {}", reply.text());
        reply
    }

    /// MAIL, RCPT for each and DATA, all of which must succeed.
    pub(crate) fn open(&mut self, from: &str, to: &[&str]) {
        self.ok(&format!("MAIL FROM:<{from}>"));
        for recipient in to {
            self.ok(&format!("RCPT TO:<{recipient}>"));
        }
        self.ok("DATA");
    }

    /// The message itself with its final dot; lines end in CRLF, dots are stuffed here.
    pub(crate) fn message(&mut self, message: &[u8]) -> Reply {
        self.send(&stuffed(message));
        self.send(b".\r\n");
        self.reply()
    }

    /// A whole transaction; the reply to the message, or to the first command that failed.
    pub(crate) fn deliver(&mut self, from: &str, to: &[&str], message: &[u8]) -> Reply {
        let mut commands = vec![format!("MAIL FROM:<{from}>")];
        commands.extend(to.iter().map(|recipient| format!("RCPT TO:<{recipient}>")));
        commands.push("DATA".to_owned());
        for command in commands {
            let reply = self.command(&command);
            if !(200..400).contains(&reply.code) {
                return reply;
            }
        }
        self.message(message)
    }

    /// XCLIENT (Postfix): from now on the session is that of another client.
    pub(crate) fn become_client(&mut self, attributes: &str) {
        assert_eq!(self.command(&format!("XCLIENT {attributes}")).code, 220);
        self.ok("EHLO client.example.net");
    }
}

/// The message as DATA sends it (RFC 5321, section 4.5.2).
pub(crate) fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out
}
