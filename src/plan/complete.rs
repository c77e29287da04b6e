//! What a plan leaves out → what it means: the defaults that do not depend on a single value.
//!
//! They are written into the document itself, so that the plan in force shows them and reads
//! back to the same.

use std::time::Duration;

use super::document::{
    Arrival, Client, ClientKind, Defaults, Document, Generator, Limits, Message, Monitor, Phase,
    PhaseKind, Role, ShortOr, Sink, Target, ThresholdEntry, Timeouts, TlsMode,
};
use super::name::is_name;
use super::value::{ByteSize, Share, Span};

/// The name of what a plan does not name.
pub(super) const DEFAULT_NAME: &str = "default";

/// Fills the defaults in; `file` is the plan's file, whose name the plan takes.
pub(super) fn complete(document: &mut Document, file: &str) {
    document.name.get_or_insert_with(|| name_of(file));
    if document.clients.is_empty() {
        document.clients.push(DEFAULT_NAME, Client::default());
    }
    if document.messages.is_empty() {
        let size = Some(ShortOr::Short(ByteSize::new(1024)));
        document.messages.push(DEFAULT_NAME, Message { size, ..Message::default() });
    }
    complete_clients(document);
    complete_targets(document);
    complete_defaults(document);
    complete_searches(document);
    complete_thresholds(document);
    complete_tool(document);
}

/// The file's name without folder and extension, with `-` for what a name can't hold.
fn name_of(file: &str) -> String {
    let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = file.split('.').next().unwrap_or(file);
    let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = stem.chars().map(|c| if is_kept(c) { c } else { '-' }).take(64).collect();
    if is_name(&name) { name } else { "plan".to_owned() }
}

/// A malformed client pauses between its cases, so that it does not become a flood by itself.
fn complete_clients(document: &mut Document) {
    for client in document.clients.values_mut() {
        if client.kind == Some(ClientKind::Malformed) {
            client.think = client.think.or(Span::new(Duration::from_secs(1)));
        }
    }
}

fn complete_targets(document: &mut Document) {
    let uses_default = document.clients.iter().any(|(_, client)| client.target.is_none());
    if uses_default && document.target.is_none() {
        document.target = Some(Target::default());
    }
    let targets = document.target.iter_mut().chain(document.targets.values_mut());
    let mut needs_sink = false;
    for target in targets {
        needs_sink |= target.address.is_none();
        complete_timeouts(target.timeouts.get_or_insert_default());
    }
    let has_address = document.target.as_ref().is_some_and(|target| target.address.is_some());
    let role = if needs_sink && !has_address { Role::Target } else { Role::Off };
    let sink = document.sink.get_or_insert_with(Sink::default);
    sink.role.get_or_insert(role);
    if sink.role == Some(Role::Target) {
        complete_sink(document);
    }
}

/// As a target the sink speaks what is asked of it, and such a target speaks what the sink speaks.
fn complete_sink(document: &mut Document) {
    let clients = || document.clients.iter().filter(|(_, client)| is_of_the_sink(client, document));
    let mode = encryption_of(clients().map(|(_, client)| client));
    let proxy = clients().any(|(_, client)| client.proxy.is_some());
    let xclient = clients().any(|(_, client)| client.xclient.is_some());
    let sink = document.sink.get_or_insert_default();
    sink.tls = sink.tls.take().or(mode.map(ShortOr::Short));
    sink.proxy = sink.proxy.or(proxy.then_some(true));
    sink.xclient = sink.xclient.or(xclient.then_some(true));
    let all = document.target.iter_mut().chain(document.targets.values_mut());
    let mut stood_for: Vec<_> = all.filter(|target| target.address.is_none()).collect();
    let asked = stood_for.iter().find_map(|target| target.protocol);
    sink.protocol = sink.protocol.or(asked);
    for target in &mut stood_for {
        target.protocol = target.protocol.or(sink.protocol);
    }
}

fn is_of_the_sink(client: &Client, document: &Document) -> bool {
    let target = match client.target.as_deref() {
        None | Some(DEFAULT_NAME) => document.target.as_ref(),
        Some(name) => document.targets.named(name),
    };
    target.is_some_and(|target| target.address.is_none())
}

/// The encryption that clients ask for; STARTTLS serves those in clear too.
fn encryption_of<'a>(clients: impl Iterator<Item = &'a Client>) -> Option<TlsMode> {
    let modes = clients.filter_map(|client| match client.tls.as_ref()? {
        ShortOr::Short(mode) => Some(*mode),
        ShortOr::Long(table) => table.mode,
    });
    let modes: Vec<TlsMode> = modes.collect();
    [TlsMode::Starttls, TlsMode::Implicit].into_iter().find(|mode| modes.contains(mode))
}

