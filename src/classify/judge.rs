//! The judge: all that is loaded once and used for every message.

use crate::classify::bound;
use crate::classify::evidence::{Evidence, Texts, Voice};
use crate::classify::gates::{self, Told};
use crate::classify::matcher::Matcher;
use crate::classify::model::{Model, Sum, category, themes};
use crate::classify::pack::Pack;
use crate::classify::template::{Fingerprint, Template, Templates};
use crate::classify::wallets::{self, FoundWallet, Wallets};
use crate::classify::{
    Category, Class, Context, SEXTORTION, SUSPECT, Settings, Signal, Verdict, builtin, examples,
    header, password, signals, voices,
};
use crate::diagnose::{Diagnostics, Source};
use crate::message::{Envelope, Finding, Origin, Piece, Place, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So few words of the sender's own around a threat are no message of their own.
const FEW_WORDS: usize = 8;

/// The guards that say that a message is about the crime, not part of it.
const ABOUT: [&str; 8] = [
    "advice.do-not-pay",
    "advice.report",
    "advice.named",
    "news.source",
    "news.third-person",
    "report.received",
    "report.help",
    "report.told",
];

/// So many themes a message must touch before more costly questions are asked: is it a near copy
/// of a known template, does it quote a password?
const THEMES_FOR_MORE: usize = 2;

/// One pattern of one language, in one of its spellings; it means something only to the judge that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule(u8, u16);

/// Judges messages. Immutable once built, so that one is shared by all sessions.
#[derive(Debug)]
pub struct Judge {
    matcher: Matcher,
    model: Model,
    templates: Templates,
    settings: Settings,
}

impl Judge {
    /// A judge with the packs, the model and the templates that are embedded in the program.
    ///
    /// # Panics
    ///
    /// Never in a released program: the embedded files are loaded by the tests.
    pub fn builtin() -> Self {
        let mut problems = Diagnostics::new();
        let judge = Self::load(&[], None, false, &mut problems);
        assert!(
            !problems.has_errors(),
            "the embedded packs have errors:\n{problems}"
        );
        judge.expect("a judge without errors was built")
    }

    /// Builds a judge from the embedded files, further packs and further templates; `None` where there
    /// was an error.
    ///
    /// `with_examples` also runs the examples of all packs, as `check` does.
    pub fn load(
        local: &[Arc<Source>],
        templates: Option<&Arc<Source>>,
        with_examples: bool,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let shipped = builtin::PACKS
            .iter()
            .map(|(name, text)| Source::new(*name, *text));
        let sources: Vec<_> = shipped.chain(local.iter().cloned()).collect();
        let packs: Vec<Pack> = sources
            .iter()
            .filter_map(|source| Pack::parse(source, problems))
            .collect();
        let model = Model::parse(&Source::new(builtin::MODEL.0, builtin::MODEL.1), problems);
        let shipped = Source::new(builtin::TEMPLATES.0, builtin::TEMPLATES.1);
        let known = std::iter::once(&shipped).chain(templates);
        let known = known
            .flat_map(|source| Templates::parse(source, problems))
            .collect();
        if packs.len() < sources.len() {
            return None;
        }
        let matcher = Matcher::new(&packs, problems)?;
        if with_examples {
            examples::run(&matcher, &packs, problems);
        }
        Some(Self {
            matcher,
            model: model?,
            templates: Templates::new(known),
            settings: Settings::default(),
        })
    }

    /// The templates that are embedded in the program.
    pub fn shipped_templates() -> Vec<Template> {
        let source = Source::new(builtin::TEMPLATES.0, builtin::TEMPLATES.1);
        Templates::parse(&source, &mut Diagnostics::new())
    }

    /// The same judge in other surroundings.
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Judges one message. Never fails: damaged input is a fact that is judged.
    pub fn judge(&self, envelope: &Envelope, reading: &Reading) -> Verdict {
        let texts = Texts::new(&reading.pieces);
        let facts = self.facts(envelope, reading, &texts);
        self.verdict(reading, self.examine(reading, &texts, facts, Depth::All))
    }

    /// As [`Self::judge`], but no longer than until it is sure that the message is clean.
    ///
    /// The class is the same. The signals, points and payment addresses of a clean message are those
    /// that were found until then, and often none.
    pub fn judge_briefly(&self, envelope: &Envelope, reading: &Reading) -> Verdict {
        let texts = Texts::new(&reading.pieces);
        let facts = self.facts(envelope, reading, &texts);
        let case = match self.may_say_enough(&reading.pieces, &texts, &facts) {
            true => self.examine(reading, &texts, facts, Depth::Enough),
            false => {
                let evidence = Evidence::default();
                let found = self.weigh(&evidence, &[], &facts, &[]);
                Case {
                    evidence,
                    wallets: Wallets::default(),
                    template: None,
                    context: Context::Direct,
                    found,
                }
            }
        };
        self.verdict(reading, case)
    }

    fn verdict(&self, reading: &Reading, case: Case<'_>) -> Verdict {
        let told = Told::new(case.found.places.keys(), case.evidence.most_words);
        let kind = gates::kind(&told);
        let score = case.found.sum.score.min(case.most_points());
        let score = bound::rounded(score);
        let class = if score >= SEXTORTION {
            Class::Sextortion
        } else if score >= SUSPECT {
            Class::Suspect
        } else {
            Class::Clean
        };
        let is_clean = class == Class::Clean;
        let signals = case
            .found
            .sum
            .weighed
            .into_iter()
            .filter_map(|(id, weight)| {
                let place = *case.found.places.get(&id)?;
                let weight = (weight * 100.0).round() / 100.0;
                Some(Signal {
                    category: category(&id)?,
                    weight,
                    id,
                    place,
                })
            })
            .collect();
        Verdict {
            class,
            score,
            context: (!is_clean).then_some(case.context),
            kind: (!is_clean).then_some(kind),
            signals,
            wallets: case
                .wallets
                .found
                .into_iter()
                .map(|wallet| wallet.hit)
                .collect(),
            template: case.template,
            language: case.evidence.language(),
            is_truncated: reading.is_truncated,
        }
    }

    /// The identifiers of every signal of a message, weighed or not: what a model is fitted on.
    pub fn signals(&self, envelope: &Envelope, reading: &Reading) -> BTreeSet<String> {
        self.sample(envelope, reading).0
    }

    /// The signals of a message and the most points that the gates allow it, whatever the weights are.
    pub fn sample(&self, envelope: &Envelope, reading: &Reading) -> (BTreeSet<String>, f64) {
        let texts = Texts::new(&reading.pieces);
        let facts = self.facts(envelope, reading, &texts);
        let case = self.examine(reading, &texts, facts, Depth::All);
        let most = case.most_points();
        (case.found.places.into_keys().collect(), most)
    }

    /// Every pattern that holds somewhere in a message.
    pub fn rules(&self, reading: &Reading) -> BTreeSet<Rule> {
        Evidence::gather(&self.matcher, &Texts::new(&reading.pieces))
            .rules
            .into_iter()
            .map(|(language, number)| Rule(language, number))
            .collect()
    }

    /// A judge without these patterns: it shows what the others find by themselves.
    pub fn without(&self, rules: &BTreeSet<Rule>) -> Self {
        let rules = rules.iter().map(|rule| (rule.0, rule.1)).collect();
        Self {
            matcher: self.matcher.without(&rules),
            model: self.model.clone(),
            templates: self.templates.clone(),
            settings: self.settings.clone(),
        }
    }

    /// The fingerprint of a message's texts; `None` where they are too short.
    pub fn fingerprint(&self, reading: &Reading) -> Option<Fingerprint> {
        Evidence::gather(&self.matcher, &Texts::new(&reading.pieces)).fingerprint()
    }

    /// What a signal tells, in one sentence.
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.matcher.reason(id).or_else(|| signals::meaning(id))
    }

    /// Every signal that there is, with what it tells; `wallet.*` stands for one of each coin.
    pub fn all_signals(&self) -> BTreeMap<&str, &str> {
        let of_packs = self.matcher.signal_ids().iter();
        let mut all: BTreeMap<&str, &str> = of_packs
            .filter_map(|id| Some((id.as_str(), self.matcher.reason(id)?)))
            .collect();
        for (id, meaning) in signals::all() {
            all.insert(id, meaning);
        }
        all
    }

    /// The weights of the model, for every signal that packs and rooms can give.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What is known of a message without a look at what it says.
    fn facts(&self, envelope: &Envelope, reading: &Reading, texts: &Texts) -> Vec<Finding> {
        let mut facts: Vec<Finding> = reading.findings.clone();
        facts.extend(header::findings(&self.settings, envelope, &reading.header));
        facts.extend(texts.disguises.iter().cloned());
        facts
    }

    /// Could the words of these texts make the message more than clean?
    fn may_say_enough(&self, pieces: &[Piece], texts: &Texts, facts: &[Finding]) -> bool {
        let Some(mut keys) = self.matcher.glance_at_keys() else {
            return true;
        };
        let mut has_wallet = None;
        let mut has_wallet =
            || *has_wallet.get_or_insert_with(|| !wallets::find(pieces).found.is_empty());
        // First only whether there is anything without which nothing is extortion.
        for text in texts.different() {
            keys.look(text);
        }
        let is_key = |signals: &[u16]| {
            let said = signals.iter().map(|&signal| self.matcher.signal_id(signal));
            let mut known = said.chain(facts.iter().map(|fact| fact.id));
            known.any(gates::is_key)
        };
        if !keys.narrow(is_key) && !has_wallet() {
            return false;
        }
        let Some(mut glance) = self.matcher.glance() else {
            return true;
        };
        for text in texts.different() {
            glance.look(text);
        }
        let words = glance.most_words();
        glance.narrow(|signals| {
            let said = signals.iter().map(|&signal| self.matcher.signal_id(signal));
            let known: Vec<&str> = said.chain(facts.iter().map(|fact| fact.id)).collect();
            let may = |has_wallet| {
                bound::may_be_suspect(&self.model, known.iter().copied(), has_wallet, words)
            };
            may(false) || (may(true) && has_wallet())
        })
    }

    fn examine<'t>(
        &self,
        reading: &Reading,
        texts: &'t Texts,
        mut facts: Vec<Finding>,
        depth: Depth,
    ) -> Case<'t> {
        let evidence = Evidence::gather(&self.matcher, texts);
        let mut wallets = wallets::find(&reading.pieces);
        let allowed = &self.settings.allowed_wallets;
        if !allowed.is_empty() {
            let is_other = |wallet: &FoundWallet| !allowed.contains(&wallet.hit.address);
            wallets.found.retain(is_other);
        }
        if wallets.is_cut {
            facts.push(Finding {
                id: "limit.wallets",
                place: Place::of(Origin::Plain),
            });
        }
        // A fingerprint costs as much as a scan: only a message that can be more than clean is compared.
        let mut template = None;
        let ids = || evidence.said.keys().map(|(_, id)| id.as_str());
        let has_wallet = !wallets.found.is_empty();
        let says_something = themes(ids()) >= THEMES_FOR_MORE
            && (depth == Depth::All
                || bound::may_be_suspect(
                    &self.model,
                    ids().chain(facts.iter().map(|fact| fact.id)),
                    has_wallet,
                    evidence.most_words,
                ));
        if says_something {
            facts.extend(quoted_password(&reading.pieces));
        }
        let wallet = has_wallet.then_some("wallet.any");
        let all_themes = themes(ids().chain(facts.iter().map(|fact| fact.id)).chain(wallet));
        if says_something
            && self.model.may_be_suspect(all_themes)
            && let Some(fingerprint) = evidence.fingerprint()
            && let Some((name, _)) = self.templates.nearest(&fingerprint)
        {
            template = Some(name.to_owned());
            facts.push(Finding {
                id: "template.known",
                place: Place::of(Origin::Plain),
            });
        }
        let all = [
            Voice::Own,
            Voice::Cited,
            Voice::Quoted,
            Voice::Forwarded,
            Voice::Hidden,
        ];
        // Who speaks about such mail cites it; who does not, threatens in quotation marks.
        let own: &[Voice] = if about(&evidence) > 0 {
            &[Voice::Own, Voice::Hidden]
        } else {
            &[Voice::Own, Voice::Cited, Voice::Hidden]
        };
        let direct = self.weigh(&evidence, own, &facts, &wallets.found);
        let whole = self.weigh(&evidence, &all, &facts, &wallets.found);
        let (context, found) = self.context(&evidence, direct, whole);
        Case {
            evidence,
            wallets,
            template,
            context,
            found,
        }
    }

    fn weigh(
        &self,
        evidence: &Evidence<'_>,
        voices: &[Voice],
        facts: &[Finding],
        wallets: &[FoundWallet],
    ) -> Found {
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        for ((voice, id), place) in &evidence.said {
            // A guard speaks for a message only where the reader sees it, in the sender's own words.
            let is_guard = category(id).is_some_and(Category::is_guard);
            if voices.contains(voice) && (!is_guard || *voice == Voice::Own) {
                places.entry(id.clone()).or_insert(*place);
            }
        }
        // An attached message is somebody else's word.
        let is_theirs = |place: &Place| place.nested > 0 && !voices.contains(&Voice::Forwarded);
        for fact in facts {
            if category(fact.id) != Some(Category::List) || !is_theirs(&fact.place) {
                places.entry(fact.id.to_owned()).or_insert(fact.place);
            }
        }
        for wallet in wallets {
            if is_theirs(&wallet.hit.place) {
                continue;
            }
            let blocked = &self.settings.blocked_wallets;
            if !blocked.is_empty() && blocked.contains(&wallet.hit.address) {
                places
                    .entry("list.wallet".to_owned())
                    .or_insert(wallet.hit.place);
            }
            let coin = if wallet.is_weak {
                "weak"
            } else {
                wallet.hit.coin
            };
            places
                .entry(format!("wallet.{coin}"))
                .or_insert(wallet.hit.place);
            if wallet.is_disguised {
                places
                    .entry("obfuscation.wallet".to_owned())
                    .or_insert(wallet.hit.place);
            }
        }
        if !Told::new(places.keys(), evidence.most_words).hints_count() {
            places.retain(|id, _| !id.ends_with(".hint"));
        }
        if Told::new(places.keys(), evidence.most_words).has_the_shape() {
            places
                .entry("template.shape".to_owned())
                .or_insert(Place::of(Origin::Plain));
        }
        if evidence.is_cut {
            places
                .entry("limit.words".to_owned())
                .or_insert(Place::of(Origin::Plain));
        }
        let sum = self.model.sum(places.keys().map(String::as_str));
        Found { places, sum }
    }

    /// Who threatens whom, and the findings that count for it.
    fn context(&self, evidence: &Evidence<'_>, direct: Found, whole: Found) -> (Context, Found) {
        // A scam text that is merely quoted or wrapped, with no words of a real sender, is a trick;
        // its subject alone may look like a threat, but says less.
        if evidence.own_words < FEW_WORDS && whole.sum.score >= SUSPECT {
            return (Context::Direct, whole);
        }
        if direct.sum.score >= SUSPECT || whole.sum.score < SUSPECT {
            return (Context::Direct, direct);
        }
        let quoted = evidence.of(&[Voice::Cited, Voice::Quoted]).len();
        let forwarded = evidence.of(&[Voice::Forwarded]).len();
        let context = if forwarded >= quoted {
            Context::Forwarded
        } else {
            Context::Quoted
        };
        (context, whole)
    }
}

