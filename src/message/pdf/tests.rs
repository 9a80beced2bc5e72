//! Whole documents, written here, from bytes to texts.

use crate::message::{Found, Media, MediaKind, MediaLimits, Origin, Piece, Place, decode};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// A document in the making: object 1 is the catalog, 2 the page tree, 3 the page, 4 its content.
struct Pdf {
    objects: Vec<(u32, Vec<u8>)>,
    trailer: String,
}

const HELVETICA: &str = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica \
                         /Encoding /WinAnsiEncoding >> >> >>";

impl Pdf {
    fn new(content: &[u8]) -> Self {
        Self::with_resources(content, HELVETICA, "")
    }

    fn with_resources(content: &[u8], resources: &str, page: &str) -> Self {
        let mut pdf = Self {
            objects: Vec::new(),
            trailer: String::new(),
        };
        pdf.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
        pdf.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        pdf.object(
            3,
            &format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
                 /Resources {resources} {page} >>"
            ),
        );
        pdf.stream(4, "", content);
        pdf
    }

    fn object(&mut self, id: u32, text: &str) {
        self.objects.push((id, text.as_bytes().to_vec()));
    }

    fn stream(&mut self, id: u32, entries: &str, data: &[u8]) {
        let mut object = format!("<< {entries} /Length {} >>\nstream\n", data.len()).into_bytes();
        object.extend_from_slice(data);
        object.extend_from_slice(b"\nendstream");
        self.objects.push((id, object));
    }

    fn deflated(&mut self, id: u32, entries: &str, data: &[u8]) {
        self.stream(
            id,
            &format!("{entries} /Filter /FlateDecode"),
            &deflate(data),
        );
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut offsets = BTreeMap::new();
        for (id, object) in &self.objects {
            offsets.insert(*id, out.len());
            out.extend_from_slice(format!("{id} 0 obj\n").as_bytes());
            out.extend_from_slice(object);
            out.extend_from_slice(b"\nendobj\n");
        }
        let start = out.len();
        out.extend_from_slice(b"xref\n0 1\n0000000000 65535 f \n");
        for (id, offset) in &offsets {
            out.extend_from_slice(format!("{id} 1\n{offset:010} 00000 n \n").as_bytes());
        }
        let size = offsets.keys().next_back().unwrap() + 1;
        let trailer = &self.trailer;
        let end = format!(
            "trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
        );
        out.extend_from_slice(end.as_bytes());
        out
    }
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn found(bytes: Vec<u8>, passwords: &[&str]) -> (Vec<Piece>, Vec<&'static str>) {
    let media = Media {
        place: Place::of(Origin::Pdf),
        kind: MediaKind::Pdf,
        bytes,
    };
    let passwords: Vec<String> = passwords.iter().map(|&p| p.to_owned()).collect();
    let (mut pieces, mut facts) = (Vec::new(), Vec::new());
    let limits = MediaLimits::default();
    decode(
        &media,
        &passwords,
        &limits,
        &mut |_| None,
        &mut |find| match find {
            Found::Text(piece) => pieces.push(piece),
            Found::Fact(finding) => facts.push(finding.id),
        },
    );
    (pieces, facts)
}

