//! The configuration: one file, every problem told at once.

mod action;
mod domains;
mod keeping;
mod leaving;
mod lists;
mod main_file;
mod maps;
mod notice;
mod rules;
mod schema;
mod settings;
mod socket;

pub use maps::{MapFile, Stamp};
pub use schema::{domain_schema, schema};
pub use settings::{
    Fallback, HttpSettings, Limits, LogFormat, LogLevel, LogSettings, MilterSettings, OnError,
};
pub use socket::SocketAddress;

use crate::classify;
use crate::decoder;
use crate::diagnose::{Diagnostics, Source};
use crate::lookup;
use crate::message::ReadLimits;
use crate::policy::Policy;
use crate::quarantine;
use crate::toml_reader::{Document, Key, Kind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The sample configuration: every key with its default and what it is for.
pub const SAMPLE: &str = include_str!("../../config/callbluff.toml");

/// The sample of a domain file.
pub const DOMAIN_SAMPLE: &str = include_str!("../../config/domain.toml");

/// All that can be configured.
///
/// Mode, rules, trust and header settings are the policy's: [`Policy`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where quarantine and spool are kept, relative to the working folder. Default: `./var`.
    pub state_dir: PathBuf,
    /// Local packs beside the built-in ones; `None` has none. Default: none.
    pub packs_dir: Option<PathBuf>,
    /// How the milter listens.
    pub milter: MilterSettings,
    /// Where health and metrics are served.
    pub http: HttpSettings,
    /// What is logged.
    pub log: LogSettings,
    /// How much of messages is kept in memory.
    pub limits: Limits,
    /// How much of a message is read.
    pub read: ReadLimits,
    /// How PDFs and pictures are read.
    pub decoder: decoder::Settings,
    /// Where quoted passwords are looked up.
    pub breach: lookup::Settings,
    /// How messages are kept for review.
    pub quarantine: quarantine::Settings,
    /// How mail leaves the quarantine.
    pub release: quarantine::ReleaseSettings,
    /// How entries are reported to authorities.
    pub report: quarantine::ReportSettings,
    /// When a wave of mail is worth an alarm.
    pub campaign: quarantine::CampaignSettings,
    /// Lists in the DNS that are asked about payment addresses.
    pub dns: lookup::DnsSettings,
    /// For how long messages of a wave are counted.
    pub waves: lookup::WaveSettings,
    /// What the judge must know of its surroundings.
    pub judge: classify::Settings,
    /// The answer to our own failures.
    pub on_error: OnError,
    /// What is done with messages.
    pub policy: Policy,
    /// The files of `[maps]`; the service reloads when one of them changes.
    pub maps: Vec<MapFile>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("./var"),
            packs_dir: None,
            milter: MilterSettings::default(),
            http: HttpSettings::default(),
            log: LogSettings::default(),
            limits: Limits::default(),
            read: ReadLimits::default(),
            decoder: decoder::Settings::default(),
            breach: lookup::Settings::default(),
            quarantine: quarantine::Settings::default(),
            release: quarantine::ReleaseSettings::default(),
            report: quarantine::ReportSettings::default(),
            campaign: quarantine::CampaignSettings::default(),
            dns: lookup::DnsSettings::default(),
            waves: lookup::WaveSettings::default(),
            judge: classify::Settings::default(),
            on_error: OnError::default(),
            policy: Policy::default(),
            maps: Vec::new(),
        }
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is odd in the files, but does not stop the start.
    pub warnings: Diagnostics,
    /// Every setting outside lists of tables, with its value and where that comes from.
    pub values: Vec<Value>,
    /// Every file that was read; a reload is due when one of them changes.
    pub files: Vec<PathBuf>,
}

/// A setting as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The table: empty for the top.
    pub table: String,
    /// The key.
    pub name: String,
    /// The value in TOML; `None` where nothing is set.
    pub value: Option<String>,
    /// The line of the file; `None` for a default.
    pub line: Option<usize>,
}

impl Config {
    /// The folder for messages that are too big for memory.
    pub fn spool_dir(&self) -> PathBuf {
        self.state_dir.join("spool")
    }

    /// The file with the keys that sign our own mail.
    pub fn release_key_file(&self) -> PathBuf {
        let configured = self.release.key_file.clone();
        configured.unwrap_or_else(|| self.state_dir.join("release.key"))
    }

    /// The state folder that a file names, even where the file cannot be used.
    pub fn state_dir_of(path: &Path) -> PathBuf {
        let source = Source::read(path, &mut Diagnostics::new()).unwrap_or_default();
        let named = Document::parse(&source).root().peek_text("state_dir");
        named.map_or_else(|| Self::default().state_dir, |at| PathBuf::from(at.value))
    }

    /// Reads a file and every file that it names.
    ///
    /// # Errors
    /// When anything in them is wrong: then all of it is told, warnings too.
    pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
        let mut problems = Diagnostics::new();
        let Some(source) = Source::read(path, &mut problems) else {
            return Err(problems);
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let document = Document::parse(&source);
        let root = document.root();
        let outcome = main_file::read(&root, folder);
        root.finish();
        let values = values(&document);
        let mut problems = document.finish();
        problems.extend(outcome.problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let mut files = vec![path.to_owned()];
        files.extend(outcome.files);
        Ok(Loaded {
            config: outcome.config,
            warnings: problems,
            values,
            files,
        })
    }
}

impl Config {
    /// The file of local templates, which need not exist.
    pub fn templates_file(&self) -> PathBuf {
        self.state_dir.join("templates.toml")
    }

