//! `callbluff quarantine held`: what the mail server itself holds.

use crate::cli::quarantine::desk::{Caution, Desk};
use crate::cli::show::printable;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The most messages that are shown.
const MAX_ROWS: usize = 10_000;

/// Show what Postfix or Sendmail holds for the action "hold", and let it go.
#[derive(Debug, clap::Args)]
pub(super) struct Held {
    /// Release these messages, by queue ID; needs to be root.
    #[arg(long, value_name = "QUEUE_ID")]
    release: Vec<String>,
    #[command(flatten)]
    caution: Caution,
    /// Postfix's configuration folder, where it is not the usual one.
    #[arg(long, value_name = "FOLDER", conflicts_with = "sendmail")]
    postfix: Option<String>,
    /// Ask Sendmail by this program; without it that is done where there is no Postfix.
    #[arg(long, value_name = "PROGRAM")]
    sendmail: Option<PathBuf>,
}

/// Which mail server is asked.
enum Mta<'a> {
    Postfix(Option<&'a str>),
    Sendmail(&'a Path),
}

impl Held {
    fn mta(&self) -> Mta<'_> {
        let usual = Path::new("/usr/sbin/sendmail");
        match (&self.sendmail, &self.postfix) {
            (Some(program), _) => Mta::Sendmail(program),
            // Postfix brings a program of this name, too.
            (None, None) if !Path::new("/usr/sbin/postqueue").exists() && usual.exists() => {
                Mta::Sendmail(usual)
            }
            (None, folder) => Mta::Postfix(folder.as_deref()),
        }
    }
}

/// Runs the command and returns the exit status: 1 where nothing is held.
pub(super) fn run(args: &Held, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let mta = args.mta();
    if args.release.is_empty() {
        return list(&mta, desk, out);
    }
    let count = args.release.len() as u64;
    if !args.caution.allows("release", count)? {
        return Ok(1);
    }
    for id in &args.release {
        if id.is_empty() || id.len() > 40 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("\"{}\" is no queue ID", printable(id)));
        }
        if !args.caution.dry_run {
            match mta {
                Mta::Postfix(folder) => release_from_postfix(folder, id)?,
                Mta::Sendmail(program) => release_from_sendmail(program, id)?,
            }
        }
        let text = if desk.json {
            json!({"v": 1, "queue_id": id, "released": !args.caution.dry_run}).to_string()
        } else if args.caution.dry_run {
            format!("would release {id}")
        } else {
            format!("{id} released")
        };
        writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))?;
    }
    Ok(0)
}

fn release_from_postfix(folder: Option<&str>, id: &str) -> Result<(), String> {
    let output = postfix(folder, "postsuper", &["-H", id])?;
    if !output.status.success() {
        return Err(format!("postsuper did not release {id}: {}", told(&output)));
    }
    // It says so and ends well where there is no such message on hold.
    if String::from_utf8_lossy(&output.stderr).contains("Released from hold: 0 ") {
        return Err(format!("{id} is not on hold"));
    }
    // Postfix would look at it with the next run of its queue only, minutes later. Where that does
    // not work it is released all the same.
    postfix(folder, "postqueue", &["-i", id]).map(drop)
}

fn release_from_sendmail(program: &Path, id: &str) -> Result<(), String> {
    let is_held = || -> Result<bool, String> {
        let rows = held_by_sendmail(program)?;
        Ok(rows.iter().any(|row| row["queue_id"] == id))
    };
    if !is_held()? {
        return Err(format!("{id} is not on hold"));
    }
    let only = format!("-qI{id}");
    // No reason for the quarantine means the end of it. Sendmail ends well whatever it did.
    let output = call(program, &["-qQ", &only, "-Q"])?;
    if !output.status.success() || is_held()? {
        return Err(format!("Sendmail did not release {id}: {}", told(&output)));
    }
    // As with Postfix: now, and not with the next run of the queue.
    call(program, &[&only]).map(drop)
}

fn list(mta: &Mta<'_>, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let rows = match *mta {
        Mta::Postfix(folder) => held_by_postfix(folder)?,
        Mta::Sendmail(program) => held_by_sendmail(program)?,
    };
    for row in &rows {
        let text = if desk.json {
            row.to_string()
        } else {
            let word = |name: &str| printable(row[name].as_str().unwrap_or_default());
            let to: Vec<String> = row["recipients"]
                .as_array()
                .map(|list| {
                    list.iter()
                        .filter_map(Value::as_str)
                        .map(printable)
                        .collect()
                })
                .unwrap_or_default();
            format!(
                "{} {} from <{}> to {}",
                word("queue_id"),
                word("arrived_at"),
                word("sender"),
                to.join(", ")
            )
        };
        writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))?;
    }
    Ok(u8::from(rows.is_empty()))
}

fn held_by_postfix(folder: Option<&str>) -> Result<Vec<Value>, String> {
    let output = postfix(folder, "postqueue", &["-j"])?;
    if !output.status.success() {
        return Err(format!(
            "postqueue does not show the queue: {}",
            told(&output)
        ));
    }
    Ok(held(&String::from_utf8_lossy(&output.stdout)))
}

