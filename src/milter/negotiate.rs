//! What is agreed with the MTA at the beginning of a connection.

use crate::policy::Needs;
use indymilter::{Actions, MacroStage, NegotiateContext, ProtoOpts, Status};
use std::ffi::{CStr, CString};

/// What we can use of what the MTA offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// What may be done at the end of a message.
    pub(super) actions: Actions,
    /// How the MTA and we speak.
    pub(super) opts: ProtoOpts,
}

impl Default for Agreement {
    /// What is left where nothing was negotiated.
    fn default() -> Self {
        Self {
            actions: Actions::empty(),
            opts: ProtoOpts::empty(),
        }
    }
}

impl Agreement {
    /// Takes what we want of what is offered. Asking for more would end the session.
    ///
    /// Design note: no reply before the end of the message, the body included, and so no SKIP: a
    /// reply to every command costs three times the CPU. DATA and EOH say nothing that the end of
    /// the message does not say too.
    ///
    /// Bodies and further recipients are asked for only where the policy needs it: Sendmail copies every body
    /// for a filter that may replace it.
    pub(super) fn with(offered_actions: Actions, offered_opts: ProtoOpts, needs: Needs) -> Self {
        let mut actions = Actions::ADD_HEADER
            | Actions::CHANGE_HEADER
            | Actions::QUARANTINE
            | Actions::DELETE_RCPT
            | Actions::REQUEST_MACROS;
        if needs.replaces {
            actions |= Actions::REPLACE_BODY | Actions::CHANGE_SENDER;
        }
        if needs.copies {
            actions |= Actions::ADD_RCPT;
        }
        let opts = ProtoOpts::NO_UNKNOWN
            | ProtoOpts::NO_DATA
            | ProtoOpts::NO_EOH
            | ProtoOpts::NOREPLY_CONNECT
            | ProtoOpts::NOREPLY_HELO
            | ProtoOpts::NOREPLY_MAIL
            | ProtoOpts::NOREPLY_RCPT
            | ProtoOpts::NOREPLY_HEADER
            | ProtoOpts::NOREPLY_BODY
            | ProtoOpts::LEADING_SPACE;
        Self {
            actions: actions & offered_actions,
            opts: opts & offered_opts,
        }
    }

    /// Writes it into the answer to the MTA.
    pub(super) fn answer<T: Send>(self, cx: &mut NegotiateContext<T>) {
        cx.requested_actions = self.actions;
        cx.requested_opts = self.opts;
        if self.actions.contains(Actions::REQUEST_MACROS) {
            // Note: these replace the MTA's own lists. Postfix tells the queue ID from DATA on,
            // Sendmail at MAIL.
            let wanted: [(MacroStage, &CStr); 4] = [
                (
                    MacroStage::Connect,
                    c"j v {daemon_name} {client_addr} {client_port} {client_name}",
                ),
                (MacroStage::Mail, c"i {mail_addr} {auth_type} {auth_authen}"),
                (MacroStage::Rcpt, c"i {rcpt_addr}"),
                (MacroStage::Eom, c"i"),
            ];
            cx.requested_macros = wanted
                .into_iter()
                .map(|(stage, names)| (stage, CString::from(names)))
                .collect();
        }
    }

    /// The answer to a command before the end of the message: none, where that was agreed.
    pub(super) fn reply(self, noreply: ProtoOpts) -> Status {
        if self.opts.contains(noreply) {
            Status::Noreply
        } else {
            Status::Continue
        }
    }

    /// Do header values come with the space after the colon, and must be sent with one?
    pub(super) fn keeps_space(self) -> bool {
        self.opts.contains(ProtoOpts::LEADING_SPACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_that_is_not_offered() {
        let usual = Needs::default();
        let none = Agreement::with(Actions::empty(), ProtoOpts::empty(), usual);
        assert_eq!(none, Agreement::default());
        assert_eq!(none.reply(ProtoOpts::NOREPLY_BODY), Status::Continue);

        let all = Agreement::with(Actions::all(), ProtoOpts::all(), usual);
        assert_eq!(all.reply(ProtoOpts::NOREPLY_BODY), Status::Noreply);
        assert!(all.keeps_space());
        assert!(all.actions.contains(Actions::DELETE_RCPT));
        assert!(!all.opts.contains(ProtoOpts::SKIP));

        let version_2 = ProtoOpts::from_bits_truncate(0x7f);
        let some = Agreement::with(Actions::ADD_HEADER, version_2, usual);
        assert_eq!(some.actions, Actions::ADD_HEADER);
        assert!(version_2.contains(some.opts));
        assert_eq!(some.reply(ProtoOpts::NOREPLY_CONNECT), Status::Continue);
    }

    #[test]
    fn bodies_and_recipients_are_changed_only_where_the_policy_needs_it() {
        for (replaces, copies) in [(false, false), (true, false), (false, true), (true, true)] {
            let needs = Needs { replaces, copies };
            let agreed = Agreement::with(Actions::all(), ProtoOpts::all(), needs).actions;
            assert_eq!(agreed.contains(Actions::REPLACE_BODY), replaces);
            assert_eq!(agreed.contains(Actions::CHANGE_SENDER), replaces);
            assert_eq!(agreed.contains(Actions::ADD_RCPT), copies);
        }
    }
}
