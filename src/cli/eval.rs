//! `callbluff eval`: how well labelled mail is judged.

mod curve;
mod leave_out;
mod report;

use crate::classify::{Judge, Rule, Verdict};
use crate::cli::corpus::{self, Corpus, Known, Label, Reader};
use crate::cli::tell;
use crate::engine::{self, Engine};
use crate::message::Envelope;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Judge labelled mail and tell how much was found and what was found wrongly.
///
/// The folders hold .eml files, mboxes or Maildirs; .txt files are bare text. A manifest.tsv beside the
/// messages may tell more of each: file, language, template, cluster.
/// Exit status: 0 everything was judged, 2 trouble.
#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    /// Folders of sextortion mail.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    spam: Vec<PathBuf>,
    /// Folders of honest mail.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    ham: Vec<PathBuf>,
    /// Folders of mail that is unwanted, but no sextortion; counted apart.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    other: Vec<PathBuf>,
    /// A table with a column "file": those are judged and named, but not counted.
    #[arg(long, value_name = "FILE.tsv")]
    apart: Option<PathBuf>,
    /// The column of the manifest whose values are counted as one.
    #[arg(long, value_name = "COLUMN", default_value = "cluster")]
    group_by: String,
    /// Also judge each group of this column without the patterns that hit in no other message.
    #[arg(long, value_name = "COLUMN")]
    leave_out: Option<String>,
    /// Draw recall and false positives by threshold.
    #[arg(long, value_name = "FILE.svg")]
    curve: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One judged message.
#[derive(Debug)]
struct Row {
    known: Known,
    verdict: Verdict,
    /// The patterns that held; empty where nobody asks.
    rules: BTreeSet<Rule>,
    /// Is it named, but not counted?
    is_apart: bool,
}

impl Row {
    /// The language that the manifest says, or else the verdict.
    fn language(&self) -> &str {
        let said = self.known.columns.get("language").map(String::as_str);
        said.or(self.verdict.language.as_deref())
            .unwrap_or("unknown")
    }
}

/// All that was judged.
#[derive(Debug, Default)]
struct Results {
    rows: Vec<Row>,
    /// Messages that could not be judged, and why.
    failed: Vec<(Known, String)>,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &Eval, out: &mut dyn Write) -> u8 {
    match evaluate(args, out) {
        Ok(is_whole) => u8::from(!is_whole) * 2,
        Err(why) => {
            tell(&why);
            2
        }
    }
}

fn evaluate(args: &Eval, out: &mut dyn Write) -> Result<bool, String> {
    let (config, judge, warnings) =
        engine::load_judge(args.config.as_deref()).map_err(|problems| problems.to_string())?;
    if !warnings.is_empty() {
        let _ = writeln!(io::stderr(), "{warnings}");
    }
    let engine = Engine::with_judge(config, {
        let judge = Arc::clone(&judge);
        move |envelope, reading| judge.judge(envelope, reading)
    });
    let reader = Reader::new(&engine)?;
    let corpus = Corpus::new(&[
        (Label::Spam, &args.spam[..]),
        (Label::Ham, &args.ham[..]),
        (Label::Other, &args.other[..]),
    ]);
    if corpus.is_empty() {
        return Err("no mail in these folders".to_owned());
    }
    let apart = args.apart.as_deref().map(names).transpose()?;
    let apart = apart.unwrap_or_default();
    let results = judge_all(&corpus, &reader, &judge, &apart, args.leave_out.is_some());
    let left_out = args.leave_out.as_deref().map(|column| {
        leave_out::run(
            &corpus,
            &reader,
            &judge,
            &results.rows,
            column,
            &args.group_by,
        )
    });
    if let Some(path) = &args.curve {
        let svg = curve::svg(&curve::points(&results.rows));
        fs::write(path, svg)
            .map_err(|err| format!("could not write \"{}\" ({err})", path.display()))?;
    }
    let report = report::Report::new(&results, left_out, &args.group_by);
    let text = if args.json {
        report.json()
    } else {
        report.text()
    };
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|err| format!("could not write the results ({err})"))?;
    Ok(results.failed.is_empty())
}

