//! Which patterns could hold by where their words stand, roughly.
//!
//! The texts of a message are cut into cells of a few words. A pattern can only hold where, within so many
//! cells as it reaches over, something stands for each of its elements. All languages are looked at at once,
//! with a bit for each. Distances are never told longer than they are.

use crate::classify::matcher::glance::{Glance, NUMBER, different, distance};
use crate::classify::matcher::overview::{Languages, Overview, Rule};
use crate::classify::matcher::phrases::Phrase;
use std::ops::Range;

/// Words of a cell.
const CELL: u32 = 16;

/// A name that stands in a cell, in these languages.
#[derive(Clone, Copy, Debug)]
struct Mark {
    cell: u32,
    name: u32,
    languages: Languages,
}

/// The cells that are looked at together.
const MOST_CELLS: usize = 256;
/// So many of them are the next ones too, so that every rule of fewer cells lies among some that are looked at together.
const SHARED_CELLS: u32 = 32;

/// How many cells in a row a rule may need; `None` where it could hold anywhere.
fn cells(rule: &Rule) -> Option<usize> {
    let cells = rule.reach.div_ceil(CELL) + 1;
    (!rule.is_regex() && cells < SHARED_CELLS).then_some(cells as usize)
}

/// What stands for itself in a word of the text, and the phrases of several words of which it is the rarest.
#[derive(Debug, Default)]
struct Meanings<'m> {
    names: Vec<(u32, Languages)>,
    /// A phrase, and which of its words this one is.
    phrases: Vec<(&'m Phrase, usize)>,
    /// For each different word, its ranges of both.
    of: Vec<(Range<u32>, Range<u32>)>,
}

impl<'m> Meanings<'m> {
    fn new(glance: &Glance<'m>) -> Self {
        let overview = glance.overview;
        let mut meanings = Self::default();
        for parts in &glance.different {
            let (name, phrase) = (meanings.names.len(), meanings.phrases.len());
            for &part in &glance.parts[parts.start as usize..parts.end as usize] {
                if part == NUMBER {
                    let number = overview.number.map(|number| (number, Languages::MAX));
                    meanings.names.extend(number);
                    continue;
                }
                for phrase in glance.phrases_of(part) {
                    let words = overview.words(phrase);
                    if words.len() == 1 {
                        meanings.names.extend(overview.meanings(phrase));
                    } else if let Some(index) = words.iter().position(|&word| word == part) {
                        meanings.phrases.push((phrase, index));
                    }
                }
            }
            let names = name as u32..meanings.names.len() as u32;
            let phrases = phrase as u32..meanings.phrases.len() as u32;
            meanings.of.push((names, phrases));
        }
        meanings
    }
}

/// What stands anywhere in the texts.
struct Anywhere<'m> {
    overview: &'m Overview,
    names: Vec<Languages>,
    elements: Vec<Languages>,
    /// The names that are there.
    found: Vec<u32>,
}

impl<'m> Anywhere<'m> {
    fn new(glance: &Glance<'m>, meanings: &Meanings<'m>) -> Self {
        let overview = glance.overview;
        let mut anywhere = Self {
            overview,
            names: vec![0; overview.elements_of.len()],
            elements: vec![0; overview.elements.len()],
            found: Vec::new(),
        };
        for &(name, languages) in &meanings.names {
            anywhere.see(name, languages);
        }
        for (phrase, _) in &meanings.phrases {
            for &(name, languages) in overview.meanings(phrase) {
                anywhere.see(name, languages);
            }
        }
        for phrase in glance.by_signs() {
            anywhere.see(phrase.name, phrase.languages);
        }
        for derive in &overview.derives {
            anywhere.see(derive.gives, anywhere.hold(derive));
        }
        anywhere
    }

    fn see(&mut self, name: u32, languages: Languages) {
        let known = &mut self.names[name as usize];
        let new = languages & !*known;
        if new == 0 {
            return;
        }
        if *known == 0 {
            self.found.push(name);
        }
        *known |= new;
        for &element in &self.overview.elements_of[name as usize] {
            self.elements[element as usize] |= new;
        }
    }

    /// The languages in which there is something for every element of a rule.
    fn hold(&self, rule: &Rule) -> Languages {
        let needs = rule.needs.iter();
        needs.fold(rule.languages, |languages, &need| {
            languages & self.elements[need as usize]
        })
    }
}

