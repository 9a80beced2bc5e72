//! QR codes in pictures.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageReader, Luma, Rgba};
use std::io::Cursor;

/// The widest or highest picture to look at, in pixels.
const SIDE: u32 = 20_000;

/// Pictures are made smaller to this length of their longer side before they are searched.
const SEARCHED: u32 = 1000;

/// A small code in a large scan needs a second, sharper look.
const SHARPER: u32 = 2400;

/// Pictures smaller than this are enlarged: a code may have one pixel for each of its squares.
const SMALL: u32 = 250;

/// The margin that a code needs around it, in pixels.
const MARGIN: u32 = 16;

/// The most text in one code, in bytes: ISO/IEC 18004 allows 2953 bytes.
const CODE_BYTES: usize = 4096;

/// Why a picture could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It takes more memory than allowed.
    TooLarge,
    /// It is damaged, or not of a known format.
    Broken,
}

/// Decodes a PNG, JPEG, GIF, WebP or BMP file to grey pixels on white.
///
/// # Errors
///
/// When the file is damaged or needs more than `pixel_bytes` of memory.
pub(super) fn decode(bytes: &[u8], pixel_bytes: usize) -> Result<GrayImage, Trouble> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| Trouble::Broken)?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(pixel_bytes as u64);
    reader.limits(limits);
    match reader.decode() {
        Ok(picture) => Ok(grey(&picture)),
        Err(image::ImageError::Limits(_)) => Err(Trouble::TooLarge),
        Err(_) => Err(Trouble::Broken),
    }
}

fn grey(picture: &DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    // What is transparent shows the white page of the mail.
    let colours = picture.to_rgba8();
    GrayImage::from_fn(colours.width(), colours.height(), |x, y| {
        let &Rgba([r, g, b, alpha]) = colours.get_pixel(x, y);
        let light = (u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114) / 1000;
        let alpha = u32::from(alpha);
        Luma([((light * alpha + 255 * (255 - alpha)) / 255) as u8])
    })
}

/// The texts of the QR codes in a picture, at most `most`.
pub(super) fn codes(picture: &GrayImage, most: usize) -> Vec<String> {
    let longer = picture.width().max(picture.height());
    if picture.width().min(picture.height()) < 21 {
        // The smallest code has 21 squares to a side.
        return Vec::new();
    }
    let first = if longer > SEARCHED {
        shrunk(picture, SEARCHED)
    } else {
        framed(picture)
    };
    let found = search(&first, most);
    if !found.is_empty() {
        return found;
    }
    let mut inverted = first;
    imageops::invert(&mut inverted);
    let found = search(&inverted, most);
    if !found.is_empty() {
        return found;
    }
    if longer > SEARCHED {
        return search(&shrunk(picture, SHARPER), most);
    }
    if longer < SMALL {
        let (width, height) = (picture.width() * 4, picture.height() * 4);
        let larger = imageops::resize(picture, width, height, FilterType::Nearest);
        return search(&framed(&larger), most);
    }
    Vec::new()
}

fn shrunk(picture: &GrayImage, side: u32) -> GrayImage {
    let longer = picture.width().max(picture.height());
    if longer <= side {
        return picture.clone();
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)) as u32;
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    imageops::thumbnail(picture, width.max(1), height.max(1))
}

/// The picture with a white margin around it.
fn framed(picture: &GrayImage) -> GrayImage {
    let (width, height) = (picture.width() + 2 * MARGIN, picture.height() + 2 * MARGIN);
    let mut page = GrayImage::from_pixel(width, height, Luma([255]));
    imageops::replace(&mut page, picture, i64::from(MARGIN), i64::from(MARGIN));
    page
}

fn search(picture: &GrayImage, most: usize) -> Vec<String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        picture.get_pixel(x as u32, y as u32).0[0]
    });
    let mut found = Vec::new();
    for grid in prepared.detect_grids() {
        let mut bytes = Vec::new();
        if grid.decode_to(&mut bytes).is_ok() && !bytes.is_empty() {
            bytes.truncate(CODE_BYTES);
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|err| err.into_bytes().into_iter().map(char::from).collect());
            if !found.contains(&text) {
                found.push(text);
            }
            if found.len() == most {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, RgbaImage};
    use qrcode::QrCode;

    const TEXT: &str = "bitcoin:16tNb4kGBqydCP5uscvFMpgF9UpZrcqjRP?amount=0.02";

    /// A code with `pixels` for each square and `margin` squares around it.
    fn qr(pixels: u32, margin: u32) -> GrayImage {
        let code = QrCode::new(TEXT).unwrap();
        let squares = code.width() as u32;
        let side = (squares + 2 * margin) * pixels;
        GrayImage::from_fn(side, side, |x, y| {
            let (x, y) = (x / pixels, y / pixels);
            let is_inside = |at: u32| at >= margin && at < margin + squares;
            let is_dark = is_inside(x)
                && is_inside(y)
                && code[((x - margin) as usize, (y - margin) as usize)] == qrcode::Color::Dark;
            Luma([if is_dark { 0 } else { 255 }])
        })
    }

    fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn read(bytes: &[u8]) -> Vec<String> {
        codes(&decode(bytes, 64 << 20).unwrap(), 8)
    }

    #[test]
    fn codes_are_read_in_every_format() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::WebP,
            ImageFormat::Bmp,
        ] {
            let colours = DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(qr(4, 4)).to_rgb8());
            assert_eq!(read(&file(&colours, format)), [TEXT], "{format:?}");
        }
    }

    #[test]
    fn codes_are_read_however_drawn() {
        let mut inverted = qr(4, 4);
        imageops::invert(&mut inverted);
        let mut page = GrayImage::from_pixel(2400, 3400, Luma([255]));
        imageops::replace(&mut page, &qr(5, 4), 1500, 2500);
        let mut pale = qr(4, 4);
        for Luma([light]) in pale.pixels_mut() {
            *light = 120 + *light / 4;
        }
        for (name, picture) in [
            ("no margin", qr(4, 0)),
            ("one pixel a square", qr(1, 0)),
            ("two pixels a square", qr(2, 2)),
            ("huge", qr(60, 4)),
            ("inverted", inverted),
            ("small on a scanned page", page),
            ("pale", pale),
            ("turned", imageops::rotate90(&qr(4, 4))),
        ] {
            assert_eq!(codes(&picture, 8), [TEXT], "{name}");
        }
    }

    #[test]
    fn transparent_is_white() {
        let code = qr(4, 4);
        let clear = RgbaImage::from_fn(code.width(), code.height(), |x, y| {
            let alpha = 255 - code.get_pixel(x, y).0[0];
            Rgba([0, 0, 0, alpha])
        });
        let bytes = file(&DynamicImage::ImageRgba8(clear), ImageFormat::Png);
        assert_eq!(read(&bytes), [TEXT]);
    }

    #[test]
    fn a_picture_over_the_limit_is_not_decoded() {
        let bytes = file(
            &DynamicImage::ImageLuma8(GrayImage::new(9000, 9000)),
            ImageFormat::Png,
        );
        assert_eq!(decode(&bytes, 1 << 20), Err(Trouble::TooLarge));
    }

    #[test]
    fn damage_is_told() {
        let whole = file(&DynamicImage::ImageLuma8(qr(4, 4)), ImageFormat::Png);
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", &whole[..whole.len() / 2]] {
            assert_eq!(decode(bytes, 64 << 20), Err(Trouble::Broken));
        }
    }
}
