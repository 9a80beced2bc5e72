//! All that one reload swaps: settings, judge and policy.

use crate::classify::{self, Category, Class, Judge, Learned, Quoted, Signal, Verdict};
use crate::config::{Config, Loaded};
use crate::decoder::{Decoder, Trouble};
use crate::diagnose::{Diagnostics, Source};
use crate::lookup::{Breaches, DnsLists, Waves};
use crate::message::{self, Envelope, Finding, Header, Origin, Piece, Place, Reading};
use crate::outbound::Keys;
use crate::policy::{Facts, Needs, Plan};
use arc_swap::ArcSwap;
use std::fmt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::task::spawn_blocking;

/// Judging more than this at once, in bytes, is done where it holds up no other session.
const LONG_WORK: usize = 1 << 20;

type JudgeFn = dyn Fn(&Envelope, &Reading) -> Verdict + Send + Sync;

/// What was found out about one message.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What it is.
    pub verdict: Verdict,
    /// Its header, for the policy; `None` where it was not read.
    pub header: Option<Header>,
    /// Its subject with every quoted password masked, for those who review it; `None` where it was not read.
    pub subject: Option<String>,
    /// Why a PDF or picture was not read to its end, for the log.
    pub trouble: Option<Trouble>,
}

/// All that was read from one message, that of its PDFs and pictures included.
#[derive(Clone, Debug)]
pub struct Read {
    /// Texts, header, facts; the PDFs and pictures themselves are still there.
    pub reading: Reading,
    /// Why a PDF or picture was not read to its end, for the log.
    pub trouble: Option<Trouble>,
}

impl Judged {
    /// What is known about a message that could not be judged.
    pub fn failed() -> Self {
        Self {
            verdict: Verdict::error(),
            header: None,
            subject: None,
            trouble: None,
        }
    }
}

