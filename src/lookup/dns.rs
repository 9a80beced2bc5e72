//! Asks lists in the DNS about payment addresses.
//!
//! What is asked is one name for each address and list: the SHA-1 of the address (or itself, where the
//! list wants that) in front of the list's zone, record type A. The list's operator, and every name
//! server between, so learns that somebody got mail with this address; neither sender nor recipient
//! nor anything else of the message is in it. An answer within the list's codes is a hit.
//!
//! Nobody waits longer than the deadline. A late answer is not lost: it goes to the cache for the next
//! message of the wave.

#[cfg(test)]
pub(crate) mod testing;

use crate::classify::WalletHit;
use crate::toml_reader::Secret;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use ipnet::Ipv4Net;
use sha1::{Digest, Sha1};
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// The most addresses of one message that are asked about.
const MOST_WALLETS: usize = 4;
/// The most questions under way at once; further ones are not asked.
const MOST_QUESTIONS: usize = 256;
/// The longest label of a name (RFC 1035, section 2.3.4).
const LABEL: usize = 63;
/// How long a name server has for one try, and how many tries there are. They may be longer than the
/// deadline of a message, since the answer serves the next one.
const TRY: Duration = Duration::from_secs(3);
const TRIES: usize = 2;
/// No answer is kept longer.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// What the large lists answer to those whom they do not serve (too many questions, an open resolver).
const REFUSED: [u8; 3] = [127, 255, 255];

/// How an address is written in a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hashing {
    /// Its SHA-1 in hexadecimal digits.
    #[default]
    Sha1,
    /// The SHA-1 of the address in lower case.
    Sha1Lower,
    /// Itself.
    Raw,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsList {
    /// What logs and signals call it.
    pub name: String,
    /// The zone, which may have the customer's key in it.
    pub zone: Secret,
    /// How addresses are written.
    pub hashing: Hashing,
    /// Which answers are hits. Default: 127.0.0.0/8 but for 127.255.255.0/24.
    pub codes: Vec<Ipv4Net>,
}

/// Which lists are asked, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// How long a message waits for all answers. Default: 500 ms.
    pub deadline: Duration,
    /// How many answers are kept. Default: 10,000.
    pub cache: u64,
    /// Name servers; empty asks those of the system. Default: empty.
    pub servers: Vec<SocketAddr>,
    /// The lists. Default: none, nothing is asked.
    pub lists: Vec<DnsList>,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(500),
            cache: 10_000,
            servers: Vec::new(),
            lists: Vec::new(),
        }
    }
}

/// An address that is in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name of the list.
    pub list: String,
    /// Which of the addresses, by its index.
    pub wallet: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Hit,
    None,
    Refused,
    Failed,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    hits: AtomicU64,
    late: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    busy: AtomicU64,
}

/// The lists, ready to be asked.
pub struct DnsLists {
    settings: DnsSettings,
    /// Made at the first question, since that needs a running runtime; `None` where it cannot be made.
    resolver: OnceLock<Option<TokioResolver>>,
    permits: Arc<Semaphore>,
    counts: Counts,
}

