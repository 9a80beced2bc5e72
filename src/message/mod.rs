//! Reading a message: from its bytes to the texts that a reader could see.

mod envelope;
mod piece;

pub use envelope::{Address, Client, Envelope};
pub use piece::{Finding, Origin, Piece, Place, Reading};
