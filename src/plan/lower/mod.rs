//! A completed document → the [`Plan`]: names become ids, texts become types, phases are
//! expanded. Every mistake is found in one pass, each at its pointer.
//!
//! Nothing here reads a file (but for those that templates include), a clock or the environment. A mistake never stops the pass: what
//! can't be lowered is replaced by something harmless, for a plan with mistakes is not used.

mod address;
mod agreement;
mod auth;
mod cases;
mod chunking;
mod client;
mod dsn;
mod faults;
mod level;
mod login;
mod message;
mod names;
mod pace;
mod phase;
mod route;
mod sink;
mod target;
mod threshold;
mod tls;
mod track;
mod weights;
mod xclient;

use super::document::{Document, Monitor as MonitorTable};
use super::model::{FitnessLimits, Monitor, Plan};
use super::secrets::Vault;
use super::{Diagnostic, DiagnosticCode, Share, Span, WatchedProcess};
use auth::Accounts;
use faults::Faults;
use names::Names;

/// The least interval of the monitor.
const SHORTEST_INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);

/// Lowers a completed document; `host` is the name that clients give of themselves by default,
/// `vault` has the files and secrets that the document names. The plan is only good if no error was added.
pub(super) fn lower(
    document: &Document,
    host: &str,
    vault: Vault<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Plan {
    let files = vault.files;
    let accounts = Accounts { document, vault };
    let mut faults = Faults::default();
    check_version(document, &mut faults);
    let names = Names::of(document, &mut faults);
    let targets = target::lower_all(document, &mut faults);
    let feeds = message::lower_feeds(document, files, &mut faults);
    let mut classes = message::Classes::default();
    let messages = message::lower_all(document, &feeds, vault, &mut classes, &mut faults);
    let names = names.with_classes(classes.0);
    let around = client::Around { host, files, accounts, targets: &targets };
    let clients = client::lower_all(document, &names, around, &mut faults);
    login::check(&clients, &messages, &feeds, &mut faults);
    tls::check_names(&clients, &targets, &mut faults);
    let people = track::People { names: &names, clients: &clients, targets: &targets };
    let (phases, searches) = track::lower_all(document, people, &mut faults);
    let thresholds = threshold::lower_plan_wide(document, &names, &phases, &mut faults);
    let sink = sink::lower(document.sink.as_ref(), files, accounts, &mut faults);
    agreement::check(&clients, &targets, &sink, &mut faults);
    let monitor = lower_monitor(document.monitor.clone().unwrap_or_default(), &mut faults);
    errors.extend(faults.into_diagnostics());
    Plan {
        name: document.name.clone().unwrap_or_default(),
        seed: document.seed.unwrap_or_default(),
        labels: document
            .labels
            .iter()
            .map(|(key, text)| (key.to_owned(), text.0.clone()))
            .collect(),
        targets,
        clients,
        messages,
        classes: names.into_classes(),
        feeds,
        phases,
        searches,
        thresholds,
        sink,
        monitor,
        limits: lower_limits(document),
    }
}

fn check_version(document: &Document, faults: &mut Faults) {
    match document.version {
        Some(1) => {}
        Some(version) => faults.value_with_help(
            DiagnosticCode::Version,
            "/version",
            format!("format version {version} is not known"),
            "this version of the program knows `version = 1`",
        ),
        None => faults.value_with_help(
            DiagnosticCode::Version,
            "/version",
            "missing key `version`",
            "write `version = 1`",
        ),
    }
    if document.seed.is_some_and(|seed| i64::try_from(seed).is_err()) {
        faults.bad("/seed", "a seed is at most 9223372036854775807");
    }
}

fn lower_monitor(table: MonitorTable, faults: &mut Faults) -> Monitor {
    let interval = table.interval.map_or(SHORTEST_INTERVAL, Span::duration);
    if interval < SHORTEST_INTERVAL {
        faults.bad("/monitor/interval", "the interval is at least 200ms");
    }
    let enabled = table.enabled.unwrap_or(true);
    if !enabled && table.process.is_some() {
        faults.conflict("/monitor", "process", "nothing is watched where `enabled = false`");
    }
    let process = table.process.and_then(|text| match text.0.parse::<WatchedProcess>() {
        Ok(process) => Some(process),
        Err(error) => {
            faults.bad("/monitor/process", error.to_string());
            None
        }
    });
    Monitor { enabled, interval, process }
}

fn lower_limits(document: &Document) -> FitnessLimits {
    let limits = document.generator.and_then(|generator| generator.limits).unwrap_or_default();
    FitnessLimits {
        cpu: limits.cpu.map_or(1.0, Share::fraction),
        lag_p99: limits.lag_p99.map(Span::duration).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
