//! Reports as mail: for programs (ARF) and for people.

use crate::message::Address;
use crate::outbound::Fate;
use crate::quarantine::release::compose::{self, Letter};
use crate::quarantine::report::bundle::is_chat;
use crate::quarantine::report::redact::{self, NOTE, Redacted, Redaction};
use crate::quarantine::{
    Courier, Deed, Entry, ReportSettings, State, Store, StoreError, Trouble, read_all,
};
use jiff::Timestamp;
use std::fmt;

/// The largest message that is reported, in bytes.
const MAX_MESSAGE: u64 = 64 << 20;
const HOUR: i64 = 60 * 60;

/// How a report looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportForm {
    /// The abuse reporting format (RFC 5965), for programs.
    #[default]
    Arf,
    /// A text with the message attached, for people.
    Forward,
}

/// What is reported to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// The authority.
    pub to: &'a Address,
    /// In which form.
    pub form: ReportForm,
    /// Are passwords, recipients and attachments shown?
    pub unmasked: bool,
    /// Who reports it.
    pub by: &'a str,
}

/// Why a report was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// There is no sender for reports.
    NoSender,
    /// The address belongs to the sender of the message.
    ToSender,
    /// There were too many in this hour.
    TooMany(u32),
    /// The quarantine could not be asked.
    Store(StoreError),
    /// The next hop did not take it.
    NotTaken(String),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSender => {
                f.write_str("nobody is named as the sender of reports; set report.from")
            }
            Self::ToSender => {
                f.write_str("a report never goes to an address of the message's sender")
            }
            Self::TooMany(limit) => write!(
                f,
                "over {limit} reports in this hour, which report.per_hour forbids"
            ),
            Self::Store(error) => write!(f, "{error}"),
            Self::NotTaken(why) => f.write_str(why),
        }
    }
}

impl From<StoreError> for ReportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes a report; nothing is sent.
///
/// # Errors
///
/// [`ReportError::NoSender`] and [`ReportError::ToSender`].
pub fn write_report(
    settings: &ReportSettings,
    entry: &Entry,
    raw: &[u8],
    report: &Report<'_>,
    now: Timestamp,
) -> Result<Vec<u8>, ReportError> {
    let letter = letter(settings, entry, raw, report, now)?;
    Ok([letter.head, letter.message].concat())
}

/// Sends one entry to an authority and notes it; the next hop's reply.
///
/// # Errors
///
/// When it may not be sent, or could not.
pub async fn send_report(
    store: &dyn Store,
    courier: &Courier,
    settings: &ReportSettings,
    entry: &Entry,
    report: &Report<'_>,
    now: Timestamp,
) -> Result<String, ReportError> {
    let raw = read_all(store, entry, MAX_MESSAGE).await?;
    let letter = letter(settings, entry, &raw, report, now)?;
    let sent = store.add("reports", now.as_second() / HOUR, 1).await?;
    if sent > i64::from(settings.per_hour) {
        return Err(ReportError::TooMany(settings.per_hour));
    }
    let outcome = courier
        .post(
            letter,
            &entry.id,
            &entry.host,
            std::slice::from_ref(report.to),
            now,
        )
        .await;
    let reply = outcome
        .reply
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    match outcome.fates.into_iter().next() {
        Some(Fate::Taken) => {}
        Some(Fate::Deferred(why) | Fate::Refused(why)) => return Err(ReportError::NotTaken(why)),
        None => return Err(ReportError::NotTaken("there is no recipient".to_owned())),
    }
    let deed = Deed {
        at: now,
        who: report.by.to_owned(),
        what: "reported".to_owned(),
        why: format!("to {}: {reply}", report.to),
    };
    match store
        .set_state(&entry.id, &[State::Held], State::Reported, &deed)
        .await
    {
        Err(error) if error.trouble == Trouble::State => store.note(&[&entry.id], &deed).await?,
        done => done?,
    }
    Ok(reply)
}