/// What stands in which cell, for the elements of some rules.
struct Grid<'m> {
    /// The row of each element, from 1 on; 0 for one that no rule needs.
    rows_of: Vec<u16>,
    /// The rows of each name that was found: where they begin and end in `rows`.
    of_name: Vec<Range<u32>>,
    rows: Vec<u16>,
    /// Names that follow from others.
    derives: Vec<&'m Rule>,
    /// So many for each row.
    width: usize,
    cells: Vec<Languages>,
    /// How many of them there are this time.
    count: usize,
    held: Vec<Languages>,
    wide: Vec<Languages>,
}

impl<'m> Grid<'m> {
    /// For these rules, with at most so many cells at a time.
    fn new<'r>(
        anywhere: &Anywhere<'m>,
        rules: impl Iterator<Item = &'r Rule>,
        width: usize,
    ) -> Self {
        let overview = anywhere.overview;
        let mut rows_of = vec![0; overview.elements.len()];
        let mut count = 0;
        let mut need = |rule: &Rule, rows_of: &mut Vec<u16>| {
            for &need in &rule.needs {
                let row = &mut rows_of[need as usize];
                if *row == 0 {
                    count += 1;
                    *row = count;
                }
            }
        };
        rules.for_each(|rule| need(rule, &mut rows_of));
        // Those that are made of others come last.
        let mut derives = Vec::new();
        for derive in overview.derives.iter().rev() {
            let mut elements = overview.elements_of[derive.gives as usize].iter();
            let is_needed = elements.any(|&element| rows_of[element as usize] > 0);
            if is_needed && anywhere.hold(derive) != 0 {
                need(derive, &mut rows_of);
                derives.push(derive);
            }
        }
        derives.reverse();
        let mut of_name = vec![0..0; overview.elements_of.len()];
        let mut rows = Vec::new();
        for &name in &anywhere.found {
            let first = rows.len() as u32;
            let elements = overview.elements_of[name as usize].iter();
            rows.extend(
                elements
                    .map(|&element| rows_of[element as usize])
                    .filter(|row| *row > 0),
            );
            of_name[name as usize] = first..rows.len() as u32;
        }
        Self {
            rows_of,
            of_name,
            rows,
            derives,
            width,
            cells: vec![0; usize::from(count) * width],
            count: 0,
            held: Vec::new(),
            wide: Vec::new(),
        }
    }

    /// Sets the cells from the first of these marks on, and what follows from them.
    fn fill(&mut self, marks: &[Mark], anywhere: &[(u32, Languages)]) {
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
            return;
        };
        self.count = (last.cell - first.cell) as usize + 1;
        for row in self.cells.chunks_exact_mut(self.width) {
            row[..self.count].fill(0);
        }
        for mark in marks {
            let rows = &self.of_name[mark.name as usize];
            for &row in &self.rows[rows.start as usize..rows.end as usize] {
                let row = (usize::from(row) - 1) * self.width;
                self.cells[row + (mark.cell - first.cell) as usize] |= mark.languages;
            }
        }
        for &(name, languages) in anywhere {
            self.held.clear();
            self.held.resize(self.count, languages);
            self.stand(name);
        }
        for index in 0..self.derives.len() {
            let derive = self.derives[index];
            if let Some(cells) = cells(derive) {
                self.hold(derive, cells);
                self.stand(derive.gives);
            }
        }
    }

    /// Sets a name where `held` has it.
    fn stand(&mut self, name: u32) {
        let rows = &self.of_name[name as usize];
        for &row in &self.rows[rows.start as usize..rows.end as usize] {
            let row = &mut self.cells[(usize::from(row) - 1) * self.width..][..self.count];
            for (cell, held) in row.iter_mut().zip(&self.held) {
                *cell |= held;
            }
        }
    }

    /// Sets `held` to the languages in which every element of a rule stands in one of so many cells, from
    /// each cell on.
    fn hold(&mut self, rule: &Rule, cells: usize) {
        self.held.clear();
        self.held.resize(self.count, rule.languages);
        for &need in &rule.needs {
            let row = (usize::from(self.rows_of[need as usize]) - 1) * self.width;
            let mut row = &self.cells[row..][..self.count];
            // Each cell and those behind it, all but the last step.
            if cells > 2 {
                self.wide.clear();
                self.wide.extend_from_slice(row);
                for step in 1..cells - 1 {
                    let behind = row.get(step..).unwrap_or_default();
                    for (wide, cell) in self.wide.iter_mut().zip(behind) {
                        *wide |= cell;
                    }
                }
                row = &self.wide;
            }
            // The last cell has none behind it.
            let (held, last) = self.held.split_at_mut(self.count - 1);
            last[0] &= row[self.count - 1];
            let (row, next) = (&row[..held.len()], &row[1..]);
            for (index, held) in held.iter_mut().enumerate() {
                *held &= row[index] | next[index];
            }
            let any = self.held.iter().fold(0, |any, held| any | held);
            if any == 0 {
                break;
            }
        }
    }
}

