//! Senders and networks that an admin allows or blocks.

use crate::classify::{Category, Verdict};
use crate::message::{Address, Envelope, Header, believed_results};
use crate::policy::{AddressKey, AddressSet, Disposition, Facts, Networks};

/// Signals of senders, networks and payment addresses that the configuration itself blocks; a hit of a
/// DNS list is evidence and no more.
const BLOCKED: [&str; 3] = ["list.sender", "list.network", "list.wallet"];

/// Who is let through after judging, and who is not welcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Lists {
    /// Senders that are let through, where it is proved that they are who they say. Default: none.
    pub allowed_senders: AddressSet,
    /// Networks from which allowed senders need no DMARC. Default: none.
    pub allowed_from: Networks,
    /// Clients that are let through. Default: none.
    pub allowed_networks: Networks,
    /// Senders whose mail is at least `blocked`. Default: none.
    pub blocked_senders: AddressSet,
    /// Clients whose mail is at least `blocked`. Default: none.
    pub blocked_networks: Networks,
    /// What is done at least with mail from blocked senders and networks and with blocked payment
    /// addresses. Default: quarantine.
    pub blocked: Disposition,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            allowed_senders: AddressSet::default(),
            allowed_from: Networks::default(),
            allowed_networks: Networks::default(),
            blocked_senders: AddressSet::default(),
            blocked_networks: Networks::default(),
            blocked: Disposition::Quarantine,
        }
    }
}

impl Lists {
    /// The signals `list.sender` and `list.network`, as far as they hold.
    pub fn blocks(&self, envelope: &Envelope, header: &Header) -> Vec<&'static str> {
        let mut found = Vec::new();
        let is_blocked = |sender: &Address| self.blocked_senders.contains(&AddressKey::new(sender));
        if !self.blocked_senders.is_empty()
            && (envelope.sender.as_ref().is_some_and(is_blocked)
                || author(header).as_ref().is_some_and(is_blocked))
        {
            found.push("list.sender");
        }
        if let Some(ip) = envelope.client.ip
            && self.blocked_networks.contains(ip)
        {
            found.push("list.network");
        }
        found
    }

    /// The first signal of a message that says that it is blocked.
    pub(crate) fn blocked<'v>(&self, verdict: &'v Verdict) -> Option<&'v str> {
        let signals = verdict.signals.iter();
        let of_lists = signals.filter(|signal| signal.category == Category::List);
        of_lists
            .map(|signal| signal.id.as_str())
            .find(|id| BLOCKED.contains(id))
    }

    /// Why a message is let through; `None` where it is not.
    ///
    /// Design note: an address in a message is worth nothing by itself, extorters write what they
    /// like. DMARC speaks about the author in the `From` field (RFC 7489, section 3.1), and so that
    /// one is looked up where DMARC is the proof, and its domain must be the one that passed. From
    /// a named network the envelope sender counts too.
    pub(crate) fn allows(&self, facts: &Facts<'_>, authserv_ids: &[String]) -> Option<String> {
        if self.blocked(facts.verdict).is_some() {
            return None;
        }
        let ip = facts.envelope.client.ip;
        if let Some(ip) = ip.filter(|ip| self.allowed_networks.contains(*ip)) {
            return Some(format!("client {ip} is in an allowed network"));
        }
        if self.allowed_senders.is_empty() {
            return None;
        }
        let is_allowed = |sender: &Address| self.allowed_senders.contains(&AddressKey::new(sender));
        let author = facts.header.and_then(author).filter(is_allowed);
        if ip.is_some_and(|ip| self.allowed_from.contains(ip))
            && (author.is_some() || facts.envelope.sender.as_ref().is_some_and(is_allowed))
        {
            return Some("sender is allowed, from a named network".to_owned());
        }
        let domain = author?.domain();
        let is_proof = |known: &crate::message::Believed| {
            let told = &known.told;
            told.method == "dmarc" && told.result == "pass" && known.domain == domain
        };
        let results = believed_results(facts.header?, authserv_ids);
        let is_proved = results.iter().any(is_proof);
        is_proved.then(|| "sender is allowed, DMARC passed".to_owned())
    }
}

/// The one address of the one `From` field; `None` where there are several, since nobody knows which of
/// them others looked at.
fn author(header: &Header) -> Option<Address> {
    let mut fields = header.all("From");
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let bare = match field.split_once('<') {
        Some((_, rest)) => rest.trim_end().strip_suffix('>')?,
        None => field,
    };
    let bare = bare.trim();
    let is_one = bare.matches('@').count() == 1
        && !bare.contains(|c: char| c.is_whitespace() || "<>,;:\"()[]\\".contains(c));
    is_one.then(|| Address::new(bare.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_one_address_or_nobody() {
        for (fields, expected) in [
            (&["ann@example.org"][..], Some("ann@example.org")),
            (&["Ann <ann@example.org>"], Some("ann@example.org")),
            (&["\"a, b\" <ann@example.org> "], Some("ann@example.org")),
            (&["ann@example.org, b@example.net"], None),
            (&["Ann <ann@example.org>, B <b@example.net>"], None),
            (&["<ann@example.org> <b@example.net>"], None),
            (&["ann@example.org (x) b@example.net"], None),
            (&["group: ann@example.org;"], None),
            (&["ann@example.org", "b@example.net"], None),
            (&["Ann"], None),
            (&[], None),
        ] {
            let fields = fields
                .iter()
                .map(|text| ("From".to_owned(), (*text).to_owned()));
            let found = author(&Header::new(fields.collect()));
            assert_eq!(found.map(|found| found.text()).as_deref(), expected);
        }
    }
}
