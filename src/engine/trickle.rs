//! A paced client's octets → how many of them may be written now, or how long to wait.
//!
//! A text follows a schedule: never more of it is out than its rate times the time since it began.
//! It goes in portions, so that thousands of slow sessions wake seldom: a portion is what half a
//! second is worth, and at most [`LARGEST_PORTION`]. Time in which the kernel had no room is
//! not made up for, so that there is no burst behind it.

use std::collections::VecDeque;
use std::future::Future;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::smtp::{Pace, Writes};

/// So often in a second a text goes on, unless its portions would be too large.
const PORTIONS_PER_SECOND: u64 = 2;
/// The most octets of a text that go at once.
const LARGEST_PORTION: u64 = 16 * 1024;
/// Waiting for the kernel for longer than this moves the schedule of a text.
const HICCUP: Duration = Duration::from_millis(100);

/// How one session of a paced client writes.
pub(super) struct Trickle {
    pace: Pace,
    timer: Pin<Box<Sleep>>,
    /// When the commands at hand may go; none before they were looked at.
    due: Option<Instant>,
    /// The texts among what is to be written, the next one first.
    texts: VecDeque<Text>,
    /// Since when the kernel has had no room.
    blocked: Option<Instant>,
}

/// A text among what is to be written.
struct Text {
    at: Range<usize>,
    /// When its schedule began.
    began: Option<Instant>,
}

/// How many octets may be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Allowance {
    /// So many, at least one.
    Octets(usize),
    /// None before then.
    Until(Instant),
}

impl Trickle {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            due: None,
            texts: VecDeque::new(),
            blocked: None,
        }
    }

    /// A text stands there among what is to be written.
    pub(super) fn add_text(&mut self, at: Range<usize>) {
        self.texts.push_back(Text { at, began: None });
    }

    /// All was written: what comes next stands at the beginning again.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.due = None;
    }

    /// The kernel took something.
    pub(super) fn progressed(&mut self, now: Instant) {
        let Some(since) = self.blocked.take() else { return };
        let stood_still = now.saturating_duration_since(since);
        let began = self.texts.front_mut().and_then(|text| text.began.as_mut());
        if let Some(began) = began.filter(|_| stood_still > HICCUP) {
            *began += stood_still;
        }
    }

    /// The kernel had no room.
    pub(super) fn blocked(&mut self, now: Instant) {
        self.blocked.get_or_insert(now);
    }

    /// Whether what is to be written waits for the plan's pace, and not for the server to read.
    pub(super) const fn is_at_its_own_pace(&self) -> bool {
        self.blocked.is_none()
    }

    /// How many commands ended among octets that were just written.
    pub(super) fn commands_in(&self, out: &[u8], written: Range<usize>) -> usize {
        let is_command = |at: &usize| !self.texts.iter().any(|text| text.at.contains(at));
        written.filter(|at| out.get(*at) == Some(&b'\n')).filter(is_command).count()
    }

    /// Ready with how many octets of `rest`, at least one, may be written now.
    pub(super) fn poll_allowance(
        &mut self,
        context: &mut Context<'_>,
        rest: Range<usize>,
        mut now: Instant,
    ) -> Poll<usize> {
        loop {
            match self.allowance(&rest, now) {
                Allowance::Octets(count) => return Poll::Ready(count),
                Allowance::Until(due) => {
                    if self.timer.deadline() != due {
                        self.timer.as_mut().reset(due);
                    }
                    ready!(self.timer.as_mut().poll(context));
                    now = due;
                }
            }
        }
    }

    fn allowance(&mut self, rest: &Range<usize>, now: Instant) -> Allowance {
        while self.texts.pop_front_if(|text| text.at.end <= rest.start).is_some() {}
        let allowance = match self.texts.front_mut() {
            Some(text) if text.at.start <= rest.start => {
                // Commands behind the text pause again.
                self.due = None;
                text.allowance(self.pace, rest.start, now)
            }
            next => {
                let due = *self.due.get_or_insert(now + self.pace.before_command);
                let end = next.map_or(rest.end, |text| text.at.start);
                if now < due { Allowance::Until(due) } else { Allowance::Octets(end - rest.start) }
            }
        };
        match (self.pace.writes, allowance) {
            (Writes::EachOctet, Allowance::Octets(_)) => Allowance::Octets(1),
            (_, allowance) => allowance,
        }
    }
}

