//! One judgement each second → when a threshold was broken, for how long, and its worst value.

use std::time::Duration;

use super::super::evidence::{Finding, Value};
use crate::plan::{NoData, Op, Threshold};

/// What has become of a threshold so far.
#[derive(Debug, Default)]
pub(super) struct Streak {
    /// Since when it has been broken without a pause.
    since: Option<Duration>,
    /// Its worst value since then.
    worst: Option<Finding>,
    /// Whether it counts as broken now.
    counts: bool,
    /// When it first counted as broken.
    pub(super) broken_at: Option<Duration>,
    /// The worst value of the times that it counted as broken.
    pub(super) worst_broken: Option<Finding>,
    /// The worst value of all.
    pub(super) worst_seen: Option<Finding>,
    /// Whether it held once, by what was measured or because the plan says so.
    pub(super) has_held: bool,
    /// The longest time that it was broken, whether that counts or not.
    pub(super) longest: Option<Duration>,
    /// What was found last.
    pub(super) last: Option<Finding>,
}

/// A threshold that begins to count as broken, or no longer does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Crossed {
    /// It counts as broken from now on.
    Broke,
    /// It holds again.
    Recovered,
}

impl Streak {
    /// Judges what was found at the end of a second; `in_force` is how far the time has come in
    /// which messages start, for `for` does not run on in a drain.
    pub(super) fn judge(
        &mut self,
        threshold: &Threshold,
        finding: Finding,
        (now, in_force): (Duration, Duration),
    ) -> Option<Crossed> {
        self.last = Some(finding);
        self.worst_seen = Some(worse(threshold, self.worst_seen, finding));
        if holds(threshold, finding.value) {
            let is_known = finding.value != Value::NeverTaken;
            self.has_held |= is_known || threshold.no_data == NoData::Pass;
            self.since = None;
            self.worst = None;
            return std::mem::take(&mut self.counts).then_some(Crossed::Recovered);
        }
        let since = *self.since.get_or_insert(in_force);
        let length = in_force.saturating_sub(since);
        self.longest = self.longest.max(Some(length));
        let worst = worse(threshold, self.worst, finding);
        self.worst = Some(worst);
        if length < threshold.lasting {
            return None;
        }
        self.worst_broken = Some(worse(threshold, self.worst_broken, worst));
        self.broken_at.get_or_insert(now);
        (!std::mem::replace(&mut self.counts, true)).then_some(Crossed::Broke)
    }

    /// Forgets for how long it has been broken: there was a pause.
    pub(super) fn pause(&mut self) {
        self.since = None;
        self.worst = None;
        self.counts = false;
    }
}

fn holds(threshold: &Threshold, value: Value) -> bool {
    match value {
        Value::Taken(value) => threshold.op.holds(value, threshold.limit),
        Value::Unanswered => false,
        // What has not been measured so far may still be.
        Value::NeverTaken => threshold.window.is_none() || threshold.no_data == NoData::Pass,
    }
}

/// The one that is farther on the wrong side of the limit; the earlier of equal ones.
fn worse(threshold: &Threshold, one: Option<Finding>, other: Finding) -> Finding {
    match one {
        Some(one) if badness(threshold, one.value) >= badness(threshold, other.value) => one,
        Some(_) | None => other,
    }
}

/// How far a value is on the wrong side. One that was never taken is shown only where there is no
/// other.
pub(super) fn badness(threshold: &Threshold, value: Value) -> f64 {
    match (value, threshold.op) {
        (Value::NeverTaken, _) => f64::NEG_INFINITY,
        (Value::Unanswered, _) => f64::INFINITY,
        (Value::Taken(value), Op::Less | Op::AtMost) => value,
        (Value::Taken(value), Op::Greater | Op::AtLeast) => -value,
        (Value::Taken(value), Op::Equal) => (value - threshold.limit).abs(),
    }
}
