//! An open phase and a worker's share → its planned starts, in order of time.
//!
//! Even starts are computed one by one, whichever worker asks. Poisson starts are a running sum
//! of gaps, so each worker walks over all of them and keeps its own; the sum is the same in each
//! of them to the last bit.

use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, OpenWork};
use super::mix::BLOCK;
use super::{LevelCurve, Share};
use crate::draw::{Draw, Purpose};
use crate::plan::{Arrival, ClientId};

/// The planned beginning of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlannedStart {
    /// Its number within the phase, from 0.
    pub n: u64,
    /// When it is due, since the phase's beginning.
    pub at: Duration,
    /// Who sends it.
    pub client: ClientId,
    /// How many starts of the same client come before it, give or take those of places that the
    /// blocks take in turns.
    pub turn: u64,
}

/// The planned starts of one worker in one phase.
#[derive(Clone, Debug)]
pub struct Starts {
    line: Arc<Line>,
    share: Share,
    /// The next start of the phase, not yet looked at.
    next: u64,
    /// Poisson: the integral of the level at the start before.
    reached: f64,
    block: Block,
}

/// The clients of the block of starts that is being walked over.
#[derive(Clone, Debug, Default)]
struct Block {
    number: Option<u64>,
    clients: Vec<ClientId>,
    turns: Vec<u64>,
}

impl Starts {
    pub(super) fn new(line: Arc<Line>, share: Share) -> Self {
        Self { line, share, next: 0, reached: 0.0, block: Block::default() }
    }
}

impl Iterator for Starts {
    type Item = PlannedStart;

    fn next(&mut self) -> Option<PlannedStart> {
        let line = Arc::clone(&self.line);
        let work = line.open_work()?;
        while self.next < work.planned {
            let n = self.next;
            self.next += 1;
            match work.arrival {
                Arrival::Even => self.reached = even(n),
                Arrival::Poisson => self.reached += gap(line.draw(), n),
            }
            if self.share.has(n) {
                let at = line.curve().inverse(self.reached)?;
                let (client, turn) = self.block.client(n, work, line.draw())?;
                return Some(PlannedStart { n, at, client, turn });
            }
        }
        None
    }
}

impl Block {
    fn client(&mut self, n: u64, work: &OpenWork, phase: Draw) -> Option<(ClientId, u64)> {
        let size = u64::from(BLOCK);
        let number = n / size;
        if self.number != Some(number) {
            self.clients = work.shares.block(phase, number);
            self.turns = work.shares.turns(&self.clients, number);
            self.number = Some(number);
        }
        let place = usize::try_from(n % size).ok()?;
        Some((*self.clients.get(place)?, *self.turns.get(place)?))
    }
}

/// The integral of the level at an even start: the i-th, counted from 1, is where it reaches i.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^53 starts")]
fn even(n: u64) -> f64 {
    n as f64 + 1.0
}

/// The gap before a Poisson start, in units of the mean gap.
fn gap(phase: Draw, n: u64) -> f64 {
    phase.at(n).of(Purpose::Gap).exponential()
}

/// How many starts a curve gives, and when the last of them is due.
///
/// Even starts: the integral over the duration, rounded down. A sum that misses a whole number
/// by the rounding of floats counts as that number, so 2000/s for 30 s is 60,000 starts, the
/// last of them at the very end.
pub(super) fn count(
    curve: &LevelCurve,
    arrival: Arrival,
    limit: Option<u64>,
    phase: Draw,
) -> (u64, Duration) {
    let total = curve.total();
    let limit = match limit {
        Some(limit) => limit,
        None if total.is_finite() => u64::MAX,
        None => 0,
    };
    let (planned, reached) = match arrival {
        Arrival::Even => {
            let planned = floor(total).min(limit);
            (planned, if planned == 0 { 0.0 } else { even(planned - 1) })
        }
        Arrival::Poisson => poisson(total, limit, phase),
    };
    // A rate so small that its starts lie beyond all times has none.
    curve.inverse(reached).map_or((0, Duration::ZERO), |last| (planned, last))
}

