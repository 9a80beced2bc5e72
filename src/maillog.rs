//! The one log line of each message, and alarms that do not flood the log.

use crate::classify::Verdict;
use crate::message::Envelope;
use crate::policy::{Decision, Disposition};
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The most characters of a value that the client chose.
const MAX_VALUE: usize = 320;

/// All that the log says about one message.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The queue ID, or the session's tag where there is none.
    pub id: &'a str,
    /// What it was judged to be; `None` where it was not judged.
    pub verdict: Option<&'a Verdict>,
    /// What was done for each recipient.
    pub decisions: &'a [Decision],
    /// Why it was not judged, or why something else was done than decided.
    pub reason: Option<&'a str>,
    /// Its entry in the quarantine.
    pub entry: Option<&'a str>,
    /// The form of the notice that went with the message.
    pub notice: Option<&'a str>,
    /// To how many mailboxes more it went.
    pub copies: usize,
    /// Why a PDF or picture was not read to its end, in a word.
    pub decoder: Option<&'a str>,
    /// Where it came from and went to.
    pub envelope: &'a Envelope,
    /// Its size in bytes.
    pub size: u64,
    /// From its last byte to our answer.
    pub delay: Duration,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", Escaped(self.id))?;
        if let Some(verdict) = self.verdict {
            write!(f, "verdict={}, score={:.1}, ", verdict.class, verdict.score)?;
            for (index, signal) in verdict.signals.iter().enumerate() {
                let before = if index == 0 { "signals=" } else { "+" };
                write!(f, "{before}{}", Escaped(&signal.id))?;
            }
            if !verdict.signals.is_empty() {
                f.write_str(", ")?;
            }
        }
        f.write_str("disposition=")?;
        dispositions(
            f,
            self.decisions.iter().map(|decision| decision.disposition),
        )?;
        if self.decisions.iter().any(|d| d.would.is_some()) {
            f.write_str(" would=")?;
            let would = |decision: &Decision| decision.would.unwrap_or(decision.disposition);
            dispositions(f, self.decisions.iter().map(would))?;
        }
        if let Some(entry) = self.entry {
            write!(f, ", entry={}", Escaped(entry))?;
        }
        if let Some(reason) = self.reason {
            write!(f, ", reason={}", Escaped(reason))?;
        }
        if let Some(notice) = self.notice {
            write!(f, ", notice={notice}")?;
        }
        if self.copies > 0 {
            write!(f, ", copies={}", self.copies)?;
        }
        if let Some(trouble) = self.decoder {
            write!(f, ", decoder={}", Escaped(trouble))?;
        }
        let client = &self.envelope.client;
        match client.ip {
            Some(ip) => write!(f, ", client={ip}")?,
            None => write!(f, ", client={}", Escaped(&client.name))?,
        }
        if let Some(user) = &self.envelope.auth_user {
            write!(f, ", user={}", Escaped(user))?;
        }
        if let Some(sender) = &self.envelope.sender {
            write!(f, ", from=<{}>", Escaped(&sender.text()))?;
        }
        let recipients = self.envelope.recipients.len();
        let delay = self.delay.as_millis();
        write!(
            f,
            ", nrcpt={recipients}, size={}, delay_ms={delay}",
            self.size
        )
    }
}

/// `quarantine` where all agree, `quarantine:2,tag:3` otherwise.
fn dispositions(
    f: &mut fmt::Formatter<'_>,
    all: impl Iterator<Item = Disposition> + Clone,
) -> fmt::Result {
    let count = |wanted: Disposition| all.clone().filter(|&one| one == wanted).count();
    let mut kinds = Disposition::ALL
        .into_iter()
        .rev()
        .map(|disposition| (disposition, count(disposition)))
        .filter(|(_, count)| *count > 0);
    let Some(first) = kinds.next() else {
        // No recipient is left, and nothing was done.
        return f.write_str("accept");
    };
    let Some(second) = kinds.next() else {
        return write!(f, "{}", first.0);
    };
    write!(f, "{}:{}", first.0, first.1)?;
    for (disposition, count) in std::iter::once(second).chain(kinds) {
        write!(f, ",{disposition}:{count}")?;
    }
    Ok(())
}

/// A value that a stranger chose, made safe for a log line: no control or invisible characters,
/// nothing that ends a field, and not endless.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly every value is plain, and written at once.
        if self.0.len() <= MAX_VALUE && self.0.bytes().all(is_plain) {
            return f.write_str(self.0);
        }
        for c in self.0.chars().take(MAX_VALUE) {
            match u8::try_from(c) {
                Ok(byte) if byte.is_ascii() && is_plain(byte) => f.write_char(c)?,
                // Letters of any script may stand in addresses (RFC 6531); marks that change the
                // order or the look of a line may not.
                _ if !c.is_ascii() && c.is_alphanumeric() => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_unicode())?,
            }
        }
        if self.0.chars().nth(MAX_VALUE).is_some() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\\')
}

