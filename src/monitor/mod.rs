//! The host, this process and the watched one → samples of what they used.
//!
//! A sample answers two questions: was the tester fit, and was the machine? Both are read on the
//! tester's own machine, so a remote server's load is never in them.

mod environment;
mod host;
mod own;
mod ports;
mod processes;
mod ticker;
mod watch;

use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use environment::{Environment, environment, raise_nofile};
pub use host::HostSample;
pub use own::{ProcessSample, ThreadId, WorkerSample, this_thread, thread_time};
pub use ports::{LocalPorts, Way};
pub use ticker::Stall;
pub use watch::{Pids, Watch, WatchError, WatchedSample};

use host::HostWatch;
use own::OwnWatch;
use ticker::Ticker;

/// What host and process used since the sample before.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// When it was taken, in seconds of the run's clock.
    #[serde(default)]
    pub at_s: f64,
    /// The time that shares and increments cover, in seconds.
    pub covers_s: f64,
    /// The machine.
    pub host: HostSample,
    /// This process.
    pub process: ProcessSample,
    /// The watched threads, in the order in which they were named.
    pub workers: Vec<WorkerSample>,
    /// The watched process; absent where none is watched, or it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<WatchedSample>,
    /// When the whole tester stood still for 20 ms or more; absent where it never did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stalls: Vec<Stall>,
}

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The system does not say what it uses.
    #[error("this machine's load cannot be read")]
    Load(#[from] sysinfo::Error),
    /// There is no thread to look for stalls.
    #[error("no thread that looks for stalls")]
    Thread(#[from] std::io::Error),
}

/// Watches the host, this process and, where the plan names one, another.
#[derive(Debug)]
pub struct Monitor {
    host: HostWatch,
    own: OwnWatch,
    watched: Option<Watch>,
    ticker: Ticker,
    zero: Instant,
    last: Instant,
}

impl Monitor {
    /// A monitor whose first sample covers the time from now on, by the run's clock, which began
    /// at `zero`; `workers` are the threads that are shown each by itself.
    pub fn new(
        workers: impl IntoIterator<Item = (String, ThreadId)>,
        zero: Instant,
        watched: Option<Watch>,
    ) -> Result<Self, MonitorError> {
        let ticker = Ticker::start(zero)?;
        Ok(Self {
            host: HostWatch::new()?,
            own: OwnWatch::new(workers)?,
            watched,
            ticker,
            zero,
            last: Instant::now(),
        })
    }

    /// What was used since the sample before. The host's processor stands still where that is
    /// less than 200 ms ago.
    pub fn sample(&mut self) -> Sample {
        let now = Instant::now();
        let covered = now.saturating_duration_since(self.last);
        self.last = now;
        let (process, workers) = self.own.sample(covered);
        Sample {
            at_s: now.saturating_duration_since(self.zero).as_secs_f64(),
            covers_s: covered.as_secs_f64(),
            host: self.host.sample(),
            process,
            workers,
            watched: self.watched.as_mut().and_then(Watch::sample),
            stalls: self.ticker.take(),
        }
    }

    /// The stalls since the sample before, where it is too early for another.
    pub fn stalls(&self) -> Vec<Stall> {
        self.ticker.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rustix::time::{ClockId, clock_gettime};

    use super::*;

    fn use_some_processor_time() {
        while clock_gettime(ClockId::ThreadCPUTime).tv_nsec < 300_000_000 {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_busy_thread_uses_more_of_a_core_than_an_idle_one() {
        let (tell, told) = channel();
        let (tell_done, done) = channel();
        let thread = |work: fn()| {
            let (tell, tell_done) = (tell.clone(), tell_done.clone());
            let (go, gone) = channel::<()>();
            let joined = std::thread::spawn(move || {
                tell.send(this_thread()).unwrap();
                gone.recv().unwrap();
                work();
                tell_done.send(()).unwrap();
                // The thread must still be there when it is looked at.
                assert!(gone.recv().is_err());
            });
            (told.recv().unwrap(), go, joined)
        };
        let (busy, start_busy, busy_thread) = thread(use_some_processor_time);
        let (idle, start_idle, idle_thread) = thread(|| ());
        let mut monitor = Monitor::new(
            [("busy".to_owned(), busy), ("idle".to_owned(), idle)],
            Instant::now(),
            None,
        )
        .unwrap();

        start_busy.send(()).unwrap();
        start_idle.send(()).unwrap();
        done.recv().unwrap();
        done.recv().unwrap();
        let sample = monitor.sample();
        drop((start_busy, start_idle));
        busy_thread.join().unwrap();
        idle_thread.join().unwrap();

        let used = |at: usize| sample.workers[at].cpu * sample.covers_s;
        assert!((0.25..0.4).contains(&used(0)), "{sample:?}");
        assert!(used(1) < 0.05, "{sample:?}");
        assert!(sample.process.cpu * sample.covers_s >= 0.29, "{sample:?}");
    }

    #[test]
    fn a_sample_reads_back_from_its_json() {
        let sample = Monitor::new([], Instant::now(), None).unwrap().sample();

        let json = serde_json::to_string(&sample).unwrap();

        assert_eq!(serde_json::from_str::<Sample>(&json).unwrap(), sample);
    }

    #[test]
    fn memory_and_threads_are_those_of_this_process() {
        let sample = Monitor::new([], Instant::now(), None).unwrap().sample();

        assert!(sample.process.memory > 100_000, "{sample:?}");
        assert!(sample.process.memory < sample.host.memory_total, "{sample:?}");
        assert!(sample.process.threads >= 2, "a test has a thread of its own: {sample:?}");
    }
}