fn poisson(total: f64, limit: u64, phase: Draw) -> (u64, f64) {
    let mut reached = 0.0;
    for n in 0..limit {
        let next = reached + gap(phase, n);
        if next > total {
            return (n, reached);
        }
        reached = next;
    }
    (limit, reached)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integral is not negative, and `as` saturates at infinity"
)]
fn floor(total: f64) -> u64 {
    (total * (1.0 + 1e-12) + 1e-9).floor() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use proptest::prelude::*;

    use super::super::curve::tests::curves;
    use super::super::fixture::{open, phase, plan, seconds, steady};
    use super::super::{Share, Timeline};
    use super::*;
    use crate::plan::{Curve, Phase};

    fn line(phase: Phase) -> Arc<Line> {
        Arc::clone(&Timeline::new(&plan(vec![phase])).lines()[0])
    }

    fn all(line: &Arc<Line>) -> Vec<PlannedStart> {
        line.starts(Share::ALL).collect()
    }

    fn arrivals() -> impl Strategy<Value = Arrival> {
        prop_oneof![Just(Arrival::Even), Just(Arrival::Poisson)]
    }

    proptest! {
        #[test]
        fn the_number_of_even_starts_is_the_integral((curve, duration) in curves()) {
            let line = line(phase(open(curve, Arrival::Even), Some(duration)));

            let starts = u32::try_from(line.starts(Share::ALL).count()).unwrap();

            let integral = LevelCurve::new(curve, Some(duration)).total();
            prop_assert_eq!(Some(u64::from(starts)), line.starts_planned());
            let starts = f64::from(starts);
            prop_assert!(starts <= integral + 1e-6 && starts > integral - 1.0, "{starts} {integral}");
        }

        #[test]
        fn starts_are_in_order_and_inside_the_phase(
            (curve, duration) in curves(), arrival in arrivals()
        ) {
            let line = line(phase(open(curve, arrival), Some(duration)));

            let starts = all(&line);

            prop_assert!(starts.is_sorted_by_key(|start| start.at));
            prop_assert!(starts.iter().map(|start| start.n).eq(0..line.starts_planned().unwrap()));
            prop_assert!(starts.iter().all(|start| start.at <= duration));
        }

        #[test]
        fn any_number_of_workers_has_the_same_starts(
            (curve, duration) in curves(), arrival in arrivals()
        ) {
            let line = line(phase(open(curve, arrival), Some(duration)));
            let alone = all(&line);

            for of in [1, 2, 3, 7] {
                let mut together: Vec<PlannedStart> =
                    (0..of).flat_map(|worker| line.starts(Share { worker, of })).collect();
                together.sort_by_key(|start| start.n);
                prop_assert_eq!(&together, &alone);
            }
        }
    }

    #[test]
    fn two_thousand_a_second_for_half_a_minute_are_sixty_thousand() {
        let line = line(phase(open(steady(2000.0), Arrival::Even), seconds(30)));

        assert_eq!(line.starts_planned(), Some(60_000));
        assert_eq!(all(&line).last().map(|start| start.at), seconds(30));
    }

    #[test]
    fn each_block_of_a_thousand_shares_the_weights_exactly() {
        let line = line(phase(open(steady(1000.0), Arrival::Poisson), seconds(5)));

        for block in all(&line).chunks_exact(1000) {
            let mut counts = BTreeMap::new();
            for start in block {
                *counts.entry(start.client.0).or_insert(0) += 1;
            }
            assert_eq!(
                counts.into_iter().collect::<Vec<_>>(),
                [(0, 800), (1, 150), (2, 40), (3, 10)]
            );
        }
    }

    #[test]
    fn the_count_or_the_duration_ends_a_phase_whichever_comes_first() {
        let table = [
            (Some(50), seconds(10), 50, seconds(5)),
            (Some(500), seconds(10), 100, seconds(10)),
            (Some(200), None, 200, seconds(20)),
            (Some(0), seconds(10), 0, seconds(0)),
            (None, seconds(10), 100, seconds(10)),
        ];
        for (count, duration, starts, length) in table {
            let open = phase(open(steady(10.0), Arrival::Even), duration);

            let line = line(Phase { count, ..open });

            assert_eq!(line.starts_planned(), Some(starts), "{count:?} {duration:?}");
            assert_eq!(line.length(), length, "{count:?} {duration:?}");
        }
    }

    #[test]
    fn a_poisson_phase_of_a_count_ends_with_its_last_start() {
        let open = phase(open(steady(10.0), Arrival::Poisson), None);

        let line = line(Phase { count: Some(200), ..open });

        let starts = all(&line);
        assert_eq!(starts.len(), 200);
        assert_eq!(line.length(), starts.last().map(|start| start.at));
    }

    #[test]
    fn poisson_starts_come_at_their_rate() {
        let line = line(phase(open(steady(1000.0), Arrival::Poisson), seconds(100)));

        let starts = line.starts_planned().unwrap();

        // Three standard deviations of a hundred thousand.
        assert!(starts.abs_diff(100_000) < 950, "{starts}");
    }

    #[test]
    fn a_rate_of_zero_has_no_starts() {
        for duration in [seconds(10), None] {
            let open = phase(open(steady(0.0), Arrival::Poisson), duration);

            let line = line(Phase { count: Some(1), ..open });

            assert_eq!(line.starts_planned(), Some(0));
            assert_eq!(all(&line), []);
        }
    }

    #[test]
    fn the_starts_of_a_ramp_never_change_between_versions() {
        let ramp = Curve::Linear { from: 10.0, to: 100.0 };
        let line = line(phase(open(ramp, Arrival::Poisson), seconds(60)));

        let first: Vec<String> = line
            .starts(Share::ALL)
            .take(10)
            .map(|start| format!("{} {:?} {}", start.n, start.at, start.client.0))
            .collect();

        expect![[r"
            0 27.845844ms 0
            1 50.023482ms 0
            2 148.311477ms 0
            3 261.981916ms 0
            4 361.532566ms 0
            5 374.19855ms 1
            6 589.069375ms 1
            7 627.549569ms 0
            8 694.372391ms 0
            9 752.138058ms 0"]]
        .assert_eq(&first.join("\n"));
    }

    #[test]
    fn the_steady_starts_never_change_between_versions() {
        let line = line(phase(open(steady(100.0), Arrival::Poisson), seconds(60)));

        let first: Vec<String> = line
            .starts(Share::ALL)
            .take(10)
            .map(|start| format!("{} {:?} {}", start.n, start.at, start.client.0))
            .collect();

        expect![[r"
            0 2.7904ms 0
            1 5.021116ms 0
            2 14.99612ms 0
            3 26.712951ms 0
            4 37.13355ms 0
            5 38.470039ms 1
            6 61.509458ms 1
            7 65.708595ms 0
            8 73.053387ms 0
            9 79.456643ms 0"]]
        .assert_eq(&first.join("\n"));
    }
}
