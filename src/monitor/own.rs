//! This process → its processor, memory, descriptors and threads, and the processor of each
//! worker.
//!
//! Processor time comes from the process's own clock, which counts nanoseconds; the rest is read
//! for this process alone and never for its tasks, which would be a file for each thread.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Linux shows processor time to programs in units of 1/100 s, whatever its own clock does.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// What this process used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProcessSample {
    /// Processor time by time passed: 1.0 is one core.
    pub cpu: f64,
    /// Resident octets.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// What one watched thread used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WorkerSample {
    /// Its name.
    pub name: String,
    /// Processor time by time passed: 1.0 is all of its core. 0 once the thread has ended.
    pub cpu: f64,
}

/// The kernel's number of a thread.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ThreadId(i32);

/// The number of the calling thread.
pub fn this_thread() -> ThreadId {
    ThreadId(rustix::thread::gettid().as_raw_nonzero().get())
}

/// The processor time of the calling thread, in nanoseconds and up to now.
pub fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[derive(Debug)]
pub(super) struct OwnWatch {
    system: System,
    pid: Pid,
    used: Duration,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    name: String,
    thread: ThreadId,
    used: Duration,
}

impl OwnWatch {
    pub(super) fn new(
        workers: impl IntoIterator<Item = (String, ThreadId)>,
    ) -> Result<Self, sysinfo::Error> {
        let workers = workers.into_iter().map(|(name, thread)| Worker {
            name,
            thread,
            used: time_of(thread).unwrap_or_default(),
        });
        Ok(Self {
            system: System::new()?,
            pid: sysinfo::get_current_pid()?,
            used: process_time(),
            workers: workers.collect(),
        })
    }

    pub(super) fn sample(&mut self, covered: Duration) -> (ProcessSample, Vec<WorkerSample>) {
        let used = process_time();
        let cpu = fraction(used.saturating_sub(self.used), covered);
        self.used = used;
        let process = ProcessSample {
            cpu,
            memory: self.memory(),
            descriptors: self.descriptors(),
            threads: stat("/proc/self/stat").map_or(0, |stat| stat.threads),
        };
        (process, self.workers.iter_mut().filter_map(|worker| worker.sample(covered)).collect())
    }

    fn memory(&mut self) -> u64 {
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[self.pid]),
            false,
            ProcessRefreshKind::nothing().without_tasks().with_memory(),
        );
        self.system.process(self.pid).map_or(0, sysinfo::Process::memory)
    }

    /// Since Linux 6.2 the size of the folder is the number of descriptors; before, and
    /// elsewhere, they are counted one by one.
    fn descriptors(&self) -> u64 {
        let size = std::fs::metadata("/proc/self/fd").map_or(0, |folder| folder.len());
        if size > 0 {
            return size;
        }
        let process = self.system.process(self.pid);
        process.and_then(sysinfo::Process::open_files).map_or(0, |count| count as u64)
    }
}

impl Worker {
    /// None once the thread has ended: what it used last is not known.
    fn sample(&mut self, covered: Duration) -> Option<WorkerSample> {
        let used = time_of(self.thread)?;
        let cpu = fraction(used.saturating_sub(self.used), covered);
        self.used = used;
        Some(WorkerSample { name: self.name.clone(), cpu })
    }
}

fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn time_of(thread: ThreadId) -> Option<Duration> {
    stat(&format!("/proc/self/task/{}/stat", thread.0)).map(|stat| stat.used)
}

pub(super) fn fraction(used: Duration, covered: Duration) -> f64 {
    if covered.is_zero() { 0.0 } else { used.as_secs_f64() / covered.as_secs_f64() }
}

/// What a `stat` file of `/proc` says (proc(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    used: Duration,
    threads: u64,
}

fn stat(path: &str) -> Option<Stat> {
    read_stat(&std::fs::read_to_string(path).ok()?)
}

/// The name in parentheses may hold anything, so fields are counted from its end.
fn read_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut number = || fields.next()?.parse::<u64>().ok();
    let ticks = number()?.saturating_add(number()?);
    let (_children_user, _children_system, _priority, _nice) =
        (number(), number(), number(), number());
    let used = TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
    Some(Stat { used, threads: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) 1 b (c)) S 1 42 42 0 -1 4194304 9 0 0 0 150 50 0 0 20 -5 7 0 1 1 1";

        let stat = read_stat(text);

        assert_eq!(stat, Some(Stat { used: Duration::from_secs(2), threads: 7 }));
        assert_eq!(read_stat("42 (a"), None);
        assert_eq!(read_stat("42 (a) S 1"), None);
    }

    #[test]
    fn open_files_count_as_descriptors() {
        let mut watch = OwnWatch::new([]).unwrap();
        let before = watch.sample(Duration::from_secs(1)).0.descriptors;

        // Other tests open and close descriptors meanwhile: far fewer than these.
        let files: Vec<_> =
            (0..500).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let with_files = watch.sample(Duration::from_secs(1)).0.descriptors;
        drop(files);

        assert!(with_files >= before + 400, "{before} -> {with_files}");
    }

    #[test]
    fn a_thread_that_has_ended_is_not_taken_for_an_idle_one() {
        let ended = std::thread::spawn(this_thread).join().unwrap();
        let mut watch = OwnWatch::new([("ended".to_owned(), ended)]).unwrap();

        let (_, workers) = watch.sample(Duration::from_secs(1));

        assert_eq!(workers, []);
    }
}
