//! Hostile frames: what no MTA sends must neither stop callbluff nor cost another client its message.

use crate::filter::{Filter, Socket};
use crate::ground::{DEADLINE, Folder};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

/// A connection that speaks the milter protocol byte by byte.
struct Wire(TcpStream);

impl Wire {
    fn connect(filter: &Filter) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", filter.port())).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Sends bytes; a peer that has hung up already is no failure here.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads one frame; `None` where the peer hung up.
    fn reply(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        match self.0.read_exact(&mut length) {
            Err(error)
                if [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset]
                    .contains(&error.kind()) =>
            {
                return None;
            }
            read => read.unwrap(),
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut frame).unwrap();
        Some(frame)
    }

    /// Negotiates version 6 with everything offered.
    fn negotiate(&mut self) {
        self.send(&negotiation(6));
        assert_eq!(self.reply().unwrap()[0], b'O');
    }

    /// The commands of the final answer to a message that needs no judgement, in order.
    fn end_of_message(&mut self) -> Vec<u8> {
        self.send(&frame(b'E', b""));
        let mut commands = Vec::new();
        loop {
            let command = self.reply().expect("an answer to the end of the message")[0];
            commands.push(command);
            if b"acrtdy".contains(&command) {
                return commands;
            }
        }
    }
}

fn frame(command: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[command], payload].concat()
}

fn negotiation(version: u32) -> Vec<u8> {
    let words = [version, 0x1ff, 0x1f_ffff].map(u32::to_be_bytes);
    frame(b'O', &words.concat())
}

/// A message of the sender up to its last field. DATA and the end of the header are left out: callbluff asks for neither.
fn header(sender: &str) -> Vec<u8> {
    [
        frame(b'D', b"Cj\0mx.example.org\0"),
        frame(b'C', b"client.example.net\x004\x04\xd2192.0.2.7\0"),
        frame(b'H', b"client.example.net\0"),
        frame(b'D', b"Mi\x001234\0"),
        frame(b'M', format!("<{sender}>\0").as_bytes()),
        frame(b'R', b"<bob@example.org>\0"),
        frame(b'L', b"From\0 ann@example.net\0"),
        frame(b'L', b"Subject\0 Minutes\0"),
        frame(b'L', b"Date\0 Fri, 20 Nov 2026 09:00:00 +0000\0"),
        frame(b'L', b"Message-ID\0 <minutes@example.net>\0"),
    ]
    .concat()
}

/// A whole message of the sender, up to its end of message.
fn message(sender: &str) -> Vec<u8> {
    [header(sender), frame(b'B', b"Dear Bob,\r\n")].concat()
}

/// Another client gets its answer: a tag is `i` (insert header) and then the last word.
fn serves(filter: &Filter) {
    let mut wire = Wire::connect(filter);
    wire.negotiate();
    wire.send(&message("tag@actions.example.net"));
    let commands = wire.end_of_message();
    assert!(
        commands.starts_with(b"i") || commands.starts_with(b"h"),
        "{}",
        commands.escape_ascii()
    );
}

fn after(hostile: impl Fn(&Filter)) {
    let folder = Folder::new();
    let filter = Filter::start(&folder, Socket::Inet, "");
    hostile(&filter);
    serves(&filter);
    assert!(!filter.log().contains("panicked"), "{}", filter.log());
}

#[test]
fn lengths_of_zero_and_far_too_much_end_the_connection() {
    after(|filter| {
        for first in [
            &b"\0\0\0\0O"[..],
            b"\xff\xff\xff\xff\xff",
            b"\x7f\xff\xff\xffO",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\0\x20\0\0Oabc",
        ] {
            let mut wire = Wire::connect(filter);
            wire.send(first);
            assert_eq!(wire.reply(), None, "{}", first.escape_ascii());
            // The same in the middle of a message.
            let mut wire = Wire::connect(filter);
            wire.negotiate();
            wire.send(&message("tag@actions.example.net"));
            wire.send(first);
            wire.0.shutdown(Shutdown::Write).unwrap();
            assert_eq!(wire.reply(), None, "{}", first.escape_ascii());
        }
    });
}

#[test]
fn one_byte_at_a_time_is_understood() {
    after(|filter| {
        let mut wire = Wire::connect(filter);
        for byte in negotiation(6) {
            wire.send(&[byte]);
        }
        assert_eq!(wire.reply().unwrap()[0], b'O');
        for byte in message("reject@actions.example.net") {
            wire.send(&[byte]);
        }
        assert_eq!(wire.end_of_message(), b"y");
    });
}

#[test]
fn unknown_commands_do_no_harm() {
    after(|filter| {
        for command in 0..=255u8 {
            // Those of the protocol are tested elsewhere; QUIT ends the connection rightly.
            if b"ABCDEHKLMNOQRTU".contains(&command) {
                continue;
            }
            let mut wire = Wire::connect(filter);
            wire.negotiate();
            wire.send(&frame(command, b"junk\0\0junk"));
            wire.0.shutdown(Shutdown::Write).unwrap();
            while wire.reply().is_some() {}
        }
    });
}