fn letter(
    settings: &ReportSettings,
    entry: &Entry,
    raw: &[u8],
    report: &Report<'_>,
    now: Timestamp,
) -> Result<Letter, ReportError> {
    let from = settings.from.as_deref().ok_or(ReportError::NoSender)?;
    if is_of_sender(report.to, entry, raw) {
        return Err(ReportError::ToSender);
    }
    let how = Redaction {
        unmasked: report.unmasked,
        no_attachments: is_chat(entry),
    };
    let redacted = Redacted::of(raw, &entry.recipients, how);
    let eml = if report.unmasked && !is_chat(entry) {
        raw.to_vec()
    } else {
        redacted.eml()
    };
    let sender = Address::new(from.as_bytes());
    let mut text = format!(
        "This is a report of a message that threatens its recipient in order to get money.\r\n\r\n\
         Received: {}\r\nFrom client: {} ({})\r\n",
        compose::date(entry.received_at),
        entry
            .client
            .map_or_else(|| "unknown".to_owned(), |ip| ip.to_string()),
        one_line(&redact::entry(entry, report.unmasked).client_name),
    );
    for wallet in &entry.verdict.wallets {
        text += &format!(
            "Payment address: {} {}\r\n",
            one_line(&wallet.coin),
            one_line(&wallet.address)
        );
    }
    text += &format!(
        "SHA-256 of the original: {}\r\nEntry: {}\r\n",
        entry.sha256, entry.id
    );
    if !report.unmasked {
        text += &format!("\r\n{NOTE}\r\n");
    }
    let head = format!(
        "Date: {}\r\nFrom: <{from}>\r\n{}Message-ID: <{}.{}.report@{}>\r\nAuto-Submitted: auto-generated\r\n",
        compose::date(now),
        compose::to_field(report.to),
        entry.id,
        now.as_millisecond(),
        sender.domain(),
    );
    let message = match report.form {
        ReportForm::Forward => {
            let subject = format!("Extortion mail, for your attention ({})", entry.id);
            compose::with_attachment(&subject, &text, &eml, &entry.sha256)
        }
        ReportForm::Arf => arf(entry, &text, &eml),
    };
    Ok(Letter {
        sender,
        head: head.into_bytes(),
        message,
    })
}

/// A report as of RFC 5965.
fn arf(entry: &Entry, text: &str, eml: &[u8]) -> Vec<u8> {
    let boundary = compose::boundary(eml, &entry.sha256);
    let encoding = if eml.is_ascii() { "7bit" } else { "8bit" };
    // RFC 5965, section 3.1; the recipient is redacted (RFC 6590).
    let mut fields = format!(
        "Feedback-Type: fraud\r\nUser-Agent: callbluff/{}\r\nVersion: 1\r\n\
         Original-Mail-From: <{}>\r\nOriginal-Rcpt-To: <redacted@redacted.invalid>\r\nArrival-Date: {}\r\n",
        env!("CARGO_PKG_VERSION"),
        one_line(&original_sender(entry)),
        compose::date(entry.received_at),
    );
    if let Some(ip) = entry.client {
        fields += &format!("Source-IP: {ip}\r\n");
    }
    if !entry.host.is_empty() {
        fields += &format!("Reporting-MTA: dns; {}\r\n", one_line(&entry.host));
    }
    let mut message = format!(
        "Subject: Abuse report: fraud ({})\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n\
         --{boundary}\r\nContent-Type: message/feedback-report\r\n\r\n{fields}\r\n\
         --{boundary}\r\nContent-Type: message/rfc822\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n",
        entry.id
    )
    .into_bytes();
    message.extend_from_slice(eml);
    message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    message
}

/// The envelope sender, unless it tells the recipient: many such mails pretend to come from there.
fn original_sender(entry: &Entry) -> String {
    if redact::entry(entry, false).sender == entry.sender {
        entry.sender.text()
    } else {
        "redacted@redacted.invalid".to_owned()
    }
}

/// Is this an address that the sender of a message reads, or says so?
fn is_of_sender(to: &Address, entry: &Entry, raw: &[u8]) -> bool {
    let to = to.text().to_lowercase();
    if entry.sender.text().to_lowercase() == to {
        return true;
    }
    let reading = crate::message::read(raw, &crate::message::ReadLimits::default());
    ["From", "Sender", "Reply-To", "Return-Path"]
        .iter()
        .flat_map(|name| reading.header.all(name))
        .any(|value| value.to_lowercase().contains(&to))
}

/// A text that cannot end its line.
fn one_line(text: &str) -> String {
    text.chars()
        .take(500)
        .map(|c| {
            if c.is_control() || matches!(c, '<' | '>') {
                '?'
            } else {
                c
            }
        })
        .collect()
}
