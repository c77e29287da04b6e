//! The watched process and its descendants → what they used between two looks.
//!
//! A server is often a tree: a master that starts others. What began as a descendant stays one,
//! also where its own parent has ended. Memory is the sum of the resident sets, in which pages
//! that several of them share count several times.
//!
//! A process that ends is absent from then on. Named by its number it stays so; named by its name
//! it is found again when exactly one tree of that name is there, as after a restart.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::own::fraction;
use super::processes::{Process, Processes};
use crate::plan::WatchedProcess;

/// What the watched process and its descendants used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct WatchedSample {
    /// The process itself.
    pub pid: u32,
    /// How many processes, itself and its descendants.
    pub processes: u64,
    /// Processor time by time passed: 1.0 is one core.
    pub cpu: f64,
    /// Resident octets; shared pages count for each process that has them.
    pub memory: u64,
    /// Open descriptors; absent where the system does not let this program see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// Threads.
    pub threads: u64,
}

/// Why a process can't be watched.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// There is none.
    #[error("no process {0} is there to be watched")]
    Absent(WatchedProcess),
    /// There are several, and none of them is the ancestor of the others.
    #[error("{count} processes have the name `{name}`: {pids}", count = pids.0.len())]
    Several {
        /// The name.
        name: String,
        /// Their numbers.
        pids: Pids,
    },
}

/// Numbers of processes, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pids(pub Vec<u32>);

impl std::fmt::Display for Pids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// A line of more helps nobody.
        const SHOWN: usize = 20;
        let shown: Vec<String> = self.0.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if self.0.len() > SHOWN { ", ..." } else { "" };
        write!(f, "{}{more}", shown.join(", "))
    }
}

/// The watched process with what was seen of it.
#[derive(Debug)]
pub struct Watch {
    wanted: WatchedProcess,
    tree: Option<Tree>,
    last: Instant,
}

/// A process that is there, with its descendants.
#[derive(Debug)]
struct Tree {
    root: u32,
    /// What was seen of each last.
    members: HashMap<u32, Process>,
}

impl Watch {
    /// Looks for the process; what it uses counts from now on.
    pub fn find(wanted: &WatchedProcess) -> Result<Self, WatchError> {
        Self::among(wanted, &Processes::now())
    }

    fn among(wanted: &WatchedProcess, all: &Processes) -> Result<Self, WatchError> {
        let root = root(wanted, all)?;
        let tree = Some(Tree::new(root, all));
        Ok(Self { wanted: wanted.clone(), tree, last: Instant::now() })
    }

    /// As the plan names it.
    pub const fn wanted(&self) -> &WatchedProcess {
        &self.wanted
    }

    /// The number of the process, while it is there.
    pub fn pid(&self) -> Option<u32> {
        self.tree.as_ref().map(|tree| tree.root)
    }

    /// What was used since the last look; none where the process is not there.
    pub(super) fn sample(&mut self) -> Option<WatchedSample> {
        let now = Instant::now();
        let covered = now.saturating_duration_since(self.last);
        self.last = now;
        self.look(&Processes::now(), covered)
    }

    fn look(&mut self, all: &Processes, covered: Duration) -> Option<WatchedSample> {
        if self.tree.as_ref().is_none_or(|tree| tree.has_ended(all)) {
            self.tree = match &self.wanted {
                WatchedProcess::Pid(_) => None,
                WatchedProcess::Name(_) => {
                    root(&self.wanted, all).ok().map(|root| Tree::new(root, all))
                }
            };
        }
        let tree = self.tree.as_mut()?;
        let used = tree.turn(all);
        let sum = |part: fn(&Process) -> u64| tree.members.values().map(part).sum::<u64>();
        Some(WatchedSample {
            pid: tree.root,
            processes: tree.members.len() as u64,
            cpu: fraction(used, covered),
            memory: sum(|process| process.pages).saturating_mul(rustix::param::page_size() as u64),
            descriptors: tree.members.keys().map(|pid| descriptors(*pid)).sum(),
            threads: sum(|process| process.threads),
        })
    }
}

impl Tree {
    fn new(root: u32, all: &Processes) -> Self {
        let mut tree = Self { root, members: HashMap::new() };
        tree.members = tree.found(all);
        tree
    }

    fn has_ended(&self, all: &Processes) -> bool {
        let known = self.members.get(&self.root);
        known.is_none_or(|known| !all.get(self.root).is_some_and(|now| is_same(known, now)))
    }

