//! Invented sentences to hide, and ways to write them.

/// Sentences that a reader shall see, in several scripts.
pub(crate) const SENTENCES: [&str; 14] = [
    "The lens above your screen was open while you sat there on Friday",
    "Nobody has to learn about this if the coins arrive in two days",
    "Ihre Kontakte erfahren davon, sobald die Frist am Sonntag abläuft",
    "Votre secret reste entre nous deux après le paiement demandé",
    "Tu cámara estuvo encendida mientras mirabas esa página ayer",
    "Ваша камера была включена, и запись лежит у меня",
    "Η κάμερα ήταν ανοιχτή και το βίντεο είναι δικό μου",
    "Twoja kamera była włączona przez cały wieczór w zeszłym tygodniu",
    "Kameran oli päällä koko illan, ja minulla on tallenne siitä",
    "あなたのカメラは先週の夜ずっとついていました",
    "你的摄像头上周一直开着我保存了全部画面",
    "당신의 카메라는 지난주 내내 켜져 있었습니다",
    "Kamerou jsem vás sledoval celý večer a mám záznam",
    "Kameranız geçen hafta bütün akşam açıktı ve kaydettim",
];

/// English ones, for disguises that only Latin letters have.
pub(crate) const ENGLISH: [&str; 14] = [
    "your secret camera recording stays with me forever",
    "nobody else must learn about this payment today",
    "transfer the bitcoin before the timer runs out",
    "every contact from your phone receives the movie",
    "the malicious software controls your whole device",
    "delete nothing because the copy rests on a server",
    "remember that the police cannot help with this",
    "another week without payment ruins your marriage",
    "colleagues and relatives open that letter tomorrow",
    "somebody watched your screen the entire evening",
    "purchase the coins and forget about this story",
    "complaining to others makes the situation serious",
    "after the transfer the material gets destroyed",
    "change the password later and cover that lens",
];

/// Harmless words to hide beside them.
pub(crate) const HARMLESS: [&str; 6] = [
    "the garden show opens in spring with tulips from Holland",
    "our library lends board games to families on weekends",
    "a walking tour through the old harbour starts at noon",
    "fresh bread and cheese are sold at the market hall",
    "the choir sings folk songs beside the village pond",
    "two trains leave for the mountains every morning",
];

/// The sentence of a fixture by its number.
pub(crate) fn sentence(number: usize) -> &'static str {
    SENTENCES[number % SENTENCES.len()]
}

/// The same, English.
pub(crate) fn english(number: usize) -> &'static str {
    ENGLISH[number % ENGLISH.len()]
}

/// The harmless words of a fixture by its number.
pub(crate) fn harmless(number: usize) -> &'static str {
    HARMLESS[number % HARMLESS.len()]
}

/// Two halves of a text, torn inside a word.
pub(crate) fn halves(text: &str) -> (&str, &str) {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let middle = chars.len() / 2;
    let inside = |at: &usize| chars[at - 1].1.is_alphabetic() && chars[*at].1.is_alphabetic();
    let at = (middle..chars.len()).find(inside).unwrap();
    text.split_at(chars[at].0)
}

/// Puts something between the letters of each word.
pub(crate) fn between(text: &str, with: &str) -> String {
    let words = text.split(' ').map(|word| {
        let letters: Vec<String> = word.chars().map(String::from).collect();
        letters.join(with)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Writes every character in another way.
pub(crate) fn each(text: &str, write: impl Fn(usize, char) -> String) -> String {
    text.chars()
        .enumerate()
        .map(|(at, c)| write(at, c))
        .collect()
}