impl fmt::Debug for DnsLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsLists")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl DnsLists {
    /// Lists that nobody has asked yet.
    pub fn new(settings: DnsSettings) -> Self {
        Self {
            settings,
            resolver: OnceLock::new(),
            permits: Arc::new(Semaphore::new(MOST_QUESTIONS)),
            counts: Counts::default(),
        }
    }

    /// The settings it was made from.
    pub fn settings(&self) -> &DnsSettings {
        &self.settings
    }

    /// What happened since this was asked last, by name, for the metrics.
    pub fn take_counts(&self) -> [(&'static str, u64); 6] {
        let counts = &self.counts;
        [
            ("asked", &counts.asked),
            ("hit", &counts.hits),
            ("late", &counts.late),
            ("refused", &counts.refused),
            ("failed", &counts.failed),
            ("busy", &counts.busy),
        ]
        .map(|(name, count)| (name, count.swap(0, Ordering::Relaxed)))
    }

    /// Which of these addresses are in which lists, as far as answers come within the deadline.
    pub async fn ask(&self, wallets: &[WalletHit]) -> Vec<Listed> {
        if self.settings.lists.is_empty() || wallets.is_empty() {
            return Vec::new();
        }
        let Some(resolver) = self.resolver.get_or_init(|| resolver(&self.settings)) else {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        };
        let deadline = Instant::now() + self.settings.deadline;
        let mut questions = Vec::new();
        for (index, wallet) in wallets.iter().take(MOST_WALLETS).enumerate() {
            for list in &self.settings.lists {
                let Some(name) = question(&wallet.address, list) else {
                    continue;
                };
                let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
                    self.counts.busy.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                self.counts.asked.fetch_add(1, Ordering::Relaxed);
                let (resolver, codes) = (resolver.clone(), list.codes.clone());
                // A task of its own, which goes on when the message does not wait any more.
                let asking = tokio::spawn(async move {
                    let _permit = permit;
                    answer(&resolver, name, &codes).await
                });
                questions.push((index, list, asking));
            }
        }
        let mut found = Vec::new();
        for (wallet, list, asking) in questions {
            let count = match timeout_at(deadline, asking).await {
                Err(_) => &self.counts.late,
                Ok(Ok(Answer::Hit)) => {
                    let list = list.name.clone();
                    found.push(Listed { list, wallet });
                    &self.counts.hits
                }
                Ok(Ok(Answer::None)) => continue,
                Ok(Ok(Answer::Refused)) => &self.counts.refused,
                Ok(Ok(Answer::Failed) | Err(_)) => &self.counts.failed,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
        found
    }
}

/// The name to ask for; `None` where the address does not fit into one.
fn question(address: &str, list: &DnsList) -> Option<String> {
    // Lists know the addresses of Bitcoin Cash without the name of their network.
    let bare = address.rsplit(':').next().unwrap_or(address);
    let label = match list.hashing {
        Hashing::Raw => bare.to_owned(),
        Hashing::Sha1 => sha1(bare),
        Hashing::Sha1Lower => sha1(&bare.to_lowercase()),
    };
    let is_label = label.len() <= LABEL && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // With the dot at its end it is a whole name, to which no search domain is added.
    is_label.then(|| format!("{label}.{}.", list.zone.expose().trim_matches('.')))
}

fn sha1(text: &str) -> String {
    let mut digits = String::with_capacity(40);
    for byte in Sha1::digest(text.as_bytes()) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

async fn answer(resolver: &TokioResolver, name: String, codes: &[Ipv4Net]) -> Answer {
    let found = match resolver.lookup(name, RecordType::A).await {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() => return Answer::None,
        Err(_) => return Answer::Failed,
    };
    let told: Vec<Ipv4Addr> = (found.answers().iter())
        .filter_map(|record| match record.data {
            RData::A(ip) => Some(ip.0),
            _ => None,
        })
        .collect();
    verdict(&told, codes)
}

fn verdict(told: &[Ipv4Addr], codes: &[Ipv4Net]) -> Answer {
    let is_refusal = |ip: &Ipv4Addr| ip.octets().starts_with(&REFUSED);
    let is_code = |ip: &Ipv4Addr| match codes {
        [] => ip.is_loopback(),
        codes => codes.iter().any(|net| net.contains(ip)),
    };
    if told.iter().any(is_refusal) {
        Answer::Refused
    } else if told.iter().any(is_code) {
        Answer::Hit
    } else if told.iter().any(|ip| !ip.is_loopback()) {
        // Some name servers answer with an address of theirs where there is none.
        Answer::Failed
    } else {
        Answer::None
    }
}

fn resolver(settings: &DnsSettings) -> Option<TokioResolver> {
    let provider = TokioRuntimeProvider::default();
    let mut builder = if settings.servers.is_empty() {
        TokioResolver::builder(provider).ok()?
    } else {
        let servers = settings.servers.iter().map(|server| name_server(*server));
        let config = ResolverConfig::from_name_servers(servers.collect());
        TokioResolver::builder_with_config(config, provider)
    };
    let options = builder.options_mut();
    options.timeout = TRY;
    options.attempts = TRIES;
    options.cache_size = settings.cache;
    options.positive_max_ttl = Some(KEPT);
    options.negative_max_ttl = Some(KEPT);
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().ok()
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let (ip, port): (IpAddr, u16) = (server.ip(), server.port());
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = port;
    }
    NameServerConfig::new(ip, true, connections.into())
}

#[cfg(test)]
mod tests {
    use super::testing::{Does, Server};
    use super::*;
    use crate::message::{Origin, Place};

    const BTC: &str = "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu";
    const OTHER: &str = "3CWFddi6m4ndiGyKqzYvsFYagqDLPVMTzC";

    fn list(name: &str, hashing: Hashing, codes: &[&str]) -> DnsList {
        DnsList {
            name: name.to_owned(),
            zone: Secret::new(format!("{name}.example")),
            hashing,
            codes: codes
                .iter()
                .map(|net| net.parse().expect("a network"))
                .collect(),
        }
    }

    fn lists(server: &Server, deadline: Duration, lists: Vec<DnsList>) -> DnsLists {
        DnsLists::new(DnsSettings {
            deadline,
            servers: vec![server.address],
            lists,
            ..DnsSettings::default()
        })
    }

    fn wallet(address: &str) -> WalletHit {
        WalletHit {
            coin: "btc",
            address: address.to_owned(),
            place: Place::of(Origin::Plain),
        }
    }

    fn counts(lists: &DnsLists) -> String {
        let counts = lists.take_counts().into_iter();
        let counts = counts.filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        counts.join(", ")
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_listed_address_is_found_and_answers_are_kept() {
        let hash = sha1(BTC);
        // printf 1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu | sha1sum
        assert_eq!(hash, "3b7e9190d2be065557b526244c2199f901e0330d");
        let raw = format!("{}.raw.example", BTC.to_lowercase());
        let server = Server::start(&[
            (
                &format!("{hash}.a.example"),
                Does::Tell([127, 0, 0, 2].into()),
            ),
            (&raw, Does::Tell([127, 0, 3, 20].into())),
            (
                &format!("{}.low.example", sha1(&BTC.to_lowercase())),
                Does::Tell([127, 0, 0, 9].into()),
            ),
        ]);
        let asked = lists(
            &server,
            LONG,
            vec![
                list("a", Hashing::Sha1, &[]),
                list("raw", Hashing::Raw, &["127.0.3.0/24"]),
                // A hit of another code.
                list("low", Hashing::Sha1Lower, &["127.0.0.2/32"]),
            ],
        );
        let wallets = [wallet(OTHER), wallet(BTC)];
        let hit = |list: &str| Listed {
            list: list.to_owned(),
            wallet: 1,
        };
        assert_eq!(asked.ask(&wallets).await, [hit("a"), hit("raw")]);
        assert_eq!(counts(&asked), "asked 6, hit 2");
        let questions = server.asked();
        assert_eq!(questions.len(), 6, "{questions:?}");
        assert!(questions.contains(&raw));
        assert_eq!(asked.ask(&wallets).await, [hit("a"), hit("raw")]);
        assert_eq!(server.asked().len(), 6, "all answers were kept");
        assert_eq!(asked.ask(&[]).await, []);
    }

    #[tokio::test]
    async fn a_late_answer_is_no_hit_and_serves_the_next_message() {
        let name = format!("{}.a.example", sha1(BTC));
        let server = Server::start(&[(&name, Does::Wait([127, 0, 0, 2].into()))]);
        let list = vec![list("a", Hashing::Sha1, &[])];
        let mut asked = lists(&server, Duration::from_millis(20), list);
        assert_eq!(asked.ask(&[wallet(BTC)]).await, []);
        assert_eq!(counts(&asked), "asked 1, late 1");
        server.release.send(()).expect("it waits");
        // When the question has ended, its answer is there for the next one.
        let all = u32::try_from(MOST_QUESTIONS).expect("a small number");
        drop(asked.permits.acquire_many(all).await);
        asked.settings.deadline = LONG;
        let found = asked.ask(&[wallet(BTC)]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(server.asked().len(), 1);
    }

    #[tokio::test]
    async fn errors_and_refusals_are_counted_and_are_no_hits() {
        let name = |zone: &str| format!("{}.{zone}.example", sha1(BTC));
        let server = Server::start(&[
            (&name("a"), Does::Tell([127, 255, 255, 254].into())),
            (&name("b"), Does::Refuse),
            (&name("c"), Does::Tell([203, 0, 113, 1].into())),
        ]);
        for (zone, expected) in [
            ("a", "asked 1, refused 1"),
            ("b", "asked 1, failed 1"),
            ("c", "asked 1, failed 1"),
            ("d", "asked 1"),
        ] {
            let asked = lists(&server, LONG, vec![list(zone, Hashing::Sha1, &[])]);
            assert_eq!(asked.ask(&[wallet(BTC)]).await, [], "{zone}");
            assert_eq!(counts(&asked), expected, "{zone}");
        }
    }

    #[tokio::test]
    async fn questions_are_bounded() {
        let server = Server::start(&[]);
        let asked = lists(&server, LONG, vec![list("a", Hashing::Raw, &[])]);
        let many: Vec<WalletHit> = (0..20).map(|n| wallet(&format!("address{n}"))).collect();
        asked.ask(&many).await;
        assert_eq!(counts(&asked), format!("asked {MOST_WALLETS}"));
        let long = wallet(&"x".repeat(64));
        asked.ask(&[long, wallet("a.b")]).await;
        assert_eq!(counts(&asked), "");
        asked.permits.forget_permits(MOST_QUESTIONS);
        asked.ask(&many[10..11]).await;
        assert_eq!(counts(&asked), "busy 1");
    }
}