/// The visible text of the first reading.
fn text(bytes: Vec<u8>) -> String {
    let (pieces, _) = found(bytes, &[]);
    let pieces = pieces.into_iter();
    pieces
        .filter(|piece| piece.place == Place::of(Origin::Pdf))
        .map(|piece| piece.text.trim().to_owned())
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn text_is_read_however_it_is_placed() {
    for (name, content, expected) in [
        (
            "one string",
            "BT /F1 12 Tf 72 700 Td (Pay me now) Tj ET",
            "Pay me now",
        ),
        (
            "kerned",
            "BT /F1 12 Tf [(P) 30 (ay) -300 (me)] TJ ET",
            "Pay me",
        ),
        (
            "a space is a step",
            "BT /F1 12 Tf 72 700 Td (Pay) Tj 26 0 Td (me) Tj ET",
            "Pay me",
        ),
        (
            "lines",
            "BT /F1 12 Tf 14 TL 72 700 Td (Pay) Tj T* (me) Tj (now) ' 0 0 (please) \" ET",
            "Pay\nme\nnow\nplease",
        ),
        (
            "matrices",
            "BT /F1 1 Tf 12 0 0 12 72 700 Tm (Pay) Tj 12 0 0 12 72 680 Tm (me) Tj ET",
            "Pay\nme",
        ),
        (
            "letter by letter",
            "BT /F1 10 Tf 1 0 0 1 10 9 Tm (P) Tj 1 0 0 1 16.67 9 Tm (a) Tj \
             1 0 0 1 22.23 9 Tm (y) Tj 1 0 0 1 30.01 9 Tm (m) Tj 1 0 0 1 38.34 9 Tm (e) Tj ET",
            "Pay me",
        ),
        (
            "turned by a quarter",
            "q 0 1 -1 0 300 0 cm BT /F1 12 Tf 72 100 Td (Pay) Tj 26 0 Td (me) Tj ET Q",
            "Pay me",
        ),
        (
            "scaled down and up again",
            "q .1 0 0 .1 0 0 cm BT /F1 120 Tf 720 100 Td (Pay) Tj 260 0 Td (me) Tj ET Q",
            "Pay me",
        ),
        (
            "drawn twice to look bold",
            "BT /F1 12 Tf 72 700 Td (Pay) Tj .3 0 Td (Pay) Tj ET",
            "Pay",
        ),
        ("hexadecimal", "BT /F1 12 Tf <506179> Tj ET", "Pay"),
        ("accents", "BT /F1 12 Tf (caf\\351) Tj ET", "café"),
        ("damaged", "BT /F1 12 Tf ) ] >> (Pay) Tj (me", "Pay"),
    ] {
        assert_eq!(
            text(Pdf::new(content.as_bytes()).bytes()),
            expected,
            "{name}"
        );
    }
}

#[test]
fn compressed_content_is_inflated() {
    let mut pdf = Pdf::new(b"");
    pdf.objects.pop();
    pdf.deflated(4, "", b"BT /F1 12 Tf (Pay me) Tj ET");
    assert_eq!(text(pdf.bytes()), "Pay me");
}

#[test]
fn forms_within_forms_are_read_and_loops_end() {
    let resources = "<< /XObject << /X 5 0 R >> >>";
    let mut pdf = Pdf::with_resources(b"/X Do", resources, "");
    let inner = "/Type /XObject /Subtype /Form /Resources << /XObject << /X 5 0 R >> \
                 /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >>";
    pdf.stream(5, inner, b"BT /F1 9 Tf (in a form) Tj ET /X Do");
    let (pieces, facts) = found(pdf.bytes(), &[]);
    assert!(pieces[0].text.contains("in a form"));
    assert_eq!(facts, ["limit.pdf"]);
}

#[test]
fn codes_are_mapped_to_unicode() {
    let resources = "<< /Font << /F1 << /Type /Font /Subtype /Type0 /Encoding /Identity-H \
                     /ToUnicode 5 0 R /DescendantFonts [<< /Type /Font /DW 600 >>] >> >> >>";
    let mut pdf = Pdf::with_resources(b"BT /F1 9 Tf <000100020003> Tj ET", resources, "");
    let map = b"1 begincodespacerange <0000> <ffff> endcodespacerange
                1 beginbfrange <0001> <0002> <0411> endbfrange 1 beginbfchar <0003> <0031> endbfchar";
    pdf.deflated(5, "", map);
    assert_eq!(text(pdf.bytes()), "БВ1");
}

#[test]
fn a_lying_map_does_not_hide_the_text() {
    let resources = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica \
                     /Encoding /WinAnsiEncoding /ToUnicode 5 0 R >> >> >>";
    let mut pdf = Pdf::with_resources(b"BT /F1 9 Tf (Pay me) Tj ET", resources, "");
    pdf.stream(5, "", b"1 beginbfrange <20> <7e> <0058> endbfrange");
    let (pieces, facts) = found(pdf.bytes(), &[]);
    assert!(
        pieces
            .iter()
            .any(|p| p.place.reading == 1 && p.text.contains("Pay me"))
    );
    assert_eq!(facts, ["obfuscation.pdf-font"]);
}

#[test]
fn shuffled_drawing_is_put_in_order() {
    let content = "BT /F1 10 Tf 1 0 0 1 100 700 Tm (me) Tj 1 0 0 1 72 700 Tm (Pay) Tj \
                   1 0 0 1 72 650 Tm (last) Tj 1 0 0 1 72 680 Tm (first) Tj ET";
    let (pieces, _) = found(Pdf::new(content.as_bytes()).bytes(), &[]);
    let placed = pieces
        .iter()
        .find(|piece| piece.place.reading == 2)
        .unwrap();
    assert_eq!(placed.text.trim(), "Pay me\nfirst\nlast");
}

#[test]
fn what_nobody_can_see_is_marked() {
    let content = "BT /F1 12 Tf 72 700 Td (Pay me) Tj 1 g 0 -20 Td (a nice newsletter) Tj \
                   0 g 3 Tr 0 -20 Td (and more) Tj 0 Tr /F1 .1 Tf 0 -20 Td (tiny) Tj ET";
    let (pieces, _) = found(Pdf::new(content.as_bytes()).bytes(), &[]);
    let texts = |hidden: bool| -> Vec<&str> {
        let pieces = pieces.iter().filter(|piece| piece.place.hidden == hidden);
        pieces.map(|piece| piece.text.trim()).collect()
    };
    assert_eq!(texts(false), ["Pay me"]);
    assert_eq!(texts(true), ["a nice newsletter\nand more\ntiny"]);
}

#[test]
fn properties_links_and_notes_are_read() {
    let page = "/Annots [<< /Subtype /Link /A << /S /URI /URI (bitcoin:example) >> >> \
                << /Subtype /Text /Contents <FEFF004F0070> >> << /Subtype /FreeText /AP << /N 6 0 R >> >>]";
    let mut pdf = Pdf::with_resources(b"", HELVETICA, page);
    pdf.object(5, "<< /Title (Your secret) >>");
    pdf.stream(6, "/Subtype /Form", b"BT /F1 9 Tf (a field) Tj ET");
    pdf.trailer = "/Info 5 0 R".to_owned();
    assert_eq!(
        text(pdf.bytes()),
        "Your secret|a field\nbitcoin:example\nOp"
    );
}

fn code_of(text: &str) -> (usize, Vec<bool>) {
    let code = qrcode::QrCode::new(text).unwrap();
    let dark = code.to_colors().into_iter();
    (
        code.width(),
        dark.map(|c| c == qrcode::Color::Dark).collect(),
    )
}

#[test]
fn codes_in_pictures_are_read() {
    const TEXT: &str = "bitcoin:bc1qexample";
    let (squares, dark) = code_of(TEXT);
    let (scale, margin) = (4, 4);
    let side = (squares + 2 * margin) * scale;
    let light = |x: usize, y: usize| {
        let at = |v: usize| (v / scale).checked_sub(margin).filter(|&v| v < squares);
        !matches!((at(x), at(y)), (Some(x), Some(y)) if dark[y * squares + x])
    };
    let grey: Vec<u8> = (0..side * side)
        .map(|i| if light(i % side, i / side) { 255 } else { 0 })
        .collect();
    let rgb: Vec<u8> = grey.iter().flat_map(|&v| [v, v, v]).collect();
    let cmyk: Vec<u8> = grey.iter().flat_map(|&v| [0, 0, 0, 255 - v]).collect();
    let row = side.div_ceil(8);
    let mut bits = vec![0u8; row * side];
    for (index, &value) in grey.iter().enumerate() {
        if value > 0 {
            bits[index / side * row + index % side / 8] |= 128 >> (index % side % 8);
        }
    }
    let pixels: Vec<u8> = grey.iter().map(|&v| u8::from(v == 0)).collect();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    ::image::GrayImage::from_raw(side as u32, side as u32, grey.clone())
        .unwrap()
        .write_to(&mut jpeg, ::image::ImageFormat::Jpeg)
        .unwrap();
    for (name, entries, data) in [
        (
            "grey",
            "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode",
            deflate(&grey),
        ),
        (
            "rgb",
            "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode",
            deflate(&rgb),
        ),
        ("cmyk", "/ColorSpace /DeviceCMYK /BitsPerComponent 8", cmyk),
        (
            "bits",
            "/ColorSpace /DeviceGray /BitsPerComponent 1",
            bits.clone(),
        ),
        ("mask", "/ImageMask true", bits.clone()),
        (
            "palette",
            "/ColorSpace [/Indexed /DeviceRGB 1 <FFFFFF000000>] /BitsPerComponent 8",
            pixels,
        ),
        ("jpeg", "/Filter /DCTDecode", jpeg.get_ref().clone()),
        (
            "jpeg in deflate",
            "/Filter [/FlateDecode /DCTDecode]",
            deflate(jpeg.get_ref()),
        ),
    ] {
        let resources = "<< /XObject << /I 5 0 R >> >>";
        let mut pdf = Pdf::with_resources(b"q 100 0 0 100 0 0 cm /I Do Q", resources, "");
        let entries = format!("/Subtype /Image /Width {side} /Height {side} {entries}");
        pdf.stream(5, &entries, &data);
        let (pieces, facts) = found(pdf.bytes(), &[]);
        let codes: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(codes, [TEXT], "{name}");
        assert_eq!(facts, ["structure.qr"], "{name}");
    }
    let mut inline = format!("BI /W {side} /H {side} /BPC 1 /CS /G ID ").into_bytes();
    inline.extend_from_slice(&bits);
    inline.extend_from_slice(b"\nEI Q");
    let (pieces, _) = found(Pdf::new(&inline).bytes(), &[]);
    assert_eq!(pieces[0].text, TEXT);
}

#[test]
fn codes_drawn_square_by_square_are_read() {
    const TEXT: &str = "bitcoin:bc1qexample";
    let (squares, dark) = code_of(TEXT);
    let draw = |square: &dyn Fn(f64, f64) -> String| {
        let mut content = String::from("q 1.7 0 0 1.7 100 300 cm 0 0 200 .5 re f\n0 g\n");
        for (index, _) in dark.iter().enumerate().filter(|(_, is_dark)| **is_dark) {
            let (x, y) = (index % squares, squares - index / squares);
            content += &square(x as f64, y as f64);
        }
        content + "Q"
    };
    for (name, content) in [
        ("rectangles", draw(&|x, y| format!("{x} {y} 1 1 re f\n"))),
        ("one path", draw(&|x, y| format!("{x} {y} 1 1 re\n")) + " f"),
        (
            "lines",
            draw(&|x, y| {
                let (right, top) = (x + 1.0, y + 1.0);
                format!("{x} {y} m {right} {y} l {right} {top} l {x} {top} l h f\n")
            }),
        ),
    ] {
        let (pieces, facts) = found(Pdf::new(content.as_bytes()).bytes(), &[]);
        assert_eq!(facts, ["structure.qr"], "{name}");
        assert_eq!(pieces[0].text, TEXT, "{name}");
    }
}

/// The document encrypted in one of the ways of the standard, with a user password.
fn encrypted(way: &str, password: &str) -> Vec<u8> {
    let mut pdf = Pdf::new(b"BT /F1 12 Tf (Pay me) Tj ET");
    pdf.trailer =
        "/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]".to_owned();
    let mut document = Document::load_mem(&pdf.bytes()).unwrap();
    let id = Object::String(vec![7; 16], StringFormat::Hexadecimal);
    document
        .trailer
        .set("ID", Object::Array(vec![id.clone(), id]));
    let filters = |filter: Arc<dyn CryptFilter>| BTreeMap::from([(b"StdCF".to_vec(), filter)]);
    let permissions = Permissions::all();
    let owner_password = "owner";
    let state = match way {
        "rc4" => EncryptionState::try_from(EncryptionVersion::V2 {
            document: &document,
            owner_password,
            user_password: password,
            key_length: 128,
            permissions,
        }),
        "aes128" => EncryptionState::try_from(EncryptionVersion::V4 {
            document: &document,
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes128CryptFilter)),
            stream_filter: b"StdCF".to_vec(),
            string_filter: b"StdCF".to_vec(),
            owner_password,
            user_password: password,
            permissions,
        }),
        _ => EncryptionState::try_from(EncryptionVersion::V5 {
            encrypt_metadata: true,
            crypt_filters: filters(Arc::new(Aes256CryptFilter)),
            file_encryption_key: &[9; 32],
            stream_filter: b"StdCF".to_vec(),
            string_filter: b"StdCF".to_vec(),
            owner_password,
            user_password: password,
            permissions,
        }),
    };
    document.encrypt(&state.unwrap()).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn encrypted_documents_open_with_no_or_a_quoted_password() {
    for way in ["rc4", "aes128", "aes256"] {
        assert_eq!(text(encrypted(way, "")), "Pay me", "{way}");
        let locked = encrypted(way, "hunter2");
        let (pieces, facts) = found(locked.clone(), &["Monday", "hunter2"]);
        assert_eq!(pieces[0].text.trim(), "Pay me", "{way}");
        assert_eq!(facts, [""; 0], "{way}");
        let (pieces, facts) = found(locked, &["Monday"]);
        assert!(pieces.is_empty(), "{way}");
        assert_eq!(facts, ["structure.pdf-encrypted"], "{way}");
    }
}