/// Judges messages and decides about them. Immutable: a session takes one at MAIL and keeps it to
/// the end of the message, so that no message is handled by half an old and half a new config.
pub struct Engine {
    config: Config,
    needs: Needs,
    decoder: Decoder,
    /// The list of breached passwords, where one is configured and can be read.
    breaches: Option<Arc<Breaches>>,
    dns: Arc<DnsLists>,
    waves: Arc<Waves>,
    judge: Box<JudgeFn>,
    keys: Keys,
    /// What reviewers have said; it outlives a reload.
    learned: Arc<ArcSwap<Learned>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Reads the config with its policy and packs and builds all from them; without a path, from the
    /// built-in defaults. What is odd, but no error, comes with it.
    ///
    /// # Errors
    ///
    /// When anything in the files is wrong: then all of it is told.
    pub fn load(path: Option<&Path>) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::load_keeping(path, &KeptJudge::default())
    }

    /// As [`Self::load`], for one that will be loaded again: where packs and templates say what they
    /// said the last time, it goes on with the judge that was built then.
    ///
    /// # Errors
    ///
    /// When anything in the files is wrong: then all of it is told.
    pub fn load_keeping(
        path: Option<&Path>,
        kept: &KeptJudge,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let (config, judge, warnings) = load_judge_keeping(path, kept)?;
        // Whether a message is clean is known long before all is known that it says.
        let wants_all = config.policy.looks_into_clean()
            || !config.dns.lists.is_empty()
            || !config.judge.blocked_wallets.is_empty();
        let judge = move |envelope: &Envelope, reading: &Reading| match wants_all {
            true => judge.judge(envelope, reading),
            false => judge.judge_briefly(envelope, reading),
        };
        Ok((Self::with_judge(config, judge), warnings))
    }

    /// An engine with another judge; a test can make it say and do anything.
    pub fn with_judge(
        config: Config,
        judge: impl Fn(&Envelope, &Reading) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            decoder: Decoder::new(config.decoder.clone()),
            breaches: config
                .breach
                .path
                .as_deref()
                .and_then(|path| Breaches::open(path).ok())
                .map(Arc::new),
            needs: config.policy.needs(),
            dns: Arc::new(DnsLists::new(config.dns.clone())),
            waves: Arc::new(Waves::new(&config.waves, Instant::now())),
            config,
            judge: Box::new(judge),
            keys: Keys::default(),
            learned: Arc::default(),
        }
    }

    /// The same engine with the keys that sign our own mail.
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// The keys that sign our own mail; without any, none is believed.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Goes on with what another engine has learnt: how often waves were seen, answers of lists. Only
    /// as far as its settings are the same.
    pub fn inherit(&mut self, old: &Self) {
        self.learned = Arc::clone(&old.learned);
        if self.config.waves == old.config.waves {
            self.waves = Arc::clone(&old.waves);
        }
        if self.dns.settings() == old.dns.settings() {
            self.dns = Arc::clone(&old.dns);
        }
    }

    /// Judges with what reviewers have said from now on.
    pub fn learn(&self, learned: Learned) {
        self.learned.store(Arc::new(learned));
    }

    /// What reviewers have said.
    pub fn learned(&self) -> Arc<Learned> {
        self.learned.load_full()
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the policy needs of an MTA besides the usual.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// What the decode helpers did since this was asked last, for the metrics.
    pub fn take_decoder_counts(&self) -> [(&'static str, u64); 5] {
        self.decoder.counts.take()
    }

    /// What lists in the DNS did since this was asked last, for the metrics.
    pub fn take_dns_counts(&self) -> [(&'static str, u64); 6] {
        self.dns.take_counts()
    }

    /// Reads and judges one message, and asks the lists in the DNS about its payment addresses.
    ///
    /// `raw` is the message as received, or its beginning where `is_truncated`.
    ///
    /// # Panics
    ///
    /// Only by a bug; the caller must be ready for it.
    pub async fn judge(&self, envelope: &Envelope, raw: &[u8], is_truncated: bool) -> Judged {
        let read = self.read(raw, is_truncated).await;
        self.judge_read(envelope, read).await
    }

    /// As [`Self::judge`], for a big message, whose bytes are given up as soon as they are read.
    ///
    /// Design note: it is read where that holds up no session, but judged in its own task, as its texts
    /// are no longer than those of others (`limits.text`). `block_in_place` would hand the sessions to
    /// another thread, so that in the end all of them had judged and kept a memory of words.
    ///
    /// # Panics
    ///
    /// Only by a bug; the caller must be ready for it.
    pub async fn judge_big(
        self: Arc<Self>,
        envelope: &Envelope,
        raw: Vec<u8>,
        is_truncated: bool,
    ) -> Judged {
        let reader = Arc::clone(&self);
        let size = raw.len();
        let reading = move || message::read(&raw, &reader.config.read);
        let reading = match size > LONG_WORK {
            true => spawn_blocking(reading)
                .await
                .unwrap_or_else(|err| resume_unwind(err.into_panic())),
            false => reading(),
        };
        let read = self.read_on(reading, is_truncated).await;
        self.judge_read(envelope, read).await
    }

    async fn judge_read(&self, envelope: &Envelope, read: Read) -> Judged {
        let Read {
            mut reading,
            trouble,
        } = read;
        let mut verdict = self.judge_reading(envelope, &reading);
        let listed = self.dns.ask(&verdict.wallets).await;
        if !listed.is_empty() {
            let places = listed
                .iter()
                .filter_map(|hit| verdict.wallets.get(hit.wallet));
            reading.findings.extend(places.map(|wallet| Finding {
                id: LISTED,
                place: wallet.place,
            }));
            verdict = self.judge_reading(envelope, &reading);
            name_lists(
                &mut verdict,
                listed.into_iter().map(|hit| hit.list).collect(),
            );
        }
        let subject = (verdict.class != Class::Clean)
            .then(|| masked_subject(&reading))
            .flatten();
        Judged {
            subject,
            verdict,
            header: Some(reading.header),
            trouble,
        }
    }

    /// Reads one message and, in a helper process, its PDFs and pictures; as for `judge`.
    ///
    /// Note: with such files it takes up to `decoder.deadline`; without them it never waits.
    ///
    /// # Panics
    ///
    /// Only by a bug.
    pub async fn read(&self, raw: &[u8], is_truncated: bool) -> Read {
        let reading = work(raw.len(), || message::read(raw, &self.config.read));
        self.read_on(reading, is_truncated).await
    }

    async fn read_on(&self, mut reading: Reading, is_truncated: bool) -> Read {
        if is_truncated {
            reading.is_truncated = true;
            reading.findings.push(Finding {
                id: "limit.size",
                place: Place::of(Origin::Plain),
            });
        }
        let mut trouble = None;
        if self.decoder.wants(&reading.media) {
            let size = text_bytes(&reading.pieces);
            let passwords = work(size, || passwords(&reading.pieces));
            let decoded = self.decoder.decode(&reading.media, &passwords).await;
            let is_limited = |id: &str| id.starts_with("limit.");
            reading.is_truncated |= decoded.findings.iter().any(|f| is_limited(f.id));
            reading.pieces.extend(decoded.pieces);
            reading.findings.extend(decoded.findings);
            trouble = decoded.trouble;
        }
        reading
            .findings
            .extend(self.breached(&reading.pieces).await);
        Read { reading, trouble }
    }

    /// The fact that a quoted password is in the list of breached ones. It never names the password.
    async fn breached(&self, pieces: &[Piece]) -> Option<Finding> {
        let breaches = Arc::clone(self.breaches.as_ref()?);
        let passwords = work(text_bytes(pieces), || passwords(pieces));
        if passwords.is_empty() {
            return None;
        }
        // The disk may be slow. A list that cannot be read any more tells nothing.
        let found = spawn_blocking(move || breaches.contain(&passwords)).await;
        matches!(found, Ok(Ok(true))).then_some(Finding {
            id: "proof.breached-password",
            place: Place::of(Origin::Plain),
        })
    }

    /// Judges what was read.
    ///
    /// # Panics
    ///
    /// Only by a bug.
    pub fn judge_reading(&self, envelope: &Envelope, reading: &Reading) -> Verdict {
        let mut verdict = work(text_bytes(&reading.pieces), || {
            let verdict = (self.judge)(envelope, reading);
            self.learned.load().apply(verdict, &reading.pieces)
        });
        for id in self.config.policy.lists.blocks(envelope, &reading.header) {
            verdict.signals.push(remark(id));
        }
        verdict
    }

    /// What is done with a judged message, for each recipient and as a whole. Counts it to its wave.
    pub fn plan(&self, envelope: &Envelope, judged: &Judged, size: u64) -> Plan {
        let hour = u8::try_from(jiff::Zoned::now().hour()).ok();
        let wave = Some(self.waves.count(&judged.verdict, Instant::now()));
        self.config.policy.plan(&Facts {
            header: judged.header.as_ref(),
            size,
            hour,
            wave,
            ..Facts::new(&judged.verdict, envelope)
        })
    }
}

/// A payment address is in a list of the DNS; which one is told afterwards.
const LISTED: &str = "list.dns";

/// Puts the names of the lists that an address is in into the signal, heaviest first.
fn name_lists(verdict: &mut Verdict, mut lists: Vec<String>) {
    lists.sort();
    lists.dedup();
    let mut lists = lists.into_iter().map(|name| format!("list.{name}"));
    if let Some(signal) = verdict
        .signals
        .iter_mut()
        .find(|signal| signal.id == LISTED)
        && let Some(id) = lists.next()
    {
        signal.id = id;
    }
    verdict.signals.extend(lists.map(|id| remark(&id)));
}

/// A fact for people and rules that adds no points.
fn remark(id: &str) -> Signal {
    Signal {
        id: id.to_owned(),
        category: Category::List,
        weight: 0.0,
        place: Place::of(Origin::DisplayName),
    }
}

/// Reads the config and builds the judge that it describes, for those who ask the judge more than
/// for verdicts. What is odd, but no error, comes with it.
///
/// # Errors
///
/// When anything in the files is wrong: then all of it is told.
pub fn load_judge(path: Option<&Path>) -> Result<(Config, Arc<Judge>, Diagnostics), Diagnostics> {
    load_judge_keeping(path, &KeptJudge::default())
}

fn load_judge_keeping(
    path: Option<&Path>,
    kept: &KeptJudge,
) -> Result<(Config, Arc<Judge>, Diagnostics), Diagnostics> {
    let loaded = match path {
        None => Loaded::builtin(),
        Some(path) => Config::load(path)?,
    };
    let mut problems = loaded.warnings;
    let made_of = MadeOf {
        packs: loaded.config.local_packs(&mut problems),
        templates: loaded.config.local_templates(&mut problems),
        settings: loaded.config.judge.clone(),
    };
    match kept.judge(made_of, &mut problems) {
        Some(judge) if !problems.has_errors() => Ok((loaded.config, judge, problems)),
        _ => Err(problems),
    }
}

/// The judge that was built last, and what it was built from.
///
/// Building one takes most of the time of a reload, and packs change far less often than rules and
/// maps. It is the texts that are compared: times of files lie, and a restored file has an old one.
#[derive(Debug, Default)]
pub struct KeptJudge(Mutex<Option<Built>>);

/// All of a judge that is not embedded in the program.
#[derive(Debug, PartialEq, Eq)]
struct MadeOf {
    packs: Vec<Arc<Source>>,
    templates: Option<Arc<Source>>,
    settings: classify::Settings,
}

#[derive(Debug)]
struct Built {
    made_of: MadeOf,
    judge: Arc<Judge>,
    /// What was odd in the packs: it is told at each reload.
    warnings: Diagnostics,
}

impl KeptJudge {
    /// The judge of these files, the kept one where they are the same; `None` where they have errors,
    /// and then the kept one stays.
    fn judge(&self, made_of: MadeOf, problems: &mut Diagnostics) -> Option<Arc<Judge>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = &*kept
            && built.made_of == made_of
        {
            problems.extend(built.warnings.clone());
            return Some(Arc::clone(&built.judge));
        }
        let mut warnings = Diagnostics::new();
        let templates = made_of.templates.as_ref();
        let judge = Judge::load(&made_of.packs, templates, false, &mut warnings);
        problems.extend(warnings.clone());
        let judge = Arc::new(judge?.with_settings(made_of.settings.clone()));
        if !warnings.has_errors() {
            *kept = Some(Built {
                made_of,
                judge: Arc::clone(&judge),
                warnings,
            });
        }
        Some(judge)
    }
}

/// The subject as people may see it: whatever the message quotes as a password is masked in it.
fn masked_subject(reading: &Reading) -> Option<String> {
    let subject = reading.header.first("Subject")?;
    let mut secrets = passwords(&reading.pieces);
    // Alone it may show a password that the other texts do not speak of.
    secrets.extend(passwords(&[Piece {
        place: Place::of(Origin::Subject),
        text: subject.to_owned(),
    }]));
    let ranges: Vec<_> = secrets
        .iter()
        .flat_map(|secret| {
            subject
                .match_indices(secret.as_str())
                .map(|(at, text)| at..at + text.len())
        })
        .collect();
    Some(message::mask(subject, &ranges))
}

/// What the message quotes as passwords, each once: the key to an encrypted PDF may be among them.
fn passwords(pieces: &[Piece]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for Quoted { piece, range } in classify::find_passwords(pieces) {
        if let Some(password) = pieces.get(piece).and_then(|piece| piece.text.get(range))
            && !found.iter().any(|old| old == password)
        {
            found.push(password.to_owned());
        }
    }
    found
}

fn text_bytes(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.text.len()).sum()
}

