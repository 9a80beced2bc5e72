//! TNEF: the `winmail.dat` in which Outlook wraps a mail (MS-OXTNEF).

use crate::message::{charset, rtf};

/// What a TNEF stream holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unwrapped {
    pub(crate) subject: String,
    /// The plain body.
    pub(crate) body: String,
    /// The HTML body.
    pub(crate) html: Vec<u8>,
    /// The RTF body, unpacked.
    pub(crate) rtf: Vec<u8>,
    /// Attached files with their names.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// More attachments are not looked at.
const MOST_FILES: usize = 64;

/// Is this the start of a TNEF stream?
pub(crate) fn is_tnef(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x78, 0x9f, 0x3e, 0x22])
}

/// Unwraps a stream as far as it goes; RTF is unpacked to at most `limit` bytes.
pub(crate) fn unwrap(bytes: &[u8], limit: usize) -> Unwrapped {
    let mut out = Unwrapped::default();
    let mut cursor = Cursor {
        rest: bytes.get(6..).unwrap_or_default(),
    };
    while let Some((id, data)) = cursor.attribute() {
        match id {
            // attSubject, attBody
            0x0001_8004 => out.subject = text(data),
            0x0002_800c => out.body = text(data),
            // attAttachRenddata begins an attachment.
            0x0006_9002 if out.files.len() < MOST_FILES => {
                out.files.push((String::new(), Vec::new()));
            }
            // attAttachTitle, attAttachData
            0x0001_8010 => {
                if let Some(file) = out.files.last_mut() {
                    file.0 = text(data);
                }
            }
            0x0006_800f => {
                if let Some(file) = out.files.last_mut() {
                    file.1 = data.to_vec();
                }
            }
            // attMsgProps, attAttachment: MAPI properties
            0x0006_9003 => properties(data, |tag, value| match tag {
                0x1000_001e => out.body = text(value),
                0x1000_001f => out.body = wide(value),
                0x1013_0102 | 0x1013_001e => out.html = value.to_vec(),
                0x1013_001f => out.html = wide(value).into_bytes(),
                0x1009_0102 => out.rtf = rtf::decompress(value, limit).unwrap_or_default(),
                0x0037_001f => out.subject = wide(value),
                _ => {}
            }),
            0x0006_9005 => properties(data, |tag, value| {
                if let Some(file) = out.files.last_mut() {
                    match tag {
                        0x3707_001e => file.0 = text(value),
                        0x3707_001f => file.0 = wide(value),
                        0x3701_0102 => file.1 = value.to_vec(),
                        _ => {}
                    }
                }
            }),
            _ => {}
        }
    }
    out
}

fn text(data: &[u8]) -> String {
    charset::decode(data, None)
}

fn wide(data: &[u8]) -> String {
    let (text, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(data);
    text.trim_end_matches('\0').to_owned()
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Level, identifier, length, data, checksum (MS-OXTNEF, section 2.1.3.1).
    fn attribute(&mut self) -> Option<(u32, &'a [u8])> {
        self.take(1)?;
        let id = self.u32()?;
        let length = usize::try_from(self.u32()?).ok()?;
        let data = match self.take(length) {
            Some(data) => data,
            // Cut: what is there.
            None => std::mem::take(&mut self.rest),
        };
        self.take(2);
        Some((id, data))
    }

    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.take(length)?;
        self.take((4 - length % 4) % 4);
        Some(taken)
    }
}

/// Walks MAPI properties (MS-OXTNEF, section 2.1.3.4) and shows each with its tag.
fn properties(data: &[u8], mut show: impl FnMut(u32, &[u8])) {
    let mut cursor = Cursor { rest: data };
    let count = cursor.u32().unwrap_or(0);
    for _ in 0..count.min(10_000) {
        if property(&mut cursor, &mut show).is_none() {
            return;
        }
    }
}

fn property(cursor: &mut Cursor<'_>, show: &mut impl FnMut(u32, &[u8])) -> Option<()> {
    let tag = cursor.u32()?;
    let kind = tag & 0xffff;
    if tag >> 16 >= 0x8000 {
        // A named property: GUID, then a number or a name.
        cursor.take(16)?;
        if cursor.u32()? == 0 {
            cursor.take(4)?;
        } else {
            let length = usize::try_from(cursor.u32()?).ok()?;
            cursor.padded(length)?;
        }
    }
    let is_many = kind & 0x1000 != 0;
    let kind = kind & 0xfff;
    let is_variable = matches!(kind, 0x1e | 0x1f | 0x102 | 0x0d);
    let count = if is_many || is_variable {
        cursor.u32()?
    } else {
        1
    };
    for _ in 0..count.min(10_000) {
        let value = if is_variable {
            let length = usize::try_from(cursor.u32()?).ok()?;
            cursor.padded(length)?
        } else {
            let length = match kind {
                0x02 | 0x03 | 0x04 | 0x0a | 0x0b => 4,
                0x05 | 0x06 | 0x07 | 0x14 | 0x40 => 8,
                0x48 => 16,
                0x00 | 0x01 => 0,
                _ => return None,
            };
            cursor.take(length)?
        };
        show(tag, value);
    }
    Some(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn attribute(id: u32, data: &[u8]) -> Vec<u8> {
        let mut out = vec![1];
        out.extend(id.to_le_bytes());
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        out.extend([0, 0]);
        out
    }

    /// A stream with a body, an HTML body and an attached text.
    pub(crate) fn sample() -> Vec<u8> {
        let mut html = Vec::new();
        html.extend(2_u32.to_le_bytes());
        html.extend(0x1234_0003_u32.to_le_bytes());
        html.extend(7_u32.to_le_bytes());
        html.extend(0x1013_0102_u32.to_le_bytes());
        html.extend(1_u32.to_le_bytes());
        html.extend(15_u32.to_le_bytes());
        html.extend(b"<p>html body</p\0");
        [
            vec![0x78, 0x9f, 0x3e, 0x22, 1, 0],
            attribute(0x0001_8004, b"inner subject\0"),
            attribute(0x0002_800c, b"plain body\0"),
            attribute(0x0006_9003, &html),
            attribute(0x0006_9002, b""),
            attribute(0x0001_8010, b"note.txt\0"),
            attribute(0x0006_800f, b"attached text of the file"),
        ]
        .concat()
    }

    #[test]
    fn a_stream_is_unwrapped() {
        let found = unwrap(&sample(), 1000);
        assert_eq!(found.subject, "inner subject");
        assert_eq!(found.body, "plain body");
        assert_eq!(found.html, b"<p>html body</p");
        assert_eq!(
            found.files,
            [("note.txt".to_owned(), b"attached text of the file".to_vec())]
        );
    }

    #[test]
    fn damaged_streams_give_what_they_have() {
        let whole = sample();
        for length in 0..whole.len() {
            unwrap(&whole[..length], 1000);
        }
        assert_eq!(unwrap(&whole[..45], 1000).subject, "inner subject");
    }
}
