//! An instant → a wake-up at it: the pacer's clock.
//!
//! Tokio's timers tick at 1 ms, which would be the lag of every start. On Linux the pacer sleeps
//! on a timerfd instead; under a paused clock, and elsewhere, on tokio's timer.

use std::io;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::Instant;

/// Wake-ups closer together than this are taken together, so that 50,000 starts a second cost a
/// few thousand wake-ups.
const FLOOR: Duration = Duration::from_micros(250);

/// Which clock a worker lives by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// The machine's.
    Real,
    /// Tokio's, which a test may have paused.
    Tokio,
}

/// Wakes the pacer.
pub(super) enum Alarm {
    Timerfd { timer: rustix::fd::OwnedFd, wakes: pipe::Receiver },
    Tokio,
}

impl Alarm {
    /// An alarm by the given clock.
    pub(super) fn new(clock: Clock) -> io::Result<Self> {
        match clock {
            Clock::Real => {
                let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
                let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
                // A timerfd is readable like a pipe; tokio has no type of its own for it.
                let wakes = pipe::Receiver::from_owned_fd_unchecked(timer.try_clone()?)?;
                Ok(Self::Timerfd { timer, wakes })
            }
            Clock::Tokio => Ok(Self::Tokio),
        }
    }

    /// Sleeps until an instant, or a little longer if that is nearer than the floor. Cancel safe.
    pub(super) async fn until(&mut self, at: Instant) {
        match self {
            Self::Tokio => tokio::time::sleep_until(at).await,
            Self::Timerfd { timer, wakes } => {
                let wait = at.saturating_duration_since(Instant::now()).max(FLOOR);
                if arm(timer, wait).is_err() {
                    return tokio::time::sleep(wait).await;
                }
                // Arming takes back a ring that nobody heard. Octets for two: a read that leaves
                // some free tells tokio that nothing more is there, so that it need not ask.
                let mut rings = [0; 16];
                // Only a runtime that is shutting down fails here, and then nobody waits.
                let _ = wakes.read(&mut rings).await;
            }
        }
    }
}

fn arm(timer: &rustix::fd::OwnedFd, wait: Duration) -> io::Result<()> {
    let value = Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: wait.subsec_nanos().into(),
    };
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let setting = Itimerspec { it_interval: never, it_value: value };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &setting)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn under_a_paused_clock_the_alarm_is_exact() {
        let at = Instant::now() + Duration::from_millis(1500);

        Alarm::new(Clock::Tokio).unwrap().until(at).await;

        assert_eq!(Instant::now(), at);
    }

    #[tokio::test]
    async fn the_real_alarm_never_rings_early() {
        let mut alarm = Alarm::new(Clock::Real).unwrap();
        for _ in 0..3 {
            let at = Instant::now() + Duration::from_micros(700);
            alarm.until(at).await;
            assert!(Instant::now() >= at);
        }
    }
    #[tokio::test]
    async fn a_ring_that_nobody_waited_for_is_not_taken_for_the_next() {
        let mut alarm = Alarm::new(Clock::Real).unwrap();
        for _ in 0..3 {
            let early = Instant::now() + Duration::from_micros(300);
            // It is set and given up, and rings while tokio looks for what is ready.
            tokio::select! {
                biased;
                () = alarm.until(early) => panic!("it rang at once"),
                () = std::future::ready(()) => {}
            }
            tokio::time::sleep(Duration::from_millis(2)).await;

            let at = Instant::now() + Duration::from_millis(3);
            alarm.until(at).await;

            assert!(Instant::now() >= at);
        }
    }
}
