//! The bytes of one message, in memory while they are few and in a file when they are many.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
/// What every message may hold: most mail fits, so that the buffer does not grow and move ten times.
const FIRST: usize = 16 << 10;

/// The memory that messages share which need more than their first 16 KiB.
///
/// Each session alone is bounded, but there may be hundreds of them.
#[derive(Debug)]
pub struct SharedMemory {
    left: AtomicUsize,
}

impl SharedMemory {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
        }
    }

    /// Bytes that nobody has taken.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        // It only counts: no other memory is read or written by what it says.
        let taken = |left: usize| left.checked_sub(bytes);
        let (set, read) = (Ordering::Relaxed, Ordering::Relaxed);
        self.left.fetch_update(set, read, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A message that is arriving.
///
/// The file has no name, so nothing stays behind, whatever happens to this process.
#[derive(Debug)]
pub struct Spool {
    settings: SpoolSettings,
    memory: Vec<u8>,
    /// The memory beyond the first bytes, where it is shared with other messages.
    share: Option<Share>,
    /// Must what is in memory go before more comes?
    is_full: bool,
    file: Option<File>,
    file_bytes: u64,
}

/// What one message has taken of the shared memory.
#[derive(Debug)]
struct Share {
    memory: Arc<SharedMemory>,
    taken: usize,
}

impl Share {
    /// Takes what is lacking to so many bytes; false where there is not so much left.
    fn extend(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.taken);
        let has_taken = self.memory.take(more);
        if has_taken {
            self.taken += more;
        }
        has_taken
    }

    fn give_back(&mut self) {
        self.memory.give_back(std::mem::take(&mut self.taken));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Spool {
    /// An empty message.
    pub fn new(settings: SpoolSettings) -> Self {
        Self {
            settings,
            memory: Vec::with_capacity(FIRST),
            share: None,
            is_full: false,
            file: None,
            file_bytes: 0,
        }
    }

    /// An empty message that shares the memory beyond its first 16 KiB with others: where there is none
    /// left, it goes to its file earlier.
    pub fn sharing(settings: SpoolSettings, shared: &Arc<SharedMemory>) -> Self {
        Self {
            share: Some(Share {
                memory: Arc::clone(shared),
                taken: 0,
            }),
            ..Self::new(settings)
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
        let needed = self.memory.len() + bytes.len();
        // What is one too many is taken nevertheless, and so must be the last for now.
        self.is_full |= needed > self.most() || !self.grow(needed);
        self.memory.reserve_exact(bytes.len());
        self.memory.extend_from_slice(bytes);
        !self.is_full
    }

    /// Makes room for so many bytes at once; where there is none, they go by [`Spool::flush_with`].
    ///
    /// Many bytes that go to the file in any case need not be gathered before.
    pub fn make_room(&mut self, bytes: usize) -> bool {
        let needed = self.memory.len() + bytes;
        let is_many = self.file.is_some() && bytes >= GATHERED / 2;
        !self.is_full && !is_many && needed <= self.most() && self.grow(needed)
    }

    /// The most bytes to be in memory.
    fn most(&self) -> usize {
        match self.file {
            None => self.settings.memory,
            Some(_) => GATHERED.min(self.settings.memory),
        }
    }

    /// Makes room for so many bytes in all; false where other messages have all the memory.
    fn grow(&mut self, needed: usize) -> bool {
        let now = self.memory.capacity();
        if needed <= now {
            return true;
        }
        // Doubled as ever, but not beyond what is kept: hundreds of sessions have such a buffer.
        let wanted = (2 * now).max(FIRST).min(self.most()).max(needed);
        let beyond = wanted.saturating_sub(FIRST);
        if let Some(share) = &mut self.share
            && !share.extend(beyond)
        {
            return false;
        }
        self.memory.reserve_exact(wanted - self.memory.len());
        true
    }

    /// Moves what is in memory to the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or written, as on a full disk. The message is then incomplete
    /// and must not be judged as if it were whole.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.flush_with(Bytes::new()).await
    }

    /// Moves what is in memory to the file, and these bytes behind it, which are not copied.
    ///
    /// # Errors
    ///
    /// As [`Spool::flush`].
    pub async fn flush_with(&mut self, more: Bytes) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.memory);
        let file = self.file.take();
        let folder = self.settings.folder.clone();
        let written = blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => tempfile::tempfile_in(folder)?,
            };
            file.write_all(&bytes)?;
            file.write_all(&more)?;
            Ok((file, bytes.len() + more.len()))
        })
        .await;
        // Only now: until it was written it was in memory.
        if let Some(share) = &mut self.share {
            share.give_back();
        }
        self.is_full = false;
        let (file, written) = written?;
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
    async fn many_bytes_are_written_behind_the_few_before_them() {
        let message: Vec<u8> = (0..=255).cycle().take(400_023).collect();
        let mut spool = Spool::new(SpoolSettings::default());
        let mut rest = &message[..];
        for (index, size) in [5, 70_000, 200_000, 9, 40_000, 30_000, 9, 60_000]
            .into_iter()
            .enumerate()
        {
            let (chunk, after) = rest.split_at(size);
            rest = after;
            if spool.make_room(chunk.len()) {
                assert!(spool.push(chunk), "chunk {index}");
            } else {
                let chunk = Bytes::copy_from_slice(chunk);
                spool.flush_with(chunk).await.unwrap();
                assert!(spool.memory.is_empty(), "chunk {index}");
            }
            let read = spool.read_back(usize::MAX).await.unwrap();
            assert!(message.starts_with(&read), "chunk {index}");
            assert_eq!(read.len(), message.len() - rest.len(), "chunk {index}");
        }
        assert_eq!(spool.file_bytes(), 400_023);
    }

    #[tokio::test]
    async fn messages_share_memory_and_what_does_not_fit_goes_to_files() {
        const SHARED: usize = 100 << 10;
        let message: Vec<u8> = (0..=255).cycle().take(60_000).collect();
        let shared = Arc::new(SharedMemory::new(SHARED));
        let new = || Spool::sharing(SpoolSettings::default(), &shared);
        let mut spools: Vec<Spool> = std::iter::repeat_with(new).take(10).collect();
        for (at, bytes) in message.chunks(3_000).enumerate() {
            for spool in &mut spools {
                let has_room = match at % 2 {
                    0 => spool.make_room(bytes.len()) && spool.push(bytes),
                    _ => spool.push(bytes),
                };
                if !has_room && at % 2 == 0 {
                    let bytes = Bytes::copy_from_slice(bytes);
                    spool.flush_with(bytes).await.unwrap();
                } else if !has_room {
                    spool.flush().await.unwrap();
                }
            }
            let held: usize = spools.iter().map(|spool| spool.memory.capacity()).sum();
            assert!(held <= SHARED + spools.len() * FIRST, "{held} bytes");
        }
        let in_memory = spools.iter().filter(|it| it.in_memory().is_some()).count();
        assert!((1..10).contains(&in_memory), "{in_memory}");
        for spool in &mut spools {
            assert_eq!(spool.read_back(usize::MAX).await.unwrap(), message);
        }
        drop(spools);
        assert_eq!(shared.left(), SHARED);
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
