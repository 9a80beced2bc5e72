//! Replies on their way to the MTA: changes to a message wait for the answer that follows them.

/// Changes that wait, in bytes; with more they go ahead of the answer.
const MOST_WAITING: usize = 16 << 10;
/// The length of a frame and its command.
const HEAD: usize = 5;

/// Frames that are to be sent.
///
/// Each packet wakes the MTA up, which then waits for the next one: the changes to a message mean
/// nothing to it before the answer, so all of them are one packet with it.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: Vec<u8>,
    sent: usize,
    head: [u8; HEAD],
    head_len: usize,
    /// Bytes of the last frame's payload that are still to come.
    rest: usize,
    /// Is the last frame a change, so that an answer must follow?
    is_change: bool,
}

impl Replies {
    /// Takes bytes of frames, however they are cut.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        while let Some((&byte, tail)) = bytes.split_first() {
            if self.rest > 0 {
                let count = self.rest.min(bytes.len());
                self.rest -= count;
                bytes = &bytes[count..];
                continue;
            }
            bytes = tail;
            self.head[self.head_len] = byte;
            self.head_len += 1;
            if self.head_len == HEAD {
                self.head_len = 0;
                let [a, b, c, d, command] = self.head;
                self.rest = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(1);
                self.is_change = is_change(command);
            }
        }
    }

    /// Must what waits be sent before more is taken?
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// Does the MTA wait for what is here?
    pub(super) fn is_due(&self) -> bool {
        !self.is_change || self.is_full()
    }

    /// What is to be sent.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.waiting[self.sent..]
    }

    /// Notes that so many bytes were sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.waiting.len() {
            self.sent = 0;
            self.waiting.clear();
            // A new body is seldom, and a connection lasts for hours.
            self.waiting.shrink_to(MOST_WAITING);
        }
    }
}

/// Is it a change to a message: of recipients, sender, header, body, or a hold?
///
/// PROGRESS is none: it says that the answer takes time.
fn is_change(command: u8) -> bool {
    matches!(
        command,
        b'+' | b'2' | b'-' | b'b' | b'e' | b'h' | b'i' | b'm' | b'q'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(command: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u32 + 1;
        [&length.to_be_bytes()[..], &[command], payload].concat()
    }

    #[test]
    fn changes_wait_for_the_answer_however_they_are_cut() {
        let changes = [
            frame(b'i', b"\0\0\0\x01X-A\0c\0"),
            frame(b'm', b"\0\0\0\x01X-B\0\0"),
            frame(b'q', b"why\0"),
        ]
        .concat();
        for answer in [frame(b'c', b""), frame(b'y', b"550 c\0"), frame(b'p', b"")] {
            for cut in 1..=changes.len() {
                let mut replies = Replies::default();
                for bytes in changes.chunks(cut) {
                    replies.take(bytes);
                }
                assert!(!replies.is_due(), "cut after {cut}");
                replies.take(&answer);
                assert!(replies.is_due(), "cut after {cut}");
                assert_eq!(replies.unsent(), [&changes[..], &answer].concat());
                replies.sent(3);
                assert_eq!(replies.unsent().len(), changes.len() + answer.len() - 3);
                replies.sent(replies.unsent().len());
                assert!(replies.unsent().is_empty());
            }
        }
    }

    #[test]
    fn many_changes_go_ahead() {
        let mut replies = Replies::default();
        replies.take(&frame(b'b', &[b'x'; MOST_WAITING]));
        assert!(replies.is_full() && replies.is_due());
        replies.sent(replies.unsent().len());
        assert!(!replies.is_full() && !replies.is_due());
    }
}
