//! `[allow]`, `[block]`, and lists in the DNS.

use crate::classify::WalletSet;
use crate::config::Config;
use crate::config::domains::DEFAULTS;
use crate::config::maps::Maps;
use crate::config::rules::{addresses, networks};
use crate::lookup::{DnsList, Hashing};
use crate::toml_reader::{At, Secret, Table};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The most lists in the DNS: each is asked about each address.
const MAX_DNS_LISTS: usize = 10;

/// What stands in a zone for the customer's key.
const KEY: &str = "{key}";

/// Names of lists that are signals of our own.
const OWN: [&str; 3] = ["sender", "network", "wallet"];

/// Reads all lists; `[trust]` must have been read before.
pub(crate) fn read(root: &Table<'_>, maps: &Maps, config: &mut Config) {
    allow(root.table("allow"), maps, config);
    block(root.table("block"), maps, config);
    dns(root.table("dns"), config);
    for table in root.tables("dns_list") {
        if config.dns.lists.len() == MAX_DNS_LISTS {
            let message = format!("more than {MAX_DNS_LISTS} lists in the DNS");
            table.document().error(table.span.clone(), message);
        }
        if let Some(list) = dns_list(&table, &config.dns.lists) {
            config.dns.lists.push(list);
        }
        table.finish();
    }
}

fn allow(table: Table<'_>, maps: &Maps, config: &mut Config) {
    let lists = &mut config.policy.lists;
    lists.allowed_senders = addresses(&table, "senders", maps).unwrap_or_default();
    lists.allowed_from = networks(&table, "from", maps).unwrap_or_default();
    lists.allowed_networks = networks(&table, "networks", maps).unwrap_or_default();
    config.judge.allowed_wallets = Arc::new(wallets(&table, "wallets", maps));
    let has_proof = !lists.allowed_from.is_empty() || !config.judge.authserv_ids.is_empty();
    if !lists.allowed_senders.is_empty()
        && !has_proof
        && let Some(span) = table.span_of("senders")
    {
        table.document().error_with(
            span,
            "an allowed sender counts only with DMARC or from a named network, and neither is known",
            "add  from = [\"192.0.2.0/24\"]  here, or  authserv_ids = [\"mx.example.org\"]  to [trust]",
        );
    }
    for key in ["networks", "from"] {
        let nets = match key {
            "from" => &lists.allowed_from,
            _ => &lists.allowed_networks,
        };
        if nets.is_vast()
            && let Some(span) = table.span_of(key)
        {
            table.document().warning_with(
                span,
                "nearly every client is in these networks",
                "name single networks only",
            );
        }
    }
    table.finish();
}

fn block(table: Table<'_>, maps: &Maps, config: &mut Config) {
    let lists = &mut config.policy.lists;
    lists.blocked_senders = addresses(&table, "senders", maps).unwrap_or_default();
    lists.blocked_networks = networks(&table, "networks", maps).unwrap_or_default();
    config.judge.blocked_wallets = Arc::new(wallets(&table, "wallets", maps));
    table.set_choice("action", &DEFAULTS, &mut lists.blocked);
    table.finish();
}

/// A list of payment addresses.
fn wallets(table: &Table<'_>, key: &str, maps: &Maps) -> WalletSet {
    let mut set = WalletSet::default();
    for at in table.texts(key) {
        if let Some(name) = at.value.strip_prefix('@') {
            if let Some(map) = maps.wallets(name, &at.span, table.document()) {
                set.add_all(map);
            }
        } else if let Err(why) = set.add(&at.value) {
            table
                .document()
                .error_with(at.span, why, "copy the whole address, or write @map");
        }
    }
    set
}

fn dns(table: Table<'_>, config: &mut Config) {
    let dns = &mut config.dns;
    let limits = Duration::from_millis(10)..=Duration::from_secs(5);
    table.set_duration("deadline", limits, &mut dns.deadline);
    table.set_integer("cache", 0..=1_000_000, &mut dns.cache);
    for at in table.texts("servers") {
        let alone = |text: &str| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        match at.value.parse().or_else(|_| alone(&at.value)) {
            Ok(server) => dns.servers.push(server),
            Err(_) => table.document().error_with(
                at.span,
                format!("\"{}\" is no address of a name server", at.value),
                "write it as \"192.0.2.53\" or \"127.0.0.1:5353\"",
            ),
        }
    }
    table.finish();
}

