//! The ledger with the plan's names and the run's times → the parts of the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    Cell, CellKey, ClassFigures, Extent, Figures, Ledger, PhaseResult, PhaseSpan, Portion, SpanEnd,
};
use crate::plan::{ClientId, Load, Phase, PhaseId, Plan, Scope, TargetId};

/// All that figures and verdict are taken from.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// What was run.
    pub plan: &'a Plan,
    /// What was counted.
    pub ledger: &'a Ledger,
    /// The phases that began, with their times.
    pub spans: &'a [PhaseSpan],
    /// By target: the resolved addresses as `127.0.0.1:2525`, in the order of
    /// [`CellKey::address`].
    pub addresses: &'a [Vec<String>],
}

impl Results<'_> {
    /// Everything but warm-ups and probes.
    pub fn totals(&self) -> Figures {
        self.portion(Extent::Counting, None).figures()
    }

    /// Everything: equal to a server's ledger.
    pub fn all(&self) -> Figures {
        self.portion(Extent::All, None).figures()
    }

    /// The phases that began, in the order of the plan.
    pub fn phases(&self) -> Vec<PhaseResult> {
        let mut spans = self.spans.to_vec();
        spans.sort_by_key(|span| span.phase);
        spans.iter().filter_map(|span| self.phase(*span)).collect()
    }

    /// The phases that began, in the order of the plan, each with its clients.
    pub fn clients_by_phase(&self) -> Vec<(String, BTreeMap<String, Figures>)> {
        let mut begun: Vec<PhaseId> = self.spans.iter().map(|span| span.phase).collect();
        begun.sort_unstable();
        let begun = begun.into_iter();
        let named = begun.filter_map(|id| Some((id, self.plan.phases.get(id.index())?)));
        named.map(|(id, phase)| (phase.name.clone(), self.clients(id))).collect()
    }

    /// A part of the run; with a scope only what that names.
    pub fn portion(&self, extent: Extent, scope: Option<&Scope>) -> Portion {
        match scope {
            None => Portion {
                cell: self.ledger.sum(extent, |_| true),
                peak_open: self.ledger.peak_open(extent),
                length: self.length(extent),
                end: self.end(extent),
            },
            Some(Scope::Client(name)) => {
                let mut ids = (0..).map(ClientId).zip(&self.plan.clients);
                match ids.find(|(_, client)| client.name == *name) {
                    Some((client, _)) => self.of_client(extent, client),
                    None => self.part(extent, |_| false),
                }
            }
            Some(Scope::Target(name)) => self.part(extent, |key| {
                self.place(key).is_some_and(|(target, _)| self.target_name(target) == *name)
            }),
            Some(Scope::Class(name)) => {
                let sum = self.ledger.sum(extent, |_| true);
                let class = self.plan.classes().find(|(_, known)| known == name);
                let cell = class.and_then(|(class, _)| sum.classes.get(&class));
                self.of_class(extent, cell.map_or(&Cell::default(), |cell| cell))
            }
            Some(Scope::Address(name)) => self.part(extent, |key| {
                let place = self.place(key);
                place.is_some_and(|(target, address)| self.address_name(target, address) == *name)
            }),
        }
    }

    /// The phases of an extent that began.
    pub fn begun(&self, extent: Extent) -> impl Iterator<Item = (PhaseSpan, &Phase)> {
        self.spans
            .iter()
            .filter(move |span| self.ledger.includes(extent, span.phase))
            .filter_map(|span| Some((*span, self.plan.phases.get(span.phase.index())?)))
    }

    fn part(&self, extent: Extent, part: impl Fn(CellKey) -> bool) -> Portion {
        self.portion_of(self.ledger.sum(extent, &part), extent, part)
    }

    /// A client's own part, with its times, paced or not.
    fn of_client(&self, extent: Extent, client: ClientId) -> Portion {
        let cell = self.ledger.sum_of_client(extent, client);
        self.portion_of(cell, extent, |key| key.client == client)
    }

    fn portion_of(&self, cell: Cell, extent: Extent, part: impl Fn(CellKey) -> bool) -> Portion {
        let peak_open = self.ledger.peak_open_of(extent, &part);
        Portion { cell, peak_open, length: self.length(extent), end: self.end(extent) }
    }

    /// How much of the run's clock the extent's phases cover; what phases beside each other
    /// share counts once, so that throughput over several phases is never the sum of theirs
    /// where they took turns, and is where they ran beside each other.
    fn length(&self, extent: Extent) -> Duration {
        let mut times: Vec<(Duration, Duration)> =
            self.begun(extent).map(|(span, _)| (span.start, span.start + span.length)).collect();
        times.sort_unstable();
        let mut covered = Duration::ZERO;
        let mut until = Duration::ZERO;
        for (start, end) in times {
            covered += end.saturating_sub(start.max(until));
            until = until.max(end);
        }
        covered
    }

    /// By their counts only where no phase of the extent that sends had a time of its own.
    fn end(&self, extent: Extent) -> SpanEnd {
        let mut sending = self.begun(extent).filter(|(_, phase)| phase.load != Load::Pause);
        if sending.all(|(span, _)| span.end == SpanEnd::Count) {
            SpanEnd::Count
        } else {
            SpanEnd::Time
        }
    }

    fn phase(&self, span: PhaseSpan) -> Option<PhaseResult> {
        let phase = self.plan.phases.get(span.phase.index())?;
        let portion = self.portion(Extent::Phase(span.phase), None);
        let throttling = self.ledger.throttling();
        let throttled = throttling.figures(span.phase, span.start, &portion.cell);
        let mut figures = portion.figures();
        let cases = std::mem::take(&mut figures.cases);
        Some(PhaseResult {
            name: phase.name.clone(),
            kind: phase.kind.name().to_owned(),
            model: model(phase.load).to_owned(),
            warmup: phase.warmup,
            level: None,
            start_s: span.start.as_secs_f64(),
            duration_s: span.length.as_secs_f64(),
            figures,
            cases,
            throttled,
            search: None,
            clients: self.clients(span.phase),
            paced: self.paced(span.phase),
            classes: self.classes_of(Extent::Phase(span.phase), &portion.cell),
            targets: self.targets(span.phase),
        })
    }

    fn clients(&self, phase: PhaseId) -> BTreeMap<String, Figures> {
        let extent = Extent::Phase(phase);
        let seen: BTreeSet<ClientId> =
            self.ledger.cells(extent).map(|(key, _)| key.client).collect();
        seen.into_iter()
            .map(|client| {
                let portion = self.of_client(extent, client);
                (self.client_name(client), portion.figures())
            })
            .collect()
    }

    /// What became of the messages of each class.
    pub fn classes(&self, extent: Extent) -> BTreeMap<String, ClassFigures> {
        self.classes_of(extent, &self.ledger.sum(extent, |_| true))
    }

    /// The classes of an extent whose cells have this sum.
    fn classes_of(&self, extent: Extent, sum: &Cell) -> BTreeMap<String, ClassFigures> {
        let known = self.plan.classes().filter_map(|(class, name)| {
            let cell = sum.classes.get(&class)?;
            Some((name.to_owned(), self.of_class(extent, cell).figures().into()))
        });
        known.collect()
    }

    fn of_class(&self, extent: Extent, cell: &Cell) -> Portion {
        let (length, end) = (self.length(extent), self.end(extent));
        Portion { cell: cell.clone(), peak_open: 0, length, end }
    }

    /// The paced clients that a phase has anything of.
    fn paced(&self, phase: PhaseId) -> Vec<String> {
        let cells = self.ledger.cells(Extent::Phase(phase));
        let seen: BTreeSet<ClientId> = cells.map(|(key, _)| key.client).collect();
        let clients = seen.into_iter().filter_map(|id| self.plan.clients.get(id.index()));
        clients.filter(|client| client.is_paced()).map(|client| client.name.clone()).collect()
    }

    fn targets(&self, phase: PhaseId) -> BTreeMap<String, BTreeMap<String, Figures>> {
        let extent = Extent::Phase(phase);
        let mut targets: BTreeMap<String, BTreeMap<String, Figures>> = BTreeMap::new();
        let seen: BTreeSet<(TargetId, u16)> =
            self.ledger.cells(extent).filter_map(|(key, _)| self.place(key)).collect();
        for (target, address) in seen {
            let portion = self.part(extent, |key| self.place(key) == Some((target, address)));
            targets
                .entry(self.target_name(target))
                .or_default()
                .insert(self.address_name(target, address), portion.figures());
        }
        targets
    }

    fn place(&self, key: CellKey) -> Option<(TargetId, u16)> {
        let client = self.plan.clients.get(key.client.index())?;
        Some((client.target, key.address))
    }

    fn client_name(&self, client: ClientId) -> String {
        let known = self.plan.clients.get(client.index());
        known.map_or_else(|| format!("client {}", client.0), |client| client.name.clone())
    }

    fn target_name(&self, target: TargetId) -> String {
        let known = self.plan.targets.get(target.index());
        known.map_or_else(|| format!("target {}", target.0), |target| target.name.clone())
    }

    fn address_name(&self, target: TargetId, address: u16) -> String {
        let known =
            self.addresses.get(target.index()).and_then(|all| all.get(usize::from(address)));
        known.cloned().unwrap_or_else(|| format!("address {address}"))
    }
}

