//! What every command about the quarantine needs.

use crate::cli::show::printable;
use crate::config::{Config, Loaded};
use crate::outbound::Keys;
use crate::quarantine::{self, Courier, Entry, Filter, Listing, Page, State, Store};
use jiff::Timestamp;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// The config file; without it built-in defaults apply.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object per line.
    #[arg(long, global = true)]
    json: bool,
    /// Who does it, for the audit trail. Default: the user of this session.
    #[arg(long = "as", global = true, value_name = "NAME")]
    by: Option<String>,
}

/// An open quarantine and who works with it.
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) store: Arc<dyn Store>,
    pub(super) json: bool,
    pub(super) by: String,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    /// Opens the quarantine that the config names.
    pub(super) fn open(common: &Common) -> Result<Self, String> {
        let loaded = match &common.config {
            None => Loaded::builtin(),
            Some(path) => Config::load(path).map_err(|problems| problems.to_string())?,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|err| format!("could not start threads ({err})"))?;
        let config = loaded.config;
        let store = {
            let _inside = runtime.enter();
            quarantine::open(&config.quarantine, &config.state_dir)
                .map_err(|error| error.to_string())?
        };
        Ok(Self {
            config,
            store,
            json: common.json,
            by: common.by.clone().unwrap_or_else(user),
            runtime,
        })
    }

    /// Waits for some work.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Sends what leaves, with the keys of the config.
    pub(super) fn courier(&self) -> Result<Courier, String> {
        let keys = if self.config.release.pass {
            Keys::load_or_create(&self.config.release_key_file())?
        } else {
            Keys::default()
        };
        Ok(Courier::new(self.config.release.clone(), keys))
    }
}

/// Who sits at the keyboard; behind sudo it is who called it.
fn user() -> String {
    ["SUDO_USER", "LOGNAME", "USER"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "command line".to_owned())
}

/// Which entries a command is about.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Entries by identifier, or by a beginning of it that no other has.
    #[arg(value_name = "ENTRY")]
    ids: Vec<String>,
    /// Entries for this address; one that ends with * means all that begin so.
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Entries for recipients in this domain.
    #[arg(long)]
    domain: Option<String>,
    /// Entries from this envelope sender; "" is the null sender.
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Entries that name this payment address.
    #[arg(long, value_name = "ADDRESS")]
    wallet: Option<String>,
    /// Entries that are near copies of this template.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Entries of this campaign.
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Entries from this score on, in points.
    #[arg(long, value_name = "POINTS")]
    min_score: Option<f64>,
    /// Entries received from this time on: 2026-11-20T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Entries received before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Entries in this state: held, released, deleted, expired, reported.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<State>,
}

fn state(text: &str) -> Result<State, String> {
    State::from_name(text)
        .ok_or_else(|| "write held, released, deleted, expired or reported".to_owned())
}

impl Selection {
    /// The entries of a campaign in these states.
    pub(super) fn of_campaign(name: &str, states: Vec<State>) -> Self {
        Self {
            campaign: Some(name.to_owned()),
            state: states,
            ..Self::default()
        }
    }

    /// One entry.
    pub(super) fn one(id: &str) -> Self {
        Self {
            ids: vec![id.to_owned()],
            ..Self::default()
        }
    }

    /// Are entries named one by one?
    pub(super) fn is_by_name(&self) -> bool {
        !self.ids.is_empty()
    }

    /// The conditions, with these states where none is asked for.
    pub(super) fn filter(&self, states: &[State]) -> Filter {
        Filter {
            recipient: self.recipient.clone(),
            domain: self.domain.clone(),
            sender: self.sender.clone(),
            wallet: self.wallet.clone(),
            template: self.template.clone(),
            wave: self.campaign.clone(),
            min_score: self.min_score,
            since: self.since,
            until: self.until,
            states: if self.state.is_empty() {
                states.to_vec()
            } else {
                self.state.clone()
            },
            ..Filter::default()
        }
    }

    fn has_condition(&self) -> bool {
        self.filter(&[]) != Filter::default()
    }

    /// How many entries it means; an error where it means nothing in particular.
    pub(super) async fn count(&self, desk: &Desk, states: &[State]) -> Result<u64, String> {
        match (self.is_by_name(), self.has_condition()) {
            (true, false) => Ok(self.ids.len() as u64),
            (false, true) => desk
                .store
                .count(&self.filter(states))
                .await
                .map_err(|error| error.to_string()),
            (true, true) => Err("name entries or give conditions, not both".to_owned()),
            (false, false) => Err("name an entry, or give a condition such as --domain".to_owned()),
        }
    }

    /// The entries page by page, oldest call first: `next` is what the page before returned.
    pub(super) async fn page(
        &self,
        desk: &Desk,
        states: &[State],
        next: Option<String>,
    ) -> Result<Listing, String> {
        if self.is_by_name() {
            let mut entries = Vec::new();
            for id in &self.ids {
                let entry = desk.store.get(id).await;
                entries.push(entry.map_err(|error| error.to_string())?);
            }
            return Ok(Listing {
                entries,
                next: None,
            });
        }
        let page = Page {
            after: next,
            limit: 200,
        };
        desk.store
            .list(&self.filter(states), &page)
            .await
            .map_err(|error| error.to_string())
    }
}

/// How a command for many entries is kept from doing harm.
#[derive(Debug, clap::Args)]
pub(super) struct Caution {
    /// Only say what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask before doing it to several entries.
    #[arg(long)]
    yes: bool,
}

/// A number of entries in words.
pub(super) fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{count} entries"),
    }
}

impl Caution {
    /// May it be done to so many entries? Asks where there are several.
    pub(super) fn allows(&self, what: &str, count: u64) -> Result<bool, String> {
        if self.dry_run || self.yes || count <= 1 {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            return Err(format!("{what} {count} entries needs --yes"));
        }
        let mut err = io::stderr();
        let _ = write!(err, "{what} {count} entries? [y/N] ");
        let _ = err.flush();
        let mut answer = String::new();
        let _ = io::stdin().lock().read_line(&mut answer);
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// An entry in a few words for people.
pub(super) fn words(entry: &Entry) -> String {
    format!(
        "{} {} from {} to {}",
        entry.id,
        entry.state,
        printable(&entry.sender.to_string()),
        entry
            .recipients
            .iter()
            .map(|to| printable(&to.text()))
            .collect::<Vec<_>>()
            .join(", ")
    )
}