/// How much is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Everything.
    All,
    /// No more than until a message is surely clean.
    Enough,
}

/// All that was found out about one message, before points become a verdict.
struct Case<'t> {
    evidence: Evidence<'t>,
    wallets: Wallets,
    template: Option<String>,
    context: Context,
    found: Found,
}

impl Case<'_> {
    /// The most points by who speaks and by what is missing.
    fn most_points(&self) -> f64 {
        let told = Told::new(self.found.places.keys(), self.evidence.most_words);
        let kind = gates::kind(&told);
        gates::by_context(self.context, kind, about(&self.evidence))
            .min(gates::by_signals(kind, &told))
    }
}

struct Found {
    places: BTreeMap<String, Place>,
    sum: Sum,
}

/// A password that the sender quotes where the reader sees it.
fn quoted_password(pieces: &[Piece]) -> Option<Finding> {
    let own: Vec<Piece> = pieces
        .iter()
        .filter(|piece| {
            let place = piece.place;
            !place.hidden && place.reading == 0 && place.nested == 0
        })
        .map(|piece| Piece {
            place: piece.place,
            text: voices::split(&piece.text).own.into_owned(),
        })
        .collect();
    let found = password::find(&own);
    let piece = found.first().and_then(|quoted| own.get(quoted.piece))?;
    Some(Finding {
        id: "proof.password",
        place: piece.place,
    })
}

