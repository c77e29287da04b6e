//! A thread that sleeps for 10 ms at a time → how late it woke: the stalls of this machine.
//!
//! While the tester as a whole stands still (stopped, swapped out, its virtual machine without a
//! processor) none of its threads sees that it does; they find out only how late it became. The
//! thread is its own, because a thread that works would see its own work as a stall.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long the thread sleeps at a time.
const TICK: Duration = Duration::from_millis(10);
/// It woke in time if it was late by less than this.
const STALL: Duration = Duration::from_millis(20);

/// A time in which the tester's machine did not run what was due.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Stall {
    /// When it began, in seconds of the run's clock.
    pub at_s: f64,
    /// How long it took, in milliseconds; 20 or more.
    pub length_ms: f64,
}

/// The thread, until it is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    /// Dropped, it ends the thread within a tick.
    stop: Option<Sender<()>>,
    // Unbounded: there are at most 33 stalls a second, and each look takes them.
    stalls: Receiver<Stall>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Looks from now on; `zero` is the run's clock.
    pub(super) fn start(zero: Instant) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let (tell, stalls) = channel();
        // A thread that does not even get to its first sleep is late, too.
        let begin = Instant::now();
        let thread = std::thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(move || tick(zero, begin, &stopped, &tell))?;
        Ok(Self { stop: Some(stop), stalls, thread: Some(thread) })
    }

    /// The stalls since the last call.
    pub(super) fn take(&self) -> Vec<Stall> {
        self.stalls.try_iter().collect()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread would be one of the standard library; the run is over.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn tick(zero: Instant, mut woke: Instant, stopped: &Receiver<()>, tell: &Sender<Stall>) {
    loop {
        let due = woke + TICK;
        // A sleep is one call of the kernel; waiting on the channel would spin before it.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if stopped.try_recv() != Err(TryRecvError::Empty) {
            return;
        }
        woke = Instant::now();
        if let Some(stall) = stall(zero, due, woke) {
            // Nobody wants it any more: the thread is about to be stopped.
            let _ = tell.send(stall);
        }
    }
}

/// What it says that the thread was to wake at `due` and woke at `woke`.
fn stall(zero: Instant, due: Instant, woke: Instant) -> Option<Stall> {
    let late = woke.saturating_duration_since(due);
    (late >= STALL).then(|| Stall {
        at_s: due.saturating_duration_since(zero).as_secs_f64(),
        length_ms: late.as_secs_f64() * 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_late_by_20_ms_is_a_stall_and_by_less_is_none() {
        let zero = Instant::now();
        let due = zero + Duration::from_secs(2);
        let late = |millis| stall(zero, due, due + Duration::from_millis(millis));

        assert_eq!(late(19), None);
        assert_eq!(late(20), Some(Stall { at_s: 2.0, length_ms: 20.0 }));
        assert_eq!(late(1400), Some(Stall { at_s: 2.0, length_ms: 1400.0 }));
        assert_eq!(stall(zero, due, zero), None, "woken early");
    }

    #[test]
    fn the_thread_ends_when_it_is_told_to() {
        let (stop, stopped) = channel();
        let (tell, stalls) = channel();
        let thread =
            std::thread::spawn(move || tick(Instant::now(), Instant::now(), &stopped, &tell));

        drop(stop);

        thread.join().unwrap();
        let told: Vec<Stall> = stalls.iter().collect();
        assert!(told.iter().all(|stall| stall.length_ms >= 20.0), "{told:?}");
    }
}
