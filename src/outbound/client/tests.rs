use super::*;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How the server of a test behaves.
#[derive(Clone, Debug, Default)]
struct Server {
    /// What it offers after EHLO.
    offers: &'static [&'static str],
    /// Its reply to a command that begins so, instead of the usual one.
    says: &'static [(&'static str, &'static str)],
    /// Hangs up instead of answering a command that begins so.
    hangs_up: Option<&'static str>,
}

/// What it saw.
#[derive(Debug, Default)]
struct Seen {
    commands: Vec<String>,
    message: Vec<u8>,
}

impl Server {
    async fn start(self) -> (Settings, Arc<Mutex<Seen>>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            self.serve(stream, &shared).await;
        });
        let settings = Settings {
            next_hop: format!("127.0.0.1:{port}").parse().unwrap(),
            command_timeout: Duration::from_secs(20),
            end_timeout: Duration::from_secs(20),
            ..Settings::default()
        };
        (settings, seen, task)
    }

    async fn serve(self, stream: TcpStream, seen: &Mutex<Seen>) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        writer
            .write_all(self.reply_to("connect").as_bytes())
            .await
            .unwrap();
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = String::from_utf8(line).unwrap().trim_end().to_owned();
            seen.lock().unwrap().commands.push(line.clone());
            let mut reply = self.reply_to(&line);
            if let Some(size) = line.strip_prefix("BDAT ") {
                let size = size.strip_suffix(" LAST").unwrap().parse().unwrap();
                let mut message = vec![0; size];
                reader.read_exact(&mut message).await.unwrap();
                seen.lock().unwrap().message = message;
            } else if line == "DATA" && reply.starts_with("354") {
                writer.write_all(reply.as_bytes()).await.unwrap();
                let mut message = Vec::new();
                loop {
                    let start = message.len();
                    reader.read_until(b'\n', &mut message).await.unwrap();
                    if &message[start..] == b".\r\n" {
                        message.truncate(start);
                        break;
                    }
                    if message[start] == b'.' {
                        message.remove(start);
                    }
                }
                seen.lock().unwrap().message = message;
                reply = self.reply_to("the end");
            }
            let is_end = self.hangs_up.is_some_and(|start| line.starts_with(start));
            if is_end || writer.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn reply_to(&self, line: &str) -> String {
        if let Some((_, reply)) = self.says.iter().find(|(start, _)| line.starts_with(start)) {
            return format!("{reply}\r\n");
        }
        match line {
            "connect" => "220 sink.example.org ESMTP\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            _ if line.starts_with("EHLO") => {
                let mut reply = String::new();
                for offer in ["sink.example.org"].iter().chain(self.offers) {
                    reply += &format!("250-{offer}\r\n");
                }
                reply + "250 HELP\r\n"
            }
            _ => "250 2.0.0 Ok: queued as 4bQk2x3T\r\n".to_owned(),
        }
    }
}

const ALL: &[&str] = &["SIZE 100000", "8BITMIME", "SMTPUTF8", "CHUNKING"];

async fn sent(
    server: Server,
    to: &[&str],
    head: &[u8],
    message: &[u8],
) -> (Outcome, Vec<String>, Vec<u8>) {
    let (settings, seen, task) = server.start().await;
    let sender = Address::new(b"ann@example.net");
    let recipients: Vec<Address> = to.iter().map(|to| Address::new(to.as_bytes())).collect();
    let mail = Mail {
        sender: &sender,
        recipients: &recipients,
        head,
        message,
    };
    let outcome = send(&settings, &mail).await;
    task.await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (outcome, seen.commands, seen.message)
}

#[tokio::test]
async fn a_message_arrives_exactly() {
    let plain = b"Subject: a\r\n\r\n.b\r\n..\r\n\r\n";
    for (offers, message, verb) in [
        (ALL, &plain[..], "DATA"),
        (&[][..], plain, "DATA"),
        (ALL, b"Subject: a\r\n\r\nno end", "BDAT 26 LAST"),
        (ALL, b"Subject: a\n\nb\n.\nc\r\n", "BDAT 25 LAST"),
    ] {
        let server = Server {
            offers,
            ..Server::default()
        };
        let (outcome, commands, taken) =
            sent(server, &["kim@example.org"], b"X: y\r\n", message).await;
        assert_eq!(outcome.fates, [Fate::Taken]);
        assert!(outcome.is_exact);
        assert_eq!(outcome.queue_id(), Some("4bQk2x3T"));
        assert_eq!(taken, [b"X: y\r\n", message].concat());
        assert!(commands.iter().any(|line| line == verb), "{commands:?}");
    }
}

#[tokio::test]
async fn what_data_cannot_carry_is_told() {
    let message = b"Subject: a\n\nb\n.\nQUIT\rc";
    let (outcome, _, taken) = sent(Server::default(), &["kim@example.org"], b"", message).await;
    assert_eq!(outcome.fates, [Fate::Taken]);
    assert!(!outcome.is_exact);
    assert_eq!(taken, b"Subject: a\r\n\r\nb\r\n.\r\nQUIT\r\nc\r\n");
}

