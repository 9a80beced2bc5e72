//! Pictures inside a PDF, as grey pixels (ISO 32000-1, section 8.9).

use crate::message::image;
use ::image::{GrayImage, Luma};
use lopdf::{Document, Object, Stream};

/// The longest side of a picture, in pixels.
const SIDE: u32 = 20_000;

/// Decodes a picture; `None` for formats that are not read (JPEG 2000, JBIG2, fax) and damage.
pub(super) fn decode(
    document: &Document,
    stream: &Stream,
    pixel_bytes: usize,
) -> Option<GrayImage> {
    let filters = stream.filters().unwrap_or_default();
    if let Some((&b"DCTDecode", before)) = filters.split_last() {
        let jpeg = if before.is_empty() {
            stream.content.clone()
        } else {
            let names = before.iter().map(|name| Object::Name(name.to_vec()));
            let mut outer = stream.clone();
            outer.dict.set("Filter", Object::Array(names.collect()));
            outer.get_plain_content_with_limit(pixel_bytes).ok()?
        };
        return image::decode(&jpeg, pixel_bytes).ok();
    }
    let number = |key: &[u8]| {
        let value = stream
            .dict
            .get_deref(key, document)
            .and_then(Object::as_i64);
        value.ok().and_then(|value| u32::try_from(value).ok())
    };
    let (width, height) = (number(b"Width")?, number(b"Height")?);
    if width == 0 || height == 0 || width > SIDE || height > SIDE {
        return None;
    }
    if width as usize * height as usize > pixel_bytes {
        return None;
    }
    let is_mask = stream
        .dict
        .get_deref(b"ImageMask", document)
        .and_then(Object::as_bool)
        .unwrap_or(false);
    let bits = if is_mask {
        1
    } else {
        number(b"BitsPerComponent").unwrap_or(8)
    };
    if !matches!(bits, 1 | 2 | 4 | 8 | 16) {
        return None;
    }
    let colours = if is_mask {
        Colours::Grey
    } else {
        colours(
            document,
            stream.dict.get_deref(b"ColorSpace", document).ok(),
            0,
        )
    };
    let data = stream.get_plain_content_with_limit(pixel_bytes).ok()?;
    let count = colours.components() as usize;
    let row_bytes = (width as usize * count * bits as usize).div_ceil(8);
    Some(GrayImage::from_fn(width, height, |x, y| {
        let row = data.get(y as usize * row_bytes..).unwrap_or_default();
        let sample = |component: usize| sample(row, x as usize * count + component, bits);
        Luma([colours.light(&sample, bits)])
    }))
}

/// One component of a pixel, as it is stored; the largest value behind the end of the data.
fn sample(row: &[u8], index: usize, bits: u32) -> u8 {
    let bit = index * bits as usize;
    let byte = row.get(bit / 8).copied().unwrap_or(255);
    match bits {
        // The high byte of 16 bits is all that is needed.
        8 | 16 => byte,
        _ => byte >> (8 - bits as usize - bit % 8) & ((1 << bits) - 1) as u8,
    }
}

/// What the components of a pixel mean.
enum Colours {
    Grey,
    Rgb,
    Cmyk,
    /// A palette, as the light of each entry.
    Palette(Vec<u8>),
}

impl Colours {
    fn components(&self) -> u32 {
        match self {
            Self::Grey | Self::Palette(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    fn light(&self, sample: &dyn Fn(usize) -> u8, bits: u32) -> u8 {
        let full = |index: usize| match bits {
            1 => sample(index) * 255,
            2 => sample(index) * 85,
            4 => sample(index) * 17,
            _ => sample(index),
        };
        match self {
            Self::Grey => full(0),
            Self::Rgb => luma(full(0), full(1), full(2)),
            Self::Cmyk => {
                let black = u32::from(255 - full(3));
                let part = |index| ((255 - u32::from(full(index))) * black / 255) as u8;
                luma(part(0), part(1), part(2))
            }
            Self::Palette(lights) => lights.get(usize::from(sample(0))).copied().unwrap_or(255),
        }
    }
}

fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000) as u8
}

fn colours(document: &Document, space: Option<&Object>, depth: usize) -> Colours {
    let Some(space) = space else {
        return Colours::Grey;
    };
    if let Ok(name) = space.as_name() {
        return match name {
            b"DeviceRGB" | b"CalRGB" | b"Lab" => Colours::Rgb,
            b"DeviceCMYK" => Colours::Cmyk,
            _ => Colours::Grey,
        };
    }
    let Ok([kind, details, rest @ ..]) = space.as_array().map(Vec::as_slice) else {
        return Colours::Grey;
    };
    let details = document.dereference(details).ok().map(|(_, object)| object);
    match (kind.as_name().unwrap_or_default(), rest) {
        (b"CalRGB" | b"Lab", _) => Colours::Rgb,
        (b"ICCBased", _) => {
            let stream = details.and_then(|details| details.as_stream().ok());
            match stream.and_then(|stream| stream.dict.get(b"N").ok()?.as_i64().ok()) {
                Some(3) => Colours::Rgb,
                Some(4) => Colours::Cmyk,
                _ => Colours::Grey,
            }
        }
        (b"Indexed" | b"I", [_, table, ..]) if depth == 0 => {
            let base = colours(document, details, 1);
            let table = match document.dereference(table) {
                Ok((_, Object::String(bytes, _))) => bytes.clone(),
                Ok((_, Object::Stream(stream))) => stream
                    .get_plain_content_with_limit(4096)
                    .unwrap_or_default(),
                _ => Vec::new(),
            };
            let entries = table.chunks_exact(base.components() as usize).take(256);
            Colours::Palette(
                entries
                    .map(|entry| base.light(&|index| entry[index], 8))
                    .collect(),
            )
        }
        _ => Colours::Grey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_of_the_data_all_is_light() {
        for bits in [1, 2, 4, 8, 16] {
            let light = Colours::Grey.light(&|index| sample(&[], index, bits), bits);
            assert_eq!(light, 255, "{bits} bits");
        }
    }

    #[test]
    fn samples_of_every_width_are_cut_out() {
        for (bits, index, expected) in [(1, 0, 1), (1, 1, 0), (2, 1, 2), (4, 1, 6), (8, 1, 0x0f)] {
            assert_eq!(sample(&[0xa6, 0x0f], index, bits), expected, "{bits} bits");
        }
        assert_eq!(sample(&[1, 2, 3, 4], 1, 16), 3);
    }
}
