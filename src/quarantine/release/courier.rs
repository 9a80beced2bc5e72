//! Carries out the releases that are due, until each is delivered or hopeless.

use crate::message::Address;
use crate::outbound::{self, Fate, Keys, Mail};
use crate::quarantine::release::compose::{self, Letter};
use crate::quarantine::{
    Answer, Attempt, Deed, Entry, NewAttempt, Outcome, Progress, ReleaseSettings, State, Store,
    StoreError, Trouble, read_all,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Releases that are taken at once.
const ROUND: u32 = 16;
/// The largest message, in bytes; the store takes no larger ones.
const MAX_MESSAGE: u64 = 1 << 30;
/// The pause after the first failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Who asked for a release, and in which form; kept with each attempt as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The user, or `callbluff`.
    pub by: String,
    /// Why, in the words of who asked.
    #[serde(default)]
    pub why: String,
    /// When, in seconds of UNIX time.
    pub asked_at: i64,
    /// As an attachment instead of as it is?
    #[serde(default)]
    pub attached: bool,
}

/// Puts the release of one entry on the list of what is due now.
///
/// # Errors
///
/// [`Trouble::State`] where the bytes are gone; otherwise as [`Store::enqueue`].
pub async fn request(
    store: &dyn Store,
    entry: &Entry,
    recipients: &[Address],
    order: &Order,
) -> Answer<()> {
    if !entry.state.has_bytes() {
        return Err(StoreError::new(
            Trouble::State,
            format!("entry {} is {}: its bytes are gone", entry.id, entry.state),
        ));
    }
    let options = serde_json::to_string(order).expect("strings and numbers always serialise");
    let asked_at = Timestamp::from_second(order.asked_at).unwrap_or_default();
    let attempts: Vec<NewAttempt> = recipients
        .iter()
        .map(|recipient| NewAttempt {
            entry: entry.id.clone(),
            recipient: recipient.clone(),
            options: options.clone(),
            next_try: asked_at,
        })
        .collect();
    store.enqueue(&attempts).await
}

/// What came of one try for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was tried.
    pub attempt: Attempt,
    /// What came of it.
    pub outcome: Outcome,
}

/// Sends what is due.
#[derive(Clone, Debug)]
pub struct Courier {
    settings: ReleaseSettings,
    keys: Keys,
}

impl Courier {
    /// One that sends so, with these keys.
    pub fn new(settings: ReleaseSettings, keys: Keys) -> Self {
        Self { settings, keys }
    }

    /// How long nobody else gets what this one has taken: a transaction may take two thirds of it, and is
    /// begun in the first third only.
    fn lease(&self) -> Duration {
        3 * self.settings.timeout
    }

    /// Takes some releases that are due and tries them; empty where none are due.
    ///
    /// Whoever is killed in the middle leaves what it has taken to be tried again: a message may come twice, but never
    /// not at all.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked or told.
    pub async fn round(&self, store: &dyn Store, now: Timestamp) -> Answer<Vec<Done>> {
        let due = store.due(now, self.lease(), ROUND).await?;
        let taken_at = Instant::now();
        let mut groups: Vec<Vec<Attempt>> = Vec::new();
        for attempt in due {
            let order = Self::order(&attempt);
            let same = groups.iter_mut().find(|group| {
                // An attached message names its recipient, so each gets one of their own.
                group[0].entry == attempt.entry
                    && group[0].options == attempt.options
                    && !order.attached
            });
            match same {
                Some(group) => group.push(attempt),
                None => groups.push(vec![attempt]),
            }
        }
        let mut all = Vec::new();
        for group in groups {
            if taken_at.elapsed() < self.settings.timeout {
                all.extend(self.deliver(store, group, now).await?);
            }
        }
        Ok(all)
    }

    fn order(attempt: &Attempt) -> Order {
        serde_json::from_str(&attempt.options).unwrap_or(Order {
            by: "callbluff".to_owned(),
            why: String::new(),
            asked_at: attempt.next_try.as_second(),
            attached: false,
        })
    }

    /// Tries a release to several recipients in one transaction, and notes what came of it.
    async fn deliver(
        &self,
        store: &dyn Store,
        group: Vec<Attempt>,
        now: Timestamp,
    ) -> Answer<Vec<Done>> {
        let order = Self::order(&group[0]);
        let results = match self.send(store, &group, &order, now).await {
            Ok(results) => results,
            Err(error) => {
                let is_final = matches!(
                    error.trouble,
                    Trouble::NotFound | Trouble::State | Trouble::Corrupt
                );
                let fate = if is_final {
                    Fate::Refused(error.text)
                } else {
                    Fate::Deferred(error.text)
                };
                vec![(fate, String::new()); group.len()]
            }
        };
        let taken = results.iter().filter(|(fate, _)| fate.is_taken()).count();
        if let Some((_, reply)) = results.iter().find(|(fate, _)| fate.is_taken()) {
            // Before the attempts are closed: whoever is killed in between sends it again, and then says so.
            let deed = Deed {
                at: now,
                who: order.by.clone(),
                what: "released".to_owned(),
                why: note(&order, taken, reply),
            };
            mark_released(store, &group[0].entry, &deed).await?;
        }
        let mut all = Vec::new();
        for (attempt, (fate, reply)) in group.into_iter().zip(results) {
            let outcome = self.outcome(&attempt, &order, fate, reply, now);
            store.tried(attempt.number, &outcome).await?;
            if outcome.progress == Progress::Failed {
                let deed = Deed {
                    at: now,
                    who: order.by.clone(),
                    what: "release-failed".to_owned(),
                    why: outcome.reply.clone(),
                };
                // The attempt itself says the same; an entry that is gone has no trail.
                let _ = store.note(&[&attempt.entry], &deed).await;
            }
            all.push(Done { attempt, outcome });
        }
        Ok(all)
    }

