//! QR codes that are drawn square by square instead of being a picture.

use image::{GrayImage, Luma};

/// The most squares that are kept of one page: the largest code has under 32,000 dark ones.
const SQUARES: usize = 40_000;

/// A code has at least so many dark pieces, even where squares in a row are joined.
const LEAST: usize = 60;

/// The size of one square in the drawing, in pixels.
const SQUARE: f64 = 4.0;

/// The longest side of the drawing, in pixels.
const SIDE: f64 = 1600.0;

/// The dark rectangles of a page.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    /// Rectangles and corners of the path that is not painted yet, in points of the page.
    path: Vec<Rectangle>,
    corners: Vec<(f64, f64)>,
    painted: Vec<Rectangle>,
}

#[derive(Clone, Copy, Debug)]
struct Rectangle {
    left: f64,
    bottom: f64,
    right: f64,
    top: f64,
}

impl Rectangle {
    /// The rectangle around the corners.
    fn around(corners: &[(f64, f64)]) -> Option<Self> {
        let (&(x, y), rest) = corners.split_first()?;
        let mut around = Self {
            left: x,
            bottom: y,
            right: x,
            top: y,
        };
        for &(x, y) in rest {
            around.left = around.left.min(x);
            around.right = around.right.max(x);
            around.bottom = around.bottom.min(y);
            around.top = around.top.max(y);
        }
        let is_finite = [around.left, around.right, around.bottom, around.top]
            .iter()
            .all(|value| value.is_finite());
        is_finite.then_some(around)
    }

    fn least_side(&self) -> f64 {
        (self.right - self.left).min(self.top - self.bottom)
    }
}

impl Drawing {
    /// A rectangle joins the path, by its corners on the page.
    pub(super) fn rectangle(&mut self, corners: [(f64, f64); 4]) {
        if self.path.len() < SQUARES {
            self.path.extend(Rectangle::around(&corners));
        }
    }

    /// A line starts at a corner.
    pub(super) fn start(&mut self, corner: (f64, f64)) {
        self.close();
        self.corners.push(corner);
    }

    /// The line goes on to another corner.
    pub(super) fn line(&mut self, corner: (f64, f64)) {
        // More corners than a square has make it another shape; five are enough to see that.
        if self.corners.len() < 6 {
            self.corners.push(corner);
        }
    }

    fn close(&mut self) {
        let corners = std::mem::take(&mut self.corners);
        if matches!(corners.len(), 4 | 5) && self.path.len() < SQUARES {
            self.path.extend(Rectangle::around(&corners));
        }
    }

    /// The path is painted, or left unpainted.
    pub(super) fn paint(&mut self, is_dark: bool) {
        self.close();
        let room = SQUARES - self.painted.len();
        if is_dark && self.path.len() <= room {
            self.painted.append(&mut self.path);
        }
        self.path.clear();
    }

    /// What was painted as a picture, if it could hold a code.
    pub(super) fn picture(&self) -> Option<GrayImage> {
        if self.painted.len() < LEAST {
            return None;
        }
        // Lines of tables and boxes are no squares; the usual piece is one square high or wide.
        let mut sides: Vec<f64> = self.painted.iter().map(Rectangle::least_side).collect();
        sides.sort_by(f64::total_cmp);
        let square = sides[sides.len() / 2];
        if square <= 0.0 {
            return None;
        }
        let is_piece = |piece: &&Rectangle| {
            let side = piece.least_side();
            side > 0.5 * square && side < 8.0 * square
        };
        let pieces: Vec<Rectangle> = self.painted.iter().filter(is_piece).copied().collect();
        let corners: Vec<(f64, f64)> = pieces
            .iter()
            .flat_map(|piece| [(piece.left, piece.bottom), (piece.right, piece.top)])
            .collect();
        let page = Rectangle::around(&corners)?;
        let longer = (page.right - page.left).max(page.top - page.bottom);
        let scale = (SQUARE / square).min(SIDE / longer);
        let pixels = |length: f64| (length * scale).round().clamp(0.0, SIDE) as u32;
        let (width, height) = (
            pixels(page.right - page.left),
            pixels(page.top - page.bottom),
        );
        let mut picture = GrayImage::from_pixel(width.max(1), height.max(1), Luma([255]));
        for piece in pieces {
            for y in pixels(page.top - piece.top)..pixels(page.top - piece.bottom) {
                for x in pixels(piece.left - page.left)..pixels(piece.right - page.left) {
                    if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                        *pixel = Luma([0]);
                    }
                }
            }
        }
        Some(picture)
    }
}
