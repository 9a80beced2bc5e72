//! The sections of the main file.

use crate::config::domains::{DEFAULTS, Domains, fixed_prefix};
use crate::config::leaving;
use crate::config::maps::Maps;
use crate::config::{
    Config, Fallback, LogFormat, LogLevel, SocketAddress, keeping, lists, notice, rules,
};
use crate::diagnose::Diagnostics;
use crate::lookup::Breaches;
use crate::policy::{Combine, Disposition};
use crate::toml_reader::{Table, quote};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What the main file says, with what was found in other files.
pub(crate) struct Outcome {
    pub(crate) config: Config,
    /// The other files that were read.
    pub(crate) files: Vec<PathBuf>,
    /// What is wrong in the other files.
    pub(crate) problems: Diagnostics,
}

/// Asks for every key of the main file; paths in it are relative to `folder`.
pub(crate) fn read(root: &Table<'_>, folder: &Path) -> Outcome {
    let mut config = Config::default();
    top(root, &mut config, folder);
    milter(root.table("milter"), &mut config);
    http(root.table("http"), &mut config);
    log(root.table("log"), &mut config);
    limits(root.table("limits"), &mut config);
    decoder(root.table("decoder"), &mut config);
    breach(root.table("breach"), &mut config, folder);
    defaults(root.table("defaults"), &mut config);
    on_error(root.table("on_error"), &mut config);
    notice::read(root.table("notice"), &mut config.policy.notice);
    keeping::read(root.table("quarantine"), &mut config.quarantine, folder);
    leaving::release(root.table("release"), &mut config, folder);
    leaving::report(root.table("report"), &mut config);
    leaving::campaign(root.table("campaign"), &mut config);
    let map_table = root.table("maps");
    let maps = Maps::read(&map_table, folder);
    map_table.finish();
    trust(root.table("trust"), &maps, &mut config);
    lists::read(root, &maps, &mut config);
    waves(root.table("waves"), &mut config);
    config.policy.rules = rules::read(root, "", &maps, &config.policy.trust);
    notice::check_sender(root, &config.policy);
    config.maps.clone_from(&maps.files);
    let mut files: Vec<PathBuf> = maps.files.iter().map(|map| map.path.clone()).collect();
    let mut domain_problems = Diagnostics::new();
    if let Some(at) = root.text("domains_dir") {
        match Domains::read(
            &folder.join(&at.value),
            &maps,
            &config.policy.trust,
            &config.quarantine.retention,
        ) {
            Ok(found) => {
                config.policy.domains = found.domains;
                config.quarantine.domains = found.retention;
                files.extend(found.files);
                domain_problems = found.problems;
            }
            Err(error) => root.document().error_with(
                at.span,
                format!("cannot read the folder ({error})"),
                "make the folder, or delete this line",
            ),
        }
    }
    let mut problems = maps.finish(root.document());
    problems.extend(domain_problems);
    Outcome {
        config,
        files,
        problems,
    }
}

fn top(root: &Table<'_>, config: &mut Config, folder: &Path) {
    let policy = &mut config.policy;
    root.set_choice("mode", &rules::MODES, &mut policy.mode);
    root.set_boolean("monitor_headers", &mut policy.monitor_headers);
    let ways = [
        ("split", Combine::Split),
        ("strictest", Combine::Strictest),
        ("most-lenient", Combine::MostLenient),
    ];
    root.set_choice("recipients", &ways, &mut policy.combine);
    let prefix = root.text("subject_prefix");
    policy.subject_prefix = prefix.and_then(|at| fixed_prefix(root, &at));
    if let Some(at) = root.text("state_dir") {
        config.state_dir = PathBuf::from(at.value);
    }
    root.has_default("state_dir", "\"./var\"");
    config.packs_dir = root.text("packs_dir").map(|at| folder.join(at.value));
}