fn held_by_sendmail(program: &Path) -> Result<Vec<Value>, String> {
    let output = call(program, &["-bp", "-qQ"])?;
    if !output.status.success() {
        return Err(format!(
            "Sendmail does not show the queue: {}",
            told(&output)
        ));
    }
    // It shows addresses cut short, and one time in the place's own clock: the files tell all.
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rows = Vec::new();
    for (folder, id) in quarantined(&text).into_iter().take(MAX_ROWS) {
        let name = format!("hf{id}");
        let file = [folder.join(&name), folder.join("qf").join(&name)]
            .iter()
            .find_map(|path| std::fs::read(path).ok());
        // One that is gone by now was released by somebody else.
        if let Some(file) = file {
            rows.push(envelope(&id, &String::from_utf8_lossy(&file)));
        }
    }
    Ok(rows)
}

/// The folders and identifiers in what `sendmail -bp -qQ` prints.
fn quarantined(text: &str) -> Vec<(PathBuf, String)> {
    let mut folder = PathBuf::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let (first, rest) = line.trim().split_once(' ').unwrap_or_default();
        if line.starts_with('\t') && first.starts_with('/') && rest.starts_with('(') {
            folder = PathBuf::from(first);
        } else if line.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
            // Behind it may stand a mark: being delivered, not tried yet …
            let id = first.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            found.push((folder.clone(), id.to_owned()));
        }
    }
    found
}

/// A row from an envelope file of Sendmail's queue: T is the time, S the sender, R a recipient with flags before it.
fn envelope(id: &str, file: &str) -> Value {
    let of = |letter: char| file.lines().find_map(|line| line.strip_prefix(letter));
    let bare = |address: &str| {
        let address = address.trim();
        let inside = address
            .strip_prefix('<')
            .and_then(|it| it.strip_suffix('>'));
        inside.unwrap_or(address).to_owned()
    };
    let arrived = of('T').and_then(|second| second.parse().ok());
    let arrived = arrived.and_then(|second| jiff::Timestamp::from_second(second).ok());
    let recipients: Vec<String> = file
        .lines()
        .take_while(|line| *line != ".")
        .filter_map(|line| line.strip_prefix('R')?.split_once(':'))
        .map(|(_, address)| bare(address))
        .collect();
    json!({
        "v": 1,
        "queue_id": id,
        "state": "mta-hold",
        "arrived_at": arrived.map(|at| at.to_string()),
        "sender": bare(of('S').unwrap_or_default()),
        "recipients": recipients,
        "reason": of('q'),
    })
}

/// The messages on hold, from the output of `postqueue -j`.
fn held(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|row| row["queue_name"] == "hold")
        .take(MAX_ROWS)
        .map(|row| {
            let arrived = row["arrival_time"].as_i64();
            let arrived = arrived.and_then(|second| jiff::Timestamp::from_second(second).ok());
            let recipients: Vec<&str> = row["recipients"]
                .as_array()
                .map(|list| {
                    list.iter()
                        .filter_map(|one| one["address"].as_str())
                        .collect()
                })
                .unwrap_or_default();
            json!({
                "v": 1,
                "queue_id": row["queue_id"],
                "state": "mta-hold",
                "arrived_at": arrived.map(|at| at.to_string()),
                "sender": row["sender"],
                "recipients": recipients,
                "size": row["message_size"],
            })
        })
        .collect()
}

fn postfix(folder: Option<&str>, program: &str, arguments: &[&str]) -> Result<Output, String> {
    let folder: Vec<&str> = folder.map_or_else(Vec::new, |folder| vec!["-c", folder]);
    let program = Path::new("/usr/sbin").join(program);
    call(&program, &[&folder[..], arguments].concat())
}

fn call(program: &Path, arguments: &[&str]) -> Result<Output, String> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|err| {
            format!(
                "could not run {} ({err}); is the mail server on this host?",
                program.display()
            )
        })
}

/// What a program said on its way out.
fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or("it did not say why");
    format!("{}; are you root?", printable(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_hold_is_shown() {
        let text = r#"{"queue_name": "hold", "queue_id": "4bQk", "arrival_time": 1800000000, "message_size": 12, "sender": "a@example.net", "recipients": [{"address": "b@example.org"}]}
{"queue_name": "active", "queue_id": "4bQl", "recipients": []}
no json"#;
        let rows = held(text);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["queue_id"], "4bQk");
        assert_eq!(rows[0]["recipients"][0], "b@example.org");
        assert_eq!(rows[0]["arrived_at"], "2027-01-15T08:00:00Z");
    }

    #[test]
    fn a_queue_of_sendmail_is_read() {
        let text = "\t\t/var/spool/mqueue/q1 (1 request)\n\
            -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n\
            6AU8nTKT016607*     117 Mon Nov 30 08:49 <a@example.net>\n     QUARANTINE: why\n\
            \t\t\t\t\t <b@example.org>\n/var/spool/mqueue/q2 is empty\n\t\tTotal requests: 1\n";
        let found = quarantined(text);
        let folder = PathBuf::from("/var/spool/mqueue/q1");
        assert_eq!(found, [(folder, "6AU8nTKT016607".to_owned())]);
        let file = "V8\nT1800000000\nqwhy\n$rESMTP\nS<a@example.net>\nrRFC822; b@example.org\n\
            RPFD:<b@example.org>\nRPFD:<c@example.org>\nH??Received: from x\n.\nR:no\n";
        let row = envelope("4bQk", file);
        assert_eq!(row["arrived_at"], "2027-01-15T08:00:00Z");
        assert_eq!(row["sender"], "a@example.net");
        assert_eq!(row["recipients"], json!(["b@example.org", "c@example.org"]));
        assert_eq!(row["reason"], "why");
    }
}
