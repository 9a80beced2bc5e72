//! Colours of HTML, as far as they decide whether a text can be seen.

/// A colour, or what stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    /// Red, green, blue.
    Rgb(u8, u8, u8),
    /// Wholly or nearly transparent.
    Transparent,
    /// A picture or a gradient: nothing is known about it.
    Unknown,
}

impl Color {
    pub(crate) const WHITE: Self = Self::Rgb(255, 255, 255);
    pub(crate) const BLACK: Self = Self::Rgb(0, 0, 0);
    /// What browsers give to links without a colour of their own.
    pub(crate) const LINK: Self = Self::Rgb(0, 0, 238);

    /// Reads a colour as CSS writes it, or as the old attributes do (`ffffff` without `#`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix('#') {
            return Self::hex(digits);
        }
        if !text.is_ascii() || text.len() > 64 {
            return None;
        }
        let lower = text.to_ascii_lowercase();
        if let Some((function, arguments)) = lower.split_once('(') {
            return Self::function(function.trim(), arguments.trim_end_matches(')'));
        }
        if let Ok(at) = NAMED.binary_search_by(|(name, _)| (*name).cmp(lower.as_str())) {
            let [_, r, g, b] = NAMED[at].1.to_be_bytes();
            return Some(Self::Rgb(r, g, b));
        }
        match lower.as_str() {
            "transparent" => Some(Self::Transparent),
            _ if lower.len() == 6 => Self::hex(&lower),
            _ => None,
        }
    }

    fn hex(digits: &str) -> Option<Self> {
        if !digits.is_ascii() {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        let nibble = |shift: u32| ((value >> shift & 0xf) * 17) as u8;
        let byte = |shift: u32| (value >> shift & 0xff) as u8;
        let (color, alpha) = match digits.len() {
            3 => (Self::Rgb(nibble(8), nibble(4), nibble(0)), 255),
            4 => (Self::Rgb(nibble(12), nibble(8), nibble(4)), nibble(0)),
            6 => (Self::Rgb(byte(16), byte(8), byte(0)), 255),
            8 => (Self::Rgb(byte(24), byte(16), byte(8)), byte(0)),
            _ => return None,
        };
        Some(if alpha < 16 { Self::Transparent } else { color })
    }

    fn function(name: &str, arguments: &str) -> Option<Self> {
        let mut values = [0.0_f32; 4];
        values[3] = 1.0;
        let parts = arguments
            .split([',', ' ', '/'])
            .filter(|part| !part.trim().is_empty());
        let mut count = 0;
        for (slot, part) in values.iter_mut().zip(parts) {
            let part = part.trim();
            *slot = match part.strip_suffix('%') {
                Some(percent) if count < 3 && name.starts_with("rgb") => {
                    percent.parse::<f32>().ok()? * 2.55
                }
                Some(percent) => percent.parse::<f32>().ok()? / 100.0,
                None => part.trim_end_matches("deg").parse().ok()?,
            };
            count += 1;
        }
        if count < 3 {
            return None;
        }
        if values[3] < 0.06 {
            return Some(Self::Transparent);
        }
        let [a, b, c, _] = values;
        match name {
            // `as` saturates: values out of range become the nearest colour.
            "rgb" | "rgba" => Some(Self::Rgb(a as u8, b as u8, c as u8)),
            "hsl" | "hsla" => Some(Self::hsl(a, b, c)),
            _ => None,
        }
    }

    fn hsl(hue: f32, saturation: f32, lightness: f32) -> Self {
        let reach = saturation * lightness.min(1.0 - lightness);
        let channel = |offset: f32| {
            let k = (offset + hue / 30.0).rem_euclid(12.0);
            let value = lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
            (value * 255.0).round() as u8
        };
        Self::Rgb(channel(0.0), channel(8.0), channel(4.0))
    }

    /// Can text of this colour not be told from the ground behind it?
    ///
    /// Both must be near in every channel (red on green of the same brightness can be read) and
    /// have less contrast than any text meant to be read: 1.15 to 1, where WCAG 2 asks for 4.5.
    pub(crate) fn vanishes_on(self, ground: Self) -> bool {
        let (Self::Rgb(r, g, b), Self::Rgb(r2, g2, b2)) = (self, ground) else {
            return self == Self::Transparent;
        };
        let far = r.abs_diff(r2).max(g.abs_diff(g2)).max(b.abs_diff(b2));
        if far > 40 {
            return false;
        }
        let (one, two) = (luminance(r, g, b), luminance(r2, g2, b2));
        (one.max(two) + 0.05) / (one.min(two) + 0.05) < 1.15
    }
}

