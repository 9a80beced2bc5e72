//! A JSON schema of the files, so that editors complete and check them.
//!
//! Which keys there are is asked of the readers themselves; what they mean is taken from the
//! comments of the sample file. So neither can be forgotten: a test fails for a key without words.

use crate::config::maps::Maps;
use crate::config::{DOMAIN_SAMPLE, SAMPLE, domains, main_file};
use crate::diagnose::Source;
use crate::policy::Trust;
use crate::quarantine::Retention;
use crate::toml_reader::{Document, Key, Kind, Table};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The schema of the main file.
pub fn schema() -> Value {
    let keys = describe(|root| drop(main_file::read(root, Path::new(""))));
    document("callbluff.toml", &[SAMPLE], &keys)
}

/// The schema of domain files.
pub fn domain_schema() -> Value {
    let maps = Maps::default();
    let keys = describe(|root| {
        drop(domains::read_table(
            root,
            "",
            &maps,
            &Trust::default(),
            &mut Retention::default(),
        ))
    });
    document("domains.d/*.toml", &[DOMAIN_SAMPLE, SAMPLE], &keys)
}

fn describe(read: impl Fn(&Table<'_>)) -> Vec<Key> {
    let source = Source::new("description", "");
    let document = Document::description(&source);
    read(&document.root());
    document.keys()
}

fn document(title: &str, samples: &[&str], keys: &[Key]) -> Value {
    let mut schema = table("", samples, keys);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema
}

fn table(path: &str, samples: &[&str], keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for key in keys.iter().filter(|key| key.table == path) {
        let inner = match path {
            "" => key.name.clone(),
            path => format!("{path}.{}", key.name),
        };
        let mut property = match &key.kind {
            // Only maps have free names.
            Kind::Table if inner == "maps" => {
                json!({"type": "object", "additionalProperties": {"type": "string"}})
            }
            Kind::Table => table(&inner, samples, keys),
            Kind::Tables => json!({"type": "array", "items": table(&inner, samples, keys)}),
            kind => value(kind),
        };
        let words = samples.iter().find_map(|text| words(text, path, &key.name));
        if let Some(words) = words {
            property["description"] = json!(words);
        }
        if let Some(default) = key.default.as_deref().and_then(from_toml) {
            property["default"] = default;
        }
        properties.insert(key.name.clone(), property);
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Secret => {
            let elsewhere = json!({
                "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                "properties": {
                    "file": {"type": "string"}, "env": {"type": "string"}, "credential": {"type": "string"}
                }
            });
            json!({"anyOf": [{"type": "string"}, elsewhere]})
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer(limits) => {
            json!({"type": "integer", "minimum": limits.start(), "maximum": limits.end()})
        }
        Kind::Number(limits) => {
            json!({"type": "number", "minimum": limits.start(), "maximum": limits.end()})
        }
        Kind::Duration => json!({"type": "string", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$"}),
        Kind::Size => json!({"type": "string", "pattern": "^[0-9]+ ?[BKMG]$"}),
        Kind::Texts => one_or_many(json!({"type": "string"})),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Choices(words) => one_or_many(json!({"enum": words})),
        Kind::Entries => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Kind::Table | Kind::Tables => json!({}),
    }
}

fn one_or_many(item: Value) -> Value {
    json!({"anyOf": [item, {"type": "array", "items": item}]})
}

fn from_toml(literal: &str) -> Option<Value> {
    let table: toml::Table = format!("v = {literal}").parse().ok()?;
    serde_json::to_value(table.get("v")?).ok()
}

/// What the sample says about a key: the comment before it.
///
/// In the sample `# Words` is a comment and `#key = value` a key that is not set.
fn words(sample: &str, table: &str, key: &str) -> Option<String> {
    let mut section = String::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in sample.lines() {
        if let Some(words) = line.strip_prefix("# ") {
            comment.push(words);
            continue;
        }
        let code = line.strip_prefix('#').unwrap_or(line).trim();
        if let Some(name) = code.strip_prefix('[') {
            section = name
                .trim_matches(['[', ']'])
                .split(']')
                .next()
                .unwrap_or_default()
                .to_owned();
            if table.is_empty() && section == key && !comment.is_empty() {
                return Some(comment.join(" "));
            }
        } else if let Some((name, _)) = code.split_once(" = ")
            && section == table
            && name == key
        {
            return (!comment.is_empty()).then(|| comment.join(" "));
        }
        comment.clear();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undescribed(keys: &[Key], samples: &[&str]) -> Vec<String> {
        keys.iter()
            .filter(|key| {
                !samples
                    .iter()
                    .any(|text| words(text, &key.table, &key.name).is_some())
            })
            .map(|key| format!("[{}] {}", key.table, key.name))
            .collect()
    }

    #[test]
    fn every_key_has_words_in_the_sample() {
        let main = describe(|root| drop(main_file::read(root, Path::new(""))));
        assert!(main.len() > 60, "{}", main.len());
        assert_eq!(undescribed(&main, &[SAMPLE]), [""; 0]);
        let maps = Maps::default();
        let domain = describe(|root| {
            drop(domains::read_table(
                root,
                "",
                &maps,
                &Trust::default(),
                &mut Retention::default(),
            ))
        });
        assert_eq!(undescribed(&domain, &[DOMAIN_SAMPLE, SAMPLE]), [""; 0]);
    }

    #[test]
    fn the_sample_shows_the_defaults() {
        let keys = describe(|root| drop(main_file::read(root, Path::new(""))));
        let mut checked = 0;
        for key in keys.iter().filter(|key| key.table != "rule") {
            // The first depends on the machine; the mode of the sample is on purpose another.
            let is_free = ["processes", "mode"].contains(&key.name.as_str());
            let Some(default) = key.default.as_deref().filter(|_| !is_free) else {
                continue;
            };
            let line = format!("#{} = {default}", key.name);
            assert!(
                SAMPLE.lines().any(|known| known == line),
                "not in the sample: {line}"
            );
            checked += 1;
        }
        assert!(checked > 30, "{checked}");
    }

    #[test]
    fn the_schema_knows_limits_words_and_defaults() {
        let schema = schema();
        let connections = &schema["properties"]["milter"]["properties"]["max_connections"];
        assert_eq!(connections["maximum"], 100_000);
        assert_eq!(connections["default"], 500);
        let rule = &schema["properties"]["rule"]["items"];
        assert_eq!(rule["additionalProperties"], false);
        assert_eq!(rule["properties"]["action"]["enum"][0], "accept");
        assert!(domain_schema()["properties"]["rule"].is_object());
    }
}
