//! What the MTA says about a message before its first byte.

use std::fmt;
use std::net::IpAddr;

/// An envelope address exactly as the MTA gave it, without the angle brackets.
///
/// The bytes are kept, because delete-recipient must name a recipient verbatim and because
/// nothing forces a client to send UTF-8 (RFC 6531, section 3.3 only asks for it).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    raw: Vec<u8>,
}

impl Address {
    /// Takes the argument of MAIL or RCPT, with or without angle brackets.
    pub fn new(argument: &[u8]) -> Self {
        let bare = argument
            .strip_prefix(b"<")
            .and_then(|rest| rest.strip_suffix(b">"))
            .unwrap_or(argument);
        Self { raw: bare.to_vec() }
    }

    /// The address as received, without angle brackets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// The address for comparing and showing; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Is this the null sender `<>` (RFC 5321, section 4.5.5)?
    pub fn is_null(&self) -> bool {
        self.raw.is_empty()
    }

    /// The part before the last `@`, or all of it where there is none.
    pub fn local_part(&self) -> String {
        let text = self.text();
        match text.rsplit_once('@') {
            Some((local, _)) => local.to_owned(),
            None => text,
        }
    }

    /// The domain in lower case, without a trailing dot; empty where there is none.
    pub fn domain(&self) -> String {
        let text = self.text();
        text.rsplit_once('@')
            .map(|(_, domain)| domain.trim_end_matches('.').to_lowercase())
            .unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.text())
    }
}

/// The SMTP client that the message came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its address; `None` for a UNIX-domain or unknown peer.
    pub ip: Option<IpAddr>,
    /// Its port, 0 where the MTA did not say.
    pub port: u16,
    /// Its name as the MTA resolved it, or what the MTA says instead (`unknown`, `[192.0.2.1]`).
    pub name: String,
    /// What it said in HELO or EHLO.
    pub helo: String,
}

/// All that is known about a message besides its bytes.
///
/// `scan` judges files with an empty envelope: every signal must cope with that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The SMTP client.
    pub client: Client,
    /// The MTA's queue ID; Postfix tells it from DATA on, Sendmail at MAIL.
    pub queue_id: Option<String>,
    /// The name of the MTA's listening service, macro `{daemon_name}`.
    pub daemon_name: Option<String>,
    /// The user of SMTP AUTH, macro `{auth_authen}`.
    pub auth_user: Option<String>,
    /// The envelope sender; `None` offline, the null address for `<>`.
    pub sender: Option<Address>,
    /// The accepted recipients in the order of RCPT.
    pub recipients: Vec<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_sender_has_no_parts() {
        let null = Address::new(b"<>");
        assert!(null.is_null());
        assert_eq!(null.domain(), "");
        assert_eq!(null.to_string(), "<>");
    }

    #[test]
    fn domain_is_lower_case_and_without_the_final_dot() {
        assert_eq!(
            Address::new(b"<A.B+c@Example.ORG.>").domain(),
            "example.org"
        );
        assert_eq!(Address::new(b"<A.B+c@Example.ORG>").local_part(), "A.B+c");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let odd = Address::new(b"<\xff@example.org>");
        assert_eq!(odd.as_bytes(), b"\xff@example.org");
    }
}
