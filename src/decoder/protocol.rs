//! What the daemon and the helper process say to each other over its standard input and output.
//!
//! Frames are a length (four bytes, least first) and that many bytes. A request is one frame.
//! The answer is a frame for each find, as soon as it is made, and an empty frame at the end.

use crate::message::{Finding, Found, MEDIA_FINDINGS, Media, MediaKind, Origin, Piece, Place};
use std::io::{self, Read, Write};

/// The longest request, in bytes.
pub const REQUEST_BYTES: usize = 32 * 1024 * 1024;

/// The longest frame of an answer, in bytes.
pub const ANSWER_BYTES: usize = 1024 * 1024;

const ORIGINS: [Origin; 3] = [Origin::Pdf, Origin::Qr, Origin::Ocr];

/// One file to read and the passwords to try on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The file; its place stays with the asker.
    pub media: Media,
    /// Candidates quoted in the mail.
    pub passwords: Vec<String>,
}

impl Request {
    /// The frame of a request; `None` if it is over `REQUEST_BYTES`.
    pub fn frame(media: &Media, passwords: &[String]) -> Option<Vec<u8>> {
        let mut body = vec![match media.kind {
            MediaKind::Pdf => 0,
            MediaKind::Picture => 1,
        }];
        let passwords: Vec<&String> = passwords.iter().take(255).collect();
        body.push(passwords.len() as u8);
        for password in passwords {
            let bytes = &password.as_bytes()[..password.floor_char_boundary(255)];
            body.push(bytes.len() as u8);
            body.extend_from_slice(bytes);
        }
        if body.len() + media.bytes.len() > REQUEST_BYTES {
            return None;
        }
        body.extend_from_slice(&media.bytes);
        Some(framed(&body))
    }

    /// Reads a request; `None` at the end of the input.
    ///
    /// # Errors
    ///
    /// When the input breaks off or is no request.
    pub fn read(input: &mut dyn Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        if input.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        input.read_exact(&mut length[1..])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > REQUEST_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        Self::parse(&body)
            .map(Some)
            .ok_or(io::ErrorKind::InvalidData.into())
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let [kind, count, rest @ ..] = body else {
            return None;
        };
        let kind = match kind {
            0 => MediaKind::Pdf,
            1 => MediaKind::Picture,
            _ => return None,
        };
        let mut rest = rest;
        let mut passwords = Vec::new();
        for _ in 0..*count {
            let (length, after) = rest.split_first()?;
            let (password, after) = after.split_at_checked(usize::from(*length))?;
            passwords.push(String::from_utf8(password.to_vec()).ok()?);
            rest = after;
        }
        let media = Media {
            place: Place::of(Origin::Pdf),
            kind,
            bytes: rest.to_vec(),
        };
        Some(Self { media, passwords })
    }
}

/// Writes a find, or the end of the answer.
///
/// # Errors
///
/// When the asker is gone.
pub fn write_answer(out: &mut dyn Write, found: Option<&Found>) -> io::Result<()> {
    let mut body = Vec::new();
    match found {
        None => {}
        Some(Found::Text(Piece { place, text })) => {
            let origin = ORIGINS.iter().position(|origin| *origin == place.origin);
            let header = [
                0,
                origin.unwrap_or_default() as u8,
                u8::from(place.hidden),
                place.reading,
            ];
            body.extend_from_slice(&header);
            let end = text.floor_char_boundary(ANSWER_BYTES - header.len());
            body.extend_from_slice(&text.as_bytes()[..end]);
        }
        Some(Found::Fact(Finding { id, .. })) => {
            let number = MEDIA_FINDINGS.iter().position(|(fact, _)| fact == id);
            debug_assert!(number.is_some(), "fact {id} has no number");
            let Some(number) = number else { return Ok(()) };
            body.extend_from_slice(&[1, number as u8]);
        }
    }
    out.write_all(&framed(&body))?;
    out.flush()
}

/// Reads a find from the body of a frame; `None` if it makes no sense.
///
/// `place` is that of the file: the helper only says what it found inside.
pub fn parse_answer(body: &[u8], place: Place) -> Option<Found> {
    match body {
        [0, origin, hidden, reading, text @ ..] => {
            let place = Place {
                origin: *ORIGINS.get(usize::from(*origin))?,
                hidden: place.hidden || *hidden != 0,
                reading: place.reading.max(*reading),
                ..place
            };
            let text = String::from_utf8(text.to_vec()).ok()?;
            Some(Found::Text(Piece { place, text }))
        }
        [1, number] => {
            // The helper reads hostile files, so it is not trusted: it sends a number, never a
            // word of its own.
            let (id, _) = MEDIA_FINDINGS.get(usize::from(*number))?;
            Some(Found::Fact(Finding { id, place }))
        }
        _ => None,
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let request = Request {
            media: Media {
                place: Place::of(Origin::Pdf),
                kind: MediaKind::Picture,
                bytes: b"bytes".to_vec(),
            },
            passwords: vec!["hunter2".to_owned(), "é".repeat(100)],
        };
        let frame = Request::frame(&request.media, &request.passwords).unwrap();
        assert_eq!(Request::read(&mut &frame[..]).unwrap(), Some(request));
        assert_eq!(Request::read(&mut &b""[..]).unwrap(), None);
        assert!(Request::read(&mut &frame[..9]).is_err());
        assert!(Request::read(&mut &b"\xff\xff\xff\xff"[..]).is_err());
    }

    #[test]
    fn finds_arrive_with_the_place_of_their_file() {
        let place = Place {
            part: 3,
            nested: 1,
            ..Place::of(Origin::Attachment)
        };
        let text = Place {
            origin: Origin::Qr,
            reading: 2,
            ..place
        };
        let mut finds = vec![Found::Text(Piece {
            place: text,
            text: "é".to_owned(),
        })];
        finds.extend(
            MEDIA_FINDINGS
                .iter()
                .map(|(id, _)| Found::Fact(Finding { id, place })),
        );
        for found in finds {
            let mut frame = Vec::new();
            write_answer(&mut frame, Some(&found)).unwrap();
            assert_eq!(parse_answer(&frame[4..], place), Some(found));
        }
    }

    #[test]
    fn answers_that_make_no_sense_are_none() {
        for body in [
            &b"\x00\x09\x00\x00x"[..],
            b"\x00\x00\x00\x00\xff",
            b"\x01\xff",
            b"\x02",
            b"\x00",
        ] {
            assert_eq!(parse_answer(body, Place::of(Origin::Pdf)), None);
        }
    }
}