fn complete_timeouts(timeouts: &mut Timeouts) {
    timeouts.connect = timeouts.connect.or(Span::new(Duration::from_secs(5)));
    timeouts.reply = timeouts.reply.or(Span::new(Duration::from_secs(30)));
    timeouts.end_of_data = timeouts.end_of_data.or(Span::new(Duration::from_mins(2)));
}

fn complete_defaults(document: &mut Document) {
    let only_client = match document.clients.names().collect::<Vec<_>>().as_slice() {
        [name] => Some(ShortOr::Short((*name).to_owned())),
        _ => None,
    };
    let defaults = document.defaults.get_or_insert_with(Defaults::default);
    defaults.mix = defaults.mix.take().or(only_client);
    defaults.arrival.get_or_insert(Arrival::Poisson);
    defaults.max_in_flight.get_or_insert(2000);
}

fn complete_searches(document: &mut Document) {
    for phase in document.phases.iter_mut().filter(|phase| is_search(phase)) {
        phase.settle = phase.settle.or(Span::new(Duration::from_secs(5)));
        phase.precision = phase.precision.or(Share::new(0.05));
        phase.max_probes.get_or_insert(20);
    }
}

fn is_search(phase: &Phase) -> bool {
    phase.kind == Some(PhaseKind::Search)
}

/// A plan that says nothing about what must hold fails above 1 % of errors, and where a rate was
/// not reached. Where nothing but searches counts, their `while` says it all.
fn complete_thresholds(document: &mut Document) {
    let in_defaults = document.defaults.as_ref().is_some_and(|d| d.thresholds.is_some());
    let in_phases = document.phases.iter().any(|phase| phase.thresholds.is_some());
    if document.thresholds.is_some() || in_defaults || in_phases {
        return;
    }
    if document.phases.iter().any(is_search) && !document.phases.iter().any(is_measured) {
        document.thresholds = Some(Vec::new());
        return;
    }
    let check = if sends_mail(document) { "message.errors < 1%" } else { "case.findings == 0" };
    document.thresholds = Some(vec![entry(check)]);
    for phase in document.phases.iter_mut().filter(|phase| is_measured_and_open(phase)) {
        phase.thresholds = Some(vec![entry("rate.achieved >= 99%")]);
    }
}

/// Whether any phase has a client that sends mail; where nobody does, messages say nothing.
fn sends_mail(document: &Document) -> bool {
    let default = document.defaults.as_ref().and_then(|defaults| defaults.mix.as_ref());
    let mixes = document.phases.iter().filter_map(|phase| phase.mix.as_ref().or(default));
    let is_mail = |name: &str| {
        let client = document.clients.named(name);
        client.is_none_or(|client| client.kind != Some(ClientKind::Malformed))
    };
    let mut mixes = mixes.peekable();
    mixes.peek().is_none()
        || mixes.any(|mix| match mix {
            ShortOr::Long(weights) => weights.names().any(is_mail),
            ShortOr::Short(name) => match document.mixes.named(name) {
                Some(weights) => weights.names().any(is_mail),
                None => is_mail(name),
            },
        })
}

fn entry(check: &str) -> ThresholdEntry {
    ShortOr::Short(check.to_owned())
}

fn is_measured_and_open(phase: &Phase) -> bool {
    phase.rate.is_some() && phase.connections.is_none() && is_measured(phase)
}

/// Whether a phase is in the totals.
fn is_measured(phase: &Phase) -> bool {
    let sends = !matches!(phase.kind, Some(PhaseKind::Pause | PhaseKind::Search));
    sends && phase.warmup != Some(true)
}

fn complete_tool(document: &mut Document) {
    let monitor = document.monitor.get_or_insert_with(Monitor::default);
    monitor.enabled.get_or_insert(true);
    monitor.interval = monitor.interval.or(Span::new(Duration::from_secs(1)));
    let generator = document.generator.get_or_insert_with(Generator::default);
    let limits = generator.limits.get_or_insert_with(Limits::default);
    limits.cpu = limits.cpu.or(Share::new(0.95));
    limits.lag_p99 = limits.lag_p99.or(Span::new(Duration::from_millis(10)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_takes_the_name_of_its_file() {
        let table = [
            ("scenarios/quick-start.toml", "quick-start"),
            ("a b.yaml", "a-b"),
            ("-", "plan"),
            ("9.toml", "plan"),
            ("C:\\plans\\soak.v2.toml", "soak"),
        ];
        for (file, name) in table {
            assert_eq!(name_of(file), name, "{file}");
        }
    }
}
