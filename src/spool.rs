//! The bytes of one message, in memory while they are few and in a file when they are many.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use tokio::task::spawn_blocking;

/// Where a message is kept while it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Bytes of one message that stay in memory. Default: 256 KiB.
    ///
    /// Where there are more, they all go to an unlinked file.
    pub memory: usize,
    /// Folder of the file. Default: the system's folder for temporary files.
    pub folder: PathBuf,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self {
            memory: 256 << 10,
            folder: std::env::temp_dir(),
        }
    }
}

/// Bytes that are gathered before they are written, once there is a file.
const GATHERED: usize = 64 << 10;

/// A message that is arriving.
///
/// The file has no name, so nothing stays behind, whatever happens to this process.
#[derive(Debug)]
pub struct Spool {
    settings: SpoolSettings,
    memory: Vec<u8>,
    file: Option<File>,
    file_bytes: u64,
}

impl Spool {
    /// An empty message.
    pub fn new(settings: SpoolSettings) -> Self {
        Self {
            settings,
            // Most mail fits, so that the buffer does not grow and move ten times.
            memory: Vec::with_capacity(16 << 10),
            file: None,
            file_bytes: 0,
        }
    }

    /// Bytes received so far.
    pub fn len(&self) -> u64 {
        self.file_bytes + self.memory.len() as u64
    }

    /// Has nothing been received yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of it that lie in a file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Takes bytes without waiting; false where [`Spool::flush`] must come before the next ones.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let room = match self.file {
            None => self.settings.memory,
            Some(_) => GATHERED.min(self.settings.memory),
        };
        let needed = self.memory.len() + bytes.len();
        if needed > self.memory.capacity() {
            // Doubled as ever, but not beyond what is kept: hundreds of sessions have such a buffer.
            let doubled = (2 * self.memory.capacity()).min(room);
            self.memory
                .reserve_exact(doubled.max(needed) - self.memory.len());
        }
        self.memory.extend_from_slice(bytes);
        self.memory.len() <= room
    }

    /// Moves what is in memory to the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or written, as on a full disk. The message is then incomplete
    /// and must not be judged as if it were whole.
    pub async fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.memory);
        let file = self.file.take();
        let folder = self.settings.folder.clone();
        let (file, written) = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => tempfile::tempfile_in(folder)?,
            };
            file.write_all(&bytes)?;
            Ok((file, bytes.len()))
        })
        .await?;
        self.file_bytes += written as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Shows all bytes to `see`, piece by piece, and returns what it made of them.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn fold<T: Send + 'static>(
        &mut self,
        state: T,
        see: fn(&mut T, &[u8]),
    ) -> io::Result<T> {
        let mut state = state;
        if let Some(file) = self.file.take() {
            let (file, seen) = blocking(move || {
                let mut file = file;
                file.rewind()?;
                let mut piece = vec![0; GATHERED];
                loop {
                    match file.read(&mut piece)? {
                        0 => break,
                        read => see(&mut state, &piece[..read]),
                    }
                }
                Ok((file, state))
            })
            .await?;
            self.file = Some(file);
            state = seen;
        }
        see(&mut state, &self.memory);
        Ok(state)
    }

    /// All bytes, where none of them had to leave memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        self.file.is_none().then_some(self.memory.as_slice())
    }

    /// The first `limit` bytes, wherever they lie.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn read_back(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        if let Some(file) = self.file.take() {
            let bytes = limit.min(usize::try_from(self.file_bytes).unwrap_or(usize::MAX));
            let wanted = limit.min(usize::try_from(self.len()).unwrap_or(usize::MAX));
            let (file, read) = blocking(move || {
                let mut file = file;
                file.rewind()?;
                let mut read = Vec::with_capacity(wanted);
                (&mut file).take(bytes as u64).read_to_end(&mut read)?;
                file.seek(io::SeekFrom::End(0))?;
                Ok((file, read))
            })
            .await?;
            self.file = Some(file);
            start = read;
        }
        let rest = limit.saturating_sub(start.len()).min(self.memory.len());
        start.extend_from_slice(&self.memory[..rest]);
        Ok(start)
    }

    /// At most `limit` bytes from `offset` on; fewer only at the end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn read_at(&mut self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        let in_file = self.file_bytes.saturating_sub(offset).min(limit as u64);
        if in_file > 0
            && let Some(file) = self.file.take()
        {
            let (file, bytes) = blocking(move || {
                let mut file = file;
                file.seek(io::SeekFrom::Start(offset))?;
                let mut bytes = Vec::new();
                (&mut file).take(in_file).read_to_end(&mut bytes)?;
                file.seek(io::SeekFrom::End(0))?;
                Ok((file, bytes))
            })
            .await?;
            self.file = Some(file);
            read = bytes;
        }
        let start = (offset + read.len() as u64).saturating_sub(self.file_bytes);
        let start = usize::try_from(start)
            .unwrap_or(usize::MAX)
            .min(self.memory.len());
        let rest = &self.memory[start..];
        read.extend_from_slice(&rest[..rest.len().min(limit - read.len())]);
        Ok(read)
    }
}

