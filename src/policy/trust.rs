//! Clients whose mail is let through without being judged.

use crate::message::Envelope;
use crate::policy::Networks;
use std::fmt;
use std::net::IpAddr;

/// Who is let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Clients by address. Default: none; loopback is judged like any other.
    pub networks: Networks,
    /// Users of SMTP AUTH, too? Default: no.
    pub authenticated: bool,
    /// Hosts whose `Authentication-Results` fields are believed (RFC 8601, section 2.5). Default: none.
    pub authserv_ids: Vec<String>,
}

/// Why a message is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// The client is in a trusted network.
    Network(IpAddr),
    /// The client has authenticated.
    Authenticated,
}

impl fmt::Display for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(ip) => write!(f, "client {ip} is in a trusted network"),
            Self::Authenticated => f.write_str("client has authenticated"),
        }
    }
}

impl Trust {
    /// Why this message needs no judging; `None` where it does. Known from MAIL on.
    pub fn reason(&self, envelope: &Envelope) -> Option<Trusted> {
        if let Some(ip) = envelope.client.ip
            && self.networks.contains(ip)
        {
            return Some(Trusted::Network(ip));
        }
        if self.authenticated && envelope.auth_user.as_ref().is_some_and(|u| !u.is_empty()) {
            return Some(Trusted::Authenticated);
        }
        None
    }
}
