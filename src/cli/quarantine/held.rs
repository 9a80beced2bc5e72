//! `callbluff quarantine held`: what the mail server itself holds.

use crate::cli::quarantine::desk::{Caution, Desk};
use crate::cli::show::printable;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The most messages that are shown.
const MAX_ROWS: usize = 10_000;

/// Show what Postfix holds for the action "hold", and let it go.
///
/// Sendmail: list with  mailq -qQ  and release with  sendmail -qQ -Q -qI ID.
#[derive(Debug, clap::Args)]
pub(super) struct Held {
    /// Release these messages, by queue ID; needs the right to run postsuper.
    #[arg(long, value_name = "QUEUE_ID")]
    release: Vec<String>,
    #[command(flatten)]
    caution: Caution,
    /// Postfix's configuration folder, where it is not the usual one.
    #[arg(long, value_name = "FOLDER")]
    postfix: Option<String>,
}

/// Runs the command and returns the exit status: 1 where nothing is held.
pub(super) fn run(args: &Held, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    if args.release.is_empty() {
        return list(args, desk, out);
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
            let output = call(args, "postsuper", &["-H", id])?;
            if !output.status.success() {
                return Err(format!("postsuper did not release {id}: {}", told(&output)));
            }
            // It says so and ends well where there is no such message on hold.
            if String::from_utf8_lossy(&output.stderr).contains("Released from hold: 0 ") {
                return Err(format!("{id} is not on hold"));
            }
            // Postfix would look at it with the next run of its queue only, minutes later. Where that does
            // not work it is released all the same.
            let _ = call(args, "postqueue", &["-i", id])?;
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

fn list(args: &Held, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    let output = call(args, "postqueue", &["-j"])?;
    if !output.status.success() {
        return Err(format!(
            "postqueue does not show the queue: {}",
            told(&output)
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = held(&text);
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

fn call(args: &Held, program: &str, arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new(format!("/usr/sbin/{program}"));
    if let Some(folder) = &args.postfix {
        command.args(["-c", folder]);
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|err| {
            format!("could not run /usr/sbin/{program} ({err}); is Postfix on this host?")
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
}
