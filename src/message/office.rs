//! Office documents (Office Open XML, OpenDocument) and other zip files.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use std::convert::Infallible;
use std::io::{Cursor, Read};

/// What a zip file is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// The text of the document; empty for an archive.
    pub(crate) text: String,
    /// Text in it that a reader does not see.
    pub(crate) hidden: String,
    /// Pictures in the document, unpacked.
    pub(crate) pictures: Vec<Vec<u8>>,
    /// Is it a plain archive rather than a document?
    pub(crate) is_archive: bool,
    /// Does an entry need a password?
    pub(crate) is_encrypted: bool,
    /// Was a limit hit?
    pub(crate) is_cut: bool,
    /// Bytes that came out of it.
    pub(crate) inflated: usize,
}

/// More entries of one document are not opened.
const MOST_ENTRIES: usize = 64;
/// Pictures of one document, and unpacked bytes of each.
const MOST_PICTURES: usize = 4;
const PICTURE_BYTES: u64 = 4 * 1024 * 1024;

/// Unpacks a document; at most `limit` bytes of XML in sum, so that a zip bomb stays one.
pub(crate) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    let mut out = Unpacked::default();
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        out.is_archive = true;
        return out;
    };
    let mut texts: Vec<String> = Vec::new();
    let mut pictures: Vec<String> = Vec::new();
    for name in archive.file_names().flatten() {
        if is_text_of_document(&name) {
            texts.push(name.into_owned());
        } else if is_picture(&name) && pictures.len() < MOST_PICTURES {
            pictures.push(name.into_owned());
        }
        if texts.len() >= MOST_ENTRIES {
            out.is_cut = true;
            break;
        }
    }
    texts.sort_unstable();
    out.is_archive = texts.is_empty();
    out.is_encrypted = archive.by_index_raw(0).is_ok_and(|entry| entry.encrypted());
    if out.is_archive {
        return out;
    }
    let mut left = limit;
    for name in texts {
        let Ok(entry) = archive.by_name(&name) else {
            out.is_encrypted |= archive
                .index_for_name(&name)
                .and_then(|index| archive.by_index_raw(index).ok())
                .is_some_and(|entry| entry.encrypted());
            continue;
        };
        let mut xml = Vec::new();
        // A damaged entry gives what it gave before the damage.
        let _ = entry.take(left as u64).read_to_end(&mut xml);
        left = left.saturating_sub(xml.len());
        out.inflated += xml.len();
        xml_text(&String::from_utf8_lossy(&xml), &mut out);
        if left == 0 {
            out.is_cut = true;
            break;
        }
    }
    for name in pictures {
        if let Ok(entry) = archive.by_name(&name) {
            let mut picture = Vec::new();
            let most = PICTURE_BYTES.min(left as u64);
            let is_read = entry.take(most).read_to_end(&mut picture).is_ok();
            left = left.saturating_sub(picture.len());
            out.inflated += picture.len();
            if picture.len() as u64 == most {
                out.is_cut = true;
            } else if is_read {
                out.pictures.push(picture);
            }
        }
    }
    out
}

fn is_text_of_document(name: &str) -> bool {
    matches!(
        name,
        "word/document.xml" | "word/footnotes.xml" | "content.xml" | "xl/sharedStrings.xml"
    ) || (name.ends_with(".xml")
        && [
            "word/header",
            "word/footer",
            "ppt/slides/slide",
            "xl/worksheets/sheet",
        ]
        .iter()
        .any(|start| name.starts_with(start)))
}

fn is_picture(name: &str) -> bool {
    (name.contains("media/") || name.starts_with("Pictures/"))
        && [".png", ".jpg", ".jpeg", ".gif"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The text of an XML document: white space as written, a line for each paragraph.
fn xml_text(xml: &str, out: &mut Unpacked) {
    let mut is_hidden = false;
    let mut is_number = false;
    let emitter = CallbackEmitter::new(
        |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            match event {
                CallbackEvent::OpenStartTag { name } => match name {
                    b"w:br" | b"w:cr" | b"text:line-break" | b"a:br" => out.text.push('\n'),
                    b"w:tab" | b"text:tab" | b"text:s" => out.text.push(' '),
                    b"w:r" => is_hidden = false,
                    b"w:vanish" => is_hidden = true,
                    // Cells of sheets hold numbers and references; their texts are in `t`.
                    b"v" | b"f" => is_number = true,
                    _ => {}
                },
                CallbackEvent::EndTag { name } => match name {
                    b"w:p" | b"text:p" | b"text:h" | b"a:p" | b"si" | b"is" => out.text.push('\n'),
                    b"w:tc" => out.text.push(' '),
                    b"w:r" => is_hidden = false,
                    b"v" | b"f" => is_number = false,
                    _ => {}
                },
                CallbackEvent::String { value } if !is_number => {
                    let text = String::from_utf8_lossy(value);
                    if is_hidden {
                        out.hidden.push_str(&text);
                        out.hidden.push(' ');
                    } else if !text.trim().is_empty() {
                        out.text.push_str(&text);
                    } else if text.starts_with(' ') && !out.text.ends_with([' ', '\n']) {
                        out.text.push(' ');
                    }
                }
                _ => {}
            }
            None
        },
    );
    let Ok(()) = Tokenizer::new_with_emitter(xml, emitter).finish();
}

/// The text of a drawing or another XML file that shows text.
pub(crate) fn plain_xml(xml: &str) -> String {
    let mut out = Unpacked::default();
    xml_text(&xml.replace("</text>", "</text>\n"), &mut out);
    out.text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    /// A zip file with these entries.
    pub(crate) fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            let options: zip::write::SimpleFileOptions = zip::write::FileOptions::default();
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn documents_are_read() {
        for (name, xml, text, hidden) in [
            (
                "word/document.xml",
                "<w:p><w:r><w:t>bit</w:t></w:r><w:r><w:t>coin &amp; more</w:t></w:r></w:p>\
                 <w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>hid</w:t></w:r><w:r><w:t>two</w:t></w:r></w:p>",
                "bitcoin & more\ntwo\n",
                "hid ",
            ),
            (
                "content.xml",
                "<text:p>one<text:s/>two</text:p><text:p>three</text:p>",
                "one two\nthree\n",
                "",
            ),
            (
                "xl/sharedStrings.xml",
                "<si><t>cell</t></si><si><t>next</t></si>",
                "cell\nnext\n",
                "",
            ),
            (
                "ppt/slides/slide1.xml",
                "<a:p><a:r><a:t>slide</a:t></a:r></a:p>",
                "slide\n",
                "",
            ),
        ] {
            let found = unpack(&zipped(&[(name, xml)]), 10_000);
            assert_eq!(
                (found.text.as_str(), found.hidden.as_str()),
                (text, hidden),
                "{name}"
            );
            assert!(!found.is_archive);
        }
    }

    #[test]
    fn archives_are_known_and_bombs_are_cut() {
        assert!(unpack(&zipped(&[("a.exe", "x")]), 100).is_archive);
        assert!(unpack(b"PK\x03\x04 damaged", 100).is_archive);
        let bomb = zipped(&[("word/document.xml", &"<w:t>aaaa</w:t>".repeat(100_000))]);
        let found = unpack(&bomb, 1000);
        assert!(found.is_cut && found.text.len() < 1000);
    }
}
