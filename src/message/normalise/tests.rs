//! Tables and properties of folding.

use super::*;
use crate::message::{Origin, Place};
use proptest::prelude::*;

/// Runs every row, then names those that are wrong.
fn check(rows: &[(&str, &str)]) {
    let wrong: Vec<_> = rows
        .iter()
        .map(|&(from, to)| (from, to, plain(from)))
        .filter(|(_, to, got)| to != got)
        .collect();
    assert!(wrong.is_empty(), "(source, expected, got): {wrong:#?}");
}

fn plain(text: &str) -> String {
    fold(text).text
}

#[test]
fn many_spellings_become_one() {
    let rows = [
        ("Bitcoin", "bitcoin"),
        ("ＢＩＴＣＯＩＮ", "bitcoin"),
        ("𝓑𝓲𝓽𝓬𝓸𝓲𝓷 𝔟𝔦𝔱𝔠𝔬𝔦𝔫", "bitcoin bitcoin"),
        ("Ⓑⓘⓣⓒⓞⓘⓝ 🅱🅸🆃🅲🅾🅸🅽", "bitcoin bitcoin"),
        ("ﬁlm Straße Łódź Đà Nẵng", "film strasse lodz da nang"),
        ("ﬀœuvre Ærø þorn", "ffoeuvre aero thorn"),
        ("IŞIK ışık İstanbul", "isik isik istanbul"),
        ("bìtçöîñ b̷i̵t̸c̶o̷i̵n̸", "bitcoin bitcoin"),
        ("bit\u{200b}co\u{ad}in wal\u{2060}let", "bitcoin wallet"),
        ("биткоин Ёлка йод Київ", "биткоин елка иод киів"),
        ("Ελλάδα καλός ΚΑΛΟΣ", "ελλαδα καλοσ καλοσ"),
        ("שָׁלוֹם", "שלום"),
        ("أهلاً إلى الآن مكتبة ـمـ", "اهلا الي الان مكتبه م"),
        ("ビデオ ﾋﾞﾃﾞｵ か\u{3099}", "ビデオ ビデオ が"),
        ("비트코인 \u{1107}\u{1175}\u{1110}\u{1173}", "비트코인 비트"),
        ("“quoted” ‘it’s’ — a–b", "\"quoted\" 'it's' - a-b"),
        ("支付，比特币。（一）", "支付,比特币.(一)"),
        ("٢٤ ساعة २४ ２４", "24 ساعه 24 24"),
        (
            "aa  bb\tcc\r\ndd\n\nee\r\n\r\nff\rgg",
            "aa bb cc dd\n\nee\n\nff gg",
        ),
        ("Brand™ №5", "brand™ №5"),
    ];
    check(&rows);
}

#[test]
fn look_alikes_follow_the_alphabet_of_their_word() {
    let rows = [
        ("bitсоin", "bitcoin"),
        ("Віtсоіn wаllеt", "bitcoin wallet"),
        ("Ηacked by αnοther", "hacked by another"),
        ("ᗷitcoin ᏢayᏢal", "bitcoin paypal"),
        ("payցate", "paygate"),
        // Latin letters in a Cyrillic or Greek word.
        ("пaроль пapoль", "пароль пароль"),
        ("πaρaκαλώ", "παρακαλω"),
        // Real text stays itself.
        ("Мы записали видео", "мы записали видео"),
        ("вот сор", "вот сор"),
        ("USB-порт", "usb-порт"),
        // All look-alikes, in Latin text.
        (
            "please send all of the money to my сосо and рау",
            "please send all of the money to my coco and pay",
        ),
        (
            "Купите iPhone Pro Max с доставкой",
            "купите iphone pro max с доставкои",
        ),
    ];
    check(&rows);
}

#[test]
fn spaced_words_are_joined() {
    let rows = [
        ("b i t c o i n", "bitcoin"),
        ("b.i.t.c.o.i.n!", "bitcoin!"),
        ("b-i-t-c-o-i-n", "bitcoin"),
        ("b*i*t*c*o*i*n", "bitcoin"),
        ("h a c k e d   y o u r   p c", "hacked your pc"),
        ("W I C H T I G", "wichtig"),
        ("I  h a v e  a  v i d e o", "i have a video"),
        ("w   i   d   e", "wide"),
        ("п а р о л ь", "пароль"),
        ("b і t с о i n", "bitcoin"),
        ("U.S.A. and e.g. i.e.", "u.s.a. and e.g. i.e."),
        ("a b c", "a b c"),
        ("I, a, b", "i, a, b"),
        ("x y.z.a.b c", "x yzab c"),
    ];
    check(&rows);
}

