//! Any bytes as a picture file, and as the pixels of a small one.
//!
//! Small, since a flood of corner marks makes the library take its time: see `pdf`.
#![no_main]

use callbluff::message::{Media, MediaKind, MediaLimits, Origin, Place, decode};
use image::{DynamicImage, GrayImage, ImageFormat};
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|input: &[u8]| {
    let [way, width, data @ ..] = input else {
        return;
    };
    let bytes = if way % 2 == 0 {
        data.to_vec()
    } else {
        let width = u32::from(*width % 80) + 21;
        // A bit a pixel: half of what a code needs is in the seeds.
        let mut pixels: Vec<u8> = data
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| if byte >> bit & 1 == 1 { 255 } else { 0 }))
            .collect();
        let height = (pixels.len() as u32 / width).min(100);
        pixels.truncate((width * height) as usize);
        let Some(picture) = GrayImage::from_vec(width, height, pixels) else {
            return;
        };
        if height == 0 {
            return;
        }
        let mut file = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(picture)
            .write_to(&mut file, ImageFormat::Bmp)
            .expect("writing to memory does not fail");
        file.into_inner()
    };
    let media = Media {
        place: Place::of(Origin::Attachment),
        kind: MediaKind::Picture,
        bytes,
    };
    let limits = MediaLimits {
        pixel_bytes: 1 << 14,
        ..MediaLimits::default()
    };
    decode(&media, &[], &limits, &mut |_| None, &mut |_| ());
});
