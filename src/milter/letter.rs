//! A notice on its way: the fields and the body that the MTA is told to put in place of a message's own.

use crate::milter::Shared;
use crate::milter::edit::Fields;
use crate::milter::session::Message;
use crate::notice::{self, Body, Choice, Form, Original, Settings};
use indymilter::Actions;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

/// How long a notice waits for memory before the message goes on without one in its body.
const BUDGET_WAIT: Duration = Duration::from_secs(5);
/// What a body needs of the MTA.
const NEEDED: Actions = Actions::REPLACE_BODY
    .union(Actions::CHANGE_HEADER)
    .union(Actions::ADD_HEADER);

/// All that is changed for a notice.
#[derive(Debug)]
pub(super) struct Letter<'a> {
    /// What it became, which may be less than was chosen.
    pub(super) form: Form,
    /// The line for `X-Callbluff-Notice`.
    pub(super) advice: String,
    /// Fields of the message with these names give way to these values.
    pub(super) fields: Vec<(&'static str, String)>,
    /// The new body.
    pub(super) body: Option<Body>,
    /// Why it is less than was chosen, for the log.
    pub(super) reason: Option<&'static str>,
    /// The memory that it takes of the budget of all messages.
    _permit: Option<SemaphorePermit<'a>>,
}

impl<'a> Letter<'a> {
    /// Writes a notice; `entry` is the number of the message in the quarantine, without which it is attached.
    ///
    /// Where the body cannot be changed it is a mere field.
    pub(super) async fn write(
        shared: &'a Shared,
        message: &mut Message,
        choice: &Choice,
        entry: Option<&str>,
        agreed: Actions,
    ) -> Self {
        let mut letter = Self {
            form: Form::Header,
            advice: notice::advice(choice),
            fields: Vec::new(),
            body: None,
            reason: None,
            _permit: None,
        };
        let settings = message.engine.config().policy.notice.clone();
        if choice.form == Form::Header {
            return letter;
        }
        if !agreed.contains(NEEDED) || message.fields.is_flood() {
            letter.reason = Some("the body of this message cannot be changed");
            return letter;
        }
        if choice.form == Form::Banner && message.fields.is_signed() && !settings.break_signatures {
            letter.reason = Some("no banner in signed mail");
            return letter;
        }
        let domain = message.envelope.recipients.first().map(|to| to.domain());
        // What is in the quarantine is not sent again.
        let (raw, permit) = match entry {
            Some(_) => (Cow::Borrowed(&b""[..]), None),
            None => match whole(shared, message).await {
                Ok(found) => found,
                Err(why) => {
                    letter.reason = Some(why);
                    return letter;
                }
            },
        };
        letter.form = choice.form;
        if choice.form == Form::Banner {
            letter.banner(choice, &raw);
        } else {
            let id = entry.map_or(&raw[..], str::as_bytes);
            let id = message_id(id, &domain.unwrap_or_default());
            letter.replace(choice, &settings, entry, &raw, id);
        }
        letter._permit = permit;
        letter
    }

    fn banner(&mut self, choice: &Choice, raw: &[u8]) {
        let body = notice::wrapped(&notice::warning(choice), raw);
        self.describe(body);
    }

    fn replace(
        &mut self,
        choice: &Choice,
        settings: &Settings,
        entry: Option<&str>,
        raw: &[u8],
        id: String,
    ) {
        let original = entry.map_or(Original::Attached, Original::Entry);
        let content = notice::compose(choice, original);
        let attached = entry.is_none().then_some(raw);
        self.fields
            .push(("Subject", notice::encoded(&content.subject)));
        if let Some(sender) = &settings.sender {
            self.fields.push(("From", notice::mailbox(sender)));
        }
        // The original may come later, by release: with the same identifier it would be taken for a copy.
        self.fields.push(("Message-ID", id));
        // Absence notes are not sent to whoever threatens (RFC 3834, section 5).
        self.fields
            .push(("Auto-Submitted", "auto-generated".to_owned()));
        self.describe(notice::replacement(&content, choice.family, attached));
    }

    fn describe(&mut self, body: Body) {
        for (name, value) in [
            ("MIME-Version", "1.0"),
            ("Content-Type", &body.content_type),
            ("Content-Transfer-Encoding", body.transfer_encoding),
        ] {
            self.fields.push((name, value.to_owned()));
        }
        self.body = Some(body);
    }

    /// Which fields of the message go, as name and index, in an order in which no deletion moves a
    /// later one; what is changed keeps its first field.
    pub(super) fn deletions<'f>(&self, fields: &'f Fields) -> Vec<(&'f [u8], i32)> {
        let mut deletions = Vec::new();
        if self.body.is_none() {
            return deletions;
        }
        let replaces = self.form == Form::Replace;
        for (name, count) in fields.counts() {
            let is_changed = |(known, _): &(&str, _)| known.as_bytes().eq_ignore_ascii_case(name);
            let keep = if self.fields.iter().any(is_changed) {
                1
            } else if replaces && name != b"from" || name.starts_with(b"content-") {
                0
            } else {
                continue;
            };
            deletions.extend((keep + 1..=count).rev().map(|index| (name, index)));
        }
        deletions
    }
}

/// All bytes of a message with the memory that they take, or why not.
async fn whole<'a, 'm>(
    shared: &'a Shared,
    message: &'m mut Message,
) -> Result<(Cow<'m, [u8]>, Option<SemaphorePermit<'a>>), &'static str> {
    let length = message.spool.len();
    if message.spool.in_memory().is_none() {
        if length > message.engine.config().limits.inspect {
            return Err("the message is too large for a notice in its body");
        }
        let kib = u32::try_from(length >> 10).unwrap_or(u32::MAX);
        let permits = shared
            .budget
            .acquire_many(kib.clamp(1, shared.budget_kib.max(1)));
        let permit = timeout(BUDGET_WAIT, permits).await;
        let Some(permit) = permit.ok().and_then(Result::ok) else {
            return Err("no memory for a notice in the body");
        };
        let limit = usize::try_from(length).unwrap_or(usize::MAX);
        return match message.spool.read_back(limit).await {
            Ok(raw) => Ok((Cow::Owned(raw), Some(permit))),
            Err(_) => Err("the message could not be read back"),
        };
    }
    Ok((
        Cow::Borrowed(message.spool.in_memory().unwrap_or_default()),
        None,
    ))
}

/// An identifier that says nothing and is the same for the same message.
pub(super) fn message_id(of: &[u8], domain: &str) -> String {
    let mut id = "<notice.".to_owned();
    for byte in &Sha256::digest(of)[..12] {
        let _ = write!(id, "{byte:02x}");
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let is_domain = !domain.is_empty() && domain.len() < 200 && domain.bytes().all(is_plain);
    let domain = if is_domain {
        domain
    } else {
        "callbluff.invalid"
    };
    let _ = write!(id, "@{domain}>");
    id
}