    /// Those that were members and still are there, and all that descend from one.
    fn found(&self, all: &Processes) -> HashMap<u32, Process> {
        let is_member = |process: &Process| {
            process.pid == self.root
                || self.members.get(&process.pid).is_some_and(|known| is_same(known, process))
        };
        let kept: Vec<u32> =
            all.iter().filter(|process| is_member(process)).map(|process| process.pid).collect();
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for process in all.iter() {
            children.entry(process.parent).or_default().push(process.pid);
        }
        let mut members = HashMap::new();
        let mut open = kept;
        while let Some(pid) = open.pop() {
            let Some(process) = all.get(pid) else { continue };
            if members.insert(pid, process.clone()).is_none() {
                open.extend(children.get(&pid).into_iter().flatten());
            }
        }
        members
    }

    /// Goes on to what is there now; the processor time that was used meanwhile.
    ///
    /// The time of a child that ended moves to the parent that waited for it, so the sum over all
    /// knows of it; where nobody waited it is lost, and what the others used is the least.
    fn turn(&mut self, all: &Processes) -> Duration {
        let now = self.found(all);
        let total = |members: &HashMap<u32, Process>| {
            members.values().map(|it| it.used + it.used_by_ended).sum::<Duration>()
        };
        let since = |process: &Process| {
            let known = self.members.get(&process.pid).filter(|known| is_same(known, process));
            process.used.saturating_sub(known.map_or(Duration::ZERO, |known| known.used))
        };
        let own: Duration = now.values().map(since).sum();
        let all_of_them = total(&now).saturating_sub(total(&self.members));
        self.members = now;
        own.max(all_of_them)
    }
}

/// The process that is meant.
fn root(wanted: &WatchedProcess, all: &Processes) -> Result<u32, WatchError> {
    let absent = || WatchError::Absent(wanted.clone());
    let name = match wanted {
        WatchedProcess::Pid(pid) => {
            return all.get(*pid).map(|process| process.pid).ok_or_else(absent);
        }
        WatchedProcess::Name(name) => name,
    };
    // This program is never meant, though the server under test may bear its name.
    let own = std::process::id();
    let mut pids: Vec<u32> =
        all.named(name).map(|process| process.pid).filter(|pid| *pid != own).collect();
    pids.sort_unstable();
    let is_ancestor =
        |root: &&u32| pids.iter().all(|other| other == *root || all.descends(*other, **root));
    match (pids.is_empty(), pids.iter().find(is_ancestor)) {
        (true, _) => Err(absent()),
        (false, Some(root)) => Ok(*root),
        (false, None) => Err(WatchError::Several { name: name.clone(), pids: Pids(pids) }),
    }
}

/// Numbers are given away again, but not with the same beginning.
fn is_same(one: &Process, other: &Process) -> bool {
    one.pid == other.pid && one.started == other.started
}