/// Relative luminance with a square for the gamma curve: near enough for a yes or no.
fn luminance(r: u8, g: u8, b: u8) -> f32 {
    let linear = |channel: u8| {
        let value = f32::from(channel) / 255.0;
        value * value
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The names that mail uses, sorted.
const NAMED: &[(&str, u32)] = &[
    ("aliceblue", 0xf0_f8_ff),
    ("antiquewhite", 0xfa_eb_d7),
    ("aqua", 0x00_ff_ff),
    ("azure", 0xf0_ff_ff),
    ("beige", 0xf5_f5_dc),
    ("black", 0x00_00_00),
    ("blue", 0x00_00_ff),
    ("brown", 0xa5_2a_2a),
    ("cyan", 0x00_ff_ff),
    ("darkblue", 0x00_00_8b),
    ("darkgray", 0xa9_a9_a9),
    ("darkgreen", 0x00_64_00),
    ("darkgrey", 0xa9_a9_a9),
    ("darkred", 0x8b_00_00),
    ("dimgray", 0x69_69_69),
    ("floralwhite", 0xff_fa_f0),
    ("fuchsia", 0xff_00_ff),
    ("gainsboro", 0xdc_dc_dc),
    ("ghostwhite", 0xf8_f8_ff),
    ("gold", 0xff_d7_00),
    ("gray", 0x80_80_80),
    ("green", 0x00_80_00),
    ("grey", 0x80_80_80),
    ("honeydew", 0xf0_ff_f0),
    ("ivory", 0xff_ff_f0),
    ("lavender", 0xe6_e6_fa),
    ("lavenderblush", 0xff_f0_f5),
    ("lightblue", 0xad_d8_e6),
    ("lightcyan", 0xe0_ff_ff),
    ("lightgray", 0xd3_d3_d3),
    ("lightgrey", 0xd3_d3_d3),
    ("lightyellow", 0xff_ff_e0),
    ("lime", 0x00_ff_00),
    ("linen", 0xfa_f0_e6),
    ("magenta", 0xff_00_ff),
    ("maroon", 0x80_00_00),
    ("mintcream", 0xf5_ff_fa),
    ("mistyrose", 0xff_e4_e1),
    ("navy", 0x00_00_80),
    ("oldlace", 0xfd_f5_e6),
    ("olive", 0x80_80_00),
    ("orange", 0xff_a5_00),
    ("pink", 0xff_c0_cb),
    ("purple", 0x80_00_80),
    ("red", 0xff_00_00),
    ("seashell", 0xff_f5_ee),
    ("silver", 0xc0_c0_c0),
    ("snow", 0xff_fa_fa),
    ("teal", 0x00_80_80),
    ("white", 0xff_ff_ff),
    ("whitesmoke", 0xf5_f5_f5),
    ("yellow", 0xff_ff_00),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_in_every_spelling() {
        for (text, expected) in [
            ("#fff", Some(Color::WHITE)),
            ("#FFFFFF", Some(Color::WHITE)),
            ("ffffff", Some(Color::WHITE)),
            ("White", Some(Color::WHITE)),
            (" rgb(255, 255,255) ", Some(Color::WHITE)),
            ("rgb(100%,100%,100%)", Some(Color::WHITE)),
            ("rgb(255 255 255 / 50%)", Some(Color::WHITE)),
            ("rgba(0,0,0,0)", Some(Color::Transparent)),
            ("rgba(0,0,0,.01)", Some(Color::Transparent)),
            ("hsl(0, 100%, 50%)", Some(Color::Rgb(255, 0, 0))),
            ("hsl(0,0%,100%)", Some(Color::WHITE)),
            ("#ffffff00", Some(Color::Transparent)),
            ("transparent", Some(Color::Transparent)),
            ("inherit", None),
            ("#xyz", None),
            ("é", None),
        ] {
            assert_eq!(Color::parse(text), expected, "{text:?}");
        }
        assert!(NAMED.is_sorted());
    }

    #[test]
    fn near_colours_vanish_and_others_do_not() {
        for (text, ground, vanishes) in [
            ("#ffffff", "#fff", true),
            ("#fefefe", "#fff", true),
            ("#f5f5f5", "#fff", true),
            ("#111", "#000", true),
            ("#eee", "#000", false),
            ("#ddd", "#fff", false),
            ("red", "green", false),
            ("#ffff00", "#fff", false),
            ("transparent", "red", true),
        ] {
            let (color, behind) = (Color::parse(text).unwrap(), Color::parse(ground).unwrap());
            assert_eq!(color.vanishes_on(behind), vanishes, "{text} on {ground}");
        }
    }
}
