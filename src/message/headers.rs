//! The fields of a header, unfolded and decoded.

/// The header of one message.
///
/// Values are unfolded and their encoded words decoded (RFC 2047), so they can be matched as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    fields: Vec<(String, String)>,
}

impl Header {
    /// Takes fields in the order of the message: name as written, value decoded.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self { fields }
    }

    /// Every field as name and value, in the order of the message.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of every field with this name, first first; names ignore case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first field with this name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}
