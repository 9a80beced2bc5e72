//! The messages that the tests send. All names are invented.

/// The sender that `config()` in `filter.rs` has a rule for: the action is its local part.
pub(crate) fn sender(action: &str) -> String {
    format!("{action}@actions.example.net")
}

/// An honest message with what relays like to spoil: a folded field, a line that begins with a dot,
/// trailing spaces, a tab, an empty line at the end.
pub(crate) fn plain(id: &str) -> Vec<u8> {
    with_fields(id, "")
}

/// The same with further fields at the top of its header.
pub(crate) fn with_fields(id: &str, fields: &str) -> Vec<u8> {
    format!(
        "{fields}From: Ann Example <ann@example.net>\r\n\
         To: Bob Example <bob@example.org>\r\n\
         Subject: Minutes of the allotment meeting,\r\n\
         \twhich was a long one\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{id}@example.net>\r\n\
         X-Empty:\r\n\
         \r\n\
         Dear Bob,\r\n\
         \r\n\
         .this line begins with a dot\r\n\
         ..and this one with two\r\n\
         trailing spaces   \r\n\
         \ta tab, and an empty line behind\r\n\
         \r\n"
    )
    .into_bytes()
}

/// A message of at least so many bytes.
pub(crate) fn big(id: &str, bytes: usize) -> Vec<u8> {
    let mut message = plain(id);
    let mut number = 0u64;
    while message.len() < bytes {
        // Lines differ, so that a lost or doubled piece cannot go unseen.
        number += 1;
        message.extend_from_slice(
            format!(
                "{number:010} {:064x}\r\n",
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
            .as_bytes(),
        );
    }
    message
}

/// The crime itself, in plain English. The wallet is random and its checksum right.
pub(crate) fn sextortion(id: &str) -> Vec<u8> {
    format!(
        "From: <stranger@example.net>\r\n\
         To: <bob@example.org>\r\n\
         Subject: Your account has been hacked\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{id}@example.net>\r\n\
         \r\n\
         I am a hacker and I have full access to your device. I installed malware on an adult website\r\n\
         that you visited, turned on your webcam and recorded a video of you while you pleased yourself.\r\n\
         Send $900 in Bitcoin to this wallet: 18FotALxS7rn1omo55BhMd5tJmYiu7KDZ3\r\n\
         You have 48 hours. If you do not pay, I will send the video to all your contacts.\r\n\
         Do not go to the police and do not reply to this message.\r\n"
    )
    .into_bytes()
}
