//! Timeline → what a run will do, before a packet is sent.
//!
//! An open phase is known to the message; a closed one sends as many as the server takes, so its
//! sums are bounds: what is sure to come, and what can't be exceeded where that is known.

use std::time::Duration;

use serde::Serialize;

use super::needs::{Needs, Peaks};
use super::ports::{self, Reach, TIME_WAIT};
use super::sketch::{Sketch, sketches};
use super::{Line, Model, Timeline};
use crate::message::CountRange;
use crate::plan::{ClientId, Curve, Load, MessageId, Phase, Plan, Search};

/// What a run will do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    /// The plan's name.
    pub name: String,
    /// What all draws come from.
    pub seed: u64,
    /// In file order.
    pub phases: Vec<PhasePreview>,
    /// Over all phases, warm-ups too.
    pub totals: PlannedTotals,
    /// The highest levels.
    pub peaks: Peaks,
    /// What the machine must have.
    pub needs: Needs,
    /// The levels over the whole known time, one for each model that occurs.
    pub curves: Vec<Sketch>,
}

/// What one phase will do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhasePreview {
    /// The phase's name.
    pub name: String,
    /// `steady`, `ramp`, `burst`, `step`, `pause` or `search`.
    pub kind: &'static str,
    /// What is given in it.
    pub model: Model,
    /// Whether it is left out of totals and plan-wide thresholds.
    pub warmup: bool,
    /// When it begins, in seconds; absent behind a phase that only its count ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_s: Option<f64>,
    /// How long it is in force, in seconds; absent where only its count ends it, and of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_s: Option<f64>,
    /// Of a search: how long all the probes that it may have take with the pauses between them, in
    /// seconds, without their drains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_at_most_s: Option<f64>,
    /// The load; absent in a pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelRange>,
    /// How many messages start; absent in a closed phase and a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// How many malformed cases start, give or take a few; absent where none do, and in a closed
    /// phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases: Option<u64>,
    /// After how many messages it ends, where its plan says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Who sends; empty in a pause.
    pub clients: Vec<ClientShare>,
}

/// The levels of one phase: messages per second, or connections.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LevelRange {
    /// At its beginning; of a burst phase the base.
    pub from: f64,
    /// At its end; of a burst phase the base.
    pub to: f64,
    /// The highest.
    pub peak: f64,
}

/// The part that one client has in a phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientShare {
    /// The client's name.
    pub client: String,
    /// Its part of the starts or of the connections, as a fraction of one.
    pub share: f64,
}

/// Sums over all phases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlannedTotals {
    /// The starts of the open phases, without malformed ones; of a search those of its first probe.
    pub messages_at_least: u64,
    /// The malformed starts of the open phases; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases_at_least: Option<u64>,
    /// The same with the counts of the closed phases; absent where one of them has no count, and
    /// where there is a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_at_most: Option<u64>,
    /// Sessions: no fewer can carry the messages that are sure, and hold open what the closed
    /// phases hold; where starts are dropped or connections fail there may be fewer.
    pub sessions_at_least: u64,
    /// The text of the open phases' messages, an estimate; absent where a size is not known, and
    /// where there is a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// The shortest run in seconds: phases end as early as their counts can end them.
    pub length_at_least_s: f64,
    /// The longest run in seconds, each phase drained as long as may be; absent where only a
    /// count ends a phase, and where there is a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_at_most_s: Option<f64>,
}

/// A phase with its place in time.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) phase: &'a Phase,
    pub(super) line: &'a Line,
    pub(super) begin: Option<Duration>,
    pub(super) end: Option<Duration>,
}