/// Since Linux 6.2 the size of the folder is the number of descriptors; before, they are counted.
fn descriptors(pid: u32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    let size = std::fs::metadata(&folder).ok()?.len();
    if size > 0 { Some(size) } else { Some(std::fs::read_dir(folder).ok()?.count() as u64) }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn process(pid: u32, parent: u32, name: &str) -> Process {
        Process {
            pid,
            parent,
            name: name.to_owned(),
            has_ended: false,
            started: u64::from(pid),
            used: Duration::ZERO,
            used_by_ended: Duration::ZERO,
            threads: 1,
            pages: 10,
        }
    }

    /// Numbers no real process has, so that nothing of this machine is asked about.
    const MASTER: u32 = 900_000_001;

    fn master(used: u64, used_by_ended: u64) -> Process {
        Process {
            used: Duration::from_millis(used),
            used_by_ended: Duration::from_millis(used_by_ended),
            ..process(MASTER, 1, "master")
        }
    }

    fn worker(pid: u32, used: u64) -> Process {
        Process { used: Duration::from_millis(used), ..process(pid, MASTER, "smtpd") }
    }

    fn named(name: &str) -> WatchedProcess {
        WatchedProcess::Name(name.to_owned())
    }

    fn found(wanted: &WatchedProcess, all: &[Process]) -> Result<u32, WatchError> {
        root(wanted, &Processes::of(all.to_vec()))
    }

    fn cpu_of(before: &[Process], after: &[Process]) -> Option<f64> {
        let mut watch = Watch::among(&named("master"), &Processes::of(before.to_vec())).unwrap();
        watch.look(&Processes::of(after.to_vec()), SECOND).map(|sample| sample.cpu)
    }

    #[test]
    fn of_several_with_one_name_the_ancestor_of_the_others_is_meant() {
        let tree = [process(10, 1, "nginx"), process(11, 10, "nginx"), process(12, 11, "nginx")];
        let strangers = [process(20, 1, "nginx"), process(10, 1, "nginx")];

        assert_eq!(found(&named("nginx"), &tree), Ok(10));
        assert_eq!(
            found(&named("nginx"), &strangers).unwrap_err().to_string(),
            "2 processes have the name `nginx`: 10, 20"
        );
        assert_eq!(
            found(&named("master"), &tree).unwrap_err().to_string(),
            "no process `master` is there to be watched"
        );
        assert_eq!(found(&WatchedProcess::Pid(11), &tree), Ok(11));
        assert_eq!(
            found(&WatchedProcess::Pid(13), &tree).unwrap_err().to_string(),
            "no process with the number 13 is there to be watched"
        );
    }

    #[test]
    fn this_program_is_never_the_one_that_is_meant() {
        let own = process(std::process::id(), 1, "mailquake");

        let alone = found(&named("mailquake"), std::slice::from_ref(&own));
        let beside = found(&named("mailquake"), &[own, process(10, 1, "mailquake")]);

        assert!(alone.is_err());
        assert_eq!(beside, Ok(10));
    }

    #[test]
    fn the_time_of_a_child_that_ended_is_counted_once() {
        // One worker used 0.3 s more and was waited for; another began and used 0.1 s.
        let before = [master(100, 0), worker(11, 500)];
        let after = [master(150, 800), worker(12, 100)];

        let cpu = cpu_of(&before, &after).unwrap();

        assert!((cpu - 0.45).abs() < 1e-9, "{cpu}");
    }

    #[test]
    fn a_child_that_nobody_waited_for_takes_nothing_from_the_others() {
        let before = [master(100, 0), worker(11, 50_000), worker(12, 0)];
        let after = [master(200, 0), worker(12, 300)];

        let cpu = cpu_of(&before, &after).unwrap();

        assert!((cpu - 0.4).abs() < 1e-9, "{cpu}");
    }

    #[test]
    fn a_descendant_stays_one_when_its_parent_has_ended() {
        let grandchild = |parent| process(12, parent, "cleanup");
        let before = [master(0, 0), worker(11, 0), grandchild(11)];
        let mut watch = Watch::among(&named("master"), &Processes::of(before)).unwrap();

        let sample = watch.look(&Processes::of([master(0, 0), grandchild(1)]), SECOND).unwrap();

        assert_eq!((sample.processes, sample.threads), (2, 2));
    }

    #[test]
    fn a_process_that_ended_is_absent_and_a_name_is_found_again() {
        let mut by_name = Watch::among(&named("master"), &Processes::of([master(0, 0)])).unwrap();
        let wanted = WatchedProcess::Pid(MASTER);
        let mut by_pid = Watch::among(&wanted, &Processes::of([master(0, 0)])).unwrap();
        let restarted = || Processes::of([Process { pid: MASTER + 9, ..master(5000, 0) }]);
        let reused = || Processes::of([Process { started: 7, ..master(0, 0) }]);

        let gone =
            [&mut by_name, &mut by_pid].map(|watch| watch.look(&Processes::default(), SECOND));
        let back = by_name.look(&restarted(), SECOND).unwrap();
        let later = by_name.look(&restarted(), SECOND).unwrap();

        assert_eq!(gone, [None, None]);
        assert_eq!((back.pid, back.cpu), (MASTER + 9, 0.0), "counts from when it was found");
        assert_eq!(later.pid, MASTER + 9);
        assert_eq!(by_pid.look(&reused(), SECOND), None, "another process with its number");
    }

    /// A process that does not outlive its test.
    struct Owned(Child);

    impl Drop for Owned {
        fn drop(&mut self) {
            // The shell reads the end of its input, ends its child, and then itself.
            drop(self.0.stdin.take());
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_real_tree_is_seen_with_what_it_uses() {
        // A shell with a child that works.
        let script = "(while :; do :; done) & busy=$!; read line; kill -9 $busy";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let shell = Owned(command.spawn().unwrap());
        let wanted = WatchedProcess::Pid(shell.0.id());

        let mut watch = Watch::find(&wanted).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut used = 0.0;
        let mut last = None;
        while used < 0.2 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            last = watch.look(&Processes::now(), SECOND);
            used += last.map_or(0.0, |sample| sample.cpu);
        }

        let sample = last.unwrap();
        assert!(used >= 0.2, "a busy child uses processor time: {sample:?}");
        assert_eq!((sample.pid, sample.processes), (shell.0.id(), 2), "{sample:?}");
        assert!(sample.memory > 100_000 && sample.threads == 2, "{sample:?}");
        assert!(sample.descriptors.unwrap() >= 4, "{sample:?}");
    }
}
