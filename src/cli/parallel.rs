//! Many messages through all cores, with the results in the order of the sources.

use crate::cli::source::{self, Mail, Source};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Messages in flight for each core: enough to keep it busy, few enough to keep memory small.
const IN_FLIGHT: usize = 4;

/// A progress bar over the bytes of the sources, on standard error and only if that is a terminal.
pub(crate) fn progress_bar(sources: &[Source]) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let total: u64 = sources.iter().map(Source::size).sum();
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}, {eta} left {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Reads every message of the sources, does `work` on it on some core and gives the results to
/// `each` in order, until that says `false`.
///
/// At most `limit` bytes of a message are kept and at most four messages per core are in flight.
pub(crate) fn in_order<T: Send>(
    sources: &[Source],
    limit: usize,
    bar: &ProgressBar,
    work: &(dyn Fn(Mail) -> T + Sync),
    each: &mut dyn FnMut(T) -> bool,
) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let window = cores * IN_FLIGHT;
    let (job_sender, jobs) = mpsc::sync_channel::<(usize, Mail)>(window);
    let jobs = Mutex::new(jobs);
    let (done_sender, done) = mpsc::sync_channel::<(usize, T)>(window);
    // A job needs a ticket, and gets it back when its result was given away in order. So a slow
    // message cannot make the later results pile up without bound.
    let (ticket_sender, tickets) = mpsc::sync_channel::<()>(window);
    for _ in 0..window {
        if ticket_sender.send(()).is_err() {
            return;
        }
    }
    thread::scope(|scope| {
        scope.spawn(move || read_all(sources, limit, bar, &tickets, &job_sender));
        for _ in 0..cores {
            let done_sender = done_sender.clone();
            let jobs = &jobs;
            scope.spawn(move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, mail)) = job else { return };
                    if done_sender.send((number, work(mail))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done_sender);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        while let Ok((number, result)) = done.recv() {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&next) {
                next += 1;
                if !each(result) {
                    // The reader and the workers end when these ends of their channels are gone.
                    drop((done, ticket_sender));
                    return;
                }
                // Fails only when the reader has read all and is gone.
                let _ = ticket_sender.send(());
            }
        }
    });
}

fn read_all(
    sources: &[Source],
    limit: usize,
    bar: &ProgressBar,
    tickets: &mpsc::Receiver<()>,
    jobs: &mpsc::SyncSender<(usize, Mail)>,
) {
    let mut number = 0;
    let mut bytes_before = 0;
    for source in sources {
        let mut is_going_on = true;
        let mut progress = |bytes| bar.set_position(bytes_before + bytes);
        source::read(source, limit, &mut progress, &mut |mail| {
            is_going_on = tickets.recv().is_ok() && jobs.send((number, mail)).is_ok();
            number += 1;
            is_going_on
        });
        if !is_going_on {
            return;
        }
        bytes_before += source.size();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(count: usize) -> (tempfile::TempDir, Vec<Source>) {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            let path = folder.path().join(format!("{number:04}.eml"));
            fs::write(path, number.to_string()).unwrap();
        }
        let sources = source::sources(&[folder.path().to_owned()]);
        (folder, sources)
    }

    #[test]
    fn results_come_in_the_order_of_the_files() {
        let (_folder, sources) = folder(300);
        let mut seen = Vec::new();
        in_order(
            &sources,
            99,
            &ProgressBar::hidden(),
            &|mail| String::from_utf8(mail.content.unwrap()).unwrap(),
            &mut |text| {
                seen.push(text);
                true
            },
        );
        let expected: Vec<_> = (0..300).map(|number| number.to_string()).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_reader_that_has_enough_ends_the_work() {
        let (_folder, sources) = folder(300);
        let mut seen = 0;
        in_order(&sources, 99, &ProgressBar::hidden(), &|_| (), &mut |()| {
            seen += 1;
            seen < 3
        });
        assert_eq!(seen, 3);
    }
}