    async fn send(
        &self,
        store: &dyn Store,
        group: &[Attempt],
        order: &Order,
        now: Timestamp,
    ) -> Answer<Vec<(Fate, String)>> {
        let entry = store.get(&group[0].entry).await?;
        if !entry.state.has_bytes() {
            return Err(StoreError::new(
                Trouble::State,
                format!("the entry is {}: its bytes are gone", entry.state),
            ));
        }
        let raw = read_all(store, &entry, MAX_MESSAGE).await?;
        let recipients: Vec<Address> = group.iter().map(|one| one.recipient.clone()).collect();
        let letter = if order.attached {
            compose::attached(&entry, &raw, &recipients[0], now)
        } else {
            compose::as_is(&entry, raw, now)
        };
        let outcome = self
            .post(letter, &entry.id, &entry.host, &recipients, now)
            .await;
        let reply = outcome.reply.as_ref().map(ToString::to_string);
        let mut reply = reply.unwrap_or_default();
        if !outcome.is_exact {
            reply.push_str(" (line breaks that DATA cannot carry went as CRLF)");
        }
        let results = outcome.fates.into_iter().map(|fate| (fate, reply.clone()));
        Ok(results.collect())
    }

    /// Sends one letter with a pass; `subject` is the entry that it is about, `host` what we call ourselves.
    pub(crate) async fn post(
        &self,
        letter: Letter,
        subject: &str,
        host: &str,
        recipients: &[Address],
        now: Timestamp,
    ) -> outbound::Outcome {
        let valid = SignedDuration::try_from(self.settings.valid).unwrap_or_default();
        let letter = if self.settings.pass {
            letter.with_pass(
                &self.keys,
                subject,
                recipients,
                now.saturating_add(valid).unwrap_or(now),
            )
        } else {
            letter
        };
        let settings = outbound::Settings {
            next_hop: self.settings.next_hop.clone(),
            hello: if host.is_empty() {
                "localhost".to_owned()
            } else {
                host.to_owned()
            },
            connect_timeout: self.settings.timeout.min(Duration::from_secs(30)),
            command_timeout: self.settings.timeout,
            end_timeout: self.settings.timeout,
        };
        let mail = Mail {
            sender: &letter.sender,
            recipients,
            head: &letter.head,
            message: &letter.message,
        };
        let limit = 2 * self.settings.timeout;
        tokio::time::timeout(limit, outbound::send(&settings, &mail))
            .await
            .unwrap_or_else(|_| outbound::Outcome {
                fates: vec![
                    Fate::Deferred(format!("not done in {} s", limit.as_secs()));
                    recipients.len()
                ],
                reply: None,
                is_exact: true,
            })
    }

    /// Sends a short text to admins; each address gets its own. What could not be sent is in the result.
    pub async fn notify(
        &self,
        to: &[String],
        subject: &str,
        text: &str,
        now: Timestamp,
    ) -> Vec<String> {
        let mut trouble = Vec::new();
        for to in to {
            let to = Address::new(to.as_bytes());
            let letter = compose::note(&to, subject, text, now);
            let outcome = self
                .post(letter, "alarm", "", std::slice::from_ref(&to), now)
                .await;
            if let Some(Fate::Deferred(why) | Fate::Refused(why)) = outcome.fates.into_iter().next()
            {
                trouble.push(format!("{to}: {why}"));
            }
        }
        trouble
    }

    fn outcome(
        &self,
        attempt: &Attempt,
        order: &Order,
        fate: Fate,
        reply: String,
        now: Timestamp,
    ) -> Outcome {
        let age = now.as_second().saturating_sub(order.asked_at);
        let limit = i64::try_from(self.settings.valid.as_secs()).unwrap_or(i64::MAX);
        let (progress, reply) = match fate {
            Fate::Taken => (Progress::Sent, reply),
            Fate::Refused(why) => (Progress::Failed, why),
            Fate::Deferred(why) if age >= limit => (
                Progress::Failed,
                format!("tried for {} h in vain; {why}", age / 3600),
            ),
            Fate::Deferred(why) => (Progress::Waiting, why),
        };
        let pause = FIRST_PAUSE
            .saturating_mul(1 << attempt.tries.saturating_sub(1).min(16))
            .min(LONGEST_PAUSE);
        Outcome {
            progress,
            next_try: now.saturating_add(pause).unwrap_or(now),
            reply,
        }
    }
}

fn note(order: &Order, taken: usize, reply: &str) -> String {
    let form = if order.attached { ", attached" } else { "" };
    let why = if order.why.is_empty() {
        String::new()
    } else {
        format!("{}; ", order.why)
    };
    format!("{why}to {taken} recipients{form}: {reply}")
}

/// Notes that somebody got the message; the state says so unless it says more already.
async fn mark_released(store: &dyn Store, entry: &str, deed: &Deed) -> Answer<()> {
    match store
        .set_state(entry, &[State::Held], State::Released, deed)
        .await
    {
        Err(error) if error.trouble == Trouble::State => store.note(&[entry], deed).await,
        Err(error) if error.trouble == Trouble::NotFound => Ok(()),
        done => done,
    }
}
