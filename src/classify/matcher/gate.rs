//! Which patterns of a language can hold at all.

use crate::classify::find::Find;
use crate::classify::matcher::Language;
use std::collections::HashMap;

/// Which patterns of a language can hold at all, told from the names that were found.
///
/// Most mail has words of every language and says nothing in any of them: it shall cost little.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    /// Elements of patterns by name, each different element once.
    elements_of: Vec<Vec<u16>>,
    elements: usize,
    /// The elements of each derived class.
    derives: Vec<Vec<u16>>,
    /// The elements of each rule, one behind the other: their number, then they.
    rules: Vec<u16>,
}

/// What passed a [`Gate`].
#[derive(Debug, Default)]
pub(super) struct Open {
    names: Vec<u64>,
    elements: Vec<u64>,
    pub(super) rules: Vec<u16>,
}

pub(super) fn has(bits: &[u64], number: u16) -> bool {
    bits[usize::from(number >> 6)] >> (number & 63) & 1 == 1
}

/// Sets a bit and tells whether it was not set before.
pub(super) fn set(bits: &mut [u64], number: u16) -> bool {
    let word = &mut bits[usize::from(number >> 6)];
    let bit = 1 << (number & 63);
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}

pub(super) fn clear(bits: &mut Vec<u64>, count: usize) {
    bits.clear();
    bits.resize(count.div_ceil(64), 0);
}

impl Gate {
    pub(super) fn new(language: &Language) -> Self {
        let mut gate = Self {
            elements_of: vec![Vec::new(); language.names.len()],
            ..Self::default()
        };
        let mut known: HashMap<Vec<u16>, u16> = HashMap::new();
        let mut numbers = |find: &Find| -> Vec<u16> {
            let elements = find.elements().iter();
            elements
                .map(|element| match known.get(element.as_slice()) {
                    Some(&number) => number,
                    None => {
                        let number = gate.elements as u16;
                        gate.elements += 1;
                        known.insert(element.clone(), number);
                        for &name in element {
                            gate.elements_of[usize::from(name)].push(number);
                        }
                        number
                    }
                })
                .collect()
        };
        for (_, find) in &language.derives {
            let found = numbers(find);
            gate.derives.push(found);
        }
        for rule in &language.rules {
            let found = numbers(&rule.find);
            gate.rules.push(found.len() as u16);
            gate.rules.extend(found);
        }
        gate
    }

    pub(super) fn see(&self, name: u16, open: &mut Open) -> bool {
        let is_new = set(&mut open.names, name);
        if is_new {
            for &element in &self.elements_of[usize::from(name)] {
                set(&mut open.elements, element);
            }
        }
        is_new
    }

    /// Begins a language of which nothing was seen.
    pub(super) fn close(&self, open: &mut Open) {
        clear(&mut open.names, self.elements_of.len());
        clear(&mut open.elements, self.elements);
        open.rules.clear();
    }

    /// Collects the rules of which every element may have been found.
    pub(super) fn rules(&self, language: &Language, open: &mut Open) {
        for regex in &language.regexes {
            if has(&open.names, regex.near) {
                self.see(regex.name, open);
            }
        }
        for ((name, _), needs) in language.derives.iter().zip(&self.derives) {
            if needs.iter().all(|&element| has(&open.elements, element)) {
                self.see(*name, open);
            }
        }
        let mut rest = self.rules.as_slice();
        let mut number = 0;
        while let Some((&count, after)) = rest.split_first() {
            let (needs, after) = after.split_at(usize::from(count));
            rest = after;
            if needs.iter().all(|&element| has(&open.elements, element)) {
                open.rules.push(number);
            }
            number += 1;
        }
    }
}