/// What stands in the cells that are looked at together, in the order of the texts.
struct Section {
    marks: Vec<Mark>,
    /// For each name the place of its last mark, and 1: a name has one in a cell, however often it is there.
    last: Vec<u32>,
}

impl Section {
    fn push(&mut self, mark: Mark) {
        let last = &mut self.last[mark.name as usize];
        let known = self.marks.get_mut((*last as usize).wrapping_sub(1));
        match known.filter(|it| it.cell == mark.cell && it.name == mark.name) {
            Some(known) => known.languages |= mark.languages,
            None => {
                self.marks.push(mark);
                *last = self.marks.len() as u32;
            }
        }
    }

    /// Is this cell too far from the first one?
    fn is_beyond(&self, cell: u32) -> bool {
        let first = self.marks.first();
        first.is_some_and(|first| cell - first.cell >= MOST_CELLS as u32)
    }

    /// Goes on to the next cells; the last ones stay.
    fn go_on(&mut self) {
        let first = self.marks.first().map_or(0, |mark| mark.cell);
        let next = first + MOST_CELLS as u32 - SHARED_CELLS;
        let gone = self.marks.partition_point(|mark| mark.cell < next);
        self.marks.drain(..gone);
        self.last.fill(0);
    }
}

impl Glance<'_> {
    /// The rules whose words stand near each other, by index, with the languages in which they do.
    pub(super) fn near(&self) -> Vec<(usize, Languages)> {
        let overview = self.overview;
        let heard = self.heard();
        let meanings = Meanings::new(self);
        let all = Anywhere::new(self, &meanings);
        // What a regular expression finds may be far from its word, and not the places of all signs are noted.
        let regexes = overview.derives.iter().filter(|it| cells(it).is_none());
        let regexes = regexes.map(|derive| (derive.gives, all.hold(derive)));
        let mut anywhere: Vec<(u32, Languages)> = regexes.filter(|it| it.1 != 0).collect();
        if self.has_many_signs {
            let signs = self.by_signs();
            anywhere.extend(signs.map(|phrase| (phrase.name, phrase.languages)));
        }
        let rules = overview.rules.iter().enumerate();
        let mut open: Vec<Open<'_>> = rules
            .filter_map(|(index, rule)| {
                let may_hold = all.hold(rule) & heard.of(rule);
                (may_hold != 0).then(|| Open {
                    index,
                    rule,
                    may_hold,
                    holds: if cells(rule).is_none() { may_hold } else { 0 },
                })
            })
            .collect();
        if open.is_empty() {
            return Vec::new();
        }
        let words: u32 = self.sequence.iter().map(|&word| distance(word)).sum();
        let width = (words / CELL) as usize + 1;
        let rules = open.iter().map(|open| open.rule);
        let mut grid = Grid::new(&all, rules, width.min(MOST_CELLS));
        let mut ask = |section: &Section| {
            grid.fill(&section.marks, &anywhere);
            for open in open.iter_mut().filter(|it| it.holds != it.may_hold) {
                if let Some(cells) = cells(open.rule) {
                    grid.hold(open.rule, cells);
                    let held = grid.held.iter().fold(0, |all, held| all | held);
                    open.holds |= held & open.may_hold;
                }
            }
        };
        let mut section = Section {
            marks: Vec::new(),
            last: vec![0; overview.elements_of.len()],
        };
        self.marks(&meanings, |mark| {
            while section.is_beyond(mark.cell) {
                ask(&section);
                section.go_on();
            }
            section.push(mark);
        });
        if !section.marks.is_empty() {
            ask(&section);
        }
        let near = open.into_iter().filter(|open| open.holds != 0);
        near.map(|open| (open.index, open.holds)).collect()
    }

    /// Tells what stands where, in the order of the texts.
    fn marks(&self, meanings: &Meanings<'_>, mut mark: impl FnMut(Mark)) {
        let overview = self.overview;
        let mut signs = self.sign_places.iter().peekable();
        let mut next_sign = signs.peek().map_or(usize::MAX, |it| it.1 as usize);
        let (mut at, mut cell) = (0, 0);
        for (index, &word) in self.sequence.iter().enumerate() {
            at += distance(word);
            cell = at / CELL;
            while next_sign <= index {
                if let Some((sign, _)) = signs.next() {
                    self.sign_marks(*sign, cell).for_each(&mut mark);
                }
                next_sign = signs.peek().map_or(usize::MAX, |it| it.1 as usize);
            }
            let word = different(word);
            if word == 0 {
                continue;
            }
            let (names, phrases) = &meanings.of[word];
            for &(name, languages) in &meanings.names[names.start as usize..names.end as usize] {
                mark(Mark {
                    cell,
                    name,
                    languages,
                });
            }
            for (phrase, place) in &meanings.phrases[phrases.start as usize..phrases.end as usize] {
                let stands = index.checked_sub(*place).is_some_and(|first| {
                    let mut words = (first..).zip(overview.words(phrase));
                    words.all(|(index, &word)| self.has(index, word))
                });
                if stands {
                    for &(name, languages) in overview.meanings(phrase) {
                        mark(Mark {
                            cell,
                            name,
                            languages,
                        });
                    }
                }
            }
        }
        for (sign, _) in signs {
            self.sign_marks(*sign, cell).for_each(&mut mark);
        }
    }

    fn sign_marks(&self, sign: u8, cell: u32) -> impl Iterator<Item = Mark> {
        let phrases = self.by_signs().filter(move |phrase| phrase.first == sign);
        phrases.map(move |phrase| Mark {
            cell,
            name: phrase.name,
            languages: phrase.languages,
        })
    }

    /// Is this word of the packs in the word at this place of the sequence?
    pub(super) fn has(&self, index: usize, word: u32) -> bool {
        let other = self.sequence.get(index);
        other.is_some_and(|&other| self.parts_of(other).contains(&word))
    }

    /// The words of the packs in a word of the sequence.
    pub(super) fn parts_of(&self, word: u32) -> &[u32] {
        let range = &self.different[different(word)];
        &self.parts[range.start as usize..range.end as usize]
    }
}

