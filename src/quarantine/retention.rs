//! What goes by itself: what is too old, and what is too much.

use crate::quarantine::{Answer, Deed, Excess, Filter, Retention, Settings, State, Store};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Entries in one transaction: short enough that no message waits for it.
const BATCH: u32 = 50;

/// Drops everything that is in excess, batch by batch; returns the number of entries.
///
/// # Errors
///
/// As the store's; what was dropped before stays dropped.
pub async fn expire_all(store: &dyn Store, settings: &Settings, now: Timestamp) -> Answer<u64> {
    let mut all = 0;
    for (excess, why) in limits(settings, now) {
        let deed = Deed {
            at: now,
            who: "callbluff".to_owned(),
            what: "expired".to_owned(),
            why,
        };
        loop {
            let gone = store.expire(&excess, &deed, BATCH).await?;
            all += gone;
            if gone < u64::from(BATCH) {
                break;
            }
            // The others first: nobody waits for us.
            tokio::task::yield_now().await;
        }
    }
    let traces = before(now, settings.audit_age);
    while store.forget(traces, BATCH).await? == u64::from(BATCH) {
        tokio::task::yield_now().await;
    }
    Ok(all)
}

/// How many entries are too old.
///
/// # Errors
///
/// As the store's.
pub async fn count_excess(store: &dyn Store, settings: &Settings, now: Timestamp) -> Answer<u64> {
    let states = || vec![State::Held, State::Released, State::Reported];
    let older = |retention: &Retention, domain: Option<&str>| Filter {
        states: states(),
        until: Some(before(now, retention.age)),
        domain: domain.map(str::to_owned),
        ..Filter::default()
    };
    let mut all = store.count(&older(&settings.retention, None)).await?;
    for one in &settings.domains {
        let usual = older(&settings.retention, Some(&one.domain));
        all = all.saturating_sub(store.count(&usual).await?);
        all += store
            .count(&older(&one.retention, Some(&one.domain)))
            .await?;
    }
    Ok(all)
}

/// Every limit with its reason.
fn limits(settings: &Settings, now: Timestamp) -> Vec<(Excess, String)> {
    let mut limits = Vec::new();
    let mut add = |domain: Option<&str>, except: &[String], retention: &Retention| {
        let whose = domain
            .map(|domain| format!(" of {domain}"))
            .unwrap_or_default();
        let scope = || Excess {
            domain: domain.map(str::to_owned),
            except: except.to_vec(),
            ..Excess::default()
        };
        let days = retention.age.as_secs() / 86_400;
        limits.push((
            Excess {
                before: Some(before(now, retention.age)),
                ..scope()
            },
            format!("older than {days} days{whose}"),
        ));
        limits.push((
            Excess {
                max_entries: Some(retention.entries),
                ..scope()
            },
            format!("more than {} entries{whose}", retention.entries),
        ));
        limits.push((
            Excess {
                max_bytes: Some(retention.size),
                ..scope()
            },
            format!("more than {} bytes{whose}", retention.size),
        ));
    };
    for one in &settings.domains {
        add(Some(&one.domain), &[], &one.retention);
    }
    let others: Vec<String> = settings
        .domains
        .iter()
        .map(|one| one.domain.clone())
        .collect();
    add(None, &others, &settings.retention);
    limits
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::DomainRetention;

    #[test]
    fn a_domain_has_its_own_limits_and_the_rest_the_usual() {
        let settings = Settings {
            domains: vec![DomainRetention {
                domain: "a.example".to_owned(),
                retention: Retention {
                    age: Duration::from_secs(7 * 86_400),
                    ..Retention::default()
                },
            }],
            ..Settings::default()
        };
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let limits = limits(&settings, now);
        assert_eq!(limits.len(), 6);
        let day = |days: i64| Timestamp::from_second(1_800_000_000 - days * 86_400).ok();
        assert_eq!(limits[0].0.before, day(7));
        assert_eq!(limits[0].0.domain.as_deref(), Some("a.example"));
        assert_eq!(limits[0].1, "older than 7 days of a.example");
        assert_eq!(limits[3].0.before, day(30));
        assert_eq!(limits[3].0.except, ["a.example"]);
        assert_eq!(limits[4].0.max_entries, Some(1_000_000));
    }
}
