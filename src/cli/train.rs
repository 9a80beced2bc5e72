//! `callbluff train`: fits the weights of the model on labelled mail.

use crate::classify::{Fit, Model, SEXTORTION, SUSPECT, Sample};
use crate::cli::corpus::{Corpus, Label, Reader};
use crate::cli::{show, tell};
use crate::engine::{self, Engine};
use crate::message::Envelope;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// The most parts that the groups are divided into for cross-validation: each costs a whole fit.
const FOLDS: usize = 24;

/// Fit the weights of the model on labelled mail.
///
/// Each signal starts from the weight of its category and stays near it where the mail says little. So the weights
/// of single signals that an earlier fit found do not matter: the same mail gives the same model again.
///
/// Near copies, the messages of one group, count as one message together and are left out together in
/// cross-validation.
/// Exit status: 0 done, 2 trouble.
#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// Folders of sextortion mail.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    spam: Vec<PathBuf>,
    /// Folders of mail that is none.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    ham: Vec<PathBuf>,
    /// The column of manifest.tsv that names the group of a message.
    #[arg(long, value_name = "COLUMN", default_value = "template")]
    groups: String,
    /// Write the fitted model.
    #[arg(long, value_name = "FILE.toml")]
    out: Option<PathBuf>,
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command, prints to `out` and returns the exit status.
pub(crate) fn run(args: &Train, out: &mut dyn Write) -> u8 {
    match train(args, out) {
        Ok(is_whole) => u8::from(!is_whole) * 2,
        Err(why) => {
            tell(&why);
            2
        }
    }
}

fn train(args: &Train, out: &mut dyn Write) -> Result<bool, String> {
    let (config, judge, warnings) =
        engine::load_judge(args.config.as_deref()).map_err(|problems| problems.to_string())?;
    if !warnings.is_empty() {
        let _ = writeln!(io::stderr(), "{warnings}");
    }
    let engine = Engine::with_judge(config, |_, _| crate::classify::Verdict::error());
    let reader = Reader::new(&engine)?;
    let corpus = Corpus::new(&[(Label::Spam, &args.spam[..]), (Label::Ham, &args.ham[..])]);
    let mut samples = Vec::new();
    let mut failed = 0_usize;
    corpus.each(
        &reader,
        &|_, reading| judge.sample(&Envelope::default(), reading),
        &mut |known, sample| match sample {
            Ok((signals, most)) => samples.push(Sample {
                signals,
                most,
                is_threat: known.label == Label::Spam,
                weight: 1.0,
                group: known.group(&args.groups).to_owned(),
            }),
            Err(why) => {
                failed += 1;
                tell(&format!("{}: {why}", show::printable(&known.file)));
            }
        },
    );
    if !samples.iter().any(|sample| sample.is_threat) || samples.iter().all(|s| s.is_threat) {
        return Err("both sextortion and other mail are needed".to_owned());
    }
    share_weights(&mut samples);
    let old = judge.model();
    let prior = prior(old, &samples);
    let fit = Fit::default();
    let fitted = fit.weights(old, &merged(samples.iter()), &prior);
    let new = old.with_weights(&fitted);
    let mut text = String::from("signal                               old    new\n");
    for (id, weight) in &fitted {
        let before = old.weight(id);
        let _ = writeln!(text, "{id:<34} {before:>5.2}  {weight:>5.2}");
    }
    let points = |model: &Model, samples: &[Sample]| -> Vec<f64> {
        samples.iter().map(|s| points_of(model, s)).collect()
    };
    let held_out = cross_validate(&fit, old, &prior, &samples);
    let _ = writeln!(text);
    for (name, points) in [
        ("current model", points(old, &samples)),
        ("fitted model, on the same mail", points(&new, &samples)),
        ("fitted model, cross-validated", held_out),
    ] {
        let _ = writeln!(text, "{name}: {}", figures(&samples, &points));
    }
    if let Some(path) = &args.out {
        fs::write(path, new.to_string())
            .map_err(|err| format!("could not write \"{}\" ({err})", path.display()))?;
    }
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|err| format!("could not write the results ({err})"))?;
    Ok(failed == 0)
}

/// The messages of a group count as one together.
fn share_weights(samples: &mut [Sample]) {
    let mut sizes: BTreeMap<(bool, String), f64> = BTreeMap::new();
    for sample in &*samples {
        *sizes
            .entry((sample.is_threat, sample.group.clone()))
            .or_default() += 1.0;
    }
    for sample in samples {
        if let Some(size) = sizes.get(&(sample.is_threat, sample.group.clone())) {
            sample.weight = 1.0 / size;
        }
    }
}

/// The weight to start from of every signal that was found; those of no weight stay without.
fn prior(model: &Model, samples: &[Sample]) -> BTreeMap<String, f64> {
    let ids: BTreeSet<&String> = samples.iter().flat_map(|sample| &sample.signals).collect();
    ids.into_iter()
        .map(|id| (id.clone(), model.prior(id)))
        .filter(|(_, weight)| *weight != 0.0)
        .collect()
}

