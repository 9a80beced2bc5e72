//! Reading a message: from its bytes to the texts that a reader could see.

mod envelope;
mod headers;
mod mime;
mod piece;
mod read;

pub use envelope::{Address, Client, Envelope};
pub use headers::Header;
pub use piece::{Finding, Media, MediaKind, Origin, Piece, Place, Reading};
pub use read::{ReadLimits, read};
