//! One helper process and the talk with it.

use crate::decoder::Settings;
use crate::decoder::protocol::{self, ANSWER_BYTES, Request};
use crate::message::{Found, Media};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The most finds that are taken from one file.
const FINDS: usize = 256;

/// The most bytes of finds that are taken from one file.
const FIND_BYTES: usize = 4 * 1024 * 1024;

/// A running helper process. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// How many files it was given.
    pub(super) requests: usize,
}

impl Helper {
    /// Starts a process.
    pub(super) fn start(settings: &Settings) -> io::Result<Self> {
        let mut command = Command::new(&settings.program);
        command
            .arg("decode-helper")
            .arg(format!("--memory={}", settings.memory))
            .arg(format!("--cpu={}", settings.deadline.as_secs().max(1) + 1));
        if settings.ocr {
            command.arg("--ocr").arg(&settings.ocr_program);
        }
        // Its only task is to read hostile files: it gets nothing of ours, not even standard
        // error, since the message of a panic may quote the mail.
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that what it starts can be killed with it.
            .process_group(0)
            .kill_on_drop(true);
        if settings.ocr
            && let Some(path) = std::env::var_os("PATH")
        {
            command.env("PATH", path);
        }
        let mut child = command.spawn()?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let input = child.stdin.take().ok_or_else(gone)?;
        let output = child.stdout.take().ok_or_else(gone)?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
            requests: 0,
        })
    }

    /// Is the process still there?
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Has one file read; every find is handed over at once, so that those before a crash count.
    ///
    /// # Errors
    ///
    /// When the process died or talks nonsense: it must not be used again.
    pub(super) async fn ask(
        &mut self,
        media: &Media,
        passwords: &[String],
        found: &mut Vec<Found>,
    ) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let frame = Request::frame(media, passwords).ok_or_else(invalid)?;
        self.requests += 1;
        self.input.write_all(&frame).await?;
        self.input.flush().await?;
        let mut bytes = 0;
        for _ in 0..=FINDS {
            let length = self.output.read_u32_le().await? as usize;
            if length == 0 {
                return Ok(());
            }
            bytes += length;
            if length > ANSWER_BYTES || bytes > FIND_BYTES {
                return Err(invalid());
            }
            let mut body = vec![0; length];
            self.output.read_exact(&mut body).await?;
            found.push(protocol::parse_answer(&body, media.place).ok_or_else(invalid)?);
        }
        Err(invalid())
    }
}

impl Drop for Helper {
    /// Kills what the helper started, too: tesseract would work on for nobody.
    fn drop(&mut self) {
        // As long as the process was not waited for, its number is nobody else's.
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}