fn milter(table: Table<'_>, config: &mut Config) {
    let milter = &mut config.milter;
    let list = table.texts("listen");
    table.has_default("listen", &quote(&milter.listen[0].to_string()));
    if let Some(span) = table.span_of("listen") {
        if list.is_empty() {
            table.document().error_with(
                span,
                "no socket to listen on",
                "write  listen = \"inet:8826@127.0.0.1\"",
            );
        }
        milter.listen.clear();
    }
    for at in list {
        match at.value.parse::<SocketAddress>() {
            Ok(address) if milter.listen.contains(&address) => table.document().error_with(
                at.span,
                format!("the socket \"{address}\" is listed twice"),
                "delete one of the two",
            ),
            Ok(address) => milter.listen.push(address),
            Err(why) => {
                let example = match at.value.get(..5) {
                    Some("inet6") => "inet6:8826@[::1]",
                    Some("unix:" | "local") => "unix:/run/callbluff/milter.sock",
                    _ => "inet:8826@127.0.0.1",
                };
                let hint = format!("write it as  \"{example}\"");
                table.document().error_with(at.span, why, hint);
            }
        }
    }
    if let Some(at) = table.text("socket_mode") {
        match u32::from_str_radix(&at.value, 8) {
            Ok(mode) if mode <= 0o777 && at.value.starts_with('0') => milter.socket_mode = mode,
            _ => table.document().error_with(
                at.span,
                format!("\"{}\" is no file mode", at.value),
                "write it as \"0660\"",
            ),
        }
    }
    table.has_default("socket_mode", "\"0660\"");
    milter.socket_group = table.text("socket_group").map(|at| at.value);
    table.set_integer("max_connections", 1..=100_000, &mut milter.max_connections);
    table.set_duration(
        "drain",
        Duration::ZERO..=10 * 60 * SECOND,
        &mut milter.drain,
    );
    table.set_duration(
        "connection_timeout",
        10 * SECOND..=DAY,
        &mut milter.connection_timeout,
    );
    table.finish();
}

fn http(table: Table<'_>, config: &mut Config) {
    if let Some(at) = table.text("listen") {
        match at.value.as_str() {
            "off" => config.http.listen = None,
            text => match text.parse() {
                Ok(address) => config.http.listen = Some(address),
                Err(_) => table.document().error_with(
                    at.span,
                    format!("\"{text}\" is no IP address with a port"),
                    "write it as \"127.0.0.1:8825\", \"[::1]:8825\" or \"off\"",
                ),
            },
        }
    }
    table.has_default("listen", "\"127.0.0.1:8825\"");
    table.finish();
}

fn log(table: Table<'_>, config: &mut Config) {
    let formats = [
        ("plain", LogFormat::Plain),
        ("json", LogFormat::Json),
        ("journald", LogFormat::Journald),
    ];
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
    ];
    table.set_choice("format", &formats, &mut config.log.format);
    table.set_choice("level", &levels, &mut config.log.level);
    table.finish();
}

fn limits(table: Table<'_>, config: &mut Config) {
    let limits = &mut config.limits;
    table.set_size("memory", 16 * KIB..=64 * MIB, &mut limits.memory);
    table.set_size("inspect", 64 * KIB..=GIB, &mut limits.inspect);
    table.set_size("inspect_total", MIB..=64 * GIB, &mut limits.inspect_total);
    if limits.inspect_total < limits.inspect
        && let Some(span) = table
            .span_of("inspect_total")
            .or_else(|| table.span_of("inspect"))
    {
        table.document().error_with(
            span,
            "`inspect_total` is smaller than `inspect`: such a message could never be judged",
            "make `inspect_total` at least as large as `inspect`",
        );
    }
    let read = &mut config.read;
    table.set_size("text", 16 * KIB..=16 * MIB, &mut read.text_bytes);
    table.set_size("source", 64 * KIB..=256 * MIB, &mut read.source_bytes);
    table.set_size("header", 16 * KIB..=4 * MIB, &mut read.header_bytes);
    table.set_integer("parts", 1..=10_000, &mut read.parts);
    table.set_integer("depth", 1..=250, &mut read.depth);
    table.set_integer("media", 0..=1000, &mut read.media_items);
    table.set_size("media_total", 0..=256 * MIB, &mut read.media_bytes);
    table.finish();
}

