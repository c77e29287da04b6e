//! The ledger with the plan's names and the run's times → the parts of the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Cell, CellKey, Extent, Figures, Ledger, PhaseResult, PhaseSpan, Portion};
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
    /// Everything but warm-ups.
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

    /// A part of the run; with a scope only what that names.
    pub fn portion(&self, extent: Extent, scope: Option<&Scope>) -> Portion {
        match scope {
            None => Portion {
                cell: self.ledger.sum(extent, |_| true),
                peak_open: self.ledger.peak_open(extent),
                length: self.length(extent),
            },
            Some(scope) => self.part(extent, |key| self.in_scope(scope, key)),
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
        let cell: Cell = self.ledger.sum(extent, &part);
        let peak_open = self.ledger.peak_open_of(extent, &part);
        Portion { cell, peak_open, length: self.length(extent) }
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

    fn phase(&self, span: PhaseSpan) -> Option<PhaseResult> {
        let phase = self.plan.phases.get(span.phase.index())?;
        Some(PhaseResult {
            name: phase.name.clone(),
            kind: phase.kind.name().to_owned(),
            model: model(phase.load).to_owned(),
            warmup: phase.warmup,
            start_s: span.start.as_secs_f64(),
            duration_s: span.length.as_secs_f64(),
            figures: self.portion(Extent::Phase(span.phase), None).figures(),
            clients: self.clients(span.phase),
            targets: self.targets(span.phase),
        })
    }

    fn clients(&self, phase: PhaseId) -> BTreeMap<String, Figures> {
        let extent = Extent::Phase(phase);
        let seen: BTreeSet<ClientId> =
            self.ledger.cells(extent).map(|(key, _)| key.client).collect();
        seen.into_iter()
            .map(|client| {
                let portion = self.part(extent, |key| key.client == client);
                (self.client_name(client), portion.figures())
            })
            .collect()
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

    fn in_scope(&self, scope: &Scope, key: CellKey) -> bool {
        match scope {
            Scope::Client(name) => self.client_name(key.client) == *name,
            Scope::Target(name) => {
                self.place(key).is_some_and(|(target, _)| self.target_name(target) == *name)
            }
            Scope::Address(name) => self
                .place(key)
                .is_some_and(|(target, address)| self.address_name(target, address) == *name),
        }
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
