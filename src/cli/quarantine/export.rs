//! `callbluff quarantine export`: evidence in a zip file.

use crate::cli::quarantine::desk::{self, Desk, Selection};
use crate::cli::show::line;
use crate::quarantine::{
    Bundle, BundleOptions, Deed, Mark, Redacted, Redaction, State, Trouble, marks, read_all,
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const STATES: [State; 3] = [State::Held, State::Reported, State::Released];
/// The largest message that is exported, in bytes.
const MAX_MESSAGE: u64 = 256 << 20;

/// Export entries as evidence: for each a folder with the message, the verdict, a readable page, hashes and a manifest.
///
/// Passwords and recipients are masked, and attached files left out, unless --unmasked is given.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    selection: Selection,
    /// The zip file to write; it must not exist yet.
    #[arg(
        long,
        short,
        value_name = "FILE.zip",
        required_unless_present = "labelled"
    )]
    output: Option<PathBuf>,
    /// Write what reviewers have marked as masked messages to FOLDER/spam and FOLDER/ham instead, for `eval` and `train`.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["output", "unmasked"])]
    labelled: Option<PathBuf>,
    /// Show passwords and recipients, and add each message exactly as it was received (for blackmail by
    /// a chat partner without attachments all the same).
    #[arg(long)]
    unmasked: bool,
    /// Only say how many entries it would be.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    v: u32,
    file: &'a str,
    entries: u64,
    masked: bool,
}

/// Runs the command and returns the exit status: 1 where nothing was found.
pub(super) fn run(args: &Export, desk: &Desk, out: &mut dyn Write) -> Result<u8, String> {
    match (&args.labelled, &args.output) {
        (Some(folder), _) => desk.wait(labelled(args, folder, desk, out)),
        (None, Some(output)) => desk.wait(export(args, output, desk, out)),
        (None, None) => Err("name the file to write with --output".to_owned()),
    }
}

async fn export(
    args: &Export,
    output: &Path,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<u8, String> {
    let count = args.selection.count(desk, &STATES).await?;
    let mut done = 0;
    if !args.dry_run && count > 0 {
        let file = create(output)?;
        let result = fill(args, output, desk, file, count).await;
        if result.is_err() {
            // Half a bundle is no evidence.
            let _ = std::fs::remove_file(output);
        }
        done = result?;
    }
    let entries = if args.dry_run { count } else { done };
    let name = output.display().to_string();
    let text = if desk.json {
        line(&Summary {
            v: 1,
            file: &name,
            entries,
            masked: !args.unmasked,
        })
    } else {
        let word = if args.dry_run { "would hold" } else { "holds" };
        format!("{name} {word} {}", desk::entries(entries))
    };
    writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))?;
    Ok(u8::from(entries == 0))
}

fn create(path: &Path) -> Result<File, String> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|err| format!("could not make \"{}\" ({err})", path.display()))
}

async fn fill(
    args: &Export,
    output: &Path,
    desk: &Desk,
    file: File,
    count: u64,
) -> Result<u64, String> {
    let failed = |err: std::io::Error| format!("could not write \"{}\" ({err})", output.display());
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(count).with_style(
            ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        )
    } else {
        ProgressBar::hidden()
    };
    let now = Timestamp::now();
    let options = BundleOptions {
        unmasked: args.unmasked,
        by: desk.by.clone(),
        at: now,
    };
    let mut bundle = Bundle::new(BufWriter::new(file), options);
    let deed = Deed {
        at: now,
        who: desk.by.clone(),
        what: "exported".to_owned(),
        why: if args.unmasked { "unmasked" } else { "masked" }.to_owned(),
    };
    let mut next = None;
    loop {
        let listing = args.selection.page(desk, &STATES, next).await?;
        let text = |error: crate::quarantine::StoreError| error.to_string();
        let mut trails = Vec::with_capacity(listing.entries.len());
        for entry in &listing.entries {
            trails.push(desk.store.trail(&entry.id).await.map_err(text)?);
        }
        // All of a page in one commit; and before, so that nothing leaves without a note, however this ends.
        let ids: Vec<&str> = listing.entries.iter().map(|one| one.id.as_str()).collect();
        desk.store.note(&ids, &deed).await.map_err(text)?;
        for (entry, trail) in listing.entries.iter().zip(&trails) {
            let raw = read_all(desk.store.as_ref(), entry, MAX_MESSAGE)
                .await
                .map_err(text)?;
            bundle.add(entry, &raw, trail).map_err(failed)?;
            bar.inc(1);
        }
        next = listing.next;
        if next.is_none() {
            break;
        }
    }
    bar.finish_and_clear();
    let done = bundle.len();
    let file = bundle
        .finish()
        .and_then(|out| out.into_inner().map_err(std::io::Error::other));
    file.and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(done)
}

/// Writes a masked copy of each marked entry into the folder of its mark.
async fn labelled(
    args: &Export,
    folder: &Path,
    desk: &Desk,
    out: &mut dyn Write,
) -> Result<u8, String> {
    let text = |error: crate::quarantine::StoreError| error.to_string();
    let marks = marks(desk.store.as_ref()).await.map_err(text)?;
    let mut counts = [0_u64; 2];
    for (id, mark) in marks {
        let entry = match desk.store.get(&id).await {
            // The mark outlives the entry.
            Err(error) if error.trouble == Trouble::NotFound => continue,
            entry => entry.map_err(text)?,
        };
        if !entry.state.has_bytes() {
            continue;
        }
        let (index, name) = match mark {
            Mark::Error => (0, "ham"),
            Mark::Confirmed => (1, "spam"),
        };
        counts[index] += 1;
        if args.dry_run {
            continue;
        }
        let raw = read_all(desk.store.as_ref(), &entry, MAX_MESSAGE)
            .await
            .map_err(text)?;
        let how = Redaction {
            unmasked: false,
            no_attachments: false,
        };
        let eml = Redacted::of(&raw, &entry.recipients, how).eml();
        let path = folder.join(name).join(format!("{id}.eml"));
        let failed =
            |err: std::io::Error| format!("could not write \"{}\" ({err})", path.display());
        std::fs::create_dir_all(folder.join(name)).map_err(failed)?;
        std::fs::write(&path, eml).map_err(failed)?;
    }
    let [ham, spam] = counts;
    let text = if desk.json {
        serde_json::json!({"v": 1, "spam": spam, "ham": ham}).to_string()
    } else {
        format!("{spam} spam, {ham} ham")
    };
    writeln!(out, "{text}").map_err(|err| format!("could not write the results ({err})"))?;
    Ok(u8::from(ham + spam == 0))
}
