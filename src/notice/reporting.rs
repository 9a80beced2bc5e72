//! Where people can report a threat and find help, by country, from `config/reporting.toml`.

use serde::Deserialize;
use std::sync::LazyLock;

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// Takes reports: police, an agency against cybercrime.
    Report,
    /// Listens to whoever needs to talk.
    Talk,
    /// Helps people under 18.
    Young,
}

/// One place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// What it is for.
    pub kind: PointKind,
    /// Its own name.
    pub name: String,
    /// Its address on the web or its telephone number.
    pub at: String,
    /// The languages that it speaks, as in ISO 639-1.
    pub languages: Vec<String>,
    /// Where this is known from.
    pub source: String,
    /// The day when this was looked at last.
    pub checked: toml::value::Datetime,
}

/// The places of a country.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// As in ISO 3166, in lower case.
    pub code: String,
    /// Its own name.
    pub name: String,
    /// The ends of domain names there. Default: the code.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The languages of notices that name it where no country is known.
    pub languages: Vec<String>,
    /// Its places.
    #[serde(rename = "point")]
    pub points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reporting {
    country: Vec<Country>,
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let source = include_str!("../../config/reporting.toml");
    let reporting: Reporting =
        toml::from_str(source).expect("a test reads the built-in reporting points");
    reporting.country
});

/// Every country that has places.
pub fn countries() -> &'static [Country] {
    &COUNTRIES
}

/// The country whose domain names end so.
pub(crate) fn country_of_domain(end: &str) -> Option<&'static str> {
    let is_there = |country: &&Country| {
        country.code == end && country.domains.is_empty()
            || country.domains.iter().any(|known| known == end)
    };
    countries()
        .iter()
        .find(is_there)
        .map(|country| country.code.as_str())
}

/// The countries to name: the one that is known, else all where the language is spoken.
pub fn countries_for(country: Option<&str>, language: &str) -> Vec<&'static Country> {
    let all = countries().iter();
    match country {
        Some(code) => all.filter(|country| country.code == code).collect(),
        None => all
            .filter(|country| country.languages.iter().any(|known| known == language))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::LANGUAGES;

    #[test]
    fn every_country_has_a_place_with_source_and_date() {
        for country in countries() {
            assert_eq!(country.code.len(), 2);
            assert!(
                !country.name.is_empty() && !country.languages.is_empty(),
                "{}",
                country.code
            );
            assert!(
                country
                    .points
                    .iter()
                    .any(|point| point.kind == PointKind::Report),
                "{}: nowhere to report",
                country.code
            );
            for point in &country.points {
                let name = format!("{}: {}", country.code, point.name);
                assert!(point.source.starts_with("https://"), "{name}");
                let date = point.checked.date.expect("a day");
                assert!(date.year >= 2026 && point.checked.time.is_none(), "{name}");
                assert!(!point.languages.is_empty(), "{name}");
                let is_number = |c: char| c.is_ascii_digit() || "+*# -".contains(c);
                let is_mailbox = point.at.contains('@') && !point.at.contains(' ');
                assert!(
                    point.at.starts_with("https://")
                        || is_mailbox
                        || point.at.chars().all(is_number),
                    "{name}: {}",
                    point.at
                );
            }
        }
    }

    #[test]
    fn every_language_has_a_place_to_report_and_one_for_people_under_18() {
        for &language in LANGUAGES {
            let found = countries_for(None, language);
            for kind in [PointKind::Report, PointKind::Young] {
                let is_there = found
                    .iter()
                    .any(|c| c.points.iter().any(|p| p.kind == kind));
                assert!(is_there, "{language}: {kind:?}");
            }
        }
    }

    #[test]
    fn no_code_or_domain_belongs_to_two_countries() {
        let mut seen: Vec<&str> = Vec::new();
        for country in countries() {
            let own = [country.code.as_str()];
            let ends: Vec<&str> = country.domains.iter().map(String::as_str).collect();
            for end in if ends.is_empty() { &own[..] } else { &ends } {
                assert!(!seen.contains(end), "{end}");
                seen.push(end);
            }
            for language in &country.languages {
                assert!(
                    LANGUAGES.contains(&language.as_str()),
                    "{}: {language}",
                    country.code
                );
            }
        }
        assert_eq!(country_of_domain("uk"), Some("gb"));
        assert_eq!(country_of_domain("gb"), None);
        assert_eq!(country_of_domain("org"), None);
    }
}
