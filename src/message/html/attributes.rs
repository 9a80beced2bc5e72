//! The attributes of a tag, as far as they matter.

/// Attributes of one tag that are looked at.
const MOST: usize = 64;
/// Bytes of one attribute that are kept.
const MOST_BYTES: usize = 8 * 1024;

/// The attributes of the tag that is being read; the strings are used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) count: usize,
    pub(super) now: Attribute,
    pub(super) style: String,
    pub(super) class: String,
    pub(super) id: String,
    pub(super) color: String,
    pub(super) ground: String,
    pub(super) has_picture_behind: bool,
    pub(super) is_hidden: bool,
    pub(super) dir: String,
    pub(super) alt: String,
    pub(super) title: String,
    pub(super) link: String,
    pub(super) value: String,
    pub(super) kind: String,
    pub(super) size: String,
    /// Width or height of 0 or 1: a tracking pixel.
    pub(super) is_tiny: bool,
}

/// What the attribute is whose value comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Attribute {
    #[default]
    Other,
    Style,
    Class,
    Id,
    Color,
    Ground,
    Behind,
    Dir,
    Alt,
    Title,
    Link,
    Source,
    Value,
    Kind,
    Size,
    Extent,
}

impl Attributes {
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.now = Attribute::Other;
        self.has_picture_behind = false;
        self.is_hidden = false;
        self.is_tiny = false;
        for text in [
            &mut self.style,
            &mut self.class,
            &mut self.id,
            &mut self.color,
            &mut self.ground,
            &mut self.dir,
            &mut self.alt,
            &mut self.title,
            &mut self.link,
            &mut self.value,
            &mut self.kind,
            &mut self.size,
        ] {
            text.clear();
        }
    }

    pub(super) fn name(&mut self, name: &[u8]) {
        self.count += 1;
        self.now = if self.count > MOST {
            Attribute::Other
        } else {
            match name {
                b"style" => Attribute::Style,
                b"class" => Attribute::Class,
                b"id" => Attribute::Id,
                b"color" | b"text" => Attribute::Color,
                b"bgcolor" => Attribute::Ground,
                b"background" => Attribute::Behind,
                b"dir" => Attribute::Dir,
                b"alt" => Attribute::Alt,
                b"title" => Attribute::Title,
                b"href" => Attribute::Link,
                b"src" | b"data" => Attribute::Source,
                b"value" | b"placeholder" => Attribute::Value,
                b"type" => Attribute::Kind,
                b"size" => Attribute::Size,
                b"width" | b"height" => Attribute::Extent,
                _ => Attribute::Other,
            }
        };
        self.is_hidden |= name == b"hidden";
    }

    /// Keeps a value; of two attributes with one name the first counts, as in browsers.
    pub(super) fn value(&mut self, value: &[u8]) {
        let text = match self.now {
            Attribute::Style => &mut self.style,
            Attribute::Class => &mut self.class,
            Attribute::Id => &mut self.id,
            Attribute::Color => &mut self.color,
            Attribute::Ground => &mut self.ground,
            Attribute::Dir => &mut self.dir,
            Attribute::Alt => &mut self.alt,
            Attribute::Title => &mut self.title,
            Attribute::Link | Attribute::Source => &mut self.link,
            Attribute::Value => &mut self.value,
            Attribute::Kind => &mut self.kind,
            Attribute::Size => &mut self.size,
            Attribute::Behind => {
                self.has_picture_behind = true;
                return;
            }
            Attribute::Extent => {
                self.is_tiny |= matches!(value.trim_ascii(), b"0" | b"1" | b"0px" | b"1px");
                return;
            }
            Attribute::Other => return,
        };
        if text.is_empty() {
            let value = &value[..value.len().min(MOST_BYTES)];
            text.push_str(&String::from_utf8_lossy(value));
        }
    }
}
