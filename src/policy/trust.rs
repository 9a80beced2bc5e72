//! Clients whose mail is let through without being judged.

use crate::message::Envelope;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// IP networks, some of them taken out again; the longest prefix that fits decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    nets: Vec<(IpNet, bool)>,
}

impl Networks {
    /// Adds a network, or takes it out of a larger one.
    pub fn add(&mut self, net: IpNet, is_in: bool) {
        self.nets.push((net.trunc(), is_in));
    }

    /// Are there no networks?
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// Is the address in one of them? IPv4 addresses mapped into IPv6 count as IPv4.
    ///
    /// Networks that only exclude are taken out of all others.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let only_exclusions = !self.nets.iter().any(|(_, is_in)| *is_in);
        self.nets
            .iter()
            .filter(|(net, _)| net.contains(&ip))
            // Design note: at the same length the exclusion wins, as the safer reading.
            .max_by_key(|(net, is_in)| (net.prefix_len(), !is_in))
            .map_or(only_exclusions && !self.nets.is_empty(), |(_, is_in)| {
                *is_in
            })
    }
}

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
