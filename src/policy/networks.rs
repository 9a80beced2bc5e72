//! IP networks, some of them taken out again.

use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// IP networks; the longest prefix that fits decides, so `10.0.0.0/8` and `!10.1.0.0/16` go together.
///
/// Networks that only exclude are taken out of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    nets: HashMap<IpNet, bool>,
    /// The prefix lengths in use, longest first: a lookup costs one probe for each, however many
    /// networks there are.
    lengths: Vec<u8>,
    includes: bool,
}

impl Networks {
    /// Adds a network, or takes it out of a larger one.
    pub fn add(&mut self, net: IpNet, is_in: bool) {
        let net = unmapped(net).trunc();
        if !self.lengths.contains(&net.prefix_len()) {
            self.lengths.push(net.prefix_len());
            self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
        // Design note: of two contrary entries for one network the exclusion wins, as the safer reading.
        let slot = self.nets.entry(net).or_insert(is_in);
        *slot &= is_in;
        self.includes |= is_in;
    }

    /// Adds all networks of a map, or takes them all out.
    pub fn add_all(&mut self, other: &Self, is_in: bool) {
        for (net, theirs) in &other.nets {
            self.add(*net, *theirs == is_in);
        }
    }

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address.
    ///
    /// # Errors
    /// Why it is none, with a hint where there is a likely one.
    pub fn parse(text: &str) -> Result<IpNet, (String, Option<String>)> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(ip));
        }
        let net: IpNet = text.parse().map_err(|_| {
            let message = format!("\"{text}\" is no IP network");
            (
                message,
                Some("write it as 192.0.2.0/24 or 2001:db8::/32".to_owned()),
            )
        })?;
        if net != net.trunc() {
            return Err((
                format!("\"{text}\" has bits set behind its prefix"),
                Some(format!("write  \"{}\"", net.trunc())),
            ));
        }
        Ok(net)
    }

    /// Are there no networks?
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// Is there a network larger than any that one organisation has (a /8, or a /16 of IPv6)?
    pub fn is_vast(&self) -> bool {
        self.nets.iter().any(|(net, is_in)| {
            let smallest = if net.addr().is_ipv4() { 8 } else { 16 };
            *is_in && net.prefix_len() < smallest
        })
    }

    /// Is the address in one of them? IPv4 addresses mapped into IPv6 count as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        if self.nets.is_empty() {
            return false;
        }
        let ip = ip.to_canonical();
        self.lengths
            .iter()
            .filter_map(|&length| IpNet::new(ip, length).ok())
            .find_map(|net| self.nets.get(&net.trunc()).copied())
            .unwrap_or(!self.includes)
    }
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`: addresses are looked up as IPv4 where they are IPv4.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(ip), Some(length)) => IpNet::new(IpAddr::V4(ip), length).unwrap_or(net),
        _ => net,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Networks {
        let mut networks = Networks::default();
        for text in list {
            let (is_in, text) = match text.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, *text),
            };
            networks.add(Networks::parse(text).expect("a network"), is_in);
        }
        networks
    }

    #[test]
    fn the_longest_prefix_decides() {
        for (list, ip, expected) in [
            (&["192.0.2.0/24"][..], "192.0.2.7", true),
            (&["192.0.2.0/24"], "192.0.3.7", false),
            (&["192.0.2.0/24"], "::ffff:192.0.2.7", true),
            (
                &["10.0.0.0/8", "!10.1.0.0/16", "10.1.2.3"],
                "10.2.0.1",
                true,
            ),
            (
                &["10.0.0.0/8", "!10.1.0.0/16", "10.1.2.3"],
                "10.1.0.1",
                false,
            ),
            (
                &["10.0.0.0/8", "!10.1.0.0/16", "10.1.2.3"],
                "10.1.2.3",
                true,
            ),
            (&["2001:db8::/32", "!2001:db8:1::/48"], "2001:db8::1", true),
            (
                &["2001:db8::/32", "!2001:db8:1::/48"],
                "2001:db8:1::1",
                false,
            ),
            (&["0.0.0.0/0"], "2001:db8::1", false),
            (&["::ffff:192.0.2.0/120"], "192.0.2.9", true),
            (&["::ffff:192.0.2.0/120"], "192.0.3.9", false),
            (&["!192.0.2.0/24"], "198.51.100.1", true),
            (&["!192.0.2.0/24"], "192.0.2.1", false),
            (&["192.0.2.1", "!192.0.2.1"], "192.0.2.1", false),
            (&[], "192.0.2.1", false),
        ] {
            let ip = ip.parse().expect("an address");
            assert_eq!(networks(list).contains(ip), expected, "{list:?} {ip}");
        }
    }

    #[test]
    fn a_typo_in_a_network_is_told() {
        let (_, hint) = Networks::parse("192.0.2.7/24").expect_err("host bits");
        assert_eq!(hint.as_deref(), Some("write  \"192.0.2.0/24\""));
        assert!(Networks::parse("192.0.2.0/33").is_err());
        assert!(Networks::parse("example.org").is_err());
    }
}
