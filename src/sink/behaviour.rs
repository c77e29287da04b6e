//! The `[sink]` of a plan → what each answer is, and when it is due.
//!
//! One value for the whole server: shares and queues are of all connections together.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::auth::Users;
use super::capabilities::Capabilities;
use super::content::Rejects;
use super::limits::Limits;
use super::queue::{Queue, past};
use super::tally::Tally;
use crate::draw::{Draw, Purpose};
use crate::plan::{Delay, SinkPlan, SinkReply, Stall};
use crate::smtp::{Protocol, Step, TlsMode};

/// In each block of so many answers of a step the shares are exact, to one answer.
const BLOCK: u16 = 1000;
/// No drawn delay is longer.
const LONGEST_DELAY: Duration = Duration::from_hours(1);
/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// What the server does beside accepting everything at once.
#[derive(Debug)]
pub(super) struct Behaviour {
    faults: [Option<Faults>; Step::ALL.len()],
    latencies: [Option<Latency>; Step::ALL.len()],
    queue: Option<Queue>,
    stall: Option<Stall>,
    /// What is offered.
    pub(super) capabilities: Capabilities,
    /// When sessions are encrypted, if they are.
    pub(super) tls: Option<TlsMode>,
    /// What is spoken.
    pub(super) protocol: Protocol,
    /// Whether a header of the PROXY protocol comes before each session.
    pub(super) proxied: Proxied,
    /// Whether a client may say whom it stands for.
    pub(super) xclient: Xclient,
    pub(super) limits: Option<Limits>,
    /// What texts are refused for.
    pub(super) rejects: Option<Rejects>,
    /// Who may log in, and must to send; none: anybody may send.
    pub(super) users: Option<Users>,
    pub(super) tally: Arc<Tally>,
}

/// Whether a header of the PROXY protocol comes before each session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Proxied {
    /// It must.
    Always,
    /// It must not.
    Never,
}

/// Whether XCLIENT is offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Xclient {
    /// It is.
    Offered,
    /// It is not.
    Withheld,
}

impl Behaviour {
    pub(super) fn new(plan: &SinkPlan, seed: u64, tally: Arc<Tally>) -> Self {
        let draw = Draw::new(seed).of(Purpose::Sink);
        let mut faults = [const { None }; Step::ALL.len()];
        for (step, replies) in &plan.replies {
            let draw = draw.at(1).at(step.index() as u64);
            faults[step.index()] = Some(Faults::new(replies, draw));
        }
        let mut latencies = [const { None }; Step::ALL.len()];
        for (step, delay) in &plan.latency {
            let draw = draw.at(2).at(step.index() as u64);
            latencies[step.index()] = Some(Latency { delay: *delay, answers: 0, draw });
        }
        let users = plan.users.as_ref().map(|users| Users::new(users, draw.at(4)));
        if users.is_some() {
            tally.counts_logins();
        }
        let queued = plan.servers.is_some() || plan.service.is_some();
        let queue = queued.then(|| Queue::new(plan, draw.at(3)));
        Self {
            faults,
            latencies,
            queue,
            stall: plan.stall,
            capabilities: Capabilities::of(plan),
            tls: plan.tls.as_ref().map(|tls| tls.mode),
            protocol: plan.protocol,
            proxied: if plan.proxy { Proxied::Always } else { Proxied::Never },
            xclient: if plan.xclient { Xclient::Offered } else { Xclient::Withheld },
            limits: Limits::of(plan.limits),
            rejects: Rejects::of(&plan.rejects),
            users,
            tally,
        }
    }

    /// Whether any answer depends on the time; else nobody needs to look at the clock.
    pub(super) fn is_timed(&self) -> bool {
        let limited = self.limits.as_ref().is_some_and(Limits::is_timed);
        let delayed = self.latencies.iter().any(Option::is_some);
        limited || delayed || self.stall.is_some() || self.queue.is_some()
    }

    /// The planned reply to a step that would else succeed, if it is this answer's turn.
    pub(super) fn fault(&mut self, step: Step) -> Option<Rc<[u8]>> {
        self.faults[step.index()].as_mut()?.next()
    }

    /// When the answer to a command read now is due.
    pub(super) fn due(&mut self, step: Option<Step>, now: Duration) -> Duration {
        self.answered(step, now)
    }

    /// When a message is done whose text ends now with this step.
    pub(super) fn done(&mut self, step: Step, now: Duration) -> Duration {
        let worked = self.queue.as_mut().map_or(now, |queue| queue.finish(now));
        self.answered(Some(step), worked)
    }

    fn answered(&mut self, step: Option<Step>, worked: Duration) -> Duration {
        let latency = step.and_then(|step| self.latencies[step.index()].as_mut());
        past(self.stall, worked.saturating_add(latency.map_or(Duration::ZERO, Latency::next)))
    }
}

/// The replies of one step that are no success, each with its share.
///
/// Answer `n` of a block stands at a position of a shuffled row of [`BLOCK`] positions; a reply
/// owns as many positions as its share asks for. The part of a position that is left over is given
/// in the right share of the blocks, by the golden ratio's sequence.
#[derive(Debug)]
struct Faults {
    /// Each reply with the upper end of its positions.
    replies: Vec<(Rc<[u8]>, f64)>,
    row: Vec<u16>,
    answers: u64,
    draw: Draw,
}