/// How many ways there are in which the sender's own words speak about such mail.
fn about(evidence: &Evidence<'_>) -> usize {
    let own = evidence.of(&[Voice::Own]);
    let guards = ABOUT.iter().filter(|id| own.contains_key(**id)).count();
    // "I got this. What shall I do?" together is what a victim says, and no extorter.
    // Neither is "She wants 500 from me, or my wife gets it. What shall I do?"
    let is_victim = own.contains_key("report.help")
        && ["report.received", "report.told"]
            .iter()
            .any(|id| own.contains_key(*id));
    guards + usize::from(is_victim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_counts_where_its_sender_shows_it() {
        let piece = |text: &str, place: Place| Piece {
            place,
            text: text.to_owned(),
        };
        let plain = Place::of(Origin::Plain);
        let hidden = Place {
            hidden: true,
            ..plain
        };
        let nested = Place { nested: 1, ..plain };
        let line = "Your password is hunter2x!";
        for (text, place, expected) in [
            (line, plain, true),
            ("> Your password is hunter2x!", plain, false),
            (line, hidden, false),
            (line, nested, false),
            ("Your password was reset", plain, false),
            (line, Place::of(Origin::Subject), true),
        ] {
            let found = quoted_password(&[piece(text, place)]);
            assert_eq!(found.is_some(), expected, "{text} {place}");
        }
    }

    #[test]
    fn patterns_that_are_switched_off_say_nothing_more() {
        let judge = Judge::builtin();
        let reading = |text: &str| Reading {
            pieces: vec![Piece {
                place: Place::of(Origin::Plain),
                text: text.to_owned(),
            }],
            ..Reading::default()
        };
        let film = reading("I recorded a video of you with your webcam.");
        let money = reading("Send 900 USD in bitcoin to my wallet within 48 hours.");
        let left = judge.without(&judge.rules(&film));
        assert!(judge.rules(&film).len() > left.rules(&film).len());
        assert!(left.rules(&film).is_empty());
        assert_eq!(
            left.signals(&Envelope::default(), &money),
            judge.signals(&Envelope::default(), &money)
        );
    }

    #[test]
    fn shipped_packs_load_and_their_examples_hold() {
        let mut problems = Diagnostics::new();
        Judge::load(&[], None, true, &mut problems);
        assert!(problems.is_empty(), "{problems}");
    }
}
