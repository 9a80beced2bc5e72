//! An MTA with callbluff as its milter and a sink behind it.

use crate::filter::{Filter, Socket};
use crate::ground::{Folder, wait_for};
use crate::postfix::Postfix;
use crate::sendmail::Sendmail;
use crate::sink::{Mail, Sink};
use crate::smtp::Smtp;
use std::net::SocketAddr;

/// Which MTA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Postfix,
    Sendmail,
}

/// What the MTA is told to do when its milter fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Accept,
    Tempfail,
    Reject,
    /// Postfix alone: hold.
    Quarantine,
    /// Sendmail alone: 421, and the connection ends.
    Close,
}

/// What to start.
pub(crate) struct Plan {
    pub(crate) peer: Peer,
    pub(crate) socket: Socket,
    /// Added to the config of callbluff; `{sink}` is the port of the sink.
    pub(crate) config: String,
    /// Lines for main.cf or the .mc file.
    pub(crate) lines: Vec<String>,
    pub(crate) on_failure: OnFailure,
}

impl Plan {
    /// TCP, the rules of `Filter`, temporary failure.
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            socket: Socket::Inet,
            config: String::new(),
            lines: Vec::new(),
            on_failure: OnFailure::Tempfail,
        }
    }

    /// Starts it all; `None` where the peer is missing, which has been said.
    pub(crate) fn start(self) -> Option<Rig> {
        if !self.is_possible() {
            return None;
        }
        let folder = Folder::new();
        let sink = Sink::start();
        let config = self.config.replace("{sink}", &sink.port().to_string());
        let filter = Filter::start(&folder, self.socket, &config);
        let mta = Mta::start(&self, &folder, &sink, &filter.milter(self.peer))?;
        Some(Rig {
            mta,
            filter,
            sink,
            _folder: folder,
        })
    }

    /// Is the peer there? Where it is not, says so.
    pub(crate) fn is_possible(&self) -> bool {
        match self.peer {
            Peer::Postfix => Postfix::is_there(),
            Peer::Sendmail => Sendmail::root().is_some(),
        }
    }
}

/// A running MTA.
pub(crate) enum Mta {
    Postfix(Postfix),
    Sendmail(Sendmail),
}

impl Mta {
    /// Starts the MTA of the plan with `milter` in its own notation.
    pub(crate) fn start(plan: &Plan, folder: &Folder, sink: &Sink, milter: &str) -> Option<Self> {
        let mut lines = plan.lines.clone();
        match plan.peer {
            Peer::Postfix => {
                let action = match plan.on_failure {
                    OnFailure::Accept => "accept",
                    OnFailure::Tempfail => "tempfail",
                    OnFailure::Reject => "reject",
                    OnFailure::Quarantine => "quarantine",
                    OnFailure::Close => panic!("Postfix 3.7 cannot close"),
                };
                lines.insert(0, format!("milter_default_action = {action}"));
                Some(Self::Postfix(Postfix::start(
                    folder,
                    sink.port(),
                    milter,
                    &lines,
                )))
            }
            Peer::Sendmail => {
                let flag = match plan.on_failure {
                    OnFailure::Accept => "F=",
                    OnFailure::Tempfail => "F=T",
                    OnFailure::Reject => "F=R",
                    OnFailure::Close => "F=4",
                    OnFailure::Quarantine => panic!("Sendmail cannot hold on failure"),
                };
                let root = Sendmail::root()?;
                Some(Self::Sendmail(Sendmail::start(
                    folder,
                    &root,
                    sink.port(),
                    milter,
                    flag,
                    &lines,
                )))
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Postfix(postfix) => postfix.smtp(),
            Self::Sendmail(sendmail) => sendmail.smtp(),
        }
    }

    /// The messages that it holds, by ID.
    pub(crate) fn held(&self) -> Vec<String> {
        match self {
            Self::Postfix(postfix) => postfix.held(),
            Self::Sendmail(sendmail) => sendmail.held(),
        }
    }
}

/// An MTA, its milter and its sink, all running.
pub(crate) struct Rig {
    // In the order in which they end: the MTA first, so that it does not complain of the others.
    pub(crate) mta: Mta,
    pub(crate) filter: Filter,
    pub(crate) sink: Sink,
    _folder: Folder,
}

impl Rig {
    /// A new session with the MTA.
    pub(crate) fn session(&self) -> Smtp {
        Smtp::connect(self.mta.address())
    }

    /// The Postfix in it.
    pub(crate) fn postfix(&self) -> &Postfix {
        match &self.mta {
            Mta::Postfix(postfix) => postfix,
            Mta::Sendmail(_) => panic!("this is a Sendmail"),
        }
    }

    /// The Sendmail in it.
    pub(crate) fn sendmail(&self) -> &Sendmail {
        match &self.mta {
            Mta::Sendmail(sendmail) => sendmail,
            Mta::Postfix(_) => panic!("this is a Postfix"),
        }
    }

    /// Waits until the MTA holds so many messages.
    pub(crate) fn wait_held(&self, count: usize) -> Vec<String> {
        wait_for(&format!("{count} held messages"), || {
            Some(self.mta.held()).filter(|held| held.len() == count)
        })
    }

    /// Sends an honest message by a new session and waits for it, to show that what should not arrive did
    /// not arrive before it; all that has arrived, without it.
    pub(crate) fn arrived_before_marker(&self) -> Vec<Mail> {
        let marker = "marker@accept.example.net";
        let reply =
            self.session()
                .deliver(marker, &["bob@example.org"], &crate::mail::plain("marker"));
        assert_eq!(reply.code, 250, "{}", reply.text());
        let is_marker = |mail: &Mail| mail.from.contains(marker);
        let mails = self
            .sink
            .wait("the marker", |mails| mails.iter().any(is_marker));
        mails.into_iter().filter(|mail| !is_marker(mail)).collect()
    }
}

/// A mail at the sink, taken apart: our own fields right below the MTA's Received, and the message as it was sent.
pub(crate) fn apart(mail: &Mail) -> (Vec<String>, Vec<u8>) {
    let fields = mail.fields();
    assert!(fields[0].starts_with("Received: "), "{}", fields[0]);
    let ours: Vec<String> = fields[1..]
        .iter()
        .take_while(|field| field.starts_with("X-Callbluff-"))
        .cloned()
        .collect();
    let before: usize = fields[..=ours.len()]
        .iter()
        .map(|field| field.len() + 2)
        .sum();
    (ours, mail.message[before..].to_vec())
}

/// Defines each test once for each MTA.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod postfix {
            $(#[test] fn $name() { super::$name(crate::rig::Peer::Postfix); })*
        }
        mod sendmail {
            $(#[test] fn $name() { super::$name(crate::rig::Peer::Sendmail); })*
        }
    };
}
pub(crate) use on_both;