/// Does something whose time grows with so many bytes.
fn work<T>(size: usize, work: impl FnOnce() -> T) -> T {
    if size > LONG_WORK {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha1::{Digest, Sha1};
    use std::fmt::Write as _;

    const WALLET: &str = "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu";
    const THREAT: &str = "Subject: x\r\n\r\nI recorded you with your webcam. Send 900 USD in bitcoin to \
                          1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu within 48 hours.\r\n";

    fn engine(config: &str) -> Engine {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.toml");
        std::fs::write(&path, config).expect("the folder is ours");
        Engine::load(Some(&path)).expect("it is right").0
    }

    fn signals(judged: &Judged) -> Vec<(&str, f64)> {
        let signals = judged.verdict.signals.iter();
        let of_lists = signals.filter(|signal| signal.category == Category::List);
        of_lists
            .map(|signal| (signal.id.as_str(), signal.weight))
            .collect()
    }

    #[tokio::test]
    async fn a_listed_address_is_a_signal_with_the_name_of_its_list() {
        use crate::lookup::testing::{Does, Server};
        let name = format!("{}.wallets.example", WALLET.to_lowercase());
        let server = Server::start(&[(&name, Does::Tell([127, 0, 0, 2].into()))]);
        let list = |name: &str, zone: &str| {
            format!("[[dns_list]]\nname = \"{name}\"\nzone = \"{zone}\"\nhash = \"raw\"\n")
        };
        let engine = engine(&format!(
            "[dns]\nservers = \"{}\"\ndeadline = \"5s\"\n{}{}{}",
            server.address,
            list("b", "wallets.example"),
            list("a", "wallets.example"),
            list("c", "other.example")
        ));
        let plain = Engine::load(None).expect("the defaults are right").0;
        let envelope = Envelope::default();
        let before = plain.judge(&envelope, THREAT.as_bytes(), false).await;
        assert_eq!(signals(&before), []);
        let judged = engine.judge(&envelope, THREAT.as_bytes(), false).await;
        assert_eq!(signals(&judged), [("list.a", 5.0), ("list.b", 0.0)]);
        assert!(judged.verdict.score > before.verdict.score + 4.0);
        // Alone it is no reason: people write about such addresses, too.
        let text = format!("Subject: x\r\n\r\nMy wallet is {WALLET}.\r\n");
        let judged = engine.judge(&envelope, text.as_bytes(), false).await;
        assert_eq!(judged.verdict.class, classify::Class::Clean);
        assert_eq!(server.asked().len(), 2, "one question for each zone");
    }

    #[tokio::test]
    async fn addresses_of_the_configuration_count_or_do_not() {
        let envelope = Envelope {
            sender: Some(crate::message::Address::new(b"a@spam.example")),
            ..Envelope::default()
        };
        let text = THREAT.as_bytes();
        let blocking = engine(&format!(
            "[block]\nwallets = \"{WALLET}\"\nsenders = \"spam.example\"\n"
        ));
        let blocked = blocking.judge(&envelope, text, false).await;
        assert_eq!(
            signals(&blocked),
            [("list.wallet", 5.0), ("list.sender", 0.0)]
        );
        let allowing = engine(&format!("[allow]\nwallets = \"{WALLET}\"\n"));
        let allowed = allowing.judge(&envelope, text, false).await;
        assert_eq!(signals(&allowed), []);
        assert!(allowed.verdict.wallets.is_empty());
        let attached = format!(
            "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nSend it to my wallet {WALLET}\r\n"
        );
        let attached = blocking
            .judge(&Envelope::default(), attached.as_bytes(), false)
            .await;
        assert_eq!(
            signals(&attached),
            [],
            "an attached message is somebody else's word"
        );
    }

    /// Each thread that judges keeps a memory of words.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn big_messages_are_judged_by_the_threads_of_the_sessions() {
        let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
        let seen = Arc::clone(&threads);
        let engine = Arc::new(Engine::with_judge(Config::default(), move |_, _| {
            let thread = std::thread::current().id();
            seen.lock().expect("no panic").insert(thread);
            Verdict::error()
        }));
        let raw = THREAT.replace("within", &"\r\n".repeat(LONG_WORK));
        let judging = (0..40).map(|_| {
            let (engine, raw) = (Arc::clone(&engine), raw.clone().into_bytes());
            let envelope = Envelope::default();
            tokio::spawn(async move { engine.judge_big(&envelope, raw, false).await })
        });
        for judging in judging.collect::<Vec<_>>() {
            judging.await.expect("no panic");
        }
        let threads = threads.lock().expect("no panic").len();
        assert!((1..=2).contains(&threads), "{threads} threads");
    }

    #[tokio::test]
    async fn what_was_learnt_outlives_a_reload() {
        let old = engine("");
        let judged = old
            .judge(&Envelope::default(), THREAT.as_bytes(), false)
            .await;
        let wave = |engine: &Engine| engine.waves.count(&judged.verdict, Instant::now());
        assert_eq!((wave(&old), wave(&old)), (1, 2));
        let mut same = engine("mode = \"monitor\"\n");
        same.inherit(&old);
        assert_eq!(wave(&same), 3);
        let mut other = engine("[waves]\nwindow = \"1h\"\n");
        other.inherit(&same);
        assert_eq!(wave(&other), 1);
    }

    #[test]
    fn a_judge_is_built_anew_only_where_its_files_say_something_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("the folder is ours");
        };
        let pack = |phrase: &str| {
            format!(
                "language = \"en\"\n[[pattern]]\nid = \"recording.claimed\"\nreason = \"a test\"\n\
                 find = [\"'{phrase}'\"]\n"
            )
        };
        std::fs::create_dir(folder.path().join("packs.d")).expect("the folder is ours");
        let config = |more: &str| {
            write(
                "c.toml",
                &format!("packs_dir = \"packs.d\"\nstate_dir = \"state\"\n{more}"),
            );
        };
        let kept = KeptJudge::default();
        let load = || {
            let path = folder.path().join("c.toml");
            load_judge_keeping(Some(&path), &kept)
                .map(|(config, judge, _)| (config.policy.mode, judge))
        };
        config("");
        write("packs.d/a.toml", &pack("purple walrus"));
        let (first_mode, first) = load().expect("it is right");
        // The same text at another time, and another policy.
        write("packs.d/a.toml", &pack("purple walrus"));
        config("mode = \"monitor\"\n");
        let (mode, same) = load().expect("it is right");
        assert!(Arc::ptr_eq(&first, &same));
        assert_ne!(mode, first_mode, "the config is the new one");

        write("packs.d/a.toml", &pack("green walrus"));
        let (_, other) = load().expect("it is right");
        assert!(!Arc::ptr_eq(&same, &other));
        let says = |judge: &Judge, text: &str| {
            let raw = format!("Subject: x\r\n\r\nA {text} it is.\r\n");
            let reading = message::read(raw.as_bytes(), &message::ReadLimits::default());
            (judge.signals(&Envelope::default(), &reading)).contains("recording.claimed")
        };
        assert!(says(&first, "purple walrus") && !says(&first, "green walrus"));
        assert!(says(&other, "green walrus") && !says(&other, "purple walrus"));

        write("packs.d/a.toml", "name = 7");
        load().expect_err("the pack is broken");
        write("packs.d/a.toml", &pack("green walrus"));
        let (_, again) = load().expect("it is right again");
        assert!(Arc::ptr_eq(&other, &again), "an error costs nothing");

        // Whatever else a judge is made of.
        write("packs.d/b.toml", &pack("red walrus"));
        let (_, with_pack) = load().expect("it is right");
        assert!(!Arc::ptr_eq(&again, &with_pack));
        config("[block]\nwallets = \"1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu\"\n");
        let (_, with_wallet) = load().expect("it is right");
        assert!(!Arc::ptr_eq(&with_pack, &with_wallet));
    }

    #[tokio::test]
    async fn a_quoted_password_is_looked_up_in_the_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("list");
        let mut line = String::new();
        for byte in Sha1::digest(b"hunter2x!") {
            write!(line, "{byte:02X}").expect("a string takes all");
        }
        std::fs::write(&list, line + ":7\n").expect("the folder is ours");
        let mut config = Config::default();
        config.breach.path = Some(list);
        let engine = Engine::with_judge(config, |_, _| Verdict::error());
        for (text, expected) in [
            ("Your password is hunter2x!", true),
            ("Your password is hunter3x!", false),
            ("hunter2x!", false),
        ] {
            let raw = format!("Subject: x\r\n\r\n{text}\r\n");
            let read = engine.read(raw.as_bytes(), false).await;
            let is_found = (read.reading.findings.iter())
                .any(|finding| finding.id == "proof.breached-password");
            assert_eq!(is_found, expected, "{text}");
        }
    }
}
