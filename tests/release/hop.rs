//! The next hop: takes mail, or says what a test wants it to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Its answer to a whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Yes,
    Later,
    Nothing,
}

#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) message: Vec<u8>,
}

struct Shared {
    says: Mutex<Says>,
    mails: Mutex<Vec<Mail>>,
    arrived: Condvar,
}

pub(crate) struct Hop {
    port: u16,
    shared: Arc<Shared>,
}

impl Hop {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            says: Mutex::new(Says::Yes),
            mails: Mutex::new(Vec::new()),
            arrived: Condvar::new(),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = served.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn says(&self, says: Says) {
        *self.shared.says.lock().unwrap() = says;
    }

    /// All whole messages, whatever was said to them.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let taken = self.shared.mails.lock().unwrap();
        taken.clone()
    }

    /// Waits for so many.
    pub(crate) fn wait(&self, count: usize) {
        let mails = self.shared.mails.lock().unwrap();
        let (_mails, out) = self
            .shared
            .arrived
            .wait_timeout_while(mails, Duration::from_secs(20), |mails| mails.len() < count)
            .unwrap();
        assert!(!out.timed_out(), "waited in vain for {count} mails");
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut mail = Mail {
        from: String::new(),
        to: Vec::new(),
        message: Vec::new(),
    };
    writer.write_all(b"220 hop ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let says = *shared.says.lock().unwrap();
        let mut reply: &[u8] = b"250 2.0.0 Ok: queued as HOP1\r\n";
        let mut is_whole = false;
        if line.starts_with("EHLO") {
            reply = b"250-hop\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SIZE 0\r\n";
        } else if let Some(from) = line.strip_prefix("MAIL FROM:") {
            mail.from = from.to_owned();
            mail.to.clear();
        } else if let Some(to) = line.strip_prefix("RCPT TO:") {
            if to.starts_with("<gone@") {
                reply = b"550 5.1.1 no such user\r\n";
            } else {
                mail.to.push(to.to_owned());
            }
        } else if let Some(size) = line.strip_prefix("BDAT ") {
            let size: usize = size.split(' ').next().unwrap().parse().unwrap();
            mail.message = vec![0; size];
            reader.read_exact(&mut mail.message)?;
            is_whole = true;
        } else if line == "DATA" {
            writer.write_all(b"354 go\r\n")?;
            mail.message.clear();
            loop {
                let start = mail.message.len();
                if reader.read_until(b'\n', &mut mail.message)? == 0 {
                    return Ok(());
                }
                if &mail.message[start..] == b".\r\n" {
                    mail.message.truncate(start);
                    break;
                }
                if mail.message[start] == b'.' {
                    mail.message.remove(start);
                }
            }
            is_whole = true;
        } else if line == "QUIT" {
            writer.write_all(b"221 bye\r\n")?;
            return Ok(());
        }
        if is_whole {
            if says != Says::Later {
                shared.mails.lock().unwrap().push(mail.clone());
                shared.arrived.notify_all();
            }
            match says {
                Says::Yes => {}
                Says::Later => reply = b"451 4.3.0 later\r\n",
                Says::Nothing => {
                    // Until the client is gone.
                    let _ = reader.read_to_end(&mut Vec::new());
                    return Ok(());
                }
            }
        }
        writer.write_all(reply)?;
    }
}
