//! Reading a message: from its bytes to the texts that a reader could see.

mod envelope;
mod headers;
mod image;
mod media;
mod mime;
mod normalise;
mod pdf;
mod piece;
mod read;

pub use envelope::{Address, Client, Envelope};
pub use headers::Header;
pub use media::{Found, MediaLimits, Ocr, decode};
pub use normalise::{FoldStats, Folded, Normaliser, findings as fold_findings, fold};
pub use piece::{Finding, Media, MediaKind, Origin, Piece, Place, Reading};
pub use read::{ReadLimits, read};