impl Text {
    fn allowance(&mut self, pace: Pace, at: usize, now: Instant) -> Allowance {
        let began = *self.began.get_or_insert(now);
        let Some(rate) = pace.data.map(NonZeroU64::get) else {
            return Allowance::Octets(self.at.end - at);
        };
        let portion = match pace.writes {
            Writes::EachOctet => 1,
            Writes::Together => (rate / PORTIONS_PER_SECOND).clamp(1, LARGEST_PORTION),
        };
        let sent = (at - self.at.start) as u64;
        let next = (sent + portion).min(self.at.len() as u64);
        let due = began + time_for(next, rate);
        if now < due {
            return Allowance::Until(due);
        }
        Allowance::Octets(usize::try_from(next - sent).unwrap_or(1))
    }
}

/// How long so many octets take at a rate, rounded up: never ahead of it.
fn time_for(octets: u64, rate: u64) -> Duration {
    let nanos = (u128::from(octets) * 1_000_000_000).div_ceil(u128::from(rate));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace(before_command: Duration, data: u64, writes: Writes) -> Pace {
        Pace { before_command, data: NonZeroU64::new(data), writes }
    }

    /// Writes all that is there; gives how many octets went when, from the beginning.
    async fn drip(mut trickle: Trickle, octets: usize) -> Vec<(Duration, usize)> {
        let began = Instant::now();
        let mut written = 0;
        let mut writes = Vec::new();
        while written < octets {
            let allowed = std::future::poll_fn(|context| {
                trickle.poll_allowance(context, written..octets, Instant::now())
            });
            let count = allowed.await;
            written += count;
            writes.push((began.elapsed(), count));
        }
        writes
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_is_never_ahead_of_its_rate_and_takes_just_its_time() {
        for (rate, writes) in [
            (1024, Writes::Together),
            (7, Writes::Together),
            (1000, Writes::EachOctet),
            (1_000_000, Writes::Together),
        ] {
            let mut trickle = Trickle::new(pace(Duration::ZERO, rate, writes));
            trickle.add_text(0..5000);

            let mut sent = 0_u32;
            let mut last = Duration::ZERO;
            for (at, count) in drip(trickle, 5000).await {
                sent += u32::try_from(count).unwrap();
                last = at;
                let most = f64::from(u32::try_from(rate).unwrap()) * at.as_secs_f64();
                assert!(f64::from(sent) <= most + 1e-6, "{rate}: {sent} after {at:?}");
            }

            let whole = time_for(5000, rate);
            assert!(last >= whole && last <= whole + 2 * MS, "{rate}: {last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_text_wakes_its_session_twice_a_second() {
        let mut trickle = Trickle::new(pace(Duration::ZERO, 1024, Writes::Together));
        trickle.add_text(0..10_240);

        let writes = drip(trickle, 10_240).await;

        assert_eq!(writes.len(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn commands_wait_once_and_again_behind_a_text() {
        let mut trickle = Trickle::new(pace(500 * MS, 0, Writes::Together));
        trickle.add_text(10..30);

        let writes = drip(trickle, 50).await;

        assert_eq!(writes, [(500 * MS, 10), (500 * MS, 20), (1000 * MS, 20)]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_octet_goes_by_itself_where_the_plan_says_so() {
        let mut trickle = Trickle::new(pace(100 * MS, 0, Writes::EachOctet));
        trickle.add_text(2..4);

        let writes = drip(trickle, 4).await;

        assert_eq!(writes, [(100 * MS, 1); 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_kernel_had_no_room_is_not_made_up_for() {
        let mut trickle = Trickle::new(pace(Duration::ZERO, 1000, Writes::Together));
        trickle.add_text(0..1000);
        let began = Instant::now();
        assert_eq!(trickle.allowance(&(0..1000), began), Allowance::Until(began + 500 * MS));

        trickle.blocked(began + 500 * MS);
        trickle.progressed(began + 5500 * MS);

        let next = trickle.allowance(&(500..1000), began + 5500 * MS);
        assert_eq!(next, Allowance::Until(began + 6000 * MS));
    }

    #[tokio::test]
    async fn only_lines_outside_texts_are_commands() {
        let mut trickle = Trickle::new(Pace::default());
        let out = b"MAIL\r\nBDAT 4 LAST\r\na\nb\nRSET\r\n";
        trickle.add_text(20..24);

        assert_eq!(trickle.commands_in(out, 0..out.len()), 3);
        assert_eq!(trickle.commands_in(out, 6..24), 1);
    }
}
