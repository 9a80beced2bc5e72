//! What a `[[rule]]` does: action, reply, subject prefix, headers.

use crate::diagnose::did_you_mean;
use crate::notice::Form;
use crate::policy::{
    Action, Disposition, MAX_PREFIX_BYTES, PLACEHOLDERS, Reply, ReplyError, ReplyTemplate,
    Template, TemplateError,
};
use crate::toml_reader::{At, Table};

/// The most headers that one rule may add.
const MAX_HEADERS: usize = 20;

/// The longest address, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// Headers that rules cannot add: they are ours, or another meaning would be forged.
const RESERVED: [&str; 17] = [
    "From",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "Sender",
    "Reply-To",
    "Return-Path",
    "Received",
    "DKIM-Signature",
    "Authentication-Results",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "References",
];

/// Reads the action of a rule; `None` where it lacks one or it is wrong.
pub(crate) fn read(table: &Table<'_>) -> Option<Action> {
    let document = table.document();
    let words = Disposition::ALL.map(|disposition| (disposition.name(), disposition));
    let chosen = table.choice("action", &words);
    let text = table.text("text");
    let prefix = table.text("subject_prefix");
    let headers = table.entries("headers");
    let notice = table.choice("notice", &Form::ALL.map(|form| (form.name(), form)));
    let copy = table.text("copy");
    let chosen = table.required("action", chosen, "add  action = \"quarantine\"")?;
    let disposition = chosen.value;
    let mut action = Action::new(disposition);
    let is_refusal = matches!(disposition, Disposition::Reject | Disposition::Defer);
    match text {
        Some(text) if is_refusal => action.reply = reply(table, &text, disposition),
        Some(text) => document.error_with(
            text.span,
            format!("action \"{disposition}\" has no `text`: the sender is told nothing"),
            "delete this line",
        ),
        None if disposition == Disposition::Reject && table.span_of("text").is_none() => {
            document.error_with(
                chosen.span.clone(),
                "action \"reject\" needs `text`, the SMTP reply the sender sees",
                "add  text = \"5.7.1 Message rejected as extortion\"",
            );
        }
        None => {}
    }
    let is_seen = matches!(
        disposition,
        Disposition::Accept | Disposition::Tag | Disposition::Hold
    );
    if let Some(prefix) = prefix {
        if !is_seen {
            no_effect(table, &prefix, "subject_prefix", disposition);
        }
        action.subject_prefix = subject_prefix(table, &prefix);
    }
    if let Some((name, _)) = headers.first().filter(|_| !is_seen) {
        no_effect(table, name, "headers", disposition);
    }
    if let Some((name, _)) = headers.get(MAX_HEADERS) {
        let message = format!("more than {MAX_HEADERS} headers");
        document.error(name.span.clone(), message);
    }
    for (name, value) in headers.into_iter().take(MAX_HEADERS) {
        check_header_name(table, &name);
        if let Some(template) = template(table, &value) {
            action.headers.push((name.value, template));
        }
    }
    action.notice = notice.and_then(|at| notice_form(table, at, disposition));
    action.copy = copy.and_then(|at| mailbox(table, at, disposition));
    Some(action)
}

/// `notice`: where the message stays in the quarantine only a notice in its place reaches anybody.
fn notice_form(table: &Table<'_>, at: At<Form>, disposition: Disposition) -> Option<Form> {
    let document = table.document();
    match disposition {
        Disposition::Tag => return Some(at.value),
        Disposition::Quarantine if at.value == Form::Replace => return Some(at.value),
        Disposition::Quarantine => document.error_with(
            at.span,
            format!(
                "notice \"{}\" goes with the message, which stays in the quarantine",
                at.value.name()
            ),
            "write  notice = \"replace\"  or  action = \"tag\"",
        ),
        _ => document.warning_with(
            at.span,
            format!("`notice` has no effect with action \"{disposition}\""),
            "write  action = \"quarantine\"  or  action = \"tag\"",
        ),
    }
    None
}

/// `copy = "mailbox@example.org"`.
fn mailbox(table: &Table<'_>, at: At<String>, disposition: Disposition) -> Option<String> {
    let document = table.document();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>,;:\"\\()[]".contains(&byte);
    let is_address = at.value.len() <= MAX_ADDRESS
        && at.value.bytes().all(is_plain)
        && matches!(at.value.split_once('@'), Some((local, domain))
            if !local.is_empty() && domain.contains('.') && !domain.contains('@'));
    if !is_address {
        document.error_with(
            at.span,
            format!("\"{}\" is no mailbox", at.value),
            "write it like  copy = \"evidence@example.org\"",
        );
        return None;
    }
    if matches!(
        disposition,
        Disposition::Hold | Disposition::Defer | Disposition::Reject
    ) {
        document.warning_with(
            at.span,
            format!("`copy` has no effect with action \"{disposition}\": the whole message is held or refused"),
            "write  action = \"quarantine\"  or delete this line",
        );
        return None;
    }
    Some(at.value)
}

