//! The verdict on one message, with every reason for it.

use crate::message::Place;
use std::fmt;

/// From here on a message is `suspect`, in points.
pub const SUSPECT: f64 = 5.0;
/// From here on a message is `sextortion`, in points.
pub const SEXTORTION: f64 = 10.0;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in policies, logs and JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// What a message was judged to be.
    Class {
        /// Under 5 points.
        Clean = "clean",
        /// From 5 points.
        Suspect = "suspect",
        /// From 10 points.
        Sextortion = "sextortion",
        /// Judging itself failed; never the same as clean.
        Error = "error",
    }
}

impl Class {
    /// From which score on a message is of this class, in points.
    pub fn min_score(self) -> f64 {
        match self {
            Self::Clean | Self::Error => 0.0,
            Self::Suspect => SUSPECT,
            Self::Sextortion => SEXTORTION,
        }
    }
}

words! {
    /// Which form of extortion.
    Kind {
        /// "I filmed you through your webcam": nothing was recorded.
        Bluff = "bluff",
        /// Blackmail by a chat partner: a real recording may exist.
        Chat = "chat",
        /// Extortion without a sexual claim; at most `suspect`.
        Other = "other",
    }
}

words! {
    /// Who speaks the threat to whom.
    Context {
        /// The sender threatens the recipient.
        Direct = "direct",
        /// Somebody quotes the threat in words of their own.
        Quoted = "quoted",
        /// Somebody passes the threat on.
        Forwarded = "forwarded",
    }
}

words! {
    /// The theme of a signal: the part of its identifier before the dot.
    Category {
        /// Got into the device or the account.
        Access = "access",
        /// Filmed or recorded the reader.
        Recording = "recording",
        /// What the reader is said to have done or watched.
        Sexual = "sexual",
        /// Will send it to contacts or publish it.
        Exposure = "exposure",
        /// Wants money.
        Demand = "demand",
        /// How to pay.
        Payment = "payment",
        /// An address that can be paid to.
        Wallet = "wallet",
        /// Time to pay.
        Deadline = "deadline",
        /// Tell nobody, do not reply.
        Secrecy = "secrecy",
        /// Evidence offered: a password, a split screen, the own address as sender.
        Proof = "proof",
        /// The sender or a payment address is in a list.
        List = "list",
        /// Will delete everything after payment.
        Promise = "promise",
        /// Blackmail by somebody whom the reader met.
        Chat = "chat",
        /// Near copy of a known template.
        Template = "template",
        /// From the header and the envelope.
        Header = "header",
        /// From the MIME structure.
        Structure = "structure",
        /// Text hidden from filters.
        Obfuscation = "obfuscation",
        /// A limit was hit.
        Limit = "limit",
        /// Guard: somebody reports such a mail or asks for help.
        Report = "report",
        /// Guard: journalism about the crime.
        News = "news",
        /// Guard: advice against the crime.
        Advice = "advice",
        /// Guard: marketing and newsletters.
        Newsletter = "newsletter",
        /// Guard: receipts, invoices, account notices.
        Receipt = "receipt",
        /// Guard: a conversation between people.
        Thread = "thread",
    }
}

impl Category {
    /// Does it speak for an honest message?
    pub fn is_guard(self) -> bool {
        matches!(
            self,
            Self::Report
                | Self::News
                | Self::Advice
                | Self::Newsletter
                | Self::Receipt
                | Self::Thread
        )
    }
}

/// One reason for a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// `category.what`, stable once released.
    pub id: String,
    /// Its theme.
    pub category: Category,
    /// Points that it added; negative for a guard.
    pub weight: f64,
    /// Where it was found first.
    pub place: Place,
}

/// A payment address that was found and proved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WalletHit {
    /// The coin in lower case: `btc`, `eth`, `xmr` …
    pub coin: &'static str,
    /// The address in its usual spelling, all obfuscation removed.
    pub address: String,
    /// Where it stands.
    pub place: Place,
}

/// What a message is, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class that follows from the score.
    pub class: Class,
    /// Sum of the weights, in points, never negative.
    pub score: f64,
    /// Who speaks; `None` when clean.
    pub context: Option<Context>,
    /// Which form; `None` when clean.
    pub kind: Option<Kind>,
    /// Every reason, heaviest first.
    pub signals: Vec<Signal>,
    /// Every proved payment address.
    pub wallets: Vec<WalletHit>,
    /// The known template it is a near copy of.
    pub template: Option<String>,
    /// ISO 639-1 code of the language that the signals were found in.
    pub language: Option<String>,
    /// Was something not read because of a limit?
    pub is_truncated: bool,
}

impl Verdict {
    /// The verdict on a message whose judging failed: it must not pass as clean.
    pub fn error() -> Self {
        Self {
            class: Class::Error,
            score: 0.0,
            context: None,
            kind: None,
            signals: Vec::new(),
            wallets: Vec::new(),
            template: None,
            language: None,
            is_truncated: false,
        }
    }
}
