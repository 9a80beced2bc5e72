//! Reading a message: from its bytes to the texts that a reader could see.

mod authentication;
mod bidi;
mod calendar;
mod charset;
mod collect;
mod color;
mod content;
mod css;
mod envelope;
mod findings;
mod headers;
mod html;
mod image;
mod mask;
mod media;
mod mime;
mod normalise;
mod office;
mod ole;
mod params;
mod pdf;
mod piece;
mod read;
mod rtf;
mod sheet;
mod sink;
mod sniff;
mod tnef;
mod transfer;
mod uuencode;

pub use authentication::{AuthResult, Believed, believed_results};
pub use envelope::{Address, Client, Envelope};
pub use findings::FINDINGS;
pub use headers::Header;
pub use mask::{MASK, mask};
pub use media::{Found, MEDIA_FINDINGS, MediaLimits, Ocr, decode};
pub use normalise::{
    FoldStats, Folded, Normaliser, ReadAs, findings as fold_findings, fold, read_as,
};
pub use piece::{Finding, Media, MediaKind, Origin, Piece, Place, Reading};
pub use read::{ReadLimits, read};
