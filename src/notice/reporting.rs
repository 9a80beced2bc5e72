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