#[test]
fn damaged_documents_are_read_as_far_as_they_go() {
    let whole = Pdf::new(b"BT /F1 12 Tf (Pay me) Tj ET").bytes();
    let xref = whole
        .windows(4)
        .position(|window| window == b"xref")
        .unwrap();
    let mut shifted = b"junk before the header\n".to_vec();
    shifted.extend_from_slice(&whole);
    for (name, bytes) in [
        ("no cross-references", whole[..xref].to_vec()),
        ("junk in front", shifted),
        ("no end", whole[..whole.len() - 30].to_vec()),
    ] {
        assert_eq!(text(bytes), "Pay me", "{name}");
    }
    for bytes in [
        &b""[..],
        b"%PDF-1.4",
        b"%PDF-1.4\ntrailer << /Root 1 0 R >>",
        &whole[..60],
    ] {
        assert_eq!(found(bytes.to_vec(), &[]).1, ["structure.pdf-broken"]);
    }
    // A stream that breaks off shows what came before.
    let content = b"BT /F1 12 Tf (Pay me) Tj ".repeat(2000);
    let mut pdf = Pdf::new(b"");
    pdf.objects.pop();
    let half = deflate(&content);
    pdf.stream(4, "/Filter /FlateDecode", &half[..half.len() / 2]);
    assert!(text(pdf.bytes()).starts_with("Pay me"));
}

#[test]
fn bombs_hit_a_limit_after_the_text_before_them() {
    let mut content = b"BT /F1 12 Tf (Pay me) Tj ET ".to_vec();
    content.resize(40 << 20, b' ');
    let mut inflating = Pdf::new(b"");
    inflating.objects.pop();
    inflating.deflated(4, "", &content);
    let mut operators = b"BT /F1 12 Tf (Pay me) Tj ET ".to_vec();
    operators.extend(b"0 0 m ".repeat(1_500_000));
    let mut many = Pdf::new(b"");
    many.objects.pop();
    many.deflated(4, "", &operators);
    for (name, bytes) in [
        ("inflating", inflating.bytes()),
        ("operators", many.bytes()),
    ] {
        let (pieces, facts) = found(bytes, &[]);
        assert_eq!(pieces[0].text.trim(), "Pay me", "{name}");
        assert_eq!(facts, ["limit.pdf"], "{name}");
    }
}
