//! Cores, limits and the user's wish → how many workers there are.

use crate::monitor;
use crate::plan::Plan;
use crate::timeline::{Model, Timeline};

/// How many workers a run has, and how many were asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Workers {
    pub(super) count: u32,
    asked: Option<u32>,
    /// What can't be divided over more workers.
    bound: Option<(u32, Bound)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bound {
    /// The smallest `max_connections` of a client or phase.
    Limit,
    /// The most connections that a phase opens, where all have connections and none a rate.
    Connections,
}

impl Workers {
    /// A limit on connections can't be divided over more workers than it has, and a worker
    /// without a connection would have nothing to do.
    pub(super) fn of(plan: &Plan, timeline: &Timeline, asked: Option<u32>) -> Self {
        let cores = u32::try_from(monitor::environment().cores).unwrap_or(1);
        let default = if cores <= 2 { 1 } else { cores - 1 };
        let bound = bound(plan, timeline);
        let most = bound.map_or(u32::MAX, |(most, _)| most);
        Self { count: asked.unwrap_or(default).min(most).max(1), asked, bound }
    }

    /// What to say where there are fewer than were asked for.
    pub(super) fn note(&self) -> Option<String> {
        let asked = self.asked.filter(|asked| *asked > self.count)?;
        let count = self.count;
        let why = match self.bound?.1 {
            Bound::Limit => "the smallest `max_connections` is divided over the workers",
            Bound::Connections => "no phase has more connections",
        };
        let are = if count == 1 { "is" } else { "are" };
        Some(format!("of {asked} workers there {are} only {count}: {why}"))
    }
}

fn bound(plan: &Plan, timeline: &Timeline) -> Option<(u32, Bound)> {
    let limits = plan.clients.iter().map(|client| client.max_connections);
    let limits = limits.chain(plan.phases.iter().map(|phase| phase.max_connections));
    let limit = limits.flatten().min().map(|most| (most, Bound::Limit));
    let all_closed = timeline.lines().iter().all(|line| line.model() != Model::Open);
    let slots = timeline.lines().iter().map(|line| line.peak_slots()).max();
    let slots = slots.filter(|_| all_closed).map(|most| (most, Bound::Connections));
    [limit, slots].into_iter().flatten().min_by_key(|(most, _)| *most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::specimen::plan;

    fn workers(plan: &Plan, asked: u32) -> Workers {
        Workers::of(plan, &Timeline::new(plan), Some(asked))
    }

    #[test]
    fn fewer_workers_than_asked_for_are_told_with_the_reason() {
        let mut limited = plan();
        limited.clients[0].max_connections = Some(2);
        let mut closed = plan();
        closed.phases.remove(1);

        let told = [
            (workers(&limited, 8).count, workers(&limited, 8).note()),
            (workers(&closed, 16).count, workers(&closed, 16).note()),
        ];

        let words = |text: &str| Some(text.to_owned());
        let limit = "of 8 workers there are only 2: the smallest `max_connections` is divided over \
                     the workers";
        let slots = "of 16 workers there are only 10: no phase has more connections";
        assert_eq!(told, [(2, words(limit)), (10, words(slots))]);
    }

    #[test]
    fn as_many_workers_as_asked_for_are_no_news() {
        let plan = plan();

        let workers = workers(&plan, 8);

        assert_eq!((workers.count, workers.note()), (8, None));
    }
}
