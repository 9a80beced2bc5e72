use super::*;
use crate::message::{self, Address, Origin, ReadLimits};
use crate::quarantine::{
    AuditRecord, Deed, Entry, State, StoredSignal, StoredVerdict, StoredWallet, hex,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

const MAIL: &[u8] = b"From: <kim@example.org>\r\nReply-To: crook@example.net\r\nTo: kim@example.org\r\nSubject: kim, your password is hunter2x\r\n\
    Message-ID: <c@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\
    Your password is hunter2x. <b>Pay</b> me & be quiet.\r\n--b\r\nContent-Type: text/plain; name=proof.txt\r\n\
    Content-Disposition: attachment; filename=proof.txt\r\n\r\nThe proof.\r\n--b--\r\n";

fn entry(kind: &str) -> Entry {
    Entry {
        id: "0123456789abcdef".to_owned(),
        state: State::Held,
        received_at: "2026-11-20T09:00:00Z".parse().unwrap(),
        changed_at: "2026-11-20T09:00:00Z".parse().unwrap(),
        queue_id: "4bQk2x3T".to_owned(),
        message_id: Some("<c@example.net>".to_owned()),
        sender: Address::new(b"kim@example.org"),
        recipients: vec![Address::new(b"kim@example.org")],
        client: Some("192.0.2.7".parse().unwrap()),
        client_name: "kim.example.net".to_owned(),
        helo: "<helo>".to_owned(),
        host: "mx.example.org".to_owned(),
        auth_user: None,
        subject: Some("kim, your password is ********".to_owned()),
        verdict: StoredVerdict {
            class: "sextortion".to_owned(),
            score: 11.5,
            kind: Some(kind.to_owned()),
            signals: vec![StoredSignal {
                id: "demand.money".to_owned(),
                category: "demand".to_owned(),
                weight: 2.0,
                place: "plain".to_owned(),
            }],
            wallets: vec![StoredWallet {
                coin: "btc".to_owned(),
                address: "1Example".to_owned(),
                place: "plain".to_owned(),
            }],
            ..StoredVerdict::default()
        },
        rule: None,
        size: MAIL.len() as u64,
        sha256: hex(&Sha256::digest(MAIL)),
        trace: String::new(),
        wave: None,
        follows: None,
    }
}

fn bundle(kind: &str, unmasked: bool) -> BTreeMap<String, Vec<u8>> {
    let options = BundleOptions {
        unmasked,
        by: "ann".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    };
    let trail = [AuditRecord {
        number: 1,
        entry: "0123456789abcdef".to_owned(),
        deed: Deed {
            at: Timestamp::UNIX_EPOCH,
            who: "ann".to_owned(),
            what: "noted".to_owned(),
            why: "asked by kim@example.org".to_owned(),
        },
    }];
    let mut bundle = Bundle::new(Cursor::new(Vec::new()), options);
    bundle.add(&entry(kind), MAIL, &trail).unwrap();
    let mut zip = zip::ZipArchive::new(bundle.finish().unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let name = file
                .name()
                .unwrap()
                .strip_prefix("0123456789abcdef/")
                .unwrap()
                .to_owned();
            (name, bytes)
        })
        .collect()
}

/// All that can be read in some bytes, decoded too.
fn readable(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut all = String::new();
    for bytes in files.values() {
        all += &String::from_utf8_lossy(bytes);
        for piece in message::read(bytes, &ReadLimits::default()).pieces {
            all += &piece.text;
        }
    }
    all
}

#[test]
fn a_bundle_is_read_back() {
    let files = bundle("bluff", false);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "manifest.json",
            "message.eml",
            "page.html",
            "verdict.json"
        ]
    );
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest["original"]["sha256"], hex(&Sha256::digest(MAIL)));
    assert_eq!(manifest["masked"], true);
    for file in manifest["files"].as_array().unwrap() {
        let bytes = &files[file["name"].as_str().unwrap()];
        assert_eq!(file["sha256"], hex(&Sha256::digest(bytes)));
        let line = format!(
            "{}  {}\n",
            file["sha256"].as_str().unwrap(),
            file["name"].as_str().unwrap()
        );
        assert!(String::from_utf8_lossy(&files["SHA256SUMS"]).contains(&line));
    }
    let verdict: serde_json::Value = serde_json::from_slice(&files["verdict.json"]).unwrap();
    assert_eq!(verdict["verdict"]["wallets"][0]["address"], "1Example");
    let page = String::from_utf8_lossy(&files["page.html"]);
    assert!(
        page.contains("&lt;b&gt;Pay&lt;/b&gt; me &amp; be quiet."),
        "{page}"
    );
}