fn model(load: Load) -> &'static str {
    match load {
        Load::Open { .. } => "open",
        Load::Closed { .. } => "closed",
        Load::Pause => "pause",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ClassId;
    use crate::record::specimen::{
        CLOSED, OPEN, WARM_UP, addresses, frame, key, ledger, messages, plan, spans,
    };
    use crate::record::{Frame, OpenPeaks, PeakOpen, PhaseGauge};
    use crate::smtp::Outcome;

    fn cells() -> Vec<(CellKey, Cell)> {
        vec![
            (key(WARM_UP, 0, 0), messages(1, Outcome::Accepted, 1)),
            (key(OPEN, 0, 0), messages(10, Outcome::Accepted, 1)),
            (key(OPEN, 0, 1), messages(20, Outcome::Accepted, 1)),
            (key(OPEN, 1, 0), messages(40, Outcome::Accepted, 1)),
            (key(CLOSED, 1, 0), messages(80, Outcome::Accepted, 1)),
        ]
    }

    #[test]
    fn totals_leave_warm_ups_out_and_all_does_not() {
        let (plan, spans, addresses) = (plan(), spans(), addresses());
        let ledger = ledger(&plan, cells());
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };

        assert_eq!(results.totals().messages.accepted, 150);
        assert_eq!(results.all().messages.accepted, 151);
        assert_eq!(results.totals().accepted_per_s, Some(7.5));
    }

    #[test]
    fn classes_are_summed_over_clients_without_the_times_of_paced_ones() {
        let (mut plan, spans, addresses) = (plan(), spans(), addresses());
        plan.classes = vec!["clean".to_owned(), "spam".to_owned()];
        plan.clients[1].pace = Some(crate::smtp::Pace::default());
        let classed = |count, class, outcome| {
            let mut cell = messages(count, outcome, 1);
            *cell.class(ClassId(class)) = messages(count, outcome, 1);
            cell
        };
        let mut both = classed(3, 1, Outcome::Expected);
        both.merge(&classed(10, 0, Outcome::Accepted));
        let cells = vec![
            (key(WARM_UP, 0, 0), classed(1, 0, Outcome::Accepted)),
            (key(OPEN, 0, 0), both),
            (key(OPEN, 1, 0), classed(5, 1, Outcome::Unexpected)),
            (key(CLOSED, 0, 0), messages(7, Outcome::Accepted, 1)),
        ];
        let ledger = ledger(&plan, cells);
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };

        let phases = results.phases();
        let open = &phases[1].classes;
        assert_eq!((open["clean"].messages.accepted, open["clean"].messages.started), (10, 10));
        assert_eq!((open["spam"].messages.expected, open["spam"].messages.unexpected), (3, 5));
        assert_eq!(open["spam"].response_ms.unwrap().count, 3);
        assert!(phases[2].classes.is_empty());
        let totals = results.classes(Extent::Counting);
        assert_eq!(totals["clean"].messages.accepted, 10, "warm-ups are left out");
        let spam = results.portion(Extent::All, Some(&Scope::Class("spam".to_owned())));
        assert_eq!(spam.cell.messages.started, 8);
        assert_eq!(results.totals().messages.started, 25, "a class is a part, not more");
    }

    #[test]
    fn a_phase_is_divided_by_client_and_by_address() {
        let (plan, spans, addresses) = (plan(), spans(), addresses());
        let ledger = ledger(&plan, cells());
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };

        let phases = results.phases();

        let open = &phases[1];
        assert_eq!((open.name.as_str(), open.model.as_str(), open.warmup), ("open", "open", false));
        assert_eq!(open.figures.messages.accepted, 70);
        assert_eq!(open.clients["app"].messages.accepted, 30);
        assert_eq!(open.clients["bulk"].messages.accepted, 40);
        assert_eq!(open.targets["default"]["127.0.0.2:25"].messages.accepted, 20);
        assert_eq!(open.targets["other"]["[::1]:25"].messages.accepted, 40);
        assert!((open.start_s - 10.0).abs() < 1e-12 && (open.duration_s - 10.0).abs() < 1e-12);
        assert!(phases[0].warmup);
    }

    #[test]
    fn time_that_phases_share_counts_once() {
        let (plan, addresses) = (plan(), addresses());
        let second = |phase, start, length| PhaseSpan {
            phase,
            start: Duration::from_secs(start),
            length: Duration::from_secs(length),
            end: SpanEnd::Time,
        };
        let spans = [second(OPEN, 10, 10), second(CLOSED, 15, 10), second(WARM_UP, 0, 10)];
        let ledger = ledger(&plan, Vec::new());
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };

        assert_eq!(results.length(Extent::Counting), Duration::from_secs(15));
        assert_eq!(results.length(Extent::All), Duration::from_secs(25));
    }

    #[test]
    fn the_times_of_paced_clients_stand_in_their_own_row_alone() {
        let (mut plan, spans, addresses) = (plan(), spans(), addresses());
        plan.clients[1].pace = Some(crate::smtp::Pace::default());
        let ledger = ledger(&plan, cells());
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans, addresses: &addresses };
        let responses = |figures: &Figures| figures.response_ms.map_or(0, |times| times.count);

        let open = &results.phases()[1];
        let scope = Scope::Client("bulk".to_owned());
        let scoped = results.portion(Extent::Phase(OPEN), Some(&scope)).figures();

        assert_eq!((open.figures.messages.accepted, responses(&open.figures)), (70, 30));
        assert_eq!(responses(&open.clients["bulk"]), 40);
        assert_eq!(responses(&scoped), 40);
        assert_eq!(responses(&open.targets["other"]["[::1]:25"]), 0);
        assert_eq!((results.totals().messages.accepted, responses(&results.totals())), (150, 30));
        assert_eq!(open.paced, ["bulk"]);
    }

    #[test]
    fn a_phase_that_never_began_has_no_result() {
        let (plan, addresses) = (plan(), addresses());
        let ledger = ledger(&plan, Vec::new());
        let results =
            Results { plan: &plan, ledger: &ledger, spans: &spans()[..1], addresses: &addresses };

        let names: Vec<String> = results.phases().into_iter().map(|phase| phase.name).collect();

        assert_eq!(names, ["warm-up"]);
    }

    #[test]
    fn a_hand_over_within_a_second_is_no_second_crowd() {
        let plan = plan();
        let mut ledger = Ledger::new(&plan);
        let gauge = |phase, open| PhaseGauge {
            phase,
            level: 0.0,
            open_sessions: open,
            peak_open: open,
            peaks: vec![PeakOpen { client: ClientId(0), address: 0, open }],
        };
        for (gauges, all, counting) in [
            (vec![gauge(WARM_UP, 9), gauge(OPEN, 4)], 9, 4),
            (vec![gauge(OPEN, 4), gauge(CLOSED, 5)], 9, 5),
            (vec![gauge(CLOSED, 2)], 9, 5),
        ] {
            let peaks = OpenPeaks { all, counting };
            ledger.fold(&Frame { gauges, peaks, ..frame(0, Vec::new()) });
        }

        let peaks = [Extent::All, Extent::Counting, Extent::Phase(OPEN), Extent::Phase(CLOSED)]
            .map(|extent| ledger.peak_open(extent));

        assert_eq!(peaks, [9, 5, 4, 5]);
        assert_eq!(ledger.peak_open_of(Extent::Phase(OPEN), |key| key.address == 0), 4);
    }
}
