//! What a reader takes a single character for, where letter case matters.

use crate::message::normalise::table::{Kind, table};
use crate::message::normalise::word;

/// What a reader takes a single character for, where letter case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAs {
    /// An ASCII letter or digit, in the case it was written in.
    Ascii(u8),
    /// Nothing: it cannot be seen.
    Nothing,
    /// White space.
    Space,
    /// Anything else.
    Other,
}

/// Reads one character as the ASCII letter or digit it looks like, whatever its alphabet.
///
/// For payment addresses, which are ASCII but case-sensitive, so that [`fold`] would lose them.
pub fn read_as(c: char) -> ReadAs {
    let entry = table().entry(c);
    let plain = match entry.kind() {
        Kind::Char | Kind::Accented | Kind::Styled => entry.char(),
        Kind::Space | Kind::LineFeed | Kind::Return | Kind::Paragraph => return ReadAs::Space,
        Kind::Sequence => return ReadAs::Other,
        _ => return ReadAs::Nothing,
    };
    let ascii = match plain.is_ascii_alphanumeric() {
        true => Some(plain),
        false => word::latin(plain, entry.is_upper()),
    };
    match ascii {
        Some(ascii) if entry.is_upper() => ReadAs::Ascii(ascii.to_ascii_uppercase() as u8),
        Some(ascii) => ReadAs::Ascii(ascii as u8),
        None => ReadAs::Other,
    }
}
