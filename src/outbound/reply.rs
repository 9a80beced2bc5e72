//! Replies of an SMTP server.

use std::fmt;

/// The longest line of a reply, in bytes; RFC 5321, section 4.5.3.1.5 allows 512.
pub(super) const MAX_LINE: usize = 4096;
/// The most lines of a reply.
pub(super) const MAX_LINES: usize = 100;

/// A reply of the server (RFC 5321, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its code: 200 to 599.
    pub code: u16,
    /// The text of each line, printable characters only.
    pub lines: Vec<String>,
}

impl Reply {
    /// Does it say yes (2xx)?
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Does it say never (5xx)?
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Takes one line of a reply, without its line end; is it the last one?
    pub(super) fn take(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        let code = line.get(..3).and_then(|code| {
            let text = std::str::from_utf8(code).ok()?;
            code.iter()
                .all(u8::is_ascii_digit)
                .then(|| text.parse().ok())?
        });
        let code: u16 = code
            .filter(|code| (200..600).contains(code))
            .ok_or(ReplyError::Malformed)?;
        if !self.lines.is_empty() && code != self.code {
            return Err(ReplyError::Malformed);
        }
        let (is_last, rest) = match line.get(3) {
            None => (true, &[][..]),
            Some(b' ') => (true, &line[4..]),
            Some(b'-') => (false, &line[4..]),
            Some(_) => return Err(ReplyError::Malformed),
        };
        if self.lines.len() >= MAX_LINES {
            return Err(ReplyError::TooLong);
        }
        self.code = code;
        // It is shown in terminals and pages, so nothing in it may steer them.
        let text: String = String::from_utf8_lossy(rest)
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        self.lines.push(text.trim().to_owned());
        Ok(is_last)
    }

    /// A reply of which nothing has come yet.
    pub(super) fn empty() -> Self {
        Self {
            code: 0,
            lines: Vec::new(),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

/// Why an answer of the server is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// It has not the form of a reply.
    Malformed,
    /// It is longer than any reply needs to be.
    TooLong,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the answer is no SMTP reply",
            Self::TooLong => "the answer is too long",
        })
    }
}

/// The queue ID in the text of the reply to a message: `queued as X` (Postfix and many others), `X Message
/// accepted for delivery` (Sendmail), `id=X` (Exim).
pub fn queue_id(text: &str) -> Option<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |first: &str, second: &str| {
        words
            .windows(3)
            .find(|three| {
                three[0].eq_ignore_ascii_case(first) && three[1].eq_ignore_ascii_case(second)
            })
            .map(|three| three[2])
    };
    let before = |first: &str, second: &str| {
        words
            .windows(3)
            .find(|three| {
                three[1].eq_ignore_ascii_case(first) && three[2].eq_ignore_ascii_case(second)
            })
            .map(|three| three[0])
    };
    after("queued", "as")
        .or_else(|| before("Message", "accepted"))
        .or_else(|| words.iter().find_map(|word| word.strip_prefix("id=")))
        .map(|id| id.trim_matches(['<', '>', '(', ')', ',', ';', '.']))
        .filter(|id| !id.is_empty() && id.len() <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&[u8]]) -> Result<Reply, ReplyError> {
        let mut reply = Reply::empty();
        for line in lines {
            if reply.take(line)? {
                return Ok(reply);
            }
        }
        panic!("not ended")
    }

    #[test]
    fn replies_are_read() {
        let reply = read(&[b"250-one", b"250-two", b"250 three"]).unwrap();
        assert_eq!(
            (reply.code, reply.lines.join("|").as_str()),
            (250, "one|two|three")
        );
        assert_eq!(read(&[b"250"]).unwrap().lines, [""]);
        assert_eq!(read(&[b"550 a\x1b[2Jb"]).unwrap().lines, ["a?[2Jb"]);
        for odd in [&b"25"[..], b"abc d", b"250xok", b"150 no", b"650 no", b""] {
            assert_eq!(read(&[odd]), Err(ReplyError::Malformed), "{odd:?}");
        }
        assert_eq!(read(&[b"250-a", b"550 b"]), Err(ReplyError::Malformed));
        let endless = vec![&b"250-x"[..]; MAX_LINES + 1];
        assert_eq!(read(&endless), Err(ReplyError::TooLong));
    }

    #[test]
    fn the_queue_id_is_found() {
        for (line, expected) in [
            ("250 2.0.0 Ok: queued as 4bQk2x3TzZz1", Some("4bQk2x3TzZz1")),
            (
                "250 2.0.0 6AKB1c1x000123 Message accepted for delivery",
                Some("6AKB1c1x000123"),
            ),
            ("250 OK id=1sXabc-0000001-2B", Some("1sXabc-0000001-2B")),
            ("250 2.0.0 Ok", None),
            ("250 queued as", None),
        ] {
            let reply = read(&[line.as_bytes()]).unwrap();
            assert_eq!(queue_id(&reply.to_string()), expected, "{line}");
        }
    }
}