impl Preview {
    /// What the plan will do; `mean_octets` says how long a message is on average, where that
    /// is known.
    pub fn new(
        plan: &Plan,
        timeline: &Timeline,
        mean_octets: &dyn Fn(MessageId) -> Option<u64>,
    ) -> Self {
        let placed = place(plan, timeline);
        let sizes = mean_sizes(plan, mean_octets);
        let named = |target| ports::addresses_named(plan, target);
        let reach = Reach { kept: &|_| TIME_WAIT, addresses: &named };
        Self {
            name: plan.name.clone(),
            seed: plan.seed,
            phases: phase_previews(plan, &placed),
            totals: totals(plan, timeline, &placed, &sizes),
            peaks: Peaks::of(plan, &placed),
            needs: Needs::of(plan, &placed, &sizes, reach),
            curves: sketches(&placed),
        }
    }

    /// The known length of the run without draining, in seconds.
    pub fn known_length_s(&self) -> f64 {
        let ends = self.phases.iter().filter_map(|phase| Some(phase.start_s? + phase.length_s?));
        ends.fold(0.0, f64::max)
    }
}

pub(super) fn place<'a>(plan: &'a Plan, timeline: &'a Timeline) -> Vec<Placed<'a>> {
    let lines = timeline.lines().iter().zip(timeline.begins());
    plan.phases
        .iter()
        .zip(lines)
        .map(|(phase, (line, begin))| {
            let end = begin.zip(line.length()).map(|(begin, length)| begin.saturating_add(length));
            Placed { phase, line, begin, end }
        })
        .collect()
}

