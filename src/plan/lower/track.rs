//! `[[phases]]` → the lines of the timeline: expanded, with their beginnings and their senders.

use std::time::Duration;

use super::faults::Faults;
use super::level::{self, LastLevels, Model};
use super::names::{self, MOST, Names};
use super::phase::{check_keys, length, lower_kind};
use super::threshold::{self, Place, Taken};
use super::weights::{at_least_one, lower_weights};
use crate::plan::document::{
    Arrival as ArrivalName, Defaults, Document, Mix, Phase as PhaseTable, PhaseKind as KindName,
    ShortOr, Table,
};
use crate::plan::model::{
    Arrival, Begin, Client, ClientId, Curve, Load, Phase, PhaseId, Search, SearchId, Target,
    Weighted,
};
use crate::plan::threshold::{Action, Threshold};
use crate::plan::{Diagnostic, DiagnosticCode, Part, Share, Span, escape, suggest};

/// Who there is to send, and to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct People<'a> {
    /// All names of the plan.
    pub(super) names: &'a Names<'a>,
    /// By id.
    pub(super) clients: &'a [Client],
    /// By id.
    pub(super) targets: &'a [Target],
}

/// All phases in file order, `step`, `repeat` and `search` expanded, and the searches.
pub(super) fn lower_all(
    document: &Document,
    people: People<'_>,
    faults: &mut Faults,
) -> (Vec<Phase>, Vec<Search>) {
    if document.phases.is_empty() {
        faults.value(DiagnosticCode::MissingKey, "/phases", "a plan needs `phases`");
    }
    let defaults = document.defaults.clone().unwrap_or_default();
    let mut tracks = Tracks {
        document,
        defaults: &defaults,
        people,
        faults,
        phases: Vec::new(),
        searches: Vec::new(),
        first_lines: Vec::new(),
        main: None,
        last_levels: LastLevels::default(),
    };
    tracks.check_defaults();
    for (index, table) in document.phases.iter().enumerate() {
        let line = PhaseId(u16::try_from(tracks.phases.len()).unwrap_or(u16::MAX));
        tracks.first_lines.push(line);
        if tracks.phases.len() <= MOST {
            tracks.add(index, table);
        }
    }
    if tracks.phases.len() > MOST {
        let message = format!("a plan has at most {MOST} phases, repetitions and steps counted");
        tracks.faults.value(DiagnosticCode::TooLarge, "/phases", message);
    }
    (tracks.phases, tracks.searches)
}

/// The lines so far.
struct Tracks<'a> {
    document: &'a Document,
    defaults: &'a Defaults,
    people: People<'a>,
    faults: &'a mut Faults,
    phases: Vec<Phase>,
    searches: Vec<Search>,
    /// For each phase of the document its first line.
    first_lines: Vec<PhaseId>,
    /// The last line of the main track, and when what follows it begins.
    main: Option<(PhaseId, Begin)>,
    last_levels: LastLevels,
}