fn no_effect(table: &Table<'_>, at: &At<String>, key: &str, disposition: Disposition) {
    table.document().warning_with(
        at.span.clone(),
        format!("`{key}` has no effect on mail that is not delivered (action \"{disposition}\")"),
        "delete this line",
    );
}

/// A subject prefix of a rule, a domain or the whole policy.
pub(crate) fn subject_prefix(table: &Table<'_>, at: &At<String>) -> Option<Template> {
    if at.value.len() > MAX_PREFIX_BYTES {
        table.document().error_with(
            at.span.clone(),
            format!(
                "the prefix has {} bytes, the limit is {MAX_PREFIX_BYTES}",
                at.value.len()
            ),
            "shorten it",
        );
        return None;
    }
    template(table, at)
}

fn template(table: &Table<'_>, at: &At<String>) -> Option<Template> {
    let error = match Template::parse(&at.value) {
        Ok(template) => return Some(template),
        Err(error) => error,
    };
    let hint = match &error {
        TemplateError::Unknown(name) => did_you_mean(name, PLACEHOLDERS)
            .unwrap_or_else(|| format!("known are {{{}}}", PLACEHOLDERS.join("}, {"))),
        TemplateError::Brace => "write {{ or }} for a brace".to_owned(),
        TemplateError::Character(_) => "use printable ASCII only".to_owned(),
    };
    table
        .document()
        .error_with(at.span.clone(), error.to_string(), hint);
    None
}

/// `550 5.7.1 Text`, `5.7.1 Text` or `Text`.
fn reply(table: &Table<'_>, at: &At<String>, disposition: Disposition) -> Option<ReplyTemplate> {
    let document = table.document();
    let (class, code, enhanced) = match disposition {
        Disposition::Defer => ('4', 451, "4.7.1"),
        _ => ('5', 550, "5.7.1"),
    };
    let (given_code, rest) = match at.value.split_once(' ') {
        Some((word, rest)) if word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) => {
            (word.parse().ok(), rest)
        }
        _ => (None, at.value.as_str()),
    };
    let looks_enhanced = |word: &&str| {
        word.contains('.')
            && word
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let (given_enhanced, text) = match rest.split_once(' ') {
        Some((word, text)) if looks_enhanced(&word) => (Some(word), text),
        _ => (None, rest),
    };
    let code = given_code.unwrap_or(code);
    let enhanced = given_enhanced.unwrap_or(enhanced);
    let text = text.trim();
    let template_at = At {
        value: text.to_owned(),
        span: at.span.clone(),
    };
    // A placeholder is no text yet: what holds for the text is checked on the template.
    let parsed = template(table, &template_at)?;
    let problem = match Reply::new(code, enhanced, text) {
        Ok(reply) if reply.enhanced().starts_with(class) => {
            let reply = if text.contains('{') {
                Reply::new(code, enhanced, "Message refused").unwrap_or(reply)
            } else {
                reply
            };
            return Some(ReplyTemplate {
                reply,
                text: parsed,
            });
        }
        Ok(_) => format!("action \"{disposition}\" needs codes of class {class}"),
        Err(error) => error.to_string(),
    };
    let hint = match Reply::new(code, enhanced, text) {
        Err(ReplyError::Length(_)) => "shorten the text".to_owned(),
        _ => format!("begin it like this:  \"{class}.7.1 Message …\""),
    };
    document.error_with(at.span.clone(), problem, hint);
    None
}

fn check_header_name(table: &Table<'_>, name: &At<String>) {
    let document = table.document();
    let text = &name.value;
    // ftext of RFC 5322, section 3.6.8.
    let is_name = (1..=76).contains(&text.len())
        && text.bytes().all(|b| (33..=126).contains(&b) && b != b':');
    let is_ours = text.to_ascii_lowercase().starts_with("x-callbluff-");
    let is_reserved = RESERVED
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text));
    if !is_name {
        document.error_with(
            name.span.clone(),
            format!("\"{text}\" is no name of a header"),
            "write it like X-Spam-Flag",
        );
    } else if is_ours || is_reserved {
        document.error_with(
            name.span.clone(),
            format!("a rule cannot add the header \"{text}\""),
            "use a name of your own, such as X-Spam-Flag",
        );
    }
}
