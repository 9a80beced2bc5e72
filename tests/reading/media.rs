//! PDFs and QR codes.

use crate::fixture::{Fixture, Want};
use crate::mail::{b64, html, mail, multipart, note, part};
use crate::words::{each, english, harmless, sentence};
use callbluff::message::Origin;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, Aes256CryptFilter, CryptFilter};
use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::Arc;

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A stream object.
fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<< {entries} /Length {} >>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

const HELVETICA: &str = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >>";

/// A document of one page: objects 1 to 3 are given, 4 is its content, others follow.
fn pdf(resources: &str, content: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources {resources} >>"
    );
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        content,
    ];
    objects.extend_from_slice(more);
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let (start, size) = (out.len(), objects.len() + 1);
    out.extend_from_slice(
        format!("{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n")
            .as_bytes(),
    );
    out
}

/// A mail with a PDF, attached in one of several ways.
fn with_pdf(number: usize, body: &str, bytes: &[u8]) -> Vec<u8> {
    let fields = [
        "Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=a.pdf",
        "Content-Type: application/octet-stream; name=\"letter.pdf\"",
        "Content-Type: application/pdf\nContent-Disposition: inline",
        "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=letter.bin",
    ];
    let text = part(
        "Content-Type: text/plain; charset=utf-8",
        "8bit",
        body.as_bytes(),
    );
    mail(&multipart(
        "mixed",
        &[text, part(fields[number % 4], "base64", bytes)],
    ))
}

fn seen(text: &str) -> Vec<Want> {
    vec![Want::SeenAs(Origin::Pdf, text.to_owned())]
}

/// The operators that show a text, in one of several ways.
fn shown(number: usize, text: &str) -> Vec<u8> {
    let text: String = text.chars().collect();
    let content = match number % 6 {
        0 => format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET"),
        1 => {
            let words: Vec<String> = text
                .split(' ')
                .map(|word| format!("({word}) -300"))
                .collect();
            format!("BT /F1 12 Tf 72 700 Td [{}] TJ ET", words.join(" "))
        }
        2 => {
            let words: Vec<String> = text
                .split(' ')
                .map(|word| format!("({word}) Tj T*"))
                .collect();
            format!("BT /F1 12 Tf 14 TL 72 700 Td {} ET", words.join(" "))
        }
        3 => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            format!("BT /F1 12 Tf 72 700 Td <{hex}> Tj ET")
        }
        4 => {
            let octal: String = text.bytes().map(|byte| format!("\\{byte:03o}")).collect();
            format!("q .5 0 0 .5 0 0 cm BT /F1 24 Tf 72 700 Td ({octal}) Tj ET Q")
        }
        _ => {
            let pairs: Vec<char> = text.chars().collect();
            let parts: Vec<String> = pairs
                .chunks(3)
                .map(|three| format!("({})", three.iter().collect::<String>()))
                .collect();
            format!("BT /F1 12 Tf 72 700 Td [{}] TJ ET", parts.join(" 5 "))
        }
    };
    content.into_bytes()
}

pub(crate) fn compressed() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = english(number);
        let content = shown(number, text);
        let object = match number / 6 {
            0 => stream("/Filter /FlateDecode", &deflate(&content)),
            _ => {
                let hex: String = deflate(&content)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                stream(
                    "/Filter [/ASCIIHexDecode /FlateDecode]",
                    format!("{hex}>").as_bytes(),
                )
            }
        };
        let raw = with_pdf(number, "See the file.", &pdf(HELVETICA, object, &[]));
        fixtures.push(Fixture::new(number.to_string(), raw, seen(text)));
    }
    fixtures
}

pub(crate) fn mapped() -> Vec<Fixture> {
    let resources = "<< /Font << /F1 << /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Own /Encoding /Identity-H \
                     /ToUnicode 5 0 R /DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /DW 600 >>] >> >> >>";
    let mut fixtures = Vec::new();
    for number in 0..14 {
        let text = sentence(number);
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        let code = |c: char| letters.iter().position(|letter| *letter == c).unwrap() as u16 + 3;
        let codes = each(text, |_, c| format!("{:04X}", code(c)));
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n1 begincodespacerange <0000> <ffff> endcodespacerange\n",
        );
        if number.is_multiple_of(2) {
            map += &format!("{} beginbfchar\n", letters.len());
            for c in &letters {
                map += &format!("<{:04x}> <{:04x}>\n", code(*c), u32::from(*c));
            }
            map += "endbfchar\nendcmap";
        } else {
            map += &format!("{} beginbfrange\n", letters.len());
            for c in &letters {
                map += &format!("<{0:04x}> <{0:04x}> [<{1:04x}>]\n", code(*c), u32::from(*c));
            }
            map += "endbfrange\nendcmap";
        }
        let content = format!("BT /F1 12 Tf 20 700 Td <{codes}> Tj ET");
        let content = stream("/Filter /FlateDecode", &deflate(content.as_bytes()));
        let map = match number % 3 {
            0 => stream("", map.as_bytes()),
            _ => stream("/Filter /FlateDecode", &deflate(map.as_bytes())),
        };
        let raw = with_pdf(number, "See the file.", &pdf(resources, content, &[map]));
        fixtures.push(Fixture::new(number.to_string(), raw, seen(text)));
    }
    fixtures
}

