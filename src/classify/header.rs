//! Signals from the header and the envelope.
//!
//! | signal | fact |
//! |---|---|
//! | `header.own-address` | the sender claims the recipient's own address, and nobody vouches for it |
//! | `header.auth-fail` | a trusted host says that DMARC failed, or SPF where there is no DMARC |
//! | `header.mass-mailer` | header fields as only the tools of mass mailers make them |
//!
//! They are no themes: no number of them makes a message suspect. And nothing that a sender can
//! write freely (List-*, References, In-Reply-To, other filters' reports) lowers anything.

use crate::classify::WalletSet;
use crate::message::{Envelope, Finding, Header, Origin, Place, believed_results};
use std::net::IpAddr;
use std::sync::Arc;

/// What the judge must know of its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Hosts whose `Authentication-Results` fields are believed (RFC 8601, section 2.5). Default: none.
    pub authserv_ids: Vec<String>,
    /// Payment addresses that mean nothing, such as one's own for donations. Default: none.
    pub allowed_wallets: Arc<WalletSet>,
    /// Payment addresses of extorters; one that a message has is the signal `list.wallet`. Default: none.
    pub blocked_wallets: Arc<WalletSet>,
}

/// The most addresses of a field that are looked at.
const MOST_ADDRESSES: usize = 100;

/// Weak oddities that together are one of a mass mailer: honest mail has one of them now and then.
const WEAK: usize = 2;

/// Facts of the header that a mass mailer leaves.
pub(crate) fn findings(settings: &Settings, envelope: &Envelope, header: &Header) -> Vec<Finding> {
    let results = believed_results(header, &settings.authserv_ids);
    let says = |method: &str, result: &str| {
        results
            .iter()
            .any(|known| known.told.method == method && known.told.result == result)
    };
    let from = header.first("From").unwrap_or_default();
    let sender = address(from);
    let mine = recipients(envelope, header);
    let is_mine = |address: &str| mine.iter().any(|own| own == address);
    let is_vouched_for = |address: &str| {
        let domain = address.rsplit('@').next().unwrap_or_default();
        let is_user = envelope
            .auth_user
            .as_ref()
            .is_some_and(|user| !user.is_empty());
        is_user
            || results.iter().any(|known| {
                matches!(known.told.method.as_str(), "spf" | "dkim" | "dmarc")
                    && known.told.result == "pass"
                    && known.domain == domain
            })
    };
    let facts = [
        (
            "header.own-address",
            sender
                .as_deref()
                .is_some_and(|address| is_mine(address) && !is_vouched_for(address)),
        ),
        (
            "header.auth-fail",
            says("dmarc", "fail") || (says("spf", "fail") && !says("dmarc", "pass")),
        ),
        (
            "header.mass-mailer",
            // Without any field there is no header to judge, as for a bare text.
            header.fields().next().is_some() && is_mass_mail(envelope, header, &sender, &is_mine),
        ),
    ];
    facts
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(id, _)| Finding {
            id,
            place: Place::of(Origin::DisplayName),
        })
        .collect()
}

fn is_mass_mail(
    envelope: &Envelope,
    header: &Header,
    sender: &Option<String>,
    is_mine: &dyn Fn(&str) -> bool,
) -> bool {
    let message_id = header.first("Message-ID");
    let from = header.first("From").unwrap_or_default();
    // The reader is shown the name: their own address there hides who writes.
    let is_hidden_sender = addresses(from)
        .iter()
        .any(|address| is_mine(address) && Some(address) != sender.as_ref());
    let is_odd_id = message_id.is_some_and(|id| !is_message_id(id));
    let is_forged_tool = ["X-Mailer", "User-Agent"]
        .iter()
        .filter_map(|name| header.first(name))
        .any(is_forged_tool);
    if is_hidden_sender || is_odd_id || is_forged_tool {
        return true;
    }
    let to = header.first("To").unwrap_or_default();
    let is_null = envelope
        .sender
        .as_ref()
        .is_some_and(crate::message::Address::is_null);
    let reply = header.first("Reply-To").and_then(address);
    let weak = [
        message_id.is_none(),
        header.first("Date").is_none(),
        addresses(to).is_empty() && header.first("Cc").is_none(),
        // A bounce wants no answer.
        is_null && reply.is_some() && reply != *sender,
    ];
    weak.iter().filter(|is_odd| **is_odd).count() >= WEAK
}

/// Who gets it: the envelope knows best; offline there is only the header.
fn recipients(envelope: &Envelope, header: &Header) -> Vec<String> {
    if envelope.recipients.is_empty() {
        let fields = header.all("To").take(4);
        return fields.flat_map(addresses).take(MOST_ADDRESSES).collect();
    }
    envelope
        .recipients
        .iter()
        .map(|recipient| recipient.text().to_lowercase())
        .collect()
}

/// Has it a domain that others can see (RFC 5322, section 3.6.4)?
fn is_message_id(value: &str) -> bool {
    let Some((left, domain)) = value
        .trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
        .rsplit_once('@')
    else {
        return false;
    };
    let bare = domain.trim_start_matches('[').trim_end_matches(']');
    !left.is_empty() && bare.parse::<IpAddr>().is_err() && !bare.eq_ignore_ascii_case("localhost")
}

/// Does it claim a well-known script library in a version that never was?
///
/// Honest shops use PHPMailer, too; it says "PHPMailer 6.9.1 (https://…)" or "PHPMailer [version 1.73]".
fn is_forged_tool(value: &str) -> bool {
    let Some(rest) = value
        .trim()
        .get(..9)
        .filter(|name| name.eq_ignore_ascii_case("phpmailer"))
        .and_then(|_| value.trim().get(9..))
    else {
        return false;
    };
    let version = rest
        .trim_start()
        .trim_start_matches("[version")
        .trim_start();
    let major = version.split('.').next().unwrap_or_default();
    !matches!(major, "1" | "2" | "5" | "6" | "7")
}

