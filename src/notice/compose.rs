//! A notice in words: as plain text and as HTML.

use crate::notice::texts::{Texts, texts};
use crate::notice::{Choice, Country, PointKind, countries_for};
use std::fmt::Write as _;

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
    Places(Vec<Place>),
}

/// Who it is, and the address or number.
struct Place {
    name: String,
    at: &'static str,
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
            blocks.push(Block::Places(places));
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
        text: as_text(texts, &blocks),
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
        // The police of eight countries would push the message off the screen; help for children may.
        let is_short = countries.len() == 1 || kind == PointKind::Young;
        if is_short && !places.is_empty() {
            blocks.push(Block::Paragraph(headline.clone()));
            blocks.push(Block::Places(places));
        }
    }
    if let Some(contact) = &choice.contact {
        blocks.push(Block::Paragraph(format!("{} {contact}", parts.contact)));
    }
    as_text(texts, &blocks)
}

/// One line of advice for a header field: family, language, text.
pub fn advice(choice: &Choice) -> String {
    let words = texts(choice.language).of(choice.family);
    let (family, language) = (choice.family.name(), choice.language);
    format!("{family}; {language}; {}", words.line)
}

/// The places of a kind; with the country where there are several.
fn places(countries: &[&'static Country], kind: PointKind) -> Vec<Place> {
    let mut places = Vec::new();
    for country in countries {
        for point in country.points.iter().filter(|point| point.kind == kind) {
            let name = match countries.len() {
                1 => point.name.clone(),
                _ => format!("{}: {}", country.name, point.name),
            };
            let at = point.at.as_str();
            places.push(Place { name, at });
        }
    }
    places
}

fn as_text(texts: &Texts, blocks: &[Block]) -> String {
    // Addresses and numbers run from left to right in every script: "116 111" must not become "111 116".
    let (open, close) = match texts.direction.as_str() {
        "rtl" => ("\u{2066}", "\u{2069}"),
        _ => ("", ""),
    };
    let mut text = String::new();
    for block in blocks {
        // A list belongs to what stands before it.
        if !text.is_empty() && !matches!(block, Block::List(_) | Block::Places(_)) {
            text.push('\n');
        }
        match block {
            Block::Headline(line) | Block::Paragraph(line) => {
                let _ = writeln!(text, "{line}");
            }
            Block::List(lines) => {
                for line in lines {
                    let _ = writeln!(text, "- {line}");
                }
            }
            Block::Places(places) => {
                for Place { name, at } in places {
                    let _ = writeln!(text, "- {name}: {open}{at}{close}");
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
            Block::Headline(line) => {
                let _ = writeln!(html, "<h2>{}</h2>", escaped(line));
            }
            Block::Paragraph(line) => {
                let _ = writeln!(html, "<p>{}</p>", escaped(line));
            }
            Block::List(lines) => {
                html.push_str("<ul>\n");
                for line in lines {
                    let _ = writeln!(html, "<li>{}</li>", escaped(line));
                }
                html.push_str("</ul>\n");
            }
            Block::Places(places) => {
                html.push_str("<ul>\n");
                for Place { name, at } in places {
                    let _ = writeln!(html, "<li>{}: {}</li>", escaped(name), linked(at));
                }
                html.push_str("</ul>\n");
            }
        }
    }
    html.push_str("</body>\n</html>\n");
    html
}

/// An address or number, from left to right in every script.
fn linked(at: &str) -> String {
    let at = escaped(at);
    if at.starts_with("https://") {
        format!("<a dir=\"ltr\" href=\"{at}\">{at}</a>")
    } else {
        format!("<span dir=\"ltr\">{at}</span>")
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
    fn addresses_and_numbers_run_from_left_to_right() {
        assert_eq!(
            linked("https://example.org/a?b&c"),
            "<a dir=\"ltr\" href=\"https://example.org/a?b&amp;c\">https://example.org/a?b&amp;c</a>"
        );
        assert_eq!(linked("116 111"), "<span dir=\"ltr\">116 111</span>");
        let mut choice = choice(Family::Bluff, "he");
        choice.country = Some("de");
        let content = compose(&choice, Original::Attached);
        assert!(
            content.text.contains(": \u{2066}116 111\u{2069}\n"),
            "{}",
            content.text
        );
        assert!(
            content
                .html
                .starts_with("<!DOCTYPE html>\n<html lang=\"he\" dir=\"rtl\">")
        );
        choice.language = "de";
        assert!(
            !compose(&choice, Original::Attached)
                .text
                .contains('\u{2066}')
        );
    }

    #[test]
    fn a_banner_names_the_police_of_one_country_and_help_for_the_young() {
        let mut choice = choice(Family::Chat, "de");
        let text = warning(&choice);
        assert!(
            text.contains("116 111") && !text.contains("onlinewache"),
            "{text}"
        );
        choice.country = Some("de");
        let text = warning(&choice);
        assert!(
            text.contains("116 111") && text.contains("onlinewache"),
            "{text}"
        );
    }

    #[test]
    fn every_language_composes_every_notice() {
        for &language in crate::notice::LANGUAGES {
            for family in [Family::Bluff, Family::Chat] {
                let mut choice = choice(family, language);
                choice.quotes_password = true;
                let text = compose(&choice, Original::Entry("7f3a")).text;
                let paragraphs = text.split("\n\n").count();
                assert!(
                    text.contains("7f3a") && paragraphs >= 7,
                    "{language}: {text}"
                );
                assert!(advice(&choice).starts_with(family.name()), "{language}");
                // Told to a frightened person: short enough to be read, even where no country is known.
                assert!(
                    text.chars().count() < 6000,
                    "{language}: {}",
                    text.chars().count()
                );
            }
        }
    }
}
