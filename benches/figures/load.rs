//! A client that plays the MTA and sends as much as the milter takes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Where the milter listens.
pub(crate) enum Address {
    Tcp(u16),
    Unix(String),
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Address {
    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port))?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(UnixStream::connect(path)?),
        })
    }
}

/// Messages, ready to be sent.
pub(crate) struct Load {
    /// All frames of each, from the macros of MAIL to the end of the message.
    whole: Vec<Vec<u8>>,
    /// The same without DATA and the end of the header.
    lean: Vec<Vec<u8>>,
}

impl Load {
    pub(crate) fn new(mails: &[Vec<u8>]) -> Self {
        Self {
            whole: mails.iter().map(|mail| frames(mail, false)).collect(),
            lean: mails.iter().map(|mail| frames(mail, true)).collect(),
        }
    }

    /// Sends so many messages over so many connections at once, a new one after `per_connection`; the time it took.
    pub(crate) fn run(
        &self,
        address: Address,
        connections: usize,
        messages: usize,
        per_connection: usize,
    ) -> Duration {
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let mut connection: Option<(Box<dyn Stream>, bool)> = None;
                    let mut sent = 0;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= messages {
                            break;
                        }
                        let (stream, is_lean) = match &mut connection {
                            Some(open) if sent % per_connection != 0 => open,
                            slot => {
                                if let Some((old, _)) = slot {
                                    write_frame(old, b'Q', b"").unwrap();
                                }
                                slot.insert(open(&address).unwrap())
                            }
                        };
                        sent += 1;
                        let frames = if *is_lean { &self.lean } else { &self.whole };
                        stream.write_all(&frames[number % frames.len()]).unwrap();
                        while !b"acrtdy".contains(&read_frame(stream).unwrap()[0]) {}
                    }
                });
            }
        });
        start.elapsed()
    }
}

/// Connects, negotiates, and says who the client is; whether DATA and the end of the header are not wanted.
/// No command but the last may want a reply.
fn open(address: &Address) -> io::Result<(Box<dyn Stream>, bool)> {
    let mut stream = address.connect()?;
    let words = [6u32, 0x1ff, 0x1f_ffff].map(u32::to_be_bytes);
    write_frame(&mut stream, b'O', &words.concat())?;
    let answer = read_frame(&mut stream)?;
    let steps = u32::from_be_bytes(answer[9..13].try_into().unwrap());
    // NR_CONN, NR_HELO, NR_MAIL, NR_RCPT, NR_HDR, NR_BODY, and the leading space of values.
    const QUIET: u32 = 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x80 | 0x8_0000 | 0x10_0000;
    // NODATA and NOEOH, or else NR_DATA and NR_EOH.
    const LEAN: u32 = 0x200 | 0x40;
    const WHOLE: u32 = 0x1_0000 | 0x4_0000;
    let is_lean = steps & LEAN == LEAN;
    assert_eq!(
        steps & QUIET,
        QUIET,
        "the milter wants to answer each command"
    );
    assert!(
        is_lean || steps & WHOLE == WHOLE,
        "the milter wants to answer DATA"
    );
    let mut greeting = Vec::new();
    write_frame(
        &mut greeting,
        b'D',
        b"Cj\0mx.example.org\0{daemon_name}\0smtpd\0v\0load\0",
    )?;
    write_frame(
        &mut greeting,
        b'C',
        b"client.example.net\x004\xb2\x6e192.0.2.10\0",
    )?;
    write_frame(&mut greeting, b'H', b"client.example.net\0")?;
    stream.write_all(&greeting)?;
    Ok((stream, is_lean))
}

fn frames(mail: &[u8], is_lean: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let end = mail
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let header = String::from_utf8(mail[..end].to_vec()).unwrap();
    let mut frame = |command, payload: &[u8]| write_frame(&mut out, command, payload).unwrap();
    frame(b'D', b"Mi\x004bQk2x3Tz\0{mail_addr}\0sender@example.net\0");
    frame(b'M', b"<sender@example.net>\0");
    frame(b'R', b"<recipient@example.org>\0");
    if !is_lean {
        frame(b'D', b"Ti\x004bQk2x3Tz\0");
        frame(b'T', b"");
    }
    // A milter sees folds as line feeds alone.
    for field in header.replace("\r\n\t", "\n\t").split("\r\n") {
        let (name, value) = field.split_once(':').unwrap();
        frame(
            b'L',
            &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat(),
        );
    }
    if !is_lean {
        frame(b'D', b"Ni\x004bQk2x3Tz\0");
        frame(b'N', b"");
    }
    for chunk in mail[end + 4..].chunks(65_535) {
        frame(b'B', chunk);
    }
    frame(b'D', b"Ei\x004bQk2x3Tz\0");
    frame(b'E', b"");
    out
}

fn write_frame(out: &mut impl Write, command: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len() + 1).unwrap();
    out.write_all(&[&length.to_be_bytes()[..], &[command], payload].concat())
}

fn read_frame(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}
