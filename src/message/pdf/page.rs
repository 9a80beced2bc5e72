//! From characters placed on a page to lines of text.

/// Characters that stand side by side.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Where the first character starts, in points.
    pub(super) start: (f64, f64),
    /// Where the last one ends.
    pub(super) end: (f64, f64),
    /// The direction of writing, of length 1.
    pub(super) direction: (f64, f64),
    /// The size of the characters, in points.
    pub(super) size: f64,
    /// What copying gives.
    pub(super) text: String,
    /// What the shapes say.
    pub(super) shape: String,
    /// Do the two differ?
    pub(super) has_lie: bool,
    /// Shown in a mode that paints nothing.
    pub(super) is_unpainted: bool,
    /// Painted in white.
    pub(super) is_white: bool,
}

/// A gap of this share of the font size is a space: fonts have spaces from 0.2 to 0.35.
const SPACE: f64 = 0.15;

/// A smaller size than this cannot be read, in points.
const READABLE: f64 = 1.5;

impl Run {
    /// How far `other` starts behind the end of this run, along and across the line, in sizes.
    fn gap(&self, other: &Self) -> (f64, f64) {
        let (x, y) = (other.start.0 - self.end.0, other.start.1 - self.end.1);
        let (dx, dy) = self.direction;
        let size = self.size.max(other.size).max(0.01);
        ((x * dx + y * dy) / size, (x * dy - y * dx) / size)
    }

    /// Does `other` follow without a gap?
    pub(super) fn is_continued_by(&self, other: &Self) -> bool {
        let (along, across) = self.gap(other);
        across.abs() < 0.3
            && along > -0.3
            && along < SPACE
            && self.is_hidden(true) == other.is_hidden(true)
            && self.is_white == other.is_white
    }

    /// Is `other` the end of this run, drawn again? That is a poor man's bold.
    pub(super) fn ends_with(&self, other: &Self) -> bool {
        self.text.ends_with(&other.text) && other.text != " " && self.is_near(other)
    }

    fn is_near(&self, other: &Self) -> bool {
        let near = 0.15 * self.size;
        (self.end.0 - other.end.0).abs() < near && (self.end.1 - other.end.1).abs() < near
    }

    /// Takes a run that follows into this one.
    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.shape.push_str(&other.shape);
        self.has_lie |= other.has_lie;
        self.end = other.end;
    }

    /// Can nobody see it? Text that is not painted or white is seen all the same where a picture
    /// or a colour lies under it: that is how scanned pages and dark boxes are made.
    pub(super) fn is_hidden(&self, has_background: bool) -> bool {
        self.size < READABLE || !has_background && (self.is_unpainted || self.is_white)
    }
}

/// Takes out runs that were drawn again in the same place.
pub(super) fn once(runs: &[Run]) -> Vec<&Run> {
    let mut kept: Vec<&Run> = Vec::with_capacity(runs.len());
    for run in runs {
        let mut before = kept.iter().rev().take(8);
        if !before.any(|old| old.text == run.text && old.is_near(run)) {
            kept.push(run);
        }
    }
    kept
}

/// Joins runs into lines, taking from each what `text` says.
pub(super) fn join<'a>(runs: impl Iterator<Item = &'a Run>, text: impl Fn(&Run) -> &str) -> String {
    let mut out = String::new();
    let mut last: Option<&Run> = None;
    for run in runs {
        if let Some(last) = last {
            let (along, across) = last.gap(run);
            if across.abs() >= 0.5 || along < -1.0 {
                out.push('\n');
            } else if along >= SPACE && !out.ends_with(' ') && !text(run).starts_with(' ') {
                out.push(' ');
            }
        }
        out.push_str(text(run));
        last = Some(run);
    }
    out
}

/// The runs from top to bottom and left to right, if they were drawn in another order.
///
/// Few jumps back are columns and footers, for which the order of drawing is the better one.
pub(super) fn by_place(runs: &[&Run]) -> Option<Vec<usize>> {
    let is_back = |pair: &[&Run]| {
        let (along, across) = pair[0].gap(pair[1]);
        across < -0.5 || across.abs() < 0.5 && along < -1.0
    };
    let jumps = runs.windows(2).filter(|pair| is_back(pair)).count();
    if runs.len() < 4 || jumps * 8 < runs.len() {
        return None;
    }
    // Lines are told apart by rounding to whole sizes of the usual letter.
    let mut sizes: Vec<f64> = runs.iter().map(|run| run.size).collect();
    sizes.sort_by(f64::total_cmp);
    let size = sizes[sizes.len() / 2].max(0.1);
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let key = |index: usize| {
        let (x, y) = runs[index].start;
        ((-y / size * 2.0).round(), x)
    };
    order.sort_by(|&a, &b| {
        let (line_a, x_a) = key(a);
        let (line_b, x_b) = key(b);
        line_a.total_cmp(&line_b).then(x_a.total_cmp(&x_b))
    });
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(x: f64, y: f64, text: &str) -> Run {
        Run {
            start: (x, y),
            end: (x + 5.0 * text.len() as f64, y),
            direction: (1.0, 0.0),
            size: 10.0,
            text: text.to_owned(),
            shape: text.to_owned(),
            has_lie: false,
            is_unpainted: false,
            is_white: false,
        }
    }

    #[test]
    fn gaps_are_spaces_and_steps_are_lines() {
        let runs = [
            run(0.0, 90.0, "pay"),
            run(18.0, 90.0, "me"),
            run(0.0, 78.0, "now"),
        ];
        assert_eq!(join(runs.iter(), |run| &run.text), "pay me\nnow");
        assert!(run(0.0, 0.0, "a").is_continued_by(&run(5.5, 0.0, "b")));
        assert!(!run(0.0, 0.0, "a").is_continued_by(&run(8.0, 0.0, "b")));
    }

    #[test]
    fn shuffled_runs_are_sorted_by_place() {
        let runs = [
            run(40.0, 50.0, "d"),
            run(0.0, 90.0, "a"),
            run(0.0, 50.0, "c"),
            run(40.0, 90.0, "b"),
        ];
        let runs: Vec<&Run> = runs.iter().collect();
        assert_eq!(by_place(&runs), Some(vec![1, 3, 2, 0]));
        let sorted: Vec<&Run> = [1, 3, 2, 0].iter().map(|&index| runs[index]).collect();
        assert_eq!(by_place(&sorted), None);
    }

    #[test]
    fn what_nobody_can_see_is_hidden() {
        let tiny = Run {
            size: 0.5,
            ..run(0.0, 0.0, "x")
        };
        let white = Run {
            is_white: true,
            ..run(0.0, 0.0, "x")
        };
        assert!(tiny.is_hidden(true));
        assert!(white.is_hidden(false) && !white.is_hidden(true));
    }
}
