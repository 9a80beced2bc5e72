//! Settings with a default: the slot is replaced where the key is given.

use crate::toml_reader::units::{quote, show_duration, show_size};
use crate::toml_reader::{At, Table};
use std::ops::RangeInclusive;
use std::time::Duration;

impl Table<'_> {
    /// Replaces the slot where the key is given.
    pub fn set_boolean(&self, key: &str, slot: &mut bool) {
        let given = self.boolean(key);
        self.set(key, given, slot, |value| value.to_string());
    }

    /// Replaces the slot where the key is given.
    pub fn set_text(&self, key: &str, slot: &mut String) {
        let given = self.text(key);
        self.set(key, given, slot, |value| quote(value));
    }

    /// Replaces the slot where the key is given.
    pub fn set_duration(&self, key: &str, limits: RangeInclusive<Duration>, slot: &mut Duration) {
        let given = self.duration(key, limits);
        self.set(key, given, slot, |value| quote(&show_duration(*value)));
    }

    /// Replaces the slot where the key is given.
    pub fn set_size<N>(&self, key: &str, limits: RangeInclusive<u64>, slot: &mut N)
    where
        N: Copy + TryFrom<u64>,
        u64: TryFrom<N>,
    {
        let given = self.size(key, limits).and_then(|at| {
            let value = N::try_from(at.value).ok()?;
            Some(At {
                value,
                span: at.span,
            })
        });
        self.set(key, given, slot, |value| {
            quote(&show_size(u64::try_from(*value).unwrap_or(u64::MAX)))
        });
    }

    /// Replaces the slot where the key is given.
    pub fn set_integer<N>(&self, key: &str, limits: RangeInclusive<i64>, slot: &mut N)
    where
        N: TryFrom<i64> + ToString,
    {
        let given = self.integer(key, limits).and_then(|at| {
            let value = N::try_from(at.value).ok()?;
            Some(At {
                value,
                span: at.span,
            })
        });
        self.set(key, given, slot, N::to_string);
    }

    /// Replaces the slot where the key is given.
    pub fn set_choice<T: Clone + PartialEq>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
        slot: &mut T,
    ) {
        let given = self.choice(key, words);
        self.set(key, given, slot, |value| {
            let word = words.iter().find(|(_, known)| known == value);
            quote(word.map_or("", |(word, _)| *word))
        });
    }

    fn set<T>(&self, key: &str, given: Option<At<T>>, slot: &mut T, show: impl Fn(&T) -> String) {
        self.has_default(key, &show(slot));
        if let Some(at) = given {
            *slot = at.value;
        }
    }

    /// Tells `config show` and the schema what holds where the key is not given, in TOML.
    pub fn has_default(&self, key: &str, default: &str) {
        let mut keys = self.document.keys.borrow_mut();
        let known = keys
            .iter_mut()
            .rfind(|known| known.table == self.name && known.name == key);
        if let Some(known) = known {
            known.default = Some(default.to_owned());
        }
    }
}