#[test]
fn commands_out_of_order_do_no_harm() {
    after(|filter| {
        for commands in [
            "E", "BE", "NE", "TE", "RE", "LNBE", "MME", "MAE", "AAA", "KKK", "OO", "CKC", "MRTEE",
            "Q",
        ] {
            let mut wire = Wire::connect(filter);
            wire.negotiate();
            for command in commands.bytes() {
                let payload: &[u8] = match command {
                    b'C' => b"client\x004\0\x19192.0.2.7\0",
                    b'M' | b'R' => b"<a@example.net>\0",
                    b'L' => b"Subject\0 x\0",
                    _ => b"",
                };
                wire.send(&frame(command, payload));
            }
            wire.0.shutdown(Shutdown::Write).unwrap();
            while wire.reply().is_some() {}
        }
    });
}

#[test]
fn frames_without_their_parts_do_no_harm() {
    after(|filter| {
        for command in *b"ACDHLMORTU" {
            for payload in [
                &b""[..],
                b"\0",
                b"\0\0",
                b"no final zero",
                b"x\x004",
                b"x\x006\0\x19",
                b"\xff\xfe\0\xff\0",
            ] {
                let mut wire = Wire::connect(filter);
                if command != b'O' {
                    wire.negotiate();
                }
                wire.send(&frame(command, payload));
                wire.0.shutdown(Shutdown::Write).unwrap();
                while wire.reply().is_some() {}
            }
        }
    });
}

#[test]
fn a_storm_of_macros_is_weathered() {
    after(|filter| {
        let mut wire = Wire::connect(filter);
        wire.negotiate();
        let mut many = vec![b'C'];
        for number in 0..5_000 {
            many.extend_from_slice(format!("{{macro{number}}}\0value {number}\0").as_bytes());
        }
        for _ in 0..20 {
            for stage in *b"CHMRTNE" {
                many[0] = stage;
                wire.send(&frame(b'D', &many));
            }
            // No macro at all is what an MTA sends that has none for this stage.
            wire.send(&frame(b'D', b"M"));
        }
        wire.send(&message("reject@actions.example.net"));
        assert_eq!(wire.end_of_message(), b"y");
    });
}

#[test]
fn half_closed_and_silent_connections_are_left_alone() {
    after(|filter| {
        // Silent ones stay open while others are served.
        let silent: Vec<Wire> = (0..20).map(|_| Wire::connect(filter)).collect();
        let mut half = Wire::connect(filter);
        half.negotiate();
        half.send(&message("tag@actions.example.net"));
        half.0.shutdown(Shutdown::Write).unwrap();
        while half.reply().is_some() {}
        serves(filter);
        drop(silent);
    });
}

#[test]
fn hanging_up_anywhere_does_no_harm() {
    after(|filter| {
        let whole = [
            negotiation(6),
            message("tag@actions.example.net"),
            frame(b'E', b""),
        ]
        .concat();
        for cut in (0..whole.len()).step_by(7) {
            let mut wire = Wire::connect(filter);
            wire.send(&whole[..cut]);
        }
    });
}

#[test]
fn nothing_is_asked_for_that_was_not_offered() {
    after(|filter| {
        // Adding a recipient, which callbluff never does; then one action of its own at a time.
        for (offered, commands) in [
            (0x04, &b"c"[..]),
            (0x01, b"iic"),
            (0x20, b"c"),
            (0x10, b"c"),
        ] {
            let mut wire = Wire::connect(filter);
            wire.send(&frame(
                b'O',
                &[6u32, offered, 0x1f_ffff].map(u32::to_be_bytes).concat(),
            ));
            let answer = wire.reply().unwrap();
            let asked = u32::from_be_bytes(answer[5..9].try_into().unwrap());
            assert_eq!(asked & !offered, 0, "{asked:x} of {offered:x}");
            wire.send(&message("tag@actions.example.net"));
            assert_eq!(wire.end_of_message(), commands, "{offered:x}");
            wire.send(&message("reject@actions.example.net"));
            assert_eq!(wire.end_of_message(), b"y");
        }
    });
}

#[test]
fn fields_of_any_length_are_taken() {
    after(|filter| {
        let mut wire = Wire::connect(filter);
        wire.negotiate();
        wire.send(&header("tag@actions.example.net"));
        for length in [1, 998, 65_535, 900_000] {
            let long = vec![b'x'; length];
            wire.send(&frame(
                b'L',
                &[b"X-Long\0 ", long.as_slice(), b"\0"].concat(),
            ));
            wire.send(&frame(b'L', &[long.as_slice(), b"\0 value\0"].concat()));
        }
        // The third field names the signals: such a header is one.
        assert_eq!(wire.end_of_message(), b"iiic");
    });
}
