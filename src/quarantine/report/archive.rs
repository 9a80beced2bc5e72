//! A zip file that is written file by file, however many there are.

use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::{self, Read as _, Seek as _, Write};
use tempfile::SpooledTempFile;

// Note: the crate that reads zip files elsewhere keeps what it needs for the directory at the end of the
// file in memory, about 1 KB a file, half a gigabyte for 100,000 entries.

/// As much of the directory stays in memory, in bytes; the rest lies in a file without a name.
const DIRECTORY: usize = 64 << 10;
/// 1980-01-01, the first day of the format: the times of an entry are told in its manifest.
const DATE: u16 = 0x21;
/// Version 2.0, which has folders and deflate; 4.5 has numbers of 64 bits.
const PLAIN: u16 = 20;
const ZIP64: u16 = 45;
/// Made on a UNIX system, whose permissions the attributes tell.
const UNIX: u16 = 3 << 8;
/// A regular file of its owner alone.
const OWNER_ONLY: u32 = 0o100_600 << 16;
const DEFLATE: u16 = 8;

/// A zip file that grows (PKWARE APPNOTE 6.3).
pub(super) struct Archive<W> {
    out: W,
    /// Bytes written so far.
    place: u64,
    files: u64,
    directory: SpooledTempFile,
}

impl<W: Write> Archive<W> {
    /// An empty one.
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            place: 0,
            files: 0,
            directory: SpooledTempFile::new(DIRECTORY),
        }
    }

    /// Adds a file; its name is ASCII.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(bytes)?;
        let mut crc = Crc::new();
        crc.update(bytes);
        self.add_packed(name, &packed.finish()?, bytes.len(), crc.sum())
    }

    fn add_packed(&mut self, name: &str, packed: &[u8], size: usize, crc: u32) -> io::Result<()> {
        let too_large = |_| io::Error::other(format!("{name} is larger than 4 GiB"));
        // What the header of a file and its row in the directory have in common (4.3.7 and 4.3.12).
        let mut common = Vec::new();
        for number in [PLAIN, 0, DEFLATE, 0, DATE] {
            common.extend(number.to_le_bytes());
        }
        for number in [
            crc,
            u32::try_from(packed.len()).map_err(too_large)?,
            u32::try_from(size).map_err(too_large)?,
        ] {
            common.extend(number.to_le_bytes());
        }
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        common.extend(length.to_le_bytes());

        // Beyond 4 GiB the place stands in a field of its own (4.5.3).
        let (place, far) = match u32::try_from(self.place) {
            Ok(place) if place < u32::MAX => (place, Vec::new()),
            _ => {
                let mut far = vec![1, 0, 8, 0];
                far.extend(self.place.to_le_bytes());
                (u32::MAX, far)
            }
        };
        let mut row = b"PK\x01\x02".to_vec();
        row.extend((UNIX | ZIP64).to_le_bytes());
        row.extend_from_slice(&common);
        row.extend(
            u16::try_from(far.len())
                .map_err(io::Error::other)?
                .to_le_bytes(),
        );
        // No comment, the first disk, nothing said of its kind.
        row.extend([0; 6]);
        row.extend(OWNER_ONLY.to_le_bytes());
        row.extend(place.to_le_bytes());
        row.extend_from_slice(name.as_bytes());
        row.extend_from_slice(&far);
        self.directory.write_all(&row)?;

        let header = [b"PK\x03\x04", &common[..], &[0, 0], name.as_bytes()].concat();
        self.write(&header)?;
        self.write(packed)?;
        self.files += 1;
        Ok(())
    }

    /// Writes the directory, which ends the file.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let start = self.place;
        self.directory.rewind()?;
        let mut some = vec![0; DIRECTORY];
        loop {
            let count = self.directory.read(&mut some)?;
            if count == 0 {
                break;
            }
            self.write(&some[..count])?;
        }
        let end = self.place;
        let size = end - start;
        let mut last = Vec::new();
        let is_far = self.files >= u64::from(u16::MAX) || end >= u64::from(u32::MAX);
        if is_far {
            // Its own size without the first 12 bytes, and where it is (4.3.14 and 4.3.15).
            last.extend(b"PK\x06\x06");
            last.extend(44_u64.to_le_bytes());
            last.extend((UNIX | ZIP64).to_le_bytes());
            last.extend(ZIP64.to_le_bytes());
            last.extend([0; 8]);
            for number in [self.files, self.files, size, start] {
                last.extend(number.to_le_bytes());
            }
            last.extend(b"PK\x06\x07");
            last.extend([0; 4]);
            last.extend(end.to_le_bytes());
            last.extend(1_u32.to_le_bytes());
        }
        // Numbers that do not fit say so by being as large as can be (4.4.1.4).
        let files = u16::try_from(self.files).unwrap_or(u16::MAX);
        last.extend(b"PK\x05\x06\0\0\0\0");
        last.extend(files.to_le_bytes());
        last.extend(files.to_le_bytes());
        for number in [size, start] {
            last.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        last.extend([0; 2]);
        self.write(&last)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.place += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn open(bytes: Vec<u8>) -> zip::ZipArchive<Cursor<Vec<u8>>> {
        zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip file")
    }

    fn text(zip: &mut zip::ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
        let mut text = String::new();
        let mut file = zip.by_name(name).expect("it is there");
        assert_eq!(file.unix_mode().expect("told") & 0o777, 0o600);
        file.read_to_string(&mut text).expect("whole");
        text
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut archive = Archive::new(Vec::new());
        archive.add("a/empty", b"").expect("written");
        archive
            .add("a/text", &b"again ".repeat(1000))
            .expect("written");
        let bytes = archive.finish().expect("written");
        assert!(bytes.len() < 500, "{}", bytes.len());
        let mut zip = open(bytes);
        assert_eq!(zip.len(), 2);
        assert_eq!(text(&mut zip, "a/empty"), "");
        assert_eq!(text(&mut zip, "a/text"), "again ".repeat(1000));
    }

    /// 65,535 files are the end of the format of old; and the directory is in a file by then.
    #[test]
    fn it_holds_more_files_than_fit_into_16_bits() {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(b"text").expect("memory");
        let packed = packed.finish().expect("memory");
        let mut crc = Crc::new();
        crc.update(b"text");
        for files in [65_534, 65_535, 65_536] {
            let mut archive = Archive::new(Vec::new());
            for number in 0..files {
                let name = format!("{number}");
                let added = archive.add_packed(&name, &packed, 4, crc.sum());
                added.expect("written");
            }
            let mut zip = open(archive.finish().expect("written"));
            assert_eq!(zip.len(), files);
            assert_eq!(text(&mut zip, &format!("{}", files - 1)), "text");
        }
    }

    /// What lies beyond 4 GiB is found there; nothing is written before it.
    #[test]
    fn it_goes_on_beyond_4_gib() {
        /// Takes what comes behind a hole that is only thought of.
        struct Behind {
            hole: u64,
            place: u64,
            bytes: Vec<u8>,
        }
        impl Write for Behind {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.bytes.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl io::Seek for Behind {
            fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
                let end = self.hole + self.bytes.len() as u64;
                self.place = match to {
                    io::SeekFrom::Start(place) => place,
                    io::SeekFrom::End(back) => end.saturating_add_signed(back),
                    io::SeekFrom::Current(on) => self.place.saturating_add_signed(on),
                };
                Ok(self.place)
            }
        }
        impl io::Read for Behind {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let start = usize::try_from(self.place.saturating_sub(self.hole)).expect("small");
                let some = &self.bytes[start.min(self.bytes.len())..];
                let count = some.len().min(into.len());
                into[..count].copy_from_slice(&some[..count]);
                self.place += count as u64;
                Ok(count)
            }
        }
        let hole = 5 << 30;
        let mut archive = Archive::new(Behind {
            hole,
            place: 0,
            bytes: Vec::new(),
        });
        archive.place = hole;
        archive.add("far", b"away").expect("written");
        let mut zip = zip::ZipArchive::new(archive.finish().expect("written")).expect("a zip file");
        let mut text = String::new();
        zip.by_name("far")
            .expect("there")
            .read_to_string(&mut text)
            .expect("whole");
        assert_eq!(text, "away");
    }
}
