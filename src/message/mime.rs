//! The tree of MIME parts, by mail-parser.

use crate::message::Origin;
use mail_parser::{HeaderForm, MessageParser, PartKind};

pub(crate) struct Simple {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) texts: Vec<(Origin, u16, u8, String)>,
}

pub(crate) fn simple(raw: &[u8]) -> Simple {
    let mut found = Simple {
        fields: Vec::new(),
        texts: Vec::new(),
    };
    let Some(message) = MessageParser::new().parse(raw) else {
        found.texts.push((
            Origin::Plain,
            0,
            0,
            String::from_utf8_lossy(raw).into_owned(),
        ));
        return found;
    };
    for field in message.headers().iter() {
        let value = match field.parse_as(HeaderForm::Text).value().as_text() {
            Some(text) => text.to_owned(),
            None => String::from_utf8_lossy(field.raw_value()).trim().to_owned(),
        };
        found.fields.push((field.raw_name().to_owned(), value));
    }
    if let Some(subject) = message.subject() {
        found
            .texts
            .push((Origin::Subject, 0, 0, subject.to_owned()));
    }
    for (number, part) in message.parts().enumerate() {
        let number = u16::try_from(number + 1).unwrap_or(u16::MAX);
        let Some(text) = part.text() else { continue };
        match part.kind() {
            PartKind::Html => {
                let text = mail_parser::html_to_text(&text);
                found.texts.push((Origin::Html, number, 0, text));
            }
            PartKind::Text => found
                .texts
                .push((Origin::Plain, number, 0, text.into_owned())),
            _ => {}
        }
    }
    found
}
