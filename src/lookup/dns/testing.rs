//! A small name server on the loopback interface, for tests.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// What the server does with a question.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Tell(Ipv4Addr),
    Refuse,
    /// Tells it when the test says so.
    Wait(Ipv4Addr),
}

/// A name server on the loopback interface, authoritative for what the test says.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    pub(crate) release: Sender<()>,
}

impl Server {
    pub(crate) fn start(names: &[(&str, Does)]) -> Self {
        let names = names
            .iter()
            .map(|(name, does)| ((*name).to_owned(), does.clone()));
        let names: HashMap<String, Does> = names.collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (release, released) = channel();
        let log = Arc::clone(&asked);
        // It ends with the test process.
        std::thread::spawn(move || serve(&socket, &names, &log, &released));
        Self {
            address,
            asked,
            release,
        }
    }

    /// The names that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

fn serve(
    socket: &UdpSocket,
    names: &HashMap<String, Does>,
    log: &Mutex<Vec<String>>,
    released: &Receiver<()>,
) {
    let mut packet = [0; 1500];
    while let Ok((count, client)) = socket.recv_from(&mut packet) {
        let mut at = 12;
        let mut labels = Vec::new();
        while let length @ 1.. = usize::from(packet[at]) {
            labels.push(String::from_utf8_lossy(&packet[at + 1..at + 1 + length]).into_owned());
            at += 1 + length;
        }
        let end = at + 5;
        assert!(
            end <= count && packet[at + 1..end] == [0, 1, 0, 1],
            "type A, class IN"
        );
        let name = labels.join(".").to_lowercase();
        log.lock().expect("nobody panicked").push(name.clone());
        let does = names.get(&name).cloned();
        let (code, ip) = match does {
            Some(Does::Tell(ip)) => (0, Some(ip)),
            Some(Does::Wait(ip)) => {
                released.recv().expect("the test goes on");
                (0, Some(ip))
            }
            Some(Does::Refuse) => (5, None),
            None => (3, None),
        };
        // ID, an authoritative answer, one question, then answers, authorities, additions
        // (RFC 1035, section 4.1.1).
        let mut reply = packet[..2].to_vec();
        reply.extend([0x85, 0x80 | code, 0, 1, 0, u8::from(ip.is_some()), 0]);
        reply.extend([u8::from(code == 3), 0, 0]);
        reply.extend(&packet[12..end]);
        if let Some(ip) = ip {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
            reply.extend(ip.octets());
        } else if code == 3 {
            // How long it may be remembered that there is none: a SOA (RFC 2308, section 3).
            reply.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22]);
            reply.extend([0; 2]);
            reply.extend([
                0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 14, 16,
            ]);
        }
        let _ = socket.send_to(&reply, client);
    }
}