fn judge_all(
    corpus: &Corpus,
    reader: &Reader<'_>,
    judge: &Judge,
    apart: &BTreeSet<String>,
    with_rules: bool,
) -> Results {
    let mut results = Results::default();
    corpus.each(
        reader,
        &|_, reading| {
            let rules = if with_rules {
                judge.rules(reading)
            } else {
                BTreeSet::new()
            };
            (judge.judge(&Envelope::default(), reading), rules)
        },
        &mut |known, result| match result {
            Ok((verdict, rules)) => results.rows.push(Row {
                is_apart: apart.contains(&known.file),
                known,
                verdict,
                rules,
            }),
            Err(why) => results.failed.push((known, why)),
        },
    );
    results
}

/// The base names in the column "file" of a table.
fn names(path: &Path) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(path)
        .map_err(|err| format!("could not read \"{}\" ({err})", path.display()))?;
    let rows = corpus::table(&text);
    let files = rows.iter().filter_map(|row| row.get("file"));
    Ok(files
        .map(|file| file.rsplit('/').next().unwrap_or(file).to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const THREAT: &str = "I hacked your computer and installed a trojan. I recorded a video of you with your webcam \
        while you were watching porn. If you do not pay 900 USD in bitcoin within 48 hours I will send this video to \
        all your contacts. My bitcoin address: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2";

    fn eval(more: &[&str]) -> (u8, Value, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("spam/one.txt", THREAT),
            ("spam/two.txt", THREAT),
            ("spam/missed.txt", "The weather is fine."),
            ("ham/lunch.txt", "Shall we have lunch on Monday?"),
            ("other/copy.txt", THREAT),
            (
                "spam/manifest.tsv",
                "file\tlanguage\tcluster\tt\none.txt\ten\tc1\tA\ntwo.txt\ten\tc1\tA\nmissed.txt\tde\tc2\tB\n",
            ),
            ("apart.tsv", "file\twhere\nother/copy.txt\tx\n"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            eval: Eval,
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut line = vec!["eval".to_owned(), "--json".to_owned()];
        for class in ["spam", "ham", "other"] {
            line.extend([format!("--{class}"), at(class)]);
        }
        line.extend(more.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => at(name),
            None => (*word).to_owned(),
        }));
        let line = <Line as clap::Parser>::parse_from(line);
        let mut out = Vec::new();
        let status = run(&line.eval, &mut out);
        let json = serde_json::from_slice(&out).unwrap_or(Value::Null);
        (status, json, folder)
    }

    #[test]
    fn finds_misses_and_false_positives_are_told() {
        let (status, json, _folder) = eval(&[]);
        assert_eq!(status, 0);
        let class = |name: &str| {
            let classes = json["classes"].as_array().expect("a list");
            let found = classes.iter().find(|class| class["folder"] == name);
            found.expect("the class is told").clone()
        };
        assert_eq!(class("spam")["sextortion"], 2);
        assert_eq!(class("spam")["messages"], 3);
        assert_eq!(class("ham")["suspect"], 0);
        assert_eq!(class("other")["sextortion"], 1);
        assert_eq!(json["misses"][0]["file"], "missed.txt");
        assert_eq!(json["false_positives"][0]["file"], "copy.txt");
        assert_eq!(json["groups"]["whole"], 1);
        assert_eq!(json["groups"]["all"], 2);
    }

    #[test]
    fn files_told_apart_are_not_counted() {
        let (_, json, _folder) = eval(&["--apart", "@apart.tsv"]);
        assert!(
            json["false_positives"]
                .as_array()
                .is_some_and(Vec::is_empty),
            "{json}"
        );
        assert_eq!(json["apart"][0]["file"], "copy.txt");
    }

    #[test]
    fn a_group_is_judged_without_its_own_patterns() {
        // The copy among the other mail hits the same patterns: none is the group's own.
        let (_, json, _folder) = eval(&["--leave-out", "t"]);
        assert_eq!(json["left_out"]["groups"][0]["patterns"], 0, "{json}");
        assert_eq!(json["left_out"]["whole"], 1);
    }

    #[test]
    fn the_curve_is_a_picture() {
        let (status, _, folder) = eval(&["--curve", "@curve.svg"]);
        let svg = fs::read_to_string(folder.path().join("curve.svg")).expect("it was written");
        assert_eq!(status, 0);
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn trouble_has_its_exit_status() {
        assert_eq!(eval(&["--apart", "@missing.tsv"]).0, 2);
        assert_eq!(eval(&["--ham", "@missing"]).0, 2);
    }
}