/// A rule that could hold by the words that stand anywhere.
struct Open<'m> {
    index: usize,
    rule: &'m Rule,
    may_hold: Languages,
    /// The languages in which its words stand near each other.
    holds: Languages,
}

#[cfg(test)]
mod tests {
    use crate::classify::matcher::Matcher;
    use crate::classify::matcher::near::{MOST_CELLS, Mark, SHARED_CELLS, Section};
    use crate::classify::matcher::tests::english;

    /// The signals that a text could give by how near its words stand.
    fn near(matcher: &Matcher, text: &str) -> Vec<String> {
        let mut glance = matcher.glance_at_keys().expect("few languages");
        glance.look(text);
        let near = glance.near();
        let signals = glance.signals(near.iter().map(|(rule, _)| *rule));
        let ids = signals.iter().map(|&signal| matcher.signal_id(signal));
        ids.map(str::to_owned).collect()
    }

    #[test]
    fn a_pattern_is_seen_wherever_cells_end() {
        let matcher = english();
        let pattern = format!("our call {}video", "blue ".repeat(15));
        assert!(near(&matcher, &pattern).iter().any(|id| id == "chat.met"));
        // Among the first cells that are looked at together, at their end, and among the next ones.
        for before in (0..40).chain(3_400..4_200) {
            let text = format!("you {}{pattern}", "blue ".repeat(before));
            let near = near(&matcher, &text);
            assert!(
                near.iter().any(|id| id == "chat.met"),
                "{before} words before"
            );
        }
    }

    #[test]
    fn however_dense_a_text_is_few_marks_are_kept() {
        let mut section = Section {
            marks: Vec::new(),
            last: vec![0; 2],
        };
        for cell in 0..3 * MOST_CELLS as u32 {
            for word in 0..100 {
                while section.is_beyond(cell) {
                    section.go_on();
                }
                section.push(Mark {
                    cell,
                    name: word % 2,
                    languages: 1 << (word % 10),
                });
            }
            assert!(section.marks.len() <= 2 * MOST_CELLS);
        }
        let shared = section.marks.first().expect("the last cells").cell;
        assert!(shared <= 3 * MOST_CELLS as u32 - SHARED_CELLS);
        let languages = section.marks.iter().map(|mark| mark.languages);
        assert_eq!(languages.fold(0, |all, it| all | it), (1 << 10) - 1);
    }

    #[test]
    fn words_that_stand_far_apart_make_no_pattern() {
        let matcher = english();
        let seen = |between: usize| {
            let text = format!("undress {}camera", "blue ".repeat(between));
            near(&matcher, &text)
                .iter()
                .any(|id| id == "chat.undressed")
        };
        assert!(seen(0) && seen(5));
        assert!(!seen(40) && !seen(400) && !seen(5_000));
    }
}