#[tokio::test]
async fn each_recipient_has_a_fate() {
    let server = Server {
        says: &[
            ("RCPT TO:<full@", "452 4.2.2 full"),
            ("RCPT TO:<gone@", "550 5.1.1 no such user"),
        ],
        ..Server::default()
    };
    let to = [
        "full@example.org",
        "kim@example.org",
        "gone@example.org",
        "a b@example.org",
        "x>y@example.org",
        "k\u{fc}m@example.org",
    ];
    let (outcome, commands, _) = sent(server, &to, b"", b"a\r\n").await;
    let words: Vec<&str> = outcome
        .fates
        .iter()
        .map(|fate| match fate {
            Fate::Taken => "taken",
            Fate::Deferred(_) => "deferred",
            Fate::Refused(_) => "refused",
        })
        .collect();
    assert_eq!(
        words,
        [
            "deferred", "taken", "refused", "refused", "refused", "refused"
        ]
    );
    assert_eq!(
        outcome.fates[2],
        Fate::Refused("550 5.1.1 no such user (in reply to RCPT)".to_owned())
    );
    assert_eq!(
        commands
            .iter()
            .filter(|line| line.starts_with("RCPT"))
            .count(),
        3
    );
}

#[tokio::test]
async fn no_recipient_means_no_data() {
    let server = Server {
        says: &[("RCPT", "550 no")],
        ..Server::default()
    };
    let (outcome, commands, _) = sent(server, &["kim@example.org"], b"", b"a\r\n").await;
    assert!(matches!(outcome.fates[..], [Fate::Refused(_)]));
    assert!(!commands.iter().any(|line| line == "DATA"), "{commands:?}");
}

#[tokio::test]
async fn trouble_at_each_step_is_deferred_or_refused() {
    type Row = (
        &'static [(&'static str, &'static str)],
        Option<&'static str>,
        bool,
        &'static str,
    );
    let rows: [Row; 11] = [
        (
            &[("connect", "554 no")],
            None,
            false,
            "554 no (in reply to connect)",
        ),
        (
            &[("EHLO", "502 no")],
            None,
            false,
            "502 no (in reply to EHLO)",
        ),
        (
            &[("MAIL", "451 later")],
            None,
            false,
            "451 later (in reply to MAIL)",
        ),
        (
            &[("MAIL", "550 never")],
            None,
            true,
            "550 never (in reply to MAIL)",
        ),
        (
            &[("RCPT", "421 bye")],
            None,
            false,
            "421 bye (in reply to RCPT)",
        ),
        (
            &[("DATA", "250 what")],
            None,
            false,
            "250 what (in reply to DATA)",
        ),
        (
            &[("DATA", "554 no")],
            None,
            true,
            "554 no (in reply to DATA)",
        ),
        (
            &[("the end", "451 later")],
            None,
            false,
            "451 later (in reply to the end of the message)",
        ),
        (
            &[("the end", "550 spam")],
            None,
            true,
            "550 spam (in reply to the end of the message)",
        ),
        (
            &[("MAIL", "hello")],
            None,
            false,
            "MAIL: the answer is no SMTP reply",
        ),
        (
            &[],
            Some("DATA"),
            false,
            "the connection broke at the end of the message (unexpected end of file)",
        ),
    ];
    for (says, hangs_up, is_refused, text) in rows {
        let server = Server {
            says,
            hangs_up,
            ..Server::default()
        };
        let (outcome, _, _) = sent(server, &["kim@example.org"], b"", b"a\r\n").await;
        let expected = if is_refused {
            Fate::Refused(text.to_owned())
        } else {
            Fate::Deferred(text.to_owned())
        };
        assert_eq!(outcome.fates, [expected]);
    }
}

#[tokio::test]
async fn nobody_there_is_deferred() {
    let settings = Settings {
        next_hop: NextHop::Unix("/nonexistent/socket".into()),
        ..Settings::default()
    };
    let address = Address::new(b"kim@example.org");
    let mail = Mail {
        sender: &Address::default(),
        recipients: std::slice::from_ref(&address),
        head: b"",
        message: b"",
    };
    let outcome = send(&settings, &mail).await;
    assert!(
        matches!(&outcome.fates[..], [Fate::Deferred(why)] if why.starts_with("could not connect to unix:/nonexistent/socket")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn parameters_follow_the_message_and_the_offers() {
    for (offers, to, message, expected) in [
        (
            &[][..],
            "kim@example.org",
            "Subject: \u{fc}\r\n\r\n\u{fc}\r\n",
            "MAIL FROM:<ann@example.net>",
        ),
        (
            ALL,
            "kim@example.org",
            "a: b\r\n\r\nc\r\n",
            "MAIL FROM:<ann@example.net> SIZE=11",
        ),
        (
            ALL,
            "kim@example.org",
            "a: b\r\n\r\n\u{fc}\r\n",
            "MAIL FROM:<ann@example.net> SIZE=12 BODY=8BITMIME",
        ),
        (
            ALL,
            "kim@example.org",
            "a: \u{fc}\r\n\r\nc\r\n",
            "MAIL FROM:<ann@example.net> SIZE=12 BODY=8BITMIME SMTPUTF8",
        ),
        (
            ALL,
            "k\u{fc}m@example.org",
            "a: b\r\n\r\nc\r\n",
            "MAIL FROM:<ann@example.net> SIZE=11 SMTPUTF8",
        ),
    ] {
        let server = Server {
            offers,
            ..Server::default()
        };
        let (_, commands, _) = sent(server, &[to], b"", message.as_bytes()).await;
        assert_eq!(commands[1], expected);
    }
}

#[tokio::test]
async fn a_message_that_is_too_big_is_not_begun() {
    let server = Server {
        offers: &["SIZE 10"],
        ..Server::default()
    };
    let (outcome, commands, _) = sent(server, &["kim@example.org"], b"", &[b'x'; 11]).await;
    assert_eq!(
        outcome.fates,
        [Fate::Refused(
            "the message has 11 bytes, the next hop takes 10".to_owned()
        )]
    );
    assert_eq!(commands.len(), 1);
}