#[test]
fn digits_between_letters_are_letters() {
    let rows = [
        (
            "b1tc0in p0rn w@llet v!deo pa$$word",
            "bitcoin porn wallet video password",
        ),
        ("h4x0r m4st3rb4t3 s3x", "haxor masterbate sex"),
        ("wal1et wa11et", "wallet wallet"),
        ("п0рно 6иткоин", "порно 6иткоин"),
        (
            "24h 2nd mp3 covid19 usd500 1000usd",
            "24h 2nd mp3 covid19 usd500 1000usd",
        ),
        ("sha256sum b2b i18n h2o y2k", "sha256sum b2b i18n h2o y2k"),
        ("jane.d0e@example.com", "jane.d0e@example.com"),
        ("https://example.com/p0rn", "https://example.com/p0rn"),
        ("image1a.png", "image1a.png"),
        ("US$500 $100 A@", "us$500 $100 a@"),
        ("Great! Now", "great! now"),
    ];
    check(&rows);
}

#[test]
fn references_are_decoded() {
    let rows = [
        ("&#98;&#x69;t&#99;oin", "bitcoin"),
        ("&eacute;t&Eacute; &lt;b&gt;", "ete <b>"),
        ("&#1087;&#1072;&#1088;&#1086;&#1083;&#1100;", "пароль"),
        ("a&nbsp;&nbsp;b", "a b"),
        ("AT&T; R&D & co", "at&t; r&d & co"),
        ("&#38;#98;", "b"),
        ("&am&#8203;p;", "&"),
    ];
    check(&rows);
}

#[test]
fn foreign_letters_between_all_letters_are_noise() {
    assert_eq!(plain("bжiжtжcжoжiжn"), "bitcoin");
    assert_eq!(fold("bжiжtжcжoжiжn").stats.interleaved, 6);
    assert_eq!(plain("mаlаgаsу"), "malagasy");
}

#[test]
fn letters_without_spaces_between_lone_letters_are_noise() {
    check(&[
        ("b的i的t的c的o的i的n", "bitcoin"),
        ("wあaあlあlあeあt now", "wallet now"),
        ("cกaกmกeกrกa", "camera"),
        // Fewer letters, or other ones in turn, are what they say.
        ("AとBとC", "aとbとc"),
        ("v的i你t是c", "v的i你t是c"),
        ("IT企業とAI技術", "it企業とai技術"),
    ]);
}

/// Two foreign alphabets in a word that is folded without looking at it as a whole.
#[test]
fn a_long_word_of_three_alphabets_is_folded_once() {
    for text in [
        "$ayyyyyyyy$ayyyyyyyyyyyyyy\u{7}пр\u{3f8}OOOyyyyyyyyyyyy\u{7}пр\u{3f8}OOOyyyyyyyyy\u{7}пр\u{3f8}OOOO".to_owned(),
        "y п р \u{3f8} ".repeat(20),
    ] {
        let folded = fold(&text).text;
        assert_eq!(fold(&folded).text, folded);
    }
}

#[test]
fn offsets_lead_back_to_the_source() {
    let source = "Ｓｅｎｄ b i t с o i n  & wа\u{200b}llet";
    let folded = fold(source);
    assert_eq!(folded.text, "send bitcoin & wallet");
    for (word, expected) in [
        ("send", "Ｓｅｎｄ"),
        ("bitcoin", "b i t с o i n"),
        ("wallet", "wа\u{200b}llet"),
    ] {
        let start = folded.text.find(word).expect("the word is there");
        let range = folded.source_offset(start)..folded.source_offset(start + word.len());
        assert_eq!(
            source.get(range.clone()).unwrap_or("(cut)"),
            expected,
            "{range:?}"
        );
    }
}

#[test]
fn a_long_word_is_folded_too() {
    let from = "hасkеd".repeat(40);
    assert_eq!(plain(&from), "hacked".repeat(40));
}

fn ids(origin: Origin, text: &str) -> Vec<&'static str> {
    findings(&fold(text).stats, Place::of(origin))
        .into_iter()
        .map(|finding| finding.id)
        .collect()
}