/// The address of a field of one mailbox, in lower case: behind the name, where there is one.
fn address(value: &str) -> Option<String> {
    let bare = match value.rsplit_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => value.split(',').next().unwrap_or_default(),
    };
    let bare = bare.trim();
    bare.contains('@').then(|| bare.to_lowercase())
}

/// Everything in a field that looks like an address, names included, in lower case.
fn addresses(value: &str) -> Vec<String> {
    value
        .split(|c: char| c.is_whitespace() || "<>,;\"'()[]".contains(c))
        .filter(|word| {
            word.split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        })
        .take(MOST_ADDRESSES)
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::model::{THEMES, category};
    use crate::message::Address;

    const USUAL: &[(&str, &str)] = &[
        ("From", "Ann <ann@example.org>"),
        ("To", "Bob <bob@example.net>"),
        ("Date", "Mon, 6 Jan 2025 12:00:00 +0000"),
        ("Message-ID", "<1@mail.example.org>"),
    ];

    fn header(changes: &[(&str, &str)]) -> Header {
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let kept = USUAL.iter().filter(|(name, _)| !is_changed(name));
        let given = changes.iter().filter(|(_, value)| !value.is_empty());
        let fields = kept.chain(given);
        Header::new(
            fields
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn found(envelope: &Envelope, changes: &[(&str, &str)]) -> Vec<&'static str> {
        let settings = Settings {
            authserv_ids: vec!["mx.example.net".to_owned()],
            ..Settings::default()
        };
        findings(&settings, envelope, &header(changes))
            .iter()
            .map(|finding| finding.id)
            .collect()
    }

    #[test]
    fn header_facts_are_found() {
        let own = ("From", "bob@example.net");
        type Row<'r> = (&'r str, &'r [(&'r str, &'r str)], &'r [&'r str]);
        #[rustfmt::skip]
        let table: &[Row<'_>] = &[
            ("nothing is odd", &[], &[]),
            ("own address", &[own], &["header.own-address"]),
            ("own address in other case", &[("From", "Me <BOB@example.NET>")], &["header.own-address"]),
            ("DMARC vouches for it", &[own, ("Authentication-Results", "mx.example.net; dmarc=pass header.from=example.net")], &[]),
            ("the pass of another domain does not", &[own, ("Authentication-Results", "mx.example.net; spf=pass smtp.mailfrom=a@example.com")], &["header.own-address"]),
            ("a strange host does not", &[own, ("Authentication-Results", "mx.example.com; dmarc=pass header.from=example.net")], &["header.own-address"]),
            ("lists and threads do not", &[own, ("List-Id", "<a.example.net>"), ("In-Reply-To", "<2@example.net>")], &["header.own-address"]),
            ("DMARC failed", &[("Authentication-Results", "mx.example.net; dmarc=fail")], &["header.auth-fail"]),
            ("SPF failed", &[("Authentication-Results", "mx.example.net; spf=fail")], &["header.auth-fail"]),
            ("SPF fails for forwarded mail", &[("Authentication-Results", "mx.example.net; spf=fail; dmarc=pass")], &[]),
            ("strange hosts say nothing", &[("Authentication-Results", "mx.example.com; dmarc=fail")], &[]),
            ("identifier of a host that nobody knows", &[("Message-ID", "<1@localhost>")], &["header.mass-mailer"]),
            ("identifier with an IP address", &[("Message-ID", "<1@[192.0.2.1]>")], &["header.mass-mailer"]),
            ("no identifier alone is no oddity", &[("Message-ID", "")], &[]),
            ("neither identifier nor date", &[("Message-ID", ""), ("Date", "")], &["header.mass-mailer"]),
            ("a blind copy alone is no oddity", &[("To", "undisclosed-recipients:;")], &[]),
            ("blind copy without a date", &[("To", "undisclosed-recipients:;"), ("Date", "")], &["header.mass-mailer"]),
            ("the name is the reader's address", &[("From", "\"bob@example.net\" <x@example.com>")], &["header.mass-mailer"]),
            ("PHPMailer of a shop", &[("X-Mailer", "PHPMailer 6.9.1 (https://example.com/)")], &[]),
            ("old PHPMailer", &[("X-Mailer", "PHPMailer [version 1.73]")], &[]),
            ("PHPMailer that never was", &[("X-Mailer", "PHPMailer 83.2")], &["header.mass-mailer"]),
        ];
        for (name, changes, expected) in table {
            assert_eq!(&found(&Envelope::default(), changes), expected, "{name}");
        }
    }

    #[test]
    fn the_envelope_knows_best_who_gets_it() {
        let mut envelope = Envelope {
            recipients: vec![Address::new(b"<Carol@example.net>")],
            ..Envelope::default()
        };
        assert!(found(&envelope, &[("From", "bob@example.net")]).is_empty());
        let own = [("From", "carol@example.net")];
        assert_eq!(found(&envelope, &own), ["header.own-address"]);
        envelope.auth_user = Some("carol".to_owned());
        assert!(found(&envelope, &own).is_empty());
    }

    #[test]
    fn an_answer_address_of_a_bounce_is_odd() {
        let envelope = Envelope {
            sender: Some(Address::new(b"<>")),
            ..Envelope::default()
        };
        let changes = [("Reply-To", "x@example.com"), ("Date", "")];
        assert_eq!(found(&envelope, &changes), ["header.mass-mailer"]);
    }

    #[test]
    fn no_fact_of_the_header_is_a_theme() {
        let theme = category("header.own-address").expect("a category");
        assert!(!THEMES.contains(&theme));
    }
}