/// Messages with the same signals are one row: most honest mail has none at all.
fn merged<'s>(samples: impl Iterator<Item = &'s Sample>) -> Vec<Sample> {
    let mut rows: BTreeMap<(&BTreeSet<String>, bool, u64), (f64, f64)> = BTreeMap::new();
    for sample in samples {
        let key = (&sample.signals, sample.is_threat, sample.most.to_bits());
        let row = rows.entry(key).or_insert((0.0, sample.most));
        row.0 += sample.weight;
    }
    rows.into_iter()
        .map(|((signals, is_threat, _), (weight, most))| Sample {
            signals: signals.clone(),
            most,
            is_threat,
            weight,
            group: String::new(),
        })
        .collect()
}

/// The points of a message by a model, with the gates.
fn points_of(model: &Model, sample: &Sample) -> f64 {
    model.points(&sample.signals).min(sample.most)
}

/// The points of each message by a model that was fitted without its group.
///
/// One group of threats is left out at a time, or several where there are more than `FOLDS`; the other
/// mail is dealt out to the same parts.
fn cross_validate(
    fit: &Fit,
    model: &Model,
    prior: &BTreeMap<String, f64>,
    samples: &[Sample],
) -> Vec<f64> {
    let groups = |is_threat: bool| -> BTreeMap<&str, usize> {
        let names: BTreeSet<&str> = samples
            .iter()
            .filter(|sample| sample.is_threat == is_threat)
            .map(|sample| sample.group.as_str())
            .collect();
        names.into_iter().zip(0..).collect()
    };
    let (threats, others) = (groups(true), groups(false));
    let folds = threats.len().clamp(2, FOLDS);
    let fold = |sample: &Sample| {
        let groups = if sample.is_threat { &threats } else { &others };
        groups.get(sample.group.as_str()).map_or(0, |n| n % folds)
    };
    let next = Mutex::new(0..folds);
    let points = Mutex::new(vec![0.0; samples.len()]);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let number = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(number) = number else { return };
                    let rest = samples.iter().filter(|sample| fold(sample) != number);
                    let fitted = model.with_weights(&fit.weights(model, &merged(rest), prior));
                    let mut points = points.lock().unwrap_or_else(PoisonError::into_inner);
                    for (sample, points) in samples.iter().zip(points.iter_mut()) {
                        if fold(sample) == number {
                            *points = points_of(&fitted, sample);
                        }
                    }
                }
            });
        }
    });
    points.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Recall and false positives of points per message.
fn figures(samples: &[Sample], points: &[f64]) -> String {
    let count = |is_threat: bool, border: f64| {
        let of = samples
            .iter()
            .zip(points)
            .filter(|(s, _)| s.is_threat == is_threat);
        let hits = of.clone().filter(|(_, points)| **points >= border).count();
        format!("{hits} of {}", of.count())
    };
    format!(
        "{} found ({} at least suspect); of other mail {} sextortion, {} at least suspect",
        count(true, SEXTORTION),
        count(true, SUSPECT),
        count(false, SEXTORTION),
        count(false, SUSPECT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAT: &str = "I hacked your computer and installed a trojan. I recorded a video of you with your webcam \
        while you were watching porn. If you do not pay 900 USD in bitcoin within 48 hours I will send this video to \
        all your contacts. My bitcoin address: 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2";

    fn sample(group: &str, is_threat: bool) -> Sample {
        Sample {
            signals: BTreeSet::new(),
            most: f64::INFINITY,
            is_threat,
            weight: 1.0,
            group: group.to_owned(),
        }
    }

    #[test]
    fn near_copies_count_as_one() {
        let mut samples = [sample("a", true), sample("a", true), sample("a", false)];
        share_weights(&mut samples);
        assert_eq!(samples.each_ref().map(|s| s.weight), [0.5, 0.5, 1.0]);
        let weights: Vec<f64> = merged(samples.iter()).iter().map(|s| s.weight).collect();
        assert_eq!(weights, [1.0, 1.0]);
    }

    #[test]
    fn a_model_is_fitted_and_written_the_same_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("spam/a.txt", THREAT),
            (
                "spam/b.txt",
                "I recorded you. Pay me in bitcoin or your contacts see the video.",
            ),
            ("ham/c.txt", "Shall we have lunch on Monday?"),
            (
                "ham/d.txt",
                "Do not pay. Report it to the police: they have recorded nothing.",
            ),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let train = |name: &str| {
            let args = Train {
                spam: vec![folder.path().join("spam")],
                ham: vec![folder.path().join("ham")],
                groups: "template".to_owned(),
                out: Some(folder.path().join(name)),
                config: None,
            };
            let mut out = Vec::new();
            assert_eq!(run(&args, &mut out), 0);
            let model = fs::read_to_string(folder.path().join(name)).expect("it was written");
            (model, String::from_utf8(out).expect("text"))
        };
        let first = train("one.toml");
        assert_eq!(first, train("two.toml"));
        assert!(
            first.1.contains("current model: 1 of 2 found"),
            "{}",
            first.1
        );
        assert!(first.1.contains("cross-validated: "), "{}", first.1);
    }

    #[test]
    fn one_class_alone_is_trouble() {
        let folder = tempfile::tempdir().expect("a folder");
        let args = Train {
            spam: vec![folder.path().to_owned()],
            ham: vec![folder.path().to_owned()],
            groups: "template".to_owned(),
            out: None,
            config: None,
        };
        assert_eq!(run(&args, &mut Vec::new()), 2);
    }
}
