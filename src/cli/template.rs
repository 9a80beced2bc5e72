//! `callbluff template`: known templates of one's own.

use crate::classify::{Fingerprint, Judge, Template, Templates};
use crate::cli::corpus::Reader;
use crate::cli::{parallel, show, source, tell};
use crate::config::Config;
use crate::diagnose::{Diagnostics, Source};
use crate::engine::{self, Engine};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// From this similarity on another fingerprint of the same name adds nothing.
const SAME: f64 = 0.8;

/// The longest name of a template, in bytes.
const NAME_BYTES: usize = 64;

/// Learn, forget and list known templates; a running filter takes them over at its next reload (SIGHUP).
///
/// A template is a text that extorters send again and again. Only its fingerprint is kept, never its words.
/// Exit status: 0 done, 2 trouble.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Learn mail as known templates.
    Learn(Learn),
    /// Forget every template of a name.
    Forget(Forget),
    /// List the templates, shipped and local.
    List(List),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file of local templates. Default: templates.toml in `state_dir`.
    #[arg(long, value_name = "FILE.toml")]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Learn {
    #[command(flatten)]
    place: Place,
    /// What verdicts call the template. Default: the name of each file without its ending.
    #[arg(long)]
    name: Option<String>,
    /// Files, folders, mboxes or Maildirs; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Forget {
    #[command(flatten)]
    place: Place,
    /// The name of the template.
    name: String,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// Print one JSON object per template and line.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed<'a> {
    v: u32,
    name: &'a str,
    source: &'static str,
    fingerprint: String,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &TemplateArgs, out: &mut dyn Write) -> u8 {
    let done = match &args.command {
        Command::Learn(args) => learn(args, out),
        Command::Forget(args) => forget(args, out),
        Command::List(args) => list(args, out),
    };
    match done {
        Ok(()) => 0,
        Err(why) => {
            tell(&why);
            2
        }
    }
}

/// What all commands need.
struct Shelf {
    config: Config,
    judge: Arc<Judge>,
    file: PathBuf,
    local: Vec<Template>,
}

impl Shelf {
    fn open(place: &Place) -> Result<Self, String> {
        let (config, judge, warnings) =
            engine::load_judge(place.config.as_deref()).map_err(|problems| problems.to_string())?;
        if !warnings.is_empty() {
            let _ = writeln!(io::stderr(), "{warnings}");
        }
        let file = place
            .file
            .clone()
            .unwrap_or_else(|| config.templates_file());
        let mut local = Vec::new();
        if file.exists() {
            let mut problems = Diagnostics::new();
            if let Some(source) = Source::read(&file, &mut problems) {
                local = Templates::parse(&source, &mut problems);
            }
            if problems.has_errors() {
                return Err(problems.to_string());
            }
        }
        Ok(Self {
            config,
            judge,
            file,
            local,
        })
    }

