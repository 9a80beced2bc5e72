//! Which languages write a letter with that accent.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The accented letters of one language, loan words included.
const LANGUAGES: &[&str] = &[
    "äöüßéèàêçñ",
    "àâæçéèêëîïôœùûüÿñö",
    "áéíóúüñïç",
    "áâãàçéêíóôõúüè",
    "àèéìíîòóùú",
    "àçéèíïòóúüñ",
    "áéèëïóöüíûêâçôà",
    "æøåéóàèêôòüäö",
    "åäöéàüèê",
    "åäöšžéü",
    "áðéíóúýþæöø",
    "äõöüšžé",
    "āčēģīķļņšūžōŗé",
    "ąčęėįšųūžé",
    "ąćęłńóśźżéüö",
    "áčďéěíňóřšťúůýžöü",
    "áäčďéíĺľňóôŕšťúýžěöü",
    "čšžćđéáëö",
    "áéíóöőúüűä",
    "ăâîșțşţéáöü",
    "çğıöşüâîûé",
    "çəğıöşüé",
    "çëé",
    "ċġħżàèìòù",
    "âêîôûŵŷáéíóúẃýäëïöüẅÿàèìòùẁ",
    "áéíóú",
    "ĉĝĥĵŝŭ",
    "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "áàéèẹíìóòọúùṣńǹ",
    "ịọụṅáàéèíìóòúù",
    "ɓɗƙƴ",
    "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü",
    "āīūēōṛṝṃṁṇṅṣśṭḍñḥḷḫẓṯḏġ",
    "áčđŋšŧžåäöæø",
    "êîûçş",
    "ãẽĩõũỹñáéíóúý",
    "ŏŭ",
    "ňçäöüşžý",
    "ñâêîôûàùé",
];

static USERS: LazyLock<BTreeMap<char, u64>> = LazyLock::new(|| {
    let mut users = BTreeMap::new();
    for (language, letters) in LANGUAGES.iter().enumerate() {
        for letter in letters.chars() {
            *users.entry(letter).or_default() |= 1 << language;
        }
    }
    users
});

/// One bit for each language that writes this letter.
pub(super) fn languages(letter: char) -> u64 {
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    USERS.get(&lower).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_bit() {
        assert!(LANGUAGES.len() <= 64);
        assert_ne!(languages('ř') & languages('Ů'), 0);
        assert_eq!(languages('ř') & languages('ñ'), 0);
        assert_eq!(languages('ẘ'), 0);
    }
}