#[test]
fn honest_mail_of_any_language_gives_no_finding() {
    let rows = [
        "Tôi đã gửi cho bạn tài liệu về cuộc họp ngày mai, xin vui lòng đọc trước khi đến. Cảm ơn bạn rất nhiều!",
        "To\u{302}i đa\u{303} gu\u{31b}\u{309}i ta\u{300}i lie\u{302}\u{323}u cho ba\u{323}n ve\u{302}\u{300} cuo\u{302}\u{323}c ho\u{323}p nga\u{300}y mai",
        "Příliš žluťoučký kůň úpěl ďábelské ódy, a proto se omlouváme za zpoždění vaší zásilky.",
        "Árvíztűrő tükörfúrógép. Żółta jaźń. Größe, Übermaß, çeşitli ürünler, Ťažký vĺčik, mūsų šąlančių.",
        "Vážený zákazníku / Szanowny Kliencie / Tisztelt Ügyfelünk / Sayın Müşterimiz / Kære kunde / Cher client privilégié",
        "Купите iPhone 15 Pro Max с доставкой по Москве, Samsung Galaxy и USB-кабели в наличии. Cкидки до 50 %.",
        "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν, καὶ θεὸς ἦν ὁ λόγος. ᾧ τινι ᾄδω τῷ ᾠδῇ",
        "می\u{200c}خواهم این کتاب\u{200c}ها را به شما نشان دهم و نمی\u{200c}دانم کی می\u{200c}آیید",
        "क\u{94d}\u{200d}षमा करें, यह ईमेल आपके खाते के बारे में है। श\u{94d}\u{200c}री",
        "אֲנִי שׁוֹלֵחַ לְךָ אֶת הַמִּסְמָךְ \u{200f}(PDF)\u{200e} מָחָר",
        "🎉🎉 Summer sale! 👨\u{200d}👩\u{200d}👧 🇩🇪 ❤\u{fe0f} 1\u{fe0f}\u{20e3} Save 20 % on everything 🏴\u{e0067}\u{e0062}\u{e007f}",
        "W I C H T I G! Bitte lesen Sie diese Nachricht. S A L E  N O W",
        "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
        "Upgrade your mp3, ipv4 and sha256 tools: i18n, k8s, log4j, f2fs, e2fsprogs, 24h a day.",
        "R&amp;D caf&eacute; &copy; &#8217;s &#160; &nbsp;&zwnj;&nbsp;&zwnj;&nbsp;&zwnj;&nbsp;&zwnj;&nbsp;&zwnj;",
        "Silben\u{ad}tren\u{ad}nung in Donau\u{ad}dampf\u{ad}schiff\u{ad}fahrts\u{ad}gesell\u{ad}schaft",
    ];
    let padding = "&zwnj;&nbsp;\u{200c} \u{34f} \u{ad}".repeat(80);
    let wrong: Vec<_> = rows
        .into_iter()
        .chain([padding.as_str()])
        .flat_map(|text| [Origin::Plain, Origin::Subject].map(|origin| (text, ids(origin, text))))
        .filter(|(_, ids)| !ids.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn hidden_words_give_their_finding() {
    let rows = [
        (
            "confusables",
            "I hаvе hасkеd уоur dеviсе аnd rесоrdеd уоu thrоugh thе саmеrа",
        ),
        (
            "accents",
            "Ĭ häṽe ĥâcķed yõũr dèvíĉe ãnd rèçörded ŷoů wîth ÿõùr cămẽrä, pąŷ bîţčöïn ñõŵ",
        ),
        (
            "accents",
            "I h\u{301}\u{317}\u{348}a\u{301}\u{317}\u{348}v\u{301}\u{317}\u{348}e\u{301}\u{317}\u{348} y\u{301}\u{317}\u{348}o\u{301}\u{317}\u{348}u\u{301}\u{317}\u{348}r\u{301}\u{317}\u{348} f\u{301}\u{317}\u{348}i\u{301}\u{317}\u{348}l\u{301}\u{317}\u{348}e\u{301}\u{317}\u{348}",
        ),
        (
            "zero-width",
            "I ha\u{200b}ve hac\u{200b}ked yo\u{200b}ur de\u{200c}vice a\u{200d}nd re\u{feff}cor\u{2060}ded y\u{200b}ou",
        ),
        (
            "spaced-words",
            "I  h a v e  h a c k e d  y o u r  d e v i c e  a n d  t o o k  a  v i d e o",
        ),
        (
            "leet",
            "I h4ve h4cked y0ur dev1ce and rec0rded y0u, p@y b1tc0in n0w",
        ),
        (
            "entities",
            "&#73; &#104;&#97;&#118;&#101; &#104;&#97;&#99;&#107;&#101;&#100; &#121;&#111;&#117;&#114; &#112;&#99;&#33; &#112;&#97;&#121;",
        ),
        ("interleaved", "hжaжcжkжeжd dжeжvжiжcжe rжeжcжoжrжdжeжd"),
        (
            "bidi",
            "I ha\u{202d}ve ha\u{202e}cked yo\u{202e}ur dev\u{202d}ice",
        ),
    ];
    for (what, text) in rows {
        assert_eq!(
            ids(Origin::Plain, text),
            [format!("obfuscation.{what}")],
            "{text}"
        );
    }
}

#[test]
fn a_megabyte_of_anything_is_folded() {
    for bit in [
        "1",
        "a ",
        " ",
        "\u{301}",
        "e\u{301}",
        "&",
        "&#38;",
        "a.",
        "ﷺ",
        "か\u{3099}",
        "bж",
        "a@",
    ] {
        let text = bit.repeat((1 << 20) / bit.len());
        let folded = fold(&text);
        assert!(folded.text.len() <= 2 * text.len(), "{bit}");
    }
}

/// Text of the kinds that meet the rules, in any order.
fn text() -> impl Strategy<Value = String> {
    let bits = prop::sample::select(vec![
        "a",
        "b",
        "o",
        "w",
        "I",
        "x",
        "сосо",
        "о",
        "а",
        "В",
        "и",
        "ж",
        "η",
        "ο",
        "π",
        "ա",
        "Ꭺ",
        "ᗷ",
        "1",
        "0",
        "3",
        "@",
        "$",
        "!",
        "&",
        "#",
        ";",
        "&amp;",
        "&#",
        "&#38;",
        "&#1089;",
        "&#x61;",
        "&eacute;",
        "amp",
        "nbsp",
        " ",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "\t",
        ".",
        ".",
        "-",
        "_",
        "'",
        ",",
        "|",
        "\u{200b}",
        "\u{ad}",
        "\u{202e}",
        "\u{301}",
        "\u{336}",
        "é",
        "ß",
        "ﬁ",
        "Ａ",
        "＆",
        "；",
        "𝐛",
        "か",
        "\u{3099}",
        "ﾞ",
        "\u{1107}",
        "\u{1175}",
        "\u{11ab}",
        "비",
        "ㅂ",
        "中",
        "ا",
        "\u{64e}",
        "ה",
        "क",
        "™",
        "½",
        "bitcoin",
        "wallet",
        "hello",
        "привет",
        "ﷺ",
        "\u{85}",
        "\u{2029}",
        "\u{3164}",
        "😀",
        "\u{fe0f}",
    ]);
    let word = prop::collection::vec(
        prop_oneof![8 => bits.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)],
        0..60,
    );
    word.prop_map(|bits| bits.concat())
}

fn ascii() -> impl Strategy<Value = String> {
    "[a-e ,.!?I1-3\n-]{0,80}( [a-z]{2,6}){0,8}[a-c 1.\n!]{0,9}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folding_again_changes_nothing(text in prop_oneof![text(), ascii()]) {
        let once = plain(&text);
        prop_assert_eq!(plain(&once), once);
    }

    #[test]
    fn chunk_borders_change_nothing(text in prop_oneof![text(), ascii()], cuts in prop::collection::vec(0usize..100, 0..8)) {
        let mut pieces = Folded::default();
        let mut normaliser = Normaliser::new();
        let mut start = 0;
        for cut in cuts {
            let end = (start + cut).min(text.len());
            if text.is_char_boundary(end) {
                normaliser.feed(&text[start..end], &mut pieces);
                start = end;
            }
        }
        normaliser.feed(&text[start..], &mut pieces);
        normaliser.finish(&mut pieces);
        let whole = fold(&text);
        prop_assert_eq!(&pieces.text, &whole.text);
        prop_assert_eq!(pieces.stats, whole.stats);
        for at in 0..whole.text.len() {
            prop_assert_eq!(pieces.source_offset(at), whole.source_offset(at));
        }
    }

    #[test]
    fn the_short_cut_changes_nothing(text in prop_oneof![text(), ascii()]) {
        let mut slow = Folded::default();
        let mut normaliser = Normaliser::new();
        normaliser.feed_from(&text, &mut slow, usize::MAX);
        normaliser.finish(&mut slow);
        let fast = fold(&text);
        prop_assert_eq!(&slow.text, &fast.text);
        prop_assert_eq!(slow.stats, fast.stats);
        for at in 0..fast.text.len() {
            prop_assert_eq!(slow.source_offset(at), fast.source_offset(at));
        }
    }

    #[test]
    fn offsets_are_in_order_and_on_characters(text in text()) {
        let folded = fold(&text);
        let mut last = 0;
        for (at, _) in folded.text.char_indices() {
            let source = folded.source_offset(at);
            prop_assert!(source >= last && text.is_char_boundary(source), "{} at {}", source, at);
            last = source;
        }
        prop_assert!(folded.source_offset(folded.text.len()) <= text.len());
    }
}

/// Cases of each property; PROPTEST_CASES asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(256)
}