fn dns_list(table: &Table<'_>, others: &[DnsList]) -> Option<DnsList> {
    let name = table.text("name");
    let zone = table.text("zone");
    let key = table.secret("key");
    let forms = [
        ("sha1", Hashing::Sha1),
        ("sha1-lower", Hashing::Sha1Lower),
        ("raw", Hashing::Raw),
    ];
    let mut hashing = Hashing::default();
    table.set_choice("hash", &forms, &mut hashing);
    let codes = table.texts("codes");
    let codes = codes.iter().filter_map(|at| code(table, at)).collect();
    let name = table.required("name", name, "add  name = \"example\"")?;
    check_name(table, &name, others);
    let zone = table.required("zone", zone, "add  zone = \"wallets.example.org\"")?;
    Some(DnsList {
        name: name.value.clone(),
        zone: whole_zone(table, &zone, key.as_ref())?,
        hashing,
        codes,
    })
}

fn check_name(table: &Table<'_>, name: &At<String>, others: &[DnsList]) {
    let text = &name.value;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let problem = if text.is_empty() || text.len() > 32 || !text.bytes().all(is_plain) {
        format!("\"{text}\" is no name for a list")
    } else if OWN.contains(&text.as_str()) {
        format!("\"list.{text}\" is a signal of its own")
    } else if others.iter().any(|other| other.name == *text) {
        format!("there is a list \"{text}\" before this one")
    } else {
        return;
    };
    table.document().error_with(
        name.span.clone(),
        problem,
        "use another name of up to 32 lower-case letters, digits and hyphens",
    );
}

/// The zone with the key in it.
fn whole_zone(table: &Table<'_>, zone: &At<String>, key: Option<&At<Secret>>) -> Option<Secret> {
    let document = table.document();
    let has_place = zone.value.contains(KEY);
    if has_place && table.span_of("key").is_none() {
        document.error_with(
            zone.span.clone(),
            format!("the zone has {KEY}, and there is no `key`"),
            "add  key = { file = \"PATH\" }",
        );
        return None;
    }
    if let Some(key) = key.filter(|_| !has_place) {
        document.error_with(
            key.span.clone(),
            format!("the zone has no {KEY} where this one belongs"),
            format!("write  zone = \"{KEY}.{}\"", zone.value),
        );
    }
    let is_zone = |text: &str| {
        let labels = text.trim_end_matches('.').split('.');
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        // Up to 64 bytes of a name are the address (RFC 1035, section 2.3.4).
        text.len() <= 180 && text.contains('.') && labels.into_iter().all(is_label)
    };
    if !is_zone(&zone.value.replace(KEY, "key")) {
        document.error_with(
            zone.span.clone(),
            format!("\"{}\" is no zone", zone.value),
            "write it as \"wallets.example.org\"",
        );
        return None;
    }
    // Where there is a place and no key, that was told already.
    let text = match key {
        Some(key) => zone.value.replace(KEY, key.value.expose()),
        None if has_place => return None,
        None => zone.value.clone(),
    };
    if !is_zone(&text) {
        let span = key.map_or(zone.span.clone(), |key| key.span.clone());
        document.error(span, "the key cannot stand in the name of a zone");
        return None;
    }
    Some(Secret::new(text))
}

/// An answer that is a hit: `127.0.0.2` or `127.0.3.0/24`.
fn code(table: &Table<'_>, at: &At<String>) -> Option<Ipv4Net> {
    let parsed = crate::policy::Networks::parse(&at.value);
    if let Ok(IpNet::V4(net)) = parsed
        && net.addr().is_loopback()
        && net.prefix_len() >= 8
    {
        return Some(net);
    }
    table.document().error_with(
        at.span.clone(),
        format!("\"{}\" is no answer of a list", at.value),
        "write it as \"127.0.0.2\" or \"127.0.3.0/24\"",
    );
    None
}
