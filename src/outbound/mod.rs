//! The one way mail leaves us: over SMTP to the next hop, with exactly the bytes that were given.
//!
//! Note: no TLS. The next hop is the local MTA, or another one of the same house.

mod client;
mod data;
mod digest;
mod hop;
mod keys;
mod pass;
mod reply;

pub use client::send;
pub use digest::MessageDigest;
pub use hop::NextHop;
pub use keys::Keys;
pub use pass::{Invalid, MAX_PASS, MAX_RECIPIENTS, PASS_FIELD, Pass};
pub use reply::{Reply, ReplyError, queue_id};

use crate::message::Address;
use std::time::Duration;

/// Where mail goes and how long each step may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server that takes it. Default: `127.0.0.1:25`.
    pub next_hop: NextHop,
    /// What we call ourselves in EHLO. Default: `localhost`.
    pub hello: String,
    /// To connect. Default: 30 s.
    pub connect_timeout: Duration,
    /// For the reply to a command, and for each piece of the message that is written. Default: 5 min
    /// (RFC 5321, section 4.5.3.2).
    pub command_timeout: Duration,
    /// For the reply to a whole message. Default: 10 min (RFC 5321, section 4.5.3.2.6): who gives up
    /// earlier sends it twice.
    pub end_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            next_hop: NextHop::default(),
            hello: "localhost".to_owned(),
            connect_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(5 * 60),
            end_timeout: Duration::from_secs(10 * 60),
        }
    }
}

/// One message and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// The envelope sender; the null address for `<>`.
    pub sender: &'a Address,
    /// The envelope recipients.
    pub recipients: &'a [Address],
    /// Header fields that we put before the message: whole lines, each with CRLF.
    pub head: &'a [u8],
    /// The message, byte for byte.
    pub message: &'a [u8],
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The next hop has it.
    Taken,
    /// Not now; the text tells why: a reply of the next hop or what went wrong before there was one.
    Deferred(String),
    /// Never; as above.
    Refused(String),
}

impl Fate {
    /// Has the next hop taken the message?
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Taken)
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For each recipient, in the order of [`Mail::recipients`].
    pub fates: Vec<Fate>,
    /// The reply to the whole message, where there was one.
    pub reply: Option<Reply>,
    /// Did every byte go as it was given? False where the next hop takes no binary data (CHUNKING) and
    /// the message has line breaks that DATA cannot carry.
    pub is_exact: bool,
}

impl Outcome {
    /// The queue ID that the next hop told with its reply, where it took the message.
    pub fn queue_id(&self) -> Option<&str> {
        let reply = self.reply.as_ref().filter(|reply| reply.is_positive())?;
        queue_id(reply.lines.last()?)
    }
}
