//! The fields of a part that say how it is read.

use crate::message::headers::{Block, RawField};
use crate::message::params::Parameterised;
use crate::message::transfer::Encoding;

/// The fields of a part that say how it is read.
pub(super) struct MimeFields {
    pub(super) kind: Parameterised,
    pub(super) disposition: Parameterised,
    pub(super) encoding: Encoding,
    /// Does a field that matters stand there twice, with different values?
    pub(super) is_twice: bool,
}

impl MimeFields {
    pub(super) fn of(block: &Block<'_>) -> Self {
        let last = |name: &str| block.fields.iter().rev().find(|field| field.is(name));
        let value = |field: Option<&RawField<'_>>| {
            field.map_or_else(Parameterised::default, |field| {
                Parameterised::parse(field.value)
            })
        };
        let mut first: [Option<&[u8]>; STRUCTURAL.len()] = [None; STRUCTURAL.len()];
        let mut is_twice = false;
        for field in &block.fields {
            if let Some(number) = structural(field) {
                let value = field.value.trim_ascii();
                is_twice |= !first[number]
                    .get_or_insert(value)
                    .eq_ignore_ascii_case(value);
            }
        }
        Self {
            kind: value(last("content-type")),
            disposition: value(last("content-disposition")),
            encoding: last("content-transfer-encoding")
                .map_or(Encoding::Identity, |field| Encoding::parse(&field.text())),
            is_twice,
        }
    }
}

/// The fields that say how a part is taken apart.
pub(super) const STRUCTURAL: [&str; 2] = ["content-type", "content-transfer-encoding"];

pub(super) fn structural(field: &RawField<'_>) -> Option<usize> {
    STRUCTURAL.iter().position(|name| field.is(name))
}
