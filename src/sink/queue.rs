//! When a message's final reply is due: servers, their work, and stops of the whole server.
//!
//! Times are counted from the server's start, so that nothing drifts: a message that arrives is
//! done at `max(arrival, free_at) + service`, whenever the timers wake anyone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::draw::Draw;
use crate::plan::{Service, SinkPlan, Stall};

/// Where messages wait for one of the servers, first come first served over all connections.
#[derive(Debug)]
pub(super) struct Queue {
    servers: Option<usize>,
    service: Option<Service>,
    stall: Option<Stall>,
    /// When the busy servers will be free.
    busy: BinaryHeap<Reverse<Duration>>,
    served: u64,
    draw: Draw,
}

impl Queue {
    pub(super) fn new(plan: &SinkPlan, draw: Draw) -> Self {
        Self {
            servers: plan.servers.map(|servers| usize::try_from(servers.max(1)).unwrap_or(1)),
            service: plan.service,
            stall: plan.stall,
            busy: BinaryHeap::new(),
            served: 0,
            draw,
        }
    }

    /// When a message that arrives now is done. A server that would be done inside a stall is
    /// busy until its end, so work piles up behind a stall (case V4).
    pub(super) fn finish(&mut self, arrival: Duration) -> Duration {
        let begin = self.begin(arrival);
        let finish = past(self.stall, begin.saturating_add(self.work()));
        if self.servers.is_some() {
            self.busy.push(Reverse(finish));
        }
        finish
    }

    fn begin(&mut self, arrival: Duration) -> Duration {
        while self.busy.peek().is_some_and(|Reverse(free_at)| *free_at <= arrival) {
            self.busy.pop();
        }
        match self.servers {
            Some(servers) if self.busy.len() >= servers => {
                self.busy.pop().map_or(arrival, |Reverse(free_at)| free_at)
            }
            Some(_) | None => arrival,
        }
    }

    fn work(&mut self) -> Duration {
        self.served += 1;
        match self.service {
            None => Duration::ZERO,
            Some(Service::Constant(mean)) => mean,
            Some(Service::Exponential(mean)) => {
                let seconds = mean.as_secs_f64() * self.draw.at(self.served).exponential();
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        }
    }
}

/// When an answer that is due is sent: inside a stall, at its end.
///
/// The stall is the last `length` of each `every`. With a parallel server that takes `s`, an
/// answer due `y` into a stall comes after `s + length - y`: over evenly spread messages that is
/// the distribution `s + max(0, S - P(1-p))` of case V3.
pub(super) fn past(stall: Option<Stall>, due: Duration) -> Duration {
    let Some(Stall { every, length }) = stall.filter(|stall| !stall.every.is_zero()) else {
        return due;
    };
    let into = due.as_nanos() % every.as_nanos();
    let to_go = every.as_nanos() - into;
    if to_go > length.as_nanos() {
        return due;
    }
    due.saturating_add(Duration::from_nanos(u64::try_from(to_go).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn plan(servers: Option<u32>, service: Service, stall: Option<Stall>) -> SinkPlan {
        SinkPlan { servers, service: Some(service), stall, ..SinkPlan::default() }
    }

    fn queue(servers: Option<u32>, stall: Option<Stall>) -> Queue {
        Queue::new(&plan(servers, Service::Constant(10 * MS), stall), Draw::new(1))
    }

    #[test]
    fn so_many_messages_are_worked_on_as_there_are_servers() {
        for (servers, expected) in [
            (Some(1), [10, 20, 30, 40, 50]),
            (Some(2), [10, 10, 20, 20, 30]),
            (None, [10, 10, 10, 10, 10]),
        ] {
            let mut queue = queue(servers, None);
            let done = [(); 5].map(|()| queue.finish(Duration::ZERO).as_millis());
            assert_eq!(done, expected, "{servers:?} servers");
        }
    }

    #[test]
    fn a_server_that_became_free_begins_at_the_arrival() {
        let mut queue = queue(Some(1), None);

        let done = [0, 5, 50].map(|arrival| queue.finish(arrival * MS).as_millis());

        assert_eq!(done, [10, 20, 60]);
    }

    #[test]
    fn an_answer_due_inside_a_stall_is_sent_at_its_end() {
        let stall = Some(Stall { every: 100 * MS, length: 10 * MS });
        for (due, sent) in [(0, 0), (89, 89), (90, 100), (99, 100), (100, 100), (195, 200)] {
            assert_eq!(past(stall, due * MS), sent * MS, "due at {due} ms");
        }
    }

    #[test]
    fn work_piles_up_behind_a_stall() {
        let mut queue = queue(Some(1), Some(Stall { every: 100 * MS, length: 30 * MS }));

        let done = [55, 65, 75].map(|arrival| queue.finish(arrival * MS).as_millis());

        assert_eq!(done, [65, 100, 110]);
    }

    /// Case V4 of the known answers: max(s, S - (1-rho)P(1-p)).
    #[test]
    fn one_server_behind_a_stall_gives_the_known_answers() {
        let stall = Some(Stall { every: 10_000 * MS, length: 1000 * MS });
        for (percent, expected) in [(50, [501, 751, 951]), (80, [801, 901, 981])] {
            let mut queue = Queue::new(&plan(Some(1), Service::Constant(MS), stall), Draw::new(1));
            let mut times: Vec<Duration> = (0..percent * 1000)
                .map(|n| MS * n * 100 / percent)
                .map(|arrival| queue.finish(arrival).saturating_sub(arrival))
                .collect();
            times.sort_unstable();

            for (share, expected) in [90, 95, 99].into_iter().zip(expected) {
                let time = times[times.len() * share / 100].as_millis();
                assert!(time.abs_diff(expected) <= 2, "p{share} at {percent} %: {time} ms");
            }
        }
    }

    /// Case V6: with Poisson arrivals the response time is exponential at rate mu - lambda.
    #[test]
    fn one_server_with_exponential_work_gives_the_known_answer() {
        let mut queue =
            Queue::new(&plan(Some(1), Service::Exponential(10 * MS), None), Draw::new(5));
        let mut arrival = Duration::ZERO;
        let mut times: Vec<Duration> = (0..1_000_000)
            .map(|n| {
                arrival += Duration::from_secs_f64(Draw::new(6).at(n).exponential() / 70.0);
                queue.finish(arrival).saturating_sub(arrival)
            })
            .collect();
        times.sort_unstable();

        let p99 = times[990_000].as_secs_f64();

        assert!((p99 / 0.153_5 - 1.0).abs() < 0.04, "{p99}");
    }

    #[test]
    fn exponential_work_has_its_mean() {
        let service = Service::Exponential(10 * MS);
        let mut queue = Queue::new(&plan(None, service, None), Draw::new(7));

        let sum: Duration = (0..100_000).map(|_| queue.finish(Duration::ZERO)).sum();

        let mean = sum.as_secs_f64() / 100_000.0;
        assert!((mean - 0.010).abs() < 0.000_1, "{mean}");
    }
}
