//! The tree of MIME parts, by mail-parser, which is used nowhere else.

use mail_parser::{MessageParser, MessagePart, PartFlags, PartKind};

/// One part with all that is needed to read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Its header block, the blank line included.
    pub(crate) header: &'a [u8],
    /// Its body as written.
    pub(crate) body: &'a [u8],
    /// What it holds.
    pub(crate) kind: Kind<'a>,
    /// Is it the message itself, or an attached message, rather than a part in one?
    pub(crate) is_message: bool,
    /// How many attached messages lie around it.
    pub(crate) nested: u8,
    /// How many multiparts and messages lie around it.
    pub(crate) depth: usize,
    /// Was it left whole because it lies too deep?
    pub(crate) is_too_deep: bool,
    /// Was it left whole because there are too many parts?
    pub(crate) is_too_many: bool,
}

/// What a part holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind<'a> {
    /// Content.
    Leaf,
    /// An attached message; its root follows as a part of its own.
    Message,
    /// Other parts, which follow.
    Multipart {
        /// The boundary that was used.
        boundary: &'a str,
        /// The text in front of the first part.
        preamble: &'a [u8],
        /// The text behind the end.
        epilogue: &'a [u8],
        has_children: bool,
        /// Has it no end?
        is_open: bool,
    },
}

/// Shows every part of a message in its order, containers before what is in them.
///
/// A message of which nothing can be parsed is one part without a header. Returns how many bytes
/// of encoded messages in it were parsed besides.
pub(crate) fn walk(
    raw: &[u8],
    depth: usize,
    parts: usize,
    mut show: impl FnMut(Part<'_>),
) -> usize {
    let parser = MessageParser::new()
        .max_depth(depth)
        .max_parts(parts)
        .max_encoded_nesting(8);
    let Some(message) = parser.parse(raw) else {
        show(Part {
            header: b"",
            body: raw,
            kind: Kind::Leaf,
            is_message: true,
            nested: 0,
            depth: 0,
            is_too_deep: false,
            is_too_many: false,
        });
        return 0;
    };
    // How deep each message lies in others, and in containers of any kind.
    let mut nested: Vec<(u8, usize)> = Vec::new();
    let mut parsed = 0;
    let mut source = raw.as_ptr();
    for message in message.messages() {
        let around = message.container().map_or((0, 0), |container| {
            let outer = nested
                .get(container.message().id() as usize)
                .copied()
                .unwrap_or_default();
            (outer.0.saturating_add(1), outer.1 + 1)
        });
        nested.push(around);
        // One that was encoded has a source of its own.
        let bytes = message.source_bytes();
        if !std::ptr::eq(
            bytes.as_ptr(),
            std::mem::replace(&mut source, bytes.as_ptr()),
        ) && !std::ptr::eq(bytes.as_ptr(), raw.as_ptr())
        {
            parsed += bytes.len();
        }
    }
    // Depths by part, so that no chain of parents is walked twice.
    let mut depths: Vec<usize> = Vec::new();
    for part in message.parts() {
        let around = nested
            .get(part.message().id() as usize)
            .copied()
            .unwrap_or_default();
        let depth = part.parent().map_or(around.1, |parent| {
            depths.get(parent.id() as usize).copied().unwrap_or(0) + 1
        });
        depths.push(depth);
        let flags = part.flags();
        let is_cut = flags.contains(PartFlags::LIMIT_REACHED);
        let is_too_many = is_cut && message.parts().len() >= parts;
        show(Part {
            header: part.raw_headers(),
            body: part.raw_body(),
            kind: kind(&part),
            is_message: part.parent().is_none(),
            nested: around.0,
            depth,
            is_too_deep: (is_cut && !is_too_many) || flags.contains(PartFlags::NESTING_LIMIT),
            is_too_many,
        });
    }
    parsed
}

fn kind<'a>(part: &MessagePart<'a>) -> Kind<'a> {
    match part.kind() {
        PartKind::Message(_) => Kind::Message,
        PartKind::Multipart => {
            let source = part.message().source_bytes();
            let (start, end) = (part.offset_body() as usize, part.offset_end() as usize);
            let mut children = part.children();
            let first = children.next();
            let last = children.next_back().or(first);
            let before = first.map_or(end, |child| child.offset_header() as usize);
            let behind = last.map_or(end, |child| child.offset_end() as usize);
            let slice = |from: usize, to: usize| source.get(from..to).unwrap_or_default();
            Kind::Multipart {
                boundary: part.boundary().unwrap_or_default(),
                preamble: slice(start, before),
                epilogue: slice(behind, end),
                has_children: first.is_some(),
                is_open: part.flags().contains(PartFlags::UNTERMINATED),
            }
        }
        _ => Kind::Leaf,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preamble_and_epilogue_are_around_the_parts() {
        let raw = b"Content-Type: multipart/mixed; boundary=b\n\nbefore\n--b\n\none\n--b\n\ntwo\n--b--\nafter\n";
        let mut found = Vec::new();
        walk(raw, 64, 100, |part| {
            if let Kind::Multipart {
                preamble,
                epilogue,
                is_open,
                ..
            } = part.kind
            {
                found.push(String::from_utf8_lossy(preamble).into_owned());
                found.push(String::from_utf8_lossy(epilogue).into_owned());
                assert!(!is_open);
            } else {
                found.push(String::from_utf8_lossy(part.body).into_owned());
            }
        });
        assert_eq!(found, ["before\n--b\n", "\n--b--\nafter\n", "one", "two"]);
    }
}
