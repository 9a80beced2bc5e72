//! One spelling for many.

/// A text in the spelling that patterns are written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The text.
    pub text: String,
}

/// Folds a whole text.
pub fn fold(text: &str) -> Folded {
    let mut folded = text.to_lowercase().replace(['\r', '\n', '\t'], " ");
    folded = folded.replace(['’', '‘'], "'").replace(['“', '”'], "\"");
    Folded { text: folded }
}