fn decoder(table: Table<'_>, config: &mut Config) {
    let decoder = &mut config.decoder;
    table.set_boolean("enabled", &mut decoder.enabled);
    // MTAs wait 10 s for a milter by default, and judging comes after it.
    table.set_duration("deadline", SECOND / 10..=9 * SECOND, &mut decoder.deadline);
    table.set_integer("processes", 1..=64, &mut decoder.processes);
    table.set_integer("queue", 0..=10_000, &mut decoder.queue);
    table.set_size("memory", 64 * MIB..=8 * GIB, &mut decoder.memory);
    table.set_boolean("ocr", &mut decoder.ocr);
    let mut program_at = table.span_of("ocr");
    if let Some(at) = table.text("ocr_program") {
        decoder.ocr_program = PathBuf::from(at.value);
        program_at = Some(at.span);
    }
    if decoder.enabled
        && decoder.ocr
        && !is_program(&decoder.ocr_program)
        && let Some(span) = program_at
    {
        table.document().warning_with(
            span,
            format!(
                "cannot find the program \"{}\": letters in pictures will not be read",
                decoder.ocr_program.display()
            ),
            "install tesseract (on Debian the package tesseract-ocr), or name it in `ocr_program`",
        );
    }
    table.has_default("ocr_program", "\"tesseract\"");
    table.finish();
}

/// Is there such a program, under its path or, where it has none, in the search path?
fn is_program(program: &Path) -> bool {
    let can_start = |path: &Path| {
        path.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.components().count() > 1 {
        return can_start(program);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| can_start(&folder.join(program)))
}

fn breach(table: Table<'_>, config: &mut Config, folder: &Path) {
    if let Some(at) = table.text("path") {
        let path = folder.join(&at.value);
        if let Err(error) = Breaches::open(&path) {
            table.document().error_with(
                at.span,
                format!("cannot read the list of breached passwords ({error})"),
                "name a sorted file HASH:COUNT or a folder of range files, or delete this line",
            );
        }
        config.breach.path = Some(path);
    }
    table.finish();
}

fn waves(table: Table<'_>, config: &mut Config) {
    table.set_duration("window", 60 * SECOND..=30 * DAY, &mut config.waves.window);
    table.finish();
}

fn defaults(table: Table<'_>, config: &mut Config) {
    let defaults = &mut config.policy.defaults;
    for (key, slot) in [
        ("suspect", &mut defaults.suspect),
        ("sextortion", &mut defaults.sextortion),
    ] {
        let is_final =
            |at: &crate::toml_reader::At<String>| matches!(at.value.as_str(), "reject" | "discard");
        // The list of words would not say why these two are missing in it.
        if let Some(at) = table.peek_text(key).filter(is_final) {
            table.document().error_with(
                at.span,
                format!("\"{}\" needs a rule of its own", at.value),
                format!(
                    "add a [[rule]] with  verdict = \"{key}\"  and  action = \"{}\"",
                    at.value
                ),
            );
            table.skip(key);
        } else {
            table.set_choice(key, &DEFAULTS, slot);
        }
    }
    table.finish();
}

fn on_error(table: Table<'_>, config: &mut Config) {
    let words = [("accept", Fallback::Accept), ("defer", Fallback::Defer)];
    let on_error = &mut config.on_error;
    table.set_choice("internal", &words, &mut on_error.internal);
    table.set_choice("spool", &words, &mut on_error.spool);
    table.set_choice("store", &words, &mut on_error.store);
    // A failure in judging is a verdict like others to the policy.
    config.policy.defaults.error = match on_error.internal {
        Fallback::Accept => Disposition::Accept,
        Fallback::Defer => Disposition::Defer,
    };
    table.finish();
}

fn trust(table: Table<'_>, maps: &Maps, config: &mut Config) {
    let trust = &mut config.policy.trust;
    trust.networks = rules::networks(&table, "networks", maps).unwrap_or_default();
    table.set_boolean("authenticated", &mut trust.authenticated);
    trust.authserv_ids = table
        .texts("authserv_ids")
        .into_iter()
        .map(|at| at.value)
        .collect();
    config.judge.authserv_ids.clone_from(&trust.authserv_ids);
    if trust.networks.is_vast()
        && let Some(span) = table.span_of("networks")
    {
        table.document().warning_with(
            span,
            "nearly every client is trusted, so nearly no mail is judged",
            "name your own networks only",
        );
    }
    table.finish();
}