/// Lets an alarm through at most once in a while, and counts the rest.
#[derive(Debug)]
pub struct Alarm {
    began: Instant,
    pause: Duration,
    /// Milliseconds after `began`, plus one, of the last alarm; 0 before the first.
    last: AtomicU64,
    held_back: AtomicU64,
}

impl Alarm {
    /// An alarm that sounds at most once in `pause`.
    pub fn new(pause: Duration) -> Self {
        Self {
            began: Instant::now(),
            pause,
            last: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// Shall it sound now? Then with this many that were held back before.
    pub fn sounds(&self) -> Option<u64> {
        self.sounds_at(self.began.elapsed())
    }

    fn sounds_at(&self, elapsed: Duration) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(elapsed).saturating_add(1);
        let last = self.last.load(Ordering::Relaxed);
        let is_due = last == 0 || now.saturating_sub(last) >= millis(self.pause);
        if is_due
            && self
                .last
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Default for Alarm {
    /// Once a minute.
    fn default() -> Self {
        Self::new(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Category, Class, Signal};
    use crate::message::{Address, Client, Origin, Place};
    use proptest::prelude::*;

    fn line(verdict: Option<&Verdict>, decisions: &[Decision], reason: Option<&str>) -> String {
        let envelope = Envelope {
            client: Client {
                ip: Some("192.0.2.7".parse().unwrap()),
                ..Client::default()
            },
            sender: Some(Address::new(b"<>")),
            recipients: vec![Address::new(b"<a@example.org>")],
            ..Envelope::default()
        };
        Line {
            id: "4bQk2x3Tz",
            verdict,
            decisions,
            reason,
            entry: None,
            notice: None,
            copies: 0,
            decoder: None,
            envelope: &envelope,
            size: 4312,
            delay: Duration::from_millis(3),
        }
        .to_string()
    }

    fn decision(disposition: Disposition) -> Decision {
        Decision {
            disposition,
            ..Decision::accept("")
        }
    }

    #[test]
    fn a_line_reads_like_one_of_postfix() {
        let signal = |id: &str| Signal {
            id: id.to_owned(),
            category: Category::Wallet,
            weight: 1.0,
            place: Place::of(Origin::Plain),
        };
        let verdict = Verdict {
            class: Class::Sextortion,
            score: 11.5,
            signals: vec![signal("recording.claimed"), signal("wallet.btc")],
            ..Verdict::error()
        };
        assert_eq!(
            line(Some(&verdict), &[decision(Disposition::Quarantine)], None),
            "4bQk2x3Tz: verdict=sextortion, score=11.5, signals=recording.claimed+wallet.btc, \
             disposition=quarantine, client=192.0.2.7, from=<>, nrcpt=1, size=4312, delay_ms=3"
        );
    }

    #[test]
    fn dispositions_are_counted_where_they_differ() {
        let tag = decision(Disposition::Tag);
        let quarantine = decision(Disposition::Quarantine);
        let all = [
            tag.clone(),
            quarantine.clone(),
            tag.clone(),
            tag,
            quarantine,
        ];
        let text = line(None, &all, None);
        assert!(
            text.contains(": disposition=quarantine:2,tag:3, client="),
            "{text}"
        );
    }

    #[test]
    fn monitor_mode_says_what_it_would_do() {
        let monitored = Decision {
            would: Some(Disposition::Quarantine),
            ..Decision::accept("")
        };
        let text = line(None, &[monitored], None);
        assert!(
            text.contains("disposition=accept would=quarantine, "),
            "{text}"
        );
    }

    #[test]
    fn reasons_stay_one_field() {
        let text = line(None, &[], Some("client, has \"authenticated\""));
        assert!(
            text.contains(r"reason=client\u{2c}\u{20}has\u{20}\u{22}authenticated\u{22}, client"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_value_breaks_its_field(value in any::<String>()) {
            let text = Escaped(&value).to_string();
            prop_assert!(text.chars().all(|c| c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric())));
            prop_assert!(!text.contains([',', '"']));
            prop_assert!(text.chars().count() <= MAX_VALUE * 10 + 3);
        }
    }

    #[test]
    fn an_alarm_sounds_once_in_a_while_and_counts_the_rest() {
        let alarm = Alarm::new(Duration::from_secs(60));
        let at = |seconds| alarm.sounds_at(Duration::from_secs(seconds));
        assert_eq!(at(0), Some(0));
        assert_eq!(at(1), None);
        assert_eq!(at(59), None);
        assert_eq!(at(60), Some(2));
        assert_eq!(at(61), None);
        assert_eq!(at(200), Some(1));
    }
}