#[test]
fn a_masked_bundle_tells_no_secret() {
    let all = readable(&bundle("bluff", false));
    for secret in ["hunter2x", "kim@example.org"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    assert!(all.contains("Your password is ********."), "{all}");
    assert!(all.contains("The proof."), "{all}");
}

#[test]
fn an_open_bundle_has_the_message_itself_but_for_chat() {
    let files = bundle("bluff", true);
    assert_eq!(files["message.eml"], MAIL);
    for unmasked in [false, true] {
        let all = readable(&bundle("chat", unmasked));
        assert!(!all.contains("The proof."), "{all}");
        assert_eq!(all.contains("hunter2x"), unmasked);
    }
}

fn settings() -> ReportSettings {
    ReportSettings {
        from: Some("abuse@example.org".to_owned()),
        ..ReportSettings::default()
    }
}

fn written(to: &str, form: ReportForm) -> Result<String, ReportError> {
    let report = Report {
        to: &Address::new(to.as_bytes()),
        form,
        unmasked: false,
        by: "ann",
    };
    let bytes = write_report(
        &settings(),
        &entry("bluff"),
        MAIL,
        &report,
        Timestamp::UNIX_EPOCH,
    )?;
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn an_arf_report_is_read_back() {
    let text = written("report@police.example", ReportForm::Arf).unwrap();
    assert!(
        text.contains("Content-Type: multipart/report; report-type=feedback-report;"),
        "{text}"
    );
    let boundary = text
        .split("boundary=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    // Before, three parts, and the end: in this order (RFC 5965, section 2).
    assert_eq!(parts.len(), 5);
    assert_eq!(parts[4], "--\r\n");
    for (part, kind) in
        parts[1..4]
            .iter()
            .zip(["text/plain", "message/feedback-report", "message/rfc822"])
    {
        assert!(
            part.starts_with(&format!("\r\nContent-Type: {kind}")),
            "{part}"
        );
    }
    for field in [
        "Feedback-Type: fraud",
        "Version: 1",
        "User-Agent: callbluff/",
        "Source-IP: 192.0.2.7",
        "Reporting-MTA: dns; mx.example.org",
        "Original-Mail-From: <redacted@redacted.invalid>",
        "Arrival-Date: Fri, 20 Nov 2026 09:00:00",
    ] {
        assert!(
            parts[2].contains(&format!("\r\n{field}")),
            "{field}: {}",
            parts[2]
        );
    }
    let read = message::read(text.as_bytes(), &ReadLimits::default());
    let nested = read
        .pieces
        .iter()
        .find(|piece| piece.place.nested == 1 && piece.place.origin == Origin::Plain);
    assert!(nested.unwrap().text.contains("Your password is ********."));
}

#[test]
fn no_report_tells_a_secret() {
    for form in [ReportForm::Arf, ReportForm::Forward] {
        let text = written("report@police.example", form).unwrap();
        let files = BTreeMap::from([("report".to_owned(), text.into_bytes())]);
        let all = readable(&files);
        for secret in ["hunter2x", "kim@example.org"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
    }
}

#[test]
fn a_report_never_goes_to_the_sender() {
    for to in ["kim@example.org", "CROOK@example.net"] {
        assert_eq!(
            written(to, ReportForm::Forward),
            Err(ReportError::ToSender),
            "{to}"
        );
    }
    let report = Report {
        to: &Address::new(b"report@police.example"),
        form: ReportForm::Arf,
        unmasked: false,
        by: "ann",
    };
    let nobody = ReportSettings::default();
    let written = write_report(
        &nobody,
        &entry("bluff"),
        MAIL,
        &report,
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(written, Err(ReportError::NoSender));
}