fn encrypted(way: usize, password: &str, text: &str) -> Vec<u8> {
    let content = stream("/Filter /FlateDecode", &deflate(&shown(way, text)));
    let mut document = Document::load_mem(&pdf(HELVETICA, content, &[])).unwrap();
    let id = Object::String(vec![7; 16], StringFormat::Hexadecimal);
    document
        .trailer
        .set("ID", Object::Array(vec![id.clone(), id]));
    let filters = |filter: Arc<dyn CryptFilter>| BTreeMap::from([(b"StdCF".to_vec(), filter)]);
    let permissions = Permissions::all();
    let owner_password = "owner";
    let state = match way % 3 {
        0 => EncryptionState::try_from(EncryptionVersion::V2 {
            document: &document,
            owner_password,
            user_password: password,
            key_length: 128,
            permissions,
        }),
        1 => EncryptionState::try_from(EncryptionVersion::V4 {
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

pub(crate) fn locked_without_password() -> Vec<Fixture> {
    let fixtures = (0..12).map(|number| {
        let text = english(number);
        let raw = with_pdf(number, "See the file.", &encrypted(number, "", text));
        Fixture::new(number.to_string(), raw, seen(text))
    });
    fixtures.collect()
}

pub(crate) fn locked_with_a_quoted_password() -> Vec<Fixture> {
    let bodies = [
        "The file is locked, password: {p}",
        "Password: {p}\n\nOpen the document.",
        "Use the password {p} to open it.",
        "The password is {p}",
        "Das Passwort lautet {p}",
        "Passwort: {p}",
        "Mot de passe : {p}",
        "La contraseña es {p}",
        "Hasło: {p}",
        "Пароль: {p}",
        "Wachtwoord: {p}",
        "parola: {p}",
    ];
    let fixtures = bodies.iter().enumerate().map(|(number, body)| {
        let (text, password) = (
            english(number),
            format!("Kiwi{}x{}", 4711 + number * 37, number),
        );
        let raw = with_pdf(
            number,
            &body.replace("{p}", &password),
            &encrypted(number, &password, text),
        );
        Fixture::new(*body, raw, seen(text))
    });
    fixtures.collect()
}

/// A QR code as grey pixels.
fn code(text: &str, scale: u32) -> GrayImage {
    let code = qrcode::QrCode::new(text).unwrap();
    let side = (code.width() as u32 + 8) * scale;
    GrayImage::from_fn(side, side, |x, y| {
        let at = |v: u32| {
            (v / scale)
                .checked_sub(4)
                .filter(|v| (*v as usize) < code.width())
        };
        match (at(x), at(y)) {
            (Some(x), Some(y)) if code[(x as usize, y as usize)] == qrcode::Color::Dark => {
                Luma([0])
            }
            _ => Luma([255]),
        }
    })
}

fn file(picture: GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageLuma8(picture);
    match format {
        ImageFormat::Gif | ImageFormat::WebP => DynamicImage::ImageRgba8(picture.to_rgba8()),
        ImageFormat::Bmp => DynamicImage::ImageRgb8(picture.to_rgb8()),
        _ => picture,
    }
    .write_to(&mut bytes, format)
    .unwrap();
    bytes.into_inner()
}

const FORMATS: [(ImageFormat, &str); 5] = [
    (ImageFormat::Png, "png"),
    (ImageFormat::Jpeg, "jpeg"),
    (ImageFormat::Gif, "gif"),
    (ImageFormat::WebP, "webp"),
    (ImageFormat::Bmp, "bmp"),
];

/// A mail for every number, with a QR code put in by `make`; they grow with the number.
fn codes(make: impl Fn(usize, &[u8], &str) -> Vec<u8>) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..15 {
        let (format, name) = FORMATS[number % FORMATS.len()];
        let text = format!("{}, {}", sentence(number), harmless(number));
        // The smallest picture that is looked at has 1 KiB.
        let bytes = file(code(&text, 4 + number as u32 % 5), format);
        let raw = make(number, &bytes, name);
        let wants = vec![Want::SeenAs(Origin::Qr, text), Want::Fact("structure.qr")];
        fixtures.push(Fixture::new(format!("{number} {name}"), raw, wants));
    }
    fixtures
}

pub(crate) fn codes_inline() -> Vec<Fixture> {
    codes(|_, bytes, name| {
        let page = part(
            "Content-Type: text/html; charset=utf-8",
            "8bit",
            b"<p>Scan this:</p><img src='cid:code@example.org'>",
        );
        let fields = format!(
            "Content-Type: image/{name}\nContent-ID: <code@example.org>\nContent-Disposition: inline"
        );
        mail(&multipart(
            "related",
            &[page, part(&fields, "base64", bytes)],
        ))
    })
}

pub(crate) fn codes_attached() -> Vec<Fixture> {
    codes(|number, bytes, name| {
        let fields = match number % 3 {
            0 => format!(
                "Content-Type: image/{name}; name=code.{name}\nContent-Disposition: attachment"
            ),
            1 => format!("Content-Type: application/octet-stream; name=code.{name}"),
            _ => "Content-Type: image/jpeg; name=lie.jpg".to_owned(),
        };
        mail(&multipart(
            "mixed",
            &[note(), part(&fields, "base64", bytes)],
        ))
    })
}

pub(crate) fn codes_in_data_uris() -> Vec<Fixture> {
    codes(|number, bytes, name| {
        let uri = match number % 3 {
            0 => format!("data:image/{name};base64,{}", b64(bytes)),
            1 => format!("DATA:;charset=x;BASE64,{}", b64(bytes).replace('+', "%2B")),
            _ => format!(
                "data:image/{name},{}",
                bytes
                    .iter()
                    .map(|byte| format!("%{byte:02x}"))
                    .collect::<String>()
            ),
        };
        html(&format!("<p>Scan this:</p><img alt='' src=\"{uri}\">"))
    })
}

pub(crate) fn codes_in_pdfs() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let text = format!("{}, {}", sentence(number), harmless(number));
        let picture = code(&text, 4);
        let side = picture.width();
        let grey = picture.as_raw().clone();
        let (entries, data) = match number % 4 {
            0 => (
                "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode",
                deflate(&grey),
            ),
            1 => {
                let rgb: Vec<u8> = grey.iter().flat_map(|value| [*value; 3]).collect();
                (
                    "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode",
                    deflate(&rgb),
                )
            }
            2 => (
                "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode",
                file(picture.clone(), ImageFormat::Jpeg),
            ),
            _ => {
                let pixels: Vec<u8> = grey.iter().map(|value| u8::from(*value == 0)).collect();
                (
                    "/ColorSpace [/Indexed /DeviceRGB 1 <FFFFFF000000>] /BitsPerComponent 8",
                    pixels,
                )
            }
        };
        let entries =
            format!("/Type /XObject /Subtype /Image /Width {side} /Height {side} {entries}");
        let content = match number % 3 {
            0 => stream("", b"q 200 0 0 200 100 400 cm /I Do Q"),
            1 => stream(
                "/Filter /FlateDecode",
                &deflate(b"q 90 0 0 90 10 10 cm /I Do Q"),
            ),
            _ => stream("", b"q .1 0 0 .1 0 0 cm 2000 0 0 2000 0 0 cm /I Do Q"),
        };
        let bytes = pdf(
            "<< /XObject << /I 5 0 R >> >>",
            content,
            &[stream(&entries, &data)],
        );
        let raw = with_pdf(number, "Scan this.", &bytes);
        let wants = vec![Want::SeenAs(Origin::Qr, text), Want::Fact("structure.qr")];
        fixtures.push(Fixture::new(number.to_string(), raw, wants));
    }
    fixtures
}

pub(crate) fn pictures_instead_of_text() -> Vec<Fixture> {
    let noise = |seed: u32| {
        GrayImage::from_fn(120, 60, |x, y| {
            Luma([(x
                .wrapping_mul(73)
                .wrapping_add(y.wrapping_mul(151) ^ seed)
                .wrapping_mul(2_654_435_761)
                >> 24) as u8])
        })
    };
    let mut fixtures = Vec::new();
    for number in 0..12 {
        let (format, name) = FORMATS[number % FORMATS.len()];
        let bytes = file(noise(number as u32), format);
        let picture = part(
            &format!("Content-Type: image/{name}; name=a.{name}"),
            "base64",
            &bytes,
        );
        let raw = match number % 4 {
            0 => mail(&picture),
            1 => mail(&multipart(
                "mixed",
                &[part("Content-Type: text/plain", "7bit", b"Hi"), picture],
            )),
            2 => {
                let page = part("Content-Type: text/html", "7bit", b"<img src='cid:a'>");
                mail(&multipart("related", &[page, picture]))
            }
            _ => html(&format!(
                "<img src='data:image/{name};base64,{}'>",
                b64(&bytes)
            )),
        };
        fixtures.push(Fixture::new(
            format!("{number} {name}"),
            raw,
            vec![Want::Fact("structure.picture-only")],
        ));
    }
    fixtures
}
