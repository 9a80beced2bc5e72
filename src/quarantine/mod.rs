//! The quarantine: messages that wait for somebody's decision.

mod campaign;
mod entry;
mod error;
mod feedback;
mod filter;
mod guard;
mod id;
mod keys;
mod open;
mod pack;
mod postings;
mod release;
mod report;
mod retention;
mod settings;
mod sql;
mod store;
mod terms;

pub use campaign::{CampaignSettings, Lookout};
pub use entry::{
    Attempt, AuditRecord, Deed, Entry, ListRow, NewAttempt, NewEntry, Outcome, Progress, State,
    Stored, StoredSignal, StoredVerdict, StoredWallet, wave_of,
};
pub use error::{StoreError, Trouble};
pub use feedback::{Mark, learned, mark, marks, unmark};
pub use filter::{Filter, Page};
pub use guard::Guard;
pub use keys::MasterKeys;
pub use open::open;
pub use release::{Courier, Done, Order, ReleaseSettings, request};
pub use report::{
    Bundle, BundleOptions, Redacted, Redaction, Report, ReportError, ReportForm, ReportSettings,
    send_report, write_report,
};
pub use retention::{count_excess, expire_all};
pub use settings::{DomainRetention, Retention, Settings};
pub use store::{Answer, Erased, Excess, Listing, Stats, Store, Wave, hex, read_all};
