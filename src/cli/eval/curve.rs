//! Recall and false positives by threshold, as numbers and as a picture.

use crate::classify::{SEXTORTION, SUSPECT};
use crate::cli::corpus::Label;
use crate::cli::eval::Row;
use serde::Serialize;
use std::fmt::Write;

/// The highest threshold of the curve, in points; half a point lies between two.
const HIGHEST: u32 = 20;

/// What a threshold would give.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    /// In points.
    pub threshold: f64,
    /// Share of sextortion mail that reaches it, in per cent; 100 where there is none.
    pub recall: f64,
    /// Share of honest mail that does, in per cent.
    pub ham: f64,
    /// Share of other mail that does, in per cent.
    pub other: f64,
}

/// The curve of all counted messages.
pub(super) fn points(rows: &[Row]) -> Vec<Point> {
    let share = |label: Label, threshold: f64, empty: f64| {
        let counted = rows
            .iter()
            .filter(|row| row.known.label == label && !row.is_apart);
        let (mut hits, mut all) = (0, 0);
        for row in counted {
            all += 1;
            hits += usize::from(row.verdict.score >= threshold);
        }
        if all == 0 {
            empty
        } else {
            100.0 * hits as f64 / all as f64
        }
    };
    (1..=2 * HIGHEST)
        .map(|step| {
            let threshold = f64::from(step) / 2.0;
            Point {
                threshold,
                recall: share(Label::Spam, threshold, 100.0),
                ham: share(Label::Ham, threshold, 0.0),
                other: share(Label::Other, threshold, 0.0),
            }
        })
        .collect()
}

/// The curve as an SVG picture.
///
/// False positives are so few that their scale goes to the largest of them only, and at least to 1 %.
pub(super) fn svg(points: &[Point]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 320.0;
    const LEFT: f64 = 60.0;
    const TOP: f64 = 40.0;
    let most = points
        .iter()
        .filter(|point| point.threshold >= SUSPECT)
        .map(|point| point.ham.max(point.other))
        .fold(1.0, f64::max)
        .ceil();
    let x = |threshold: f64| LEFT + threshold / f64::from(HIGHEST) * WIDTH;
    let y = |share: f64, most: f64| TOP + HEIGHT * (1.0 - (share / most).clamp(0.0, 1.0));
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 420\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Recall and false positives by threshold</title>\n\
         <rect width=\"760\" height=\"420\" fill=\"#fff\"/>\n",
    );
    for step in 0..=4 {
        let share = f64::from(step) * 25.0;
        let at = y(share, 100.0);
        let small = most * share / 100.0;
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {at}h{WIDTH}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#146\">{share} %</text>\
             <text x=\"{}\" y=\"{}\" fill=\"#a40\">{small:.2} %</text>",
            LEFT - 6.0,
            at + 4.0,
            LEFT + WIDTH + 6.0,
            at + 4.0,
        );
    }
    for threshold in (0..=HIGHEST).step_by(5).map(f64::from) {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{threshold}</text>",
            x(threshold),
            TOP + HEIGHT + 18.0,
        );
    }
    for (name, border) in [("suspect", SUSPECT), ("sextortion", SEXTORTION)] {
        let at = x(border);
        let _ = writeln!(
            out,
            "<path d=\"M{at} {TOP}v{HEIGHT}\" stroke=\"#888\" stroke-dasharray=\"4 4\"/>\
             <text x=\"{at}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{name}</text>",
            TOP - 6.0,
        );
    }
    type Share = fn(&Point) -> f64;
    let lines: [(&str, &str, f64, Share); 3] = [
        ("sextortion found", "#146", 100.0, |point| point.recall),
        ("honest mail hit", "#a40", most, |point| point.ham),
        ("other mail hit", "#c90", most, |point| point.other),
    ];
    for (number, (name, color, most, share)) in lines.into_iter().enumerate() {
        let path: Vec<String> = points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.threshold), y(share(point), most)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"410\" fill=\"{color}\">{name}</text>",
            path.join(" "),
            LEFT + number as f64 * 160.0,
        );
    }
    out.push_str("<text x=\"700\" y=\"410\" text-anchor=\"end\">points</text>\n</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_line_for_each_class() {
        let point = |threshold, recall| Point {
            threshold,
            recall,
            ham: 0.5,
            other: 0.0,
        };
        let svg = svg(&[point(5.0, 100.0), point(10.0, 50.0)]);
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert!(svg.contains("points=\"220.0,40.0 380.0,200.0\""), "{svg}");
    }
}