/// A search is one phase to look at, whatever its probes.
fn phase_previews(plan: &Plan, placed: &[Placed<'_>]) -> Vec<PhasePreview> {
    let search = |id| plan.searches.iter().find(|search| search.first == id);
    placed
        .iter()
        .filter(|placed| !placed.line.waits_to_be_asked())
        .map(|placed| {
            let preview = phase_preview(plan, *placed);
            match search(placed.line.id()) {
                Some(search) => search_preview(search, placed.phase, preview),
                None => preview,
            }
        })
        .collect()
}

fn search_preview(search: &Search, probe: &Phase, preview: PhasePreview) -> PhasePreview {
    let Search { from, to, settle, max_probes, .. } = *search;
    let hold = probe.duration.unwrap_or_default();
    let most = (hold + settle) * u32::from(max_probes);
    PhasePreview {
        name: search.name.clone(),
        length_s: None,
        length_at_most_s: Some(most.as_secs_f64()),
        level: Some(LevelRange { from, to, peak: to }),
        messages: None,
        cases: None,
        ..preview
    }
}

fn phase_preview(plan: &Plan, placed: Placed<'_>) -> PhasePreview {
    let Placed { phase, line, begin, .. } = placed;
    let is_pause = line.model() == Model::Pause;
    PhasePreview {
        name: phase.name.clone(),
        kind: phase.kind.name(),
        model: line.model(),
        warmup: phase.warmup,
        start_s: begin.map(|begin| begin.as_secs_f64()),
        length_s: line.length().map(|length| length.as_secs_f64()),
        length_at_most_s: None,
        level: level(&phase.load),
        messages: line.starts_planned().map(|starts| starts - case_starts(plan, placed)),
        cases: line.starts_planned().map(|_| case_starts(plan, placed)).filter(|cases| *cases > 0),
        count: phase.count,
        clients: if is_pause { Vec::new() } else { client_shares(plan, phase) },
    }
}

fn level(load: &Load) -> Option<LevelRange> {
    let curve = match load {
        Load::Open { rate, .. } => rate,
        Load::Closed { connections } => connections,
        Load::Pause => return None,
    };
    Some(match *curve {
        Curve::Linear { from, to } => LevelRange { from, to, peak: from.max(to) },
        Curve::Burst { base, peak, .. } => LevelRange { from: base, to: base, peak },
    })
}

fn client_shares(plan: &Plan, phase: &Phase) -> Vec<ClientShare> {
    shares(phase)
        .map(|(id, share)| ClientShare { client: plan.clients[id.index()].name.clone(), share })
        .collect()
}

/// The clients of a phase with their parts of one.
pub(super) fn shares(phase: &Phase) -> impl Iterator<Item = (ClientId, f64)> {
    let total: f64 = phase.mix.choices.iter().map(|(_, weight)| weight).sum();
    phase.mix.choices.iter().map(move |(id, weight)| (*id, weight / total))
}

/// For each client the mean size of its messages.
fn mean_sizes(plan: &Plan, mean_octets: &dyn Fn(MessageId) -> Option<u64>) -> Vec<Option<f64>> {
    plan.clients
        .iter()
        .map(|client| {
            let total: f64 = client.messages.choices.iter().map(|(_, weight)| weight).sum();
            let mut mean = 0.0;
            for (message, weight) in &client.messages.choices {
                mean += approximate(mean_octets(*message)?) * weight / total;
            }
            Some(mean)
        })
        .collect()
}

fn totals(
    plan: &Plan,
    timeline: &Timeline,
    placed: &[Placed<'_>],
    sizes: &[Option<f64>],
) -> PlannedTotals {
    let starts: u64 = placed.iter().filter_map(|placed| placed.line.starts_planned()).sum();
    let cases: u64 = placed.iter().map(|placed| case_starts(plan, *placed)).sum();
    let open = starts - cases;
    let counts: Option<u64> = placed
        .iter()
        .filter(|placed| placed.line.model() == Model::Closed)
        .map(|placed| placed.phase.count)
        .sum();
    PlannedTotals {
        messages_at_least: open,
        cases_at_least: (cases > 0).then_some(cases),
        messages_at_most: counts
            .filter(|_| plan.searches.is_empty())
            .and_then(|counts| open.checked_add(counts)),
        sessions_at_least: sessions_at_least(plan, placed),
        octets: octets(placed, sizes).filter(|_| plan.searches.is_empty()),
        length_at_least_s: shortest(plan, timeline).as_secs_f64(),
        length_at_most_s: longest(placed).map(|length| length.as_secs_f64()),
    }
}

/// How many starts of an open phase are malformed; weights share them out by the thousand.
fn case_starts(plan: &Plan, placed: Placed<'_>) -> u64 {
    let starts = placed.line.starts_planned().unwrap_or_default();
    let malformed = shares(placed.phase).filter(|(id, _)| plan.clients[id.index()].is_malformed());
    let share: f64 = malformed.map(|(_, share)| share).sum();
    whole(approximate(starts) * share).min(starts)
}

/// No session carries more than the largest quota among the clients of its phase, and slots that
/// are open together are as many sessions. A closed phase's slots may go on with the sessions of
/// an open phase before it, so of each client the larger number is sure and not the sum; which
/// client of a mix a start falls on is drawn, so its part of a mix is not sure either.
fn sessions_at_least(plan: &Plan, placed: &[Placed<'_>]) -> u64 {
    let mut used_up = 0.0;
    let mut of_clients = vec![OfClient::default(); plan.clients.len()];
    for placed in placed {
        let sure = sessions_used_up(plan, placed);
        used_up += sure;
        if let [(only, _)] = placed.phase.mix.choices[..] {
            of_clients[only.index()].used_up += sure;
        }
        for (client, slots) in of_clients.iter_mut().zip(slots_held(plan, placed)) {
            client.held = client.held.max(slots);
        }
    }
    let each: f64 = of_clients.iter().map(|client| client.used_up.max(client.held)).sum();
    whole(each.max(used_up))
}

/// The sessions of one client that are sure.
#[derive(Clone, Debug, Default)]
struct OfClient {
    used_up: f64,
    held: f64,
}

/// The messages that a phase is sure to send by the most that one session of it carries.
fn sessions_used_up(plan: &Plan, placed: &Placed<'_>) -> f64 {
    let Placed { phase, line, .. } = placed;
    let sure = match line.model() {
        Model::Open => line.starts_planned(),
        Model::Closed => phase.count.filter(|_| phase.duration.is_none()),
        Model::Pause => None,
    };
    let quotas = shares(phase).map(|(id, _)| plan.clients[id.index()].messages_per_connection.max);
    approximate(sure.unwrap_or_default()) / f64::from(quotas.max().unwrap_or(1))
}

/// By client: the slots that are open together. A phase that a count ends may never open them.
fn slots_held(plan: &Plan, placed: &Placed<'_>) -> Vec<f64> {
    let mut held = vec![0.0; plan.clients.len()];
    if placed.phase.count.is_none() && !placed.line.waits_to_be_asked() {
        for slot in 0..placed.line.peak_slots() {
            held[placed.line.client_of_slot(slot).index()] += 1.0;
        }
    }
    held
}

/// The mean of an even draw.
pub(super) fn mean(range: CountRange) -> f64 {
    f64::midpoint(f64::from(range.min), f64::from(range.max))
}

fn octets(placed: &[Placed<'_>], sizes: &[Option<f64>]) -> Option<u64> {
    let mut octets = 0.0;
    for Placed { phase, line, .. } in placed {
        let Some(starts @ 1..) = line.starts_planned() else { continue };
        for (id, share) in shares(phase) {
            octets += approximate(starts) * share * sizes[id.index()]?;
        }
    }
    (octets > 0.0).then(|| whole(octets))
}

/// The length of a run whose closed phases with a count end at once.
fn shortest(plan: &Plan, timeline: &Timeline) -> Duration {
    let length = |line: &Line| {
        let counted = plan.phases[line.id().index()].count.is_some();
        if counted && line.model() == Model::Closed { Some(Duration::ZERO) } else { line.length() }
    };
    let begins = timeline.begins_by(&length);
    let ends = timeline
        .lines()
        .iter()
        .zip(begins)
        .filter_map(|(line, begin)| Some(begin?.saturating_add(length(line)?)));
    ends.max().unwrap_or_default()
}

fn longest(placed: &[Placed<'_>]) -> Option<Duration> {
    let mut longest = Duration::ZERO;
    for placed in placed {
        let drain = match placed.line.model() {
            Model::Open | Model::Closed => placed.phase.drain,
            Model::Pause => Duration::ZERO,
        };
        longest = longest.max(placed.end?.saturating_add(drain));
    }
    Some(longest)
}

/// A count as a number that can be averaged.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn approximate(count: u64) -> f64 {
    count as f64
}

/// An estimate as a count, rounded up unless the floats alone make it more than a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and the cast saturates"
)]
pub(super) fn whole(estimate: f64) -> u64 {
    (estimate - 1e-6).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{after, closed, only, open, phase, plan, seconds, steady};
    use super::*;
    use crate::plan::{Arrival, SinkRole};

    fn preview(plan: &Plan) -> Preview {
        Preview::new(plan, &Timeline::new(plan), &|_| Some(1000))
    }

    fn both_models() -> Plan {
        plan(vec![
            phase(open(steady(10.0), Arrival::Even), seconds(100)),
            after(phase(closed(steady(50.0)), seconds(20)), 0),
        ])
    }

    #[test]
    fn the_sums_are_those_of_the_phases() {
        let totals = preview(&both_models()).totals;

        assert_eq!(
            totals,
            PlannedTotals {
                messages_at_least: 1000,
                cases_at_least: None,
                messages_at_most: None,
                // The starts use up more sessions of each client than the slots hold.
                sessions_at_least: 100,
                octets: Some(1_000_000),
                length_at_least_s: 120.0,
                length_at_most_s: Some(121.0),
            }
        );
    }

    #[test]
    fn no_fewer_sessions_can_come_than_are_said() {
        let quota = |plan: &mut Plan, client: usize, min, max| {
            plan.clients[client].messages_per_connection = CountRange { min, max };
        };
        let thousand = || phase(open(steady(10.0), Arrival::Even), seconds(100));
        let alone = |phase: Phase, client| Phase { mix: only(ClientId(client)), ..phase };
        let sessions = |plan: &Plan| preview(plan).totals.sessions_at_least;

        let mut drawn = plan(vec![alone(thousand(), 0)]);
        quota(&mut drawn, 0, 1, 20);
        assert_eq!(sessions(&drawn), 50, "each may draw the largest");

        let mut mixed = plan(vec![thousand()]);
        quota(&mut mixed, 3, 1, 100);
        assert_eq!(sessions(&mixed), 10, "every start may fall on the client of the largest");

        let apart = plan(vec![
            alone(thousand(), 0),
            after(alone(phase(closed(steady(50.0)), seconds(20)), 1), 0),
        ]);
        assert_eq!(sessions(&apart), 150, "clients share no sessions");
    }

    #[test]
    fn a_count_uses_up_sessions_only_where_nothing_else_ends_its_phase() {
        let mut counted = plan(vec![phase(closed(steady(50.0)), None)]);
        counted.phases[0].count = Some(2000);
        assert_eq!(preview(&counted).totals.sessions_at_least, 200);

        counted.phases[0].duration = seconds(1);
        assert_eq!(preview(&counted).totals.sessions_at_least, 0);
    }

    #[test]
    fn malformed_starts_are_neither_messages_nor_their_octets() {
        let mut plan = both_models();
        plan.clients[1].cases = Some(Vec::new());
        plan.clients[1].messages.choices.clear();

        let preview = preview(&plan);

        assert_eq!((preview.phases[0].messages, preview.phases[0].cases), (Some(850), Some(150)));
        assert_eq!(preview.totals.messages_at_least, 850);
        assert_eq!(preview.totals.cases_at_least, Some(150));
        assert_eq!(preview.totals.octets, Some(850_000));
    }

    #[test]
    fn a_count_of_a_closed_phase_bounds_messages_and_length() {
        let mut plan = both_models();
        plan.phases[1].count = Some(500);

        let totals = preview(&plan).totals;

        assert_eq!(totals.messages_at_most, Some(1500));
        assert!((totals.length_at_least_s - 100.0).abs() < 1e-9, "{totals:?}");
    }

    #[test]
    fn a_message_of_unknown_size_leaves_the_octets_unknown() {
        let plan = both_models();

        let preview = Preview::new(&plan, &Timeline::new(&plan), &|_| None);

        assert_eq!(preview.totals.octets, None);
    }

    #[test]
    fn what_is_not_known_is_absent_from_the_json() {
        let mut plan = plan(vec![phase(closed(steady(5.0)), None)]);
        plan.phases[0].count = Some(10);

        let json = serde_json::to_value(preview(&plan)).unwrap();

        let phase = json["phases"][0].as_object().unwrap();
        assert!(!phase.contains_key("length_s") && !phase.contains_key("messages"), "{json}");
        assert_eq!(phase["count"], 10);
        assert_eq!(json["curves"], serde_json::json!([]));
    }

    #[test]
    fn limits_lower_the_connections_and_the_embedded_server_doubles_the_descriptors() {
        let mut plan = both_models();
        let descriptors = |plan: &Plan| preview(plan).needs.descriptors;
        assert_eq!(descriptors(&plan), 2 * 1000 + 64);

        plan.phases[0].max_connections = Some(70);
        assert_eq!(descriptors(&plan), 2 * 70 + 64);

        plan.sink.role = SinkRole::Off;
        plan.targets[0].endpoint = crate::plan::Endpoint::Spread(Vec::new());
        assert_eq!(descriptors(&plan), 70 + 64);
    }

    #[test]
    fn phases_beside_each_other_add_up_and_others_do_not() {
        let beside = Phase {
            begin: crate::plan::Begin::With(crate::plan::PhaseId(1), Duration::from_secs(5)),
            ..phase(closed(steady(7.0)), seconds(5))
        };
        let mut plan = both_models();
        plan.phases.push(after(phase(closed(steady(20.0)), seconds(5)), 1));
        plan.phases.push(beside);

        let peaks = preview(&plan).peaks;

        assert_eq!(peaks.connections, 57);
        assert!((peaks.rate_per_s - 10.0).abs() < 1e-9, "{peaks:?}");
    }
}
