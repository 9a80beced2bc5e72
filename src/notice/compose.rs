//! A notice in words: as plain text and as HTML.

use crate::notice::texts::{Texts, texts};
use crate::notice::{Choice, Country, PointKind, countries_for};

/// Where the threat itself is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original<'a> {
    /// In the quarantine, under this number.
    Entry(&'a str),
    /// Attached to the notice.
    Attached,
}

/// The words of one notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The subject.
    pub subject: String,
    /// All of it as plain text, lines ended by LF.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// A paragraph, a headline or a list.
enum Block {
    Headline(String),
    Paragraph(String),
    List(Vec<String>),
}

/// Writes a notice that stands in place of a message.
pub fn compose(choice: &Choice, original: Original<'_>) -> Content {
    let texts = texts(choice.language);
    let (words, parts) = (texts.of(choice.family), &texts.parts);
    let countries = countries_for(choice.country, choice.language);
    let mut steps = vec![words.pay.clone(), words.answer.clone(), words.keep.clone()];
    if choice.quotes_password {
        steps.push(parts.password.clone());
    }
    let mut blocks = vec![
        Block::Paragraph(words.what.clone()),
        Block::Paragraph(words.comfort.clone()),
        Block::Headline(parts.steps.clone()),
        Block::List(steps),
    ];
    let mut places = |headline: &str, text: Option<&str>, kind| {
        let places = places(&countries, kind);
        if !places.is_empty() || text.is_some() {
            blocks.push(Block::Headline(headline.to_owned()));
        }
        blocks.extend(text.map(|text| Block::Paragraph(text.to_owned())));
        if !places.is_empty() {
            blocks.push(Block::List(places));
        }
    };
    places(&parts.report, None, PointKind::Report);
    places(&parts.talk, Some(&parts.talk_text), PointKind::Talk);
    places(&parts.young, Some(&parts.young_text), PointKind::Young);
    if let Some(contact) = &choice.contact {
        blocks.push(Block::Paragraph(format!("{} {contact}", parts.contact)));
    }
    blocks.push(Block::Paragraph(match original {
        Original::Entry(number) => parts.stored.replace("{entry}", number),
        Original::Attached => parts.attached.clone(),
    }));
    Content {
        subject: words.subject.clone(),
        text: as_text(&blocks),
        html: as_html(choice.language, texts, &words.subject, &blocks),
    }
}

/// The lines that stand before a message in the form of a banner, ended by LF.
pub fn warning(choice: &Choice) -> String {
    let texts = texts(choice.language);
    let (words, parts) = (texts.of(choice.family), &texts.parts);
    let countries = countries_for(choice.country, choice.language);
    let mut blocks = vec![Block::Paragraph(words.line.clone())];
    if choice.quotes_password {
        blocks.push(Block::Paragraph(parts.password.clone()));
    }
    for (headline, kind) in [
        (&parts.report, PointKind::Report),
        (&parts.young, PointKind::Young),
    ] {
        let places = places(&countries, kind);
        if !places.is_empty() {
            blocks.push(Block::Paragraph(headline.clone()));
            blocks.push(Block::List(places));
        }
    }
    if let Some(contact) = &choice.contact {
        blocks.push(Block::Paragraph(format!("{} {contact}", parts.contact)));
    }
    as_text(&blocks)
}

/// One line of advice for a header field: family, language, text.
pub fn advice(choice: &Choice) -> String {
    let words = texts(choice.language).of(choice.family);
    let (family, language) = (choice.family.name(), choice.language);
    format!("{family}; {language}; {}", words.line)
}

/// A line for each place of a kind; with the country where there are several.
fn places(countries: &[&Country], kind: PointKind) -> Vec<String> {
    let mut lines = Vec::new();
    for country in countries {
        for point in country.points.iter().filter(|point| point.kind == kind) {
            lines.push(match countries.len() {
                1 => format!("{}: {}", point.name, point.at),
                _ => format!("{}: {}: {}", country.name, point.name, point.at),
            });
        }
    }
    lines
}

fn as_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        // A list belongs to what stands before it.
        if !text.is_empty() && !matches!(block, Block::List(_)) {
            text.push('\n');
        }
        match block {
            Block::Headline(line) | Block::Paragraph(line) => {
                text.push_str(line);
                text.push('\n');
            }
            Block::List(lines) => {
                for line in lines {
                    text.push_str("- ");
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    text
}

fn as_html(code: &str, texts: &Texts, subject: &str, blocks: &[Block]) -> String {
    let direction = &texts.direction;
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\" dir=\"{direction}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif;max-width:40em;line-height:1.5\">\n",
        escaped(subject)
    );
    for block in blocks {
        match block {
            Block::Headline(line) => html.push_str(&format!("<h2>{}</h2>\n", escaped(line))),
            Block::Paragraph(line) => html.push_str(&format!("<p>{}</p>\n", escaped(line))),
            Block::List(lines) => {
                html.push_str("<ul>\n");
                for line in lines {
                    html.push_str(&format!("<li>{}</li>\n", linked(line)));
                }
                html.push_str("</ul>\n");
            }
        }
    }
    html.push_str("</body>\n</html>\n");
    html
}

/// A line of a list, with a link where it ends in an address on the web.
fn linked(line: &str) -> String {
    match line.rfind("https://") {
        Some(at) if !line[at..].contains(char::is_whitespace) => {
            let (before, address) = (escaped(&line[..at]), escaped(&line[at..]));
            // Addresses and numbers run from left to right in every script.
            format!("{before}<a dir=\"ltr\" href=\"{address}\">{address}</a>")
        }
        _ => escaped(line),
    }
}

/// Text for HTML; nobody's words become tags.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{Family, Form, Wishes};

    fn choice(family: Family, language: &'static str) -> Choice {
        let wishes = Wishes {
            language: Some(language),
            ..Wishes::default()
        };
        Choice::new(
            Form::Replace,
            family,
            [&wishes, &wishes],
            None,
            "example.org",
        )
    }

    #[test]
    fn a_password_is_spoken_of_only_where_the_threat_quotes_one() {
        let mut choice = choice(Family::Bluff, "en");
        assert!(
            !compose(&choice, Original::Attached)
                .text
                .contains("password")
        );
        assert!(!warning(&choice).contains("password"));
        choice.quotes_password = true;
        assert!(
            compose(&choice, Original::Attached)
                .text
                .contains("Change this password")
        );
        assert!(warning(&choice).contains("Change this password"));
    }

    #[test]
    fn the_original_is_named() {
        let choice = choice(Family::Bluff, "en");
        let stored = compose(&choice, Original::Entry("7f3a"));
        assert!(stored.text.contains("as entry 7f3a."), "{}", stored.text);
        let attached = compose(&choice, Original::Attached);
        assert!(attached.text.contains("is attached"), "{}", attached.text);
    }

    #[test]
    fn what_an_admin_writes_is_text() {
        let mut choice = choice(Family::Bluff, "en");
        choice.contact = Some("<b>desk</b> & \"more\"".to_owned());
        let content = compose(&choice, Original::Attached);
        assert!(
            content
                .html
                .contains("&lt;b&gt;desk&lt;/b&gt; &amp; &quot;more&quot;")
        );
    }

    #[test]
    fn addresses_are_links() {
        assert_eq!(
            linked("Police: https://example.org/a?b&c"),
            "Police: <a dir=\"ltr\" href=\"https://example.org/a?b&amp;c\">https://example.org/a?b&amp;c</a>"
        );
        assert_eq!(linked("Line: 116 111"), "Line: 116 111");
    }
}
