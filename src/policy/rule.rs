//! A rule: conditions, and what is done where they hold.

use crate::notice::Form;
use crate::policy::{Conditions, Disposition, Facts, Mode, Reply, Template};

/// The longest value of a header that a rule adds, in bytes: with its name it stays under the 998
/// of RFC 5322, section 2.1.1.
const MAX_HEADER_BYTES: usize = 900;

/// One `[[rule]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// How logs name it: its name, or its number with its file.
    pub name: String,
    /// When it decides.
    pub conditions: Conditions,
    /// What is done then.
    pub action: Action,
    /// Act, or only say what would be done; `None` follows the domain file and the main file.
    pub mode: Option<Mode>,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The disposition.
    pub disposition: Disposition,
    /// What the client hears on reject and defer.
    pub reply: Option<ReplyTemplate>,
    /// Put before the subject of messages that are delivered or held; `None` follows the settings.
    pub subject_prefix: Option<Template>,
    /// Further headers.
    pub headers: Vec<(String, Template)>,
    /// How the recipient is told, where there is something to tell.
    pub notice: Option<Form>,
    /// A mailbox that gets the message, too.
    pub copy: Option<String>,
}

impl Action {
    /// A disposition and nothing else.
    pub fn new(disposition: Disposition) -> Self {
        Self {
            disposition,
            reply: None,
            subject_prefix: None,
            headers: Vec::new(),
            notice: None,
            copy: None,
        }
    }

    /// The further headers with their placeholders filled in.
    pub(crate) fn headers(&self, facts: &Facts<'_>, to: &str, rule: &str) -> Vec<(String, String)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.clone(), value.fill(facts, to, rule, MAX_HEADER_BYTES)))
            .collect()
    }
}

/// A reply whose text has placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTemplate {
    /// The codes, and what the client hears should the text come out empty.
    pub reply: Reply,
    /// The text.
    pub text: Template,
}

impl ReplyTemplate {
    /// The reply with its placeholders filled in.
    pub(crate) fn fill(&self, facts: &Facts<'_>, recipient: &str, rule: &str) -> Reply {
        let text = self
            .text
            .fill(facts, recipient, rule, crate::policy::reply::MAX_TEXT_BYTES);
        // A text of placeholders alone may come out empty, which no MTA would send.
        Reply::new(self.reply.code(), self.reply.enhanced(), &text)
            .unwrap_or_else(|_| self.reply.clone())
    }
}
