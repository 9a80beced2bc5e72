//! The signals that reading itself gives, each with its meaning.

/// Every identifier that a reading can carry, and what it says about the mail.
pub const FINDINGS: &[(&str, &str)] = &[
    (
        BOUNDARY_TWICE,
        "a multipart with several `boundary` parameters",
    ),
    (
        BOUNDARY_WRONG,
        "a multipart whose parts are separated by another boundary than it declares",
    ),
    (
        BOUNDARY_AFTER_END,
        "further parts behind the end of a multipart",
    ),
    (
        HEADER_TWICE,
        "two Content-Type or Content-Transfer-Encoding fields that differ",
    ),
    (NO_END, "a multipart without its end, or a cut message"),
    (
        NO_BLANK_LINE,
        "a line between the fields of a header that is no field",
    ),
    (
        BARE_NEWLINE,
        "a carriage return without a line feed, or line ends of both kinds in the body",
    ),
    (NO_BODY, "no text, no picture and no attachment at all"),
    (
        DEEP,
        "over 16 multiparts or messages within each other, or 256 HTML elements",
    ),
    (
        OUTSIDE_TEXT,
        "over 250 letters in front of the first or behind the last part of a multipart",
    ),
    (ARCHIVE, "an attached zip, rar, 7z or other archive"),
    (
        ENCRYPTED,
        "an attached archive, document or PDF that needs a password",
    ),
    (ENCRYPTED_MAIL, "an S/MIME or PGP encrypted mail"),
    (PICTURE_ONLY, "pictures and next to no text"),
    (BASE64_JUNK, "characters in base64 that do not belong there"),
    (
        ENCODING_LIE,
        "text that is encoded and declared not to be, or the reverse",
    ),
    (
        TYPE_LIE,
        "text or HTML declared as a picture, sound, PDF or zip file",
    ),
    (UUENCODE, "a file uuencoded into the text"),
    (
        HIDDEN_TEXT,
        "a fifth or more of the letters hidden from the reader by style",
    ),
    (
        SPLIT_WORDS,
        "comments, empty elements, hidden text or many tags inside words",
    ),
    (
        LETTER_CELLS,
        "words written with one letter in each table cell",
    ),
    (
        BIDI,
        "Latin text written backwards and turned around by direction overrides",
    ),
    (
        LIMIT_TEXT,
        "more text, or more markup around it, than is read",
    ),
    (LIMIT_PARTS, "more MIME parts than are read"),
    (LIMIT_DEPTH, "parts nested deeper than is read"),
    (LIMIT_HEADER, "a header longer than is read"),
    (LIMIT_MEDIA, "more pictures and PDFs than are looked at"),
    (
        LIMIT_READINGS,
        "so many ambiguities that not every reading was read",
    ),
];

pub(crate) const BOUNDARY_TWICE: &str = "structure.boundary-twice";
pub(crate) const BOUNDARY_WRONG: &str = "structure.boundary-wrong";
pub(crate) const BOUNDARY_AFTER_END: &str = "structure.boundary-after-end";
pub(crate) const HEADER_TWICE: &str = "structure.header-twice";
pub(crate) const NO_END: &str = "structure.no-end";
pub(crate) const NO_BLANK_LINE: &str = "structure.no-blank-line";
pub(crate) const BARE_NEWLINE: &str = "structure.bare-newline";
pub(crate) const NO_BODY: &str = "structure.no-body";
pub(crate) const DEEP: &str = "structure.deep";
pub(crate) const OUTSIDE_TEXT: &str = "structure.outside-text";
pub(crate) const ARCHIVE: &str = "structure.archive";
pub(crate) const ENCRYPTED: &str = "structure.encrypted";
pub(crate) const ENCRYPTED_MAIL: &str = "structure.encrypted-mail";
pub(crate) const PICTURE_ONLY: &str = "structure.picture-only";
pub(crate) const BASE64_JUNK: &str = "structure.base64-junk";
pub(crate) const ENCODING_LIE: &str = "structure.encoding-lie";
pub(crate) const TYPE_LIE: &str = "structure.type-lie";
pub(crate) const UUENCODE: &str = "structure.uuencode";
pub(crate) const HIDDEN_TEXT: &str = "obfuscation.hidden-text";
pub(crate) const SPLIT_WORDS: &str = "obfuscation.split-words";
pub(crate) const LETTER_CELLS: &str = "obfuscation.letter-cells";
pub(crate) const BIDI: &str = "obfuscation.bidi";
pub(crate) const LIMIT_TEXT: &str = "limit.text";
pub(crate) const LIMIT_PARTS: &str = "limit.parts";
pub(crate) const LIMIT_DEPTH: &str = "limit.depth";
pub(crate) const LIMIT_HEADER: &str = "limit.header";
pub(crate) const LIMIT_MEDIA: &str = "limit.media";
pub(crate) const LIMIT_READINGS: &str = "limit.readings";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_are_well_formed_and_unique() {
        let mut seen = HashSet::new();
        for (id, meaning) in FINDINGS {
            let (category, what) = id.split_once('.').expect(id);
            assert!(
                ["structure", "obfuscation", "limit"].contains(&category),
                "{id}"
            );
            assert!(
                what.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            assert!(!meaning.is_empty() && seen.insert(id), "{id}");
        }
    }
}
