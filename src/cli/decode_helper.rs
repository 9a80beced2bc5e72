//! `callbluff decode-helper`: reads PDFs and pictures for the daemon, under limits.
//!
//! Not for people. A crash, a panic or a kill is an answer too: the daemon notes that the file
//! could not be read and starts another helper.

use crate::decoder::protocol::{Request, write_answer};
use crate::message::{self, MediaLimits};
use image::GrayImage;
use image::imageops;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, rlim_t, setrlimit};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The most open files: the three standard ones and what starting tesseract takes.
const FILES: rlim_t = 16;

/// Larger pictures are made smaller before their letters are read, in pixels of the longer side.
const OCR_SIDE: u32 = 2400;

/// Smaller pictures have no text worth a second of work, in pixels of the shorter side.
const OCR_LEAST: u32 = 64;

/// The most text that is taken from one picture, in bytes.
const OCR_BYTES: u64 = 64 * 1024;

/// Read PDFs and pictures for the daemon; not for people.
#[derive(Debug, clap::Args)]
pub(crate) struct DecodeHelper {
    /// The most address space, in bytes.
    #[arg(long, default_value_t = 512 * 1024 * 1024)]
    memory: u64,
    /// The most CPU time for one file, in seconds.
    #[arg(long, default_value_t = 4)]
    cpu: u64,
    /// The program that reads letters in pictures.
    #[arg(long)]
    ocr: Option<PathBuf>,
}

/// Answers requests until there are no more; returns the exit status.
pub(crate) fn run(args: &DecodeHelper) -> u8 {
    match limit(args).and_then(|()| answer_all(args)) {
        Ok(()) => 0,
        Err(_) => 2,
    }
}

fn limit(args: &DecodeHelper) -> io::Result<()> {
    let set = |resource, value: rlim_t| setrlimit(resource, value, value);
    set(Resource::RLIMIT_AS, args.memory)?;
    set(Resource::RLIMIT_CORE, 0)?;
    // No file may grow: pipes are not files.
    set(Resource::RLIMIT_FSIZE, 0)?;
    set(Resource::RLIMIT_NOFILE, FILES)?;
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_no_new_privs()?;
        if args.ocr.is_none() {
            set(Resource::RLIMIT_NPROC, 0)?;
        }
    }
    Ok(())
}

fn answer_all(args: &DecodeHelper) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    while let Some(request) = Request::read(&mut input)? {
        limit_cpu(args.cpu)?;
        let mut written = Ok(());
        let mut ocr = |picture: &GrayImage| letters(args.ocr.as_deref()?, picture);
        message::decode(
            &request.media,
            &request.passwords,
            &MediaLimits::default(),
            &mut ocr,
            &mut |found| {
                if written.is_ok() {
                    written = write_answer(&mut output, Some(&found));
                }
            },
        );
        written?;
        write_answer(&mut output, None)?;
    }
    Ok(())
}

/// The limit counts the whole life of the process, so it moves on with every request.
fn limit_cpu(seconds: u64) -> io::Result<()> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let used = usage.user_time().tv_sec() + usage.system_time().tv_sec();
    let (_, most) = getrlimit(Resource::RLIMIT_CPU)?;
    setrlimit(
        Resource::RLIMIT_CPU,
        (used as rlim_t + seconds + 1).min(most),
        most,
    )?;
    Ok(())
}

/// What tesseract reads in a picture. It gets plain grey pixels, so none of the picture formats'
/// decoders run in it; it inherits our limits, and the daemon's deadline holds for it too.
fn letters(program: &Path, picture: &GrayImage) -> Option<String> {
    let (width, height) = picture.dimensions();
    if width.min(height) < OCR_LEAST {
        return None;
    }
    let longer = width.max(height);
    let smaller;
    let picture = if longer > OCR_SIDE {
        let scaled = |side: u32| (side * OCR_SIDE / longer).max(1);
        smaller = imageops::thumbnail(picture, scaled(width), scaled(height));
        &smaller
    } else {
        picture
    };
    let mut child = Command::new(program)
        .args(["-", "-"])
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut text = Vec::new();
    let talk = |child: &mut std::process::Child, text: &mut Vec<u8>| -> io::Result<()> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut input = child.stdin.take().ok_or_else(gone)?;
        // Tesseract reads the whole picture before it writes a letter, so this cannot lock up.
        writeln!(input, "P5 {} {} 255", picture.width(), picture.height())?;
        input.write_all(picture.as_raw())?;
        drop(input);
        let output = child.stdout.take().ok_or_else(gone)?;
        output.take(OCR_BYTES).read_to_end(text)?;
        Ok(())
    };
    let talked = talk(&mut child, &mut text);
    // It may wait for us to read on; what it has said is enough.
    let _ = child.kill();
    let _ = child.wait();
    talked.ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