/// Runs file work where waiting for the disk holds up no other session.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> SpoolSettings {
        SpoolSettings {
            memory: 10,
            ..SpoolSettings::default()
        }
    }

    #[tokio::test]
    async fn every_byte_comes_back_wherever_the_border_falls() {
        let message: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for chunk in [1, 3, 9, 10, 11, 64, 999, 1000] {
            let mut spool = Spool::new(small());
            for bytes in message.chunks(chunk) {
                if !spool.push(bytes) {
                    spool.flush().await.unwrap();
                }
            }
            assert_eq!(spool.len(), 1000, "chunks of {chunk}");
            assert!(spool.in_memory().is_none(), "chunks of {chunk}");
            for limit in [0, 1, 10, 995, 1000, 5000] {
                let read = spool.read_back(limit).await.unwrap();
                assert_eq!(read, message[..limit.min(1000)], "chunks of {chunk}");
            }
            for (offset, limit) in [
                (0, 1000),
                (0, 7),
                (500, 400),
                (990, 50),
                (999, 1),
                (1000, 5),
            ] {
                let read = spool.read_at(offset, limit).await.unwrap();
                let from = usize::try_from(offset).unwrap();
                let expected = &message[from..(from + limit).min(1000)];
                assert_eq!(read, expected, "chunks of {chunk}, from {offset}");
            }
        }
    }

    #[tokio::test]
    async fn every_byte_is_shown_and_more_can_follow() {
        let mut spool = Spool::new(small());
        let message: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let seen = |seen: &mut Vec<u8>, piece: &[u8]| seen.extend_from_slice(piece);
        for half in message.chunks(100_000) {
            for bytes in half.chunks(9_999) {
                if !spool.push(bytes) {
                    spool.flush().await.unwrap();
                }
            }
            spool.fold(Vec::new(), seen).await.unwrap();
        }
        assert_eq!(spool.fold(Vec::new(), seen).await.unwrap(), message);
    }

    #[tokio::test]
    async fn a_small_message_makes_no_file() {
        let mut spool = Spool::new(small());
        assert!(spool.push(b"0123456789"));
        assert_eq!(spool.in_memory(), Some(&b"0123456789"[..]));
        assert_eq!(spool.file_bytes(), 0);
        assert!(!spool.push(b"x"));
    }

    #[tokio::test]
    async fn bytes_after_reading_back_are_appended() {
        let mut spool = Spool::new(small());
        spool.push(b"0123456789a");
        spool.flush().await.unwrap();
        assert_eq!(spool.read_back(3).await.unwrap(), b"012");
        spool.push(b"bcdefghijklm");
        spool.flush().await.unwrap();
        assert_eq!(
            spool.read_back(99).await.unwrap(),
            b"0123456789abcdefghijklm"
        );
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        let mut spool = Spool::new(SpoolSettings {
            memory: 1,
            folder: "/nonexistent/folder".into(),
        });
        assert!(!spool.push(b"ab"));
        assert!(spool.flush().await.is_err());
    }
}