impl Faults {
    fn new(replies: &[(SinkReply, f64)], draw: Draw) -> Self {
        let mut end = 0.0;
        let replies = replies.iter().map(|(reply, share)| {
            end += share * f64::from(BLOCK);
            (line(reply), end)
        });
        Self { replies: replies.collect(), row: (0..BLOCK).collect(), answers: 0, draw }
    }

    #[expect(clippy::cast_precision_loss, reason = "blocks are far fewer than 2^52")]
    fn next(&mut self) -> Option<Rc<[u8]>> {
        let block = self.answers / u64::from(BLOCK);
        let place = usize::try_from(self.answers % u64::from(BLOCK)).unwrap_or(0);
        if place == 0 {
            self.shuffle(self.draw.at(block));
        }
        self.answers += 1;
        let within = (0.5 + block as f64 * 0.618_033_988_749_894_9).fract();
        let position = f64::from(self.row[place]) + within;
        let (reply, _) = self.replies.iter().find(|(_, end)| position < *end)?;
        Some(Rc::clone(reply))
    }

    fn shuffle(&mut self, draw: Draw) {
        for last in (1..self.row.len()).rev() {
            let other = draw.at(last as u64).below(last as u64 + 1);
            self.row.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}

/// A reply as it goes over the wire.
pub(super) fn line(reply: &SinkReply) -> Rc<[u8]> {
    let text = reply.text.trim();
    let space = if text.is_empty() { "" } else { " " };
    format!("{}{space}{text}\r\n", reply.code).into_bytes().into()
}

/// How long the answers of one step wait.
#[derive(Debug)]
struct Latency {
    delay: Delay,
    answers: u64,
    draw: Draw,
}

impl Latency {
    fn next(&mut self) -> Duration {
        let draw = self.draw.at(self.answers);
        self.answers += 1;
        match self.delay {
            Delay::Constant(delay) => delay,
            Delay::LogNormal { p50, p99 } => log_normal(p50, p99, draw),
        }
    }
}

fn log_normal(p50: Duration, p99: Duration, draw: Draw) -> Duration {
    let (median, high) = (p50.as_secs_f64(), p99.as_secs_f64());
    if median <= 0.0 || high <= median {
        return p50;
    }
    // Box-Muller.
    let radius = (2.0 * draw.at(1).exponential()).sqrt();
    let normal = radius * (std::f64::consts::TAU * draw.at(2).unit()).cos();
    let sigma = (high / median).ln() / NORMAL_P99;
    let seconds = median * (sigma * normal).exp();
    Duration::from_secs_f64(seconds.min(LONGEST_DELAY.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Code;

    fn faults(shares: &[f64]) -> Faults {
        let replies = shares.iter().zip(450..).map(|(share, code)| {
            let code = Code::new(code).unwrap();
            (SinkReply { code, enhanced: None, text: "4.7.1 later".to_owned() }, *share)
        });
        Faults::new(&replies.collect::<Vec<_>>(), Draw::new(3))
    }

    fn count(faults: &mut Faults, answers: u64, reply: &[u8]) -> u64 {
        (0..answers).map(|_| u64::from(faults.next().is_some_and(|own| *own == *reply))).sum()
    }

    #[test]
    fn each_share_is_exact_in_each_block() {
        let mut faults = faults(&[0.01, 0.1]);

        for _ in 0..20 {
            let mut row = [0, 0, 0];
            for _ in 0..1000 {
                let place = faults.next().map_or(2, |reply| usize::from(reply[2] - b'0'));
                row[place] += 1;
            }
            assert_eq!(row, [10, 100, 890]);
        }
    }

    #[test]
    fn a_share_below_a_thousandth_is_exact_over_the_blocks() {
        for (share, expected) in [(0.000_1, 100), (0.000_25, 250), (0.333_333, 333_333)] {
            let met = count(&mut faults(&[share]), 1_000_000, b"450 4.7.1 later\r\n");
            assert!(met.abs_diff(expected) <= 1, "{share}: {met}");
        }
    }

    #[test]
    fn a_share_of_one_takes_every_answer_and_of_zero_none() {
        assert_eq!(count(&mut faults(&[1.0]), 5000, b"450 4.7.1 later\r\n"), 5000);
        assert_eq!(count(&mut faults(&[0.0]), 5000, b"450 4.7.1 later\r\n"), 0);
    }

    #[test]
    fn the_same_seed_refuses_the_same_answers() {
        let run = || {
            let mut faults = faults(&[0.05]);
            (0..3000).map(|_| faults.next().is_some()).collect::<Vec<_>>()
        };

        assert_eq!(run(), run());
    }

    #[test]
    fn a_log_normal_delay_goes_through_its_percentiles() {
        let (p50, p99) = (Duration::from_millis(5), Duration::from_millis(80));
        let mut latency =
            Latency { delay: Delay::LogNormal { p50, p99 }, answers: 0, draw: Draw::new(5) };
        let mut delays: Vec<Duration> = (0..100_000).map(|_| latency.next()).collect();
        delays.sort_unstable();

        let (middle, high) = (delays[50_000].as_secs_f64(), delays[99_000].as_secs_f64());

        assert!((middle / 0.005 - 1.0).abs() < 0.02, "{middle}");
        assert!((high / 0.080 - 1.0).abs() < 0.04, "{high}");
    }
}