    /// Reads the file of local templates; `None` where there is none.
    pub fn local_templates(&self, problems: &mut Diagnostics) -> Option<Arc<Source>> {
        let file = self.templates_file();
        file.exists().then(|| Source::read(&file, problems))?
    }

    /// Reads every `*.toml` of `packs_dir`, in the order of their names.
    pub fn local_packs(&self, problems: &mut Diagnostics) -> Vec<Arc<Source>> {
        let Some(folder) = &self.packs_dir else {
            return Vec::new();
        };
        match domains::toml_files(folder) {
            Ok(files) => files
                .iter()
                .filter_map(|path| Source::read(path, problems))
                .collect(),
            Err(error) => {
                let name = folder.display().to_string();
                let message = format!("cannot read the folder ({error})");
                problems
                    .file_error(&name, message)
                    .hint("make the folder, or delete `packs_dir`");
                Vec::new()
            }
        }
    }
}

impl Loaded {
    /// The built-in defaults, which need no file.
    pub fn builtin() -> Self {
        let source = Source::new("built-in", "");
        let document = Document::parse(&source);
        let outcome = main_file::read(&document.root(), Path::new(""));
        Self {
            config: outcome.config,
            warnings: Diagnostics::new(),
            values: values(&document),
            files: Vec::new(),
        }
    }
}

/// Every setting that was asked for, outside lists of tables.
fn values(document: &Document<'_>) -> Vec<Value> {
    let source = document.source();
    let keys = document.keys();
    let lists: Vec<String> = (keys.iter())
        .filter(|key| key.kind == Kind::Tables)
        .map(Key::path)
        .collect();
    keys.into_iter()
        .filter(|key| key.kind.is_value() && !lists.contains(&key.table))
        .map(|key| Value {
            value: match &key.span {
                Some(span) => source
                    .text
                    .get(span.clone())
                    // Where a secret is found may be shown, itself it may not.
                    .map(
                        |text| match key.kind == Kind::Secret && !text.starts_with('{') {
                            true => "\"(secret)\"".to_owned(),
                            false => text.to_owned(),
                        },
                    ),
                None => key.default,
            },
            line: key.span.map(|span| source.line_col(span.start).0),
            table: key.table,
            name: key.name,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Disposition, Mode};
    use std::fs;

    fn load_in(folder: &Path, text: &str) -> Result<Loaded, Diagnostics> {
        let path = folder.join("callbluff.toml");
        fs::write(&path, text).expect("the folder is ours");
        Config::load(&path)
    }

    #[test]
    fn the_sample_changes_nothing_but_the_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let loaded = load_in(folder.path(), SAMPLE).expect("the sample is right");
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        let mut config = loaded.config;
        assert_eq!(config.policy.mode, Mode::Monitor);
        config.policy.mode = Mode::Enforce;
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }

    const KEY: &str = "a AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    fn private(path: &Path, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(path, text).expect("the folder is ours");
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path, mode).expect("the folder is ours");
    }

    #[test]
    fn every_line_of_the_samples_can_be_taken_into_use() {
        let in_use = |sample: &str| -> String {
            sample
                .lines()
                .map(|line| match line.strip_prefix('#') {
                    Some(code) if !code.is_empty() && !code.starts_with(' ') => code,
                    _ => line,
                })
                .map(|line| format!("{line}\n"))
                .collect()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let inside = |name: &str| folder.path().join(name);
        fs::write(inside("staff.txt"), "a@example.org\n").expect("the folder is ours");
        fs::write(inside("partners.toml"), "entries = [\"192.0.2.0/24\"]")
            .expect("the folder is ours");
        for (name, text) in [
            ("pwned-passwords", ""),
            ("partner-addresses.txt", "a@example.net"),
            ("blocked-senders.txt", "*@example.com"),
            ("wallets.txt", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"),
            ("dqs.key", "abcdef"),
            ("postgres.password", "secret"),
        ] {
            fs::write(inside(name), text).expect("the folder is ours");
        }
        private(&inside("quarantine.key"), KEY);
        fs::create_dir(inside("domains.d")).expect("the folder is ours");
        fs::write(
            inside("domains.d/a.toml"),
            in_use(DOMAIN_SAMPLE) + "action = \"tag\"\n",
        )
        .expect("the folder is ours");
        let loaded = load_in(folder.path(), &in_use(SAMPLE)).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(loaded.config.policy.rules.len(), 1);
        assert_eq!(loaded.config.policy.domains.len(), 2);
        assert_eq!(loaded.files.len(), 7);
        let unset: Vec<&Value> = loaded.values.iter().filter(|v| v.line.is_none()).collect();
        assert!(unset.is_empty(), "not in the sample: {unset:#?}");
    }

    #[test]
    fn the_built_in_defaults_act() {
        let builtin = Loaded::builtin();
        assert_eq!(
            format!("{:?}", builtin.config),
            format!("{:?}", Config::default())
        );
        assert_eq!(builtin.config.policy.mode, Mode::Enforce);
        assert_eq!(
            builtin.config.policy.defaults.sextortion,
            Disposition::Quarantine
        );
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let problems = Config::load(Path::new("/nonexistent/callbluff.toml")).expect_err("no file");
        assert!(
            problems
                .to_string()
                .starts_with("/nonexistent/callbluff.toml: cannot read")
        );
    }
}