    /// Writes the local templates; a reader sees the old file or the new one, never a part.
    fn save(&self) -> Result<(), String> {
        let mut text = String::from(
            "# Fingerprints of known templates; made with  callbluff template learn.\n",
        );
        for template in &self.local {
            let _ = write!(
                text,
                "\n[[template]]\nname = \"{}\"\nfingerprint = \"{}\"\n",
                template.name, template.fingerprint
            );
        }
        write_whole(&self.file, text.as_bytes())
            .map_err(|err| format!("could not write \"{}\" ({err})", self.file.display()))
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    // The filter may run as another user than the admin who learns; there is no secret in it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn learn(args: &Learn, out: &mut dyn Write) -> Result<(), String> {
    let mut shelf = Shelf::open(&args.place)?;
    if let Some(name) = &args.name {
        check_name(name)?;
    }
    let mut found: Vec<(String, Result<Option<Fingerprint>, String>)> = Vec::new();
    {
        let judge = &shelf.judge;
        let engine = Engine::with_judge(shelf.config.clone(), |_, _| {
            crate::classify::Verdict::error()
        });
        let reader = Reader::new(&engine)?;
        let sources = source::sources(&args.paths);
        let bar = parallel::progress_bar(&sources);
        parallel::in_order(
            &sources,
            reader.limit(),
            &bar,
            &|mail| {
                let print = reader
                    .read(&mail)
                    .map(|reading| judge.fingerprint(&reading));
                (mail.name, print)
            },
            &mut |one| {
                found.push(one);
                true
            },
        );
        bar.finish_and_clear();
    }
    let mut trouble = Vec::new();
    let mut learned = 0;
    for (file, print) in found {
        let shown = show::printable(&file);
        let print = match print {
            Ok(Some(print)) => print,
            Ok(None) => {
                trouble.push(format!("{shown}: too short to be told from other texts"));
                continue;
            }
            Err(why) => {
                trouble.push(format!("{shown}: {why}"));
                continue;
            }
        };
        let name = args.name.clone().unwrap_or_else(|| stem(&file));
        if let Err(why) = check_name(&name) {
            trouble.push(format!("{shown}: {why}"));
            continue;
        }
        let is_known = shelf
            .local
            .iter()
            .any(|old| old.name == name && old.fingerprint.similarity(&print) >= SAME);
        if !is_known {
            learned += 1;
            shelf.local.push(Template {
                name,
                fingerprint: print,
            });
        }
    }
    if learned > 0 {
        shelf.save()?;
    }
    writeln!(
        out,
        "{learned} learned, {} local templates",
        shelf.local.len()
    )
    .map_err(|err| format!("could not write the results ({err})"))?;
    if trouble.is_empty() {
        Ok(())
    } else {
        Err(trouble.join("\ncallbluff: "))
    }
}

fn forget(args: &Forget, out: &mut dyn Write) -> Result<(), String> {
    let mut shelf = Shelf::open(&args.place)?;
    let before = shelf.local.len();
    shelf.local.retain(|template| template.name != args.name);
    let forgotten = before - shelf.local.len();
    if forgotten == 0 {
        return Err(format!(
            "no local template is named \"{}\"",
            show::printable(&args.name)
        ));
    }
    shelf.save()?;
    writeln!(
        out,
        "{forgotten} forgotten, {} local templates",
        shelf.local.len()
    )
    .map_err(|err| format!("could not write the results ({err})"))
}

fn list(args: &List, out: &mut dyn Write) -> Result<(), String> {
    let shelf = Shelf::open(&args.place)?;
    let shipped = Judge::shipped_templates();
    let all = shipped
        .iter()
        .map(|template| ("shipped", template))
        .chain(shelf.local.iter().map(|template| ("local", template)));
    for (source, template) in all {
        let line = if args.json {
            show::line(&Listed {
                v: show::VERSION,
                name: &template.name,
                source,
                fingerprint: template.fingerprint.to_string(),
            })
        } else {
            format!("{source:<8} {}", template.name)
        };
        writeln!(out, "{line}").map_err(|err| format!("could not write the results ({err})"))?;
    }
    Ok(())
}

/// The name of a file without folders and ending.
fn stem(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Names stand in logs, headers and JSON, so they are plain words.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
        return Err(format!(
            "\"{}\" is no name for a template: it needs 1 to {NAME_BYTES} of the signs A-Z a-z 0-9 - _ .",
            show::printable(name)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEXT: &str = "I hacked your computer and installed a trojan while you were busy with other things. I recorded \
        a video of you with your webcam while you were watching porn on a site that you like. If you do not pay nine \
        hundred dollars in bitcoin within two days I will send this video to all your contacts and friends.";

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        template: TemplateArgs,
    }

    fn template(words: &[&str]) -> (u8, String) {
        let line = ["template"].iter().chain(words);
        let line = <Line as clap::Parser>::parse_from(line);
        let mut out = Vec::new();
        let status = run(&line.template, &mut out);
        (status, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn what_was_learned_is_known_until_it_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("one.txt"), TEXT).expect("the folder is ours");
        fs::write(at("short.txt"), "Pay me.").expect("the folder is ours");
        let state = folder.path().join("state");
        let config = at("callbluff.toml");
        fs::write(&config, format!("state_dir = \"{}\"\n", state.display())).expect("ours");
        let learn = ["learn", "--config", &config, "--name", "wave-7"];
        let with = |path: &str| template(&[&learn[..], &[path]].concat());
        assert_eq!(with(&at("short.txt")).0, 2);
        assert_eq!(
            with(&at("one.txt")),
            (0, "1 learned, 1 local templates\n".to_owned())
        );
        assert_eq!(
            with(&at("one.txt")),
            (0, "0 learned, 1 local templates\n".to_owned())
        );
        let (_, listed) = template(&["list", "--json", "--config", &config]);
        assert!(
            listed.contains(r#""name":"wave-7","source":"local""#),
            "{listed}"
        );

        // The judge of the same config takes a near copy for it.
        let near = TEXT.replace("nine", "eight");
        let verdict = |config: &str| {
            let (_, judge, _) = engine::load_judge(Some(Path::new(config))).expect("it loads");
            let raw = format!("Subject: x\r\n\r\n{near}\r\n");
            let reading = crate::message::read(raw.as_bytes(), &Default::default());
            judge.judge(&Default::default(), &reading)
        };
        assert_eq!(verdict(&config).template.as_deref(), Some("wave-7"));

        assert_eq!(template(&["forget", "--config", &config, "wave-7"]).0, 0);
        assert_eq!(template(&["forget", "--config", &config, "wave-7"]).0, 2);
        assert_ne!(verdict(&config).template.as_deref(), Some("wave-7"));
    }

    #[test]
    fn a_broken_file_is_told_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("templates.toml");
        fs::write(&file, "[[template]]\nname = 1\n").expect("the folder is ours");
        let name = file.display().to_string();
        assert_eq!(template(&["forget", "--file", &name, "x"]).0, 2);
        assert!(fs::read_to_string(&file).is_ok_and(|text| text.contains("name = 1")));
    }

    #[test]
    fn names_are_plain_words() {
        for (name, expected) in [
            ("wave-7_a.b", true),
            ("", false),
            ("a b", false),
            ("é", false),
        ] {
            assert_eq!(check_name(name).is_ok(), expected, "{name}");
        }
        assert!(check_name(&"x".repeat(NAME_BYTES + 1)).is_err());
    }
}