impl Tracks<'_> {
    fn check_defaults(&mut self) {
        let numbers = [
            ("max_in_flight", self.defaults.max_in_flight),
            ("max_connections", self.defaults.max_connections),
        ];
        for (key, number) in numbers {
            at_least_one(number, &format!("/defaults/{key}"), self.faults);
        }
        // Phases share mixes, and some may be used by none.
        for name in self.document.mixes.names() {
            self.named_mix(name, "/mixes");
        }
        if let Some(mix) = &self.defaults.mix {
            self.lower_mix(mix, "/defaults/mix");
        }
    }

    /// Adds the lines of one phase.
    fn add(&mut self, index: usize, table: &PhaseTable) {
        let pointer = format!("/phases/{index}");
        let name = self.name(index, table, &pointer);
        let begin = self.begin(index, table, &pointer);
        let Some(kind) = table.kind else {
            self.faults.missing(&pointer, "kind");
            return;
        };
        check_keys(table, kind, &pointer, self.faults);
        let level = level::lower(table, kind, &pointer, &mut self.last_levels, self.faults);
        let line = self.line(table, kind, level.as_ref().map(|(model, _)| *model), &pointer);
        let line = Phase { begin, ..line };
        let curves = level.map(|(_, curves)| curves);
        let loads = loads(&line.load, curves);
        for load in &loads {
            level::check_size(load, &line, &pointer, self.faults);
        }
        if kind == KindName::Search {
            self.add_search((name, table, &pointer), &line, &loads);
        } else {
            self.expand(&name, table, &line, &loads);
        }
    }

    /// As many lines as a search may have probes: only the level of the first is known.
    fn add_search(
        &mut self,
        (name, table, pointer): (String, &PhaseTable, &str),
        line: &Phase,
        loads: &[Load],
    ) {
        let id = SearchId(u16::try_from(self.searches.len()).unwrap_or(u16::MAX));
        let first = PhaseId(u16::try_from(self.phases.len()).unwrap_or(u16::MAX));
        let [Some(lowest), Some(highest)] = [loads.first(), loads.last()] else { return };
        let max_probes = table.max_probes.unwrap_or(1).clamp(1, 1000);
        for probe in 1..=max_probes {
            let (begin, load) = match probe {
                1 => (line.begin, *lowest),
                _ => (Begin::Asked(id), *highest),
            };
            self.phases.push(Phase {
                name: format!("{name}/{probe}"),
                begin,
                load,
                ..line.clone()
            });
        }
        let conditions = self.conditions(table, &line.load, pointer);
        self.searches.push(Search {
            name,
            first,
            max_probes,
            from: level_of(lowest),
            to: level_of(highest),
            settle: length(table.settle),
            precision: table.precision.map(Share::fraction).unwrap_or_default(),
            conditions,
        });
        if table.with.is_none() {
            self.main = Some((first, Begin::Behind(id)));
        }
    }

    fn conditions(&mut self, table: &PhaseTable, load: &Load, pointer: &str) -> Vec<Threshold> {
        let taken = match load {
            Load::Closed { .. } => Taken::WithoutRate,
            Load::Open { .. } | Load::Pause => Taken::WithRate,
        };
        let entries = table.conditions.as_deref().unwrap_or_default();
        let pointer = format!("{pointer}/while");
        let place = Place { taken, length: None, whose: "the probe holds" };
        threshold::lower_conditions(entries, &pointer, place, self.people.names, self.faults)
    }

    /// One line for each repetition and each level.
    fn expand(&mut self, name: &str, table: &PhaseTable, line: &Phase, loads: &[Load]) {
        let is_staircase = table.kind == Some(KindName::Step);
        let mut begin = line.begin;
        for round in 1..=table.repeat.unwrap_or(1).min(1000) {
            for (level, load) in (1..).zip(loads) {
                let mut name = name.to_owned();
                if table.repeat.is_some() {
                    name = format!("{name}/{round}");
                }
                if is_staircase {
                    name = format!("{name}/{level}");
                }
                let id = PhaseId(u16::try_from(self.phases.len()).unwrap_or(u16::MAX));
                self.phases.push(Phase { name, begin, load: *load, ..line.clone() });
                begin = Begin::After(id);
                if table.with.is_none() {
                    self.main = Some((id, begin));
                }
                if self.phases.len() > MOST {
                    return;
                }
            }
        }
    }

    /// The phase as far as all its lines are the same.
    fn line(
        &mut self,
        table: &PhaseTable,
        kind: KindName,
        model: Option<Model>,
        pointer: &str,
    ) -> Phase {
        let mix = self.mix(table, kind, pointer);
        let flat = Curve::Linear { from: 0.0, to: 0.0 };
        let arrival = table.arrival.or(self.defaults.arrival);
        let in_flight = table.max_in_flight.or(self.defaults.max_in_flight);
        let load = match model {
            Some(Model::Open) => Load::Open {
                rate: flat,
                arrival: arrival.map(lower_arrival).unwrap_or_default(),
                max_in_flight: in_flight.unwrap_or(u32::MAX),
            },
            Some(Model::Closed) => Load::Closed { connections: flat },
            None => Load::Pause,
        };
        let held = match kind {
            KindName::Step | KindName::Search => table.hold,
            KindName::Steady | KindName::Ramp | KindName::Burst | KindName::Pause => table.duration,
        };
        let drain = table.drain.or(self.defaults.drain).map(Span::duration);
        Phase {
            name: String::new(),
            kind: lower_kind(kind),
            begin: Begin::Start,
            load,
            duration: held.map(Span::duration),
            count: table.count,
            drain: drain.unwrap_or_else(|| self.longest_timeout(&mix)),
            mix,
            max_connections: table.max_connections.or(self.defaults.max_connections),
            warmup: table.warmup.unwrap_or(false),
            fresh: table.fresh.unwrap_or(false),
            thresholds: self.thresholds(table, kind, model, pointer),
        }
    }

    fn name(&mut self, index: usize, table: &PhaseTable, pointer: &str) -> String {
        let Some(name) = &table.name else {
            self.faults.missing(pointer, "name");
            return String::new();
        };
        let pointer = format!("{pointer}/name");
        names::check(name, (&pointer, Part::Value), self.faults);
        let mut earlier = self.document.phases.iter().take(index);
        if earlier.any(|phase| phase.name.as_ref() == Some(name)) {
            let message = format!("an earlier phase is named `{name}` too");
            self.faults.value(DiagnosticCode::BadName, &pointer, message);
        }
        name.clone()
    }

    fn begin(&mut self, index: usize, table: &PhaseTable, pointer: &str) -> Begin {
        let Some(with) = &table.with else {
            return self.main.map_or(Begin::Start, |(_, then)| then);
        };
        let delay = length(table.delay);
        if table.kind == Some(KindName::Pause) {
            let message = "a pause can't stand beside another phase; use `delay`";
            self.faults.conflict(pointer, "with", message);
        }
        let line = self.phases.iter().position(|phase| phase.name == *with);
        if line.is_some_and(|line| self.phases[line].waits_to_be_asked()) {
            self.refuse_with_probe(with, &format!("{pointer}/with"));
            return Begin::Start;
        }
        let line = line.and_then(|line| u16::try_from(line).ok()).map(PhaseId);
        let mut names = self.document.phases.iter().map(|phase| phase.name.as_deref());
        let phase = names.position(|name| name == Some(with.as_str()));
        let first = phase.and_then(|phase| self.first_lines.get(phase).filter(|_| phase < index));
        if let Some(line) = line.or(first.copied()) {
            return Begin::With(line, delay);
        }
        self.refuse_with(index, with, phase, &format!("{pointer}/with"));
        Begin::Start
    }

    fn mix(&mut self, table: &PhaseTable, kind: KindName, pointer: &str) -> Weighted<ClientId> {
        let before = self.main.and_then(|(line, _)| self.phases.get(line.index()));
        if let (KindName::Pause, Some(before)) = (kind, before) {
            return before.mix.clone();
        }
        if let Some(mix) = &table.mix {
            return self.lower_mix(mix, &format!("{pointer}/mix"));
        }
        if let Some(mix) = &self.defaults.mix {
            return self.lower_mix(mix, "/defaults/mix");
        }
        if kind != KindName::Pause {
            self.faults.value_with_help(
                DiagnosticCode::MissingKey,
                &format!("{pointer}/mix"),
                "missing key `mix`",
                "the plan has several clients; name a mix or a client, or give weights",
            );
        }
        Weighted { choices: vec![(ClientId(0), 1.0)] }
    }

    fn lower_mix(&mut self, mix: &Mix, pointer: &str) -> Weighted<ClientId> {
        match mix {
            ShortOr::Long(weights) => self.lower_weights(weights, pointer),
            ShortOr::Short(name) => self.named_mix(name, pointer),
        }
    }

    /// The mix of a name, or the client of that name by itself.
    fn named_mix(&mut self, name: &str, pointer: &str) -> Weighted<ClientId> {
        let names = self.people.names;
        if let Some(weights) = names.mix(name) {
            return self.lower_weights(weights, &format!("/mixes/{}", escape(name)));
        }
        if names.clients().any(|client| client == name) {
            let client = names.client(name, (pointer, Part::Value), self.faults);
            return Weighted { choices: vec![(client, 1.0)] };
        }
        names.no_mix(name, pointer, self.faults);
        Weighted { choices: vec![(ClientId(0), 1.0)] }
    }

    fn lower_weights(&mut self, weights: &Table<f64>, pointer: &str) -> Weighted<ClientId> {
        let names = self.people.names;
        lower_weights(weights, pointer, self.faults, |name, pointer, faults| {
            names.client(name, (pointer, Part::Key), faults)
        })
    }

    /// How long the phase's sessions may wait for their servers.
    fn longest_timeout(&self, mix: &Weighted<ClientId>) -> Duration {
        let clients = mix.choices.iter().filter_map(|(id, _)| self.people.clients.get(id.index()));
        let targets = clients.filter_map(|client| self.people.targets.get(client.target.index()));
        targets.map(|target| target.timeouts.longest()).max().unwrap_or_default()
    }

    /// A warm-up's own thresholds only warn.
    fn thresholds(
        &mut self,
        table: &PhaseTable,
        kind: KindName,
        model: Option<Model>,
        pointer: &str,
    ) -> Vec<Threshold> {
        let (entries, pointer) = match (&table.thresholds, &self.defaults.thresholds) {
            (Some(entries), _) => (entries, format!("{pointer}/thresholds")),
            (None, Some(entries)) if !matches!(kind, KindName::Pause | KindName::Search) => {
                (entries, "/defaults/thresholds".to_owned())
            }
            (None, _) => return Vec::new(),
        };
        let taken = match model {
            Some(Model::Closed) => Taken::WithoutRate,
            // Where the level is missing, that is the mistake.
            Some(Model::Open) | None => Taken::WithRate,
        };
        let length = if kind == KindName::Step { table.hold } else { table.duration };
        let name = table.name.as_deref().unwrap_or_default();
        let verb = if kind == KindName::Step { "holds each level for" } else { "lasts" };
        let place = Place {
            taken,
            length: length.map(Span::duration),
            whose: &format!("phase `{name}` {verb}"),
        };
        let names = self.people.names;
        let mut thresholds = threshold::lower_list(entries, &pointer, place, names, self.faults);
        if table.warmup == Some(true) {
            for threshold in &mut thresholds {
                threshold.action = Action::Warn;
            }
        }
        thresholds
    }

    fn refuse_with_probe(&mut self, with: &str, pointer: &str) {
        let search = with.rsplit_once('/').map_or(with, |(search, _)| search);
        let message =
            format!("`{with}` may never begin: the search decides how many probes it has");
        let diagnostic = Diagnostic::value(DiagnosticCode::UnknownName, pointer, message);
        self.faults.add(diagnostic.with_help(format!("name the search: `{search}`")));
    }

    fn refuse_with(&mut self, index: usize, with: &str, found: Option<usize>, pointer: &str) {
        let earlier = self.document.phases.iter().take(index);
        let earlier = earlier.filter_map(|phase| phase.name.as_deref());
        let diagnostic = if found.is_some() {
            let message = format!("`{with}` does not stand before this phase");
            Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                .with_help("`with` names an earlier phase".to_owned())
        } else {
            let message = format!("no phase is named `{with}`");
            Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                .with_help(suggest(with, earlier))
        };
        self.faults.add(diagnostic);
    }
}

/// The same load with each of the curves; at least one, so that a phase with a mistake has a
/// line too.
fn loads(load: &Load, curves: Option<Vec<Curve>>) -> Vec<Load> {
    let curves = curves.unwrap_or_default();
    let with = |curve: &Curve| match *load {
        Load::Open { arrival, max_in_flight, .. } => {
            Load::Open { rate: *curve, arrival, max_in_flight }
        }
        Load::Closed { .. } => Load::Closed { connections: *curve },
        Load::Pause => Load::Pause,
    };
    if curves.is_empty() { vec![*load] } else { curves.iter().map(with).collect() }
}

/// The level of a load that has but one.
fn level_of(load: &Load) -> f64 {
    match load {
        Load::Open { rate, .. } => rate.peak(),
        Load::Closed { connections } => connections.peak(),
        Load::Pause => 0.0,
    }
}

fn lower_arrival(name: ArrivalName) -> Arrival {
    match name {
        ArrivalName::Poisson => Arrival::Poisson,
        ArrivalName::Even => Arrival::Even,
    }
}
