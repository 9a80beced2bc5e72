//! Our own mail on its way through our own filter.

use crate::milter::Shared;
use crate::milter::negotiate::Agreement;
use crate::milter::session::Message;
use crate::outbound::{Invalid, MessageDigest, PASS_FIELD, Pass};
use indymilter::{ActionError, Actions, ContextActions as _, EomActions};
use jiff::Timestamp;
use tracing::{debug, info};

/// The most passes of one message that are looked at: ours has one, and a sender may have added others.
const MAX_PASSES: usize = 4;
/// The most that are taken off: an MTA searches its list for each.
const MAX_STRIPPED: i32 = 500;

/// The passes that a message carries.
#[derive(Debug, Default)]
pub(super) struct Passes {
    values: Vec<Vec<u8>>,
    count: i32,
}

impl Passes {
    /// Looks at a field as received.
    pub(super) fn see(&mut self, name: &[u8], value: &[u8]) {
        if !name
            .trim_ascii_end()
            .eq_ignore_ascii_case(PASS_FIELD.as_bytes())
        {
            return;
        }
        self.count = (self.count + 1).min(MAX_STRIPPED);
        if self.values.len() < MAX_PASSES && value.len() <= 2 * crate::outbound::MAX_PASS {
            self.values.push(value.to_vec());
        }
    }

    /// Takes them off a message that is not judged; from others all our fields are taken off.
    pub(super) async fn strip(
        &self,
        actions: &EomActions,
        agreement: Agreement,
    ) -> Result<(), ActionError> {
        if agreement.actions.contains(Actions::CHANGE_HEADER) {
            for index in (1..=self.count).rev() {
                actions
                    .change_header(PASS_FIELD, index, None::<String>)
                    .await?;
            }
        }
        Ok(())
    }
}

/// The entry that this message was released from, where it carries a pass that holds for it.
pub(super) async fn check(shared: &Shared, message: &mut Message) -> Option<String> {
    if message.passes.values.is_empty() || message.failure.is_some() {
        return None;
    }
    let mut worth = Invalid::Malformed;
    for value in &message.passes.values {
        let recipients = &message.envelope.recipients;
        let now = Timestamp::now().as_second();
        match Pass::read(value, message.engine.keys(), recipients, now) {
            Ok(pass) => {
                // Only what we have signed is worth reading a message for.
                let digest = MessageDigest::default();
                let digest = message.spool.fold(digest, MessageDigest::update).await;
                if digest.is_ok_and(|digest| digest.finish() == pass.digest) {
                    shared.metrics.pass("valid");
                    return Some(pass.entry);
                }
                worth = Invalid::Message;
            }
            Err(why) => {
                // The others were ours once, and tell more.
                let was_ours = !matches!(why, Invalid::Malformed | Invalid::Forged);
                if was_ours || worth == Invalid::Malformed {
                    worth = why;
                }
            }
        }
    }
    shared.metrics.pass(worth.name());
    let id = message.id();
    let why = match worth {
        Invalid::Malformed | Invalid::Forged => {
            debug!("{id}: its {PASS_FIELD} is none of ours; it is judged");
            return None;
        }
        Invalid::Expired => "has expired",
        Invalid::Recipient => "does not hold for all its recipients",
        Invalid::Message => "is for another message, or this one was changed on its way",
    };
    info!("{id}: its {PASS_FIELD} {why}; it is judged");
    None
}
