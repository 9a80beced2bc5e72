//! The packs, the model and the templates that are built into the program.

/// Name and text of every shipped pack; the first one is shared by all languages.
pub(crate) const PACKS: &[(&str, &str)] = &[
    (
        "packs/common.toml",
        include_str!("../../config/packs/common.toml"),
    ),
    ("packs/ar.toml", include_str!("../../config/packs/ar.toml")),
    ("packs/cs.toml", include_str!("../../config/packs/cs.toml")),
    ("packs/da.toml", include_str!("../../config/packs/da.toml")),
    ("packs/de.toml", include_str!("../../config/packs/de.toml")),
    ("packs/el.toml", include_str!("../../config/packs/el.toml")),
    ("packs/en.toml", include_str!("../../config/packs/en.toml")),
    ("packs/es.toml", include_str!("../../config/packs/es.toml")),
    ("packs/fi.toml", include_str!("../../config/packs/fi.toml")),
    ("packs/fr.toml", include_str!("../../config/packs/fr.toml")),
    ("packs/he.toml", include_str!("../../config/packs/he.toml")),
    ("packs/hu.toml", include_str!("../../config/packs/hu.toml")),
    ("packs/it.toml", include_str!("../../config/packs/it.toml")),
    ("packs/ja.toml", include_str!("../../config/packs/ja.toml")),
    ("packs/nl.toml", include_str!("../../config/packs/nl.toml")),
    ("packs/no.toml", include_str!("../../config/packs/no.toml")),
    ("packs/pl.toml", include_str!("../../config/packs/pl.toml")),
    ("packs/pt.toml", include_str!("../../config/packs/pt.toml")),
    ("packs/ro.toml", include_str!("../../config/packs/ro.toml")),
    ("packs/ru.toml", include_str!("../../config/packs/ru.toml")),
    ("packs/tr.toml", include_str!("../../config/packs/tr.toml")),
    ("packs/sv.toml", include_str!("../../config/packs/sv.toml")),
    ("packs/uk.toml", include_str!("../../config/packs/uk.toml")),
    ("packs/zh.toml", include_str!("../../config/packs/zh.toml")),
    ("packs/ko.toml", include_str!("../../config/packs/ko.toml")),
    ("packs/id.toml", include_str!("../../config/packs/id.toml")),
];

/// Name and text of the shipped model.
pub(crate) const MODEL: (&str, &str) = (
    "packs/model.toml",
    include_str!("../../config/packs/model.toml"),
);

/// Name and text of the shipped fingerprints.
pub(crate) const TEMPLATES: (&str, &str) = (
    "packs/templates.toml",
    include_str!("../../config/packs/templates.toml"),
);
